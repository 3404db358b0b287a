"""Hints by hand: what a press and a release mean, what stands in their way, and whether their answer can be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.prompt_views import Mark, full_area, seen_area
from segstudio.app.tools.base import PreviewArea
from segstudio.core.clicked import ClickedArea
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.click_hand import ClickHand
    from segstudio.app.session import Session
    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.prompt_pictures import Made
    from segstudio.jobs.specs import PromptReply

SLACK_SCREEN_PX = 5.0
"""A press that moves less is a click, neither a box nor a line."""
NOTHING_HERE = "No proposal and no object lies there: click on an object first, then on what does not belong."
ONE_COLOUR = "All that is in view is of one colour: there is nothing to tell an object by."
OUTSIDE = "That is outside the image: click on an object in it."
SEGMENTING = "Segmenting"
LOOKING = "Looking at the picture"
PICKED = "Click what is missing, right click what is too much; Enter accepts it"
HINT = "Enter accepts it; right or Alt click on what does not belong"
NO_DATA = "The image holds no data there: nothing can be labelled."


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model took hints for: its number, its probabilities over a picture, and what is drawn of it."""

    number: int
    probability: npt.NDArray[np.uint8]
    made: Made
    shown: PreviewArea | None
    score: float
    z: int

    @classmethod
    def of(cls, reply: PromptReply, probability: npt.NDArray[np.uint8], made: Made, z: int) -> Answer:
        """The answer in a reply."""
        mask, rect = seen_area(probability, made.seen)
        shown = None if rect.is_empty else PreviewArea(mask, rect)
        return cls(reply.number, probability, made, shown, reply.score, z)

    def area(self) -> ClickedArea:
        """It in image pixels.

        Raises
        ------
        UserError
            When it would be too large to be held as one mask.
        """
        return ClickedArea(*full_area(self.probability, self.made.seen), self.score, self.z)

    def text(self, *, is_first: bool) -> str:
        """How sure the model is, and at first what to do."""
        if self.shown is None:
            return ""
        sure = f"{self.score:.0%} sure"
        return f"{sure} – {HINT}" if is_first else sure


def is_against(begun: PointerEvent) -> bool:
    """Whether a press says what does not belong."""
    return begun.button == "right" or "alt" in begun.modifiers


def draws_line(begun: PointerEvent, choice: str) -> bool:
    """Whether dragging draws a line: always over what does not belong, else as *choice* says, Ctrl the other way."""
    return is_against(begun) or (choice == "line") != ("ctrl" in begun.modifiers)


def mark_of(begun: PointerEvent, ended: PointerEvent, way: Sequence[tuple[float, float]], *, draws: bool) -> Mark:
    """What was clicked, drawn along *way* or framed between a press and its release."""
    is_positive = not is_against(begun)
    slack = SLACK_SCREEN_PX * max(ended.px_per_screen, 1e-9)
    if max(math.dist(begun.xy, xy) for xy in (*way, ended.xy)) < slack:
        return Mark(begun.xy, is_positive)
    if draws:
        return Mark(begun.xy, is_positive, line=(*way, ended.xy))
    if min(abs(begun.x - ended.x), abs(begun.y - ended.y)) < 1:
        return Mark(begun.xy)
    return Mark(begun.xy, to_xy=ended.xy)


def obstacle(session: Session, hand: ClickHand, mark: Mark) -> str:
    """Why nothing can be found where a hint points, in one sentence; "" where something can."""
    x, y = math.floor(mark.xy[0]), math.floor(mark.xy[1])
    valid = None if session.validity is None else session.validity(session.plane, Rect(x, y, 1, 1))
    if valid is not None and not valid[0, 0]:
        return NO_DATA
    segment = hand.protected_at(*mark.xy) if mark.is_positive and mark.to_xy is None else None
    if segment is None:
        return ""
    owner = session.classes.by_id(segment.class_id)
    name = "" if owner is None else owner.name
    if owner is not None and owner.is_locked:
        return f"The class “{name}” is locked: clicks leave it as it is."
    return f"This belongs to “{name}” already and is protected: Shift+click takes it up to correct it."


def turns_to_other(session: Session, hand: ClickHand, mark: Mark, begun: PointerEvent) -> bool:
    """Whether Shift + click, with an object in hand, points at another one: of the labels, and not locked."""
    if not hand.segment_id or "shift" not in begun.modifiers or mark.to_xy is not None or mark.line:
        return False
    found = hand.protected_at(*mark.xy)
    return found is not None and found.class_id not in session.classes.locked_ids


def is_drawn(session: Session, hand: ClickHand, score: float) -> bool:
    """Whether the overlay shows the object in hand, so that the tool need not."""
    style, row = session.overlay, hand.segment
    owner = None if row is None else session.classes.by_id(row.class_id)
    is_shown = style.shows_proposal and not style.shows_difference and style.heat == "none"
    return is_shown and owner is not None and owner.is_visible and score >= session.min_confidence
