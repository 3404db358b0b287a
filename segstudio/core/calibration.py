"""Whether a model is as sure as it is right: expected calibration error from counts, streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BINS = 15
"""As in Guo et al., ICML 2017."""


class CalibrationSum:
    """Adds up how sure a model was of pixels, and whether it was right, in bins ((m - 1) / M, m / M] of confidence."""

    def __init__(self, bins: int = BINS) -> None:
        self.bins = bins
        self.pixels = np.zeros(bins, np.int64)
        self.right = np.zeros(bins, np.int64)
        self.confidence = np.zeros(bins)

    def add(
        self,
        confidence: npt.NDArray[Any],
        is_right: npt.NDArray[np.bool_],
        is_known: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Add pixels: *confidence* 0 … 1, or × 255 as uint8; those where *is_known* is False are left out.

        ValueError when the sizes differ, or a confidence is below 0, above 1 or no number.
        """
        if confidence.shape != is_right.shape or (is_known is not None and is_known.shape != is_right.shape):
            raise ValueError(f"confidence is {confidence.shape}, right {is_right.shape}")
        if is_known is not None:
            confidence, is_right = confidence[is_known], is_right[is_known]
        if confidence.dtype == np.uint8:
            self._add_bytes(confidence.ravel(), is_right.ravel())
            return
        values = confidence.ravel().astype(np.float64)
        if not np.all((values >= 0.0) & (values <= 1.0)):
            raise ValueError("a confidence lies outside 0 … 1")
        places = np.clip(np.ceil(values * self.bins).astype(np.int64) - 1, 0, self.bins - 1)
        self.add_counts(
            np.bincount(places, minlength=self.bins),
            np.bincount(places[is_right.ravel()], minlength=self.bins),
            np.bincount(places, weights=values, minlength=self.bins).astype(np.float64),
        )

    def add_counts(
        self, pixels: npt.NDArray[np.int64], right: npt.NDArray[np.int64], confidence: npt.NDArray[np.float64]
    ) -> None:
        """Add what was counted elsewhere: (bins,) pixels, those that are right, and the sum of their confidence."""
        self.pixels += pixels
        self.right += right
        self.confidence += confidence

    def _add_bytes(self, confidence: npt.NDArray[np.uint8], is_right: npt.NDArray[np.bool_]) -> None:
        pixels = np.bincount(confidence, minlength=256)
        right = np.bincount(confidence[is_right], minlength=256)
        levels = np.arange(256)
        places = np.maximum(-(-levels * self.bins // 255) - 1, 0)  # whole numbers: no border is rounded
        np.add.at(self.pixels, places, pixels)
        np.add.at(self.right, places, right)
        np.add.at(self.confidence, places, pixels * levels / 255.0)

    @property
    def error(self) -> float | None:
        """Expected calibration error, 0 … 1: mean over pixels of |share of right ones - confidence| of their bin."""
        total = int(self.pixels.sum())
        return float(np.abs(self.right - self.confidence).sum() / total) if total else None

    def scores(self) -> dict[str, Any]:
        """``{"expected_calibration_error", "bins": [{"from", "to", "pixels", "confidence", "accuracy"}]}``, JSON-ready.

        Confidence and accuracy of an empty bin are None, and so is the error of nothing.
        """
        rows = []
        for index in range(self.bins):
            count = int(self.pixels[index])
            rows.append(
                {
                    "from": index / self.bins,
                    "to": (index + 1) / self.bins,
                    "pixels": count,
                    "confidence": float(self.confidence[index] / count) if count else None,
                    "accuracy": float(self.right[index] / count) if count else None,
                }
            )
        return {"expected_calibration_error": self.error, "bins": rows}
