"""Segmentation metrics from a joint histogram: IoU, Dice, accuracy, precision; of a dataset and of each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.boundary_metrics import boundary_f1

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.core.boundary_metrics import Tolerance

MAX_CLASSES = 4096
"""A joint histogram of more classes would take gigabytes."""
_CHUNK_PX = 1 << 24  # cv2.calcHist counts in float32, which is exact up to here


def joint_histogram(
    truth: npt.NDArray[Any], pred: npt.NDArray[Any], n: int, ignore: int | None = None
) -> npt.NDArray[np.int64]:
    """(n, n) int64 counts of pixels by (truth, prediction) of two (y, x) index masks of one size.

    Pixels whose truth is *ignore*, and those where either value is *n* or more, are left out.
    ValueError when the sizes differ.
    """
    if truth.shape != pred.shape:
        raise ValueError(f"truth is {truth.shape}, prediction {pred.shape}")
    if not 0 < n <= MAX_CLASSES:
        raise ValueError(f"{n} classes")
    total = np.zeros((n, n), np.int64)
    if truth.size == 0:
        return total
    rows: npt.NDArray[Any] = truth.reshape(1, -1) if truth.ndim != 2 else truth
    others: npt.NDArray[Any] = pred.reshape(rows.shape)
    step = max(1, _CHUNK_PX // rows.shape[1])
    if rows.shape[1] > _CHUNK_PX:
        rows, others, step = rows.reshape(-1, 1), others.reshape(-1, 1), _CHUNK_PX
    for start in range(0, rows.shape[0], step):
        total += _count(rows[start : start + step], others[start : start + step], n)
    if ignore is not None and 0 <= ignore < n:
        total[ignore] = 0
    return total


def _count(truth: npt.NDArray[Any], pred: npt.NDArray[Any], n: int) -> npt.NDArray[np.int64]:
    if truth.dtype == pred.dtype == np.uint8 and n <= 256:
        planes = [np.ascontiguousarray(truth), np.ascontiguousarray(pred)]
        counts = cv2.calcHist(planes, [0, 1], None, [n, n], [0, n, 0, n])
        return np.asarray(np.rint(counts), np.int64).reshape(n, n)
    first, second = truth.ravel().astype(np.int64), pred.ravel().astype(np.int64)
    inside = (first >= 0) & (first < n) & (second >= 0) & (second < n)
    return np.bincount(first[inside] * n + second[inside], minlength=n * n).reshape(n, n)


def scores_from_confusion(
    confusion: npt.NDArray[Any],
    names: Sequence[str] | None = None,
    *,
    missed: npt.NDArray[Any] | None = None,
    boundary_f1: npt.NDArray[Any] | None = None,
) -> dict[str, Any]:
    """What ``score`` and ``evaluate`` print, as JSON-ready Python values.

    Parameters
    ----------
    confusion
        (n, n) counts; rows are truth, columns prediction.
    names
        n class names; "class 0" … without.
    missed
        (n,) truth pixels for which there is no prediction at all: they count as wrong.
    boundary_f1
        (n,) boundary F1 of each class, NaN where there is none.

    A class with no pixel in truth and none in prediction has None and is left out of the means; a mean over nothing
    is None. A class's ``accuracy`` is its recall; the mean precision leaves out classes that are never predicted.
    """
    table = np.asarray(confusion, np.float64)
    n = table.shape[0]
    lost = np.zeros(n) if missed is None else np.asarray(missed, np.float64)
    hits = np.diag(table)
    truth, pred = table.sum(axis=1) + lost, table.sum(axis=0)
    union = truth + pred - hits
    is_there = union > 0
    iou = _ratio(hits, union)
    dice = _ratio(2 * hits, truth + pred)
    accuracy, precision = _ratio(hits, truth), _ratio(hits, pred)
    edges = np.full(n, np.nan) if boundary_f1 is None else np.asarray(boundary_f1, np.float64)
    total = truth.sum()
    per_class = []
    columns = (("iou", iou), ("dice", dice), ("accuracy", accuracy), ("precision", precision), ("recall", accuracy))
    for index in range(n):
        name = names[index] if names is not None else f"class {index}"
        row: dict[str, Any] = {"name": name}
        for key, values in columns:
            row[key] = _number(values[index]) if is_there[index] else None
        row["boundary_f1"] = _number(edges[index])
        row["pixels"] = int(truth[index])
        per_class.append(row)
    return {
        "pixel_accuracy": _number(hits.sum() / total) if total else None,
        "mean_pixel_accuracy": _mean(accuracy),
        "mean_precision": _mean(precision),
        "mean_iou": _mean(iou),
        "frequency_weighted_iou": _number((truth * np.nan_to_num(iou)).sum() / total) if total else None,
        "mean_dice": _mean(dice),
        "boundary_f1": _mean(edges),
        "per_class": per_class,
        "confusion": np.asarray(confusion).astype(np.int64).tolist(),
    }


def _ratio(above: npt.NDArray[Any], below: npt.NDArray[Any]) -> npt.NDArray[Any]:
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result


def _mean(values: npt.NDArray[Any]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """What one image adds to the scores: (n, n) counts, (n,) pixels without prediction, (n,) boundary F1 or None."""

    confusion: npt.NDArray[np.int64]
    missed: npt.NDArray[np.int64]
    boundary_f1: npt.NDArray[np.float64] | None

    def row(self, image: str) -> dict[str, Any]:
        """The image's row of the table per image, JSON-ready; means over the classes that are in it."""
        scores = scores_from_confusion(self.confusion, missed=self.missed, boundary_f1=self.boundary_f1)
        keys = ("mean_iou", "mean_dice", "pixel_accuracy", "boundary_f1")
        pixels = int(self.confusion.sum() + self.missed.sum())
        return {"image": image, **{key: scores[key] for key in keys}, "pixels": pixels}


