"""Brush and eraser: everything swept between pointer positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.tools.stroke import StrokeTool
from segstudio.core.brush import stroke_mask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segstudio.app.tools.stroke import Dab, Point


class BrushTool(StrokeTool):
    """Paints the current class."""

    id = "brush"
    size_key = "brush.size_px"
    shape_key = "brush.shape"

    def dabs(self, start_xy: Point, end_xy: Point, size_px: float) -> Iterable[Dab]:
        """All that is swept."""
        return (stroke_mask([start_xy, end_xy], size_px, self.shape),)


class EraserTool(BrushTool):
    """Erases labels; has a size and shape of its own."""

    id = "eraser"
    size_key = "eraser.size_px"
    shape_key = "eraser.shape"
    always_erases = True
