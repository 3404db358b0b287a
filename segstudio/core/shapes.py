"""Rectangles and ellipses as masks, and the box that two ends of a drag span.

A pixel (x, y) covers x … x+1 and belongs to a shape when its centre (x + 0.5, y + 0.5) lies inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    import numpy.typing as npt

_NOTHING = np.zeros((0, 0), np.bool_)


@dataclass(frozen=True, slots=True)
class Box:
    """An upright box in image pixels, edges anywhere: ``left`` ≤ ``right``, ``top`` ≤ ``bottom``."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Across."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Down."""
        return self.bottom - self.top

    @property
    def corners_xy(self) -> tuple[tuple[float, float], ...]:
        """The four corners, clockwise from the top left; corner (i + 2) % 4 lies across from corner i."""
        return (
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        )

    def moved(self, dx: float, dy: float) -> Box:
        """Shifted by (dx, dy)."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def holds(self, xy: tuple[float, float]) -> bool:
        """Whether a position lies inside."""
        return self.left <= xy[0] <= self.right and self.top <= xy[1] <= self.bottom

    def pixels(self) -> Rect:
        """The pixels whose centres lie inside; a centre on the left or top edge does, on the right or bottom not."""
        x, y = math.ceil(self.left - 0.5), math.ceil(self.top - 0.5)
        width, height = math.ceil(self.right - 0.5) - x, math.ceil(self.bottom - 0.5) - y
        return Rect(x, y, width, height) if width > 0 and height > 0 else EMPTY


def dragged_box(
    start_xy: tuple[float, float], end_xy: tuple[float, float], *, is_even: bool = False, from_centre: bool = False
) -> Box:
    """The box of a drag from one corner (or the centre) to the other corner.

    ``is_even`` makes it a square: its side is the longer of the two, towards the end.
    """
    dx, dy = end_xy[0] - start_xy[0], end_xy[1] - start_xy[1]
    if is_even:
        side = max(abs(dx), abs(dy))
        dx, dy = math.copysign(side, dx), math.copysign(side, dy)
    x0, y0 = (start_xy[0] - dx, start_xy[1] - dy) if from_centre else start_xy
    x1, y1 = start_xy[0] + dx, start_xy[1] + dy
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def rectangle_mask(box: Box, size: tuple[int, int]) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The inside of *box*, clipped to an image of *size* (width, height): ((h, w) read-only bool, its rectangle).

    The mask takes no memory, however large the box is.
    """
    rect = box.pixels().clipped(*size)
    return np.broadcast_to(np.True_, (rect.height, rect.width)), rect


def ellipse_mask(box: Box, size: tuple[int, int]) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The upright ellipse that touches the sides of *box*, clipped to *size*: ((h, w) bool, its rectangle)."""
    rect = box.pixels().clipped(*size)
    if rect.is_empty:
        return _NOTHING, EMPTY
    centre_x, centre_y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    away = (np.arange(rect.y, rect.bottom) + 0.5 - centre_y) / (box.height / 2)
    half = np.sqrt(np.maximum(1.0 - away * away, 0.0)) * (box.width / 2)
    columns = np.abs(np.arange(rect.x, rect.right) + 0.5 - centre_x)
    mask: npt.NDArray[np.bool_] = columns[None, :] <= half[:, None]
    return mask, rect


def ellipse_outline(box: Box, count: int = 72) -> tuple[tuple[float, float], ...]:
    """Points (x, y) on the rim of the ellipse in *box*, to be drawn as a closed line."""
    turns = np.arange(count) * (2 * math.pi / count)
    xs = (box.left + box.right) / 2 + np.cos(turns) * (box.width / 2)
    ys = (box.top + box.bottom) / 2 + np.sin(turns) * (box.height / 2)
    return tuple(zip(xs.tolist(), ys.tolist(), strict=True))
