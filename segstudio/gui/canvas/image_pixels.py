"""From a reader's values to the pixels of picture tiles; runs on the canvas's worker thread and knows no widget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.display import DisplaySettings, auto_settings, to_rgb8
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.tile_drawing import TILE_PX

if TYPE_CHECKING:
    from segstudio.core.cancel import Cancel
    from segstudio.io.readers.base import ImageInfo, ImageReader

STRIP_PX = 8_000_000
"""At most so many values a band are read at a time when a large area is reduced."""
PROBE_SIDE = 64


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
    """The source's display settings, or such as suit its values (from a reduced picture of the whole).

    Of a volume three planes are looked at, whichever is shown: all of it then has one brightness.
    """
    if source.display is not None:
        return source.display
    info = source.info
    whole = Rect(0, 0, info.width, info.height)
    planes = (0,) if info.depth <= 1 else tuple(dict.fromkeys(info.depth * part // 4 for part in (1, 2, 3)))
    level = overview_level(info)
    pictures = [reduced_values(ImageSource(source.reader, z), whole, level, cancel) for z in planes]
    return auto_settings(np.concatenate(pictures, axis=1))


def tile_pixels(source: ImageSource, display: DisplaySettings, key: TileKey, cancel: Cancel) -> np.ndarray:
    """(h, w) uint32 0xffRRGGBB of one tile."""
    values = reduced_values(source, image_window(source.info, key), key.level, cancel)
    rgb = np.ascontiguousarray(to_rgb8(values, display))
    bgra = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA)
    return np.ascontiguousarray(bgra).view(np.uint32)[..., 0]


def probe_values(source: ImageSource, x: int, y: int) -> tuple[Rect, np.ndarray]:
    """The image's own values round (x, y): (window, (band, h, w)), for the status bar."""
    info = source.info
    left, top = x - x % PROBE_SIDE, y - y % PROBE_SIDE
    window = Rect(left, top, PROBE_SIDE, PROBE_SIDE).clipped(info.width, info.height)
    return window, source.reader.read(0, source.z, window)
