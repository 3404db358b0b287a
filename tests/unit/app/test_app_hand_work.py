"""Models propose only where nobody decided: through the session, the project's file, undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from conftest import Said, classes_of, drag, paint

from segstudio.app.hand_work import forget_here
from segstudio.app.session import Session
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.geometry import Rect
from segstudio.core.touched import is_touched
from segstudio.io.store.project import ProjectStore
from segstudio.ml.api import ObjectResult, WindowResult

WHOLE = Rect(0, 0, 400, 300)


def propose(session: Session, index: int = 1, image_id: int = 1) -> np.ndarray:
    """The model finds class *index* everywhere; what is shown of it then."""
    desk = session.proposals
    generation = desk.begin({1: 1, 2: 2}, "net", "v2")
    values = np.full((300, 400), index, np.uint8)
    desk.receive_window(image_id, generation, WindowResult(WHOLE, values, np.full((300, 400), 200, np.uint8)))
    desk.finish_proposal(image_id, generation)
    desk.cancel()
    assert session.proposal is not None
    return session.proposal.read_classes(WHOLE)


def test_erased_places_stay_empty_and_the_next_version_fills_the_rest(session: Session, toolbox: ToolBox) -> None:
    assert (propose(session) == 1).all()
    session.proposals.accept_all()
    toolbox.select("eraser")
    session.settings.set("eraser.size_px", 40)
    drag(toolbox, (100, 100), (160, 100))
    gone = classes_of(session) == 0
    assert 2000 < gone.sum() < 6000
    shown = propose(session, 2)
    assert (shown[gone] == 0).all() and (shown[~gone] == 2).all()
    assert session.proposals.accept_all()
    assert (classes_of(session)[gone] == 0).all() and (classes_of(session)[~gone] == 2).all()


def test_undo_gives_the_place_back_and_redo_takes_it_again(session: Session) -> None:
    place = Rect(20, 20, 60, 60)
    paint(session, place, 2)
    assert (propose(session)[place.slices] == 0).all()
    assert session.undo() and session.undo()  # the proposal, the stroke
    assert (propose(session) == 1).all()
    assert session.undo() and session.redo()
    session.undo()
    session.redo()
    assert session.labels is not None and not is_touched(session.labels, WHOLE).any()


def test_it_is_kept_in_the_project(session: Session, make_session: Callable[[], Session], tmp_path: Path) -> None:
    place = Rect(20, 20, 60, 60)
    paint(session, place, 2)
    transaction = session.begin("Erase")
    assert transaction is not None
    transaction.write(place, 0)
    session.commit(transaction)
    propose(session)
    session.proposals.reject_mask(Rect(200, 200, 50, 50), np.ones((50, 50), bool))
    session.close_project()
    other = make_session()
    other.open_project(tmp_path / "project")
    shown = propose(other)
    assert (shown[place.slices] == 0).all() and (shown[200:250, 200:250] == 0).all()
    assert int((shown == 0).sum()) == 60 * 60 + 50 * 50
    assert other.undo() and other.undo()  # this proposal, and the rejection of before
    assert (propose(other)[200:250, 200:250] == 1).all()
    other.close_project()
    with ProjectStore.open(tmp_path / "project") as store:
        assert store.labelled_pixels([1]) == {}


def test_rejecting_all_is_no_decision_about_places(session: Session) -> None:
    propose(session)
    assert session.proposals.reject_all()
    assert (propose(session, 2) == 2).all()


def test_a_deleted_object_is_not_proposed_again(session: Session) -> None:
    desk = session.proposals

    def find() -> None:
        generation = desk.begin({1: 1}, "net")
        for x in (50, 200):
            desk.receive_window(1, generation, ObjectResult(Rect(x, 50, 30, 30), np.ones((30, 30), bool), 1, 0.9))
        desk.finish_proposal(1, generation)
        desk.cancel()

    find()
    desk.accept_all()
    first = session.segment_at(60, 60)
    assert first is not None and session.delete_object(first.id)
    find()
    assert session.proposal is not None
    shown = session.proposal.read_classes(WHOLE)
    assert not shown[50:80, 50:80].any() and shown[50:80, 200:230].all()
    assert session.undo() and session.undo()
    find()
    assert session.proposal.read_classes(WHOLE)[50:80, 50:80].all()


def test_without_the_setting_models_propose_everywhere(session: Session) -> None:
    paint(session, Rect(20, 20, 60, 60), 2)
    session.settings.set("proposal.keeps_hand", False)
    assert (propose(session) == 1).all()
    session.proposals.accept_all()
    assert (classes_of(session) == 1).all()


def test_a_person_may_let_models_propose_again(session: Session, said: Said) -> None:
    assert not forget_here(session) and "leave alone" in said[-1]
    paint(session, Rect(20, 20, 60, 60), 2)
    transaction = session.begin("Erase")
    assert transaction is not None
    transaction.write(Rect(20, 20, 30, 60), 0)
    session.commit(transaction)
    propose(session)
    session.proposals.reject_mask(Rect(200, 200, 50, 50), np.ones((50, 50), bool))
    assert forget_here(session)
    shown = propose(session)
    assert (shown[20:80, 20:50] == 1).all() and (shown[200:250, 200:250] == 1).all()
    assert (shown[20:80, 50:80] == 0).all()  # what is labelled stays the person's
    assert session.undo() and session.undo()
    assert (propose(session)[20:80, 20:50] == 0).all()


def test_clearing_all_labels_begins_anew(session: Session) -> None:
    paint(session, Rect(20, 20, 60, 60), 2)
    assert session.clear_labels()
    assert (propose(session) == 1).all()
    assert session.undo() and session.undo()
    assert (propose(session)[20:80, 20:80] == 0).all()


def test_the_status_and_counts_do_not_mind(session: Session) -> None:
    paint(session, Rect(20, 20, 60, 60), 2)
    assert session.image is not None and session.image.status == "in_progress"
    session.undo()
    assert session.image is not None and session.image.status == "unlabelled"
    assert session.store is not None and session.store.labelled_pixels([1]) == {}
