"""Masks as polygons that follow the pixels' edges, so that any rasteriser gives back the very same pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

Loop = list[tuple[int, int]]
"""Corners (x, y) of a closed outline, on pixel corners; consecutive ones differ in one coordinate."""


def outlines(mask: npt.NDArray[Any], x: int = 0, y: int = 0) -> tuple[list[Loop], list[Loop]]:
    """(outer outlines, outlines of holes) of a (y, x) boolean mask whose corner lies at (*x*, *y*).

    Parts that meet only at a corner have outlines of their own. Outer ones run clockwise as seen (y downwards), holes
    the other way. The even-odd rule and the non-zero rule both fill them to exactly the mask.
    """
    filled = np.pad(np.asarray(mask) != 0, 1)
    corners_y, corners_x, next_across, next_along = _corner_links(filled)
    count = corners_x.size
    if count == 0:
        return [], []
    outer: list[Loop] = []
    holes: list[Loop] = []
    is_done = np.zeros(count, np.bool_)
    across, along = next_across.tolist(), next_along.tolist()
    xs, ys = (corners_x + x).tolist(), (corners_y + y).tolist()
    for first in range(count):
        if is_done[first]:
            continue
        loop: Loop = []
        area = 0
        corner = first
        while not is_done[corner]:
            other = across[corner]
            is_done[corner] = is_done[other] = True
            loop += [(xs[corner], ys[corner]), (xs[other], ys[other])]
            # Twice the area, from the horizontal edges alone.
            area -= (xs[other] - xs[corner]) * ys[corner]
            corner = along[other]
        if _fills_below(filled, corners_y[first], corners_x[first], corners_x[across[first]]) != (
            xs[first] < xs[across[first]]
        ):
            loop.reverse()
            area = -area
        (outer if area > 0 else holes).append(loop)
    return outer, holes


def _fills_below(filled: npt.NDArray[np.bool_], y: int, x0: int, x1: int) -> bool:
    """Whether the pixel under the horizontal edge is inside (coordinates without the margin)."""
    return bool(filled[y + 1, min(x0, x1) + 1])


def _corner_links(
    filled: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """(y, x, partner on the same row, partner in the same column) of every corner of the outlines.

    A corner where two parts meet diagonally counts twice, once for each part.
    """
    up_left, up_right = filled[:-1, :-1], filled[:-1, 1:]
    low_left, low_right = filled[1:, :-1], filled[1:, 1:]
    turns = up_left ^ up_right ^ low_left ^ low_right
    touching = (up_left == low_right) & (up_right == low_left) & (up_left != up_right)
    times = turns.astype(np.uint8) + 2 * touching.astype(np.uint8)
    ys, xs = np.nonzero(times)
    repeat = times[ys, xs]
    is_double = np.repeat(repeat == 2, repeat)
    rising = np.repeat(up_right[ys, xs], repeat)
    ys, xs = np.repeat(ys, repeat), np.repeat(xs, repeat)
    order_in_double = np.zeros(ys.size, np.intp)
    doubles = np.flatnonzero(is_double)
    order_in_double[doubles[1::2]] = 1
    # Row order is sorted already: corners 0-1, 2-3, … of a row are the ends of horizontal edges. The first copy of a
    # double corner ends the edge on its left.
    across = np.arange(ys.size) ^ 1
    # In a column the first copy must go up where the part on its left is the upper one, else down.
    rank = np.where(is_double, np.where(rising, 1 - order_in_double, order_in_double), 0)
    by_column = np.lexsort((rank, ys, xs))
    along = np.empty(ys.size, np.intp)
    along[by_column] = by_column[np.arange(ys.size) ^ 1]
    return ys, xs, across, along


def to_coco(loops: Iterable[Loop]) -> list[list[int]]:
    """Outlines as COCO writes them: ``[x0, y0, x1, y1, …]`` each."""
    return [[value for point in loop for value in point] for loop in loops]


def rasterise(polygons: Iterable[Sequence[float]], height: int, width: int) -> npt.NDArray[np.bool_]:
    """(height, width) union of COCO polygons ``[x0, y0, …]``: pixels whose centre lies inside (even-odd rule).

    Raises
    ------
    ValueError
        For a polygon with an odd number of values, fewer than three points, or values that are not finite.
    """
    from segstudio.core.brush import polygon_mask

    out = np.zeros((height, width), np.bool_)
    for polygon in polygons:
        points = np.asarray(polygon, np.float64)
        if points.ndim != 1 or points.size < 6 or points.size % 2:
            raise ValueError("a polygon needs three points, each with x and y")
        if not np.isfinite(points).all() or np.abs(points).max() > 1e7:
            raise ValueError("a polygon has a point that is no place in an image")
        pairs = points.reshape(-1, 2)
        mask, rect = polygon_mask([(x, y) for x, y in pairs.tolist()], (width, height))
        if not rect.is_empty:
            out[rect.slices] |= mask
    return out
