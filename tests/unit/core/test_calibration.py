"""Calibration error against torchmetrics, a loop, and by hand."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from segstudio.core.calibration import CalibrationSum


def looped(confidence, is_right, bins=15):
    total = 0.0
    for m in range(1, bins + 1):
        inside = [(c, r) for c, r in zip(confidence, is_right) if (m - 1) / bins < c <= m / bins or (m == 1 and c == 0)]
        if inside:
            total += abs(sum(r for _, r in inside) - sum(c for c, _ in inside))
    return total / len(confidence)


def test_by_hand():
    sums = CalibrationSum()
    sums.add(np.array([0.9, 0.9, 0.9, 0.9, 0.5, 0.5]), np.array([True, True, True, False, True, False]))
    # 4 of 6 pixels: 0.75 right where 0.9 was said; the others are right half the time, as said.
    assert sums.error == pytest.approx(4 / 6 * 0.15)
    rows = sums.scores()["bins"]
    assert rows[13]["pixels"] == 4 and rows[13]["accuracy"] == 0.75 and rows[13]["confidence"] == pytest.approx(0.9)
    assert rows[7]["pixels"] == 2 and rows[0]["accuracy"] is None
    assert rows[13]["from"] == pytest.approx(13 / 15) and rows[13]["to"] == pytest.approx(14 / 15)
    json.dumps(sums.scores(), allow_nan=False)


def test_equal_to_a_loop_and_to_torchmetrics_and_streamed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        from torchmetrics.functional.classification import binary_calibration_error
    rng = np.random.default_rng(3)
    confidence, is_right = rng.random(4000).astype(np.float32), rng.random(4000) < 0.6
    sums = CalibrationSum()
    for part in np.split(np.arange(4000), [10, 700]):
        sums.add(confidence[part], is_right[part])
    assert sums.error == pytest.approx(looped(confidence.astype(np.float64), is_right), abs=1e-9)
    theirs = binary_calibration_error(torch.from_numpy(confidence), torch.from_numpy(is_right).long(), n_bins=15)
    assert sums.error == pytest.approx(float(theirs), abs=1e-5)


def test_bytes_stand_for_their_255th_parts_at_borders_too():
    levels = np.arange(256, dtype=np.uint8)
    is_right = levels % 3 == 0
    quick, slow = CalibrationSum(), CalibrationSum()
    quick.add(levels, is_right)
    # The exact border of a bin (51 = 3 / 15) belongs to the lower one.
    assert quick.pixels.tolist() == [18] + [17] * 14
    for level in range(256):
        slow.add(np.array([max(0.0, level / 255 - 1e-12)]), is_right[level : level + 1])
    assert np.array_equal(quick.pixels, slow.pixels) and np.array_equal(quick.right, slow.right)
    assert quick.error == pytest.approx(slow.error, abs=1e-9)


def test_unknown_pixels_are_left_out_and_nothing_is_none():
    sums = CalibrationSum()
    assert sums.error is None
    known = np.array([[True, False]])
    sums.add(np.array([[200, 3]], np.uint8), np.array([[True, False]]), known)
    assert sums.pixels.sum() == 1 and sums.error == pytest.approx(55 / 255)


@pytest.mark.parametrize("confidence", [[1.5], [-0.1], [np.nan], [0.1, 0.2]])
def test_what_is_no_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        CalibrationSum().add(np.array(confidence), np.array([True]))
