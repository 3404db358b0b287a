"""Salient regions by strong edges: operator, strength, dilation, filling, erosion.

Found on the picture reduced to ``working_px``, brought back to full size with the rim drawn anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.cancel import check
from segstudio.core.regions import fill_holes
from segstudio.ml.classic.enlarge import area_answer, salient_pieces
from segstudio.ml.classic.otsu import thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import WindowResult
    from segstudio.ml.classic.picture import Request

    Floats = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]

_LEAST_STRENGTH = 1e-4
"""Of 0 … 1 brightness a pixel: weaker is rounding."""


def find(request: Request) -> Iterator[WindowResult]:
    """Class 1 inside strong outlines."""
    options, picture = request.options, request.picture
    request.progress(0, 0, "Looking for edges")
    by = picture.reduction(long_side_px=int(options["working_px"]))
    small, is_valid = picture.reduced(by, request.cancel)
    check(request.cancel)
    strong = edges(small, str(options["operator"]), float(options["strength"]), float(options["sigma_px"]))
    # Where data ends is no edge of a thing.
    rim = cv2.dilate((~is_valid).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    mask = filled(strong & ~rim, int(options["closing_px"]) // by) & is_valid
    check(request.cancel)
    mask = without_small(mask, int(options["least_px"]) / by**2)
    yield from salient_pieces(request, area_answer(mask), small, by)


def edges(rgb: npt.NDArray[np.uint8], operator: str, strength: float, sigma_px: float) -> Mask:
    """(h, w) bool: edges of (h, w, 3) uint8 of at least *strength* (0 … 1 of the strongest; 0: by Otsu)."""
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32) / 255
    if sigma_px > 0:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma_px), np.float32)
    is_canny = operator == "canny"
    power = edge_strength(np.asarray(grey, np.float32), "sobel" if is_canny else operator)
    top = float(np.percentile(power, 99.9)) if power.size > 1000 else float(power.max())
    if top < _LEAST_STRENGTH:
        top = float(power.max())
    if top < _LEAST_STRENGTH:
        return np.zeros(power.shape, np.bool_)
    if strength <= 0:
        strength = otsu_of(power / top)
    if not is_canny:
        return np.asarray(power >= max(strength * top, _LEAST_STRENGTH))
    # Canny's gradients are unscaled Sobel sums of whole numbers; ours are those over 8 and over 255.
    high = strength * top * 8 * 255
    found = cv2.Canny((grey * 255 + 0.5).astype(np.uint8), 0.4 * high, high, apertureSize=3, L2gradient=True)
    return np.asarray(found > 0)


def edge_strength(grey: Floats, operator: str) -> Floats:
    """(h, w) float32 ≥ 0: the gradient's length a pixel (sobel, scharr) or the Laplacian's size, of (h, w) float32."""
    border = cv2.BORDER_REPLICATE
    if operator == "laplacian":
        return np.abs(np.asarray(cv2.Laplacian(grey, cv2.CV_32F, ksize=1, borderType=border), np.float32))
    if operator == "scharr":
        across = cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=border)
        down = cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=border)
    else:
        across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8, borderType=border)
        down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8, borderType=border)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def otsu_of(values: npt.NDArray[np.floating]) -> float:
    """Otsu's threshold of values 0 … 1 (what is above counts as 1); 1 where they are all alike."""
    counts = np.bincount((values.clip(0, 1) * 255 + 0.5).astype(np.int64).ravel(), minlength=256).astype(np.float64)
    used = np.flatnonzero(counts)
    levels, _ = thresholds(counts[used], used / 255, 2)
    return float(levels[0]) if len(levels) else 1.0


def filled(outlines: Mask, closing_px: int) -> Mask:
    """(h, w) bool: *outlines* with gaps up to *closing_px* closed, and what they enclose."""
    margin = closing_px + 1
    # Room around it: dilation must not end at the border, and the border encloses nothing.
    padded = np.pad(outlines, margin).astype(np.uint8)
    if closing_px > 0:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (closing_px | 1, closing_px | 1))
        padded = np.asarray(cv2.dilate(padded, kernel), np.uint8)
    area = fill_holes(padded > 0)
    if closing_px > 0:
        area = cv2.erode(area.astype(np.uint8), kernel) > 0
    return np.asarray(area[margin:-margin, margin:-margin])


def without_small(mask: Mask, least_px: float) -> Mask:
    """*mask* without its parts of fewer than *least_px* pixels."""
    _, ids, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    stays = stats[:, cv2.CC_STAT_AREA] >= least_px
    stays[0] = False
    return np.asarray(stays[ids])
