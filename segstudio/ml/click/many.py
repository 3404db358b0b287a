"""Many single clicks on one picture, as «Segment everything» asks them: heads in batches, looks shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.ml.api import Prompts

if TYPE_CHECKING:
    import numpy.typing as npt

PARTS = (2, 4, 8)
"""Closer looks are squares of these parts of the picture's longer side, half a side apart: neighbours share them."""

CUT_SHARE = 0.05


def one_click(point_xy: npt.NDArray[np.float32]) -> Prompts:
    """A single positive point."""
    return Prompts(np.asarray(point_xy, np.float32).reshape(1, 2), np.ones(1, np.bool_))


def shared_square(subject: Rect, room: float, width: int, height: int) -> Rect | None:
    """The smallest of the shared squares that holds *subject* with some room; None when the whole picture must do."""
    longer = max(width, height)
    wanted = room * max(subject.width, subject.height)
    for part in sorted(PARTS, reverse=True):
        side = longer / part
        if side < wanted:
            continue
        step = side / 2
        x = _placed(subject.x + subject.width / 2, side, step, width)
        y = _placed(subject.y + subject.height / 2, side, step, height)
        square = Rect(x, y, min(round(side), width), min(round(side), height))
        if square.width < 8 or square.height < 8:
            return None
        return square
    return None


def is_cut(logits: npt.NDArray[np.float32], rect: Rect) -> bool:
    """Whether an object found in *rect* goes on beyond it: it fills a good part of a side that is not the picture's edge."""
    height, width = logits.shape
    inside = logits[rect.slices] > 0
    sides = (
        (inside[0], rect.y > 0),
        (inside[-1], rect.bottom < height),
        (inside[:, 0], rect.x > 0),
        (inside[:, -1], rect.right < width),
    )
    return any(is_inner and np.count_nonzero(side) > CUT_SHARE * len(side) for side, is_inner in sides)


def _placed(middle: float, side: float, step: float, length: int) -> int:
    """Where the square on the grid begins whose middle is nearest."""
    first = round((middle - side / 2) / step) * step
    return int(min(max(0, round(first)), max(0, length - round(side))))
