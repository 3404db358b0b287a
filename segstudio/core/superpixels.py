"""Superpixels: a picture cut into small even areas that follow its edges."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

LEAST_SIZE_PX = 4.0
"""Smaller superpixels would be pixels."""
_CONTRAST = 15.0
_MOST_GAIN = 6.0
_ROUNDS = 5


def superpixels(rgb: npt.NDArray[np.uint8], size_px: float, compactness: float = 10.0) -> npt.NDArray[np.int32]:
    """(h, w) int32 ids 0 … n-1, each a connected area about *size_px* wide, by SLIC.

    Achanta et al., "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods", PAMI 2012. Faint pictures are
    stretched first, so that *compactness* means the same on all.

    Parameters
    ----------
    rgb
        (h, w, 3) uint8.
    size_px
        Side of a superpixel, in pixels.
    compactness
        Small: follows every edge; large: squares.
    """
    from skimage.segmentation import slic

    height, width = rgb.shape[:2]
    count = round(height * width / max(size_px, LEAST_SIZE_PX) ** 2)
    if count <= 1:
        return np.zeros((height, width), np.int32)
    lab = np.asarray(cv2.cvtColor(rgb.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)
    if size_px >= 2 * LEAST_SIZE_PX:
        lab = np.asarray(cv2.GaussianBlur(lab, (0, 0), 0.8), np.float32)
    contrast = float(np.sqrt(lab.reshape(-1, 3).var(axis=0).sum()))
    gain = min(max(1.0, _CONTRAST / max(contrast, 1e-6)), _MOST_GAIN)
    span = float(lab.max() - lab.min())
    labels = slic(
        lab,
        n_segments=count,
        # slic stretches what it gets to 0 … 1.
        compactness=compactness / (gain * max(span, 1e-6)),
        max_num_iter=_ROUNDS,
        convert2lab=False,
        start_label=0,
        channel_axis=-1,
    )
    return np.asarray(labels, np.int32)


@dataclass(frozen=True, eq=False)
class SuperpixelMap:
    """Superpixels of a part of an image.

    ``labels`` (h, w) int32 covers ``rect`` of the image; one of its pixels may cover more or less than one of the image.
    """

    labels: npt.NDArray[np.int32]
    rect: Rect
    _boxes: dict[int, Rect] = field(default_factory=dict)

    def outlines(self) -> npt.NDArray[np.bool_]:
        """(h, w) bool, as ``labels``: pixels whose right or lower neighbour is another superpixel's."""
        out = np.zeros(self.labels.shape, np.bool_)
        out[:, :-1] = self.labels[:, :-1] != self.labels[:, 1:]
        out[:-1] |= self.labels[:-1] != self.labels[1:]
        return out

    def id_at(self, x: float, y: float) -> int:
        """The superpixel at an image position; -1 outside."""
        column, row = math.floor(x), math.floor(y)
        if not self.rect.contains(column, row):
            return -1
        columns, rows = self._indices(Rect(column, row, 1, 1))
        return int(self.labels[rows[0], columns[0]])

    def ids_along(self, start_xy: tuple[float, float], end_xy: tuple[float, float]) -> list[int]:
        """The superpixels that a straight line in image pixels goes through, in order."""
        (x0, y0), (x1, y1) = start_xy, end_xy
        across, down = self._steps()
        count = max(1, math.ceil(2 * max(abs(x1 - x0) / across, abs(y1 - y0) / down)))
        found = (self.id_at(x0 + (x1 - x0) * i / count, y0 + (y1 - y0) * i / count) for i in range(count + 1))
        return [one for one in dict.fromkeys(found) if one >= 0]

    def mask_of(self, ids: Iterable[int]) -> tuple[npt.NDArray[np.bool_], Rect]:
        """The image pixels of some superpixels: ((h, w) bool, its rectangle); masks of different ones never overlap."""
        wanted = sorted(set(ids))
        box = EMPTY
        for one in wanted:
            box = box.united(self._box(one))
        if box.is_empty:
            return np.zeros((0, 0), np.bool_), EMPTY
        columns, rows = self._indices(box)
        part = self.labels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        inside = np.isin(part, wanted) if len(wanted) > 1 else part == wanted[0]
        return inside[np.ix_(rows - rows[0], columns - columns[0])], box

    def _steps(self) -> tuple[float, float]:
        """Image pixels under one of ``labels``, across and down."""
        return self.rect.width / self.labels.shape[1], self.rect.height / self.labels.shape[0]

    def _indices(self, rect: Rect) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which column and row of ``labels`` each column and row of *rect* lies in."""
        height, width = self.labels.shape
        # By the middle of each image pixel, in whole numbers so that no rounding puts a border elsewhere.
        columns = (2 * (np.arange(rect.x, rect.right) - self.rect.x) + 1) * width // (2 * self.rect.width)
        rows = (2 * (np.arange(rect.y, rect.bottom) - self.rect.y) + 1) * height // (2 * self.rect.height)
        return columns, rows

    def _box(self, one: int) -> Rect:
        """Image pixels that hold a superpixel."""
        if not self._boxes:
            self._boxes.update(_boxes(self.labels))
        found = self._boxes.get(one)
        if found is None:
            return EMPTY
        across, down = self._steps()
        left, top = math.floor(found.x * across), math.floor(found.y * down)
        right, bottom = math.ceil(found.right * across), math.ceil(found.bottom * down)
        return Rect(self.rect.x + left, self.rect.y + top, right - left, bottom - top).intersected(self.rect)

    def with_boxes(self) -> SuperpixelMap:
        """Itself, all boxes found: for the thread that makes it."""
        self._boxes.update(_boxes(self.labels))
        return self


def _boxes(labels: npt.NDArray[np.int32]) -> dict[int, Rect]:
    """The box of every id, in one pass over runs of equal ids."""
    height, width = labels.shape
    starts = np.ones((height, width), np.bool_)
    starts[:, 1:] = labels[:, 1:] != labels[:, :-1]
    rows, left = np.nonzero(starts)
    ids = labels[rows, left]
    right = np.append(left[1:], width)
    right[np.append(rows[1:] != rows[:-1], True)] = width
    count = int(labels.max()) + 1
    low_x, high_x = np.full(count, width), np.zeros(count, np.int64)
    low_y, high_y = np.full(count, height), np.zeros(count, np.int64)
    np.minimum.at(low_x, ids, left)
    np.maximum.at(high_x, ids, right)
    np.minimum.at(low_y, ids, rows)
    np.maximum.at(high_y, ids, rows + 1)
    return {
        one: Rect(int(low_x[one]), int(low_y[one]), int(high_x[one] - low_x[one]), int(high_y[one] - low_y[one]))
        for one in range(count)
        if high_x[one] > low_x[one]
    }
