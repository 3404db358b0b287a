"""Which pixels hold data at all: nodata is drawn as such, never painted, and ignored in training and exports."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect, tile_rect, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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


class ValidTiles:
    """The validity of an image's full-size pixels, asked for tile by tile and kept: costs follow what is asked for.

    May be asked from several threads. Unless ``is_strict``, what can't be read counts as data: a hand that paints is
    not stopped by a disk.
    """

    def __init__(self, reader: ImageReader, *, is_strict: bool = True, kept_tiles: int = KEPT_TILES) -> None:
        self._reader = reader
        self._is_strict = is_strict
        self._kept_tiles = kept_tiles
        self._lock = threading.Lock()
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
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
        z, ty, tx = key
        info = self._reader.info
        window = Rect(tx * TILE, ty * TILE, TILE, TILE).clipped(info.width, info.height)
        mask: Mask | None = None
        if not window.is_empty and 0 <= z < info.depth:
            try:
                mask = valid_mask(self._reader, 0, z, window)
            except UserError:
                if self._is_strict:
                    raise
        with self._lock:
            self._tiles[key] = mask
            while len(self._tiles) > self._kept_tiles:
                self._tiles.popitem(last=False)
        return mask


def validity_of(reader: ImageReader | None, *, is_strict: bool = True) -> ValidTiles | None:
    """The validity of an image's pixels; None where nothing is known of it."""
    if reader is None or not (hasattr(reader, "valid_mask") or reader.info.metadata.get("nodata") is not None):
        return None
    return ValidTiles(reader, is_strict=is_strict)


@contextmanager
def file_validity(path: Path) -> Iterator[ValidTiles | None]:
    """The validity of an image file's pixels while it is open; None for a file that can have no nodata: it stays closed.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    from segstudio.io.geo_tags import TIFF_SUFFIXES
    from segstudio.io.readers.registry import open_image, probe

    about = probe(path).metadata
    if path.suffix.lower() not in TIFF_SUFFIXES and not {"nodata", "alpha_band"} & about.keys():
        yield None
        return
    reader = open_image(path)
    try:
        yield validity_of(reader)
    finally:
        reader.close()
