"""Regions of equal value: flood fill and connected components that look only as far as they must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.geometry import EMPTY, TILE, Rect, tile_rect, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer

FIRST_WINDOW_PX = 512
"""Side of the window a fill looks at first; it doubles while the region touches its border."""

_NOTHING = np.zeros((0, 0), np.bool_)


def _flood(inside: npt.NDArray[np.bool_], x: int, y: int, connectivity: int) -> npt.NDArray[np.bool_]:
    """The part of *inside* connected to (x, y)."""
    height, width = inside.shape
    # 1 = wall; a ring of walls is what OpenCV wants around the picture.
    mask = np.ones((height + 2, width + 2), np.uint8)
    np.subtract(1, inside.view(np.uint8), out=mask[1:-1, 1:-1])
    picture = np.zeros((height, width), np.uint8)
    flags = connectivity | cv2.FLOODFILL_MASK_ONLY | (2 << 8)
    cv2.floodFill(picture, mask, (x, y), 0, flags=flags)
    result: npt.NDArray[np.bool_] = mask[1:-1, 1:-1] == 2
    return result


def class_mask(layer: LabelLayer, rect: Rect, class_id: int, z: int = 0) -> npt.NDArray[np.bool_]:
    """(h, w) bool: where *layer* has the class; False outside the stored tiles unless that is background.

    Tile by tile: of a large area most tiles are one value, and no array of ids is made for them.
    """
    is_it = layer.class_lut() == class_id
    out = np.zeros((rect.height, rect.width), np.bool_)
    for ty, tx in tiles_of(rect):
        tile = layer.tiles.get((z, ty, tx))
        part = tile_rect(ty, tx).intersected(rect)
        target = part.moved(-rect.x, -rect.y).slices
        if isinstance(tile, int):
            if is_it[tile]:
                out[target] = True
        else:
            out[target] = is_it.take(tile[part.moved(-tx * TILE, -ty * TILE).slices])
    return out


def grow_region(
    inside: Callable[[Rect], npt.NDArray[np.bool_]],
    seed_xy: tuple[int, int],
    bounds: Rect,
    *,
    connectivity: int = 4,
) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The connected region around a seed: ((h, w) bool, its tight rectangle); empty when the seed is not inside.

    *inside* answers, for a rectangle, which of its pixels could belong; it is asked for growing windows only, so that
    the cost follows the region.
    """
    x, y = seed_xy
    if not bounds.contains(x, y):
        return _NOTHING, EMPTY
    half = FIRST_WINDOW_PX // 2
    window = Rect(x - half, y - half, 2 * half, 2 * half).intersected(bounds)
    while True:
        candidates = inside(window)
        if not candidates[y - window.y, x - window.x]:
            return _NOTHING, EMPTY
        region = _flood(candidates, x - window.x, y - window.y, connectivity)
        left = window.width if window.x > bounds.x and region[:, 0].any() else 0
        right = window.width if window.right < bounds.right and region[:, -1].any() else 0
        top = window.height if window.y > bounds.y and region[0].any() else 0
        bottom = window.height if window.bottom < bounds.bottom and region[-1].any() else 0
        if not (left or right or top or bottom):
            return tightened(region, window)
        window = Rect(
            window.x - left, window.y - top, window.width + left + right, window.height + top + bottom
        ).intersected(bounds)


def tightened(mask: npt.NDArray[np.bool_], rect: Rect) -> tuple[npt.NDArray[np.bool_], Rect]:
    """*mask* (over *rect*) cut to its True pixels, and their rectangle; empty when there are none."""
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return _NOTHING, EMPTY
    rows = np.flatnonzero(mask.any(axis=1))
    box = Rect(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1))
    return mask[box.slices], box.moved(rect.x, rect.y)


def flood_fill(
    layer: LabelLayer, seed_xy: tuple[float, float], z: int = 0, *, by: str = "class", connectivity: int = 4
) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The contiguous area around a point with its class (``by="class"``) or its segment id (``by="segment"``).

    Returns ((h, w) bool, its rectangle); empty when the point lies outside the image.
    """
    x, y = int(np.floor(seed_xy[0])), int(np.floor(seed_xy[1]))
    if not layer.bounds.contains(x, y):
        return _NOTHING, EMPTY
    read = layer.read_classes if by == "class" else layer.read
    value = read(Rect(x, y, 1, 1), z)[0, 0]
    return grow_region(lambda rect: read(rect, z) == value, (x, y), layer.bounds, connectivity=connectivity)


def similar_region(
    read: Callable[[Rect], npt.NDArray[Any]],
    seed_xy: tuple[float, float],
    bounds: Rect,
    tolerance: float,
    *,
    connectivity: int = 4,
) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The contiguous area whose image values differ from the seed's by at most *tolerance* in every band.

    *read* answers (band, h, w) or (h, w) values of a rectangle. Returns ((h, w) bool, its rectangle).
    """
    x, y = int(np.floor(seed_xy[0])), int(np.floor(seed_xy[1]))
    if not bounds.contains(x, y):
        return _NOTHING, EMPTY
    seed = read(Rect(x, y, 1, 1)).astype(np.float64)[..., 0, 0]

    def inside(rect: Rect) -> npt.NDArray[np.bool_]:
        values = read(rect).astype(np.float64)
        if values.ndim == 2:
            return np.asarray(np.abs(values - seed) <= tolerance)
        return np.asarray((np.abs(values - seed[:, None, None]) <= tolerance).all(axis=0))

    return grow_region(inside, (x, y), bounds, connectivity=connectivity)


def connected_component_at(array: npt.NDArray[Any], x: int, y: int) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The 4-connected area of (h, w) *array* with the value at (x, y): ((h, w) bool, rectangle) cut to its box."""
    height, width = array.shape
    return grow_region(lambda rect: array[rect.slices] == array[y, x], (x, y), Rect(0, 0, width, height))


def bounding_rect(mask: npt.NDArray[np.bool_]) -> Rect:
    """The smallest rectangle that holds every True pixel of (h, w) *mask*."""
    return tightened(mask, Rect(0, 0, mask.shape[1], mask.shape[0]))[1]


def components(
    mask: npt.NDArray[np.bool_], *, connectivity: int = 8, min_pixels: int = 1
) -> list[tuple[npt.NDArray[np.bool_], Rect]]:
    """Each connected part of (h, w) *mask* with at least *min_pixels*: ((h, w) bool cut to its box, the box)."""
    count, ids, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=connectivity)
    result = []
    for index in range(1, count):
        x, y, width, height, pixels = (int(value) for value in stats[index])
        if pixels >= min_pixels:
            rect = Rect(x, y, width, height)
            result.append((ids[rect.slices] == index, rect))
    return result


def fill_holes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(h, w) *mask* with every hole (background not connected to the border) filled."""
    height, width = mask.shape
    outside = np.ones((height + 2, width + 2), np.bool_)
    outside[1:-1, 1:-1] = ~mask
    reached = _flood(outside, 0, 0, 4)
    return ~reached[1:-1, 1:-1]
