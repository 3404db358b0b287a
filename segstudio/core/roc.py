"""How well probabilities order pixels: the area under the ROC curve of each class, from counts, streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BINS = 1 << 16
_REACH = 88.0  # log-odds of the smallest chance that float32 holds
_NARROW = 4.0  # bins are narrowest where a model is unsure, and most of what is not yet in order lies


def log_odds(probability: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """log(p / (1 - p)) of probabilities 0 … 1, in their float type. The order stays, and so does the area."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(probability) - np.log1p(-probability))


class RocSum:
    """Adds up pixels of *n* classes by how likely a model thought each class, in bins of the log-odds.

    Pixels of one bin count as ties. With 65 536 bins that is a step of 0.00005 of the log-odds at a chance of one half, of 0.001 at
    one of 0.993, and the area is that of a sort to about 1e-6. It takes 1 MB a class.
    """

    def __init__(self, n: int, bins: int = BINS) -> None:
        self.n, self.bins = n, bins
        self.counts = np.zeros((n, 2, bins), np.int64)
        """(class, is of the class, bin) pixels."""

    def add(self, probabilities: npt.NDArray[Any], truth: npt.NDArray[Any], ignore: int | None = None) -> None:
        """Add pixels: (n, y, x) *probabilities* 0 … 1 and (y, x) class indices; *ignore* and what is no class are left out.

        ValueError when the sizes differ, or a probability is no number.
        """
        self.add_odds([log_odds(own) for own in probabilities], truth, ignore)

    def add_odds(self, odds: Any, truth: npt.NDArray[Any], ignore: int | None = None) -> None:
        """As :meth:`add`, of n (y, x) arrays of log-odds: what is nearly sure is told apart on both ends."""
        if len(odds) != self.n or any(own.shape != truth.shape for own in odds):
            raise ValueError(
                f"probabilities are {[own.shape for own in odds]}, truth {truth.shape} of {self.n} classes"
            )
        is_known = truth < self.n
        if ignore is not None:
            is_known &= truth != ignore
        known = truth[is_known]
        for index in range(self.n):
            self._add_class(index, odds[index][is_known], known == index)

    def _add_class(self, index: int, odds: npt.NDArray[Any], is_class: npt.NDArray[np.bool_]) -> None:
        if np.isnan(odds).any():
            raise ValueError("a probability is no number from 0 to 1")
        share = np.arcsinh(np.clip(odds, -_REACH, _REACH) * _NARROW) / np.arcsinh(_REACH * _NARROW)
        places = np.rint((share + 1) * ((self.bins - 1) / 2)).astype(np.int64) + self.bins * is_class
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
