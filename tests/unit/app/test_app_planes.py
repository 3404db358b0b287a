"""Planes without a window: which one is at hand, what is proposed for, where answers go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Said
from volume_session import classes_on, enter_stacks, open_stacks, put

from segstudio.app.plane_labels import STALE, PlaneLabels
from segstudio.app.presenters.models import ModelsPresenter
from segstudio.app.session import Session
from segstudio.app.tools.background import ImmediateBackground
from segstudio.core.cancel import CancelToken
from segstudio.core.geometry import Rect
from segstudio.core.interpolation import shape_between


@pytest.fixture
def session(make_session: Callable[[], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    enter_stacks(monkeypatch)
    return open_stacks(make_session(), tmp_path, (6, 40, 50), (1, 40, 50))


def answer(value: int, confidence: int = 200) -> SimpleNamespace:
    rect = Rect(0, 0, 50, 40)
    return SimpleNamespace(
        rect=rect,
        class_index=np.full((40, 50), value, np.uint8),
        confidence=np.full((40, 50), confidence, np.uint8),
    )


def test_planes_are_clamped_and_told_once(session: Session) -> None:
    told: list[int] = []
    interrupted: list[int] = []
    session.plane_changed.connect(told.append)
    session.work_interrupted.connect(lambda: interrupted.append(session.plane))
    assert session.set_plane(4) and not session.set_plane(4)
    assert session.step_plane(99) and not session.step_plane(1)
    assert session.step_plane(-99)
    assert told == [4, 5, 0] and interrupted == [0, 4, 5]
    session.select_image(session.images[1].id)
    assert session.plane_count == 1 and not session.is_volume and not session.set_plane(3)


def test_a_proposal_is_asked_for_the_plane_shown_or_for_all(session: Session) -> None:
    models = ModelsPresenter(session)
    models.set_mapping(models.current.card, {1: 1})  # type: ignore[union-attr]
    session.set_plane(3)
    ids = [record.id for record in session.images]
    spec = models.request(ids, only_shown_plane=True)
    assert spec is not None and [task.planes for task in spec.tasks] == [(3,), (0,)]
    spec = models.request(ids)
    assert spec is not None and [task.planes for task in spec.tasks] == [(0, 1, 2, 3, 4, 5), (0,)]


def test_answers_go_to_their_plane_and_clear_only_the_planes_asked_for(session: Session) -> None:
    desk, image_id = session.proposals, session.image_id
    assert image_id is not None
    generation = desk.begin({1: 1}, "demo", planes={image_id: range(6)})
    for z in range(6):
        assert desk.receive_window(image_id, generation, answer(1), z)
    desk.finish_proposal(image_id, generation)
    desk.end()
    proposal = session.proposal
    assert proposal is not None
    assert [bool(proposal.read_classes(proposal.bounds, z).all()) for z in range(6)] == [True] * 6
    generation = desk.begin({1: 2}, "demo", planes={image_id: (2,)})
    desk.receive_window(image_id, generation, answer(1), 2)
    desk.finish_proposal(image_id, generation)
    desk.end()
    assert [int(proposal.read_classes(proposal.bounds, z)[5, 5]) for z in range(6)] == [1, 1, 2, 1, 1, 1]
    session.set_plane(2)
    assert desk.accept_at(5, 5)
    labels = session.labels
    assert labels is not None
    assert [int(labels.read_classes(labels.bounds, z)[5, 5]) for z in range(6)] == [0, 0, 2, 0, 0, 0]
    assert session.undo() and not labels.read_classes(labels.bounds, 2).any()


# -- labels between planes ----------------------------------------------------------------------------------------


def box(left: int, top: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((40, 50), bool)
    mask[top : top + height, left : left + width] = True
    return mask


@pytest.fixture
def planes(session: Session) -> PlaneLabels:
    return PlaneLabels(session, ImmediateBackground())


def test_interpolating_fills_the_gap_round_the_plane_as_one_undo_step(session: Session, planes: PlaneLabels) -> None:
    put(session, 0, box(10, 10, 10, 10))
    put(session, 4, box(10, 10, 20, 10))
    put(session, 2, box(0, 30, 5, 5), 2)
    session.set_plane(2)
    assert planes.interpolate()
    between = classes_on(session, 2)
    np.testing.assert_array_equal(between == 1, shape_between(box(10, 10, 10, 10), box(10, 10, 20, 10), 0.5))
    np.testing.assert_array_equal(between == 2, box(0, 30, 5, 5))
    assert classes_on(session, 1).any() and classes_on(session, 3).any() and not classes_on(session, 5).any()
    assert session.history is not None and session.history.undo_label == "Interpolate road"
    assert session.undo()
    assert not classes_on(session, 1).any() and classes_on(session, 0).any()


def test_only_the_active_object_is_interpolated(session: Session, planes: PlaneLabels, said: Said) -> None:
    for z in (0, 2):
        put(session, z, box(0, 0, 50, 40))
    first = put(session, 0, box(10, 10, 10, 10), is_object=True)
    transaction = session.begin("Test")
    assert transaction is not None
    transaction.paint(box(10, 10, 10, 10), 0, 0, first, 2)
    session.commit(transaction)
    session.select_object(first)
    session.set_plane(1)
    assert planes.interpolate()
    np.testing.assert_array_equal(classes_on(session, 1) == 1, box(10, 10, 10, 10))
    session.set_plane(4)
    assert planes.interpolate() and "no gap" in said[-1]


def test_copying_goes_to_the_neighbour_and_keeps_what_is_there(session: Session, planes: PlaneLabels) -> None:
    put(session, 2, box(10, 10, 20, 20))
    put(session, 2, box(0, 0, 5, 5), 2)
    put(session, 3, box(10, 10, 10, 10), 2)
    session.set_plane(2)
    assert planes.copy(1) and session.plane == 3
    expected = np.where(box(10, 10, 20, 20), 1, 0)
    expected[box(10, 10, 10, 10)] = 2
    np.testing.assert_array_equal(classes_on(session, 3), expected)
    session.set_plane(2)
    session.settings.set("planes.only_background", False)
    assert planes.copy(1, is_all=True)
    np.testing.assert_array_equal(classes_on(session, 3), classes_on(session, 2))
    assert session.undo() and session.undo()
    np.testing.assert_array_equal(classes_on(session, 3), np.where(box(10, 10, 10, 10), 2, 0))


def test_locked_classes_stay_and_the_ends_of_the_stack_are_said(
    session: Session, planes: PlaneLabels, said: Said
) -> None:
    put(session, 5, box(10, 10, 20, 20))
    session.set_plane(5)
    assert not planes.copy(1) and "no plane beyond" in said[-1]
    session.class_editor.set_locked(2, True)
    session.settings.set("planes.only_background", False)
    session.class_editor.set_locked(2, False)
    put(session, 4, box(10, 10, 10, 10), 2)
    session.class_editor.set_locked(2, True)
    assert planes.copy(-1)
    assert (classes_on(session, 4)[box(10, 10, 10, 10)] == 2).all() and (classes_on(session, 4) == 1).sum() == 300
    session.class_editor.set_locked(1, True)
    session.set_plane(5)
    assert not planes.copy(-1) and "locked" in said[-1]


def test_an_answer_that_comes_after_another_edit_is_dropped(session: Session, said: Said) -> None:
    waiting: list[Callable[[], None]] = []

    class Later(ImmediateBackground):
        def run(self, slot: str, work: Any, done: Any, failed: Any) -> None:
            result = work(CancelToken())
            waiting.append(lambda: done(result))

    planes = PlaneLabels(session, Later())
    put(session, 0, box(10, 10, 10, 10))
    put(session, 2, box(10, 10, 10, 10))
    session.set_plane(1)
    assert planes.interpolate()
    put(session, 1, box(0, 0, 3, 3), 2)
    waiting.pop()()
    assert said[-1] == STALE
    assert (classes_on(session, 1) == 1).sum() == 0


def test_undo_shows_the_plane_that_it_changes(session: Session) -> None:
    put(session, 1, box(0, 0, 5, 5))
    put(session, 4, box(0, 0, 5, 5))
    session.set_plane(4)
    assert session.undo() and session.plane == 4
    assert session.undo() and session.plane == 1
    session.set_plane(0)
    assert session.redo() and session.plane == 1


def test_a_file_that_lost_planes_is_refused_with_a_sentence(session: Session, said: Said, tmp_path: Path) -> None:
    folder, first = session.folder, session.images[0].id
    assert folder is not None and session.close_project()
    np.save(tmp_path / "stack0.npy", np.zeros((4, 40, 50), np.uint8))
    assert session.open_project(folder)
    session.select_image(first)
    assert session.reader is None and "4 planes, its labels were made on 6" in said[-1]
