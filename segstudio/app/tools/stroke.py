"""What all brushes share: the ring, pen pressure, straight lines, and a stroke that is one edit."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, Ring, Tool, ToolPreview
from segstudio.app.tools.painting import begin_stroke

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent, PreviewArea
    from segstudio.app.tools.painting import PaintStroke
    from segstudio.core.geometry import Rect

    Point = tuple[float, float]
    Dab = tuple[npt.NDArray[np.bool_], Rect]

LEAST_PRESSURE = 0.1
"""A pen that barely touches still paints this share of the size."""


class StrokeTool(Tool):
    """A brush: what it paints between two positions is what :meth:`dabs` says.

    Shift: a straight line from where the last stroke ended. Ctrl, or the other end of the pen, at the start: erases.
    """

    cursor = "none"
    has_guard = True
    always_erases = False
    what = "Paint"
    """Its strokes in the history: this and the class."""

    _stroke: PaintStroke | None = None
    _last_xy: Point | None = None
    _end_xy: Point | None = None
    _end_image: int | None = None
    _hover: Ring | None = None
    _line_from: Point | None = None

    # -- what each brush does its own way ------------------------------------------------------------------------

    @abstractmethod
    def dabs(self, start_xy: Point, end_xy: Point, size_px: float) -> Iterable[Dab]:
        """What a brush of *size_px* paints from *start_xy* to *end_xy*: masks (h, w) bool and their rectangles."""

    def stroke_begins(self, event: PointerEvent) -> bool:
        """A stroke is about to begin; False keeps it from doing so."""
        return True

    def hover_area(self, ring: Ring) -> PreviewArea | None:
        """What a click here would paint, where that is not plain from the ring."""
        return None

    # -- events --------------------------------------------------------------------------------------------------

    @property
    def is_dragging(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

    @property
    def is_busy(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

    def _erases(self, event: PointerEvent) -> bool:
        return self.always_erases or event.kind == "eraser" or "ctrl" in event.modifiers

    def press(self, event: PointerEvent) -> None:
        """Begin a stroke."""
        if event.button != "left" or self._stroke is not None or not self.stroke_begins(event):
            return
        is_erasing = self._erases(event)
        self._stroke = begin_stroke(self.session, self.what, is_erasing=is_erasing)
        if self._stroke is not None:
            self._sweep(self._line_start(event) or event.xy, event)

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Go on with the stroke, or only move the ring."""
        if self._stroke is not None and self._last_xy is not None and event.xy != self._last_xy:
            self._sweep(self._last_xy, event)
        else:
            self._set_ring(event)

    def release(self, event: PointerEvent) -> None:
        """End the stroke: one edit, on disk before the next event."""
        if event.button != "left" or self._stroke is None:
            return
        if event.xy != self._last_xy and self._last_xy is not None:
            self._sweep(self._last_xy, event)
        stroke, self._stroke = self._stroke, None
        self._end_xy, self._end_image, self._last_xy = event.xy, self.session.image_id, None
        if stroke is not None:
            stroke.commit()
        self.update()

    def cancel(self) -> bool:
        """Abandon the stroke."""
        stroke, self._stroke, self._last_xy = self._stroke, None, None
        if stroke is None:
            return False
        stroke.abort()
        self.update()
        return True

    def leave(self) -> None:
        """Hide the ring."""
        if self._stroke is None and self._hover is not None:
            self._hover = None
            self.update()

    def deactivate(self) -> None:
        """Another tool takes over."""
        self.cancel()
        self._hover = None

    def _sweep(self, start_xy: Point, event: PointerEvent) -> None:
        stroke = self._stroke
        if stroke is None or not stroke.is_open:
            self._stroke = None  # the session ended it (another image, undo)
            return
        for mask, rect in self.dabs(start_xy, event.xy, self.size_of(event)):
            stroke.put(mask, rect)
        self._last_xy = event.xy
        self._set_ring(event)

    def _line_start(self, event: PointerEvent) -> Point | None:
        """Where a straight line to here would begin: with Shift held, where the last stroke on this image ended."""
        holds = "shift" in event.modifiers and self._end_image == self.session.image_id
        return self._end_xy if holds else None

    def size_of(self, event: PointerEvent) -> float:
        """Full width of the brush at an event, in image pixels: a pen's pressure scales it where the setting says so."""
        if event.kind in ("pen", "eraser") and self.settings.flag("paint.uses_pressure"):
            return max(1.0, self.size_px * min(max(event.pressure, LEAST_PRESSURE), 1.0))
        return self.size_px

    # -- what is seen --------------------------------------------------------------------------------------------

    def _set_ring(self, event: PointerEvent) -> None:
        is_drawing = self._stroke is not None
        is_erasing = self._stroke.is_erasing if self._stroke is not None else self._erases(event)
        self._hover = Ring(event.x, event.y, self.size_of(event), self.shape, is_erasing)
        self._line_from = None if is_drawing else self._line_start(event)
        self.update()

    def preview(self) -> ToolPreview:
        """The ring; where it is not plain, also what a click would paint."""
        if self._hover is None:
            return NO_PREVIEW
        ring = self._hover
        areas: tuple[PreviewArea, ...] = ()
        if self._stroke is None:
            # A pen that hovers has no pressure, and the size may have changed since the last move.
            ring = Ring(ring.x, ring.y, self.size_px, self.shape, ring.is_erasing)
            area = None if self._line_from is not None else self.hover_area(ring)
            areas = () if area is None else (area,)
        line = () if self._line_from is None else (self._line_from, (ring.x, ring.y))
        return ToolPreview(ring=ring, path_xy=line, color=self.color, is_erasing=ring.is_erasing, areas=areas)
