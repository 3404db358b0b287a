"""Brush stamps, swept strokes and polygons as masks; cost follows the stroke, whatever the image's size.

A pixel (x, y) covers x … x+1 and belongs to a shape when its centre (x + 0.5, y + 0.5) does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

BrushShape = Literal["round", "square"]
_EPSILON = 1e-9
_FAR = 2.0**53
_BATCH = 1 << 20
"""So many crossings of edges and rows are worked out at once."""


def brush_mask(
    size_px: float, shape: BrushShape = "round", center_xy: tuple[float, float] = (0.5, 0.5)
) -> tuple[npt.NDArray[np.bool_], tuple[int, int]]:
    """One stamp of diameter (or side) *size_px* at *center_xy*: ((h, w) bool, (x, y) of its corner)."""
    mask, rect = stroke_mask([center_xy], size_px, shape)
    return mask, (rect.x, rect.y)


def stroke_mask(
    points_xy: Sequence[tuple[float, float]], size_px: float, shape: BrushShape = "round"
) -> tuple[npt.NDArray[np.bool_], Rect]:
    """What a brush of *size_px* sweeps along *points_xy*: ((h, w) bool, its rectangle); not clipped to an image.

    Below 2 px the points snap to pixel centres, so that a thin brush leaves no gaps and always at least one pixel.
    """
    if not points_xy:
        return np.zeros((0, 0), np.bool_), EMPTY
    radius = max(size_px, 1.0) / 2
    points = [(float(x), float(y)) for x, y in points_xy]
    if size_px < 2:
        points = [(math.floor(x) + 0.5, math.floor(y) + 0.5) for x, y in points]
    segments = list(zip(points[:-1], points[1:])) or [(points[0], points[0])]
    rects = [_cover(start, end, radius) for start, end in segments]
    total = EMPTY
    for rect in rects:
        total = total.united(rect)
    if len(segments) == 1:
        return _swept(segments[0], radius, shape, total), total
    out = np.zeros((total.height, total.width), np.bool_)
    for segment, rect in zip(segments, rects):
        out[rect.moved(-total.x, -total.y).slices] |= _swept(segment, radius, shape, rect)
    return out, total


def _cover(start: tuple[float, float], end: tuple[float, float], radius: float) -> Rect:
    x0, x1 = min(start[0], end[0]) - radius, max(start[0], end[0]) + radius
    y0, y1 = min(start[1], end[1]) - radius, max(start[1], end[1]) + radius
    left, top = math.ceil(x0 - 0.5 - _EPSILON), math.ceil(y0 - 0.5 - _EPSILON)
    right, bottom = math.floor(x1 - 0.5 + _EPSILON), math.floor(y1 - 0.5 + _EPSILON)
    return Rect(left, top, max(right - left + 1, 1), max(bottom - top + 1, 1))


def _swept(
    segment: tuple[tuple[float, float], tuple[float, float]], radius: float, shape: BrushShape, rect: Rect
) -> npt.NDArray[np.bool_]:
    """The convex area swept along one segment: each row is one run, found in closed form."""
    rows = np.arange(rect.y, rect.bottom) + 0.5
    low = np.full(rect.height, np.inf)
    high = np.full(rect.height, -np.inf)
    (x0, y0), (x1, y1) = segment
    corners: list[tuple[float, float]]
    if shape == "round":
        for x, y in {(x0, y0), (x1, y1)}:
            squared = radius * radius - (rows - y) ** 2
            half = np.sqrt(np.maximum(squared, 0.0))
            inside = squared >= -_EPSILON
            low[inside] = np.minimum(low, x - half)[inside]
            high[inside] = np.maximum(high, x + half)[inside]
        length = math.hypot(x1 - x0, y1 - y0)
        nx, ny = ((y1 - y0) / length * radius, -(x1 - x0) / length * radius) if length else (0.0, 0.0)
        corners = [(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)]
    else:
        corners = _swept_square((x0, y0), (x1, y1), radius)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
        crossed = (rows >= min(ay, by) - _EPSILON) & (rows <= max(ay, by) + _EPSILON)
        if ay == by:
            low[crossed] = np.minimum(low[crossed], min(ax, bx))
            high[crossed] = np.maximum(high[crossed], max(ax, bx))
            continue
        cut = ax + (rows[crossed] - ay) * ((bx - ax) / (by - ay))
        low[crossed] = np.minimum(low[crossed], cut)
        high[crossed] = np.maximum(high[crossed], cut)
    empty = low > high
    first = np.ceil(np.where(empty, 1.0, low) - 0.5 - rect.x - _EPSILON).astype(np.int32)
    last = np.floor(np.where(empty, 0.0, high) - 0.5 - rect.x + _EPSILON).astype(np.int32)
    first[empty], last[empty] = 1, 0
    columns = np.arange(rect.width, dtype=np.int32)
    mask: npt.NDArray[np.bool_] = columns >= first[:, None]
    mask &= columns <= last[:, None]
    return mask


def _swept_square(start: tuple[float, float], end: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    """Convex hull (six corners at most) of a square moved from start to end."""
    (x0, y0), (x1, y1) = start, end
    if (x1 - x0) * (y1 - y0) < 0:
        # Falling to the left: mirror, so that one case is enough.
        mirrored = _swept_square((-x0, y0), (-x1, y1), radius)
        return [(-x, y) for x, y in mirrored]
    if (x1, y1) < (x0, y0):
        x0, y0, x1, y1 = x1, y1, x0, y0
    r = radius
    return [
        (x0 - r, y0 - r), (x0 + r, y0 - r), (x1 + r, y1 - r),
        (x1 + r, y1 + r), (x1 - r, y1 + r), (x0 - r, y0 + r),
    ]  # fmt: skip


def polygon_mask(
    points_xy: Sequence[tuple[float, float]], size: tuple[int, int] | None = None
) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The inside of a closed polygon by the even-odd rule on pixel centres: ((h, w) bool, its rectangle).

    *size* is the image's (width, height) to clip to. A centre exactly on a left or top edge is inside, on a right or
    bottom edge outside, so that polygons that share an edge share no pixel.
    """
    if len(points_xy) < 3:
        return np.zeros((0, 0), np.bool_), EMPTY
    points = np.asarray(points_xy, np.float64)
    left, top = np.floor(points.min(axis=0)).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int)
    rect = Rect(int(left), int(top), int(right - left), int(bottom - top))
    if size is not None:
        rect = rect.clipped(*size)
    if rect.is_empty:
        return np.zeros((0, 0), np.bool_), EMPTY
    flips = np.zeros((rect.height, rect.width + 1), np.uint8)
    for rows, columns in crossings(points, (rect.y, rect.bottom)):
        np.clip(columns - rect.x, 0, rect.width, out=columns)
        # Two edges may cross a row in the same pixel: each of them counts.
        np.bitwise_xor.at(flips.reshape(-1), (rows - rect.y) * (rect.width + 1) + columns, np.uint8(1))
    np.bitwise_xor.accumulate(flips, axis=1, out=flips)
    return flips[:, :-1].view(np.bool_), rect


