"""Metrics of borders between cells: foreground-restricted Rand and pixel error, as in the ISBI 2012 challenge.

Arganda-Carreras et al., Frontiers in Neuroanatomy 2015: the map of border probabilities is cut at several thresholds, its borders
thinned to lines, what they part compared with the true cells, and the best threshold counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.panoptic_metrics import overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
_EDGE_PX = 16  # a line that ends at the picture's edge must not be shortened there: it would open the cells beside it


@dataclass(frozen=True, slots=True)
class RandCounts:
    """Ordered pairs of foreground pixels, each with itself too: together in the truth, in the prediction, in both."""

    both: float = 0.0
    truth: float = 0.0
    pred: float = 0.0

    def scores(self) -> tuple[float | None, float | None, float | None]:
        """(V, split, merge) 0 … 1; None where there is no foreground.

        V = both / (truth / 2 + pred / 2). Split = both / truth falls where true cells are cut, merge = both / pred where they
        run together.
        """
        if not self.truth or not self.pred:
            return None, None, None
        return 2 * self.both / (self.truth + self.pred), self.both / self.truth, self.both / self.pred


def rand_counts(truth: npt.NDArray[Any], pred: npt.NDArray[Any]) -> RandCounts:
    """Pairs of pixels of two (y, x) masks of cell ids; only pixels that lie in a true cell (id > 0) take part.

    A pixel that the prediction gives to no cell (id 0, a border) is a cell of its own, as in the challenges' own programs.
    ValueError when the sizes differ.
    """
    found = overlaps(truth, np.where(truth > 0, pred, 0))
    of_pred = found.pred_px.astype(np.float64)
    lone = float(found.truth_px.sum() - found.pred_px.sum())
    pairs = found.pair_px.astype(np.float64)
    of_truth = found.truth_px.astype(np.float64)
    return RandCounts(float(pairs @ pairs) + lone, float(of_truth @ of_truth), float(of_pred @ of_pred) + lone)


def thinned(border: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(y, x) bool lines one pixel wide in the middle of *border*, that part what it parted."""
    from skimage.morphology import skeletonize

    padded = np.pad(border, _EDGE_PX, mode="edge")
    lines = skeletonize(padded)  # type: ignore[no-untyped-call]
    return np.asarray(lines[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX], np.bool_)


def cells_between(border: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """(y, x) int32 cells that *border* parts, numbered from 1; 0 on it. Cells that touch at a corner only are two."""
    return np.asarray(cv2.connectedComponents((~border).astype(np.uint8), connectivity=4)[1], np.int32)


class CellSum:
    """Adds up images: true borders, and how likely a model thought each pixel to be one."""

    def __init__(self, thresholds: Sequence[float] = THRESHOLDS) -> None:
        self.thresholds = tuple(thresholds)
        self.images = 0
        self.pixels = 0
        self._wrong = np.zeros(len(self.thresholds))
        self._sums = np.zeros((len(self.thresholds), 3))
        self._with_cells = 0

    def add(
        self,
        border: npt.NDArray[np.bool_],
        probability: npt.NDArray[Any],
        is_known: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Add one image: (y, x) true border, and its probability 0 … 1 (or a mask); where *is_known* is False nothing counts.

        ValueError when the sizes differ.
        """
        if border.shape != probability.shape or (is_known is not None and is_known.shape != border.shape):
            raise ValueError(f"border is {border.shape}, probability {probability.shape}")
        known = np.ones(border.shape, np.bool_) if is_known is None else is_known
        cells = cells_between(border | ~known)
        has_cells = bool(cells.any())
        self.images += 1
        self.pixels += int(np.count_nonzero(known))
        self._with_cells += has_cells
        for place, threshold in enumerate(self.thresholds):
            found = np.asarray(probability > threshold, np.bool_)
            self._wrong[place] += np.count_nonzero((found != border) & known)
            if has_cells:
                counts = rand_counts(cells, cells_between(thinned(found)))
                self._sums[place] += np.array(counts.scores(), np.float64)

    def scores(self) -> dict[str, Any]:
        """``{"rand_f1", "rand_split", "rand_merge", "rand_threshold", "pixel_error", "pixel_error_threshold"}``, JSON-ready.

        Rand is the mean over the images, pixel error the share of all known pixels; each at the threshold that is best for it.
        """
        keys = ("rand_f1", "rand_split", "rand_merge", "rand_threshold", "pixel_error", "pixel_error_threshold")
        result: dict[str, Any] = dict.fromkeys(keys)
        if self._with_cells:
            best = int(self._sums[:, 0].argmax())
            means = self._sums[best] / self._with_cells
            result.update(zip(keys[:4], (*(float(v) for v in means), self.thresholds[best]), strict=True))
        if self.pixels:
            best = int(self._wrong.argmin())
            result.update(
                pixel_error=float(self._wrong[best] / self.pixels), pixel_error_threshold=self.thresholds[best]
            )
        return result
