"""Scores against torchmetrics, boundary F1 against brute force."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.boundary_metrics import DiagonalShare, boundary_f1, tolerance_of
from segstudio.core.metrics import ScoreSum, joint_histogram, scores_from_confusion, worst_first


def simulated(seed=0, n=7, shape=(120, 90)):
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, n, (shape[0] // 10, shape[1] // 10)), np.ones((10, 10))).astype(np.uint8)
    pred = np.where(rng.random(truth.shape) < 0.3, rng.integers(0, n, truth.shape), truth).astype(np.uint8)
    truth[rng.random(truth.shape) < 0.1] = 255
    return truth, pred


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_joint_histogram_counts_every_pair(dtype):
    truth, pred = (values.astype(dtype) for values in simulated())
    expected = np.zeros((7, 7), np.int64)
    valid = truth != 255
    np.add.at(expected, (truth[valid], pred[valid]), 1)
    assert np.array_equal(joint_histogram(truth, pred, 7, 255), expected)


def test_more_pixels_than_float32_can_count():
    truth = np.zeros((4200, 4200), np.uint8)
    assert joint_histogram(truth, truth, 2)[0, 0] == 4200 * 4200
    assert joint_histogram(truth.reshape(1, -1), truth.reshape(1, -1), 2)[0, 0] == 4200 * 4200


def test_an_ignored_class_inside_the_range():
    truth, pred = np.array([[0, 1, 1]], np.uint8), np.array([[0, 1, 0]], np.uint8)
    assert joint_histogram(truth, pred, 2, 0).tolist() == [[0, 0], [1, 1]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 12))
def test_scores_equal_torchmetrics(seed, n):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        from torchmetrics import classification as tm
    truth, pred = simulated(seed, n)
    t, p = torch.from_numpy(truth.astype(np.int64)), torch.from_numpy(pred.astype(np.int64))
    total = ScoreSum(n)
    total.add(truth, pred)
    ours = total.scores()

    def theirs(kind, average):
        return kind(num_classes=n, ignore_index=255, average=average)(p.flatten(), t.flatten()).numpy()

    pairs = [
        (ours["mean_iou"], theirs(tm.MulticlassJaccardIndex, "macro")),
        (ours["frequency_weighted_iou"], theirs(tm.MulticlassJaccardIndex, "weighted")),
        (ours["pixel_accuracy"], theirs(tm.MulticlassAccuracy, "micro")),
        (ours["mean_pixel_accuracy"], theirs(tm.MulticlassAccuracy, "macro")),
        (ours["mean_dice"], theirs(tm.MulticlassF1Score, "macro")),
        (ours["mean_precision"], theirs(tm.MulticlassPrecision, "macro")),
    ]
    per_class = (
        ("iou", tm.MulticlassJaccardIndex),
        ("precision", tm.MulticlassPrecision),
        ("recall", tm.MulticlassRecall),
    )
    for key, kind in per_class:
        expected = theirs(kind, None)
        for row, value in zip(ours["per_class"], expected):
            pairs.append((row[key] or 0.0, value))
    for ours_value, theirs_value in pairs:
        assert ours_value == pytest.approx(float(theirs_value), abs=1e-6)


def test_a_class_that_is_nowhere_has_null_and_is_left_out_of_the_means():
    scores = scores_from_confusion(np.array([[8, 2, 0], [0, 10, 0], [0, 0, 0]]), ["a", "b", "c"])
    assert scores["per_class"][2] == {
        "name": "c", "iou": None, "dice": None, "accuracy": None, "precision": None, "recall": None, "boundary_f1": None,
        "pixels": 0,
    }  # fmt: skip
    assert scores["mean_iou"] == pytest.approx((8 / 10 + 10 / 12) / 2)
    assert scores["mean_pixel_accuracy"] == pytest.approx((0.8 + 1.0) / 2)
    assert scores["frequency_weighted_iou"] == pytest.approx(0.5 * 0.8 + 0.5 * 10 / 12)
    json.dumps(scores, allow_nan=False)


def test_nothing_at_all_is_null_not_a_number():
    scores = scores_from_confusion(np.zeros((2, 2)))
    assert scores["mean_iou"] is scores["pixel_accuracy"] is None
    json.dumps(scores, allow_nan=False)


def test_no_prediction_counts_as_wrong():
    total = ScoreSum(2)
    total.add(np.array([[0, 0, 1, 255]], np.uint8), np.array([[0, 255, 1, 255]], np.uint8))
    scores = total.scores()
    assert scores["per_class"][0]["accuracy"] == 0.5 and scores["per_class"][0]["pixels"] == 2
    assert scores["pixel_accuracy"] == pytest.approx(2 / 3)


def brute_force(truth, pred, n, tolerance, ignore):
    height, width = truth.shape
    valid = truth != ignore

    def boundary(values, index):
        points = []
        for y in range(height):
            for x in range(width):
                if values[y, x] != index or not valid[y, x]:
                    continue
                for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                    v, u = y + dy, x + dx
                    if 0 <= v < height and 0 <= u < width and valid[v, u] and values[v, u] != index:
                        points.append((y, x))
                        break
        return points

    def share(of, near):
        hits = sum(any((y - v) ** 2 + (x - u) ** 2 <= tolerance**2 for v, u in near) for y, x in of)
        return hits / len(of) if of else 0.0

    result = []
    for index in range(n):
        a, b = boundary(truth, index), boundary(pred, index)
        if not a and not b:
            result.append(np.nan)
            continue
        precision, recall = share(b, a), share(a, b)
        result.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return np.array(result)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tolerance", [0, 1, 1.5, 3, 6.5, 8])
def test_boundary_f1_equals_brute_force(tolerance, dtype):
    rng = np.random.default_rng(5)
    truth = np.kron(rng.integers(0, 3, (4, 5)), np.ones((6, 5))).astype(np.uint8)
    pred = np.roll(truth, (1, 2), (0, 1))
    pred[10:14, 3:9] = 3
    truth[rng.random(truth.shape) < 0.05] = 255
    found = boundary_f1(truth.astype(dtype), pred.astype(dtype), 5, tolerance, 255)
    assert np.allclose(found, brute_force(truth, pred, 5, tolerance, 255), equal_nan=True)
    assert np.isnan(found[4])


def test_boundary_means_leave_out_images_without_the_class():
    total = ScoreSum(2, boundary_tolerance_px=1)
    plain = np.zeros((6, 6), np.uint8)
    halves = plain.copy()
    halves[:, 3:] = 1
    total.add(halves, halves)
    total.add(plain, plain)
    assert total.scores()["boundary_f1"] == 1.0
    assert total.resized(3).scores()["per_class"][2]["boundary_f1"] is None


def far_apart(distance_px):
    """Two halves whose border lies *distance_px* further right in the prediction; a diagonal of 50 px."""
    truth = np.zeros((30, 40), np.uint8)
    pred = truth.copy()
    truth[:, 10:] = 1
    pred[:, 10 + distance_px :] = 1
    return truth, pred


@pytest.mark.parametrize("distance_px", [1, 4, 7])
def test_a_tolerance_may_be_a_share_of_the_diagonal(distance_px):
    truth, pred = far_apart(distance_px)
    enough = DiagonalShare(distance_px / 50)
    assert tolerance_of(enough, truth.shape) == pytest.approx(distance_px)
    # Half a thousandth of a pixel around the very distance.
    assert boundary_f1(truth, pred, 2, DiagonalShare((distance_px + 0.0005) / 50)).tolist() == [1.0, 1.0]
    assert boundary_f1(truth, pred, 2, DiagonalShare((distance_px - 0.0005) / 50)).tolist() == [0.0, 0.0]


def test_the_worst_image_comes_first_and_its_row_is_the_score_of_it_alone():
    total, rows = ScoreSum(7, boundary_tolerance_px=1), []
    for seed in range(3):
        truth, pred = simulated(seed)
        pred[: 30 * seed] = 6
        rows.append(total.add(truth, pred).row(f"{seed}.png"))
    nothing = np.full((4, 4), 255, np.uint8)
    rows.append(total.add(nothing, nothing).row("empty.png"))
    ranked = worst_first(rows)
    assert [row["image"] for row in ranked] == ["2.png", "1.png", "0.png", "empty.png"]
    alone = ScoreSum(7, boundary_tolerance_px=1)
    alone.add(*simulated(0))
    scores = alone.scores()
    for key in ("mean_iou", "mean_dice", "pixel_accuracy", "boundary_f1"):
        assert ranked[2][key] == scores[key]
    assert ranked[3]["mean_iou"] is None and ranked[3]["pixels"] == 0
    assert sum(row["pixels"] for row in rows) == total.confusion.sum()
