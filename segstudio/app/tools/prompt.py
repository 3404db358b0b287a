"""Click to segment: points, lines and a box tell a click model which object is meant; its answer is a proposal at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from segstudio.app.click_hand import NOTHING, ClickHand
from segstudio.app.prompt_desk import CHOICE, DRAG, MODEL
from segstudio.app.prompt_views import Mark, prompts_of
from segstudio.app.tools.base import CursorShape, ToolPreview
from segstudio.app.tools.painting import may_begin
from segstudio.app.tools.prompt_hints import (
    LOOKING,
    NOTHING_HERE,
    ONE_COLOUR,
    OUTSIDE,
    PICKED,
    SEGMENTING,
    Answer,
    draws_line,
    is_against,
    is_drawn,
    mark_of,
    obstacle,
    turns_to_other,
)
from segstudio.app.tools.prompt_marks import Point, box_lines, hand_line, lines_of
from segstudio.app.tools.prompt_pictures import PictureLooks
from segstudio.app.tools.smart import SmartTool
from segstudio.core.clicked import is_clicked

if TYPE_CHECKING:
    from segstudio.app.settings import Value
    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.prompt_pictures import Made
    from segstudio.jobs.specs import PromptReply

STEP_SCREEN_PX = 3.0
"""Points of a line by hand are at least this far apart."""


class PromptTool(SmartTool):
    """Click on an object, Alt or right click beside it, drag a box or a line; Enter accepts what the model proposes."""

    id = "prompt"
    cursor: CursorShape = "click"
    options = (MODEL, CHOICE, DRAG)
    takes_alt = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.hand = ClickHand(self.session, self.context.background)
        self.looks = PictureLooks(self, self._on_made, self._on_failed)
        self._marks: list[Mark] = []
        self._answers: dict[int, Answer] = {}
        """The answer to the first so many marks."""
        self._edits: dict[int, int] = {0: 0}
        """How many edits the object in hand had with so many marks."""
        self._asked = 0
        """So many marks the answer on its way is to; 0: none is."""
        self._from: PointerEvent | None = None
        self._way: list[Point] = []
        self._pointer: PointerEvent | None = None
        self._accepts: bool | None = None
        """Whether the area is erased, once Enter was pressed before the answer came."""
        self._corrects = False
        """Whether what is in hand is to be corrected although no answer to earlier hints is at hand."""
        self.settings.changed.connect(self._on_setting)
        self.hand.lost.connect(self._on_lost)

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
        return bool(self._marks) or bool(self.hand.segment_id) or self._from is not None

    # -- events --------------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Look at the picture now, so that the first click need not wait."""
        self._prepare()

    def press(self, event: PointerEvent) -> None:
        """Begin a click, a line or a box."""
        self._pointer = event
        if event.button not in ("left", "right") or self._from is not None or not self._may_begin(event):
            return
        self._from, self._way = event, [event.xy]
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Draw the box or the line; with no button held, look at what has come into view."""
        self._pointer = event
        if self._from is None:
            self._prepare()
        elif math.dist(self._way[-1], event.xy) >= STEP_SCREEN_PX * event.px_per_screen:
            self._way.append(event.xy)
        self.update()

    def release(self, event: PointerEvent) -> None:
        """Set the point, the line or the box, and ask what is meant."""
        begun = self._from
        if begun is None or event.button != begun.button:
            return
        self._from = None
        mark = mark_of(begun, event, self._way, draws=self._draws(begun))
        self._way = []
        if self._takes_up(mark, begun) or self._is_refused(mark):
            self.update()
            return
        if mark.to_xy is not None:
            self._marks = [one for one in self._marks if one.to_xy is None]  # of boxes there is one
            self._answers.clear()
        self._marks.append(mark)
        self._accepts = None
        self.context.steps_changed.emit()
        self._look()

    def leave(self) -> None:
        """The pointer left the canvas."""
        self._pointer = None
        self.update()

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Enter accepts (Shift: erases labels there), Backspace and Delete drop the last hint, Escape the object."""
        if not self.is_busy:
            return False
        if name == "enter":
            self._accept(is_erasing="shift" in modifiers)
        elif name in ("backspace", "delete"):
            self.undo()
        elif name == "escape":
            return self.cancel()
        else:
            return False
        return True

    @property
    def has_step(self) -> bool:
        """Whether there is a hint to drop, or an object that was taken up to put back."""
        return bool(self._marks) or bool(self.hand.segment_id)

    def undo(self) -> None:
        """Drop the last hint: the object is as it was before."""
        if self._marks:
            self._drop_mark()
        elif self.hand.segment_id:
            self.cancel()

    def cancel(self) -> bool:
        """Drop the hints and take the object back out of the proposal; redo brings it back."""
        was_busy = self.is_busy
        if self._from is None:
            self.hand.drop()
        self._reset(keeps_marks=self._from is not None)
        if was_busy:
            self.update()
        return was_busy

    def let_go(self) -> None:
        """Leave the object in the proposal as it is, and forget the hints."""
        was_busy = self.is_busy
        self.hand.let_go()
        self._reset()
        if was_busy:
            self.update()

    def interrupt(self) -> None:
        """Hints change no label: they stay through undo and edits of classes."""

    def plane_changed(self) -> None:
        """What was clicked belongs to the former plane."""
        self.let_go()

    def deactivate(self) -> None:
        """Another tool takes over."""
        self.let_go()
        self._pointer = None
        self.looks.drop()

    # -- hints ---------------------------------------------------------------------------------------------------

    def _may_begin(self, event: PointerEvent) -> bool:
        if not self._marks and not may_begin(self.session, is_erasing=False):
            return False
        if self.context.prompts.problem:
            self.context.prompts.explain(self.session.say)
            return False
        picture = self.picture()
        if picture is not None and not picture.bounds.contains(*event.xy):
            self.session.say(OUTSIDE)
            return False
        return picture is not None

    def _draws(self, begun: PointerEvent) -> bool:
        return draws_line(begun, self.settings.text(DRAG))

    def _takes_up(self, mark: Mark, begun: PointerEvent) -> bool:
        """Whether a first click takes up what lies there, so that nothing is asked yet."""
        if not self._asked and turns_to_other(self.session, self.hand, mark, begun):
            self.let_go()  # what was in hand stays in the proposal
        if self._marks or self.hand.segment_id or mark.to_xy is not None:
            return False
        wants = "shift" in begun.modifiers or not mark.is_positive
        found = self.hand.proposed_at(*mark.xy)
        if not wants and (mark.line or found is None or not is_clicked(found)):
            return False
        if not self.hand.take_up(*mark.xy, self.context.prompts.model_id):
            self.session.say(NOTHING_HERE)
            return True
        self._edits, self._corrects = {0: self.hand.edit_count}, True
        self.context.steps_changed.emit()
        return mark.is_positive

    def _is_refused(self, mark: Mark) -> bool:
        """Whether nothing can be found where a hint points; it is said why."""
        if why := obstacle(self.session, self.hand, mark):
            self.session.say(why)
        return bool(why)

    def _drop_mark(self) -> None:
        count = len(self._marks)
        self.hand.forget_answer()
        self._answers.pop(count, None)
        self._marks.pop()
        self._accepts, self._asked = None, 0
        self.context.prompts.drop()
        wanted = self._edits.get(count - 1)
        while wanted is not None and self.hand.edit_count > wanted and self.hand.step_back():
            pass
        is_as_before = wanted is not None and self.hand.edit_count <= wanted
        if not self._marks and (self.hand.edit_count == 0 or not self.hand.segment_id):
            self.hand.drop()
            self._reset()
        elif self._marks and not is_as_before:
            self._look()
        self.context.steps_changed.emit()
        self.update()

    def _reset(self, *, keeps_marks: bool = False) -> None:
        self._from, self._way, self._accepts = None, [], None
        if keeps_marks:
            return
        self.context.prompts.drop()
        if self._marks:
            self._marks.clear()
            self.context.steps_changed.emit()
        self._answers.clear()
        self._edits, self._corrects = {0: 0}, False
        self._asked = 0

    def _on_lost(self) -> None:
        """Another edit took the object away: its hints mean nothing any more."""
        self._reset()
        self.update()

    def _on_setting(self, key: str, _: Value) -> None:
        if key not in (MODEL, CHOICE) or (not self._marks and key == CHOICE):
            return
        self._answers.clear()
        if self._marks:
            self._look()
        else:
            self.looks.forget()  # another model may look at pictures of another size

    # -- the picture ---------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """See to it that the model has looked at what is in view."""
        if self.session.reader is not None and not self.context.prompts.problem:
            self.looks.prepare(self.picture(), self._marks)

    def _on_made(self, made: Made) -> None:
        # An answer in another part's pixels cannot be corrected by one in these; the object itself can.
        self._corrects = self._corrects or bool(self._answers)
        self._answers.clear()
        self.context.prompts.prepare(made.seen)
        if self._marks:
            self._look()
        self.update()

    # -- asking --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Ask what the marks mean."""
        picture = self.picture()
        made = self.looks.current(picture, self._marks)
        asked = self._asked = len(self._marks)
        if made is None:
            self.looks.make(picture, self._marks)
            self.update()
            return
        if made.seen.is_flat:
            self._on_failed(ONE_COLOUR)
            return
        former = self._answers.get(asked - 1)
        after = former.number if former is not None and former.made is made else 0
        # Where no answer is corrected, what is in hand is: taken up, or found in another part.
        mask = self.hand.seen(made.seen.view) if self._corrects and not after else None
        self.context.prompts.ask(
            made.seen,
            prompts_of(self._marks, made.seen.view),
            after,
            lambda reply: self._on_reply(asked, made, reply),
            self._on_failed,
            mask,
        )
        self.update()

    def _on_reply(self, asked: int, made: Made, reply: PromptReply) -> None:
        probability = reply.probability
        if asked != len(self._marks) or probability is None:
            return
        found = self._answers[asked] = Answer.of(reply, probability, made, self.session.plane)
        model = self.context.prompts.model_id
        self.hand.put_soon(lambda _: found.area(), model, lambda why: self._on_put(asked, why))

    def _on_put(self, asked: int, why: str) -> None:
        """The answer is in the proposal, or nothing is left of it, and *why*."""
        self._edits[asked] = self.hand.edit_count
        if asked == len(self._marks):
            self._asked = 0
            if why:
                self.session.say(why)
            if self._accepts is not None:
                self._accept(is_erasing=self._accepts)
        self.update()

    def _on_failed(self, sentence: str) -> None:
        """What was not answered is dropped; what was, stays."""
        answered = max((count for count in self._edits if count <= len(self._marks)), default=0)
        del self._marks[answered:]
        self._asked, self._accepts = 0, None
        self.context.steps_changed.emit()
        if sentence:  # else it was said with its details
            self.session.say(sentence)
        self.update()

    def _accept(self, *, is_erasing: bool) -> None:
        """Take the object into the labels, or erase labels there, as soon as the answer is in the proposal."""
        if self._from is not None:
            return
        if self._asked:
            self._accepts = is_erasing
            return
        self._accepts = None
        if self.hand.segment is None:
            self.session.say(NOTHING)
            return
        found = self._answers.get(len(self._marks))
        area = self.hand.taken if found is None else found.area() if is_erasing else None
        if is_erasing and area is not None:
            self.hand.erase(area.mask, area.rect)
        elif not self.hand.accept():
            return
        self._reset()
        self.update()

    # -- what is drawn -------------------------------------------------------------------------------------------

    def preview(self) -> ToolPreview:
        """The points, lines and the box; the object itself only where the proposal is not shown."""
        if not self._marks and self._from is None:
            self._prepare()
        begun, pointer = self._from, self._pointer
        scale = 1.0 if pointer is None else pointer.px_per_screen
        lines = [line for mark in self._marks for line in lines_of(mark, scale)]
        if begun is not None and pointer is not None:
            is_line, way = self._draws(begun), (*self._way, pointer.xy)
            lines += hand_line(way, is_positive=not is_against(begun)) if is_line else box_lines(begun.xy, pointer.xy)
        found = self._answers.get(len(self._marks)) or self._answers.get(len(self._marks) - 1)
        is_seen = found is None or found.shown is None or is_drawn(self.session, self.hand, found.score)
        areas = () if is_seen or found is None or found.shown is None else (found.shown,)
        return ToolPreview(color=self.color, text=self._text(), areas=areas, lines=tuple(lines))

    def _text(self) -> str:
        status = self.context.prompts.status
        if self._asked:
            return f"{status or (LOOKING if self.looks.is_awaiting else SEGMENTING)} …"
        if status and not self._marks:
            return f"{status} …"
        if not self._marks:
            return PICKED if self.hand.segment_id else ""
        found = self._answers.get(len(self._marks))
        return "" if found is None else found.text(is_first=len(self._marks) == 1)
