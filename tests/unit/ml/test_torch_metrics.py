"""Counts made by torch are those of numpy, and so are the scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segstudio.core.calibration import CalibrationSum
from segstudio.core.metrics import ScoreSum, scores_from_confusion
from segstudio.core.metrics import joint_histogram as numpy_histogram
from segstudio.ml.training.torch_metrics import calibration_counts, joint_histogram


def flat(value):
    if isinstance(value, dict):
        return [x for item in value.values() for x in flat(item)]
    if isinstance(value, list):
        return [x for item in value for x in flat(item)]
    return [value]


@pytest.mark.parametrize("n", [2, 7, 300])
def test_the_confusion_matrix_and_its_scores(n):
    rng = np.random.default_rng(n)
    truth, pred = (rng.integers(0, n, (2, 40, 50)).astype(np.uint16) for _ in range(2))
    truth[rng.random(truth.shape) < 0.2] = 65535
    counted = joint_histogram(
        torch.from_numpy(truth.astype(np.int64)), torch.from_numpy(pred.astype(np.int64)), n, 65535
    )
    assert np.array_equal(counted.numpy(), numpy_histogram(truth, pred, n, 65535))
    total = ScoreSum(n, 65535)
    total.add(truth, pred)
    ours, theirs = flat(total.scores()), flat(scores_from_confusion(counted.numpy()))
    assert len(ours) == len(theirs) and all(a == b or a == pytest.approx(b, abs=1e-9) for a, b in zip(ours, theirs))


def test_an_ignored_class_and_what_is_no_class_are_left_out():
    truth, pred = torch.tensor([0, 1, 1, 9, -1]), torch.tensor([0, 1, 9, 0, 0])
    assert joint_histogram(truth, pred, 2, 0).tolist() == [[0, 0], [0, 1]]
    assert joint_histogram(truth, pred, 2).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match="truth is"):
        joint_histogram(truth, pred[:2], 2)


def test_calibration_counts():
    rng = np.random.default_rng(1)
    confidence = rng.random((60, 70)).astype(np.float32)
    confidence[0, 0], confidence[0, 1] = 0.0, 1.0
    is_right, is_known = rng.random(confidence.shape) < 0.5, rng.random(confidence.shape) < 0.8
    ours, theirs = CalibrationSum(), CalibrationSum()
    ours.add(confidence, is_right, is_known)
    counts = calibration_counts(*(torch.from_numpy(a) for a in (confidence, is_right, is_known)))
    theirs.add_counts(*(c.numpy() for c in counts))
    assert np.array_equal(ours.pixels, theirs.pixels) and np.array_equal(ours.right, theirs.right)
    assert ours.error == pytest.approx(theirs.error, abs=1e-9)
