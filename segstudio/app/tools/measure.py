"""Measure: lengths along a line, areas of a box or polygon, in pixels and in the image's units. Changes no label."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from segstudio.app.tools.base import NO_PREVIEW, PreviewLine, Tool, ToolPreview
from segstudio.core.measure import GroundScale, in_units, pixels_text, polygon_area, scale_of

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent

GRAB_SCREEN_PX = 8.0
DRAG_SCREEN_PX = 5.0
"""A press that moves more than this, in screen pixels, draws a box."""
COLOR = "#ffd60a"


class MeasureTool(Tool):
    """Clicks make a line, a double click or Enter ends it; on its first point it becomes an area; a drag makes a box."""

    id = "measure"
    cursor = "cross"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._points: list[tuple[float, float]] = []
        self._shape: Literal["line", "area"] = "line"
        self._is_open = False
        self._is_boxing = False
        self._dragged = -1
        self._hot = -1
        self._pressed: PointerEvent | None = None
        self._pointer: tuple[float, float] | None = None

    @property
    def points_xy(self) -> tuple[tuple[float, float], ...]:
        """What is measured, in image pixels: a line, or the corners of an area."""
        return tuple(self._points)

    @property
    def is_area(self) -> bool:
        """Whether it is an area."""
        return self._shape == "area"

    @property
    def is_dragging(self) -> bool:
        """Whether the button is held."""
        return self._pressed is not None

    @property
    def is_busy(self) -> bool:
        """Whether anything is measured or shown."""
        return bool(self._points)

    def wants_key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """A finished measurement takes only Esc."""
        return name == "escape" or (self._is_open and super().wants_key(name, modifiers))

    # -- the pointer ---------------------------------------------------------------------------------------------

    def press(self, event: PointerEvent) -> None:
        """Grab a point, set the next one, or begin anew."""
        if event.button != "left":
            return
        self._pressed, self._pointer = event, event.xy
        self._dragged = self._near(event)
        if self._dragged < 0:
            if not self._is_open:
                self._points, self._shape, self._is_open = [], "line", True
            self._points.append(event.xy)
        self.update()

    def move(self, event: PointerEvent) -> None:
        """Drag a point or a box, or show where the line would go."""
        self._pointer = event.xy
        if self._pressed is None or "left" not in event.buttons:
            self._hot = self._near(event)
        elif self._dragged >= 0:
            if self._has_left(event):
                self._points[self._dragged] = event.xy
        elif self._is_boxing or (len(self._points) == 1 and self._has_left(event)):
            self._is_boxing, self._shape = True, "area"
            (x0, y0), (x1, y1) = self._pressed.xy, event.xy
            self._points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        elif self._points:
            self._points[-1] = event.xy
        if self._points:
            self.update()

    def release(self, event: PointerEvent) -> None:
        """Let go; a click on the first point closes an area."""
        if event.button != "left" or self._pressed is None:
            return
        closes = self._is_open and self._dragged == 0 and not self._has_left(event) and len(self._points) >= 3
        if closes:
            self._shape = "area"
        if closes or self._is_boxing:
            self._is_open = False
        self._pressed, self._dragged, self._is_boxing = None, -1, False
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """End the line; the first click of the two has set its point."""
        if not self._is_open:
            self.press(event)
            return True
        self._end()
        return True

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Enter ends the line, Backspace takes its last point back."""
        if not self._is_open:
            return False
        if name == "enter":
            self._end()
        elif name in ("backspace", "delete"):
            self._points.pop()
            self._is_open = bool(self._points)
        else:
            return False
        self.update()
        return True

    def cancel(self) -> bool:
        """Forget what was measured."""
        was_busy = bool(self._points)
        self._points, self._is_open, self._is_boxing = [], False, False
        self._pressed, self._dragged, self._hot = None, -1, -1
        if was_busy:
            self.update()
        return was_busy

    def interrupt(self) -> None:
        """It changes no label: it stays through edits."""

    def plane_changed(self) -> None:
        """The planes lie over one another: it stays."""

    def leave(self) -> None:
        """No line to a pointer that is gone."""
        self._pointer = None
        self.update()

    def _end(self) -> None:
        self._is_open = False
        if len(self._points) < 2:
            self._points = []
        self.update()

    def _has_left(self, event: PointerEvent) -> bool:
        assert self._pressed is not None
        return math.dist(self._pressed.xy, event.xy) > DRAG_SCREEN_PX * event.px_per_screen

    def _near(self, event: PointerEvent) -> int:
        reach = GRAB_SCREEN_PX * event.px_per_screen
        found = [(math.dist(point, event.xy), index) for index, point in enumerate(self._points)]
        distance, index = min(found, default=(math.inf, -1))
        return index if distance <= reach else -1

    # -- figures -------------------------------------------------------------------------------------------------

    def scale(self) -> GroundScale:
        """What a pixel measures in the image at hand."""
        reader = self.session.reader
        return GroundScale() if reader is None else scale_of(reader.info.metadata)

    def figures(self) -> str:
        """What is measured, in words: pixels, then the image's units; "" while there is nothing."""
        return self._figures(self._path())

    def copied_text(self) -> str:
        """The figures, for Ctrl+C."""
        return self.figures()

    def _path(self) -> list[tuple[float, float]]:
        """The points, and the pointer while the line goes on."""
        follows = self._is_open and self._pressed is None and self._pointer is not None and self._shape == "line"
        return [*self._points, self._pointer] if follows and self._pointer is not None else list(self._points)

    def _figures(self, points: list[tuple[float, float]]) -> str:
        if len(points) < 2:
            return ""
        scale = self.scale()
        if self._shape == "line":
            length = sum(math.dist(*pair) for pair in zip(points[:-1], points[1:]))
            return _joined(pixels_text(length, "length"), in_units(scale, scale.length(points), "length"))
        ring = [*points, points[0]]
        area = _joined(pixels_text(polygon_area(points), "area"), in_units(scale, scale.area(points), "area"))
        length = sum(math.dist(*pair) for pair in zip(ring[:-1], ring[1:]))
        around = in_units(scale, scale.length(ring), "length") or pixels_text(length, "length")
        return f"{area}, outline {around}"

    def preview(self) -> ToolPreview:
        """The line or area with its figures."""
        if not self._points:
            return NO_PREVIEW
        path = self._path()
        line = PreviewLine(tuple(path), COLOR, is_closed=self.is_area, text=self._figures(path))
        return ToolPreview(
            lines=(line,),
            handles_xy=tuple(self._points),
            hot_handle=self._dragged if self._dragged >= 0 else self._hot,
            color=COLOR,
        )


def _joined(pixels: str, units: str) -> str:
    return f"{pixels} · {units}" if units else pixels
