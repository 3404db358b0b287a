"""Operations on regions by the session: target, guards, locks, one undo step, stale answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from segstudio.app.region_desk import CHANGED_MEANWHILE, RegionDesk
from segstudio.app.region_requests import OPS, AreaChoice
from segstudio.app.session import Session
from segstudio.core.cancel import CancelToken
from segstudio.core.geometry import Rect


class HeldBackground:
    """Keeps the work until :meth:`answer`: what a slow worker looks like."""

    def __init__(self) -> None:
        self.waiting: dict[str, Callable[[], None]] = {}

    def run(self, slot, work, done, failed) -> None:  # type: ignore[no-untyped-def]
        self.waiting[slot] = lambda: done(work(CancelToken()))

    def drop(self, slot: str) -> None:
        self.waiting.pop(slot, None)

    def answer(self) -> None:
        for slot in list(self.waiting):
            self.waiting.pop(slot)()


def paint(session: Session, rect: Rect, class_id: int, *, is_object: bool = False) -> int:
    transaction = session.begin("paint")
    assert transaction is not None
    segment_id = transaction.new_object(class_id) if is_object else transaction.ensure_stuff(class_id)
    transaction.write(rect, segment_id)
    assert session.commit(transaction)
    return segment_id


def classes(session: Session) -> np.ndarray:
    assert session.labels is not None
    return session.labels.read_classes(session.labels.bounds)


def steps(session: Session) -> list[str]:
    assert session.history is not None
    return [entry.label for entry in session.history.entries() if not entry.is_undone]


def ring(session: Session, class_id: int = 1) -> None:
    paint(session, Rect(50, 50, 60, 60), class_id)
    transaction = session.begin("hole")
    assert transaction is not None
    transaction.write(Rect(70, 70, 10, 10), 0)
    session.commit(transaction)


def test_class_is_the_target_until_an_object_is_active(session: Session) -> None:
    desk = RegionDesk(session)
    stuff = paint(session, Rect(10, 10, 20, 20), 1)
    one = paint(session, Rect(50, 10, 20, 20), 1, is_object=True)
    two = paint(session, Rect(90, 10, 20, 20), 2, is_object=True)
    session.select_class(1)
    target = desk.target()
    assert target is not None and target.segment_ids == {stuff, one} and not target.object_ids
    session.select_objects([two, one])
    target = desk.target()
    assert target is not None and target.object_ids == (two, one) and target.class_id == 2
    session.select_object(one)
    assert session.selected_objects == (one,), "choosing another object lets go of the others"
    session.select_object(None)
    assert session.selected_objects == ()


def test_filling_holes_is_one_undo_step_and_survives_reopening(session: Session) -> None:
    ring(session)
    before, count = classes(session), len(steps(session))
    desk = RegionDesk(session)
    assert desk.apply("fill_holes")
    assert (classes(session)[50:110, 50:110] == 1).all()
    assert steps(session)[count:] == ["Fill holes of road"]
    folder, image_id = session.folder, session.image_id
    session.close_project()
    assert folder is not None and session.open_project(folder)
    assert image_id is not None
    session.select_image(image_id)
    assert (classes(session)[50:110, 50:110] == 1).all()
    session.undo()
    assert (classes(session) == before).all()


def test_preview_changes_nothing_and_apply_uses_it(session: Session) -> None:
    ring(session)
    before, count = classes(session), len(steps(session))
    desk = RegionDesk(session)
    desk.preview("fill_holes")
    assert desk.outcome is not None and desk.outcome.added_px == 100 and desk.outcome.count == 1
    assert (classes(session) == before).all() and len(steps(session)) == count
    held = HeldBackground()
    desk.background = held
    assert desk.apply("fill_holes")
    assert not held.waiting, "what the preview worked out is not worked out again"
    assert (classes(session)[70:80, 70:80] == 1).all()


def test_preview_in_view_is_not_taken_for_the_whole(session: Session) -> None:
    paint(session, Rect(10, 10, 20, 20), 1)
    paint(session, Rect(300, 200, 20, 20), 1)
    desk = RegionDesk(session)
    session.settings.set("regions.grow_px", 3)
    desk.preview("grow", within=Rect(0, 0, 100, 100))
    assert desk.outcome is not None
    in_view = desk.outcome.added_px
    assert desk.apply("grow")
    grown = int((classes(session) == 1).sum()) - 800
    assert grown == 2 * in_view > 0


def test_an_answer_to_labels_that_have_changed_is_dropped(session: Session, said: list[str]) -> None:
    ring(session)
    desk = RegionDesk(session, HeldBackground())
    assert desk.apply("fill_holes") and desk.is_applying
    paint(session, Rect(200, 200, 5, 5), 2)
    count = len(steps(session))
    desk.background.answer()  # type: ignore[attr-defined]
    assert said[-1] == CHANGED_MEANWHILE
    assert len(steps(session)) == count and not (classes(session)[70:80, 70:80] == 1).any()
    assert not desk.is_busy


def test_locked_classes_and_the_guard_hold(session: Session, said: list[str]) -> None:
    paint(session, Rect(50, 50, 20, 20), 1)
    paint(session, Rect(70, 50, 20, 20), 2)
    session.settings.set("regions.grow_px", 4)
    session.settings.set("regions.over_labels", True)
    desk = RegionDesk(session)
    session.class_editor.set_locked(2, True)
    session.select_class(1)
    assert desk.apply("grow")
    after = classes(session)
    assert (after[50:70, 70:90] == 2).all() and after[60, 47] == 1
    session.undo()
    session.class_editor.set_locked(2, False)
    session.settings.set("paint.guard", "background")
    assert desk.apply("grow")
    assert (classes(session)[50:70, 70:90] == 2).all()
    session.settings.set("paint.guard", "anywhere")
    session.class_editor.set_locked(1, True)
    assert not desk.apply("shrink")
    assert "locked" in said[-1]


@pytest.mark.parametrize("op_id", [op for op in OPS if op not in ("merge", "convert", "boolean")])
def test_every_operation_is_one_step_that_undo_takes_back(session: Session, op_id: str) -> None:
    ring(session)
    paint(session, Rect(150, 150, 3, 3), 1)
    for key, value in (("regions.small_px", 50), ("regions.hole_px", 0)):
        session.settings.set(key, value)
    before, count = classes(session), len(steps(session))
    assert session.labels is not None
    ids = session.labels.read(session.labels.bounds)
    assert RegionDesk(session).apply(op_id)
    assert len(steps(session)) == count + 1
    assert (session.labels.read(session.labels.bounds) != ids).any()
    session.undo()
    assert (classes(session) == before).all()
    assert (session.labels.read(session.labels.bounds) == ids).all()
    session.redo()
    assert (session.labels.read(session.labels.bounds) != ids).any()


def test_merge_and_convert(session: Session, said: list[str]) -> None:
    one = paint(session, Rect(10, 10, 20, 20), 1, is_object=True)
    two = paint(session, Rect(50, 10, 20, 20), 2, is_object=True)
    desk = RegionDesk(session)
    session.select_object(one)
    assert not desk.apply("merge") and "Select two" in said[-1]
    session.select_objects([one, two])
    assert desk.apply("merge")
    assert [s.id for s in session.objects()] == [one]
    assert (classes(session)[10:30, 50:70] == 1).all()
    assert session.active_object == one
    assert not desk.apply("convert") and "Choose" in said[-1]
    assert desk.apply("convert", class_id=2)
    assert (classes(session)[10:30, 50:70] == 2).all()
    session.undo()
    session.undo()
    assert [s.id for s in session.objects()] == [one, two]


def test_combining_classes_replaces_or_adds(session: Session) -> None:
    paint(session, Rect(10, 10, 40, 40), 1)
    paint(session, Rect(30, 10, 40, 40), 2)  # takes the right half of road
    layer = session.labels
    assert layer is not None
    sides = (AreaChoice(layer.id, 1), AreaChoice(layer.id, 2))
    session.select_class(1)
    session.settings.set("regions.over_labels", True)
    session.settings.set("regions.boolean_op", "union")
    desk = RegionDesk(session)
    assert desk.apply("boolean", areas=sides)
    assert (classes(session)[10:50, 10:70] == 1).all()
    session.undo()
    session.settings.set("regions.boolean_op", "intersection")
    assert desk.apply("boolean", areas=sides)
    assert not (classes(session) == 1).any() and (classes(session)[10:50, 30:70] == 2).all()


def test_nothing_there_is_said(session: Session, said: list[str]) -> None:
    desk = RegionDesk(session)
    assert not desk.apply("grow")
    assert said[-1] == "There is nothing of road in this image."
    paint(session, Rect(10, 10, 20, 20), 1)
    assert desk.apply("fill_holes")
    assert said[-1] == "Fill holes: there was nothing to change."
