"""Segmentation metrics from a joint histogram of truth and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Confusion = npt.NDArray[np.int64]

_CHUNK = 1 << 24
"""cv2.calcHist counts in float32, which is exact up to 2^24."""


def joint_histogram(truth: npt.NDArray[Any], prediction: npt.NDArray[Any], classes: int, ignore: int | None = 255) -> Confusion:
    """(classes, classes) int64: how often truth (row) met prediction (column).

    ``truth`` and ``prediction`` are index arrays of one shape. Pixels whose truth is *ignore* or no class are left out; a
    prediction that is no class counts as none (the pixel is left out of the columns and so of its row).

    Raises
    ------
    ValueError
        When the shapes differ.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth is {truth.shape} but prediction {prediction.shape}")
    if classes > 255 or truth.dtype != np.uint8 or prediction.dtype != np.uint8:
        return _joint_by_bincount(truth, prediction, classes, ignore)
    flat_truth, flat_prediction = np.ascontiguousarray(truth).reshape(-1), np.ascontiguousarray(prediction).reshape(-1)
    total = np.zeros((classes, classes), np.int64)
    for start in range(0, flat_truth.size, _CHUNK):
        planes = [p[start : start + _CHUNK].reshape(1, -1) for p in (flat_truth, flat_prediction)]
        counts = cv2.calcHist(planes, [0, 1], None, [classes, classes], [0, classes, 0, classes])
        total += counts.astype(np.int64)
    if ignore is not None and 0 <= ignore < classes:
        total[ignore] = 0
    return total


def _joint_by_bincount(truth: npt.NDArray[Any], prediction: npt.NDArray[Any], classes: int, ignore: int | None) -> Confusion:
    wide_truth, wide_prediction = truth.astype(np.int64).reshape(-1), prediction.astype(np.int64).reshape(-1)
    valid = (wide_truth >= 0) & (wide_truth < classes) & (wide_prediction >= 0) & (wide_prediction < classes)
    if ignore is not None:
        valid &= wide_truth != ignore
    joint = wide_truth[valid] * classes + wide_prediction[valid]
    return np.bincount(joint, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Part / whole, NaN where whole is 0."""
    result = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) > 0)
    return result


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def scores_from_confusion(
    confusion: Confusion, names: Sequence[str], boundary_f1: Sequence[float | None] | None = None
) -> dict[str, Any]:
    """The metrics that ``segstudio score`` prints, from a confusion matrix (rows truth, columns prediction).

    A class with no pixel in truth and none in prediction has None and is left out of the means. ``mean_pixel_accuracy`` is the
    mean recall (Long, Shelhamer, Darrell 2015). *boundary_f1* holds one value a class, or None.
    """
    matrix = confusion.astype(np.float64)
    hit, truth, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    union, total = truth + predicted - hit, matrix.sum()
    iou, dice = _ratio(hit, union), _ratio(2 * hit, truth + predicted)
    recall, precision = _ratio(hit, truth), _ratio(hit, predicted)
    # Present only in the prediction: recall is 0 of nothing; the class was wrong wherever it was said.
    recall = np.where(np.isnan(recall) & (union > 0), 0.0, recall)
    precision = np.where(np.isnan(precision) & (union > 0), 0.0, precision)
    edges = list(boundary_f1) if boundary_f1 is not None else [None] * len(names)
    known = [e for e in edges if e is not None]
    weighted = np.nansum(truth * np.nan_to_num(iou)) / total if total else np.nan
    return {
        "pixel_accuracy": _number(float(hit.sum() / total)) if total else None,
        "mean_pixel_accuracy": _mean(_ratio(hit, truth)),
        "mean_iou": _mean(iou),
        "frequency_weighted_iou": _number(float(weighted)),
        "mean_dice": _mean(dice),
        "boundary_f1": float(np.mean(known)) if known else None,
        "per_class": [
            {
                "name": name,
                "iou": _number(iou[i]),
                "dice": _number(dice[i]),
                "accuracy": _number(recall[i]),
                "precision": _number(precision[i]),
                "boundary_f1": edges[i],
                "pixels": int(truth[i]),
            }
            for i, name in enumerate(names)
        ],
        "confusion": confusion.tolist(),
    }
