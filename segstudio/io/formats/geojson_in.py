"""Reading the ``geojson`` format: polygons of any program, in map coordinates, degrees or pixels."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.io.formats.json_stream import JsonStream
from segstudio.io.formats.map_features import MapShape
from segstudio.io.formats.map_importer import MapImporter, ShapeHead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.io.formats.map_importer import ShapeSource
    from segstudio.io.formats.safety import Limits

NO_AREA = "points and lines hold no area"
_AREAS = ("Polygon", "MultiPolygon", "GeometryCollection")
_MOST_NESTED = 20
_HEAD_BYTES = 4096
_FAR = 1e12


class GeoJsonFile:
    """One GeoJSON document: a FeatureCollection, a Feature, a geometry, or a list of features (QuPath)."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.names: Sequence[str] = (path.stem, path.name)
        self._limits = limits
        self._head: ShapeHead | None = None

    def head(self) -> ShapeHead:
        """``crs``, ``image`` and ``coordinates`` of the collection, whether they stand before its features or after them."""
        if self._head is None:
            told: dict[str, Any] = {}
            with closing(JsonStream(self.path, self._limits)) as stream:
                for key, offset, size, element in stream.elements():
                    if key in ("crs", "image", "coordinates", "type") and not isinstance(element, list):
                        told[key] = stream.element(offset, size) if isinstance(element, dict) else element
                    if key == "features" and "image" in told:
                        break  # written by segstudio, which tells all before
            self._head = _head_of(told)
        return self._head

    def shapes(self) -> Iterator[MapShape]:
        """The features, one at a time."""
        limits = self._limits
        whole: dict[str, Any] = {}
        parts: list[Any] = []
        with closing(JsonStream(self.path, limits)) as stream:
            for key, offset, size, element in stream.elements():
                if key in ("features", ""):
                    yield _shape(_decoded(element, stream, offset, size), limits)
                elif key in ("coordinates", "geometries") and not isinstance(element, str):
                    parts.append(element)
                    whole[key] = parts
                elif key in ("geometry", "properties", "type"):
                    whole[key] = _decoded(element, stream, offset, size) if isinstance(element, dict) else element
        kind = whole.get("type")
        if kind == "Feature":
            yield _shape(whole, limits)
        elif kind in _AREAS:
            yield _shape({"geometry": whole}, limits)
        elif kind not in (None, "FeatureCollection"):
            yield MapShape({}, fault=NO_AREA)


def _decoded(element: Any, stream: JsonStream, offset: int, size: int) -> Any:
    """An element with its texts as they are meant; coordinates have none, so that most need not be read again."""
    if not isinstance(element, dict):
        return element
    properties = element.get("properties", element)
    return element if _is_plain(properties, 4) else stream.element(offset, size)


def _is_plain(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, dict):
        return depth > 0 and all(_is_plain(part, depth - 1) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(part, depth - 1) for part in value)
    return True


def _head_of(told: Mapping[str, Any]) -> ShapeHead:
    image = told.get("image")
    is_pixels = str(told.get("coordinates", "")).startswith("pixels")
    member = told.get("crs")
    crs: str | None = None
    if isinstance(member, str):
        crs = member
    elif isinstance(member, dict):
        inner = member.get("properties")
        name = inner.get("name") if isinstance(inner, dict) else member.get("name")
        if not isinstance(name, str):
            # Linked systems would have us read other files.
            return ShapeHead(
                None, is_pixels, image if isinstance(image, dict) else {}, "its coordinate system has no name"
            )
        crs = name
    return ShapeHead(crs or None, is_pixels, image if isinstance(image, dict) else {})


def _shape(feature: Any, limits: Limits) -> MapShape:
    if not isinstance(feature, dict):
        return MapShape({}, fault="an entry is no feature")
    properties = feature.get("properties")
    found: list[list[npt.NDArray[np.float64]]] = []
    faults: list[str] = []
    _collect(feature.get("geometry"), limits, found, faults, 0)
    if not found and not faults:
        faults.append("a feature has no geometry")
    return MapShape(properties if isinstance(properties, dict) else {}, found, "; ".join(dict.fromkeys(faults)))


