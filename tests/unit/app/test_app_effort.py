"""What work takes is written down: seconds of real work, strokes, pixels, and what stayed of proposals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Said, paint

from segstudio.app.effort_recorder import FLUSH_S, IDLE_S, EffortRecorder
from segstudio.app.session import Session
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.efforts import ACCEPTED, Effort, Efforts
from segstudio.ml.api import ObjectResult, WindowResult


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(session: Session, clock: Clock) -> EffortRecorder:
    return EffortRecorder(session, clock)


def total(session: Session, image_id: int) -> Effort:
    assert session.store is not None
    rows = session.store.efforts.all(image_id)
    names = [row.model_id for row in rows if row.model_id]
    return Effort(
        image_id,
        rows[0].at_s if rows else 0.0,
        sum(r.seconds for r in rows),
        sum(r.strokes for r in rows),
        sum(r.pixels for r in rows),
        sum(r.accepted_pixels for r in rows),
        names[-1] if names else "",
    )


def kept(session: Session, image_id: int = 1) -> tuple[int, int]:
    assert session.store is not None
    fact = session.store.facts.get(image_id, ACCEPTED)
    return (0, 0) if fact is None else (fact.value["accepted"], fact.value["kept"])


def propose(session: Session, rect: Rect, class_index: int = 1, version: str = "v1") -> None:
    desk = session.proposals
    generation = desk.begin({1: 1, 2: 2}, "net", version)
    shape = (rect.height, rect.width)
    desk.receive_window(
        1, generation, WindowResult(rect, np.full(shape, class_index, np.uint8), np.full(shape, 200, np.uint8))
    )
    desk.finish_proposal(1, generation)
    desk.cancel()


def test_only_time_at_work_counts(session: Session, recorder: EffortRecorder, clock: Clock) -> None:
    for step in (0.0, 2.0, 3.0, IDLE_S + 1, 4.0):
        clock.now += step
        recorder.touch()
    recorder.pause()
    clock.now += 5.0
    recorder.touch()  # back at the window: the five seconds were spent elsewhere
    clock.now -= 100.0  # the computer's clock is set back
    recorder.touch()
    recorder.flush()
    assert total(session, 1).seconds == 9.0


def test_strokes_and_pixels_by_hand_and_their_undo(session: Session, recorder: EffortRecorder) -> None:
    paint(session, Rect(0, 0, 50, 40), 1)
    paint(session, Rect(40, 0, 20, 40), 2)  # half of it over the first
    paint(session, Rect(0, 0, 10, 10), 1)  # the class that is there already: no correction
    recorder.flush()
    assert total(session, 1) == Effort(1, 1000.0, 0.0, 2, 2000 + 800)
    session.undo()
    recorder.flush()
    assert total(session, 1).pixels == 2000 and total(session, 1).strokes == 2
    session.redo()
    recorder.flush()
    assert total(session, 1).pixels == 2800 and total(session, 1).strokes == 2


def test_what_a_model_proposes_is_no_work_and_what_is_accepted_is_none_by_hand(
    session: Session, recorder: EffortRecorder
) -> None:
    propose(session, Rect(0, 0, 300, 300))
    recorder.flush()
    assert session.store is not None and session.store.efforts.all() == []
    session.proposals.accept_all()
    paint(session, Rect(0, 0, 100, 30), 2)  # corrects a part of it
    paint(session, Rect(350, 0, 10, 30), 2)  # and what it missed
    recorder.flush()
    found = total(session, 1)
    assert (found.strokes, found.pixels, found.accepted_pixels, found.model_id) == (3, 3300, 90_000, "net@v1")
    assert kept(session) == (90_000, 87_000)
    for _ in range(3):
        session.undo()
    recorder.flush()
    assert kept(session) == (0, 0) and total(session, 1).pixels == 0 and total(session, 1).accepted_pixels == 0


def test_a_second_proposal_over_the_first_counts_each_pixel_once(session: Session, recorder: EffortRecorder) -> None:
    propose(session, Rect(0, 0, 100, 100))
    session.proposals.accept_all()
    propose(session, Rect(50, 0, 100, 100), 2, "v2")
    session.proposals.accept_all()
    recorder.flush()
    assert kept(session) == (15_000, 15_000)
    assert total(session, 1).model_id == "net@v2"


def test_another_class_for_an_accepted_object_is_a_correction(session: Session, recorder: EffortRecorder) -> None:
    desk = session.proposals
    generation = desk.begin({1: 1}, "net")
    desk.receive_window(1, generation, ObjectResult(Rect(10, 10, 20, 20), np.ones((20, 20), bool), 1, 0.9))
    desk.finish_proposal(1, generation)
    desk.cancel()
    desk.accept_all()
    assert session.set_object_class(session.objects()[0].id, 2)
    recorder.flush()
    assert kept(session) == (400, 0) and total(session, 1).pixels == 400
    session.undo()
    recorder.flush()
    assert kept(session) == (400, 400) and total(session, 1).pixels == 0
    session.delete_object(session.objects()[0].id)
    recorder.flush()
    assert kept(session) == (400, 0)


def test_what_clicks_drew_is_work_by_hand(session: Session, recorder: EffortRecorder) -> None:
    desk = session.proposals
    generation = desk.begin({1: 1}, "click-base", "click")
    desk.receive_window(1, generation, ObjectResult(Rect(10, 10, 20, 20), np.ones((20, 20), bool), 1, 0.9))
    desk.finish_proposal(1, generation)
    desk.cancel()
    desk.accept_all()
    paint(session, Rect(10, 10, 5, 5), 2)
    recorder.flush()
    found = total(session, 1)
    assert (found.strokes, found.pixels, found.accepted_pixels, found.model_id) == (2, 425, 0, "")
    assert kept(session) == (0, 0)


def test_tiles_past_the_border_are_not_counted(session: Session, recorder: EffortRecorder) -> None:
    paint(session, Rect(0, 0, 400, 300), 1)
    assert session.clear_labels()
    recorder.flush()
    assert total(session, 1).pixels == 2 * 400 * 300


def test_each_image_has_its_own_rows_and_closing_writes_the_last(
    session: Session, recorder: EffortRecorder, clock: Clock, make_session: Callable[[], Session], tmp_path: Path
) -> None:
    recorder.touch()
    clock.now += 4.0
    session.select_image(2)
    clock.now += 3.0
    paint(session, Rect(0, 0, 5, 5), 1)
    session.close_project()
    again = make_session()
    assert again.open_project(tmp_path / "project")
    assert (total(again, 1).seconds, total(again, 2).seconds, total(again, 2).strokes) == (4.0, 3.0, 1)


def test_long_work_is_written_now_and_then(session: Session, recorder: EffortRecorder, clock: Clock) -> None:
    written: list[None] = []
    recorder.changed.connect(lambda: written.append(None))
    for _ in range(int(FLUSH_S) // 10 + 1):
        recorder.touch()
        clock.now += 10.0
    assert len(written) == 1 and total(session, 1).seconds == FLUSH_S


def test_a_large_edit_is_counted_in_the_background(session: Session, recorder: EffortRecorder, monkeypatch) -> None:
    waiting: list[tuple[Callable[[], None], Callable[[], None]]] = []
    recorder.run_in_background = lambda work, done: waiting.append((work, done))
    monkeypatch.setattr("segstudio.app.effort_recorder.MANY_TILES", 1)
    paint(session, Rect(0, 0, 400, 300), 1)
    recorder.flush()
    assert total(session, 1).pixels == 0 and total(session, 1).strokes == 1
    for work, done in waiting:
        work()
        done()
    recorder.flush()
    assert total(session, 1).pixels == 120_000


def test_a_full_disk_loses_no_figure_and_says_nothing(
    session: Session, recorder: EffortRecorder, said: Said, monkeypatch
) -> None:
    def refuse(*_: object) -> None:
        raise UserError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Efforts, "add", refuse)
        paint(session, Rect(0, 0, 5, 5), 1)
        recorder.flush()
    recorder.flush()
    assert total(session, 1).strokes == 1 and not said


def test_nothing_is_recorded_when_it_is_switched_off(session: Session, recorder: EffortRecorder) -> None:
    session.settings.set("work.records_effort", False)
    paint(session, Rect(0, 0, 5, 5), 1)
    recorder.touch()
    recorder.flush()
    assert session.store is not None and session.store.efforts.all() == []
