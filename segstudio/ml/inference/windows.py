"""Overlapping windows over an axis: where they lie, how they are blended, what lies beyond the border."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect

MARGIN_PX = 32
"""Mirrored (or, around a selection, real) pixels that a window sees beyond what was asked for."""


@dataclass(frozen=True)
class Axis:
    """Windows over one axis: ``starts`` in image pixels (may be negative), each ``size_px`` long.

    ``weights[i]`` (size_px,) float32 is window i's share; over [begin, end) the shares of all windows sum to 1.
    """

    begin: int
    end: int
    size_px: int
    starts: tuple[int, ...]
    weights: tuple[npt.NDArray[np.float32], ...]

    def __len__(self) -> int:
        return len(self.starts)

    def counted(self, index: int) -> tuple[int, int]:
        """[begin, end) of window *index*, in its own pixels, outside of which its share is 0."""
        at = np.flatnonzero(self.weights[index])
        return int(at[0]), int(at[-1]) + 1

    def ramps(self, index: int) -> list[tuple[int, int]]:
        """[begin, end) of the runs of window *index*, in its own pixels, whose share is neither 0 nor 1."""
        begin, end = self.counted(index)
        whole = np.flatnonzero(self.weights[index] == 1)
        runs = [(begin, int(whole[0])), (int(whole[-1]) + 1, end)] if len(whole) else [(begin, end)]
        return [(a, b) for a, b in runs if a < b]

    def joint(self, index: int) -> int | None:
        """Where the next window begins to count, in image pixels; None after the last."""
        last = index == len(self.starts) - 1
        return None if last else self.starts[index + 1] + self.counted(index + 1)[0]

    def reach(self, index: int) -> int:
        """How many pixels of window *index* count beyond the next one's first."""
        joint = self.joint(index)
        return 0 if joint is None else max(0, self.starts[index] + self.counted(index)[1] - joint)

    def finished(self, index: int) -> tuple[int, int]:
        """[begin, end) of the pixels that are complete once window *index* is in, and were not before."""
        before, after = (self.joint(index - 1) if index else None), self.joint(index)
        begin = self.begin if before is None else min(max(self.begin, before), self.end)
        end = self.end if after is None else min(self.end, after)
        return begin, max(begin, end)


def make_axis(
    begin: int, end: int, window_px: int, overlap_px: int, stride_px: int = 32, margin_px: int = MARGIN_PX
) -> Axis:
    """Windows over [begin, end) of an image axis.

    What fits one window gets one, no longer than it must be; lengths are multiples of *stride_px* (what the network
    halves its input to). Each side gets a margin of up to *margin_px*. Where two windows overlap, a raised cosine
    blends them; the outer quarter of the overlap, where a window knows least, counts for nothing.
    """
    window = max(stride_px, math.ceil(window_px / stride_px) * stride_px)
    overlap = max(0, min(overlap_px, window // 2))
    margin = min(overlap // 2, margin_px)
    length = end - begin + 2 * margin
    if length <= window + 2 * margin:
        size = math.ceil(length / stride_px) * stride_px
        return Axis(begin, end, size, (begin - margin,), (np.ones(size, np.float32),))
    step = window - overlap
    count = math.ceil((length - overlap) / step)
    # Spread evenly: a last window moved back would do the work of its neighbour again.
    spread = [round(i * (length - window) / (count - 1)) for i in range(count)]
    starts = tuple(begin - margin + offset for offset in spread)
    return Axis(begin, end, window, starts, _shares(starts, window, overlap))


def _shares(starts: tuple[int, ...], size: int, overlap: int) -> tuple[npt.NDArray[np.float32], ...]:
    trim, ramp = overlap // 4, max(1, overlap - 2 * (overlap // 4))
    at = (np.arange(size, dtype=np.float64) - trim + 0.5) / ramp
    rise = np.where(at >= 1, 1.0, np.where(at <= 0, 0.0, 0.5 - 0.5 * np.cos(np.pi * at.clip(0, 1))))
    if not overlap:
        rise = np.ones(size)
    raw = []
    for index in range(len(starts)):
        left = rise if index else np.ones(size)
        right = rise[::-1] if index < len(starts) - 1 else np.ones(size)
        raw.append(left * right)
    total = np.zeros(starts[-1] + size - starts[0])
    for start, weight in zip(starts, raw, strict=True):
        total[start - starts[0] :][:size] += weight
    return tuple(
        (weight / total[start - starts[0] :][:size]).astype(np.float32)
        for start, weight in zip(starts, raw, strict=True)
    )


def reflected(begin: int, end: int, length: int) -> npt.NDArray[np.intp]:
    """Indices of an axis of *length* for positions [begin, end), mirrored at both borders (the border not doubled)."""
    if length == 1:
        return np.zeros(end - begin, np.intp)
    period = 2 * (length - 1)
    at = np.mod(np.arange(begin, end), period)
    return np.where(at < length, at, period - at).astype(np.intp)


def disjoint(rects: list[Rect]) -> list[Rect]:
    """Rectangles that cover the same pixels as *rects*, each once."""
    done: list[Rect] = []
    for rect in rects:
        parts = [] if rect.is_empty else [rect]
        for other in done[:]:
            parts = [piece for part in parts for piece in _without(part, other)]
        done += parts
    return done


def _without(rect: Rect, hole: Rect) -> list[Rect]:
    cut = rect.intersected(hole)
    if cut.is_empty:
        return [rect]
    pieces = [
        Rect(rect.x, rect.y, rect.width, cut.y - rect.y),
        Rect(rect.x, cut.bottom, rect.width, rect.bottom - cut.bottom),
        Rect(rect.x, cut.y, cut.x - rect.x, cut.height),
        Rect(cut.right, cut.y, rect.right - cut.right, cut.height),
    ]
    return [piece for piece in pieces if not piece.is_empty]
