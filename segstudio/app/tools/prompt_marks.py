"""What the click tool draws: points as plus and minus, boxes, and lines by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.tools.base import PreviewLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.prompt_views import Mark

SIGN_SCREEN_PX = 5.0
BELONGS, DOES_NOT = "#19e69a", "#ff4f30"

Point = tuple[float, float]


def lines_of(mark: Mark, px_per_screen: float) -> list[PreviewLine]:
    """A plus, a minus, a box or a line."""
    color = BELONGS if mark.is_positive else DOES_NOT
    if mark.to_xy is not None:
        return box_lines(mark.xy, mark.to_xy)
    if mark.line:
        return [PreviewLine(mark.line, color)]
    step = SIGN_SCREEN_PX * px_per_screen
    x, y = mark.xy
    across = PreviewLine(((x - step, y), (x + step, y)), color)
    return [across, PreviewLine(((x, y - step), (x, y + step)), color)] if mark.is_positive else [across]


def box_lines(one: Point, other: Point) -> list[PreviewLine]:
    """A dashed box between two corners."""
    (left, top), (right, bottom) = one, other
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return [PreviewLine(corners, BELONGS, is_closed=True, is_dashed=True)]


def hand_line(way: Sequence[Point], *, is_positive: bool) -> list[PreviewLine]:
    """A line that is being drawn."""
    return [PreviewLine(tuple(way), BELONGS if is_positive else DOES_NOT)] if len(way) > 1 else []
