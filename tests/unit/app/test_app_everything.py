"""«Segment everything»: asked in pieces, stopped with what came, never over what a person did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segstudio.app.everything_desk import EverythingDesk
from segstudio.app.session import Session
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.painting import paint_area
from segstudio.app.tools.prompt import PromptTool
from segstudio.core.clicked import is_clicked
from segstudio.core.geometry import Rect
from segstudio.jobs.specs import SweepReply
from segstudio.ml.interactive.everything import FoundObject


class Desk:
    """Answers pieces of a sweep from a list of discs; four points at a time."""

    problem = status = ""
    window_px = 512
    model_id = "toy"

    def __init__(self) -> None:
        self.discs = [(60, 60, 25), (200, 100, 30), (320, 220, 40)]
        self.held: list[Callable[[], None]] = []
        self.is_holding = False
        self.asked: list[tuple[float, float]] = []
        self.failure = ""
        self.dropped = 0

    def explain(self, say: Callable[[str], None]) -> None:
        say(self.problem)

    def prepare(self, seen: Any) -> None:
        pass

    def drop(self) -> None:
        pass

    def drop_sweep(self) -> None:
        self.dropped += 1
        self.held.clear()

    def sweep(self, seen: Any, points: np.ndarray, done: Callable[[SweepReply], None], failed: Any) -> None:
        def answer() -> None:
            if self.failure:
                failed(self.failure)
                return
            found = []
            for x, y in points[:4]:
                self.asked.append((float(x), float(y)))
                for left, top, radius in self.discs:
                    if np.hypot(x - left, y - top) < radius and len(found) < 4:
                        found.append(disc(left, top, radius))
            done(SweepReply(seen.key, min(4, len(points)), tuple(found)))

        if self.is_holding:
            self.held.append(answer)
        else:
            answer()


def disc(x: int, y: int, radius: int) -> FoundObject:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    mask = np.hypot(columns, rows) <= radius
    return FoundObject(mask, Rect(x - radius, y - radius, 2 * radius + 1, 2 * radius + 1), 0.9, 0.95)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def everything(session: Session, desk: Desk) -> EverythingDesk:
    tool = PromptTool(ToolContext(session, session.settings, prompts=desk))  # type: ignore[arg-type]
    session.settings.set("prompt.per_side", 12)
    return EverythingDesk(tool, desk)  # type: ignore[arg-type]


def proposed(session: Session) -> np.ndarray:
    assert session.proposal is not None
    return session.proposal.read(session.proposal.bounds)


def test_every_object_is_proposed_once_as_one_edit_and_accepted_one_by_one(
    session: Session, everything: EverythingDesk, desk: Desk, said: list[str]
) -> None:
    told: list[tuple[int, int]] = []
    slot = lambda: told.append(everything.progress)  # noqa: E731 - held by the signal
    everything.changed.connect(slot)
    assert everything.begin() and not everything.is_running
    ids = proposed(session)
    sizes = sorted(int(disc(*one).mask.sum()) for one in desk.discs)
    assert sorted(np.bincount(ids.ravel())[1:].tolist()) == sizes
    assert session.proposal is not None and all(is_clicked(row) for row in session.proposal.segments.values())
    assert said[-1].startswith("3 objects are proposed") and [done for done, _ in told] == sorted(d for d, _ in told)
    # Within an object that was found nothing is asked again.
    assert all(sum(np.hypot(x - a, y - b) < r for x, y in desk.asked) <= 4 for a, b, r in desk.discs)
    session.proposals.accept_at(60, 60)
    assert len(session.objects()) == 1 and len(set(proposed(session).ravel().tolist())) == 3
    session.undo()
    session.undo()
    assert not proposed(session).any()


def test_stopping_keeps_what_was_found_and_another_image_drops_it(
    session: Session, everything: EverythingDesk, desk: Desk
) -> None:
    desk.is_holding = True
    everything.begin()
    while not session.proposal or not everything._sweep or not everything._sweep.found:
        desk.held.pop()()
    assert everything.is_running and not everything.begin()  # one at a time
    everything.stop()
    assert not everything.is_running and len(set(proposed(session).ravel().tolist())) >= 2
    session.undo()
    everything.begin()
    desk.held.pop()()
    session.select_image(session.images[1].id)
    assert not everything.is_running and session.proposal is None


def test_what_a_person_did_is_left_alone(session: Session, everything: EverythingDesk, desk: Desk) -> None:
    square = np.ones((60, 60), bool)
    paint_area(session, square, Rect(40, 40, 60, 60), "Brush", is_erasing=False)
    paint_area(session, square, Rect(180, 80, 60, 60), "Brush", is_erasing=False)
    paint_area(session, square, Rect(180, 80, 60, 60), "Brush", is_erasing=True)  # decided: nothing is there
    everything.begin()
    ids = proposed(session)
    assert not ids[40:100, 40:100].any() and not ids[80:140, 180:240].any() and ids[220, 320]
    assert not any(180 <= x < 240 and 80 <= y < 140 for x, y in desk.asked)


def test_failures_are_said_once_and_nothing_is_half_done(
    session: Session, everything: EverythingDesk, desk: Desk, said: list[str]
) -> None:
    desk.failure = "The model broke."
    everything.begin()
    assert said == ["The model broke."] and not everything.is_running
    desk.problem = "There is no click model."
    assert not everything.begin() and said[-1] == "There is no click model."
    desk.problem = desk.failure = ""
    desk.discs = []
    everything.begin()
    assert "Nothing was found" in said[-1] and not proposed(session).any()
