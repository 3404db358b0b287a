"""Weights of the classes from the pixels that a training split holds: median frequency and effective number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import UserError
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.big_pairs import is_big_file
from segstudio.ml.training.label_index import label_index
from segstudio.ml.training.sources import known_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.plan import ClassBalance
    from segstudio.ml.training.sources import TrainImage

Counts = npt.NDArray[np.int64]


def pixel_counts(images: Sequence[TrainImage], classes: int, ignored_index: int = IGNORE_INDEX) -> Counts:
    """(images, classes) int64 pixels of each class in each image; ignored ones count as class *ignored_index*, if it is one."""
    counts = np.zeros((len(images), classes), np.int64)
    for row, image in zip(counts, images, strict=True):
        if is_big_file(image):
            row[:] = label_index(image, classes, ignored_index=ignored_index).pixels
            continue
        target = known_target(image)
        if image.window is not None:
            target = target[image.window.slices]
        found = np.bincount(target.ravel(), minlength=IGNORE_INDEX + 1)
        row[:] = found[:classes]
        if ignored_index != IGNORE_INDEX:
            row[ignored_index] += found[IGNORE_INDEX]
    return counts


def median_frequency(counts: Counts) -> tuple[float, ...]:
    """The median of the classes' frequencies, divided by each one's (Eigen & Fergus 2015, arXiv:1411.4734).

    *counts* (images, classes) int64. A frequency is the class's share of the known pixels of those images that hold it. A class
    without a pixel gets 1, and does not enter the median.
    """
    pixels = counts.sum(0)
    around = (counts.sum(1)[:, None] * (counts > 0)).sum(0)
    present = pixels > 0
    frequency = pixels[present] / around[present]
    weights = np.ones(counts.shape[1])
    if present.any():
        weights[present] = np.median(frequency) / frequency
    return tuple(weights.tolist())


def effective_number(counts: Counts, beta: float | None = None) -> tuple[float, ...]:
    """1 / effective number (1 − β^n) / (1 − β) of each class's n pixels, scaled to a mean of 1 (Cui et al. 2019, arXiv:1901.05555).

    *counts* (images, classes) int64. β defaults to (N − 1) / N with N the mean n of the classes that have pixels: pixels beyond that
    add little, since neighbours are alike. A class without a pixel gets 1, and does not enter the mean.
    """
    pixels = counts.sum(0).astype(np.float64)
    present = pixels > 0
    weights = np.ones(counts.shape[1])
    if not present.any():
        return tuple(weights.tolist())
    log_beta = np.log1p(-1 / max(2.0, float(pixels[present].mean()))) if beta is None else np.log(beta)
    inverse = np.expm1(log_beta) / np.expm1(pixels[present] * log_beta)
    weights[present] = inverse / inverse.mean()
    return tuple(weights.tolist())


def balanced_weights(
    how: ClassBalance, images: Sequence[TrainImage], classes: int, ignored_index: int = IGNORE_INDEX
) -> tuple[float, ...]:
    """The weights of *how* = "median" or "effective" for the labels of *images*; () for "none".

    Raises
    ------
    UserError
        When none of the images holds a labelled pixel, or a mask cannot be read.
    """
    if how == "none":
        return ()
    counts = pixel_counts(images, classes, ignored_index)
    if not counts.any():
        raise UserError(
            "no pixel of the training images is labelled, so the classes cannot be weighed",
            remedy="label something, or train without --class-weights",
        )
    weights = median_frequency(counts) if how == "median" else effective_number(counts)
    return tuple(float(f"{weight:.6g}") for weight in weights)
