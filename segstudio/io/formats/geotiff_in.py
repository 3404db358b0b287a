"""Reading the ``geotiff`` format: index masks of any program, laid on their images by their place on the map."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import ClassList, read_class_list
from segstudio.io.formats.geotiff_values import MaskHeader, mask_header, mask_rows
from segstudio.io.formats.map_images import ImageFinder, MapImage, image_of_file, is_same_crs
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import is_link_out, read_xml
from segstudio.io.formats.value_map import ValueMap, classes_of_names, classes_of_values
from segstudio.io.geo_tags import TIFF_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

    Rows = tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_] | None]

MASK_FOLDERS = (
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "gt",
    "ground_truth",
    "targets",
    "target",
)
IMAGE_FOLDERS = ("images", "image", "imagery", "img", "imgs", "input", "sat")
MASK_ENDS = ("_mask", "_masks", "_label", "_labels", "_gt", "_seg", "-mask", "-label")
MAX_OFF_PX = 0.05
_MOST_COLORS = 4096
_MOST_LOOKED_AT = 2000
PIECE_PIXELS = 1 << 21


@dataclass(frozen=True, eq=False)
class _Pair:
    """A mask, its image where there is one, and how far right and down of the image's corner it lies."""

    mask: MaskHeader
    name: str
    image: MapImage | None
    x: int = 0
    y: int = 0


