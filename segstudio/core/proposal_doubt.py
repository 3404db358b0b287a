"""Where a proposal's model was unsure, also where it proposes nothing: summed up while the answer comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.looks import cell_size

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.geometry import Rect

    Cells = npt.NDArray[np.uint8]

_SURE = 255.0
_LEAST_WEIGHT = 1 / 3
"""Of the rarest class's: however much background there is, a place where all of it is unsure is still gone to."""


def _doubt_table() -> npt.NDArray[np.float32]:
    """(256,) how unsure a confidence of so many 255ths is: the entropy in bits of a coin that falls so, 1 below a half."""
    chance = np.maximum(np.arange(256) / _SURE, 0.5)
    other = 1 - chance
    logs = np.log2(chance), np.log2(np.where(other > 0, other, 1.0))
    table: npt.NDArray[np.float32] = (-chance * logs[0] - other * logs[1]).astype(np.float32)
    return table


DOUBT_OF = _doubt_table()


class ProposedDoubt:
    """A map of uncertainty from the windows of an answer; they may have any cut, and must not overlap.

    Only the likeliest class of a pixel and its confidence are known. The uncertainty is that of this class against all others;
    summed up for each class apart, so that :meth:`cells` can count a rare class for more. Memory: 4 bytes a cell for each
    class that occurs, whatever the size of the image.
    """

    def __init__(self, width: int, height: int, planes: int) -> None:
        self.cell_px = cell_size(width, height, planes)
        self._shape = (planes, -(-height // self.cell_px), -(-width // self.cell_px))
        self._pixels = np.zeros(self._shape, np.float32)
        self._doubt: dict[int, npt.NDArray[np.float32]] = {}
        self._taken: dict[int, int] = {}

    def add(self, z: int, rect: Rect, class_index: npt.NDArray[np.integer], confidence: npt.NDArray[np.uint8]) -> None:
        """A window of plane *z*: (h, w) class indices of the model, (h, w) uint8 confidences."""
        (rows, row), (columns, column) = self._cells(rect.y, rect.bottom), self._cells(rect.x, rect.right)
        height, width = int(row[-1]) + 1, int(column[-1]) + 1
        self._pixels[z, rows, columns] += np.outer(np.bincount(row), np.bincount(column))
        counts = np.bincount(class_index.ravel())
        # One pass for all classes: this is done in the thread that draws, while an answer comes in.
        places = (row * width)[:, None] + column
        if len(counts) > 1:
            places = places + class_index.astype(np.intp) * (height * width)
        found = np.bincount(places.ravel(), DOUBT_OF[confidence].ravel(), len(counts) * height * width)
        for index in np.flatnonzero(counts).tolist():
            if index not in self._doubt:
                self._doubt[index] = np.zeros(self._shape, np.float32)
            part = found[index * height * width : (index + 1) * height * width]
            self._doubt[index][z, rows, columns] += part.reshape(height, width)
            self._taken[index] = self._taken.get(index, 0) + int(counts[index])

    def _cells(self, begin: int, end: int) -> tuple[slice, npt.NDArray[np.intp]]:
        """The cells that *begin* … *end* touches, and for each pixel which of them it lies in."""
        first, last = begin // self.cell_px, (end - 1) // self.cell_px
        return slice(first, last + 1), np.arange(begin, end) // self.cell_px - first

    def cells(self) -> tuple[Cells, npt.NDArray[np.bool_]]:
        """((z, row, column) uint8, where there was an answer): the mean uncertainty of squares of ``cell_px``.

        Balanced: a pixel taken for a class counts by the inverse square root of that class's share of all pixels, 1 for the
        rarest, a third at least.
        """
        covered = self._pixels > 0
        total = np.zeros(self._shape, np.float32)
        if self._taken:
            pixels = sum(self._taken.values())
            share = np.array([count / pixels for count in self._taken.values()])
            weights = np.maximum(np.sqrt(share.min() / share), _LEAST_WEIGHT)
            for doubt, weight in zip((self._doubt[index] for index in self._taken), weights, strict=True):
                total += doubt * np.float32(weight)
        return np.rint(255 * total / np.maximum(self._pixels, 1)).clip(0, 255).astype(np.uint8), covered


def merged(before: tuple[Cells, int] | None, cells: Cells, covered: npt.NDArray[np.bool_], cell_px: int) -> Cells:
    """*cells* where they are *covered*, elsewhere what was known *before*, if that was cut alike."""
    if before is None or before[1] != cell_px or before[0].shape != cells.shape:
        return cells
    found: Cells = np.where(covered, cells, before[0])
    return found
