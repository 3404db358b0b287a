"""Small RGB pictures of open images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.display import auto_settings, to_rgb8
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.io.readers.base import ImageReader


def reduced_rgb(reader: ImageReader, side_px: int) -> npt.NDArray[np.uint8]:
    """(y, x, 3) RGB of a reader's whole image (a stack's middle plane), the longer side *side_px* at most."""
    info = reader.info
    quick = getattr(reader, "quick_picture", None)
    if quick is not None and info.depth == 1:
        values = quick(side_px)
    else:
        index = max(i for i, size in enumerate(info.levels) if i == 0 or max(size) >= side_px)
        values = reader.read(index, info.depth // 2, Rect(0, 0, *info.levels[index]))
    return rgb_of(values, side_px)


def rgb_of(values: npt.NDArray[Any], side_px: int) -> npt.NDArray[np.uint8]:
    """(y, x, 3) RGB of (band, y, x) values as they suit the eye, the longer side *side_px* at most."""
    rgb = to_rgb8(values, auto_settings(values))
    height, width = rgb.shape[:2]
    scale = side_px / max(width, height)
    if scale >= 1.0:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
