"""The images that shapes on a map belong to, where they lie, and how coordinates of shapes become pixels of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.formats.map_features import MAX_OFF_PX
from segstudio.io.formats.map_place import MapPlace, epsg_of_text, place_of, warped
from segstudio.io.formats.safety import file_name, is_link_out, whole_number
from segstudio.io.readers.extras import needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

WGS84 = "OGC:CRS84"
_SNAP_PX = 1e-6
_WKT = re.compile(r"(PROJ|GEOG|GEOD|BOUND|COMPOUND|COMPD_|ENG|LOCAL_)(CS|CRS)\s*\[", re.IGNORECASE)
_FAR = 1e12
_MOST_SIDE = 1 << 24


@dataclass(frozen=True)
class MapImage:
    """An image by its name and size; ``file`` None: it is missing. ``place`` is where it lies."""

    name: str
    file: Path | None
    width: int
    height: int
    place: MapPlace


class ImageFinder:
    """Finds image files by name or by stem: in folders of the dataset, or among *given* ones of a project."""

    def __init__(self, root: Path, folders: Iterable[Path], given: Any = "") -> None:
        self._root = root
        self._files: dict[str, Path] = {}
        self._names: dict[str, str] = {}
        self._stems: dict[str, Path | None] = {}
        places: list[Path] = list(folders)
        if isinstance(given, str) and given:
            places.insert(0, Path(given).expanduser())
        elif not isinstance(given, str):
            for name, path in dict(given).items():
                self._put(str(name), Path(path))
        for place in places:
            self._list(place, place if isinstance(given, str) and given else root)

    def _list(self, place: Path, within: Path) -> None:
        from segstudio.io.readers.registry import IMAGE_SUFFIXES

        if not place.is_dir():
            return
        for path in sorted(place.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not is_link_out(path, within):
                self._put(path.name, path)

    def _put(self, name: str, path: Path) -> None:
        self._files.setdefault(name.casefold(), path)
        self._names.setdefault(name.casefold(), name)
        stem = name.rsplit(".", 1)[0].casefold()
        # Two files of one stem: neither is meant for sure.
        known = self._stems.setdefault(stem, path)
        if known is not None and known.name.casefold() != path.name.casefold():
            self._stems[stem] = None

    def __len__(self) -> int:
        return len(self._files)

    def all(self) -> list[tuple[str, Path]]:
        """(name, file) of each image, by name."""
        return sorted((self._names[key], path) for key, path in self._files.items())

    def find(self, *names: str) -> Path | None:
        """The first that is there of files named so, then of files with such stems."""
        bare = [name for name in (file_name(one).casefold() for one in names) if name]
        found = next((self._files[name] for name in bare if name in self._files), None)
        if found is None:
            stems = [stem for name in bare for stem in (name, name.rsplit(".", 1)[0])]
            found = next((path for stem in stems if (path := self._stems.get(stem)) is not None), None)
        return found


def image_of_file(file: Path, name: str = "") -> MapImage:
    """An image that is there; UserError where it cannot be read."""
    from segstudio.io.readers.registry import probe

    info = probe(file)
    return MapImage(name or file.name, file, info.width, info.height, place_of(file))


def image_of_facts(facts: Mapping[str, Any], name: str) -> MapImage:
    """An image that is missing, from what the labels tell of it.

    Raises
    ------
    ValueError
        When what they tell cannot be; the text says what.
    """
    width, height = whole_number(facts.get("width"), 1, _MOST_SIDE), whole_number(facts.get("height"), 1, _MOST_SIDE)
    told = facts.get("transform")
    transform = None
    if told is not None:
        try:
            a, b, c, d, e, f = (float(value) for value in told)
        except (TypeError, ValueError) as error:
            raise ValueError("the transform is no list of six numbers") from error
        if not all(map(math.isfinite, (a, b, c, d, e, f))) or a * e == b * d:
            raise ValueError("the transform places nothing")
        transform = (a, b, c, d, e, f)
    return MapImage(name, None, width, height, MapPlace(transform, str(facts.get("crs") or "")))


@dataclass(frozen=True)
class Projection:
    """From a file's coordinates to an image's pixels. ``crs`` None: they are pixels already, "": the image's own."""

    crs: str | None
    place: MapPlace

    def pixels(self, rings: Sequence[npt.NDArray[np.float64]]) -> list[npt.NDArray[np.float64]]:
        """The rings, (n, 2) each, as (x, y) of pixels; ValueError where a point has none."""
        place, lengths = self.place, [len(ring) for ring in rings]
        points = np.concatenate(rings)
        if self.crs is not None and place.transform is not None:
            if self.crs:
                points = warped(self.crs, place.crs, points)
            with np.errstate(over="ignore", invalid="ignore"):
                points = place.unplaced(points)
        if not np.isfinite(points).all() or float(np.abs(points).max()) > _FAR:
            raise ValueError("a polygon has a point that is no place on the map")
        return [_snapped(ring) for ring in np.split(points, np.cumsum(lengths)[:-1])]


