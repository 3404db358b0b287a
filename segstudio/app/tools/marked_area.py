"""Areas found from marks: strokes on what belongs and on what does not; shown until Enter paints or Esc forgets them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from segstudio.app.tools.base import PreviewArea, PreviewLine, Ring, ToolPreview
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.app.tools.smart import SmartTool
from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.smart import Picture, PictureView
    from segstudio.core.cancel import Cancel
    from segstudio.core.reduced import Stroke

Area = tuple["npt.NDArray[np.bool_]", Rect]
Point = tuple[float, float]

RIM_SIDE_PX = 1536
"""Rims are refined on at most so many pixels a side; a larger part is looked at reduced."""
_BELONGS, _DOES_NOT = "#19e69a", "#ff4f30"


class MarkedAreaTool(SmartTool):
    """Dragging marks what belongs, Ctrl what does not; each mark finds the area anew, in the background.

    Enter paints it (Shift: erases), Backspace drops the last mark, Esc forgets all. What kind of area it is, a
    sub-class says with :meth:`_work`.
    """

    size_key = "marks.size_px"
    what = ""
    """Its name in the history."""
    hint = ""
    """Shown beside the pointer until the first correction."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._picture: Picture | None = None
        self._marks: list[tuple[bool, Stroke]] = []
        self._line: list[Point] = []
        self._is_out = False
        self._pointer: Point | None = None
        self._area: PreviewArea | None = None
        self._awaited: Callable[[Cancel], Area] | None = None
        self._has_looked = False
        self._accepts: bool | None = None
        """Whether the area is erased, once Enter was pressed before it was found."""

    @property
    def is_dragging(self) -> bool:
        """Whether a mark is being made."""
        return bool(self._line)

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to accept or abandon."""
        return bool(self._line or self._marks or self._area or self._awaited)

    def strokes(self, *, belongs: bool) -> list[Stroke]:
        """The marks of one kind, in image pixels."""
        return [stroke for kind, stroke in self._marks if kind == belongs]

    # -- events --------------------------------------------------------------------------------------------------

    def press(self, event: PointerEvent) -> None:
        """Begin a mark."""
        self._finish()
        self._pointer = event.xy
        if event.button != "left" or self._line or not self._begin():
            return
        self._line, self._is_out = [event.xy], self.is_erase(event)
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two marks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Go on with the mark."""
        self._pointer = event.xy
        if self._line and event.xy != self._line[-1]:
            self._line.append(event.xy)
        self.update()

    def release(self, event: PointerEvent) -> None:
        """End the mark and find the area."""
        if event.button != "left" or not self._line:
            return
        line, self._line = [*self._line, event.xy], []
        self._marks.append((not self._is_out, (tuple(dict.fromkeys(line)), self.size_px)))
        self._look()

    def leave(self) -> None:
        """Hide the ring."""
        self._pointer = None
        self.update()

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Enter paints (Shift: erases), Backspace and Delete drop the last mark, Escape abandons."""
        if not self.is_busy:
            return False
        if name == "enter":
            self._accept(is_erasing="shift" in modifiers)
        elif name in ("backspace", "delete"):
            self._drop_mark()
        elif name == "escape":
            return self.cancel()
        else:
            return False
        return True

    def cancel(self) -> bool:
        """Forget marks and area."""
        was_busy = self.is_busy
        self._reset()
        if was_busy:
            self.update()
        return was_busy

    def interrupt(self) -> None:
        """What was accepted is painted first; marks change no label, so they stay."""
        self._finish()

    def deactivate(self) -> None:
        """Another tool takes over."""
        self._finish()
        self.cancel()
        self._pointer = None

    def _begin(self) -> bool:
        """Whether marks may be made now."""
        if self._picture is not None:
            return True
        if not may_begin(self.session, is_erasing=True):
            return False
        self._picture = self.picture()
        return self._picture is not None

    def _drop_mark(self) -> None:
        if self._marks:
            self._marks.pop()
        self._look()

    def _reset(self) -> None:
        self.drop_work()
        self._picture = self._area = self._awaited = self._accepts = None
        self._has_looked = False
        self._marks.clear()
        self._line.clear()

    # -- the area ------------------------------------------------------------------------------------------------

    @abstractmethod
    def _work(self, picture: Picture) -> Callable[[Cancel], Area] | None:
        """How to find the area of the present marks, from frozen values; None when there is none to find."""

    def _look(self) -> None:
        """Find the area anew."""
        work = None if self._picture is None else self._work(self._picture)
        self._awaited = work
        if work is None:
            self._area = None
            self.drop_work()
            if not self._marks:
                self._reset()
        else:
            self.in_background(work, lambda area: self._on_found(work, area), self._on_failed)
        self.update()

    def _on_found(self, work: Callable[[Cancel], Area], area: Area) -> None:
        if work is not self._awaited:
            return
        self._awaited, self._has_looked = None, True
        self._area = None if area[1].is_empty else PreviewArea(*area)
        if self._accepts is not None:
            self._accept(is_erasing=self._accepts)
        self.update()

    def _on_failed(self, sentence: str) -> None:
        self._reset()
        self.session.say(sentence)
        self.update()

    def _accept(self, *, is_erasing: bool) -> None:
        """Paint the area, as soon as it is found."""
        if not is_erasing and not self.session.can_paint():
            return
        self._line.clear()
        if self._awaited is not None:
            self._accepts = is_erasing
            return
        area = self._area
        if area is None:
            self.session.say("Nothing was found there: mark it anew, or press Esc.")
            self._accepts = None
            return
        self._reset()
        self.update()
        paint_area(self.session, area.mask, area.rect, self.what, is_erasing=is_erasing, erased="marked area")

    def _finish(self) -> None:
        """Carry out what was accepted while its area was still looked for, here and now."""
        work = self._awaited
        if work is None or self._accepts is None:
            return
        self.drop_work()
        try:
            self._on_found(work, work(NEVER))
        except UserError as error:
            self._on_failed(str(error))

    # -- what is drawn -------------------------------------------------------------------------------------------

    def preview(self) -> ToolPreview:
        """The area, the marks and the brush."""
        lines = [_line_of(kind, stroke[0]) for kind, stroke in self._marks]
        if self._line:
            lines.append(_line_of(not self._is_out, tuple(self._line)))
        ring = None if self._pointer is None else Ring(*self._pointer, self.size_px, "round", self._is_out)
        text = "Looking …" if self._awaited is not None else self._hint()
        areas = () if self._area is None else (self._area,)
        return ToolPreview(ring=ring, color=self.color, text=text, areas=areas, lines=tuple(lines))

    def _hint(self) -> str:
        if self._area is None:
            return (
                "Nothing found here: drag over what belongs" if self._picture is not None and self._has_looked else ""
            )
        return self.hint if len(self._marks) < 2 else ""


def _line_of(belongs: bool, points: tuple[Point, ...]) -> PreviewLine:
    return PreviewLine(points if len(points) > 1 else points * 2, _BELONGS if belongs else _DOES_NOT)


def seen_strokes(strokes: list[Stroke], view: PictureView) -> list[Stroke]:
    """Strokes in image pixels as strokes in pixels of a view."""
    return [(tuple(view.to_view(point) for point in points), size / view.step_xy[0]) for points, size in strokes]


def rect_of(strokes: list[Stroke]) -> Rect:
    """The image pixels around some strokes; empty for none."""
    box = Rect(0, 0, 0, 0)
    for points, size in strokes:
        left, top = min(x for x, _ in points) - size / 2, min(y for _, y in points) - size / 2
        right, bottom = max(x for x, _ in points) + size / 2, max(y for _, y in points) + size / 2
        box = box.united(Rect(int(left), int(top), int(right - left) + 2, int(bottom - top) + 2))
    return box
