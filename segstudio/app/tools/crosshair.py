"""Cross-hair: shows the same voxel in all views of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.tools.base import CursorShape, Tool

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent


class CrossHairTool(Tool):
    """Click or drag to move the cross-hair."""

    id = "crosshair"
    cursor: CursorShape = "cross"
    _is_held = False

    @property
    def is_dragging(self) -> bool:
        """Whether the cross-hair is held."""
        return self._is_held

    def press(self, event: PointerEvent) -> None:
        """Take it here."""
        if event.button == "left":
            self._is_held = True
            self.session.crosshair.move_to(event.x, event.y)

    def move(self, event: PointerEvent) -> None:
        """Take it along."""
        if self._is_held:
            self.session.crosshair.move_to(event.x, event.y)

    def release(self, event: PointerEvent) -> None:
        """Leave it."""
        if event.button == "left":
            self._is_held = False

    def cancel(self) -> bool:
        """Leave it where it is."""
        was_held, self._is_held = self._is_held, False
        return was_held
