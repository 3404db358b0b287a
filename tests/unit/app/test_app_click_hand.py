"""The object in hand: proposal at once, corrected, protected from later clicks, accepted or dropped, never lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segstudio.app.click_hand import ClickHand
from segstudio.app.session import Session
from segstudio.app.tools.painting import paint_area
from segstudio.core.clicked import is_clicked
from segstudio.core.geometry import Rect

SHAPE = (300, 400)


def box(x: int, y: int, width: int, height: int) -> tuple[np.ndarray, Rect]:
    return np.ones((height, width), bool), Rect(x, y, width, height)


def area(x: int, y: int, width: int, height: int) -> np.ndarray:
    out = np.zeros(SHAPE, bool)
    out[y : y + height, x : x + width] = True
    return out


def proposed(session: Session) -> np.ndarray:
    layer = session.proposal
    return np.zeros(SHAPE, np.uint16) if layer is None else layer.read_classes(layer.bounds)


def labels(session: Session) -> np.ndarray:
    assert session.labels is not None
    return session.labels.read_classes(session.labels.bounds)


def names(session: Session) -> list[str]:
    assert session.history is not None
    return [entry.label for entry in session.history.entries() if not entry.is_undone]


@pytest.fixture
def hand(session: Session) -> ClickHand:
    return ClickHand(session)


def test_an_answer_is_a_proposal_on_disk_with_its_confidence_and_survives_a_restart(
    session: Session, hand: ClickHand, tmp_path: Path
) -> None:
    assert hand.put(*box(50, 40, 30, 20), 0.8, "toy")
    np.testing.assert_array_equal(proposed(session) == 1, area(50, 40, 30, 20))
    row = hand.segment
    assert row is not None and row.is_object and row.source == "model" and is_clicked(row) and row.confidence == 0.8
    assert session.proposal is not None and session.proposal.read_confidence(Rect(60, 50, 1, 1))[0, 0] == 204
    assert not labels(session).any()
    session.close_project()
    assert session.open_project(tmp_path / "project")
    np.testing.assert_array_equal(proposed(session) == 1, area(50, 40, 30, 20))
    again = ClickHand(session)
    assert again.take_up(55, 45, "toy") and again.accept()  # and it is accepted as if nothing had been between
    np.testing.assert_array_equal(labels(session) == 1, area(50, 40, 30, 20))


def test_a_correction_gives_back_what_lay_below(session: Session, hand: ClickHand) -> None:
    session.select_class(2)
    assert hand.put(*box(0, 0, 400, 100), 0.7, "toy")  # another proposal, left as it is
    hand.let_go()
    session.select_class(1)
    assert hand.put(*box(50, 50, 100, 100), 0.9, "toy") and hand.put(*box(80, 80, 20, 20), 0.6, "toy")
    wanted = np.where(area(80, 80, 20, 20), 1, np.where(area(0, 0, 400, 100), 2, 0))
    np.testing.assert_array_equal(proposed(session), wanted)
    assert session.proposal is not None
    sure = session.proposal.read_confidence(session.proposal.bounds)
    assert sure[60, 60] == 178 and sure[85, 85] == 153 and sure[120, 60] == 0
    assert not hand.put(np.zeros((0, 0), bool), Rect(0, 0, 0, 0), 0.0, "toy")  # nothing at all
    np.testing.assert_array_equal(proposed(session), np.where(area(0, 0, 400, 100), 2, 0))
    while session.undo():
        pass
    assert not proposed(session).any()
    while session.redo():
        pass
    np.testing.assert_array_equal(proposed(session), np.where(area(0, 0, 400, 100), 2, 0))


def test_accepted_objects_are_protected_and_locked_classes_too(session: Session, hand: ClickHand) -> None:
    session.set_object_mode(True)
    hand.put(*box(50, 50, 40, 40), 0.9, "toy")
    assert hand.accept() and not proposed(session).any()
    (kept,) = session.objects()
    assert kept.source == "accepted" and is_clicked(kept) and hand.protected_at(60, 60) == kept
    session.select_class(2)
    assert hand.put(*box(40, 40, 100, 30), 0.9, "toy")
    assert not (proposed(session) > 0)[50:70, 50:90].any() and hand.accept()
    np.testing.assert_array_equal(labels(session) == 1, area(50, 50, 40, 40))
    assert not hand.put(*box(55, 55, 10, 10), 0.9, "toy")  # nothing of it is free
    session.set_object_mode(False)
    paint_area(session, *box(200, 200, 20, 20), "Brush", is_erasing=False)
    assert hand.protected_at(205, 205) is None  # painted areas are no objects: a click may cover them
    session.class_editor.set_locked(2, True)
    assert hand.protected_at(205, 205) is not None


def test_what_is_painted_is_covered_only_by_the_act_of_accepting_and_undo_brings_it_back(
    session: Session, hand: ClickHand
) -> None:
    paint_area(session, *box(0, 0, 100, 100), "Brush", is_erasing=False)
    session.select_class(2)
    hand.put(*box(50, 50, 100, 100), 0.9, "toy")
    np.testing.assert_array_equal(labels(session), np.where(area(0, 0, 100, 100), 1, 0))
    assert hand.accept() and labels(session)[60, 60] == 2
    session.undo()
    np.testing.assert_array_equal(labels(session), np.where(area(0, 0, 100, 100), 1, 0))
    np.testing.assert_array_equal(proposed(session) == 2, area(50, 50, 100, 100))


def test_an_object_of_the_labels_is_taken_up_replaced_and_keeps_its_segment(session: Session, hand: ClickHand) -> None:
    session.set_object_mode(True)
    paint_area(session, *box(50, 50, 40, 40), "Brush", is_erasing=False)
    paint_area(session, *box(120, 50, 10, 10), "Brush", is_erasing=False)
    (first, second) = session.objects()
    assert hand.take_up(60, 60, "toy") and hand.taken is not None
    np.testing.assert_array_equal(proposed(session) == 1, area(50, 50, 40, 40))
    np.testing.assert_array_equal(labels(session) == 1, area(50, 50, 40, 40) | area(120, 50, 10, 10))
    assert hand.put(*box(70, 50, 60, 20), 0.9, "toy")  # smaller to the left, and into its neighbour
    assert hand.accept()
    assert session.objects() == [first, second] and not proposed(session).any()
    assert session.labels is not None
    ids = session.labels.read(session.labels.bounds)
    np.testing.assert_array_equal(ids == first.id, area(70, 50, 60, 20) & ~area(120, 50, 10, 10))
    np.testing.assert_array_equal(ids == second.id, area(120, 50, 10, 10))
    session.undo()
    np.testing.assert_array_equal(labels(session) == 1, area(50, 50, 40, 40) | area(120, 50, 10, 10))


def test_dropping_leaves_no_trace_and_redo_brings_it_back(session: Session, hand: ClickHand) -> None:
    for width in (10, 20, 30):
        hand.put(*box(50, 50, width, 20), 0.9, "toy")
    assert hand.edit_count == 3 and hand.step_back()
    np.testing.assert_array_equal(proposed(session) == 1, area(50, 50, 20, 20))
    hand.drop()
    assert not proposed(session).any() and names(session) == [] and hand.segment is None
    assert session.redo() and session.redo()
    np.testing.assert_array_equal(proposed(session) == 1, area(50, 50, 20, 20))
    hand.put(*box(100, 100, 10, 10), 0.9, "toy")
    paint_area(session, *box(200, 200, 20, 20), "Brush", is_erasing=False)
    hand.drop()  # something came after it: an edit of its own takes it out, the stroke stays
    np.testing.assert_array_equal(proposed(session) == 1, area(50, 50, 20, 20))
    assert labels(session).sum() == 400 and names(session)[-1] == "Drop click"


def test_another_edit_that_takes_the_object_away_is_noticed(session: Session, hand: ClickHand) -> None:
    lost: list[bool] = []
    slot = lambda: lost.append(True)  # noqa: E731 - held by the signal
    hand.lost.connect(slot)
    hand.put(*box(50, 50, 20, 20), 0.9, "toy")
    session.proposals.reject_at(55, 55)
    assert lost == [True] and hand.segment is None
    session.undo()
    assert hand.take_up(55, 55, "toy")
    session.proposals.accept_all()
    assert not hand.accept()  # it is accepted already, once
    np.testing.assert_array_equal(labels(session) == 1, area(50, 50, 20, 20))


def test_the_class_chosen_meanwhile_is_what_it_becomes(session: Session, hand: ClickHand) -> None:
    hand.put(*box(50, 50, 20, 20), 0.9, "toy")
    session.select_class(2)
    np.testing.assert_array_equal(proposed(session) == 2, area(50, 50, 20, 20))
    hand.accept()
    np.testing.assert_array_equal(labels(session) == 2, area(50, 50, 20, 20))


def test_a_stroke_of_the_active_object_is_joined_and_another_image_forgets_nothing(
    session: Session, hand: ClickHand
) -> None:
    session.new_object()
    hand.put(*box(10, 10, 10, 10), 0.9, "toy")
    hand.accept()
    (made,) = session.objects()
    assert session.active_object == made.id
    hand.put(*box(30, 10, 10, 10), 0.9, "toy")
    hand.accept()
    assert session.objects() == [made] and (labels(session) == 1).sum() == 200
    hand.put(*box(100, 100, 10, 10), 0.9, "toy")
    first = session.image_id
    session.select_image(session.images[1].id)
    assert hand.segment is None and not hand.accept()
    assert hand.put(*box(0, 0, 5, 5), 0.9, "toy") and proposed(session).sum() == 25
    session.select_image(first)
    np.testing.assert_array_equal(proposed(session) == 1, area(100, 100, 10, 10))


def test_a_proposal_of_another_model_is_taken_up_and_shrinks_for_good(session: Session, hand: ClickHand) -> None:
    from segstudio.ml.api import WindowResult

    generation = session.proposals.begin({1: 2}, "other")
    found = np.where(area(50, 50, 60, 60), 1, 0).astype(np.uint8)
    sure = np.full(SHAPE, 200, np.uint8)
    assert session.image_id is not None
    session.proposals.receive_window(session.image_id, generation, WindowResult(Rect(0, 0, 400, 300), found, sure))
    session.proposals.end()
    assert hand.take_up(60, 60, "toy") and hand.segment is not None and hand.segment.class_id == 2
    hand.put(*box(50, 50, 60, 20), 0.9, "toy")
    np.testing.assert_array_equal(proposed(session) == 2, area(50, 50, 60, 20))
    hand.drop()
    np.testing.assert_array_equal(proposed(session) == 2, area(50, 50, 60, 60))


def test_a_read_only_project_takes_nothing(make_session, session: Session, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = make_session()
    assert other.open_project(tmp_path / "project") and other.is_read_only
    hand = ClickHand(other)
    assert not hand.put(*box(0, 0, 5, 5), 0.9, "toy") and not hand.take_up(3, 3, "toy") and not hand.accept()


def test_what_was_clicked_stays_when_a_model_proposes_anew(session: Session, hand: ClickHand) -> None:
    from segstudio.ml.api import WindowResult

    hand.put(*box(50, 50, 20, 20), 0.8, "toy")
    for class_id in (1, 2):  # the second time over the first one's answer
        generation = session.proposals.begin({1: class_id}, "other")
        found, sure = np.ones(SHAPE, np.uint8), np.full(SHAPE, 100, np.uint8)
        assert session.image_id is not None
        session.proposals.receive_window(session.image_id, generation, WindowResult(Rect(0, 0, 400, 300), found, sure))
        session.proposals.end()
        assert session.proposal is not None and hand.segment is not None
        ids = session.proposal.read(session.proposal.bounds)
        np.testing.assert_array_equal(ids == hand.segment_id, area(50, 50, 20, 20))
        assert set(proposed(session)[~area(50, 50, 20, 20)].tolist()) == {class_id}
        assert session.proposal.read_confidence(Rect(60, 60, 1, 1))[0, 0] == 204
    assert hand.accept()
    np.testing.assert_array_equal(labels(session) == 1, area(50, 50, 20, 20))
