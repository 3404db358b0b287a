"""U-Net's weight map: pixels in the narrow gaps between neighbouring objects count more."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FAR_SIGMAS = 6.0
"""Objects farther than this many σ add less than w0 · 2·10⁻⁸ and are left out."""


def pixel_distances(is_target: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """(y, x) float32 distance in pixels of each pixel to the nearest one of *is_target* (y, x), which holds one at least.

    OpenCV's last bits depend on where its memory lies; squares of distances are whole numbers, so these are rounded to them, and
    equal runs get equal distances.
    """
    found = cv2.distanceTransform((~is_target).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distances: npt.NDArray[np.float32] = np.sqrt(np.rint(found.astype(np.float64) ** 2)).astype(np.float32)
    return distances


def component_ids(
    mask: npt.NDArray[np.uint8], background: int | None = None, ignore: int | None = None
) -> npt.NDArray[np.int32]:
    """(y, x) int32 ids from 1 on of the connected pieces (corners touch) of each class of *mask* (y, x) uint8.

    Pixels of the class *background* and of *ignore* belong to no object and are 0.
    """
    ids = np.zeros(mask.shape, np.int32)
    count = 0
    for value in np.unique(mask).tolist():
        if value in (background, ignore):
            continue
        found, pieces = cv2.connectedComponents((mask == value).astype(np.uint8), connectivity=8)
        inside = pieces > 0
        ids[inside] = pieces[inside] + count
        count += found - 1
    return ids


def border_weights(ids: npt.NDArray[np.integer], w0: float = 10.0, sigma_px: float = 5.0) -> npt.NDArray[np.float32]:
    """(y, x) float32 w0 · exp(−(d1 + d2)² / 2σ²), with d1 and d2 the distances in pixels to the two nearest objects.

    *ids* (y, x) holds the object of each pixel, 0 = none; inside an object d1 is 0. Where fewer than two objects are near, the weight
    is 0. From Ronneberger et al. 2015 (arXiv:1505.04597), without the weight of the class.
    """
    reach_px = FAR_SIGMAS * sigma_px
    first = np.full(ids.shape, np.inf, np.float32)
    second = first.copy()
    for value, (top, left, bottom, right) in _boxes(ids).items():
        margin = int(np.ceil(reach_px))
        rows = slice(max(0, top - margin), bottom + margin)
        columns = slice(max(0, left - margin), right + margin)
        distance = pixel_distances(ids[rows, columns] == value)
        distance[distance > reach_px] = np.inf
        one, two = first[rows, columns], second[rows, columns]
        np.minimum(two, np.maximum(one, distance), out=two)
        np.minimum(one, distance, out=one)
    exponents = -((first.astype(np.float64) + second) ** 2) / (2 * sigma_px**2)
    weights: npt.NDArray[np.float32] = np.round(w0 * np.exp(exponents), 7).astype(np.float32)
    return weights


def _boxes(ids: npt.NDArray[np.integer]) -> dict[int, tuple[int, int, int, int]]:
    """Id → (top, left, bottom, right), the last two exclusive."""
    ys, xs = np.nonzero(ids)
    values, which = np.unique(ids[ys, xs], return_inverse=True)
    low, high = np.full((2, len(values)), np.iinfo(np.int64).max), np.zeros((2, len(values)), np.int64)
    for axis, places in enumerate((ys, xs)):
        np.minimum.at(low[axis], which, places)
        np.maximum.at(high[axis], which, places + 1)
    return {int(v): (int(low[0, i]), int(low[1, i]), int(high[0, i]), int(high[1, i])) for i, v in enumerate(values)}
