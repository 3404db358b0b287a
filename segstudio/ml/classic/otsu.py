"""Otsu's threshold, for two or more classes of brightness.

N. Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979; several levels by the recursion of P.-S. Liao
et al., "A Fast Algorithm for Multilevel Thresholding", 2001. The histogram is that of the whole image, read in
strips; the thresholds are then applied piece by piece at full size: exact on any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.ml.api import WindowResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.classic.picture import Picture, Request

    Numbers = npt.NDArray[np.float64]

PIECE_PX = 1024
MOST_BINS = 1024


def find(request: Request) -> Iterator[WindowResult]:
    """Class 0 … n-1 by rising brightness; with ``objects`` dark, by falling."""
    picture = request.picture
    counts, values = histogram(request)
    levels, means = thresholds(counts, values, int(request.options["classes"]))
    is_dark = request.options["objects"] == "dark"
    for piece in request.pieces(PIECE_PX):
        grey = picture.grey(piece)
        has_no_data = np.isnan(grey)
        index = np.searchsorted(levels, grey, side="left").astype(np.uint8)
        confidence = sureness(grey, levels, means)
        if is_dark:
            # Where fewer levels were found than asked for, what is left is still background.
            index = np.uint8(len(levels)) - index
        index[has_no_data] = 0
        confidence[has_no_data] = 0
        for part in request.within(piece):
            cut = part.moved(-piece.x, -piece.y).slices
            yield WindowResult(part, index[cut], confidence[cut])


def histogram(request: Request) -> tuple[Numbers, Numbers]:
    """(counts, mean value of each bin) of the whole image's brightness, without empty bins.

    Whole numbers of up to 16 bits are counted one by one; others in :data:`MOST_BINS` bins between the image's
    percentiles, what lies beyond in the outermost.
    """
    picture = request.picture
    is_counted = picture.dtype.kind in "iub" and picture.dtype.itemsize <= 2
    low, bins = (float(np.iinfo(picture.dtype).min), 1 << 8 * picture.dtype.itemsize) if is_counted else _range(picture)
    step = 1.0 if is_counted else max(picture.high - picture.low, 1e-30) / bins
    counts = np.zeros(bins, np.float64)
    sums = np.zeros(bins, np.float64)
    for strip in picture.strips(request.cancel):
        grey = picture.grey(strip)
        known = grey[np.isfinite(grey)].astype(np.float64)
        at = ((known - low) / step + (0.5 if is_counted else 0.0)).clip(0, bins - 1).astype(np.int64)
        counts += np.bincount(at, minlength=bins)
        sums += np.bincount(at, weights=known, minlength=bins)
    used = counts > 0
    counts, sums = counts[used], sums[used]
    if len(counts) > MOST_BINS:
        place = np.arange(len(counts)) * MOST_BINS // len(counts)
        counts = np.asarray(np.bincount(place, counts), np.float64)
        sums = np.asarray(np.bincount(place, sums), np.float64)
    return counts, sums / np.maximum(counts, 1)


def _range(picture: Picture) -> tuple[float, int]:
    return picture.low, MOST_BINS


def thresholds(counts: Numbers, values: Numbers, classes: int) -> tuple[Numbers, Numbers]:
    """((k,) thresholds, (k + 1,) mean of each class), k ≤ classes - 1: what is above threshold i is of class i + 1.

    *values* (b,) float64 rise; the split has the largest variance between classes that any has. There are fewer
    thresholds where there are fewer values than classes.
    """
    bins = len(counts)
    classes = max(1, min(classes, bins))
    if bins == 0:
        return np.zeros(0), np.zeros(1)
    # Centred: large values with small differences keep their digits.
    middle = float((counts * values).sum() / counts.sum())
    weight = np.concatenate([[0.0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(counts * (values - middle))])
    best = np.full((classes + 1, bins + 1), -np.inf)
    begin = np.zeros((classes + 1, bins + 1), np.int64)
    best[0, 0] = 0.0
    for number in range(1, classes + 1):
        for end in range(number, bins + 1):
            start = np.arange(number - 1, end)
            # Squared sum over weight of the class that holds bins start … end - 1.
            gain = (moment[end] - moment[start]) ** 2 / (weight[end] - weight[start])
            total = best[number - 1, start] + gain
            chosen = int(total.argmax())
            best[number, end], begin[number, end] = total[chosen], start[chosen]
    cuts = [bins]
    for number in range(classes, 0, -1):
        cuts.append(int(begin[number, cuts[-1]]))
    cuts.reverse()
    means = [
        middle + (moment[b] - moment[a]) / (weight[b] - weight[a]) for a, b in zip(cuts[:-1], cuts[1:], strict=True)
    ]
    levels = [(values[cut - 1] + values[cut]) / 2 for cut in cuts[1:-1]]
    return np.array(levels, np.float64), np.array(means, np.float64)


def sureness(grey: npt.NDArray[np.float32], levels: Numbers, means: Numbers) -> npt.NDArray[np.uint8]:
    """(h, w) uint8 confidence: 128 at a threshold, 255 at the mean of a class and beyond."""
    if not len(levels):
        return np.full(grey.shape, 255, np.uint8)
    best = np.ones(grey.shape, np.float64)
    for level, below, above in zip(levels, means[:-1], means[1:], strict=True):
        away = np.abs(grey - level) / max(above - below, 1e-30) * 2
        np.minimum(best, away, out=best)
    return np.asarray(128 + 127 * np.nan_to_num(best.clip(0, 1)), np.uint8)
