"""Images cut into tiles on export: each an image of its own, with its part of the labels and its place on the map."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.io.formats.pixels import free_stem, label_layers, write_pixels
from segstudio.io.formats.writing import OnceLayers
from segstudio.io.geo_tags import TIE_POINTS, TRANSFORM, GeoTags, read_geo_tags
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.io.formats.base import ExportItem, FormatEntry, Tiling

MIN_SIZE_PX, MAX_SIZE_PX = 16, 16384


def check_tiling(tiling: Tiling, entry: FormatEntry) -> None:
    """Refuse what cannot be cut.

    Raises
    ------
    UserError
        When the size or the overlap is no sensible one, or the format keeps volumes whole.
    """
    if not MIN_SIZE_PX <= tiling.size_px <= MAX_SIZE_PX:
        raise UserError(
            f"Tiles of {tiling.size_px} pixels cannot be cut", remedy=f"choose {MIN_SIZE_PX} to {MAX_SIZE_PX:,}"
        )
    if not 0 <= tiling.overlap_px < tiling.size_px:
        raise UserError(
            f"Tiles of {tiling.size_px} pixels cannot overlap by {tiling.overlap_px}", remedy="choose less overlap"
        )
    if entry.takes_volumes:
        raise UserError(f"{entry.name} keeps images whole", remedy="leave the tiles out, or choose another format")


def tile_starts(extent: int, size_px: int, overlap_px: int) -> list[int]:
    """Where tiles begin along a side; the last one is moved inwards, so that it ends with the image."""
    if extent <= size_px:
        return [0]
    step = size_px - overlap_px
    return [*range(0, extent - size_px, step), extent - size_px]


def tiles_of_image(width: int, height: int, tiling: Tiling) -> list[Rect]:
    """The tiles of an image, row by row."""
    across, down = (min(extent, tiling.size_px) for extent in (width, height))
    return [
        Rect(x, y, across, down)
        for y in tile_starts(height, tiling.size_px, tiling.overlap_px)
        for x in tile_starts(width, tiling.size_px, tiling.overlap_px)
    ]


def cut(
    item: ExportItem, tiling: Tiling, scratch: Path, taken: set[str], first_number: int, cancel: Cancel = NEVER
) -> Iterator[ExportItem]:
    """The tiles of an item as items, numbered from *first_number*; their pictures are made in *scratch* when they are written.

    Stems end with the tile's corner: ``name_x01024_y00512``. An image that is one tile stays as it is.
    """
    rects = tiles_of_image(item.width, item.height, tiling)
    if len(rects) == 1:
        if not tiling.skips_empty or _has_class(item, rects[0]):
            yield replace(item, number=first_number)
        return
    layers = OnceLayers(item.layers) if tiling.skips_empty else item.layers
    number = first_number
    digits = max(4, len(str(max(item.width, item.height))))
    suffix = _suffix_of(item)
    for rect in rects:
        check(cancel)
        if tiling.skips_empty and not _has_class(replace(item, layers=layers), rect):
            continue
        stem = free_stem(f"{item.stem}_x{rect.x:0{digits}d}_y{rect.y:0{digits}d}", taken)
        file = scratch / f"{stem}{suffix}"
        yield replace(
            item,
            number=number,
            stem=stem,
            name=f"{item.name} (x {rect.x}, y {rect.y})",
            image_file=file,
            width=rect.width,
            height=rect.height,
            layers=_LayersOfTile(item.layers, rect),
            plane=None,
            depth=1,
            make_image=_MakeTile(item, rect),
            digest=f"{item.digest} {rect.x} {rect.y}" if item.digest else "",
        )
        number += 1


def _suffix_of(item: ExportItem) -> str:
    """Of the tiles' pictures, as :func:`segstudio.io.formats.pixels.write_pixels` makes them."""
    info = probe(item.image_file)
    is_png = info.dtype in ("uint8", "uint16") and (info.bands == 1 or (info.is_rgb and info.bands in (3, 4)))
    return ".png" if is_png and not read_geo_tags(item.image_file) else ".tif"


