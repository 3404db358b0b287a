"""Polygon: click around an area; vertices can be dragged, added and dropped until it is committed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, ToolPreview
from segstudio.app.tools.outline import GRAB_SCREEN_PX, OutlineTool
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.core.brush import polygon_mask

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent


class PolygonTool(OutlineTool):
    """Enter, double-click or a click on the first vertex fills it; Shift (or Ctrl) then erases.

    Shift-click on an edge adds a vertex there, Backspace drops the last one, Delete the one under the pointer.
    """

    id = "polygon"
    cursor = "cross"
    has_guard = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self._dragged = -1
        self._hot = -1
        self._added: tuple[float, float] | None = None
        self._has_moved = False
        self._is_erasing = False

    @property
    def is_dragging(self) -> bool:
        """Whether a vertex is being dragged."""
        return self._dragged >= 0

    def press(self, event: PointerEvent) -> None:
        """Grab a vertex, or set one."""
        if event.button != "left":
            return
        if not self._nodes:
            self._is_erasing = _erases(event.modifiers) or event.kind == "eraser"
            if not may_begin(self.session, is_erasing=self._is_erasing):
                return
        self._dragged = self._near(event)
        self._has_moved = False
        if self._dragged < 0:
            self._dragged, at = self._new_vertex(event) or (len(self._nodes), event.xy)
            self._nodes.insert(self._dragged, at)
            self._has_moved = True  # a new one: letting go over it must not close the polygon
        self._added = None
        self._pointer = event.xy
        self.update()

    def move(self, event: PointerEvent) -> None:
        """Drag the grabbed vertex, or show where the next line would go."""
        self._pointer = event.xy
        if self._dragged >= 0 and "left" in event.buttons:
            if not self._has_moved:
                start = self._nodes[self._dragged]
                slack = GRAB_SCREEN_PX / 2 * event.px_per_screen
                self._has_moved = math.dist(start, event.xy) > slack
            if self._has_moved:
                self._nodes[self._dragged] = event.xy
        else:
            self._hot = self._near(event)
            new = self._new_vertex(event) if self._hot < 0 else None
            self._added = None if new is None else new[1]
        if self._nodes:
            self.update()

    def release(self, event: PointerEvent) -> None:
        """Let go; a click on the first vertex closes the polygon."""
        if event.button != "left" or self._dragged < 0:
            return
        is_close = self._dragged == 0 and not self._has_moved and len(self._nodes) >= 3
        self._hot, self._dragged = self._dragged, -1
        if is_close:
            self._commit(_erases(event.modifiers))
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Commit; the first click of the two has set its vertex already."""
        if not self._nodes:
            return False
        self._dragged = -1
        self._commit(_erases(event.modifiers))
        return True

    def _fill_outline(self, modifiers: frozenset[str]) -> None:
        self._commit(_erases(modifiers))

    def _drop_node(self, key: str) -> None:
        """Backspace drops the last vertex, Delete the one under the pointer."""
        self._nodes.pop(self._hot if key == "delete" and 0 <= self._hot < len(self._nodes) else -1)
        self._dragged = self._hot = -1

    def _reset(self) -> None:
        self._nodes.clear()
        self._dragged = self._hot = -1
        self._added = None
        self._has_moved = self._is_erasing = False

    def _commit(self, is_erasing: bool) -> None:
        session = self.session
        points, is_erasing = list(self._nodes), is_erasing or self._is_erasing
        if len(points) < 3:
            session.say("A polygon needs at least three points.")
            return
        layer = session.labels
        if layer is None or (not is_erasing and not session.can_paint()):
            return
        self._reset()
        mask, rect = polygon_mask(points, (layer.width, layer.height))
        paint_area(session, mask, rect, "Polygon", is_erasing=is_erasing)

    def _near(self, event: PointerEvent) -> int:
        """Index of the vertex under the pointer, the last one where several are; -1 none."""
        reach = GRAB_SCREEN_PX * event.px_per_screen
        found = [i for i, point in enumerate(self._nodes) if math.dist(point, event.xy) <= reach]
        if not found:
            return -1
        return min(found, key=lambda i: math.dist(self._nodes[i], event.xy))

    def _new_vertex(self, event: PointerEvent) -> tuple[int, tuple[float, float]] | None:
        """With Shift held: (index, place) of a vertex on the edge under the pointer; None where there is no edge."""
        if "shift" not in event.modifiers or len(self._nodes) < 2:
            return None
        reach, found = GRAB_SCREEN_PX * event.px_per_screen, None
        edges = len(self._nodes) if len(self._nodes) > 2 else 1
        for index in range(edges):
            at = _nearest_on(self._nodes[index], self._nodes[(index + 1) % len(self._nodes)], event.xy)
            if (away := math.dist(at, event.xy)) <= reach:
                reach, found = away, (index + 1, at)
        return found

    def preview(self) -> ToolPreview:
        """The polygon so far and its handles; with Shift over an edge the vertex that a click would add."""
        if not self._nodes:
            return NO_PREVIEW
        path, handles = list(self._nodes), list(self._nodes)
        hot = self._dragged if self._dragged >= 0 else self._hot
        if self._added is not None:
            handles.append(self._added)
            hot = len(handles) - 1
        elif self._pointer is not None and self._dragged < 0 and self._hot < 0:
            path.append(self._pointer)
        return ToolPreview(
            path_xy=tuple(path),
            is_closed=len(path) >= 3,
            handles_xy=tuple(handles),
            hot_handle=hot,
            color=self.color,
            is_erasing=self._is_erasing,
        )


def _erases(modifiers: frozenset[str]) -> bool:
    return bool(modifiers & {"shift", "ctrl"})


def _nearest_on(start: tuple[float, float], end: tuple[float, float], xy: tuple[float, float]) -> tuple[float, float]:
    """The point of the line from *start* to *end* that is nearest to *xy*."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    squared = dx * dx + dy * dy
    share = 0.0 if squared == 0 else ((xy[0] - start[0]) * dx + (xy[1] - start[1]) * dy) / squared
    share = min(max(share, 0.0), 1.0)
    return (start[0] + dx * share, start[1] + dy * share)
