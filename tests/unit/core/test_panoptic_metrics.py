"""Panoptic quality and object F1 against loops written from the papers, and by hand."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core import panoptic_metrics
from segstudio.core.panoptic_metrics import ObjectCounts, PanopticSum, object_counts, overlaps


def looped(truth, pred, of_truth, of_pred, n, void, crowds):
    """(IoU sum, TP, FP, FN) of each class, segment by segment, as section 4 of the paper and its section on groups say."""
    result = [[0.0, 0, 0, 0] for _ in range(n)]
    used_truth, used_pred = set(), set()
    for t in set(np.unique(truth[~void])) - {0}:
        for p in set(np.unique(pred)) - {0}:
            if t in crowds or of_truth[t] != of_pred[p]:
                continue
            a, b = (truth == t) & ~void, (pred == p) & ~void
            iou = np.sum(a & b) / np.sum(a | b)
            if iou > 0.5:
                result[of_truth[t]][0] += iou
                result[of_truth[t]][1] += 1
                used_truth.add(t)
                used_pred.add(p)
    for p in set(np.unique(pred)) - {0} - used_pred:
        inside = void.copy()
        for t in crowds:
            if of_truth[t] == of_pred[p]:
                inside |= truth == t
        if np.sum((pred == p) & inside) / np.sum(pred == p) <= 0.5:
            result[of_pred[p]][2] += 1
    for t in set(np.unique(truth[~void])) - {0} - used_truth - set(crowds):
        result[of_truth[t]][3] += 1
    return result


def random_case(seed, dtype):
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 9, (4, 5)), np.ones((3, 4))).astype(dtype)
    pred = np.where(rng.random(truth.shape) < 0.25, np.roll(truth, 1, 0), truth).astype(dtype)
    swap = rng.permutation(12)
    swap[swap == 0], swap[0] = swap[0], 0
    pred = (swap[pred] * (40 if dtype == np.int32 else 3)).astype(dtype)
    void = np.kron(rng.random((4, 5)) < 0.2, np.ones((3, 4))).astype(bool)
    of_truth = {int(i): int(i) % 3 for i in np.unique(truth) if i}
    same = {int(swap[i] * (40 if dtype == np.int32 else 3)): i % 3 for i in range(1, 12)}
    of_pred = {int(i): same.get(int(i), 0) if rng.random() < 0.8 else 1 for i in np.unique(pred) if i}
    crowds = [i for i in of_truth if rng.random() < 0.2]
    return truth, pred, of_truth, of_pred, void, crowds


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([np.uint8, np.uint16, np.int32]), st.booleans())
def test_panoptic_quality_equals_the_loop(seed, dtype, is_sorted):
    truth, pred, of_truth, of_pred, void, crowds = random_case(seed, dtype)
    sums = PanopticSum(3, things=[0, 2])
    with pytest.MonkeyPatch.context() as patch:
        if is_sorted:
            patch.setattr(panoptic_metrics, "_TABLE_CELLS", 0)
        image = sums.add(truth, pred, of_truth, of_pred, void=void, crowds=crowds)
    expected = np.array(looped(truth, pred, of_truth, of_pred, 3, void, crowds))
    for one in (sums, image):
        assert np.allclose(one.iou, expected[:, 0], atol=1e-12)
        assert np.array_equal(np.stack([one.matched, one.false, one.missed], 1), expected[:, 1:])
    scores = sums.scores(["a", "b", "c"])
    qualities = []
    for row, (iou, tp, fp, fn) in zip(scores["per_class"], expected):
        if tp + fp + fn == 0:
            assert row["panoptic_quality"] is None
            continue
        quality = iou / (tp + fp / 2 + fn / 2)
        qualities.append((row["name"], quality))
        assert row["panoptic_quality"] == pytest.approx(quality)
        assert row["segmentation_quality"] * row["recognition_quality"] == pytest.approx(quality)
    for group, members in (("things", "ac"), ("stuff", "b")):
        of_group = [q for name, q in qualities if name in members]
        wanted = pytest.approx(np.mean(of_group)) if of_group else None
        assert scores[group]["panoptic_quality"] == wanted
    json.dumps(scores, allow_nan=False)


def strip(*parts):
    """A mask of one row: (id, length) after (id, length)."""
    return np.array([[value for value, length in parts for _ in range(length)]], np.uint16)


def test_panoptic_quality_by_hand():
    truth = strip((1, 10), (2, 10), (0, 5), (3, 4))
    pred = strip((7, 8), (9, 12), (0, 5), (0, 4))
    scores = (sums := PanopticSum(1)).add(truth, pred).scores()
    # 7 meets 1 in 8 of 10 pixels, 9 meets 2 in 10 of 12; 3 is missed: RQ = 2 / 2.5.
    assert scores["segmentation_quality"] == pytest.approx((0.8 + 10 / 12) / 2)
    assert scores["recognition_quality"] == pytest.approx(0.8)
    assert scores["panoptic_quality"] == pytest.approx((0.8 + 10 / 12) / 2.5)
    sums.add(strip((0, 4)), strip((1, 4)))
    assert sums.scores()["recognition_quality"] == pytest.approx(2 / 3), "the second image adds one for nothing"


def test_half_is_no_match_in_panoptic_quality_but_one_object_at_0_5():
    truth, pred = strip((5, 8)), strip((1, 4), (2, 4))
    assert PanopticSum(1).add(truth, pred).scores()["panoptic_quality"] == 0.0
    # Both halves reach 0.5; only one of them can have the object.
    assert object_counts(truth, pred) == ObjectCounts(matched=1, false=1, missed=0)
    assert object_counts(truth, pred, threshold=0.51) == ObjectCounts(matched=0, false=2, missed=1)


def test_what_lies_in_void_is_not_held_against_a_prediction():
    truth, pred = strip((1, 6), (0, 6)), strip((1, 9), (2, 3))
    void = strip((0, 6), (1, 6)).astype(bool)
    # Without its 3 void pixels, 1 is all right; 2 lies in void.
    assert object_counts(truth, pred, void=void) == ObjectCounts(1, 0, 0)
    assert PanopticSum(1).add(truth, pred, void=void).scores()["panoptic_quality"] == 1.0
    assert object_counts(truth, pred) == ObjectCounts(1, 1, 0)
    half = strip((0, 6), (0, 3), (0, 1), (1, 2)).astype(bool)
    assert object_counts(strip((1, 6), (0, 6)), strip((1, 6), (0, 2), (2, 4)), void=half).false == 1, (
        "only a half of 2 is"
    )


def test_a_group_need_not_be_found_but_may():
    truth, crowds = strip((1, 6), (2, 10)), [2]
    for pred in (strip((1, 6), (0, 10)), strip((1, 6), (2, 3), (3, 3), (0, 4))):
        assert PanopticSum(1).add(truth, pred, crowds=crowds).scores()["panoptic_quality"] == 1.0
    other = PanopticSum(2).add(truth, strip((1, 6), (2, 10)), {1: 0, 2: 0}, {1: 0, 2: 1}, crowds=crowds)
    assert other.false.tolist() == [0, 1], "of another class than the group"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.2, 0.35, 0.5, 0.75]))
def test_as_many_objects_match_as_can(seed, threshold):
    rng = np.random.default_rng(seed)
    truth, pred = (np.kron(rng.integers(0, 4, (2, 4)), np.ones((2, 2))).astype(np.uint8) for _ in range(2))
    pred = np.roll(pred, 1, 1)
    ids = [[i for i in np.unique(m) if i] for m in (truth, pred)]
    small, large = sorted(ids, key=len)
    first, second = (truth, pred) if small is ids[0] else (pred, truth)

    def fits(a, b):
        return np.sum((first == a) & (second == b)) / np.sum((first == a) | (second == b)) >= threshold

    best = max(sum(fits(a, b) for a, b in zip(small, order)) for order in permutations(large, len(small)))
    counts = object_counts(truth, pred, threshold=threshold)
    assert counts.matched == best
    assert (counts.false, counts.missed) == (len(ids[1]) - best, len(ids[0]) - best)


def test_object_scores():
    scores = (ObjectCounts(3, 1, 2) + ObjectCounts(1, 0, 0)).scores()
    assert scores["object_f1"] == pytest.approx(8 / 11)
    assert scores["object_precision"] == 0.8 and scores["object_recall"] == pytest.approx(4 / 6)
    assert scores["objects"] == {"truth": 6, "predicted": 5, "matched": 4}
    assert ObjectCounts().scores()["object_f1"] is None


def test_many_objects_take_no_table():
    ids = np.arange(1, 4097, dtype=np.uint16).reshape(64, 64)
    found = overlaps(ids, ids[::-1].copy())
    assert found.pair_px.size == 4096 and (found.iou == 1.0).all()
    assert object_counts(ids, ids) == ObjectCounts(4096, 0, 0)


def test_what_does_not_fit_is_refused():
    one = strip((1, 3))
    with pytest.raises(ValueError, match="truth is"):
        overlaps(one, one[:, :2])
    with pytest.raises(ValueError, match="segment 1 has no class"):
        PanopticSum(2).add(one, one, {1: 2}, {1: 0})
    with pytest.raises(ValueError, match="threshold"):
        object_counts(one, one, threshold=0)
