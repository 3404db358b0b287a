"""Brush and eraser: strokes swept between pointer positions, each stroke one edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, Ring, Tool, ToolPreview
from segstudio.core.brush import stroke_mask

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent
    from segstudio.core.edits import Transaction

LEAST_PRESSURE = 0.1
"""A pen that barely touches still paints this share of the size."""


class BrushTool(Tool):
    """Paints the current class. Shift: a straight line from where the last stroke ended. Ctrl at the start: erases."""

    id = "brush"
    cursor = "none"
    size_key = "brush.size_px"
    has_guard = True
    shape_key = "brush.shape"
    always_erases = False

    _transaction: Transaction | None = None
    _segment_id = 0
    _last_xy: tuple[float, float] | None = None
    _end_xy: tuple[float, float] | None = None
    _end_image: int | None = None
    _hover: Ring | None = None
    _line_from: tuple[float, float] | None = None

    @property
    def is_dragging(self) -> bool:
        """Whether a stroke is under way."""
        return self._transaction is not None

    @property
    def is_busy(self) -> bool:
        """Whether a stroke is under way."""
        return self._transaction is not None

    def _erases(self, event: PointerEvent) -> bool:
        return self.always_erases or event.kind == "eraser" or "ctrl" in event.modifiers

    def press(self, event: PointerEvent) -> None:
        """Begin a stroke."""
        if event.button != "left" or self._transaction is not None:
            return
        session = self.session
        is_erasing = self._erases(event)
        if not session.can_edit:
            session.refuses_edits()
            return
        if not is_erasing and not session.can_paint():
            return
        chosen = session.current_class
        label = "Erase" if is_erasing or chosen is None else f"Paint {chosen.name}"
        transaction = session.begin(label, guard=session.erase_guard if is_erasing else None)
        if transaction is None:
            return
        self._transaction = transaction
        self._segment_id = 0 if is_erasing else session.paint_segment(transaction)
        self._sweep(self._line_start(event) or event.xy, event)

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Go on with the stroke, or only move the ring."""
        if self._transaction is not None and self._last_xy is not None and event.xy != self._last_xy:
            self._sweep(self._last_xy, event)
        else:
            self._set_ring(event)

    def release(self, event: PointerEvent) -> None:
        """End the stroke: one edit, on disk before the next event."""
        if event.button != "left" or self._transaction is None:
            return
        if event.xy != self._last_xy and self._last_xy is not None:
            self._sweep(self._last_xy, event)
        transaction, self._transaction = self._transaction, None
        self._end_xy, self._end_image, self._last_xy = event.xy, self.session.image_id, None
        if transaction.is_open:
            self.session.commit(transaction)
        self.update()

    def cancel(self) -> bool:
        """Abandon the stroke."""
        transaction, self._transaction, self._last_xy = self._transaction, None, None
        if transaction is None:
            return False
        self.session.abort(transaction)
        self.update()
        return True

    def leave(self) -> None:
        """Hide the ring."""
        if self._transaction is None and self._hover is not None:
            self._hover = None
            self.update()

    def deactivate(self) -> None:
        """Another tool takes over."""
        self.cancel()
        self._hover = None

    def _sweep(self, start_xy: tuple[float, float], event: PointerEvent) -> None:
        transaction = self._transaction
        if transaction is None or not transaction.is_open:
            self._transaction = None  # the session ended it (another image, undo)
            return
        mask, rect = stroke_mask([start_xy, event.xy], self._size_of(event), self.shape)
        z = self.session.plane
        if self._segment_id:
            dirty = transaction.paint(mask, rect.x, rect.y, self._segment_id, z)
        else:
            dirty = transaction.erase(mask, rect.x, rect.y, z)
        self._last_xy = event.xy
        self.session.painted(dirty)
        self._set_ring(event)

    def _line_start(self, event: PointerEvent) -> tuple[float, float] | None:
        """Where a straight line to here would begin: with Shift held, where the last stroke on this image ended."""
        holds = "shift" in event.modifiers and self._end_image == self.session.image_id
        return self._end_xy if holds else None

    def _size_of(self, event: PointerEvent) -> float:
        if event.kind in ("pen", "eraser") and self.settings.flag("paint.uses_pressure"):
            return max(1.0, self.size_px * min(max(event.pressure, LEAST_PRESSURE), 1.0))
        return self.size_px

    def _set_ring(self, event: PointerEvent) -> None:
        is_erasing = self._erases(event) if self._transaction is None else not self._segment_id
        self._hover = Ring(event.x, event.y, self._size_of(event), self.shape, is_erasing)
        self._line_from = self._line_start(event) if self._transaction is None else None
        self.update()

    def preview(self) -> ToolPreview:
        """The ring."""
        if self._hover is None:
            return NO_PREVIEW
        ring = self._hover
        if self._transaction is None:
            ring = Ring(ring.x, ring.y, self.size_px, self.shape, ring.is_erasing)
        line = () if self._line_from is None else (self._line_from, (ring.x, ring.y))
        return ToolPreview(ring=ring, path_xy=line, color=self.color, is_erasing=ring.is_erasing)


class EraserTool(BrushTool):
    """Erases labels; has a size and shape of its own."""

    id = "eraser"
    size_key = "eraser.size_px"
    shape_key = "eraser.shape"
    always_erases = True
