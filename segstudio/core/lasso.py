"""Freehand outlines: points that make no difference to the mask are dropped while the hand goes on."""

from __future__ import annotations

import math

import numpy as np

from segstudio.core.brush import crossings

Point = tuple[float, float]


class FreehandOutline:
    """The outline of a freehand area, thinned as it grows so that its polygon mask stays the very same.

    By the even-odd rule leaving out a point changes just the pixels whose centres lie in the triangle of the point and
    its two neighbours; a point whose triangle holds none is left out.
    """

    def __init__(self, first_xy: Point) -> None:
        self._points: list[Point] = [first_xy]

    @property
    def points_xy(self) -> list[Point]:
        """The points kept, in image pixels; the last one is where the hand is."""
        return self._points

    def add(self, xy: Point) -> None:
        """The hand came to *xy*."""
        points = self._points
        if xy == points[-1]:
            return
        if len(points) >= 2 and triangle_is_empty(points[-2], points[-1], xy):
            points[-1] = xy
        else:
            points.append(xy)


def triangle_is_empty(a: Point, b: Point, c: Point) -> bool:
    """Whether no pixel centre lies in the triangle, edges counted as :func:`segstudio.core.brush.polygon_mask` does."""
    first = math.ceil(min(a[1], b[1], c[1]) - 0.5)
    last = math.ceil(max(a[1], b[1], c[1]) - 0.5)
    if last <= first:
        return True
    # A row of centres is crossed by two of the edges or by none: equal columns cancel.
    left = np.zeros(last - first, np.int64)
    for rows, columns in crossings(np.array((a, b, c), np.float64), (first, last)):
        np.bitwise_xor.at(left, rows - first, columns)
    return not left.any()
