"""How well the borders of two index masks agree: boundary F1 of each class, within a tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_WIDEST_DISK_PX = 6.0  # from here on a distance transform is quicker than the disk


@dataclass(frozen=True, slots=True)
class DiagonalShare:
    """A tolerance as a share of each image's diagonal; 0.0075 is usual (Csurka et al., BMVC 2013)."""

    share: float

    def of(self, shape: tuple[int, ...]) -> float:
        """In pixels of an image of *shape* (y, x)."""
        return self.share * math.hypot(shape[0], shape[1])


Tolerance = float | DiagonalShare
"""How far apart two borders may lie: in pixels, or as a share of the diagonal."""


def tolerance_of(tolerance: Tolerance, shape: tuple[int, ...]) -> float:
    """*tolerance* in pixels of an image of *shape* (y, x)."""
    return tolerance.of(shape) if isinstance(tolerance, DiagonalShare) else tolerance


def class_boundary(mask: npt.NDArray[np.uint8], valid: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pixels (255) of a 0/255 *mask* that touch, by a side, a *valid* pixel outside it; the image's border is none."""
    outside = cv2.bitwise_and(cv2.bitwise_not(mask), valid)
    return np.asarray(cv2.bitwise_and(mask, cv2.dilate(outside, _CROSS)), np.uint8)


def disk(radius_px: float) -> npt.NDArray[np.uint8]:
    """The (2r+1, 2r+1) structuring element of all offsets at most *radius_px* away."""
    reach = int(radius_px)
    offsets = np.arange(-reach, reach + 1)
    return np.asarray(offsets[:, None] ** 2 + offsets[None, :] ** 2 <= radius_px**2, np.uint8)


def boundary_f1(
    truth: npt.NDArray[Any], pred: npt.NDArray[Any], n: int, tolerance_px: Tolerance = 2.0, ignore: int | None = None
) -> npt.NDArray[np.float64]:
    """(n,) boundary F1 (BF score: Csurka et al., BMVC 2013) of each class in one image; NaN where it has no boundary.

    Precision is the share of the prediction's boundary pixels within *tolerance_px* (Euclidean) of the truth's,
    recall the other way round. Ignored pixels belong to no class and make no boundary.
    """
    valid = np.full(truth.shape, 255, np.uint8)
    if ignore is not None:
        valid[truth == ignore] = 0
    radius_px = tolerance_of(tolerance_px, truth.shape)
    scores = np.full(n, np.nan)
    for index in range(n):
        of_truth, of_pred = _class_mask(truth, index, valid), _class_mask(pred, index, valid)
        part = _part_of(of_truth, of_pred)
        if part is None:
            continue
        edge_truth = class_boundary(of_truth[part], valid[part])
        edge_pred = class_boundary(of_pred[part], valid[part])
        count_truth, count_pred = cv2.countNonZero(edge_truth), cv2.countNonZero(edge_pred)
        if count_truth == 0 and count_pred == 0:
            continue
        if count_truth == 0 or count_pred == 0:
            scores[index] = 0.0
            continue
        precision = cv2.countNonZero(cv2.bitwise_and(edge_pred, _near(edge_truth, radius_px))) / count_pred
        recall = cv2.countNonZero(cv2.bitwise_and(edge_truth, _near(edge_pred, radius_px))) / count_truth
        scores[index] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return scores


def _class_mask(values: npt.NDArray[Any], index: int, valid: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if values.dtype == np.uint8:
        if index > 255:
            return np.zeros(values.shape, np.uint8)
        return np.asarray(cv2.bitwise_and(cv2.inRange(values, index, index), valid), np.uint8)
    return np.where(values == index, valid, np.uint8(0))


def _part_of(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> tuple[slice, slice] | None:
    """The rectangle that holds both masks and a pixel around them, so that what they border on is in it."""
    x, y, width, height = cv2.boundingRect(cv2.bitwise_or(first, second))
    if width == 0:
        return None
    return slice(max(0, y - 1), y + height + 1), slice(max(0, x - 1), x + width + 1)


def _near(edge: npt.NDArray[np.uint8], radius_px: float) -> npt.NDArray[np.uint8]:
    """Pixels (255) at most *radius_px* from one of *edge*, which has some."""
    if radius_px < 1.0:
        return edge
    if radius_px <= _WIDEST_DISK_PX:
        return np.asarray(cv2.dilate(edge, disk(radius_px)), np.uint8)
    distance = cv2.distanceTransform(cv2.bitwise_not(edge), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squares of true distances are whole numbers: half of one more is out of reach of what float32 gets wrong.
    limit = math.sqrt(math.floor(radius_px**2) + 0.5)
    return np.asarray(cv2.compare(distance, limit, cv2.CMP_LE), np.uint8)
