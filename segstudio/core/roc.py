"""How well probabilities order pixels: the area under the ROC curve of each class, from counts, streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BINS = 1 << 16
_LOW, _HIGH = -88.0, 17.5  # beyond, float32 tells no chance from 0, or from 1


def log_odds(probability: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """log(p / (1 - p)) of probabilities 0 … 1, float32, from -88 to 17.5. The order stays, and so does the area."""
    values = np.asarray(probability, np.float32)
    with np.errstate(divide="ignore"):
        odds = np.log(values) - np.log1p(-values)
    return np.asarray(np.clip(odds, _LOW, _HIGH), np.float32)


class RocSum:
    """Adds up pixels of *n* classes by how likely a model thought each class, in bins of equal width of the log-odds.

    Pixels of one bin count as ties. With 65 536 bins that is a step of 0.0016 of the log-odds, and the area is that of a sort
    to about 1e-6. It takes 1 MB a class.
    """

    def __init__(self, n: int, bins: int = BINS) -> None:
        self.n, self.bins = n, bins
        self.counts = np.zeros((n, 2, bins), np.int64)
        """(class, is of the class, bin) pixels."""

    def add(self, probabilities: npt.NDArray[Any], truth: npt.NDArray[Any], ignore: int | None = None) -> None:
        """Add pixels: (n, y, x) *probabilities* 0 … 1 and (y, x) class indices; *ignore* and what is no class are left out.

        ValueError when the sizes differ, or a probability is no number.
        """
        if probabilities.shape != (self.n, *truth.shape):
            raise ValueError(f"probabilities are {probabilities.shape}, truth {truth.shape} of {self.n} classes")
        is_known = truth < self.n
        if ignore is not None:
            is_known &= truth != ignore
        known = truth[is_known]
        for index in range(self.n):
            self._add_class(index, probabilities[index][is_known], known == index)

    def _add_class(self, index: int, probability: npt.NDArray[Any], is_class: npt.NDArray[np.bool_]) -> None:
        odds = log_odds(probability)
        if np.isnan(odds).any():
            raise ValueError("a probability is no number from 0 to 1")
        places = ((odds - np.float32(_LOW)) * np.float32((self.bins - 1) / (_HIGH - _LOW)) + 0.5).astype(np.int64)
        places += self.bins * is_class
        self.counts[index] += np.bincount(places, minlength=2 * self.bins).reshape(2, self.bins)

    @property
    def areas(self) -> npt.NDArray[np.float64]:
        """(n,) area under the ROC curve: the chance that a pixel of the class is held likelier to be of it than another pixel.

        Ties count half (Fawcett, Pattern Recognition Letters 2006). NaN where every pixel, or none, is of the class.
        """
        result = np.full(self.n, np.nan)
        for index, (others, own) in enumerate(self.counts):
            pairs = float(others.sum()) * float(own.sum())
            if pairs:
                below = np.cumsum(others) - others
                result[index] = float((own * (below + 0.5 * others)).sum()) / pairs
        return result

    def scores(self) -> list[float | None]:
        """:attr:`areas` as JSON-ready values."""
        return [None if np.isnan(area) else float(area) for area in self.areas]
