"""A threshold of its own for each pixel, from its neighbourhood: Sauvola's, or a Gaussian mean.

J. Sauvola and M. Pietikäinen, "Adaptive document image binarization", 2000. Worked on in pieces with a margin as wide
as the neighbourhood: exact on any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.ml.api import WindowResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.classic.picture import Request

    Numbers = npt.NDArray[np.float64]

PIECE_PX = 1024
SPREAD = 0.5
"""Sauvola's R: the largest standard deviation of values 0 … 1."""
_FULL_SURE = 0.25
"""So far from the threshold a pixel is as sure as can be."""


def find(request: Request) -> Iterator[WindowResult]:
    """Class 1 where a pixel is darker (or brighter) than its neighbourhood."""
    picture, options = request.picture, request.options
    window = int(options["window_px"]) | 1
    margin = window // 2 + 1
    for piece in request.pieces(PIECE_PX):
        seen = piece.expanded(margin).clipped(picture.width, picture.height)
        unit = picture.unit(seen)
        away = distance(unit, window, str(options["method"]), options["objects"] == "dark",
                        float(options["k"]), float(options["offset"]))  # fmt: skip
        found = np.asarray(away > 0, np.uint8)
        sure = np.asarray(128 + 127 * (np.abs(away) / _FULL_SURE).clip(0, 1), np.uint8)
        sure[np.isnan(unit)] = 0
        for part in request.within(piece):
            cut = part.moved(-seen.x, -seen.y).slices
            yield WindowResult(part, found[cut], sure[cut])


def distance(
    unit: npt.NDArray[np.float32], window_px: int, method: str, is_dark: bool, k: float, offset: float
) -> Numbers:
    """(h, w) float64: how far each pixel lies on the objects' side of its threshold; negative: on the other.

    *unit* (h, w) float32 is 0 … 1, NaN takes no part; *window_px* is odd; beyond the border values are mirrored.
    """
    known = ~np.isnan(unit)
    values = np.where(known, unit, 0).astype(np.float64)
    if is_dark and method == "gaussian" or not is_dark and method == "sauvola":
        # Sauvola's formula is for dark things on bright paper, the Gaussian one for bright things.
        values = np.where(known, 1 - values, 0)
    shares = known.astype(np.float64)

    def mean(of: Numbers) -> Numbers:
        side = (window_px, window_px)
        # Mirrored with the border pixel once; a picture smaller than the window allows no other mirror.
        border = cv2.BORDER_REFLECT_101 if min(of.shape) > window_px // 2 else cv2.BORDER_REPLICATE
        if method == "gaussian":
            return np.asarray(cv2.GaussianBlur(of, side, (window_px - 1) / 6, borderType=border), np.float64)
        return np.asarray(cv2.boxFilter(of, -1, side, borderType=border), np.float64)

    share = np.maximum(mean(shares), 1e-12)
    average = mean(values) / share
    if method == "gaussian":
        away = values - (average + offset)
    else:
        # Rounding leaves up to 1e-9 of a constant picture; the root would make it visible.
        variance = mean(values * values) / share - average * average
        deviation = np.sqrt(np.where(variance > 1e-12, variance, 0.0))
        away = average * (1 + k * (deviation / SPREAD - 1)) - values
    away[~known] = -1.0
    return away