def _has_class(item: ExportItem, rect: Rect) -> bool:
    for layer in label_layers(item):
        classes = layer.read_classes(rect)
        if ((classes != UNLABELLED) & (classes != IGNORE)).any():
            return True
    return False


class _LayersOfTile:
    """The label layers of an image, each cut down to a rectangle."""

    def __init__(self, layers: Callable[[], list[LabelLayer]], rect: Rect) -> None:
        self._layers, self._rect = layers, rect

    def __call__(self) -> list[LabelLayer]:
        """Layers of the tile's size, with the segments that have pixels in it."""
        return [tile_layer(layer, self._rect) for layer in self._layers() if layer.kind == "labels"]


def tile_layer(layer: LabelLayer, rect: Rect) -> LabelLayer:
    """The part of a layer of one plane inside *rect* as a layer of its own."""
    ids = layer.read(rect)
    found = LabelLayer(layer.id, layer.image_id, layer.name, layer.kind, rect.width, rect.height)
    found.tiles.write(Rect(0, 0, rect.width, rect.height), ids)
    for number in np.flatnonzero(np.bincount(ids.ravel())).tolist():
        segment = layer.segments.get(number)
        if segment is not None:
            found.put_segment(number, segment)
    return found


class _MakeTile:
    """Writes the picture of a tile: as TIFF with its place on the map where the image has one, else as PNG where that holds it."""

    def __init__(self, item: ExportItem, rect: Rect) -> None:
        self._item, self._rect = item, rect

    def __call__(self, file: Path) -> None:
        """Write it.

        Raises
        ------
        UserError
            When the image cannot be read or the disk refuses.
        """
        item, rect = self._item, self._rect
        with item.readers.opened(item.image_file) as reader:
            values = np.ascontiguousarray(np.moveaxis(reader.read(0, item.plane or 0, rect), 0, -1))
            is_rgb = reader.info.is_rgb
            nodata = reader.info.metadata.get("nodata")
        tags = moved_tags(read_geo_tags(item.image_file), rect.x, rect.y)
        if tags:
            _write_map_tile(file, values, tags, nodata, is_rgb)
            return
        write_pixels(values, file.parent, file.stem, is_rgb=is_rgb)


def _write_map_tile(file: Path, values: npt.NDArray[np.generic], tags: GeoTags, nodata: object, is_rgb: bool) -> None:
    import tifffile

    from segstudio.io.geo_tags import NODATA

    extra = list(tags)
    if nodata is not None:
        text = str(nodata)
        extra.append((NODATA, 2, len(text) + 1, text, True))
    bands = values.shape[2]
    is_color = is_rgb and bands in (3, 4)
    tifffile.imwrite(
        file,
        values if is_color else values[:, :, 0] if bands == 1 else np.moveaxis(values, -1, 0),
        photometric="rgb" if is_color else "minisblack",
        planarconfig=None if is_color or bands == 1 else "separate",
        compression="zlib",
        metadata=None,
        extratags=extra,
    )


def moved_tags(tags: GeoTags, x: int, y: int) -> GeoTags:
    """The geo-reference of the part of an image that begins at column *x*, row *y*."""
    found = []
    for code, kind, count, value, once in tags:
        numbers = list(np.ravel(value)) if code in (TIE_POINTS, TRANSFORM) else []
        if code == TIE_POINTS:
            # Columns and rows of the points, counted from the tile's corner.
            numbers[0::6] = [float(column) - x for column in numbers[0::6]]
            numbers[1::6] = [float(row) - y for row in numbers[1::6]]
        elif code == TRANSFORM:
            m = [float(number) for number in numbers]
            for row in range(3):
                m[4 * row + 3] += m[4 * row] * x + m[4 * row + 1] * y
            numbers = m
        else:
            found.append((code, kind, count, value, once))
            continue
        found.append((code, kind, count, tuple(float(number) for number in numbers), once))
    return tuple(found)
