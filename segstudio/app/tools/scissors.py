"""Smart scissors: a line that clings to edges between the nodes that are clicked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, CursorShape, ToolPreview
from segstudio.app.tools.outline import GRAB_SCREEN_PX, OutlineTool, Point
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.app.tools.smart import SmartTool
from segstudio.core.brush import polygon_mask
from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.scissors import LivePath, smoothed, strongest_edge_near

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.smart import Picture, PictureView
    from segstudio.core.cancel import Cancel

MOST_SIDE_PX = 320
"""Longer side of the map that paths are found on: its making takes some 20 ms."""
LEAST_SIDE_PX = 224
_MARGIN = 0.3


@dataclass(frozen=True, eq=False)
class _Live:
    """Paths from a node to anywhere in a part of the picture."""

    node: Point
    rect: Rect
    view: PictureView
    paths: LivePath

    def reaches(self, node: Point, xy: Point) -> bool:
        """Whether a path from *node* to *xy* can be had."""
        return node == self.node and self.rect.contains(*xy)

    def path_to(self, xy: Point) -> list[Point]:
        """From the node to *xy*, in image pixels."""
        x, y = self.view.to_view(xy)
        pixels = smoothed(self.paths.path_to((math.floor(x), math.floor(y))))
        between = [self.view.to_image((px + 0.5, py + 0.5)) for px, py in pixels[1:-1].tolist()]
        return [self.node, *between, xy]


class ScissorsTool(OutlineTool, SmartTool):
    """Each click sets a node; Backspace drops one; Enter, double-click or a click on the first fills the inside."""

    id = "scissors"
    cursor: CursorShape = "scissors"
    options = ("scissors.snap_px",)

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self._segments: list[list[Point]] = []
        self._waiting: set[int] = set()
        self._live: _Live | None = None
        self._picture: Picture | None = None
        self._px_per_screen = 1.0
        self._is_asking = False
        self._is_erasing = False
        self._is_closing = False
        self._is_hot = False
        self._has_filled = False

    # -- events --------------------------------------------------------------------------------------------------

    def press(self, event: PointerEvent) -> None:
        """Set a node, or close the line at the first one."""
        if event.button != "left" or self._is_closing:
            return
        self._has_filled = False
        if not self._nodes and not self._begin(event):
            return
        if self._picture is None:
            return
        self._px_per_screen = event.px_per_screen
        if self._is_first(event):
            self._close("shift" in event.modifiers)
            return
        node = self._snapped(event, self._picture)
        if self._nodes:
            if node == self._nodes[-1]:
                return
            self._add_segment(self._nodes[-1], node)
        self._nodes.append(node)
        self._pointer = event.xy
        self._ask()
        self.update()

    def move(self, event: PointerEvent) -> None:
        """The line follows the pointer."""
        self._pointer = event.xy
        self._px_per_screen = event.px_per_screen
        if self._nodes and not self._is_closing:
            self._is_hot = self._is_first(event)
            self._ask()
            self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Close the line; the first click of the two has set its node already."""
        if not self._nodes:
            return self._has_filled  # its first click was on the first node
        self._close("shift" in event.modifiers)
        return True

    def _fill_outline(self, modifiers: frozenset[str]) -> None:
        self._close("shift" in modifiers)

    def _begin(self, event: PointerEvent) -> bool:
        self._is_erasing = "shift" in event.modifiers or event.kind == "eraser"
        if not may_begin(self.session, is_erasing=self._is_erasing):
            return False
        self._picture = self.picture()
        return self._picture is not None and self._picture.bounds.contains(*event.xy)

    def _is_first(self, event: PointerEvent) -> bool:
        reach = GRAB_SCREEN_PX * event.px_per_screen
        return len(self._nodes) >= 2 and math.dist(self._nodes[0], event.xy) <= reach

    def _snapped(self, event: PointerEvent, picture: Picture) -> Point:
        """Where the node goes: the strongest edge near the pointer (Ctrl: just where it is), inside the image."""
        bounds = picture.bounds
        x, y = min(max(event.x, 0.0), bounds.width - 1e-3), min(max(event.y, 0.0), bounds.height - 1e-3)
        reach = self.settings.number("scissors.snap_px") * event.px_per_screen
        if reach < 1 or "ctrl" in event.modifiers:
            return (x, y)
        around = math.ceil(reach) + 3
        square = Rect(math.floor(x) - around, math.floor(y) - around, 2 * around + 1, 2 * around + 1)
        try:
            view = picture.view_of(square.intersected(bounds), 64, NEVER)
        except UserError as error:
            self.session.say(error)
            return (x, y)
        at = view.to_view((x, y))
        column, row = strongest_edge_near(view.rgb, (math.floor(at[0]), math.floor(at[1])), reach / view.step_xy[0])
        return view.to_image((column + 0.5, row + 0.5))

    def _drop_node(self, key: str) -> None:
        self._nodes.pop()
        self._live, self._is_asking, self._is_hot = None, False, False
        self.drop_work()
        if self._segments:
            self._segments.pop()
            self._drop_waiting(len(self._segments))
        self._ask()

    def _reset(self) -> None:
        for index in list(self._waiting):
            self._drop_waiting(index)
        self.drop_work()
        self._nodes.clear()
        self._segments.clear()
        self._live = self._picture = None
        self._is_asking = self._is_erasing = self._is_closing = self._is_hot = False

    # -- paths ---------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """See to it that there is a map from the last node to the pointer; one is made after the other."""
        picture, pointer = self._picture, self._pointer
        if picture is None or pointer is None or not self._nodes or self._is_asking or self._is_closing:
            return
        node, step = self._nodes[-1], self._px_per_screen
        if not picture.bounds.contains(*pointer) or (self._live is not None and self._live.reaches(node, pointer)):
            return
        self._is_asking = True
        self.in_background(lambda cancel: _live(picture, node, pointer, step, cancel), self._on_live, self._on_failed)

    def _on_live(self, live: _Live) -> None:
        self._is_asking = False
        self._live = live
        self._ask()  # the pointer may have gone on
        self.update()

    def _on_failed(self, sentence: str) -> None:
        self._reset()
        self.session.say(sentence)
        self.update()

    def _add_segment(self, start: Point, end: Point) -> None:
        """The path between two nodes: at once where the map is there, else straight until it is found."""
        live, picture = self._live, self._picture
        if live is not None and live.reaches(start, end):
            self._segments.append(live.path_to(end))
            return
        index, step = len(self._segments), self._px_per_screen
        self._segments.append([start, end])
        if picture is None:
            return
        self._waiting.add(index)
        self.context.background.run(
            f"{self.id}.{index}",
            lambda cancel: _live(picture, start, end, step, cancel).path_to(end),
            lambda path: self._on_segment(index, path),
            self._on_failed,
        )

    def _on_segment(self, index: int, path: list[Point]) -> None:
        self._waiting.discard(index)
        self._segments[index] = path
        self.update()
        if self._is_closing and not self._waiting:
            self._fill()

    def _drop_waiting(self, index: int) -> None:
        self._waiting.discard(index)
        self.context.background.drop(f"{self.id}.{index}")

    # -- the end -------------------------------------------------------------------------------------------------

    def _close(self, is_erasing: bool) -> None:
        if len(self._nodes) < 2:
            self.session.say("Smart scissors need at least two nodes.")
            return
        if self._is_closing or (not (is_erasing or self._is_erasing) and not self.session.can_paint()):
            return
        self._is_erasing = self._is_erasing or is_erasing
        self._is_closing = True
        self._add_segment(self._nodes[-1], self._nodes[0])
        if not self._waiting and self._nodes:
            self._fill()

    def _fill(self) -> None:
        points = [point for segment in self._segments for point in segment[:-1]]
        is_erasing, layer = self._is_erasing, self.session.labels
        self._reset()
        self._has_filled = True
        self.update()
        if layer is not None:
            mask, rect = polygon_mask(points, (layer.width, layer.height))
            paint_area(self.session, mask, rect, "Scissors", is_erasing=is_erasing, erased="cut-out")

    def preview(self) -> ToolPreview:
        """The line so far, and on to the pointer."""
        if not self._nodes:
            return NO_PREVIEW
        path = [point for segment in self._segments for point in segment]
        node, pointer = self._nodes[-1], self._pointer
        if pointer is not None and not self._is_closing:
            is_there = self._live is not None and self._live.reaches(node, pointer)
            path += self._live.path_to(pointer) if is_there and self._live is not None else [node, pointer]
        return ToolPreview(
            path_xy=tuple(path or self._nodes),
            handles_xy=tuple(self._nodes),
            hot_handle=0 if self._is_hot else -1,
            color=self.color,
            is_erasing=self._is_erasing,
        )


def _live(picture: Picture, node: Point, target: Point, px_per_screen: float, cancel: Cancel) -> _Live:
    """Paths from *node* over a part of the picture that holds *target*; a worker's work."""
    half = LEAST_SIDE_PX / 2 * max(1.0, px_per_screen)
    margin = _MARGIN * math.dist(node, target) + 16
    left = math.floor(min(node[0] - half, target[0] - margin))
    top = math.floor(min(node[1] - half, target[1] - margin))
    right = math.ceil(max(node[0] + half, target[0] + margin))
    bottom = math.ceil(max(node[1] + half, target[1] + margin))
    rect = Rect(left, top, right - left, bottom - top).intersected(picture.bounds)
    view = picture.view_of(rect, MOST_SIDE_PX, cancel)
    x, y = view.to_view(node)
    return _Live(node, rect, view, LivePath(view.rgb, (math.floor(x), math.floor(y))))