def crossings(
    points_xy: npt.NDArray[np.float64], within: tuple[int, int]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Where the edges of a closed polygon (n, 2) cross the rows of pixel centres *within* (first, end).

    Yields (rows, first columns on the edge or right of it), some edges at a time. Each edge gives the same in both
    directions to the last bit, so that polygons that share an edge share no pixel.
    """
    after = np.roll(points_xy, -1, axis=0)
    is_up = (points_xy[:, 1] > after[:, 1]) | ((points_xy[:, 1] == after[:, 1]) & (points_xy[:, 0] > after[:, 0]))
    starts, ends = np.where(is_up[:, None], after, points_xy), np.where(is_up[:, None], points_xy, after)
    # Clipped as floats: a row far outside would not fit into an integer.
    first = np.clip(np.ceil(starts[:, 1] - 0.5), *within).astype(np.int64)
    counts = np.clip(np.ceil(ends[:, 1] - 0.5), *within).astype(np.int64) - first
    crossed = np.flatnonzero(counts)
    batches = np.cumsum(counts[crossed]) // _BATCH
    for batch in np.unique(batches):
        edges = crossed[batches == batch]
        which = np.repeat(edges, counts[edges])
        begun = np.repeat(np.cumsum(counts[edges]) - counts[edges], counts[edges])
        rows = first[which] + np.arange(which.size) - begun
        (ax, ay), (bx, by) = starts[which].T, ends[which].T
        cut = ax + (rows + 0.5 - ay) * ((bx - ax) / (by - ay))
        yield rows, np.ceil(np.clip(cut - 0.5, -_FAR, _FAR)).astype(np.int64)
