"""Precision and recall over all thresholds, one class against the others, added up in bins: memory does not grow with pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 127
"""As many thresholds as TensorBoard draws."""


@dataclass(frozen=True, eq=False)
class PrCurve:
    """(BINS,) of each; entry i counts as positive what has a probability of i / (BINS - 1) or more."""

    true_positives: npt.NDArray[np.int64]
    false_positives: npt.NDArray[np.int64]
    true_negatives: npt.NDArray[np.int64]
    false_negatives: npt.NDArray[np.int64]

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """TP / (TP + FP); 0 where nothing is found."""
        found: npt.NDArray[np.float64] = self.true_positives / np.maximum(1, self.true_positives + self.false_positives)
        return found

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        """TP / (TP + FN); 0 where the truth has nothing."""
        found: npt.NDArray[np.float64] = self.true_positives / np.maximum(1, self.true_positives + self.false_negatives)
        return found


class PrSum:
    """(n, BINS, 2) counts of pixels by class, probability of that class, and whether they are of it."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.counts = np.zeros((n, BINS, 2), np.int64)

    def add(self, probabilities: npt.NDArray[np.floating[Any]], truth: npt.NDArray[np.integer[Any]]) -> None:
        """Add pixels: (n, pixels) probabilities 0…1, and (pixels,) class indices, all of them known.

        ValueError when the sizes differ.
        """
        if probabilities.shape != (self.n, truth.size):
            raise ValueError(f"{probabilities.shape} probabilities, {truth.size} pixels, {self.n} classes")
        bins = np.clip(np.nan_to_num(probabilities) * (BINS - 1), 0, BINS - 1).astype(np.int64)
        for index in range(self.n):
            cells = bins[index] * 2 + (truth == index)
            self.counts[index] += np.bincount(cells, minlength=2 * BINS).reshape(BINS, 2)

    def curve(self, index: int) -> PrCurve | None:
        """The curve of a class; None where the truth has no pixel of it."""
        negatives, positives = self.counts[index, :, 0], self.counts[index, :, 1]
        if not positives.any():
            return None
        found, wrong = np.cumsum(positives[::-1])[::-1], np.cumsum(negatives[::-1])[::-1]
        return PrCurve(found, wrong, wrong[0] - wrong, found[0] - found)
