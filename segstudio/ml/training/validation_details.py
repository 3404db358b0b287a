"""What a validation tells beside its means: each image's figures, the best and worst pictures, PR curves, calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.calibration import CalibrationSum
from segstudio.core.metrics import ImageCounts, worst_first
from segstudio.core.pr_curves import PrSum
from segstudio.ml.plan import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import torch

    from segstudio.ml.train_events import ValidationPicture

SAMPLED_PX = 16384
"""So many pixels of an image, on a regular grid, tell of its probabilities."""
EXTREMES = 3
"""So many of the best and of the worst images are kept as pictures."""


class ValidationDetails:
    """Adds up over images; two of them (of two processes) go together with :meth:`add_all`."""

    def __init__(self, classes: int) -> None:
        self.rows: list[dict[str, Any]] = []
        self.pr = PrSum(classes)
        self.calibration = CalibrationSum()
        self.pixels = 0
        self.worst: list[tuple[float, str, ValidationPicture]] = []
        self.best: list[tuple[float, str, ValidationPicture]] = []

    def add(
        self,
        name: str,
        truth: npt.NDArray[np.uint8],
        counts: npt.NDArray[np.int64],
        logits: torch.Tensor | None,
        picture: Callable[[], ValidationPicture],
    ) -> None:
        """Add an image: (y, x) truth, its (n, n) *counts*, (n, y, x) logits where they are at hand; *picture* draws it if wanted."""
        missed = np.zeros(counts.shape[0], np.int64)
        row = ImageCounts(counts, missed, None).row(name)
        self.rows.append(row)
        self.pixels += max(truth.size, int(counts.sum()))  # of a big image the truth here may be a reduced one
        if logits is not None:
            self._add_probabilities(truth, logits)
        if row["mean_iou"] is not None:
            self._keep(float(row["mean_iou"]), name, picture)

    def add_all(self, other: ValidationDetails) -> None:
        """Add what another one saw of other images."""
        self.rows += other.rows
        self.pixels += other.pixels
        self.pr.counts += other.pr.counts
        self.calibration.add_counts(other.calibration.pixels, other.calibration.right, other.calibration.confidence)
        self.worst = _lowest([*self.worst, *other.worst])
        self.best = _highest([*self.best, *other.best])

    def to_json(self) -> dict[str, Any]:
        """``per_image`` and ``calibration`` as ``segstudio evaluate`` prints them."""
        calibration = None if self.calibration.error is None else self.calibration.scores()
        return {"images": len(self.rows), "per_image": worst_first(self.rows), "calibration": calibration}

    def _add_probabilities(self, truth: npt.NDArray[np.uint8], logits: torch.Tensor) -> None:
        step = max(1, math.isqrt(max(0, truth.size - 1) // SAMPLED_PX) + 1) if truth.size > SAMPLED_PX else 1
        part = truth[..., ::step, ::step]
        known = part != IGNORE_INDEX
        if not known.any():
            return
        sampled = logits[..., ::step, ::step].float().softmax(0).numpy()[:, known]
        labels = part[known]
        self.pr.add(sampled, labels)
        confidence = np.clip(np.nan_to_num(sampled.max(0)), 0.0, 1.0)
        self.calibration.add(confidence, sampled.argmax(0) == labels)

    def _keep(self, score: float, name: str, picture: Callable[[], ValidationPicture]) -> None:
        is_worst = len(self.worst) < EXTREMES or score < self.worst[-1][0]
        is_best = len(self.best) < EXTREMES or score > self.best[-1][0]
        if is_worst or is_best:
            drawn = (score, name, picture())
            self.worst = _lowest([*self.worst, drawn]) if is_worst else self.worst
            self.best = _highest([*self.best, drawn]) if is_best else self.best


def _lowest(rows: list[tuple[float, str, ValidationPicture]]) -> list[tuple[float, str, ValidationPicture]]:
    return sorted(rows, key=lambda row: (row[0], row[1]))[:EXTREMES]


def _highest(rows: list[tuple[float, str, ValidationPicture]]) -> list[tuple[float, str, ValidationPicture]]:
    return sorted(rows, key=lambda row: (-row[0], row[1]))[:EXTREMES]
