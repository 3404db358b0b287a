"""Logits of an image of any size, blended from windows, a band of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.ml.inference.devices import first_batch, free_cached, is_out_of_memory
from segstudio.ml.inference.windows import Axis, make_axis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import Segmenter
    from segstudio.ml.inference.sources import Source


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
    """Runs batches of windows; halves the batch when memory runs out, and goes over to the CPU at last."""

    def __init__(self, segmenter: Segmenter, counter: WindowCounter, cancel: Cancel = NEVER) -> None:
        self.segmenter, self.counter, self.cancel = segmenter, counter, cancel
        self.batch = first_batch(segmenter.device)

    def logits(self, windows: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> torch.Tensor:
        """(N, K, h, w) float32 logits of windows (C, h, w), N at most :attr:`batch` at a time, on the CPU or a device.

        Raises
        ------
        UserError
            When one window does not fit the memory of the CPU, or the network's answer has another shape.
        Cancelled
            When the cancel flag was set.
        """
        done: list[torch.Tensor] = []
        at = 0
        while at < len(windows):
            check(self.cancel)
            part = np.stack(windows[at : at + self.batch])
            try:
                answer = self.segmenter.predict(torch.from_numpy(part))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                problem = error
            else:
                self._check_shape(answer, part)
                done.append(answer)
                at += len(part)
                continue
            self._shrink(problem)
            done = [piece.to(self.segmenter.device) for piece in done]
        return done[0] if len(done) == 1 else torch.cat(done)

    def _check_shape(self, answer: torch.Tensor, part: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        card = self.segmenter.card
        wanted = (len(part), len(card.classes), *part.shape[2:])
        if tuple(answer.shape) != wanted:
            raise UserError(
                f"the model {card.id} answers with {tuple(answer.shape)} where its card promises {wanted}",
                remedy="choose another model",
            )

    def _shrink(self, error: BaseException) -> None:
        device = self.segmenter.device
        # The traceback keeps the failed forward's tensors alive.
        error.__traceback__ = None
        free_cached(device)
        if self.batch > 1:
            self.batch //= 2
            self.counter.say(f"Out of memory on {device}: {self.batch} windows at a time")
        elif device != "cpu":
            self.segmenter.to("cpu")
            free_cached(device)
            self.batch = 1
            self.counter.say(f"Out of memory on {device}: going on with the CPU")
        else:
            raise UserError(
                "there is not enough memory for one window", remedy="choose smaller windows (tiles), or a smaller model"
            ) from error


def axes_of(region: Rect, window_px: int, overlap_px: int, stride_px: int) -> tuple[Axis, Axis]:
    """(rows, columns) of the windows over *region*."""
    return (
        make_axis(region.y, region.bottom, window_px, overlap_px, stride_px),
        make_axis(region.x, region.right, window_px, overlap_px, stride_px),
    )


def blended_logits(
    predictor: Predictor, source: Source, rows: Axis, columns: Axis
) -> Iterator[tuple[Rect, torch.Tensor]]:
    """Finished pieces (rectangle, (K, h, w) float32 logits): disjoint, together the whole region.

    Holds one band of rows, as high as a window. Pieces come as soon as no further window touches them.
    """
    left = columns.starts[0]
    width = columns.starts[-1] + columns.size_px - left
    classes = len(predictor.segmenter.card.classes)
    band: torch.Tensor | None = None
    for row, y in enumerate(rows.starts):
        if band is not None:
            band = _moved_up(band, y - rows.starts[row - 1])
        column = 0
        while column < len(columns):
            chosen = range(column, min(column + predictor.batch, len(columns)))
            rects = [Rect(columns.starts[i], y, columns.size_px, rows.size_px) for i in chosen]
            logits = predictor.logits([source.window(rect) for rect in rects])
            if band is None:
                band = torch.zeros((classes, rows.size_px, width), device=logits.device)
            elif band.device != logits.device:
                band = band.to(logits.device)
            for i, answer in zip(chosen, logits, strict=True):
                x = columns.starts[i] - left
                share_y = torch.from_numpy(rows.weights[row]).to(band.device)[:, None]
                share_x = torch.from_numpy(columns.weights[i]).to(band.device)[None, :]
                band[:, :, x : x + columns.size_px].addcmul_(answer, share_y * share_x)
            predictor.counter.add(len(rects))
            top, bottom = rows.finished(row)
            for i in chosen:
                begin, end = columns.finished(i)
                piece = Rect(begin, top, end - begin, bottom - top)
                if not piece.is_empty:
                    yield piece, band[:, top - y : bottom - y, begin - left : end - left]
            column = chosen.stop


def _moved_up(band: torch.Tensor, by_px: int) -> torch.Tensor:
    kept = band.shape[1] - by_px
    if kept > 0:
        # clone: the two parts overlap where windows overlap by more than half.
        band[:, :kept] = band[:, by_px:].clone()
        band[:, kept:] = 0
    else:
        band.zero_()
    return band
