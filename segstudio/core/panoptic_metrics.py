"""Metrics of segments: panoptic quality by class (Kirillov et al., CVPR 2019), and F1 of matched objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy.typing as npt

_TABLE_CELLS = 1 << 22  # up to here overlaps are counted in a table, beyond by sorting the pixels
_HALF = 0.5


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Sizes of the segments of two (y, x) masks of ids, and of what they share, in pixels. Id 0 is no segment.

    ``truth_ids`` (T,) with ``truth_px``, ``pred_ids`` (P,) with ``pred_px``; ``void_px`` (P,) is how much of a predicted
    segment lies where the truth is void. Of the N pairs that overlap, ``pair_truth`` and ``pair_pred`` are places in the
    lists of ids and ``pair_px`` what they share.
    """

    truth_ids: npt.NDArray[np.int64]
    truth_px: npt.NDArray[np.int64]
    pred_ids: npt.NDArray[np.int64]
    pred_px: npt.NDArray[np.int64]
    void_px: npt.NDArray[np.int64]
    pair_truth: npt.NDArray[np.int64]
    pair_pred: npt.NDArray[np.int64]
    pair_px: npt.NDArray[np.int64]

    @property
    def iou(self) -> npt.NDArray[np.float64]:
        """(N,) intersection over union of each pair, of the pixels that are not void."""
        sizes = self.truth_px[self.pair_truth] + (self.pred_px - self.void_px)[self.pair_pred]
        return np.asarray(self.pair_px / np.maximum(sizes - self.pair_px, 1), np.float64)


def overlaps(truth: npt.NDArray[Any], pred: npt.NDArray[Any], void: npt.NDArray[np.bool_] | None = None) -> Overlaps:
    """Which segments of two (y, x) masks of ids overlap, and how much; truth that is *void* belongs to no segment.

    ValueError when the sizes differ.
    """
    if truth.shape != pred.shape or (void is not None and void.shape != truth.shape):
        raise ValueError(f"truth is {truth.shape}, prediction {pred.shape}")
    truth_ids, first = _places(truth if void is None else np.where(void, 0, truth))
    pred_ids, second = _places(pred)
    pair_truth, pair_pred, pair_px = _pairs(first, second, truth_ids.size + 1, pred_ids.size + 1)
    void_px = np.zeros(pred_ids.size + 1, np.int64)
    if void is not None:
        void_px = np.bincount(second[void.ravel()], minlength=pred_ids.size + 1)
    both = (pair_truth > 0) & (pair_pred > 0)
    return Overlaps(
        truth_ids,
        np.bincount(first, minlength=truth_ids.size + 1)[1:],
        pred_ids,
        np.bincount(second, minlength=pred_ids.size + 1)[1:],
        void_px[1:],
        pair_truth[both] - 1,
        pair_pred[both] - 1,
        pair_px[both],
    )