def _collect(
    geometry: Any, limits: Limits, found: list[list[npt.NDArray[np.float64]]], faults: list[str], depth: int
) -> None:
    if geometry is None:
        return
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if depth > _MOST_NESTED or kind is None:
        faults.append("a geometry cannot be read")
        return
    if kind == "GeometryCollection":
        for part in _list_of(geometry.get("geometries")):
            _collect(part, limits, found, faults, depth + 1)
    elif kind in ("Polygon", "MultiPolygon"):
        coordinates = _list_of(geometry.get("coordinates"))
        for rings in [coordinates] if kind == "Polygon" else coordinates:
            good = polygon_of(_list_of(rings), limits, faults)
            if good:
                found.append(good)
    else:
        faults.append(NO_AREA)


def _list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def polygon_of(rings: Sequence[Any], limits: Limits, faults: list[str]) -> list[npt.NDArray[np.float64]]:
    """The sound rings of a polygon; [] where the outer one is not. Why the others are left out goes to *faults*."""
    good: list[npt.NDArray[np.float64]] = []
    for number, ring in enumerate(rings):
        try:
            good.append(ring_of(ring, limits))
        except ValueError as error:
            faults.append(str(error) if number == 0 else f"a hole is left out ({error})")
            if number == 0:
                return []
    if not rings:
        faults.append("a polygon of fewer than three points")
    return good


def ring_of(ring: Any, limits: Limits) -> npt.NDArray[np.float64]:
    """(n, 2) corners of a ring, without the closing one and without heights.

    Raises
    ------
    ValueError
        When it is none; the text says why.
    """
    if isinstance(ring, (list, np.ndarray)) and len(ring) > limits.vertices:
        raise ValueError(f"a polygon of more than {limits.vertices:,} points")
    try:
        points = np.asarray(ring, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a polygon that is no list of points") from error
    if points.ndim != 2 or points.shape[1] < 2:
        raise ValueError(
            "a polygon that is no list of points" if points.size else "a polygon of fewer than three points"
        )
    points = points[:, :2]
    if not np.isfinite(points).all() or float(np.abs(points).max()) > _FAR:
        raise ValueError("a polygon with a point that is no place")
    if len(points) > 1 and (points[0] == points[-1]).all():
        points = points[:-1]
    if len(points) < 3:
        raise ValueError("a polygon of fewer than three points")
    return np.ascontiguousarray(points)


class GeoJsonImporter(MapImporter):
    """Reads files ``*.geojson``, or ``*.json`` that hold GeoJSON: see :class:`MapImporter`."""

    suffixes = (".geojson", ".json")

    def sources_of(self, file: Path) -> Iterable[ShapeSource]:
        """The document, where it is one."""
        if file.name != "classes.json" and (file == self._source or is_geojson(file)):
            return [GeoJsonFile(file, self.limits)]
        return []

    @staticmethod
    def looks_like(source: Path) -> int:
        """By the first bytes of the file, or of the first such files of a folder."""
        if source.is_file():
            if source.suffix.lower() not in GeoJsonImporter.suffixes or not is_geojson(source):
                return 0
            return 95
        found = [
            path for pattern in ("*.geojson", "*/*.geojson", "*.json") for path in sorted(source.glob(pattern))[:3]
        ]
        named = [path.suffix == ".geojson" for path in found if is_geojson(path)]
        return 0 if not named else 90 if any(named) else 60


def is_geojson(file: Path) -> bool:
    """Whether a file begins as GeoJSON does."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    text = "".join(head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1", "ignore").split())
    return any(f'"type":"{kind}"' in text for kind in ("FeatureCollection", "Feature", *_AREAS)) or (
        '"type"' in text and '"features":[' in text
    )
