"""What is unlike the rest of the image: X. Hou and L. Zhang, "Saliency Detection: A Spectral Residual Approach", 2007.

As in the paper the picture is seen 64 pixels large, whatever its size; the rim is then drawn on the picture reduced to
:data:`WORKING_PX` and at full size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.ml.classic.enlarge import salient_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import WindowResult
    from segstudio.ml.classic.picture import Request

SEEN_PX = 64
WORKING_PX = 512
SIGMA_PX = 2.5


def find(request: Request) -> Iterator[WindowResult]:
    """Class 1 where saliency is above ``factor`` times its mean (the paper: 3)."""
    picture = request.picture
    request.progress(0, 0, "Looking for what stands out")
    by = picture.reduction(long_side_px=WORKING_PX)
    small, is_valid = picture.reduced(by, request.cancel)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / 255
    if not is_valid.all() and is_valid.any():
        grey[~is_valid] = grey[is_valid].mean()
    height, width = grey.shape
    share = min(1.0, SEEN_PX / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    found = saliency(np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32))
    # Scaled so that a half is the paper's threshold.
    top = 2 * float(request.options["factor"]) * float(found.mean())
    sure = (found / top).clip(0, 1) if top > 0 else np.zeros_like(found)
    enlarged = np.asarray(cv2.resize(sure, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    enlarged[~is_valid] = 0
    yield from salient_pieces(request, enlarged, small, by)


def saliency(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(h, w) float32 ≥ 0 of (h, w) float32: what is left of the spectrum less its own local mean."""
    if float(np.ptp(grey)) < 1e-6:
        return np.zeros(grey.shape, np.float32)
    spectrum = np.fft.fft2(grey.astype(np.float64))
    logarithm = np.log(np.abs(spectrum) + 1e-12)
    # The spectrum is periodic: so is its mean.
    padded = np.pad(logarithm, 1, mode="wrap")
    residual = logarithm - cv2.blur(padded, (3, 3))[1:-1, 1:-1]
    answer = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    smooth = cv2.GaussianBlur(answer, (0, 0), SIGMA_PX, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth, np.float32)
