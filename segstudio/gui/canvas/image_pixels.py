"""From a reader's values to the pixels of picture tiles; runs on the canvas's worker thread and knows no widget."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.band_presets import default_bands
from segstudio.core.display import DisplaySettings, auto_settings, picked_bands, shaded, stretched
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.tile_drawing import TILE_PX
from segstudio.io.validity import valid_mask

if TYPE_CHECKING:
    from segstudio.core.cancel import Cancel
    from segstudio.io.readers.base import ImageInfo, ImageReader

STRIP_PX = 8_000_000
"""At most so many values a band are read at a time when a large area is reduced."""
PROBE_SIDE = 64
KEPT_BYTES = 96 << 20
"""Values kept for colouring them anew while brightness is changed."""
NODATA_CHECK_PX = 8
NODATA_GREYS = (96, 112)


@dataclass(frozen=True, slots=True)
class TileKey:
    """One picture tile: ``level`` reduces by 2**level."""

    level: int
    ty: int
    tx: int


@dataclass(frozen=True, slots=True, eq=False)
class ImageSource:
    """What tiles are made from: a reader, the plane of a volume, and how values become brightness."""

    reader: ImageReader
    z: int = 0
    display: DisplaySettings | None = None

    @property
    def info(self) -> ImageInfo:
        """Size, bands and type."""
        return self.reader.info


def overview_level(info: ImageInfo) -> int:
    """The finest level at which the whole image is one tile."""
    return max(0, math.ceil(math.log2(max(info.width, info.height, 1) / TILE_PX)))


def image_window(info: ImageInfo, key: TileKey) -> Rect:
    """The image pixels that a tile covers."""
    side = TILE_PX << key.level
    return Rect(key.tx * side, key.ty * side, side, side).clipped(info.width, info.height)


def reader_level(info: ImageInfo, level: int) -> tuple[int, float, float]:
    """(index, x scale, y scale) of the reader's coarsest level that is still as fine as *level*."""
    best = (0, 1.0, 1.0)
    for index, (width, height) in enumerate(info.levels):
        scale_x, scale_y = _scale(info.width, width), _scale(info.height, height)
        if max(scale_x, scale_y) <= (1 << level) * 1.01 and scale_x >= best[1]:
            best = (index, scale_x, scale_y)
    return best


