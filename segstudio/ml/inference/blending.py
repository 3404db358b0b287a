"""Windows put together: what overlaps is held until its neighbours are in, the rest goes on at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch

from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from segstudio.ml.inference.windows import Axis

HELD_BYTES = 1 << 28
"""What one row of windows may leave behind for the next; wider images are gone through in strips."""

LEAST_DIFFERENCE = -80.0
"""Logits so far below the best count as this: e⁻⁸⁰ adds nothing to a sum in float32."""


class Blender:
    """Takes the answers of a grid of windows row by row, gives finished pieces.

    Holds the overlap with the row above, (K, overlap, width), and that with the window on the left: memory grows neither with
    the image's height nor, thanks to :func:`strips`, beyond a bound with its width.
    """

    def __init__(self, rows: Axis, columns: Axis, strip: range | None = None) -> None:
        self.rows, self.columns = rows, columns
        strip = range(len(columns)) if strip is None else strip
        self._x = columns.starts[strip[0]]
        self._width = columns.starts[strip[-1]] + columns.size_px - self._x
        self._above: torch.Tensor | None = None
        self._left: torch.Tensor | None = None
        self._buffer: npt.NDArray[np.float32] | None = None

    @torch.no_grad()
    def add(self, row: int, column: int, answer: torch.Tensor) -> tuple[Rect, torch.Tensor]:
        """The piece that window (*row*, *column*), (K, h, w) logits, completes, and where it lies (possibly empty)."""
        part, rect = self._weighed(row, column, answer)
        if column and self._left is not None:
            part[:, :, : self._left.shape[2]] += self._left.to(part.device)
        x = self.columns.joint(column)
        self._left = None if x is None else part[:, :, x - rect.x :].clone()
        part = part if x is None else part[:, :, : x - rect.x]
        self._pass_down(row, part, rect)
        top, bottom = self.rows.finished(row)
        begin, end = self.columns.finished(column)
        piece = part[:, top - rect.y : bottom - rect.y, begin - rect.x : end - rect.x]
        return Rect(begin, top, end - begin, bottom - top), piece

    def skip_to(self, row: int, column: int, answer: torch.Tensor) -> None:
        """Take of a window, whose own piece another strip gives, what its right neighbour needs."""
        part, rect = self._weighed(row, column, answer)
        x = self.columns.joint(column)
        self._left = None if x is None else part[:, :, x - rect.x :].clone()

    @torch.no_grad()
    def _weighed(self, row: int, column: int, answer: torch.Tensor) -> tuple[torch.Tensor, Rect]:
        """A copy of the part of an answer that counts, by its shares, and where it lies."""
        top, bottom = self.rows.counted(row)
        left, right = self.columns.counted(column)
        part = self._planes(answer[:, top:bottom])[:, :, left:right]
        for begin, end in self.rows.ramps(row):
            share = torch.from_numpy(self.rows.weights[row][begin:end]).to(part.device)
            part[:, begin - top : end - top] *= share[:, None]
        for begin, end in self.columns.ramps(column):
            share = torch.from_numpy(self.columns.weights[column][begin:end]).to(part.device)
            part[:, :, begin - left : end - left] *= share
        return part, Rect(self.columns.starts[column] + left, self.rows.starts[row] + top, right - left, bottom - top)

    def _planes(self, answer: torch.Tensor) -> torch.Tensor:
        """A copy of (K, h, w) with each class's plane in one piece: what is done next is many times faster so."""
        if answer.device.type != "cpu" or answer.dtype != torch.float32:
            return answer.clone(memory_format=torch.contiguous_format)
        # One buffer for all windows: memory fresh from the system costs as much as the copy.
        if self._buffer is None or self._buffer.shape != answer.shape:
            self._buffer = np.empty(tuple(answer.shape), np.float32)
        copy = torch.from_numpy(self._buffer)
        pixels = answer.permute(1, 2, 0)
        if answer.shape[0] > 1 and pixels.is_contiguous():
            # OpenCV's transposition takes a quarter of the time of torch's.
            matrix = pixels.reshape(-1, answer.shape[0]).numpy()
            cv2.transpose(matrix, dst=self._buffer.reshape(answer.shape[0], -1))
            return copy
        return copy.copy_(answer)

    def _pass_down(self, row: int, part: torch.Tensor, rect: Rect) -> None:
        """Add what the row above left here to *part*, and leave for the row below what it shares with it."""
        at = rect.x - self._x
        columns = slice(at, at + part.shape[2])
        above = self._above
        if above is not None:
            if above.device != part.device:
                above = self._above = above.to(part.device)
            depth = self.rows.reach(row - 1) if row else 0
            part[:, :depth] += above[:, :depth, columns]
        y = self.rows.joint(row)
        if y is None:
            return
        if above is None:
            depth = max(self.rows.reach(i) for i in range(len(self.rows)))
            above = self._above = part.new_empty((part.shape[0], depth, self._width))
        above[:, : self.rows.reach(row), columns] = part[:, y - rect.y :]


def strips(columns: Axis, depth_px: int, classes: int) -> list[range]:
    """The windows of *columns* by strips whose overlap with the next row, *depth_px* high, stays below ``HELD_BYTES``.

    Neighbouring strips share a window: the later one computes it again for its overlap.
    """
    widest = HELD_BYTES // max(1, 4 * classes * depth_px)
    step = max(1, columns.starts[1] - columns.starts[0]) if len(columns) > 1 else 1
    count = max(2, (widest - columns.size_px) // step)
    if len(columns) <= count + 1:
        return [range(len(columns))]
    return [range(first, min(first + count + 1, len(columns))) for first in range(0, len(columns) - 1, count)]


@torch.no_grad()
def likeliest(
    logits: torch.Tensor,
) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.uint16], npt.NDArray[np.float32]]:
    """(class index (h, w), uint8 up to 256 classes, else uint16; its softmax (h, w)) of (K, h, w) logits; the first of equals."""
    classes = logits.shape[0]
    if logits.device.type != "cpu" or classes > 256 or logits.dtype != torch.float32:
        best, index = logits.max(dim=0)
        whole = index.cpu().numpy()
        # The likeliest class's exponential is 1, so its softmax is 1 / total.
        chance: npt.NDArray[np.float32] = (logits - best).exp_().sum(dim=0).reciprocal_().float().cpu().numpy()
        return whole.astype(np.uint8) if classes <= 256 else whole.astype(np.uint16), chance
    return _likeliest_on_cpu(logits.numpy())


def _likeliest_on_cpu(
    planes: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    # Class by class in OpenCV: of 21 classes the index takes a sixteenth of the time of torch's maximum, the softmax half.
    best = planes[0].copy()
    found = np.zeros(best.shape, np.uint8)
    is_better, share, total = np.empty_like(found), np.empty_like(best), np.zeros_like(best)
    for number in range(1, len(planes)):
        cv2.compare(planes[number], best, cv2.CMP_GT, dst=is_better)
        cv2.max(planes[number], best, dst=best)
        cv2.bitwise_and(is_better, number, dst=is_better)
        cv2.max(found, is_better, dst=found)
    for plane in planes:
        cv2.subtract(plane, best, dst=share)
        # Beyond that the exponentials are denormal numbers, which take ten times as long.
        cv2.max(share, LEAST_DIFFERENCE, dst=share)
        cv2.exp(share, dst=share)
        cv2.add(total, share, dst=total)
    return found, np.float32(1) / total
