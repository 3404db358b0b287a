"""Pan: moves the picture under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.tools.base import CursorShape, Tool

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent


class PanTool(Tool):
    """Drag to move."""

    id = "pan"
    cursor: CursorShape = "open_hand"
    _last: tuple[float, float] | None = None

    @property
    def is_dragging(self) -> bool:
        """Whether the picture is held."""
        return self._last is not None

    def press(self, event: PointerEvent) -> None:
        """Grab."""
        if event.button == "left":
            self._last = event.screen_xy
            self.cursor = "closed_hand"
            self.update()

    def move(self, event: PointerEvent) -> None:
        """Move the picture."""
        if self._last is None:
            return
        dx, dy = event.screen_xy[0] - self._last[0], event.screen_xy[1] - self._last[1]
        self._last = event.screen_xy
        if self.context.view is not None:
            self.context.view.pan_by(dx, dy)

    def release(self, event: PointerEvent) -> None:
        """Let go."""
        if event.button == "left":
            self.cancel()

    def cancel(self) -> bool:
        """Let go; the picture stays where it is."""
        was_held = self._last is not None
        self._last = None
        self.cursor = "open_hand"
        if was_held:
            self.update()
        return was_held
