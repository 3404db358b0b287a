"""Logits of an image of any size, blended from windows, a band of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.ml.inference.blending import Blender, strips
from segstudio.ml.inference.devices import is_out_of_memory
from segstudio.ml.inference.ladder import ladder_of
from segstudio.ml.inference.sources import ArraySource
from segstudio.ml.inference.windows import MARGIN_PX, Axis, make_axis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import Segmenter
    from segstudio.ml.inference.sources import Source


Window = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
SMALLEST_WINDOW_PX = 128
"""Windows are not made smaller than this for want of memory: a network would see too little."""
SMALLEST_OF_VOLUME_PX = 32


class WindowCounter:
    """Counts windows over several regions and images, for the progress bar."""

    def __init__(self, total: int, sink: ProgressSink = no_progress, what: str = "Proposing") -> None:
        self.done, self.total, self._sink, self.what = 0, total, sink, what

    def add(self, windows: int) -> None:
        """*windows* more are done."""
        self.done += windows
        self._sink(self.done, self.total, self.what)

    def say(self, what: str) -> None:
        """From now on the text is *what*."""
        self.what = what
        self._sink(self.done, self.total, what)


class Predictor:
    """Runs batches of windows. When memory runs out it halves the batch, then the windows, computes in bfloat16, and goes over to
    the CPU at last (:mod:`segstudio.ml.inference.ladder`).
    """

    def __init__(self, segmenter: Segmenter, counter: WindowCounter, cancel: Cancel = NEVER, planes: int = 1) -> None:
        self.segmenter, self.counter, self.cancel = segmenter, counter, cancel
        self.ladder = ladder_of(segmenter, planes)
        self.channels = len(segmenter.card.classes) * planes
        """Numbers of an answer for each pixel: its classes, for each plane of a window."""
        self.smallest_px = SMALLEST_WINDOW_PX if planes == 1 else SMALLEST_OF_VOLUME_PX

    @property
    def batch(self) -> int:
        """So many windows are answered at a time."""
        return self.ladder.batch

    @property
    def limit_px(self) -> int:
        """Windows longer than this are answered in parts; 0: none is."""
        return self.ladder.limit_px

    def logits(self, windows: list[Window]) -> torch.Tensor:
        """(N, K, h, w) float32 logits of windows (C, h, w), N at most :attr:`batch` at a time, on the CPU or a device.

        Windows (C, d, h, w) of a volume have answers (N, K·d, h, w): blending then is the same for both.

        Raises
        ------
        UserError
            When the smallest window does not fit the memory of the CPU, or the network's answer has another shape.
        Cancelled
            When the cancel flag was set.
        """
        done: list[torch.Tensor] = []
        at = 0
        if windows:
            self.ladder.plan(self.segmenter.card, windows[0].shape, self.segmenter.device)
        while at < len(windows):
            check(self.cancel)
            if self.limit_px and max(windows[at].shape[-2:]) > self.limit_px:
                done.append(self._in_parts(windows[at]))
                at += 1
                continue
            part = np.stack(windows[at : at + self.batch])
            try:
                with self.ladder.computing(self.segmenter.device):
                    answer = self.segmenter.predict(torch.from_numpy(part)).float()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                problem = error
            else:
                self._check_shape(answer, part)
                done.append(answer.flatten(1, -3))
                at += len(part)
                continue
            said = self.ladder.down(self.segmenter, max(part.shape[-2:]), self.smallest_px, problem)
            self.counter.say(said)
        return done[0] if len(done) == 1 else torch.cat([piece.to(done[-1].device) for piece in done])

    def _in_parts(self, window: Window) -> torch.Tensor:
        """(1, K, h, w) logits of one window, blended from smaller ones, in the memory of the system."""
        card = self.segmenter.card
        height, width = window.shape[-2:]
        overlap = min(card.overlap_px, self.limit_px // 2)
        rows, columns = axes_of(Rect(0, 0, width, height), self.limit_px, overlap, card.stride_px, margin_px=0)
        whole = torch.empty((1, self.channels, height, width))
        for rect, logits in blended_logits(self, ArraySource(window), rows, columns, is_counted=False):
            whole[0, :, rect.y : rect.bottom, rect.x : rect.right] = logits
        return whole

    def _check_shape(self, answer: torch.Tensor, part: Window) -> None:
        card = self.segmenter.card
        wanted = (len(part), len(card.classes), *part.shape[2:])
        if tuple(answer.shape) != wanted:
            raise UserError(
                f"the model {card.id} answers with {tuple(answer.shape)} where its card promises {wanted}",
                remedy="choose another model",
            )


def axes_of(
    region: Rect, window_px: int, overlap_px: int, stride_px: int, margin_px: int = MARGIN_PX
) -> tuple[Axis, Axis]:
    """(rows, columns) of the windows over *region*, which see up to *margin_px* beyond it."""
    return (
        make_axis(region.y, region.bottom, window_px, overlap_px, stride_px, margin_px),
        make_axis(region.x, region.right, window_px, overlap_px, stride_px, margin_px),
    )


def blended_logits(
    predictor: Predictor,
    source: Source,
    rows: Axis,
    columns: Axis,
    *,
    is_counted: bool = True,
    band: range | None = None,
) -> Iterator[tuple[Rect, torch.Tensor]]:
    """Finished pieces (rectangle, (K, h, w) float32 logits; (K·d, h, w) of a volume): disjoint, together the whole region.

    Pieces come as soon as no further window touches them; of a row of windows only the overlap with the next is held.
    *is_counted*: the predictor's counter is told of each window. *band*: the pieces of these rows of windows only.
    """
    wanted = range(len(rows)) if band is None else band
    # Rows above that overlap the band are computed, and left out.
    begin = wanted.start
    while begin and rows.starts[begin - 1] + rows.counted(begin - 1)[1] > rows.finished(wanted.start)[0]:
        begin -= 1
    depth = max(rows.reach(row) for row in range(len(rows)))
    for strip in strips(columns, depth, predictor.channels):
        blender = Blender(rows, columns, strip)
        for row in range(begin, wanted.stop):
            pieces = _blended_row(predictor, source, blender, row, strip, is_counted)
            yield from (piece for piece in pieces if row >= wanted.start)


def _blended_row(
    predictor: Predictor, source: Source, blender: Blender, row: int, strip: range, is_counted: bool
) -> Iterator[tuple[Rect, torch.Tensor]]:
    rows, columns = blender.rows, blender.columns
    column = strip.start
    while column < strip.stop:
        chosen = range(column, min(column + predictor.batch, strip.stop))
        rects = [Rect(columns.starts[i], rows.starts[row], columns.size_px, rows.size_px) for i in chosen]
        answers = predictor.logits([source.window(rect) for rect in rects])
        # The strip on the left gave this window's piece.
        is_repeated = column == strip.start > 0
        if is_counted:
            predictor.counter.add(len(rects) - is_repeated)
        for i, answer in zip(chosen, answers, strict=True):
            if is_repeated and i == strip.start:
                blender.skip_to(row, i, answer)
                continue
            piece, logits = blender.add(row, i, answer)
            if not piece.is_empty:
                yield piece, logits
        column = chosen.stop
