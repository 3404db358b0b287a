"""Which pixels hold data at all: nodata is drawn as such, never painted, and ignored in training and exports."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import TILE, Rect, tile_rect, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.io.readers.base import ImageReader

    Mask = npt.NDArray[np.bool_]

KEPT_TILES = 512
"""Tiles whose validity is kept: 32 MB at most."""


def valid_mask(reader: ImageReader, level: int, z: int, window: Rect) -> Mask | None:
    """(y, x) bool of *window* (pixels of *level*): where the image holds data; None: everywhere.

    A reader says so itself (``valid_mask``); of one that does not, but knows a nodata value, pixels are invalid that
    hold it in all bands.
    """
    own: Callable[[int, int, Rect], Mask | None] | None = getattr(reader, "valid_mask", None)
    if own is not None:
        mask = own(level, z, window)
    else:
        nodata = reader.info.metadata.get("nodata")
        mask = None if nodata is None else holds_data(reader.read(level, z, window), float(nodata))
    return None if mask is None or bool(mask.all()) else mask


def holds_data(values: npt.NDArray[Any], nodata: float) -> Mask:
    """(y, x) bool: where any band of (band, y, x) *values* is not *nodata* (which may be NaN)."""
    if np.isnan(nodata):
        if values.dtype.kind != "f":
            return np.ones(values.shape[1:], np.bool_)
        return np.asarray(~np.isnan(values).all(axis=0))
    if values.dtype.kind in "iu" and not (
        float(nodata).is_integer() and np.iinfo(values.dtype).min <= nodata <= np.iinfo(values.dtype).max
    ):
        return np.ones(values.shape[1:], np.bool_)
    return np.asarray((values != values.dtype.type(nodata)).any(axis=0))


def knows_nodata(reader: ImageReader) -> bool:
    """Whether the image may hold pixels without data."""
    return hasattr(reader, "valid_mask") or reader.info.metadata.get("nodata") is not None


class ValidTiles:
    """The validity of an image's full-size pixels, asked for tile by tile and kept: costs follow what is asked for."""

    def __init__(self, reader: ImageReader, kept_tiles: int = KEPT_TILES) -> None:
        self._reader = reader
        self._kept_tiles = kept_tiles
        self._tiles: OrderedDict[tuple[int, int, int], Mask | None] = OrderedDict()

    def __call__(self, z: int, rect: Rect) -> Mask | None:
        """(rect.height, rect.width) bool: where there is data (outside the image, too); None: everywhere.

        Raises
        ------
        UserError
            When the file can no longer be read.
        """
        out: Mask | None = None
        for ty, tx in tiles_of(rect):
            mask = self._tile((z, ty, tx))
            if mask is None:
                continue
            if out is None:
                out = np.ones((rect.height, rect.width), np.bool_)
            whole = tile_rect(ty, tx)
            part = Rect(whole.x, whole.y, mask.shape[1], mask.shape[0]).intersected(rect)
            if not part.is_empty:
                out[part.moved(-rect.x, -rect.y).slices] = mask[part.moved(-whole.x, -whole.y).slices]
        return out

    def _tile(self, key: tuple[int, int, int]) -> Mask | None:
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return self._tiles[key]
        z, ty, tx = key
        info = self._reader.info
        window = Rect(tx * TILE, ty * TILE, TILE, TILE).clipped(info.width, info.height)
        mask = None if window.is_empty or not 0 <= z < info.depth else valid_mask(self._reader, 0, z, window)
        self._tiles[key] = mask
        while len(self._tiles) > self._kept_tiles:
            self._tiles.popitem(last=False)
        return mask


def validity_of(reader: ImageReader | None) -> ValidTiles | None:
    """The validity of an image's pixels; None where every pixel holds data, or nothing is known."""
    return ValidTiles(reader) if reader is not None and knows_nodata(reader) else None
