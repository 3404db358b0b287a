"""Fill: gives the contiguous area of one class under the pointer to the current class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.tools.base import Tool
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.core.geometry import Rect
from segstudio.core.regions import class_mask, grow_region

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.core.layers import LabelLayer


class _TooLargeError(Exception):
    """The area is larger than the setting lets fill take."""


class FillTool(Tool):
    """A click fills; with Ctrl it erases the area."""

    id = "fill"
    cursor = "fill"
    has_guard = True

    def press(self, event: PointerEvent) -> None:
        """Fill where the click is."""
        session = self.session
        if event.button != "left":
            return
        is_erasing = "ctrl" in event.modifiers or event.kind == "eraser"
        if not may_begin(session, is_erasing=is_erasing) or session.labels is None:
            return
        try:
            mask, rect = self._area(session.labels, event)
        except _TooLargeError:
            limit = self.settings.integer("fill.max_px")
            session.say(
                f"The area is larger than {limit:,} pixels and was not filled: close its outline, or raise "
                "“Largest area that fill takes” in the settings."
            )
            return
        paint_area(session, mask, rect, "Fill", is_erasing=is_erasing, erased="area")

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def _area(self, layer: LabelLayer, event: PointerEvent) -> tuple[npt.NDArray[np.bool_], Rect]:
        x, y, z = math.floor(event.x), math.floor(event.y), self.session.plane
        nothing = np.zeros((0, 0), np.bool_), Rect(0, 0, 0, 0)
        if not layer.bounds.contains(x, y):
            return nothing
        value = int(layer.read_classes(Rect(x, y, 1, 1), z)[0, 0])
        limit = self.settings.integer("fill.max_px")

        def inside(rect: Rect) -> npt.NDArray[np.bool_]:
            # A window holds more than the area; past four times the limit the search itself would be slow.
            if rect.width * rect.height > max(4 * limit, 1 << 22):
                raise _TooLargeError
            return class_mask(layer, rect, value, z)

        mask, rect = grow_region(inside, (x, y), layer.bounds)
        if int(np.count_nonzero(mask)) > limit:
            raise _TooLargeError
        return mask, rect