def worst_first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of :meth:`ImageCounts.row` by mean IoU; images without a labelled pixel come last."""
    return sorted(rows, key=lambda row: (row["mean_iou"] is None, row["mean_iou"] or 0.0, row["image"]))


class ScoreSum:
    """Adds up pairs of index masks into the scores of a whole dataset."""

    _edges: npt.NDArray[np.float64]
    _edge_images: npt.NDArray[np.int64]

    def __init__(self, n: int, ignore: int | None = 255, boundary_tolerance_px: Tolerance | None = None) -> None:
        self.n = n
        self.ignore = ignore
        self.tolerance_px = boundary_tolerance_px
        self.confusion = np.zeros((n, n), np.int64)
        self.missed = np.zeros(n, np.int64)
        self._edges = np.zeros(n)
        self._edge_images = np.zeros(n, np.int64)

    def add(self, truth: npt.NDArray[Any], pred: npt.NDArray[Any], ignore: int | None = -1) -> ImageCounts:
        """Add one image, and give its own counts. Truth pixels whose prediction is no class count as missed.

        *ignore* is this image's own value of ignored pixels, where it is not the sum's.
        """
        ignore = self.ignore if ignore == -1 else ignore
        counts = joint_histogram(truth, pred, self.n, ignore)
        missed = np.zeros(self.n, np.int64)
        known = truth.size if ignore is None else truth.size - int(np.count_nonzero(truth == ignore))
        if int(counts.sum()) != known:
            is_lost = pred >= self.n
            if ignore is not None:
                is_lost &= truth != ignore
            values = truth[is_lost & (truth < self.n)]
            missed = np.bincount(values.ravel(), minlength=self.n)[: self.n]
        edges = None
        if self.tolerance_px is not None:
            edges = boundary_f1(truth, pred, self.n, self.tolerance_px, ignore)
            known_edges = ~np.isnan(edges)
            self._edges[known_edges] += edges[known_edges]
            self._edge_images += known_edges
        self.confusion += counts
        self.missed += missed
        return ImageCounts(counts, missed, edges)

    @property
    def boundary_f1(self) -> npt.NDArray[np.float64] | None:
        """(n,) mean over the images that have the class's boundary, NaN where none has; None when not asked for."""
        return None if self.tolerance_px is None else _ratio(self._edges, self._edge_images)

    def resized(self, n: int) -> ScoreSum:
        """The same sums for *n* classes: new ones are empty, and so must those be that are cut off."""
        other = ScoreSum(n, self.ignore, self.tolerance_px)
        kept = min(n, self.n)
        other.confusion[:kept, :kept] = self.confusion[:kept, :kept]
        for target, source in (
            (other.missed, self.missed), (other._edges, self._edges), (other._edge_images, self._edge_images)
        ):  # fmt: skip
            target[:kept] = source[:kept]
        return other

    def scores(self, names: Sequence[str] | None = None) -> dict[str, Any]:
        """The scores so far, see :func:`scores_from_confusion`."""
        return scores_from_confusion(self.confusion, names, missed=self.missed, boundary_f1=self.boundary_f1)
