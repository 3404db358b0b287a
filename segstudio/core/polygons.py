"""Masks as polygons that follow the pixels' edges, so that any rasteriser gives back the very same pixels."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from segstudio.core.geometry import Rect

Loop = list[tuple[int, int]]
"""Corners (x, y) of a closed outline, on pixel corners; consecutive ones differ in one coordinate."""


def outlines(mask: npt.NDArray[Any], x: int = 0, y: int = 0) -> tuple[list[Loop], list[Loop]]:
    """(outer outlines, outlines of holes) of a (y, x) boolean mask whose corner lies at (*x*, *y*).

    Parts that meet only at a corner have outlines of their own. Outer ones run clockwise as seen (y downwards), holes
    the other way. The even-odd rule and the non-zero rule both fill them to exactly the mask.
    """
    return outlines_of_strips([mask], x, y)


def outlines_of_strips(
    strips: Iterable[npt.NDArray[Any]], x: int = 0, y: int = 0
) -> tuple[list[Loop], list[Loop]]:
    """As :func:`outlines` of a mask that comes in (y, x) strips from the top; memory follows the outlines."""
    corners = _corner_links(_corners(strips))
    count = corners.xs.size
    outer: list[Loop] = []
    holes: list[Loop] = []
    is_done = np.zeros(count, np.bool_)
    across, along = corners.across.tolist(), corners.along.tolist()
    xs, ys = (corners.xs + x).tolist(), (corners.ys + y).tolist()
    # Corners 0-1, 2-3, … of a row are the ends of horizontal edges: below its left end is the pixel under an edge.
    fills_below = corners.fills_below.tolist()
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
        left = min(first, across[first])
        if fills_below[left] != (xs[first] < xs[across[first]]):
            loop.reverse()
            area = -area
        (outer if area > 0 else holes).append(loop)
    return outer, holes


@dataclass(frozen=True, eq=False)
class _Corners:
    """Corners of the outlines, row by row from the left; one where two parts meet diagonally counts twice.

    ``across`` and ``along`` are the partners on the same row and in the same column.
    """

    ys: npt.NDArray[np.intp]
    xs: npt.NDArray[np.intp]
    fills_below: npt.NDArray[np.bool_]
    across: npt.NDArray[np.intp]
    along: npt.NDArray[np.intp]


def _corners(strips: Iterable[npt.NDArray[Any]]) -> list[tuple[npt.NDArray[Any], ...]]:
    """(ys, xs, times, rising, fills below) of each strip."""
    found = []
    above: npt.NDArray[np.bool_] | None = None
    y = 0
    for strip in strips:
        filled = np.pad(np.asarray(strip) != 0, ((1, 0), (1, 1)))
        if above is not None:
            filled[0] = above
        found.append(_strip_corners(filled, y))
        y += len(strip)
        above = filled[-1]
    if above is not None:
        found.append(_strip_corners(np.stack([above, np.zeros_like(above)]), y))
    return found


def _strip_corners(filled: npt.NDArray[np.bool_], y: int) -> tuple[npt.NDArray[Any], ...]:
    """Corners between the rows of *filled* (with a margin at both sides), the first of which lies at *y*."""
    up_left, up_right = filled[:-1, :-1], filled[:-1, 1:]
    low_left, low_right = filled[1:, :-1], filled[1:, 1:]
    turns = up_left ^ up_right ^ low_left ^ low_right
    touching = (up_left == low_right) & (up_right == low_left) & (up_left != up_right)
    times = turns.astype(np.uint8) + 2 * touching.astype(np.uint8)
    ys, xs = np.nonzero(times)
    return ys + y, xs, times[ys, xs], up_right[ys, xs], low_right[ys, xs]


def _corner_links(parts: list[tuple[npt.NDArray[Any], ...]]) -> _Corners:
    if not parts:
        empty, none = np.zeros(0, np.intp), np.zeros(0, np.bool_)
        return _Corners(empty, empty, none, empty, empty)
    ys, xs, repeat, rising, below = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    is_double = np.repeat(repeat == 2, repeat)
    rising, below = np.repeat(rising, repeat), np.repeat(below, repeat)
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
    return _Corners(ys, xs, below, across, along)


def parts_of(outer: Iterable[Loop], holes: Iterable[Loop]) -> list[tuple[Loop, list[Loop]]]:
    """(outline, its holes) of every connected (4-connected) part, from :func:`outlines`.

    Rings that touch themselves at a corner are cut there, so that each is simple, as OGC Simple Features want it.
    """
    rings = [ring for loop in (*outer, *holes) for ring in _simple_rings(loop)]
    shells = [ring for ring in rings if _doubled_area(ring) > 0]
    inner = [ring for ring in rings if _doubled_area(ring) < 0]
    parts: list[tuple[Loop, list[Loop]]] = [(shell, []) for shell in shells]
    if inner:
        for ring, part in zip(inner, _owners(shells, inner), strict=True):
            parts[part][1].append(ring)
    return parts


def _doubled_area(ring: Loop) -> int:
    """Above 0 for rings that run clockwise as seen."""
    ends = ring[1:] + ring[:1]
    return sum(x * other_y - other_x * y for (x, y), (other_x, other_y) in zip(ring, ends, strict=True))


def _simple_rings(loop: Loop) -> list[Loop]:
    if len(set(loop)) == len(loop):
        return [loop]
    rings: list[Loop] = []
    path: Loop = []
    place: dict[tuple[int, int], int] = {}
    for point in loop:
        if point in place:
            start = place[point]
            rings.append(path[start:])
            for passed in path[start + 1 :]:
                del place[passed]
            del path[start + 1 :]
        else:
            place[point] = len(path)
            path.append(point)
    rings.append(path)
    return [_without_straight_corners(ring) for ring in rings if len(ring) >= 4]


def _without_straight_corners(ring: Loop) -> Loop:
    count = len(ring)
    return [
        point
        for index, point in enumerate(ring)
        if len({ring[index - 1][0], point[0], ring[(index + 1) % count][0]}) > 1
        and len({ring[index - 1][1], point[1], ring[(index + 1) % count][1]}) > 1
    ]


def _owners(shells: list[Loop], holes: list[Loop]) -> list[int]:
    """The index of the shell that each hole lies in: that of the edge next to its left in the row above it."""
    events: list[tuple[int, int, int, int]] = []  # (row, 0 ends / 1 asks / 2 begins, x, ring)
    rings = [*shells, *holes]
    for number, ring in enumerate(rings):
        for (x, y), (_, other_y) in zip(ring, ring[1:] + ring[:1], strict=True):
            if y != other_y:
                events += [(min(y, other_y), 2, x, number), (max(y, other_y), 1, x, number)]
    for number, ring in enumerate(holes, start=len(shells)):
        x, y = min(ring, key=lambda point: (point[1], point[0]))
        # The row above is still there when the edges that end at y are not yet taken away.
        events.append((y, 0, x, number))
    owner = list(range(len(shells))) + [-1] * len(holes)
    active: list[tuple[int, int]] = []
    for _, kind, x, number in sorted(events):
        if kind == 2:
            insort(active, (x, number))
        elif kind == 1:
            del active[bisect_left(active, (x, number))]
        else:
            owner[number] = owner[active[bisect_left(active, (x + 1, -1)) - 1][1]]
    return owner[len(shells) :]


def fill_rings(rings: Iterable[Loop], rect: Rect) -> npt.NDArray[np.bool_]:
    """(rect.height, rect.width) bool: what outlines on pixel corners fill by the even-odd rule inside *rect*."""
    turns = np.zeros((rect.height + 1, rect.width + 1), np.int32)
    columns: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    for ring in rings:
        for (x, y), (_, other_y) in zip(ring, ring[1:] + ring[:1], strict=True):
            low, high = min(y, other_y) - rect.y, max(y, other_y) - rect.y
            if low < high and high > 0 and low < rect.height and x < rect.right:
                columns.append(max(x - rect.x, 0))
                starts.append(max(low, 0))
                ends.append(min(high, rect.height))
    np.add.at(turns, (starts, columns), 1)
    np.add.at(turns, (ends, columns), -1)
    crossings = turns.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
    return np.asarray(crossings[:-1, :-1] % 2 == 1)


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
