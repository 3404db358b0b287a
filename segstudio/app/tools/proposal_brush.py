"""Accept and reject: click an object of the proposal, or brush over it; each is one edit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, CursorShape, Ring, Tool, ToolPreview
from segstudio.core.brush import stroke_mask
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent

CLICK_SCREEN_PX = 4.0
"""A press that moves less than this, in screen pixels, is a click."""


class AcceptTool(Tool):
    """A click takes the whole object under the pointer; a stroke what it goes over. Ctrl does the opposite."""

    id = "accept"
    cursor: CursorShape = "accept"
    size_key = "proposal_brush.size_px"
    accepts = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._points: list[tuple[float, float]] = []
        self._start_screen = (0.0, 0.0)
        self._is_stroke = False
        self._is_opposite = False
        self._hover: tuple[float, float] | None = None

    @property
    def is_dragging(self) -> bool:
        """Whether the button is held."""
        return bool(self._points)

    @property
    def is_busy(self) -> bool:
        """Whether the button is held."""
        return bool(self._points)

    def press(self, event: PointerEvent) -> None:
        """Begin a click or a stroke."""
        session = self.session
        if event.button != "left" or self._points:
            return
        if not session.can_edit:
            session.refuses_edits()
            return
        self._points = [event.xy]
        self._start_screen = event.screen_xy
        self._is_stroke = False
        self._is_opposite = "ctrl" in event.modifiers
        self._hover = event.xy
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Go on with the stroke."""
        self._hover = event.xy
        if self._points:
            moved = math.dist(self._start_screen, event.screen_xy)
            far = math.dist(self._points[0], event.xy) / max(event.px_per_screen, 1e-9)
            self._is_stroke = self._is_stroke or max(moved, far) > CLICK_SCREEN_PX
            if event.xy != self._points[-1]:
                self._points.append(event.xy)
        self.update()

    def release(self, event: PointerEvent) -> None:
        """Accept or reject."""
        if event.button != "left" or not self._points:
            return
        points, self._points = self._points, []
        proposals = self.session.proposals
        accepts = self.accepts != self._is_opposite
        self.update()
        if not self._is_stroke:
            (proposals.accept_at if accepts else proposals.reject_at)(*points[0])
            return
        layer = self.session.labels
        if layer is None:
            return
        mask, rect = stroke_mask(points, self.size_px, self.shape)
        inside = rect.intersected(Rect(0, 0, layer.width, layer.height))
        if inside.is_empty:
            return
        cut = mask[inside.moved(-rect.x, -rect.y).slices]
        (proposals.accept_mask if accepts else proposals.reject_mask)(inside, cut)

    def cancel(self) -> bool:
        """Abandon the stroke."""
        was_busy = bool(self._points)
        self._points = []
        if was_busy:
            self.update()
        return was_busy

    def leave(self) -> None:
        """Hide the ring."""
        self._hover = None
        self.update()

    def preview(self) -> ToolPreview:
        """The ring and the way so far."""
        if self._hover is None and not self._points:
            return NO_PREVIEW
        accepts = self.accepts != (self._is_opposite and bool(self._points))
        ring = None
        if self._hover is not None:
            ring = Ring(*self._hover, self.size_px, self.shape, not accepts)
        path = tuple(self._points) if self._is_stroke else ()
        return ToolPreview(ring=ring, path_xy=path, color="#009e73" if accepts else "#d55e00", is_erasing=not accepts)


class RejectTool(AcceptTool):
    """Drops what is clicked or brushed over."""

    id = "reject"
    cursor: CursorShape = "reject"
    accepts = False
