"""Proposals: written, accepted and rejected by every selector; hand work and locked classes stay."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.edits import Transaction, apply_edit
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.proposals import (
    ProposalWriter,
    accept,
    accept_object_at,
    reject,
    reject_object_at,
    visible_proposal,
)
from segstudio.core.regions import components, connected_component_at, fill_holes, flood_fill, similar_region

WIDTH, HEIGHT = 600, 520


def layers(depth=1):
    labels = LabelLayer(1, 1, "labels", "labels", WIDTH, HEIGHT, depth)
    return labels, LabelLayer(2, 1, "proposal", "proposal", WIDTH, HEIGHT, depth)


def proposed(proposal, seed=0, z=0):
    rng = np.random.default_rng(seed)
    classes = np.kron(rng.integers(0, 4, (13, 12)), np.ones((40, 50), int)).astype(np.uint8)
    confidence = rng.integers(0, 256, classes.shape, dtype=np.uint8)
    writer = ProposalWriter(proposal, {1: 1, 2: 2, 3: 0}, "model", "7")
    for y in range(0, HEIGHT, 100):
        height = min(100, HEIGHT - y)
        writer.write_window(Rect(0, y, WIDTH, height), classes[y : y + height], confidence[y : y + height], z)
    return writer.finish(), np.where(classes == 3, 0, classes), confidence


def hand(labels, rect, class_id=3):
    transaction = Transaction(labels, "hand")
    transaction.write(rect, transaction.ensure_stuff(class_id))
    return transaction.commit()


def all_of(layer, z=0):
    return layer.read_classes(layer.bounds, z)


def test_a_second_proposal_replaces_the_first_and_is_undone():
    _, proposal = layers()
    _, first, _ = proposed(proposal, 1)
    edit, second, _ = proposed(proposal, 2)
    assert np.array_equal(all_of(proposal), second)
    apply_edit(edit.reversed(), {2: proposal})
    assert np.array_equal(all_of(proposal), first)
    writer = ProposalWriter(proposal, {1: 1}, "other")
    writer.write_window(Rect(0, 0, 90, 90), np.ones((90, 90), np.uint8))
    writer.abort()
    assert np.array_equal(all_of(proposal), first)


@pytest.mark.parametrize("class_ids", [None, [1], [2, 9]])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("area", ["all", "rect", "mask"])
def test_accepting_is_what_numpy_says(class_ids, threshold, area):
    labels, proposal = layers()
    _, classes, confidence = proposed(proposal)
    hand(labels, Rect(100, 100, 200, 200))
    rect = None if area == "all" else Rect(-20, 60, 430, 300)
    mask = np.random.default_rng(5).random((300, 430)) < 0.5 if area == "mask" else None
    chosen = (classes > 0) & (confidence >= np.ceil(threshold * 255))
    if class_ids is not None:
        chosen &= np.isin(classes, class_ids)
    if rect is not None:
        inside = np.zeros(chosen.shape, bool)
        inside[60:360, 0:410] = True if mask is None else mask[:, 20:]
        chosen &= inside
    before = all_of(labels)
    edit = accept(labels, proposal, class_ids=class_ids, min_confidence=threshold, rect=rect, mask=mask)
    assert np.array_equal(all_of(labels), np.where(chosen & (before == 0), classes, before))
    assert np.array_equal(all_of(proposal), np.where(chosen, 0, classes))
    assert {item.source for item in labels.segments.values()} <= {"hand", "accepted"}
    apply_edit(edit.reversed(), {1: labels, 2: proposal})
    assert np.array_equal(all_of(labels), before) and np.array_equal(all_of(proposal), classes)
    assert len(labels.segments) == 1


def test_hand_work_goes_only_when_told_and_locked_classes_never():
    labels, proposal = layers()
    _, classes, _ = proposed(proposal)
    hand(labels, Rect(0, 0, 300, 520), 3)
    hand(labels, Rect(300, 0, 100, 520), 4)
    before = all_of(labels)
    accept(labels, proposal, keep_hand=False, locked_class_ids={4})
    keep = (before == 4) | (classes == 0)
    assert np.array_equal(all_of(labels), np.where(keep, before, classes))


def test_accepted_labels_give_way_to_a_better_proposal():
    labels, proposal = layers()
    proposed(proposal, 1)
    accept(labels, proposal)
    old = all_of(labels)
    _, classes, _ = proposed(proposal, 2)
    accept(labels, proposal)
    assert np.array_equal(all_of(labels), np.where(classes, classes, old))
    assert len(labels.segments) == 2, "one accepted stuff segment a class"


def test_volumes_by_plane_and_whole():
    labels, proposal = layers(3)
    writer = ProposalWriter(proposal, {1: 1}, "m")
    for z in range(3):
        writer.write_window(Rect(0, 0, WIDTH, HEIGHT), np.full((HEIGHT, WIDTH), 1, np.uint8), None, z)
    writer.finish()
    accept(labels, proposal, z=1)
    assert [int(all_of(labels, z).any()) for z in range(3)] == [0, 1, 0]
    accept(labels, proposal)
    assert all(all_of(labels, z).all() for z in range(3)) and not proposal.tiles.keys()


def test_objects_stay_apart_and_are_accepted_by_a_click():
    labels, proposal = layers()
    writer = ProposalWriter(proposal, {5: 2}, "mask-rcnn")
    disc = np.hypot(*np.mgrid[-30:30, -30:30]) < 28
    for x, score in ((10, 0.9), (50, 0.4), (300, 0.8)):
        writer.write_object(Rect(x, 40, 60, 60), disc, 5, score)
    assert writer.write_object(Rect(0, 0, 60, 60), disc, 6, 0.9).is_empty, "a class that is not mapped"
    writer.finish()
    assert len(proposal.segments) == 3
    shown = visible_proposal(proposal, proposal.bounds, 0.5)
    assert shown[70, 90] == 0 and shown[70, 30] == 2
    assert accept_object_at(labels, proposal, 90, 70, min_confidence=0.5) is None
    assert accept_object_at(labels, proposal, 30, 70, min_confidence=0.5) is not None
    (made,) = labels.segments.values()
    assert made.is_object and made.source == "accepted" and made.confidence == 0.9
    assert int((all_of(labels) > 0).sum()) == int(disc.sum())
    assert reject_object_at(proposal, 330, 70) is not None
    assert accept(labels, proposal) is not None
    assert len(labels.segments) == 2 and not all_of(proposal).any()
    assert accept(labels, proposal) is None and reject(proposal) is None


def test_reject_clears_only_what_is_chosen():
    _, proposal = layers()
    _, classes, _ = proposed(proposal)
    edit = reject(proposal, class_ids=[1])
    assert np.array_equal(all_of(proposal), np.where(classes == 1, 0, classes))
    apply_edit(edit.reversed(), {2: proposal})
    assert np.array_equal(all_of(proposal), classes)


def test_fills_look_as_far_as_they_must():
    layer = LabelLayer(1, 1, "labels", "labels", 3000, 3000)
    transaction = Transaction(layer, "frame")
    segment_id = transaction.ensure_stuff(1)
    for rect in (Rect(500, 500, 1500, 9), Rect(500, 1990, 1500, 9), Rect(500, 500, 9, 1500), Rect(1991, 500, 9, 1499)):
        transaction.write(rect, segment_id)
    transaction.commit()
    mask, rect = flood_fill(layer, (1200, 1300))
    assert rect == Rect(509, 509, 1482, 1481) and mask.all()
    assert flood_fill(layer, (100, 100))[1] == layer.bounds
    assert flood_fill(layer, (-1, 0))[1].is_empty


def test_components_and_similar_values():
    picture = np.zeros((80, 90), np.uint8)
    picture[10:20, 10:20] = 100
    picture[20:30, 20:30] = 105
    assert connected_component_at(picture, 12, 12)[1] == Rect(10, 10, 10, 10)
    assert [rect for _, rect in components(picture > 0)] == [Rect(10, 10, 20, 20)]
    assert len(components(picture > 0, connectivity=4)) == 2

    def read(rect):
        return picture[rect.slices]

    assert similar_region(read, (12, 12), Rect(0, 0, 90, 80), 5, connectivity=8)[1] == Rect(10, 10, 20, 20)
    ring = np.ones((9, 9), bool)
    ring[3:6, 3:6] = False
    assert fill_holes(ring).all()
