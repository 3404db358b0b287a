"""What differs from its surroundings at several scales.

S. Montabone and A. Soto, "Human detection using a mobile platform and novel features derived from a visual saliency
mechanism", 2010: on-centre and off-centre differences at six surrounds, from one integral image, at the picture's own
resolution (here: reduced to ``working_px``), with no pyramid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.cancel import check
from segstudio.ml.classic.edges import otsu_of, without_small
from segstudio.ml.classic.enlarge import salient_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import WindowResult
    from segstudio.ml.classic.picture import Request

    Floats = npt.NDArray[np.float32]

SURROUNDS_PX = (12, 24, 28, 48, 56, 112)
"""How far each surround reaches from its centre."""


def find(request: Request) -> Iterator[WindowResult]:
    """Class 1 where saliency is above ``threshold`` of its maximum."""
    picture, options = request.picture, request.options
    request.progress(0, 0, "Looking for what stands out")
    by = picture.reduction(long_side_px=int(options["working_px"]))
    small, is_valid = picture.reduced(by, request.cancel)
    check(request.cancel)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
    if not is_valid.all() and is_valid.any():
        grey[~is_valid] = grey[is_valid].mean()
    found = saliency(grey)
    found[~is_valid] = 0
    # Less than one grey level of contrast is noise of the file.
    unit = found / found.max() if found.max() >= len(SURROUNDS_PX) else np.zeros_like(found)
    threshold = float(options["threshold"]) or otsu_of(unit)
    mask = without_small(unit > threshold, int(options["least_px"]) / by**2)
    sure = (0.5 + 0.5 * (unit - threshold) / max(threshold, 1 - threshold)).clip(0, 1)
    sure = np.where(mask, np.maximum(sure, 0.51), np.minimum(sure, 0.5)).astype(np.float32)
    yield from salient_pieces(request, sure, small, by)


def saliency(grey: Floats) -> Floats:
    """(h, w) float32 ≥ 0 of (h, w) float32: |pixel - mean of its surround|, on-centre and off-centre, over all scales."""
    height, width = grey.shape
    centred = grey.astype(np.float64) - float(grey.mean())
    total = cv2.integral(centred, sdepth=cv2.CV_64F)
    out = np.zeros(grey.shape, np.float64)
    rows, columns = np.arange(height), np.arange(width)
    for reach in SURROUNDS_PX:
        top, bottom = (rows - reach).clip(0), (rows + reach + 1).clip(max=height)
        left, right = (columns - reach).clip(0), (columns + reach + 1).clip(max=width)
        below, above = total[bottom], total[top]
        sums = below[:, right] - below[:, left] - above[:, right] + above[:, left]
        count = (bottom - top)[:, None] * (right - left)[None, :] - 1
        # The centre is no part of its surround.
        out += np.abs(centred - (sums - centred) / np.maximum(count, 1)) * (count > 0)
    return out.astype(np.float32)