class GeoTiffImporter:
    """Reads TIFF masks (palette, grey of any number type, or coded by colours) of one file or of a folder.

    The mask's nodata value is ignore, where no class has it (0 is then no label); so is 255 (65535 of 16 bits) where it is no
    class's. Names come from ``classes.json``, else from GDAL's category names, else each value is a class. Option ``images``: a
    folder, or {name: file} of a project's images; "": beside the masks.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._limits = limits
        self._source = source
        self._root = source if source.is_dir() else source.parent
        self._given = options.get("images") or ""
        self._finders: dict[Path, ImageFinder] = {}

    # -- files -----------------------------------------------------------------------------------------------------

    @cached_property
    def _folder(self) -> Path:
        """Where the masks are."""
        named = {path.name.casefold(): path for path in sorted(self._root.iterdir()) if path.is_dir()}
        return next((named[name] for name in MASK_FOLDERS if name in named and _has_tiff(named[name])), self._root)

    def _files(self) -> Iterator[Path]:
        if self._source.is_file():
            yield self._source
            return
        for place, folders, names in os.walk(self._folder):
            folders[:] = sorted(
                name for name in folders if not name.startswith(".") and name.casefold() not in IMAGE_FOLDERS
            )
            for name in sorted(names):
                path = Path(place) / name
                if path.suffix.lower() not in TIFF_SUFFIXES or name.startswith("."):
                    continue
                if is_link_out(path, self._root):
                    self.problems.note(name, "it is a link that leads out of the dataset")
                else:
                    yield path

    def _headers(self) -> Iterator[MaskHeader]:
        for path in self._files():
            try:
                yield mask_header(path)
            except UserError as error:
                self.problems.note(path.name, f"{error.message} ({error.remedy})")

    # -- classes ---------------------------------------------------------------------------------------------------

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those that are listed; else the values or colours of all masks, for which all are read."""
        return self._list.classes

    @cached_property
    def _list(self) -> ClassList:
        for folder in dict.fromkeys((self._root, self._folder, self._folder.parent)):
            found = read_class_list(folder, self._limits)
            if found is not None:
                self.problems.extend(found.problems)
                return found
        return self._categories() or self._scanned()

    def _categories(self) -> ClassList | None:
        """GDAL's category names, which lie in a file beside the first mask that has them."""
        for path in self._files():
            beside = path.with_name(path.name + ".aux.xml")
            if beside.is_file():
                names = [row.text or "" for row in read_xml(beside, self._limits).iter("Category")]
                told = {value: name for value, name in enumerate(names[:65536]) if name.strip()}
                if told:
                    return ClassList(*classes_of_names(told))
        return None

    def _scanned(self) -> ClassList:
        values: set[int] = set()
        codes: set[int] = set()
        colors: dict[int, str] = {}
        has_255 = False
        for header in self._headers():
            for _, rows, valid in self._readable(header):
                if header.bands == 1:
                    found = _present(rows[:, :, 0], valid, header.nodata)
                    has_255 |= 255 in found and not header.is_deep
                    values |= found - {255 if not header.is_deep else IGNORE}
                    if header.colors is not None:
                        colors |= {
                            v: "#{:02x}{:02x}{:02x}".format(*header.colors[v]) for v in found if v < len(header.colors)
                        }
                elif header.bands in (3, 4):
                    codes |= (
                        {int(code) for code in np.unique(_coded(rows)) if code} if len(codes) <= _MOST_COLORS else set()
                    )
        if has_255 and not values - {0}:
            values.add(255)  # black and white: white is what was labelled
        listed = [FoundClass(one.name, colors.get(one.value or 0, ""), one.value) for one in classes_of_values(values)]
        if len(codes) > _MOST_COLORS:
            self.problems.note(self._source.name, "pictures with more colours than classes can be are no masks")
            codes = set()
        return ClassList([*listed, *(FoundClass(f"#{code:06x}", f"#{code:06x}") for code in sorted(codes))])

    def _readable(self, header: MaskHeader) -> Iterator[tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_] | None]]:
        try:
            yield from mask_rows(header.path, lambda sentence: None)
        except UserError:
            return  # told when its labels are read

    # -- images ----------------------------------------------------------------------------------------------------

    def images(self) -> Iterator[FoundImage]:
        """One for each mask that lies on the pixels of its image, or has none."""
        for header in self._headers():
            with self.problems.of(header.path.name) as note:
                pair = self._pair(header, note)
            if pair is None:
                continue
            split, group = self._split_of(header.path)
            image = pair.image
            width, height = (header.width, header.height) if image is None else (image.width, image.height)
            missing = "" if image is not None else "the image is missing"
            labels = partial(self._labels, pair)
            file = None if image is None else image.file
            yield FoundImage(pair.name, file, width, height, labels, split=split, group=group, reason=missing)

    def close(self) -> None:
        """Nothing is held open."""

    def _pair(self, header: MaskHeader, note: Note) -> _Pair | None:
        path = header.path
        if header.bands not in (1, 3, 4):
            note(f"it has {header.bands} bands, so it is no mask")
            return None
        if header.depth > 1:
            note("of its planes only the first is read")
        stem = path.name.rsplit(".", 1)[0]
        ended = [stem[: -len(end)] for end in MASK_ENDS if stem.lower().endswith(end)]
        file = self._finder(path.parent).find(stem, *ended)
        if file is None or file == path:
            return _Pair(header, f"{(ended or [stem])[0]}.tif", None)
        try:
            return _laid(header, image_of_file(file), note)
        except UserError as error:
            note(f"its image cannot be read: {error.message}")
            return _Pair(header, file.name, None)

    def _finder(self, folder: Path) -> ImageFinder:
        if folder not in self._finders:
            below = folder.relative_to(self._folder) if folder.is_relative_to(self._folder) else Path()
            roots = [self._root] if self._source.is_dir() else [self._root, self._root.parent]
            places = [
                root / name / part
                for root in roots
                for name in IMAGE_FOLDERS
                for part in dict.fromkeys((below, Path()))
            ]
            if self._source.is_dir() and self._folder != self._root:
                places.append(self._root)
            self._finders[folder] = ImageFinder(roots[-1], places, self._given)
        return self._finders[folder]

    def _split_of(self, file: Path) -> tuple[str | None, str]:
        parts = file.parent.relative_to(self._folder).parts if file.is_relative_to(self._folder) else ()
        if not parts:
            return None, ""
        is_ours = len(parts) == 1 and (self._root / "classes.json").is_file()
        return SPLIT_FOLDERS.get(parts[0].casefold(), parts[0] if is_ours else None), "/".join(parts)

    # -- labels ----------------------------------------------------------------------------------------------------

    def _labels(self, pair: _Pair, cancel: Cancel) -> Iterator[Piece]:
        header, listed = pair.mask, self._list
        owned = {one.value for one in listed.classes}
        ignored = listed.ignored | ({IGNORE if header.is_deep else 255} - owned)
        nodata = header.nodata if header.nodata not in owned else None
        values = ValueMap(listed.classes, ignored)
        colors = {one.color: place for place, one in enumerate(listed.classes, start=1) if one.color}
        with self.problems.of(pair.name) as note:
            for y, rows, valid in _in_pieces(mask_rows(header.path, note, cancel), header.width):
                if header.bands == 1:
                    found = _indices(rows[:, :, 0], nodata, values, note)
                else:
                    found = _of_colors(rows, colors, note)
                if valid is not None:
                    found[~valid] = IGNORE
                yield ClassPixels(pair.x, pair.y + y, found)

    @staticmethod
    def looks_like(source: Path) -> int:
        """By TIFF files in a folder of masks; a single TIFF may as well be an image."""
        if source.is_file():
            return 30 if source.suffix.lower() in TIFF_SUFFIXES and _is_tiff(source) else 0
        named = [path for path in sorted(source.iterdir()) if path.is_dir() and path.name.casefold() in MASK_FOLDERS]
        if any(_has_tiff(path) for path in named):
            return 90 if (source / "classes.json").is_file() else 75
        return 15 if _has_tiff(source) else 0