def _places(ids: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The ids beside 0, and for each pixel 0 or the place of its id, from 1."""
    flat = ids.ravel()
    if flat.dtype in (np.uint8, np.uint16):
        counts = np.bincount(flat, minlength=1)
        counts[0] = 0
        found = np.flatnonzero(counts)
        lut = np.zeros(counts.size, np.int64)
        lut[found] = np.arange(1, found.size + 1)
        return found.astype(np.int64), lut[flat]
    values, inverse = np.unique(flat.astype(np.int64), return_inverse=True)
    known = values != 0
    return values[known], np.where(known, np.cumsum(known), 0)[inverse.ravel()]


def _pairs(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], rows: int, columns: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    cells = first * columns + second
    if rows * columns <= _TABLE_CELLS:
        counts = np.bincount(cells, minlength=1)
        found = np.flatnonzero(counts).astype(np.int64)
        counts = counts[found]
    else:
        found, counts = np.unique(cells, return_counts=True)
    return found // columns, found % columns, counts.astype(np.int64)


class PanopticSum:
    """Adds up pairs of segment masks into the panoptic quality of a whole dataset.

    Parameters
    ----------
    n
        How many classes there are.
    things
        Classes whose segments are objects; the others are stuff. None: all.
    """

    def __init__(self, n: int, things: Collection[int] | None = None) -> None:
        self.n = n
        self.is_thing = np.array([things is None or index in things for index in range(n)], np.bool_)
        self.iou = np.zeros(n)
        self.matched = np.zeros(n, np.int64)
        self.false = np.zeros(n, np.int64)
        self.missed = np.zeros(n, np.int64)

    def add(
        self,
        truth: npt.NDArray[Any],
        pred: npt.NDArray[Any],
        truth_classes: Mapping[int, int] | None = None,
        pred_classes: Mapping[int, int] | None = None,
        *,
        void: npt.NDArray[np.bool_] | None = None,
        crowds: Collection[int] = (),
    ) -> PanopticSum:
        """Add one image, and give its own sums.

        Parameters
        ----------
        truth, pred
            (y, x) ids of segments, 0 = none.
        truth_classes, pred_classes
            The class of each id; None: all are of class 0.
        void
            (y, x) where the truth is not known: these pixels count for no segment, and a prediction that lies in them by
            more than half is not held against it. Where every pixel should have a segment, that is ``truth == 0``.
        crowds
            Ids of the truth that are groups: nothing need match them, and what lies in those of its class by more than
            half is not held against a prediction.

        Raises
        ------
        ValueError
            When the sizes differ, or an id has no class.
        """
        found = overlaps(truth, pred, void)
        of_truth = _classes_of(found.truth_ids, truth_classes, self.n)
        of_pred = _classes_of(found.pred_ids, pred_classes, self.n)
        is_crowd = np.isin(found.truth_ids, np.fromiter(crowds, np.int64))
        iou = found.iou
        is_same = of_truth[found.pair_truth] == of_pred[found.pair_pred]
        # Above a half at most one segment of each side can match: no search is needed.
        hit = is_same & ~is_crowd[found.pair_truth] & (iou > _HALF)
        forgiven = found.void_px.copy()
        in_crowd = is_same & is_crowd[found.pair_truth]
        np.add.at(forgiven, found.pair_pred[in_crowd], found.pair_px[in_crowd])
        is_false = forgiven <= _HALF * found.pred_px
        is_false[found.pair_pred[hit]] = False
        is_missed = ~is_crowd
        is_missed[found.pair_truth[hit]] = False
        image = PanopticSum(self.n)
        image.is_thing = self.is_thing
        classes = of_truth[found.pair_truth[hit]]
        image.iou = np.bincount(classes, weights=iou[hit], minlength=self.n).astype(np.float64)
        image.matched = np.bincount(classes, minlength=self.n).astype(np.int64)
        image.false = np.bincount(of_pred[is_false], minlength=self.n).astype(np.int64)
        image.missed = np.bincount(of_truth[is_missed], minlength=self.n).astype(np.int64)
        for key in ("iou", "matched", "false", "missed"):
            setattr(self, key, getattr(self, key) + getattr(image, key))
        return image

    def scores(self, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Qualities 0 … 1 as JSON-ready values: means over the classes, over things, over stuff, and each class.

        A class that is nowhere has None and is left out of the means; the segmentation quality of a class without a match
        is 0, as its panoptic quality.
        """
        # PQ = sum of IoU / (TP + FP/2 + FN/2) = SQ (mean IoU of what matched) × RQ (F1 of matching).
        weight = self.matched + 0.5 * self.false + 0.5 * self.missed
        rows = []
        for index in range(self.n):
            is_there = weight[index] > 0
            matched = int(self.matched[index])
            rows.append(
                {
                    "name": names[index] if names is not None else f"class {index}",
                    "is_thing": bool(self.is_thing[index]),
                    "panoptic_quality": float(self.iou[index] / weight[index]) if is_there else None,
                    "segmentation_quality": float(self.iou[index] / max(matched, 1)) if is_there else None,
                    "recognition_quality": float(matched / weight[index]) if is_there else None,
                    "matched": matched,
                    "false": int(self.false[index]),
                    "missed": int(self.missed[index]),
                }
            )
        things = [row for row in rows if row["is_thing"]]
        stuff = [row for row in rows if not row["is_thing"]]
        return {**_means(rows), "things": _means(things), "stuff": _means(stuff), "per_class": rows}


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    keys = ("panoptic_quality", "segmentation_quality", "recognition_quality")
    known = [row for row in rows if row["panoptic_quality"] is not None]
    return {key: float(np.mean([row[key] for row in known])) if known else None for key in keys}


def _classes_of(ids: npt.NDArray[np.int64], classes: Mapping[int, int] | None, n: int) -> npt.NDArray[np.int64]:
    if classes is None:
        return np.zeros(ids.size, np.int64)
    unknown = [int(i) for i in ids if not 0 <= classes.get(int(i), -1) < n]
    if unknown:
        raise ValueError(f"segment {unknown[0]} has no class")
    return np.array([classes[int(i)] for i in ids], np.int64)


@dataclass(frozen=True, slots=True)
class ObjectCounts:
    """How many objects matched, were predicted for nothing, and were missed."""

    matched: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: ObjectCounts) -> ObjectCounts:
        return ObjectCounts(self.matched + other.matched, self.false + other.false, self.missed + other.missed)

    def scores(self) -> dict[str, Any]:
        """``object_f1``, ``object_precision``, ``object_recall`` (None where undefined), and the counts."""
        predicted, true = self.matched + self.false, self.matched + self.missed
        return {
            "object_f1": 2 * self.matched / (predicted + true) if predicted + true else None,
            "object_precision": self.matched / predicted if predicted else None,
            "object_recall": self.matched / true if true else None,
            "objects": {"truth": true, "predicted": predicted, "matched": self.matched},
        }


def object_counts(
    truth: npt.NDArray[Any],
    pred: npt.NDArray[Any],
    *,
    threshold: float = 0.5,
    void: npt.NDArray[np.bool_] | None = None,
) -> ObjectCounts:
    """Objects of two (y, x) masks of ids (0 = none) matched one to one, as many as can be, at IoU *threshold* or more.

    *void* as for :meth:`PanopticSum.add`. ValueError when the sizes differ, or the threshold is not in 0 … 1 (0 excluded).
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"the threshold {threshold:g} is not in 0 … 1")
    found = overlaps(truth, pred, void)
    hit = found.iou >= threshold
    pair_truth, pair_pred = _matching(found.pair_truth[hit], found.pair_pred[hit], found)
    is_false = found.void_px <= _HALF * found.pred_px
    is_false[pair_pred] = False
    return ObjectCounts(pair_pred.size, int(is_false.sum()), found.truth_ids.size - pair_truth.size)


def _matching(
    pair_truth: npt.NDArray[np.int64], pair_pred: npt.NDArray[np.int64], found: Overlaps
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    if np.unique(pair_truth).size == np.unique(pair_pred).size == pair_truth.size:
        return pair_truth, pair_pred
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    shape = (found.truth_ids.size, found.pred_ids.size)
    graph = csr_matrix((np.ones(pair_truth.size, np.int8), (pair_truth, pair_pred)), shape=shape)
    partner = np.asarray(maximum_bipartite_matching(graph, perm_type="column"), np.int64)
    matched = np.flatnonzero(partner >= 0)
    return matched, partner[matched]
