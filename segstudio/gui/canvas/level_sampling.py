"""Reading a tile map at another scale than its own: the pixels of a *level*, reduced or magnified by powers of two.

Level ``d`` shows 2**d image pixels a level pixel; a negative ``d`` shows 2**-d level pixels an image pixel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.geometry import TILE, Rect

if TYPE_CHECKING:
    from segstudio.core.tiles import TileMap


def image_rect_of(rect: Rect, level: int) -> Rect:
    """The image pixels that a rectangle in level pixels covers (whole pixels, outwards)."""
    if level >= 0:
        return Rect(rect.x << level, rect.y << level, rect.width << level, rect.height << level)
    shift = -level
    x, y = rect.x >> shift, rect.y >> shift
    return Rect(x, y, -((-rect.right) >> shift) - x, -((-rect.bottom) >> shift) - y)


def level_rect_of(rect: Rect, level: int) -> Rect:
    """The level pixels that a rectangle in image pixels touches (outwards)."""
    return image_rect_of(rect, -level)


def constant_value(tiles: TileMap, rect: Rect, z: int = 0) -> int | None:
    """The one value that all of *rect* (image pixels) has, as far as the tiles tell without a look inside."""
    found: int | None = None
    for ty in range(rect.y // TILE, (rect.bottom - 1) // TILE + 1):
        for tx in range(rect.x // TILE, (rect.right - 1) // TILE + 1):
            tile = tiles.get((z, ty, tx))
            if isinstance(tile, np.ndarray) or (found is not None and int(tile) != found):
                return None
            found = int(tile)
    return found


def sampled(tiles: TileMap, rect: Rect, step: int, z: int = 0) -> np.ndarray:
    """(rect.height // step, rect.width // step) values of *tiles*: one of each step × step block of image pixels.

    ``rect`` begins at a multiple of ``step``, which is a power of two; cost follows the samples, not the rectangle.
    """
    if step == 1:
        return tiles.read(rect, z)
    half = step // 2
    rows, columns = rect.height // step, rect.width // step
    out: np.ndarray | None = None
    for ty in range(rect.y // TILE, (rect.bottom - 1) // TILE + 1):
        first_row, last_row = _samples(ty, rect.y, step, half, rows)
        if first_row >= last_row:
            continue
        for tx in range(rect.x // TILE, (rect.right - 1) // TILE + 1):
            first, last = _samples(tx, rect.x, step, half, columns)
            if first >= last:
                continue
            tile = tiles.get((z, ty, tx))
            if out is None:
                out = np.zeros((rows, columns), tiles.dtype)
            if isinstance(tile, np.ndarray):
                y = rect.y + first_row * step + half - ty * TILE
                x = rect.x + first * step + half - tx * TILE
                out[first_row:last_row, first:last] = tile[y::step, x::step][: last_row - first_row, : last - first]
            elif tile:
                out[first_row:last_row, first:last] = tile
    return np.zeros((rows, columns), tiles.dtype) if out is None else out


def _samples(tile_index: int, start: int, step: int, half: int, count: int) -> tuple[int, int]:
    """The half-open range of samples (at start + i·step + half) that fall into one tile along one axis."""
    low = math.ceil((tile_index * TILE - start - half) / step)
    high = math.ceil(((tile_index + 1) * TILE - start - half) / step)
    return max(0, low), min(count, high)


def at_level(tiles: TileMap, rect: Rect, level: int, z: int = 0) -> np.ndarray:
    """(rect.height, rect.width) values, one a level pixel: the nearest sample."""
    if level >= 0:
        return sampled(tiles, image_rect_of(rect, level), 1 << level, z)
    scale = 1 << -level
    source = image_rect_of(rect, level)
    values = tiles.read(source, z)
    size = (source.width * scale, source.height * scale)
    magnified = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST)
    y, x = rect.y - source.y * scale, rect.x - source.x * scale
    return np.asarray(magnified[y : y + rect.height, x : x + rect.width])


def bordered(tiles: TileMap, rect: Rect, level: int, size: tuple[int, int], z: int = 0) -> np.ndarray:
    """As :func:`at_level`, but beyond an image of *size* (width, height) its outermost pixels go on.

    So nothing seems to end at the image's border.
    """
    inside = rect.intersected(level_rect_of(Rect(0, 0, *size), level))
    if inside.is_empty:
        return np.zeros((rect.height, rect.width), tiles.dtype)
    values = at_level(tiles, inside, level, z)
    if inside == rect:
        return values
    above, left = inside.y - rect.y, inside.x - rect.x
    below, right = rect.bottom - inside.bottom, rect.right - inside.right
    return np.asarray(cv2.copyMakeBorder(values, above, below, left, right, cv2.BORDER_REPLICATE))


def averaged(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width) uint32 premultiplied ARGB: the mean of blocks of a larger (…) uint32 picture."""
    channels = np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, 4)
    reduced = cv2.resize(channels, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(reduced).view(np.uint32).reshape(height, width)
