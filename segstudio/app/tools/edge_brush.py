"""Edge-aware brush: paints what is connected to the middle of the brush and of like colour, and stops at edges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from segstudio.app.tools.picture_brush import PictureBrushTool
from segstudio.core.cancel import NEVER
from segstudio.core.edge_brush import color_at, edge_dab

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.smart import Picture
    from segstudio.app.tools.stroke import Dab, Point

STRENGTH, KEEPS_COLOR = "edge_brush.strength", "edge_brush.keeps_color"
MOST_SIDE_PX = 512
"""A larger brush looks at the picture reduced to this."""


class EdgeBrushTool(PictureBrushTool):
    """Each dab compares with the colour in its middle, or all of a stroke with the colour where it began."""

    id = "edge_brush"
    size_key = "edge_brush.size_px"
    options = (STRENGTH, KEEPS_COLOR)
    what = "Edge brush"
    steps_per_size = 4.0

    _color: npt.NDArray[np.uint8] | None = None

    def stroke_begins(self, event: PointerEvent) -> bool:
        """Remember the colour that the stroke begins on."""
        self._color = None
        return super().stroke_begins(event)

    def part_of(self, picture: Picture, dab: Dab, end_xy: Point) -> Dab:
        """What is reached from the end of the dab over pixels of like colour."""
        mask, rect = dab
        x, y = math.floor(end_xy[0]), math.floor(end_xy[1])
        if not rect.contains(x, y):
            return np.zeros_like(mask), rect  # the middle lies outside the image
        view = picture.view_of(rect, MOST_SIDE_PX, NEVER)
        tolerance = self.settings.number(STRENGTH) / 100 * 255
        if view.step_xy == (1.0, 1.0):
            return self._found(view.rgb, mask, (x - rect.x, y - rect.y), tolerance), rect
        # One pixel looked at covers several: the brush is reduced alike, and what is found is magnified again.
        height, width = view.rgb.shape[:2]
        rows = _nearest(height, view.step_xy[1], rect.y - view.corner_xy[1], rect.height)
        columns = _nearest(width, view.step_xy[0], rect.x - view.corner_xy[0], rect.width)
        small = mask[rows.small[:, None], columns.small[None, :]]
        middle = int(columns.large[x - rect.x]), int(rows.large[y - rect.y])
        found = self._found(view.rgb, small, middle, tolerance)
        return mask & found[rows.large[:, None], columns.large[None, :]], rect

    def _found(
        self, rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], centre_xy: tuple[int, int], tolerance: float
    ) -> npt.NDArray[np.bool_]:
        color = None
        if self._stroke is not None and self.settings.flag(KEEPS_COLOR):
            if self._color is None:
                self._color = color_at(rgb, *centre_xy)
            color = self._color
        return edge_dab(rgb, mask, centre_xy, tolerance, color)


class _Nearest(NamedTuple):
    """Along one side: which full pixel stands for each reduced one, and which reduced one holds each full pixel."""

    small: npt.NDArray[np.intp]
    large: npt.NDArray[np.intp]


def _nearest(count_small: int, step: float, offset: float, count_large: int) -> _Nearest:
    small = ((np.arange(count_small) + 0.5) * step - offset).astype(np.intp)
    large = ((np.arange(count_large) + 0.5 + offset) / step).astype(np.intp)
    return _Nearest(np.clip(small, 0, count_large - 1), np.clip(large, 0, count_small - 1))
