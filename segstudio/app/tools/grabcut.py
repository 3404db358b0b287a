"""GrabCut box: a box around an object finds it; strokes correct it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.app.tools.base import CursorShape, PreviewLine, ToolPreview
from segstudio.app.tools.marked_area import RIM_SIDE_PX, Area, MarkedAreaTool, Point, seen_strokes
from segstudio.app.tools.smart import full_size_area
from segstudio.core.colour_cuts import box_cut
from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.smart import Picture
    from segstudio.core.cancel import Cancel
    from segstudio.core.reduced import Stroke

LEAST_SIDE_PX = 4
"""A smaller box was no box."""
_AROUND = 0.15
"""So much of the box's longer side is looked at around it: what the background is like."""


class GrabCutTool(MarkedAreaTool):
    """Drag a box, then stroke over what is missing, or with Ctrl over what is too much; a box elsewhere is the next."""

    id = "grabcut"
    cursor: CursorShape = "cross"
    what = "Box"
    hint = "Enter paints it; drag over what is missing, Ctrl+drag over what is too much"

    _box = EMPTY
    _from: Point | None = None

    @property
    def is_dragging(self) -> bool:
        """Whether a box or a mark is being made."""
        return self._from is not None or super().is_dragging

    @property
    def is_busy(self) -> bool:
        """Whether there is a box."""
        return self._from is not None or not self._box.is_empty or super().is_busy

    def press(self, event: PointerEvent) -> None:
        """Begin a box or, on one, a mark. Elsewhere the next box: the area shown is painted."""
        if event.button != "left" or self._from is not None:
            return
        if not self._box.is_empty and (self._box.contains(*event.xy) or self.is_erase(event)):
            super().press(event)
            return
        self._finish()
        if not self._box.is_empty:
            if not self.session.can_paint():
                return
            self._accept(is_erasing=False)
            self._finish()
            self._reset()
        self._pointer = event.xy
        if self._begin():
            self._from = event.xy
            self.update()

    def release(self, event: PointerEvent) -> None:
        """End the box or the mark."""
        start = self._from
        if start is None:
            super().release(event)
        elif event.button == "left" and self._picture is not None:
            self._from = None
            self._box = _box_of(start, event.xy).intersected(self._picture.bounds)
            if min(self._box.width, self._box.height) < LEAST_SIDE_PX:
                self._reset()
                self.update()
            else:
                self._look()

    def _drop_mark(self) -> None:
        """The last mark goes, and the box last."""
        if self._marks:
            super()._drop_mark()
        else:
            self.cancel()

    def _reset(self) -> None:
        super()._reset()
        self._box, self._from = EMPTY, None

    def _work(self, picture: Picture) -> Callable[[Cancel], Area] | None:
        box = self._box
        if box.is_empty:
            return None
        belongs, does_not = self.strokes(belongs=True), self.strokes(belongs=False)
        return lambda cancel: _found(picture, box, belongs, does_not, cancel)

    def preview(self) -> ToolPreview:
        """The box besides the rest."""
        shown = super().preview()
        if self._from is not None and self._pointer is not None:
            corners = _corners(*self._from, *self._pointer)
            return replace(shown, ring=None, path_xy=corners, is_closed=True)
        if self._box.is_empty:
            return replace(shown, ring=None)
        box = self._box
        # Only an outline: the area inside is what counts.
        frame = PreviewLine(_corners(box.x, box.y, box.right, box.bottom), is_closed=True, is_dashed=True)
        return replace(shown, lines=(frame, *shown.lines))


def _corners(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _box_of(one: Point, other: Point) -> Rect:
    left, top = math.floor(min(one[0], other[0])), math.floor(min(one[1], other[1]))
    right, bottom = math.ceil(max(one[0], other[0])), math.ceil(max(one[1], other[1]))
    return Rect(left, top, right - left, bottom - top)


def _found(picture: Picture, box: Rect, belongs: list[Stroke], does_not: list[Stroke], cancel: Cancel) -> Area:
    """The object in the box; a worker's work."""
    around = math.ceil(_AROUND * max(box.width, box.height)) + 8
    view = picture.view_of(box.expanded(around).intersected(picture.bounds), RIM_SIDE_PX, cancel)
    seen = _box_of(view.to_view((box.x, box.y)), view.to_view((box.right, box.bottom)))
    mask = box_cut(view.rgb, seen, seen_strokes(belongs, view), seen_strokes(does_not, view), cancel=cancel)
    return full_size_area(mask, view, picture.bounds)