def _snapped(ring: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Outlines along pixel edges, as segstudio writes them, put exactly there; others but for rounding."""
    near = np.rint(ring)
    off = float(np.abs(near - ring).max())
    if off == 0:
        return ring
    steps = np.roll(near, -1, axis=0) - near
    is_along_edges = bool((steps == 0).any(axis=1).all())
    return near if off <= (MAX_OFF_PX if is_along_edges else _SNAP_PX) else ring


def known_crs(text: str) -> str:
    """``EPSG:n``, ``OGC:CRS84`` or WKT of how a file names its system; nothing that would have other files or the network read.

    Raises
    ------
    ValueError
        For any other text.
    """
    text = text.strip()
    if "CRS84" in text.upper() and len(text) < 100:
        return WGS84
    number = epsg_of_text(text) or _url_number(text)
    if number is not None:
        return f"EPSG:{number}"
    if _WKT.match(text):
        return text
    raise ValueError(f"the coordinate system “{text[:80]}” is not known")


def _url_number(text: str) -> int | None:
    found = re.fullmatch(r"https?://www\.opengis\.net/def/crs/EPSG/[\d.]+/(\d+)", text)
    return int(found[1]) if found else None


def projection(
    crs: str | None, place: MapPlace, bounds: tuple[float, float, float, float] | None, size: tuple[int, int]
) -> Projection:
    """How a file's coordinates come to an image; *crs* None: the file names none, and *bounds* of its points decide.

    RFC 7946 has longitude and latitude; many programs write the image's own coordinates, some pixels.

    Raises
    ------
    UserError
        When rasterio is missing and the two systems differ.
    """
    if place.transform is None:
        return Projection(None, place)
    if crs is not None:
        return Projection("" if not place.crs or is_same_crs(crs, place.crs) else crs, place)
    if bounds is None or not place.crs:
        return Projection("", place)
    left, top, right, bottom = bounds
    is_degrees = -180 <= left and right <= 180 and -90 <= top and bottom <= 90
    for one in (WGS84, "") if is_degrees else ("",):
        found = Projection("" if one and is_same_crs(one, place.crs) else one, place)
        if _meets(found, bounds, size):
            return found
    is_inside = left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]
    return Projection(None if is_inside else WGS84 if is_degrees else "", place)


def _meets(found: Projection, bounds: tuple[float, float, float, float], size: tuple[int, int]) -> bool:
    left, top, right, bottom = bounds
    try:
        (corners,) = found.pixels([np.array([(left, top), (right, top), (right, bottom), (left, bottom)])])
    except ValueError:
        return False
    low, high = corners.min(axis=0), corners.max(axis=0)
    return bool((low <= size).all() and (high >= 0).all())


def is_same_crs(one: str, other: str) -> bool:
    """Whether two systems have one number, or are equal as rasterio knows them.

    Raises
    ------
    UserError
        When rasterio is missing, or does not know one of them.
    """
    numbers = [4326 if "CRS84" in text.upper() else epsg_of_text(text) for text in (one, other)]
    if one == other or (numbers[0] is not None and numbers[0] == numbers[1]):
        return True
    first, second = _parsed(one), _parsed(other)
    return bool(None in numbers and first == second)


def _parsed(crs: str) -> Any:
    CRS = needs("rasterio.crs", "Coordinates of another system", "geo").CRS
    try:
        return CRS.from_user_input(crs)
    except Exception as error:  # noqa: BLE001 - rasterio raises several kinds
        raise UserError(
            f"The coordinate system “{crs[:80]}” is not known", remedy="save it with an EPSG number"
        ) from error
