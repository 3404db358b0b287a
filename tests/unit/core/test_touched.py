"""What a person touched is known exactly, through any sequence of edits, undo and redo."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.edits import Transaction, UndoStack, apply_edit
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer, Segment
from segstudio.core.proposals import ProposalWriter, accept, accept_object_at, reject, reject_object_at
from segstudio.core.refined_proposals import RefinedWriter
from segstudio.core.touched import is_touched, touched_in

WIDTH, HEIGHT = 300, 280


def layers() -> tuple[LabelLayer, LabelLayer]:
    return (
        LabelLayer(1, 1, "labels", "labels", WIDTH, HEIGHT),
        LabelLayer(2, 1, "proposal", "proposal", WIDTH, HEIGHT),
    )


def write(layer: LabelLayer, rect: Rect, class_id: int, *, is_by_hand: bool = True):
    transaction = Transaction(layer, "stroke", is_by_hand=is_by_hand)
    source = "hand" if is_by_hand else "accepted"
    transaction.write(rect, transaction.ensure_stuff(class_id, source) if class_id else 0)
    return transaction.commit()


def propose(proposal: LabelLayer, labels: LabelLayer, class_id: int = 1) -> None:
    writer = ProposalWriter(proposal, {1: class_id}, "net", "v2", touched=touched_in([labels, proposal]))
    writer.write_window(proposal.bounds, np.ones((HEIGHT, WIDTH), np.uint8))
    writer.finish()


rects = st.builds(
    Rect, st.integers(0, WIDTH - 5), st.integers(0, HEIGHT - 5), st.integers(1, WIDTH), st.integers(1, HEIGHT)
)
steps = st.lists(
    st.tuples(st.sampled_from(["paint", "erase", "accepted", "undo", "redo"]), rects, st.integers(1, 3)), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_touched_is_what_strokes_in_force_changed(made: list[tuple[str, Rect, int]]) -> None:
    labels, _ = layers()
    stack, by_hand = UndoStack(), []
    for what, rect, class_id in made:
        if what in ("undo", "redo"):
            edit = stack.undo() if what == "undo" else stack.redo()
            if edit is not None:
                apply_edit(edit, {1: labels})
            continue
        before = labels.tiles.read(labels.bounds).copy()
        edit = write(labels, rect, 0 if what == "erase" else class_id, is_by_hand=what != "accepted")
        if edit is not None:
            del by_hand[stack.position :]
            stack.push(edit)
            changed = before != labels.tiles.read(labels.bounds)
            by_hand.append(changed if what != "accepted" else np.zeros_like(changed))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    for changed in by_hand[: stack.position]:
        expected |= changed
    assert np.array_equal(labels.touched.read(labels.bounds) != 0, expected)


def test_proposing_again_leaves_what_was_painted_erased_and_rejected() -> None:
    labels, proposal = layers()
    propose(proposal, labels)
    accept(labels, proposal, keep_touched=True)
    assert (labels.read_classes(labels.bounds) == 1).all()
    erased, painted = Rect(10, 10, 40, 30), Rect(200, 100, 50, 50)
    write(labels, erased, 0)
    write(labels, painted, 2)
    propose(proposal, labels)
    shown = proposal.read_classes(proposal.bounds)
    mine = np.zeros_like(shown, bool)
    mine[erased.slices] = mine[painted.slices] = True
    assert (shown[mine] == 0).all() and (shown[~mine] == 1).all()
    rejected = Rect(100, 200, 60, 40)
    reject(proposal, rect=rejected, mask=np.ones((40, 60), bool), is_by_hand=True)
    mine[rejected.slices] = True
    propose(proposal, labels)
    assert (proposal.read_classes(proposal.bounds)[mine] == 0).all()
    accept(labels, proposal, keep_touched=True)
    now = labels.read_classes(labels.bounds)
    assert (now[erased.slices] == 0).all() and (now[painted.slices] == 2).all()
    assert (now[rejected.slices] == 1).all()  # accepted before, and only the new proposal was rejected there


def test_accepting_all_fills_only_what_nobody_touched_since_the_proposal_came() -> None:
    labels, proposal = layers()
    write(labels, Rect(0, 0, 50, 50), 2)
    write(labels, Rect(0, 0, 50, 50), 0)  # a person erased his own again
    writer = ProposalWriter(proposal, {1: 1}, "net")
    writer.write_window(proposal.bounds, np.ones((HEIGHT, WIDTH), np.uint8))
    writer.finish()
    accept(labels, proposal, keep_touched=True)
    now = labels.read_classes(labels.bounds)
    assert (now[:50, :50] == 0).all() and (now[60:] == 1).all()


def test_what_somebody_asked_for_himself_is_accepted_where_he_erased() -> None:
    labels, proposal = layers()
    write(labels, Rect(0, 0, 50, 50), 2)
    write(labels, Rect(0, 0, 50, 50), 0)
    clicked = Transaction(proposal, "Click")
    clicked.set_segment(Segment(7, 1, True, "model", "click-base", 0.9, is_reviewed=True))
    clicked.write(Rect(10, 10, 20, 20), 7)
    clicked.commit()
    accept(labels, proposal, keep_touched=True)
    assert int((labels.read_classes(labels.bounds) == 1).sum()) == 400


def test_accepting_or_rejecting_a_place_is_a_decision_and_all_at_once_is_none() -> None:
    labels, proposal = layers()
    writer = ProposalWriter(proposal, {1: 1}, "net")
    for x in (20, 120, 220):
        writer.write_object(Rect(x, 20, 30, 30), np.ones((30, 30), bool), 1, 0.8)
    writer.finish()
    accept_object_at(labels, proposal, 25, 25)
    reject_object_at(proposal, 125, 25)
    accept(labels, proposal)
    decided = touched_in([labels, proposal])(labels.bounds, 0)
    assert decided[20:50, 20:50].all() and decided[20:50, 120:150].all() and not decided[20:50, 220:250].any()
    sources = {(segment.source, segment.model_id) for segment in labels.segments.values()}
    assert sources == {("accepted", "net")}


def test_objects_mostly_on_hand_work_are_left_out_and_others_go_round_it() -> None:
    labels, proposal = layers()
    write(labels, Rect(20, 20, 30, 30), 2)
    writer = ProposalWriter(proposal, {1: 1}, "net", touched=touched_in([labels, proposal]))
    rim = Rect(18, 18, 34, 34)
    assert writer.write_object(rim, np.ones((34, 34), bool), 1, 0.9).is_empty
    writer.write_object(Rect(45, 20, 40, 30), np.ones((30, 40), bool), 1, 0.9)
    writer.finish()
    shown = proposal.read_classes(proposal.bounds)
    assert (shown[20:50, 45:50] == 0).all() and (shown[20:50, 50:85] == 1).all() and shown[18, 18] == 0


def test_labels_older_than_the_record_and_deleted_classes() -> None:
    labels, _ = layers()
    write(labels, Rect(0, 0, 30, 30), 1)
    write(labels, Rect(40, 0, 30, 30), 2, is_by_hand=False)
    for key in labels.touched.keys():
        labels.touched.set(key, 0)  # as a project of an earlier version comes
    assert is_touched(labels, Rect(0, 0, 30, 30)).all() and not is_touched(labels, Rect(40, 0, 30, 30)).any()
    write(labels, Rect(0, 40, 30, 30), 1)
    hand = labels.stuff_segment(1)
    assert hand is not None
    dropped = Transaction(labels, "Delete class")
    dropped.set_segment(Segment(hand.id, 0))
    dropped.commit()
    assert not is_touched(labels, labels.bounds).any()


def test_a_stroke_that_ends_as_it_began_touches_nothing() -> None:
    labels, _ = layers()
    transaction = Transaction(labels, "stroke", is_by_hand=True)
    segment = transaction.ensure_stuff(1)
    transaction.write(Rect(0, 0, 300, 280), segment)
    transaction.write(Rect(0, 0, 300, 280), 0)
    assert transaction.commit() is None and not labels.touched.keys()
    whole = Transaction(labels, "fill", is_by_hand=True)
    whole.write(labels.bounds, whole.ensure_stuff(1))
    whole.abort()
    assert not labels.touched.keys()


def test_refining_leaves_what_a_person_decided_as_it_is() -> None:
    labels, proposal = layers()
    write(labels, Rect(0, 0, 60, 60), 2)
    write(labels, Rect(0, 0, 60, 60), 0)
    writer = ProposalWriter(proposal, {1: 1}, "net", touched=touched_in([labels, proposal]))
    writer.write_window(Rect(50, 0, 100, 100), np.ones((100, 100), np.uint8), np.full((100, 100), 200, np.uint8))
    writer.finish()
    (segment,) = proposal.segments
    refined = RefinedWriter(proposal, touched=touched_in([labels, proposal]))
    refined.write(Rect(0, 0, 120, 100), np.full((100, 120), segment, np.uint16), np.full((100, 120), 90, np.uint8))
    refined.finish()
    shown = proposal.read_classes(proposal.bounds)
    assert not shown[:60, :60].any() and shown[60:100, :60].all() and shown[:60, 60:120].all()
    assert not proposal.read_confidence(Rect(0, 0, 60, 60)).any()
