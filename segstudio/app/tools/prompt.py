"""Click to segment: points and a box tell a click model which object is meant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.prompt_desk import CHOICE, MODEL
from segstudio.app.prompt_views import (
    Mark,
    SeenPicture,
    full_area,
    look,
    part_to_see,
    prompts_of,
    seen_area,
    serves,
)
from segstudio.app.tools.base import CursorShape, PreviewArea, PreviewLine, ToolPreview
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.app.tools.smart import SmartTool
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.settings import Value
    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.smart import Picture
    from segstudio.core.geometry import Rect
    from segstudio.jobs.specs import PromptReply

SLACK_SCREEN_PX = 5.0
"""A press that moves less is a click, not a box."""
SIGN_SCREEN_PX = 5.0
BELONGS, DOES_NOT = "#19e69a", "#ff4f30"
HINT = "Enter paints it; right or Alt click on what does not belong"
LOOKING = "Looking at the picture"
SEGMENTING = "Segmenting"

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Made:
    """A picture that a model can be asked about, and what it was made of."""

    seen: SeenPicture
    source: tuple[object, ...]
    part: Rect


@dataclass(frozen=True, eq=False)
class _Found:
    """An answer: its number, its probabilities, and what is drawn of it."""

    number: int
    probability: npt.NDArray[np.uint8]
    made: _Made
    shown: PreviewArea | None


class PromptTool(SmartTool):
    """Click on an object, Alt or right click beside it, or drag a box; Enter paints what the model takes it for."""

    id = "prompt"
    cursor: CursorShape = "click"
    options = (MODEL, CHOICE)
    takes_alt = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._made: _Made | None = None
        self._awaited: tuple[tuple[object, ...], Rect] | None = None
        self._refused: tuple[object, ...] | None = None
        self._marks: list[Mark] = []
        self._answers: dict[int, _Found] = {}
        """The answer to the first so many marks."""
        self._asked = 0
        """So many marks the answer on its way is to; 0: none is."""
        self._from: PointerEvent | None = None
        self._pointer: PointerEvent | None = None
        self._accepts: bool | None = None
        """Whether the area is erased, once Enter was pressed before the answer came."""
        self._is_asking = False
        self.settings.changed.connect(self._on_setting)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The prompts so far, in image pixels."""
        return tuple(self._marks)

    @property
    def is_dragging(self) -> bool:
        """Whether a button is held."""
        return self._from is not None

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to accept or abandon."""
        return bool(self._marks) or self._from is not None

    # -- events --------------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Look at the picture now, so that the first click need not wait."""
        self._prepare()

    def press(self, event: PointerEvent) -> None:
        """Begin a click or a box."""
        self._pointer = event
        if event.button not in ("left", "right") or self._from is not None or not self._may_begin(event):
            return
        self._from = event
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Draw the box; with no button held, look at what has come into view."""
        self._pointer = event
        if self._from is None:
            self._prepare()
        self.update()

    def release(self, event: PointerEvent) -> None:
        """Set the point or the box, and ask what is meant."""
        begun = self._from
        if begun is None or event.button != begun.button:
            return
        self._from = None
        is_out = begun.button == "right" or "alt" in begun.modifiers
        if not is_out and self._is_box(begun, event):
            self._marks = [mark for mark in self._marks if mark.to_xy is None]  # of boxes there is one
            self._marks.append(Mark(begun.xy, to_xy=event.xy))
            self._answers.clear()
        else:
            self._marks.append(Mark(begun.xy, not is_out))
        self._accepts = None
        self.context.steps_changed.emit()
        self._look()

    def leave(self) -> None:
        """The pointer left the canvas."""
        self._pointer = None
        self.update()

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Enter paints (Shift: erases), Backspace and Delete drop the last point, Escape forgets all."""
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

    @property
    def has_step(self) -> bool:
        """Whether there is a point or box to drop."""
        return bool(self._marks)

    def undo(self) -> None:
        """Drop the last point."""
        if self._marks:
            self._drop_mark()

    def cancel(self) -> bool:
        """Forget points, box and area."""
        was_busy = self.is_busy
        self._reset()
        if was_busy:
            self.update()
        return was_busy

    def interrupt(self) -> None:
        """Points change no label: they stay through undo and edits of classes."""

    def deactivate(self) -> None:
        """Another tool takes over."""
        self.cancel()
        self.drop_work()
        self._pointer, self._awaited = None, None

    def _may_begin(self, event: PointerEvent) -> bool:
        if not self._marks and not may_begin(self.session, is_erasing=True):
            return False
        if self.context.prompts.problem:
            self.context.prompts.explain(self.session.say)
            return False
        picture = self.picture()
        return picture is not None and picture.bounds.contains(*event.xy)

    def _is_box(self, begun: PointerEvent, event: PointerEvent) -> bool:
        dragged = math.dist(begun.xy, event.xy) / max(event.px_per_screen, 1e-9)
        return dragged >= SLACK_SCREEN_PX and min(abs(begun.x - event.x), abs(begun.y - event.y)) >= 1

    def _drop_mark(self) -> None:
        self._answers.pop(len(self._marks), None)
        self._marks.pop()
        self._accepts, self._asked = None, 0
        self.context.prompts.drop()
        if not self._marks:
            self._reset()
        elif len(self._marks) not in self._answers:
            self._look()
        self.update()

    def _reset(self) -> None:
        self.context.prompts.drop()
        if self._marks:
            self._marks.clear()
            self.context.steps_changed.emit()
        self._answers.clear()
        self._asked, self._from, self._accepts = 0, None, None

    def _on_setting(self, key: str, _: Value) -> None:
        if key not in (MODEL, CHOICE) or (not self._marks and key == CHOICE):
            return
        self._answers.clear()
        if self._marks:
            self._look()
        elif self._made is not None:
            self._made = None  # another model may look at pictures of another size

    # -- the picture ---------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """See to it that the model has looked at what is in view."""
        if self._is_asking or self.session.reader is None or self.context.prompts.problem:
            return
        if self._current() is None:
            self._make()

    def _source(self, picture: Picture) -> tuple[object, ...]:
        return (self.session.image_id, picture.z, picture.display, id(picture.reader))

    def _visible(self, picture: Picture) -> Rect:
        view = self.context.view
        return picture.bounds if view is None else view.visible_rect().intersected(picture.bounds)

    def _current(self) -> _Made | None:
        """What was made of the picture, if it does for the view and all marks."""
        made, picture = self._made, self.picture()
        if made is None or picture is None or made.source != self._source(picture):
            return None
        if self._marks:  # the view may move on: only what they lie in counts
            holds = all(mark.rect.intersected(made.part) == mark.rect for mark in self._marks)
            return made if holds else None
        return made if serves(made.part, self._visible(picture), picture.bounds) else None

    def _make(self) -> None:
        """Read what is in view, in the background."""
        picture = self.picture()
        if picture is None:
            return
        source = self._source(picture)
        part = part_to_see(self._visible(picture), picture.bounds, self._marks)
        if part.is_empty or self._awaited == (source, part) or self._refused == (*source, part):
            return
        self._awaited = (source, part)
        longest = self.context.prompts.window_px
        self._is_asking = True  # an immediate answer must not ask again
        try:
            self.in_background(
                lambda cancel: _Made(look(picture, part, longest, cancel), source, part),
                self._on_made,
                lambda sentence: self._on_unreadable((*source, part), sentence),
            )
        finally:
            self._is_asking = False

    def _on_made(self, made: _Made) -> None:
        self._awaited, self._made = None, made
        # An answer in another part's pixels cannot be corrected by one in these.
        self._answers.clear()
        self.context.prompts.prepare(made.seen)
        if self._marks:
            self._look()
        self.update()

    def _on_unreadable(self, what: tuple[object, ...], sentence: str) -> None:
        self._awaited, self._refused = None, what
        self._reset()
        self.session.say(sentence)
        self.update()

    # -- asking --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Ask what the marks mean."""
        made = self._current()
        self._asked = len(self._marks)
        if made is None:
            self._make()
            self.update()
            return
        former = self._answers.get(len(self._marks) - 1)
        after = former.number if former is not None and former.made is made else 0
        asked = len(self._marks)
        prompts = prompts_of(self._marks, made.seen.view)
        self.context.prompts.ask(
            made.seen, prompts, after, lambda reply: self._on_reply(asked, made, reply), self._on_failed
        )
        self.update()

    def _on_reply(self, asked: int, made: _Made, reply: PromptReply) -> None:
        if asked != len(self._marks) or reply.probability is None:
            return
        self._asked = 0
        mask, rect = seen_area(reply.probability, made.seen)
        shown = None if rect.is_empty else PreviewArea(mask, rect)
        self._answers[asked] = _Found(reply.number, reply.probability, made, shown)
        if self._accepts is not None:
            self._accept(is_erasing=self._accepts)
        self.update()

    def _on_failed(self, sentence: str) -> None:
        self._reset()
        if sentence:  # else it was said with its details
            self.session.say(sentence)
        self.update()

    def _accept(self, *, is_erasing: bool) -> None:
        """Paint the area, as soon as it is there."""
        if not self._marks or (not is_erasing and not self.session.can_paint()):
            return
        found = self._answers.get(len(self._marks))
        if found is None:
            self._accepts = is_erasing
            return
        self._accepts = None
        if found.shown is None:
            self.session.say("The model found nothing there: click somewhere else on it, or press Esc.")
            return
        try:
            mask, rect = full_area(found.probability, found.made.seen)
        except UserError as error:
            self.session.say(error)
            return
        self._reset()
        self.update()
        paint_area(self.session, mask, rect, "Click", is_erasing=is_erasing, erased="clicked object")

    # -- what is drawn -------------------------------------------------------------------------------------------

    def preview(self) -> ToolPreview:
        """The area, the points and the box."""
        if not self._marks and self._from is None:
            self._prepare()
        found = self._answers.get(len(self._marks)) or self._answers.get(len(self._marks) - 1)
        areas = () if found is None or found.shown is None else (found.shown,)
        lines = [line for mark in self._marks for line in self._lines_of(mark)]
        begun, pointer = self._from, self._pointer
        if begun is not None and pointer is not None and begun.button == "left" and "alt" not in begun.modifiers:
            lines += _box_lines(begun.xy, pointer.xy)
        return ToolPreview(color=self.color, text=self._text(), areas=areas, lines=tuple(lines))

    def _text(self) -> str:
        status = self.context.prompts.status
        if self._asked:
            return f"{status or (LOOKING if self._awaited is not None else SEGMENTING)} …"
        if status and not self._marks:
            return f"{status} …"
        return HINT if len(self._marks) == 1 and len(self._answers) == 1 else ""

    def _lines_of(self, mark: Mark) -> list[PreviewLine]:
        """A plus, a minus or a box."""
        if mark.to_xy is not None:
            return _box_lines(mark.xy, mark.to_xy)
        step = SIGN_SCREEN_PX * (1.0 if self._pointer is None else self._pointer.px_per_screen)
        (x, y), color = mark.xy, BELONGS if mark.is_positive else DOES_NOT
        across = PreviewLine(((x - step, y), (x + step, y)), color)
        return [across, PreviewLine(((x, y - step), (x, y + step)), color)] if mark.is_positive else [across]


def _box_lines(one: Point, other: Point) -> list[PreviewLine]:
    (left, top), (right, bottom) = one, other
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return [PreviewLine(corners, BELONGS, is_closed=True, is_dashed=True)]
