"""Confirming a place: the proposal there becomes labels, what is empty is decided, and undo takes both back."""

from __future__ import annotations

import numpy as np

from segstudio.core.confirming import confirm_place
from segstudio.core.edits import Transaction, apply_edit
from segstudio.core.geometry import Rect
from segstudio.core.guards import ANYWHERE, Guard
from segstudio.core.layers import LabelLayer
from segstudio.core.touched import is_touched

PLACE = Rect(16, 16, 32, 32)


def layers() -> tuple[LabelLayer, LabelLayer]:
    """An image of 64 × 64 whose proposal has class 1 in columns 20 to 39, class 2 in a corner of the place at little confidence."""
    labels, proposal = LabelLayer(1, 1, "Labels", "labels", 64, 64), LabelLayer(2, 1, "Proposal", "proposal", 64, 64)
    transaction = Transaction(proposal, "Propose")
    for class_id, rect, confidence in ((1, Rect(20, 0, 20, 64), 250), (2, Rect(42, 42, 6, 6), 60)):
        transaction.write(rect, transaction.ensure_stuff(class_id, "model", "net"))
        transaction.write_confidence(rect, confidence)
    transaction.commit()
    return labels, proposal


def test_what_is_shown_there_becomes_labels_and_all_of_the_place_is_decided():
    labels, proposal = layers()
    edit = confirm_place(labels, proposal, PLACE, z=0, guard=ANYWHERE, min_confidence=0.5)
    assert edit is not None
    found = labels.read_classes(labels.bounds)
    assert (found[16:48, 20:40] == 1).all() and np.count_nonzero(found) == 32 * 20  # nothing unsure, nothing outside
    assert proposal.read_classes(Rect(20, 0, 20, 16)).all()  # stays proposed beyond the place
    touched = is_touched(labels, labels.bounds)
    assert touched[PLACE.slices].all() and np.count_nonzero(touched) == PLACE.width * PLACE.height
    apply_edit(edit.reversed(), {1: labels, 2: proposal})
    assert not labels.read_classes(labels.bounds).any() and not is_touched(labels, labels.bounds).any()
    assert proposal.read_classes(PLACE)[:, 4:24].all()


def test_hand_work_and_locked_classes_stay_and_a_second_time_changes_nothing():
    labels, proposal = layers()
    stroke = Transaction(labels, "Paint", is_by_hand=True)
    stroke.write(Rect(20, 20, 5, 5), stroke.ensure_stuff(2))
    stroke.commit()
    guard = Guard(locked_class_ids=frozenset({2}))
    assert confirm_place(labels, proposal, PLACE, z=0, guard=guard)
    found = labels.read_classes(PLACE)
    assert (found[4:9, 4:9] == 2).all() and found[0, 4] == 1
    assert confirm_place(labels, proposal, PLACE, z=0, guard=guard) is None


def test_without_a_proposal_emptiness_is_what_is_confirmed_and_the_image_ends_it():
    labels, _ = layers()
    edit = confirm_place(labels, None, Rect(50, 50, 40, 40), z=0, guard=ANYWHERE)
    assert edit is not None and edit.image_id == 1
    assert np.count_nonzero(is_touched(labels, labels.bounds)) == 14 * 14
    assert confirm_place(labels, None, Rect(80, 80, 4, 4), z=0, guard=ANYWHERE) is None
