"""Lasso: draw round an area; letting go fills it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, CursorShape, Tool, ToolPreview
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.core.brush import polygon_mask
from segstudio.core.lasso import FreehandOutline

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent


class LassoTool(Tool):
    """Press, draw, let go: one edit. Shift, Ctrl or the other end of the pen at the press erases."""

    id = "lasso"
    cursor: CursorShape = "lasso"
    has_guard = True

    _outline: FreehandOutline | None = None
    _shown: FreehandOutline | None = None
    """The outline in screen pixels, thinned to what they can show: long ones must not take long to draw."""
    _step_px = 1.0
    """Image pixels under one of the screen, at the press."""
    _is_erasing = False

    @property
    def points_xy(self) -> tuple[tuple[float, float], ...]:
        """The outline so far without needless points, in image pixels."""
        return () if self._outline is None else tuple(self._outline.points_xy)

    @property
    def is_dragging(self) -> bool:
        """Whether an outline is being drawn."""
        return self._outline is not None

    @property
    def is_busy(self) -> bool:
        """Whether an outline is being drawn."""
        return self._outline is not None

    def press(self, event: PointerEvent) -> None:
        """Begin an outline."""
        if event.button != "left" or self._outline is not None:
            return
        is_erasing = bool(event.modifiers & {"shift", "ctrl"}) or event.kind == "eraser"
        if not may_begin(self.session, is_erasing=is_erasing):
            return
        self._is_erasing = is_erasing
        self._outline = FreehandOutline(event.xy)
        self._step_px = event.px_per_screen
        self._shown = FreehandOutline(self._on_screen(event))
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Go on with the outline."""
        if self._outline is None or self._shown is None:
            return
        self._outline.add(event.xy)
        self._shown.add(self._on_screen(event))
        self.update()

    def release(self, event: PointerEvent) -> None:
        """Fill (or erase) what was drawn round; a mere click does nothing."""
        if event.button != "left" or self._outline is None:
            return
        self._outline.add(event.xy)
        points, is_erasing = self._outline.points_xy, self._is_erasing
        self._forget()
        layer = self.session.labels
        if layer is not None:
            mask, rect = polygon_mask(points, (layer.width, layer.height))
            paint_area(self.session, mask, rect, "Lasso", is_erasing=is_erasing)

    def cancel(self) -> bool:
        """Abandon the outline."""
        was_busy = self._outline is not None
        self._forget()
        return was_busy

    def _forget(self) -> None:
        if self._outline is not None:
            self._outline = self._shown = None
            self.update()

    def _on_screen(self, event: PointerEvent) -> tuple[float, float]:
        return (event.x / self._step_px, event.y / self._step_px)

    def preview(self) -> ToolPreview:
        """The outline, filled as it would be."""
        if self._shown is None:
            return NO_PREVIEW
        path = tuple((x * self._step_px, y * self._step_px) for x, y in self._shown.points_xy)
        return ToolPreview(path_xy=path, color=self.color, is_erasing=self._is_erasing)
