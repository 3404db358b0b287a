"""Proposals: results come in as they are made, and are accepted or rejected; hand labels stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Said, classes_of, drag, paint

from segstudio.app.session import Session
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.geometry import Rect
from segstudio.ml.api import ObjectResult, WindowResult

LEFT, RIGHT = Rect(0, 0, 200, 300), Rect(200, 0, 200, 300)


def window(rect: Rect, index: int, confidence: int = 200) -> WindowResult:
    shape = (rect.height, rect.width)
    return WindowResult(rect, np.full(shape, index, np.uint8), np.full(shape, confidence, np.uint8))


def proposed(session: Session) -> np.ndarray:
    assert session.proposal is not None
    return session.proposal.read_classes(session.proposal.bounds)


@pytest.fixture
def filled(session: Session) -> Session:
    """Left half road at 0.78, right half tree at 0.39."""
    desk = session.proposals
    generation = desk.begin({0: 0, 1: 1, 2: 2}, "model")
    assert desk.receive_window(1, generation, window(LEFT, 1, 200))
    assert desk.receive_window(1, generation, window(RIGHT, 2, 100))
    assert desk.finish_proposal(1, generation)
    desk.cancel()
    return session


def test_windows_stream_in_and_are_one_edit(session: Session) -> None:
    seen: list[Rect] = []
    desk = session.proposals
    generation = desk.begin({0: 0, 1: 2}, "model")
    session.layer_changed.connect(lambda layer_id, rect: seen.append(rect))
    desk.receive_window(1, generation, window(LEFT, 1))
    assert seen[-1] == LEFT and (proposed(session)[:, :200] == 2).all()
    desk.receive_window(1, generation, window(RIGHT, 0))
    assert desk.finish_proposal(1, generation)
    assert session.image is not None and session.image.has_proposal
    assert session.history is not None and len(session.history.entries()) == 1
    assert not classes_of(session).any()
    assert session.undo() and not proposed(session).any()


def test_stale_and_unknown_results_are_dropped(session: Session) -> None:
    desk = session.proposals
    old = desk.begin({1: 1}, "model")
    new = desk.begin({1: 1}, "model")
    assert not desk.receive_window(1, old, window(LEFT, 1)) and not desk.finish_proposal(1, old)
    assert not desk.receive_window(99, new, window(LEFT, 1))
    assert desk.receive_window(1, new, window(LEFT, 1))
    desk.cancel()
    assert not desk.receive_window(1, new, window(RIGHT, 1))
    assert proposed(session)[0, 0] == 1 and proposed(session)[0, 300] == 0  # what came is kept


def test_results_for_images_that_are_not_shown(
    session: Session, make_session: Callable[[], Session], tmp_path: Path
) -> None:
    desk = session.proposals
    generation = desk.begin({1: 1}, "model")
    for image_id in (2, 3):
        desk.receive_window(image_id, generation, window(LEFT, 1))
    session.select_image(2)  # in the middle of it
    desk.receive_window(2, generation, window(RIGHT, 1))
    assert proposed(session).all()
    for image_id in (2, 3):
        assert desk.finish_proposal(image_id, generation)
    desk.cancel()
    session.close_project()
    other = make_session()
    other.open_project(tmp_path / "project")
    assert [record.has_proposal for record in other.images] == [False, True, True]
    other.select_image(3)
    assert (proposed(other)[:, :200] == 1).all()
    assert other.undo() and not proposed(other).any()


def test_a_failed_request_takes_back_what_is_unfinished(filled: Session) -> None:
    desk = filled.proposals
    before = proposed(filled).copy()
    generation = desk.begin({1: 2}, "other")
    desk.receive_window(1, generation, window(LEFT, 1))
    desk.abandon()
    assert np.array_equal(proposed(filled), before)


def test_a_new_request_replaces_the_old_proposal_even_with_nothing(filled: Session) -> None:
    desk = filled.proposals
    generation = desk.begin({1: 1}, "model")
    assert desk.finish_proposal(1, generation)
    assert not proposed(filled).any() and filled.image is not None and not filled.image.has_proposal


def test_only_the_rectangles_asked_for_are_replaced(filled: Session) -> None:
    desk = filled.proposals
    generation = desk.begin({1: 2}, "model", rects={1: [Rect(0, 0, 100, 100)]})
    desk.receive_window(1, generation, window(Rect(0, 0, 100, 100), 1))
    desk.finish_proposal(1, generation)
    assert proposed(filled)[50, 50] == 2 and proposed(filled)[50, 150] == 1 and proposed(filled)[50, 350] == 2


def test_objects(session: Session) -> None:
    desk = session.proposals
    generation = desk.begin({3: 1}, "model")
    rect = Rect(10, 10, 20, 20)
    desk.receive_window(1, generation, ObjectResult(rect, np.ones((20, 20), bool), 3, 0.9))
    desk.receive_window(1, generation, ObjectResult(rect.moved(50, 0), np.ones((20, 20), bool), 3, 0.4))
    desk.finish_proposal(1, generation)
    session.set_min_confidence(0.5)
    assert desk.accept_all()
    assert len(session.objects()) == 1 and classes_of(session)[15, 15] == 1 and classes_of(session)[15, 65] == 0


def test_accept_all_is_one_edit_and_hand_labels_stay(filled: Session) -> None:
    paint(filled, Rect(0, 0, 50, 50), 2)
    assert filled.proposals.accept_all()
    labels = classes_of(filled)
    assert (labels[:50, :50] == 2).all() and labels[100, 100] == 1 and labels[100, 300] == 2
    assert not proposed(filled).any() and not filled.proposals.has_proposal
    filled.undo()
    assert classes_of(filled)[100, 100] == 0 and proposed(filled)[100, 100] == 1
    assert filled.image is not None and filled.image.has_proposal


def test_threshold_hides_from_accepting_without_inference(filled: Session, said: Said) -> None:
    filled.set_min_confidence(0.5)
    assert filled.proposals.accept_all()
    assert classes_of(filled)[0, 0] == 1 and classes_of(filled)[0, 300] == 0
    assert proposed(filled)[0, 300] == 2  # is still there
    assert not filled.proposals.accept_all() and "confidence" in said[-1]


def test_by_class_and_closed_eyes(filled: Session) -> None:
    assert filled.proposals.accept_classes([2])
    assert classes_of(filled)[0, 0] == 0 and classes_of(filled)[0, 300] == 2
    filled.undo()
    filled.class_editor.set_visible(2, False)
    assert filled.proposals.accept_all()
    assert classes_of(filled)[0, 0] == 1 and classes_of(filled)[0, 300] == 0


def test_reject(filled: Session) -> None:
    assert filled.proposals.reject_classes([1]) and not proposed(filled)[:, :200].any()
    assert filled.proposals.reject_all() and not proposed(filled).any()
    assert not classes_of(filled).any()
    filled.undo()
    filled.undo()
    assert proposed(filled)[0, 0] == 1


def test_locked_classes_are_not_painted_over(filled: Session) -> None:
    filled.settings.set("proposal.keeps_hand", False)
    paint(filled, Rect(0, 0, 50, 50), 2)
    filled.class_editor.set_locked(2, True)
    filled.proposals.accept_all()
    assert classes_of(filled)[10, 10] == 2 and classes_of(filled)[100, 100] == 1


def test_click_and_brush(filled: Session) -> None:
    toolbox = ToolBox(ToolContext(filled, filled.settings))
    toolbox.select("accept")
    filled.settings.set("proposal_brush.size_px", 20)
    drag(toolbox, (50, 50), (150, 50))
    labels = classes_of(filled)
    assert labels[50, 100] == 1 and labels[100, 100] == 0
    drag(toolbox, (300, 100))
    assert (classes_of(filled)[:, 200:] == 2).all()
    toolbox.select("reject")
    drag(toolbox, (100, 200))
    assert not proposed(filled).any() and classes_of(filled)[100, 100] == 0
    assert filled.undo()
    drag(toolbox, (100, 200), modifiers="ctrl")  # the opposite
    assert classes_of(filled)[100, 100] == 1
    drag(toolbox, (-900, 200), (-800, 200))
    drag(toolbox, (900, 900))


def test_accepting_while_the_model_still_writes(session: Session) -> None:
    desk = session.proposals
    generation = desk.begin({1: 1}, "model")
    desk.receive_window(1, generation, window(LEFT, 1))
    assert desk.accept_all()
    desk.receive_window(1, generation, window(RIGHT, 1))
    desk.finish_proposal(1, generation)
    assert (classes_of(session)[:, :200] == 1).all() and not classes_of(session)[:, 200:].any()
    assert proposed(session)[0, 300] == 1 and proposed(session)[0, 0] == 0
    for _ in range(3):
        assert session.undo()
    assert not classes_of(session).any() and not proposed(session).any()


def test_removing_an_image_while_it_is_proposed_for(session: Session) -> None:
    desk = session.proposals
    generation = desk.begin({1: 1}, "model")
    desk.receive_window(2, generation, window(LEFT, 1))
    session.remove_images([2])
    assert not desk.receive_window(2, generation, window(RIGHT, 1))
    assert not desk.finish_proposal(2, generation)


def test_uncertainty_is_kept(filled: Session, make_session: Callable[[], Session], tmp_path: Path) -> None:
    expected = 1 - (200 + 100) / 2 / 255
    assert filled.proposals.uncertainty[1] == pytest.approx(expected, abs=1e-3)
    filled.close_project()
    other = make_session()
    other.open_project(tmp_path / "project")
    assert other.proposals.uncertainty[1] == pytest.approx(expected, abs=1e-3)


def test_nothing_to_accept_is_said(session: Session, said: Said) -> None:
    assert not session.proposals.accept_all() and "no proposal" in said[-1]


def test_big_proposals_are_squeezed_elsewhere_and_nothing_gets_ahead_of_them(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.app.proposal_desk.BACKGROUND_TILES", 0)
    waiting: list[tuple[Callable[[], None], Callable[[], None]]] = []
    desk = session.proposals
    desk.run_in_background = lambda work, done: waiting.append((work, done))
    generation = desk.begin({1: 1}, "model")
    desk.receive_window(1, generation, window(LEFT, 1))
    assert desk.finish_proposal(1, generation)
    desk.end()
    assert session.history is not None and not session.history.can_undo
    work, done = waiting.pop()
    work()
    done()
    done()  # twice does nothing more
    assert [entry.label for entry in session.history.entries()] == ["Propose with model"]
    generation = desk.begin({1: 2}, "model")
    desk.receive_window(1, generation, window(LEFT, 1))
    assert desk.finish_proposal(1, generation)
    assert desk.accept_all()  # could not wait: the proposal is recorded first
    assert len(session.history.entries()) == 3 and classes_of(session)[0, 0] == 2
    waiting.pop()[1]()
    assert len(session.history.entries()) == 3
    generation = desk.begin({1: 1}, "model")
    desk.receive_window(1, generation, window(LEFT, 1))
    desk.finish_proposal(1, generation)
    folder = session.folder
    session.close_project()
    waiting.pop()[1]()
    assert folder is not None and session.open_project(folder) and (proposed(session)[:, :200] == 1).all()
