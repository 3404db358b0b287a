"""Superpixels by flooding the gradient from a grid of seeds.

P. Neubert and P. Protzel, "Compact Watershed and Preemptive SLIC", 2014. A seed lies where the gradient of its cell of
the grid is least, so that none starts on an edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.ml.classic.pieces import fitting_size, objects_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import ObjectResult
    from segstudio.ml.classic.picture import Request


def find(request: Request) -> Iterator[ObjectResult]:
    """Areas about ``size_px`` wide."""
    size = round(fitting_size(float(request.options["size_px"]), request.picture.width, request.picture.height))
    compactness = float(request.options["compactness"])
    return objects_of(request, lambda rgb: flooded(rgb, size, compactness))


def flooded(rgb: npt.NDArray[np.uint8], size_px: int, compactness: float) -> npt.NDArray[np.int32]:
    """(h, w) int32 ids from 0 of (h, w, 3) uint8: one area for each cell of *size_px*, each connected."""
    from skimage.segmentation import watershed

    smooth = cv2.GaussianBlur(rgb, (0, 0), 1.0).astype(np.float32) / 255
    gradient = np.zeros(rgb.shape[:2], np.float32)
    for band in np.moveaxis(smooth, -1, 0):
        strength = cv2.magnitude(cv2.Sobel(band, cv2.CV_32F, 1, 0), cv2.Sobel(band, cv2.CV_32F, 0, 1))
        np.maximum(gradient, strength, out=gradient)
    height, width = rgb.shape[:2]
    seeds = np.zeros(gradient.shape, np.int32)
    rows, columns = max(1, round(height / size_px)), max(1, round(width / size_px))
    for row in range(rows):
        for column in range(columns):
            y, x = row * height // rows, column * width // columns
            cell = gradient[y : (row + 1) * height // rows, x : (column + 1) * width // columns]
            down, across = np.unravel_index(_least(cell), cell.shape)
            seeds[y + down, x + across] = row * columns + column + 1
    flood: Any = watershed
    return np.asarray(flood(gradient, seeds, compactness=compactness), np.int32) - 1


def _least(cell: npt.NDArray[np.float32]) -> int:
    """Where *cell* is least; of equal places the one nearest its middle."""
    height, width = cell.shape
    rows, columns = np.ogrid[:height, :width]
    away = (rows - height / 2 + 0.5) ** 2 + (columns - width / 2 + 0.5) ** 2
    return int((cell + away.astype(np.float32) * np.float32(1e-6)).argmin())
