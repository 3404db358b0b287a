"""Strokes: mark what belongs and what does not, and random walker or graph cut finds the area."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from segstudio.app.tools.marked_area import RIM_SIDE_PX, Area, MarkedAreaTool, rect_of, seen_strokes
from segstudio.app.tools.smart import full_size_area
from segstudio.core.colour_cuts import CUT_PX, Method, stroke_cut
from segstudio.core.geometry import EMPTY, Rect
from segstudio.core.regions import bounding_rect

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.settings import Value
    from segstudio.app.tools.base import CursorShape, PointerEvent
    from segstudio.app.tools.smart import Picture, PictureView
    from segstudio.core.cancel import Cancel
    from segstudio.core.reduced import Stroke

METHOD = "strokes.method"
_CLOSER = 0.5
"""An area that takes up less than this share of the view is looked at once more, closer."""


class StrokesTool(MarkedAreaTool):
    """Drag over what belongs, with Ctrl over what does not; the edge of the view does not belong, until marked."""

    id = "strokes"
    cursor: CursorShape = "none"
    options = (METHOD,)
    what = "Strokes"
    hint = "Enter paints it; Ctrl+drag over what does not belong"

    _seen = EMPTY
    """All that was in view when marks were made."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.settings.changed.connect(self._on_setting)

    def _on_setting(self, key: str, _: Value) -> None:
        if key == METHOD and self._marks and self._accepts is None:
            self._look()

    def release(self, event: PointerEvent) -> None:
        """End the mark and find the area in what is in view."""
        view = self.context.view
        if self._picture is not None:
            seen = self._picture.bounds if view is None else view.visible_rect()
            self._seen = self._seen.united(seen.intersected(self._picture.bounds))
        super().release(event)

    def _reset(self) -> None:
        super()._reset()
        self._seen = EMPTY

    def _work(self, picture: Picture) -> Callable[[Cancel], Area] | None:
        belongs, does_not = self.strokes(belongs=True), self.strokes(belongs=False)
        if not belongs:
            return None
        around = rect_of(belongs + does_not).expanded(8).intersected(picture.bounds)
        region, method = self._seen.united(around), cast("Method", self.settings.text(METHOD))
        return lambda cancel: _found(picture, region, belongs, does_not, method, cancel)


def _found(
    picture: Picture, region: Rect, belongs: list[Stroke], does_not: list[Stroke], method: Method, cancel: Cancel
) -> Area:
    """The area of the marks in a region, then once more closer where it is small there; a worker's work."""
    mask, view = _cut(picture, region, belongs, does_not, method, cancel)
    height, width = mask.shape
    box = bounding_rect(mask)
    if width * height > CUT_PX and 0 < box.width * box.height < _CLOSER * width * height:
        closer = _around(box, view).united(rect_of(belongs)).intersected(region)
        mask, view = _cut(picture, closer, belongs, does_not, method, cancel)
    return full_size_area(mask, view, picture.bounds)


def _cut(
    picture: Picture, region: Rect, belongs: list[Stroke], does_not: list[Stroke], method: Method, cancel: Cancel
) -> tuple[npt.NDArray[np.bool_], PictureView]:
    view = picture.view_of(region, RIM_SIDE_PX, cancel)
    whole = picture.bounds
    frame = (True, True, True, True)
    if does_not:
        # It is known what the background is like: where the image ends the object may go on.
        frame = (region.x > 0, region.y > 0, region.right < whole.width, region.bottom < whole.height)
    mask = stroke_cut(
        view.rgb, seen_strokes(belongs, view), seen_strokes(does_not, view), method=method, frame=frame, cancel=cancel
    )
    return mask, view


def _around(box: Rect, view: PictureView) -> Rect:
    """A box of a view with some surroundings, in image pixels."""
    wider = box.expanded(max(box.width, box.height) // 5 + 8)
    left, top = view.to_image((wider.x, wider.y))
    right, bottom = view.to_image((wider.right, wider.bottom))
    return Rect(int(left), int(top), int(right - left) + 1, int(bottom - top) + 1)