def _scale(full: int, reduced: int) -> float:
    """Full pixels a reduced one; a power of two where only rounding up hides it."""
    scale = full / max(1, reduced)
    power = 2.0 ** round(math.log2(scale)) if scale >= 1 else 1.0
    return power if -(-full // int(power)) == reduced else scale


def reduced_values(source: ImageSource, window: Rect, level: int, cancel: Cancel) -> np.ndarray:
    """(band, h, w) values of an image window at a level: means of blocks of 2**level, of the image's own type.

    A large window is read in strips, so that memory stays flat; between strips *cancel* is asked, and when it is
    set what is there so far is given back.
    """
    info = source.info
    index, scale_x, scale_y = reader_level(info, level)
    out_width, out_height = -(-window.width >> level), -(-window.height >> level)
    out: np.ndarray | None = None
    level_width, level_height = info.levels[index] if info.levels else (info.width, info.height)
    # Whole output rows a strip; at least one.
    rows = max(1, int(STRIP_PX / max(1.0, window.width / scale_x) / max(1.0, (1 << level) / scale_y)))
    for row in range(0, out_height, rows):
        if cancel.is_set():
            break
        count = min(rows, out_height - row)
        top, bottom = window.y + (row << level), min(window.bottom, window.y + ((row + count) << level))
        x, y = round(window.x / scale_x), round(top / scale_y)
        right, low = round(window.right / scale_x), round(bottom / scale_y)
        part = Rect(x, y, max(1, right - x), max(1, low - y)).clipped(level_width, level_height)
        values = _resized(source.reader.read(index, source.z, part), out_width, count)
        if count == out_height:
            return values
        if out is None:
            out = np.zeros((out_height, out_width, values.shape[0]), values.dtype)
        out[row : row + count] = np.moveaxis(values, 0, -1)
    if out is None:
        return np.zeros((max(1, info.bands), out_height, out_width), np.uint8)
    return np.moveaxis(out, -1, 0)


def _resized(values: np.ndarray, width: int, height: int) -> np.ndarray:
    """(band, height, width) of (band, h, w) values; readers mostly give views of (h, w, band), which this keeps to."""
    if values.shape[1:] == (height, width):
        return values
    kind = values.dtype
    if kind not in (np.uint8, np.uint16, np.int16, np.float32, np.float64):
        values = values.astype(np.float32)
    is_smaller = width <= values.shape[2] and height <= values.shape[1]
    how = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    if values.shape[0] <= 4:
        interleaved = np.ascontiguousarray(np.moveaxis(values, 0, -1))
        resized = cv2.resize(interleaved, (width, height), interpolation=how).reshape(height, width, -1)
        resized = np.moveaxis(resized, -1, 0)
    else:
        planes = [cv2.resize(np.ascontiguousarray(band), (width, height), interpolation=how) for band in values]
        resized = np.stack(planes)
    return resized.astype(kind, copy=False)


def display_of(source: ImageSource, cancel: Cancel) -> DisplaySettings:
    """The source's display settings with their ranges, or such as suit its values (from a reduced picture of the whole).

    Of a volume three planes are looked at, whichever is shown: all of it then has one brightness. What the file says
    of its own brightness goes first; nodata does not count.
    """
    chosen, info = source.display, source.info
    if chosen is not None and chosen.stretch is None:
        return chosen
    own = info.metadata.get("display")
    if chosen is None and isinstance(own, DisplaySettings):
        return own
    sample, valid = display_sample(source, cancel)
    if chosen is not None:
        return stretched(chosen, sample, valid)
    return auto_settings(sample, default_bands(info.bands, info.metadata, is_rgb=info.is_rgb), valid)


def display_sample(source: ImageSource, cancel: Cancel) -> tuple[np.ndarray, np.ndarray | None]:
    """((band, y, x) values, (y, x) bool of those that are valid or None for all) that brightness is judged by."""
    info = source.info
    whole = Rect(0, 0, info.width, info.height)
    planes = (0,) if info.depth <= 1 else tuple(dict.fromkeys(info.depth * part // 4 for part in (1, 2, 3)))
    level = overview_level(info)
    sources = [ImageSource(source.reader, z) for z in planes]
    pictures = [reduced_values(each, whole, level, cancel) for each in sources]
    masks = [reduced_validity(each, whole, level) for each in sources]
    if all(mask is None for mask in masks):
        return np.concatenate(pictures, axis=1), None
    known = [np.ones(p.shape[1:], np.bool_) if m is None else m for p, m in zip(pictures, masks, strict=True)]
    return np.concatenate(pictures, axis=1), np.concatenate(known, axis=0)


def reduced_validity(source: ImageSource, window: Rect, level: int) -> np.ndarray | None:
    """(h, w) bool of an image window at a level: where at least half of what a pixel stands for is valid; None: all is."""
    info = source.info
    index, scale_x, scale_y = reader_level(info, level)
    level_width, level_height = info.levels[index] if info.levels else (info.width, info.height)
    x, y = round(window.x / scale_x), round(window.y / scale_y)
    right, bottom = round(window.right / scale_x), round(window.bottom / scale_y)
    part = Rect(x, y, max(1, right - x), max(1, bottom - y)).clipped(level_width, level_height)
    mask = valid_mask(source.reader, index, source.z, part)
    if mask is None:
        return None
    width, height = -(-window.width >> level), -(-window.height >> level)
    if mask.shape == (height, width):
        return mask
    shares = cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
    return shares >= 128


@dataclass(frozen=True, slots=True, eq=False)
class TileValues:
    """What a tile is coloured from: (h, w) or (h, w, 3) values of the bands shown, and where they are no data."""

    picked: np.ndarray
    invalid: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        return self.picked.nbytes + (0 if self.invalid is None else self.invalid.nbytes)


class TileStock:
    """Values of the tiles seen last, so that a change of brightness reads nothing; used by one thread at a time."""

    def __init__(self, budget_bytes: int = KEPT_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._kept: OrderedDict[tuple[TileKey, tuple[int, int, int]], TileValues] = OrderedDict()
        self._nbytes = 0

    def values(
        self, source: ImageSource, bands: tuple[int, int, int], key: TileKey, cancel: Cancel
    ) -> TileValues:
        """The tile's values, read where they are not kept."""
        kept = self._kept.get((key, bands))
        if kept is not None:
            self._kept.move_to_end((key, bands))
            return kept
        made = tile_values(source, bands, key, cancel)
        if cancel.is_set():
            return made  # perhaps half of it
        self._kept[key, bands] = made
        self._nbytes += made.nbytes
        while self._nbytes > self._budget_bytes and self._kept:
            self._nbytes -= self._kept.popitem(last=False)[1].nbytes
        return made


def tile_values(source: ImageSource, bands: tuple[int, int, int], key: TileKey, cancel: Cancel) -> TileValues:
    """The values of one tile that are drawn."""
    window = image_window(source.info, key)
    picked = picked_bands(reduced_values(source, window, key.level, cancel), bands)
    valid = reduced_validity(source, window, key.level)
    return TileValues(picked, None if valid is None or valid.all() else ~valid)


def tile_colors(values: TileValues, display: DisplaySettings) -> np.ndarray:
    """(h, w) uint32 0xffRRGGBB of one tile; where there is no data a subtle checker."""
    shown = shaded(values.picked, display)
    bgra = cv2.cvtColor(shown, cv2.COLOR_GRAY2BGRA if shown.ndim == 2 else cv2.COLOR_RGB2BGRA)
    pixels = np.ascontiguousarray(bgra).view(np.uint32)[..., 0]
    if values.invalid is not None:
        np.copyto(pixels, _checker(pixels.shape), where=values.invalid)
    return pixels


def tile_pixels(source: ImageSource, display: DisplaySettings, key: TileKey, cancel: Cancel) -> np.ndarray:
    """(h, w) uint32 0xffRRGGBB of one tile, read and coloured."""
    return tile_colors(tile_values(source, display.bands, key, cancel), display)


def _checker(shape: tuple[int, ...]) -> np.ndarray:
    rows, columns = (np.arange(extent) // NODATA_CHECK_PX % 2 for extent in shape)
    dark, bright = (0xFF000000 | grey << 16 | grey << 8 | grey for grey in NODATA_GREYS)
    return np.where(rows[:, None] ^ columns[None, :], np.uint32(dark), np.uint32(bright))


def probe_values(source: ImageSource, x: int, y: int) -> tuple[Rect, np.ndarray]:
    """The image's own values round (x, y): (window, (band, h, w)), for the status bar."""
    info = source.info
    left, top = x - x % PROBE_SIDE, y - y % PROBE_SIDE
    window = Rect(left, top, PROBE_SIDE, PROBE_SIDE).clipped(info.width, info.height)
    return window, source.reader.read(0, source.z, window)
