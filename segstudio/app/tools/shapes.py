"""Rectangle and ellipse: drag to fill; adjustable before they are filled where the setting says so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, CursorShape, Tool, ToolPreview
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.core.shapes import Box, dragged_box, ellipse_mask, ellipse_outline, rectangle_mask

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.core.geometry import Rect

ADJUSTS = "shape.adjusts"
GRAB_SCREEN_PX = 8.0
"""How near to a corner a press grabs it, in screen pixels."""
SLACK_SCREEN_PX = 3.0
"""A press that moves less than this is a click."""


class RectangleTool(Tool):
    """Shift makes it a square, Alt draws from its centre, Ctrl at the press (or the pen's other end) erases.

    With :data:`ADJUSTS` it stays after letting go: its corners and itself can be dragged until Enter, a double click
    or a press beside it fills it.
    """

    id = "rectangle"
    cursor: CursorShape = "rectangle"
    has_guard = True
    options = (ADJUSTS,)
    follows_modifiers = True
    what = "Rectangle"

    _box: Box | None = None
    _start: tuple[float, float] | None = None
    """Where the drag of a corner began; the corner across from it stays there."""
    _grip: tuple[float, float] | None = None
    """Where the whole shape is held."""
    _start_screen = (0.0, 0.0)
    _has_moved = False
    _hot = -1
    _is_erasing = False

    @property
    def box(self) -> Box | None:
        """What would be filled."""
        return self._box

    @property
    def is_dragging(self) -> bool:
        """Whether a corner or the whole shape is held."""
        return self._start is not None or self._grip is not None

    @property
    def is_busy(self) -> bool:
        """Whether there is a shape that is not filled yet."""
        return self._box is not None

    # -- events --------------------------------------------------------------------------------------------------

    def press(self, event: PointerEvent) -> None:
        """Take a corner or the shape, or begin a new one (what was there is filled)."""
        if event.button != "left" or self.is_dragging:
            return
        self._start_screen, self._has_moved = event.screen_xy, False
        if self._box is not None:
            corner = self._near(event)
            if corner >= 0:
                self._start, self._hot = self._box.corners_xy[(corner + 2) % 4], corner
                return
            if self._box.holds(event.xy):
                self._grip = event.xy
                return
            self._fill()
        is_erasing = "ctrl" in event.modifiers or event.kind == "eraser"
        if not may_begin(self.session, is_erasing=is_erasing):
            return
        self._is_erasing = is_erasing
        self._start, self._hot = event.xy, -1
        self._box = dragged_box(event.xy, event.xy)
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Fill the shape below; elsewhere two quick clicks are two clicks."""
        if self._box is not None and not self.is_dragging and self._box.holds(event.xy):
            self._fill()
        else:
            self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """The shape follows."""
        if not self._has_moved:
            self._has_moved = math.dist(self._start_screen, event.screen_xy) > SLACK_SCREEN_PX or (
                math.dist(self._start or self._grip or event.xy, event.xy) > SLACK_SCREEN_PX * event.px_per_screen
            )
        if self._grip is not None and self._box is not None:
            self._box = self._box.moved(event.x - self._grip[0], event.y - self._grip[1])
            self._grip = event.xy
        elif self._start is not None:
            if self._has_moved:
                held = event.modifiers
                # A corner that is dragged later keeps the one across from it.
                from_centre = "alt" in held and self._hot < 0
                self._box = dragged_box(self._start, event.xy, is_even="shift" in held, from_centre=from_centre)
                if self._hot >= 0:  # it may have been dragged past the one across
                    self._hot = self._nearest(self._box, event)
        else:
            hot = -1 if self._box is None else self._near(event)
            if hot == self._hot:
                return
            self._hot = hot
        self.update()

    def release(self, event: PointerEvent) -> None:
        """Fill, or keep the shape to be adjusted; a mere click does nothing."""
        if event.button != "left" or not self.is_dragging:
            return
        self.move(event)
        is_new = self._start is not None and self._hot < 0
        self._start = self._grip = None
        if is_new and not self._has_moved:
            self._forget()
        elif is_new and not self.settings.flag(ADJUSTS):
            self._fill()
        self.update()

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Enter fills, Backspace and Delete drop the shape."""
        if self._box is None:
            return False
        if name == "enter":
            self._fill()
        elif name in ("backspace", "delete"):
            self.cancel()
        else:
            return False
        return True

    def cancel(self) -> bool:
        """Forget the shape."""
        was_busy = self._box is not None
        self._forget()
        if was_busy:
            self.update()
        return was_busy

    def interrupt(self) -> None:
        """A shape changes no label before it is filled: it stays through undo, unless a hand is on it."""
        if self.is_dragging:
            self.cancel()

    # -- the shape -----------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        box, is_erasing, layer = self._box, self._is_erasing, self.session.labels
        self._forget()
        if box is not None and layer is not None:
            mask, rect = self._mask(box, (layer.width, layer.height))
            paint_area(self.session, mask, rect, self.what, is_erasing=is_erasing)
        self.update()

    def _forget(self) -> None:
        self._box = self._start = self._grip = None
        self._hot = -1

    def _near(self, event: PointerEvent) -> int:
        """Index of the corner under the pointer; -1 none."""
        if self._box is None:
            return -1
        nearest = self._nearest(self._box, event)
        away = math.dist(self._box.corners_xy[nearest], event.xy)
        return nearest if away <= GRAB_SCREEN_PX * event.px_per_screen else -1

    @staticmethod
    def _nearest(box: Box, event: PointerEvent) -> int:
        return min(range(4), key=lambda corner: math.dist(box.corners_xy[corner], event.xy))

    def _mask(self, box: Box, size: tuple[int, int]) -> tuple[npt.NDArray[np.bool_], Rect]:
        return rectangle_mask(box, size)

    def _outline(self, box: Box) -> tuple[tuple[float, float], ...]:
        return box.corners_xy

    def preview(self) -> ToolPreview:
        """The shape, its size in pixels and, once it is let go, its corners."""
        box = self._box
        if box is None:
            return NO_PREVIEW
        pixels = box.pixels()
        return ToolPreview(
            path_xy=self._outline(box),
            is_closed=True,
            handles_xy=() if self._start is not None and self._hot < 0 else box.corners_xy,
            hot_handle=self._hot,
            color=self.color,
            is_erasing=self._is_erasing,
            text=f"{pixels.width} × {pixels.height}" if self.is_dragging else "",
        )


class EllipseTool(RectangleTool):
    """The same, with the ellipse in the box."""

    id = "ellipse"
    cursor: CursorShape = "ellipse"
    what = "Ellipse"

    def _mask(self, box: Box, size: tuple[int, int]) -> tuple[npt.NDArray[np.bool_], Rect]:
        return ellipse_mask(box, size)

    def _outline(self, box: Box) -> tuple[tuple[float, float], ...]:
        return ellipse_outline(box)
