"""Counting for the metrics where the tensors are; :mod:`segstudio.core` makes the scores of the counts."""

from __future__ import annotations

import torch

from segstudio.core.calibration import BINS


def joint_histogram(truth: torch.Tensor, pred: torch.Tensor, n: int, ignore: int | None = None) -> torch.Tensor:
    """(n, n) int64 counts of pixels by (truth, prediction), on their device, as :func:`segstudio.core.metrics.joint_histogram`.

    Both are whole numbers of one shape. ValueError when the shapes differ.
    """
    if truth.shape != pred.shape:
        raise ValueError(f"truth is {tuple(truth.shape)}, prediction {tuple(pred.shape)}")
    first, second = truth.reshape(-1).long(), pred.reshape(-1).long()
    inside = (first >= 0) & (first < n) & (second >= 0) & (second < n)
    if ignore is not None:
        inside &= first != ignore
    # What is left out goes to a cell of its own: a selection would make a GPU wait for its size.
    cell = torch.where(inside, first * n + second, n * n)
    return torch.bincount(cell, minlength=n * n + 1)[: n * n].reshape(n, n)


def calibration_counts(
    confidence: torch.Tensor, is_right: torch.Tensor, is_known: torch.Tensor, bins: int = BINS
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(bins,) pixels, right ones and sums of confidence, for :meth:`segstudio.core.calibration.CalibrationSum.add_counts`.

    *confidence* is 0 … 1; the other two are bool of its shape. The sums are float64: not for devices without it (MPS).
    """
    values = torch.where(is_known, confidence, 0.0).reshape(-1).double()
    place = ((values * bins).ceil().long() - 1).clamp(0, bins - 1)
    place = torch.where(is_known.reshape(-1), place, bins)
    pixels = torch.bincount(place, minlength=bins + 1)[:bins]
    right = torch.bincount(torch.where(is_right.reshape(-1), place, bins), minlength=bins + 1)[:bins]
    sums = torch.bincount(place, weights=values, minlength=bins + 1)[:bins]
    return pixels, right, sums