def _in_pieces(strips: Iterator[Rows], width: int) -> Iterator[Rows]:
    """The strips cut so that what is worked out of one stays small, however wide the image is."""
    step = max(1, PIECE_PIXELS // width)
    for y, rows, valid in strips:
        for top in range(0, len(rows), step):
            part = slice(top, top + step)
            yield y + top, rows[part], None if valid is None else valid[part]


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _has_tiff(folder: Path) -> bool:
    """Whether a TIFF lies in the folder or one below it; nothing of it is opened."""
    found = (path for pattern in ("*", "*/*") for path in islice(folder.glob(pattern), _MOST_LOOKED_AT))
    return any(path.suffix.lower() in TIFF_SUFFIXES for path in found)


def _laid(header: MaskHeader, image: MapImage, note: Note) -> _Pair | None:
    """The mask on its image: by their places on the map, where these are told and differ, else pixel for pixel."""
    plain = _Pair(header, image.name, image)
    own, base = header.place, image.place
    is_same_size = (header.width, header.height) == (image.width, image.height)
    if own.transform == base.transform or not own.is_on_map or not base.is_on_map:
        # Another size on the same grid begins at the same corner; without a place it is for the reader to refuse.
        return (
            plain
            if is_same_size or own.is_on_map and base.is_on_map
            else _Pair(header, image.name, _sized(image, header))
        )
    if own.crs and base.crs and not is_same_crs(own.crs, base.crs):
        note("its coordinate system is not that of the image: warp it to the image's grid")
        return plain if is_same_size else None
    a, b, c, d, e, f = own.transform or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    sides = np.array([(0, 0), (header.width, 0), (0, header.height)], np.float64)
    corners = base.unplaced(np.column_stack([sides @ (a, b) + c, sides @ (d, e) + f])) - sides
    shift = np.rint(corners[0])
    if float(np.abs(corners - shift).max()) <= MAX_OFF_PX:
        return _Pair(header, image.name, image, int(shift[0]), int(shift[1]))
    if is_same_size:
        note("its place on the map is not that of the image: it is taken pixel for pixel")
        return plain
    note("its pixels are not those of the image: resample it to the image's grid")
    return None


def _sized(image: MapImage, header: MaskHeader) -> MapImage:
    return MapImage(image.name, image.file, header.width, header.height, image.place)


def _nodata_in(values: npt.NDArray[Any], nodata: float | None) -> npt.NDArray[np.bool_] | None:
    if values.dtype.kind == "f":
        empty = np.isnan(values)
        return np.asarray(empty if nodata is None or nodata != nodata else empty | (values == nodata), np.bool_)
    return None if nodata is None or nodata != nodata else np.asarray(values == nodata, np.bool_)


def _present(values: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None, nodata: float | None) -> set[int]:
    empty = _nodata_in(values, nodata)
    keep = np.ones(values.shape, np.bool_) if empty is None else ~empty
    if valid is not None:
        keep &= valid
    if values.dtype == np.uint8 or values.dtype == np.uint16:
        return set(np.flatnonzero(np.bincount(values[keep], minlength=1)).tolist())
    found = np.unique(values[keep])
    return {int(value) for value in found.tolist() if 0 <= value <= 65535 and value == int(value)}


def _indices(values: npt.NDArray[Any], nodata: float | None, table: ValueMap, note: Note) -> npt.NDArray[np.uint16]:
    empty = _nodata_in(values, nodata)
    if empty is None or not empty.any():
        return table.indices(values, note)
    found = table.indices(np.where(empty, 0, values).astype(values.dtype), note)
    found[empty] = 0 if nodata == 0 else IGNORE
    return found


def _coded(rows: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """0xrrggbb of each pixel; 0 where it is transparent."""
    red, green, blue = (np.clip(rows[:, :, band], 0, 255).astype(np.uint32) for band in range(3))
    code = red << 16 | green << 8 | blue
    if rows.shape[2] == 4:
        code[rows[:, :, 3] == 0] = 0
    return np.asarray(code, np.uint32)


def _of_colors(rows: npt.NDArray[Any], colors: Mapping[str, int], note: Note) -> npt.NDArray[np.uint16]:
    codes, places, counts = np.unique(_coded(rows), return_inverse=True, return_counts=True)
    table = np.array([colors.get(f"#{int(code):06x}", 0) for code in codes], np.uint16)
    strange = int(counts[(table == 0) & (codes != 0)].sum())
    if strange:
        note("Pixels have a colour that no class has: they are left out", strange)
    return table[places.reshape(rows.shape[:2])]
