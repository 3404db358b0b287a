"""Refines a model's own probabilities, as they come: row by row, so that memory does not grow with the image's height."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from segstudio.core.cancel import NEVER, check
from segstudio.core.geometry import Rect
from segstudio.ml.inference.windows import disjoint
from segstudio.ml.refine.guide import Guide
from segstudio.ml.refine.run import PIECE_PX, Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.ml.inference.sources import Reader
    from segstudio.ml.refine.table import Refinement

    Logits = Callable[[Sequence[Rect] | None], Iterable[tuple[Rect, torch.Tensor]]]

LEAST_PROBABILITY = 0.01
"""A class that reaches less nowhere in a piece takes no part there: most of eighty classes never do."""
NEVER_LOGIT = -16.0
"""The logarithm of the probability that such a class gets."""


def refined_logits(
    logits: Logits,
    reader: Reader,
    refinement: Refinement,
    *,
    z: int = 0,
    rects: Sequence[Rect] | None = None,
    device: str = "cpu",
    cancel: Cancel = NEVER,
) -> Iterator[tuple[Rect, torch.Tensor]]:
    """Finished pieces (rectangle, (K, h, w) float32 log-probabilities), disjoint, row by row.

    *logits* gives those of a model for some rectangles, as :func:`segstudio.ml.inference.run.semantic_logits` does: disjoint
    pieces whose upper rims never go up again. A selection is refined by what lies in it.

    Raises
    ------
    Cancelled
        When *cancel* is set.
    """
    guide = Guide(reader, z)
    engine = Engine(refinement, device, cancel)
    whole = Rect(0, 0, guide.width, guide.height)
    for region in disjoint([rect.intersected(whole) for rect in (rects or [whole])]):
        band = _Band(region, engine.margin_px)
        for rect, values in logits(None if rects is None else [region]):
            band.add(rect, values)
            yield from _finished(band, guide, engine, rect.y)
        yield from _finished(band, guide, engine, region.bottom)


class _Band:
    """Rows of probabilities (K, rows, width) float16 that are still needed; ``top`` is the first row kept."""

    def __init__(self, region: Rect, margin_px: int) -> None:
        self.region, self.margin_px = region, margin_px
        self.top = self.next_y = region.y
        self.values: npt.NDArray[np.float16] | None = None

    def add(self, rect: Rect, logits: torch.Tensor) -> None:
        """Keep a finished piece of the model's answer."""
        with torch.inference_mode():
            found = torch.softmax(logits.float(), 0).half().cpu().numpy()
        values = self.values
        if values is None:
            values = np.zeros((len(found), 0, self.region.width), np.float16)
        missing = rect.bottom - self.top - values.shape[1]
        if missing > 0:
            more = np.zeros((values.shape[0], missing, values.shape[2]), np.float16)
            values = np.concatenate([values, more], axis=1)
        values[(slice(None), *rect.moved(-self.region.x, -self.top).slices)] = found
        self.values = values

    def drop_above(self, y: int) -> None:
        """Forget the rows above *y*."""
        if self.values is not None and y > self.top:
            self.values = self.values[:, y - self.top :].copy()
            self.top = y


def _finished(band: _Band, guide: Guide, engine: Engine, done_y: int) -> Iterator[tuple[Rect, torch.Tensor]]:
    """Every row of pieces whose lower margin is there; rows above *done_y* no longer change."""
    region = band.region
    while band.next_y < region.bottom:
        bottom = min(region.bottom, (band.next_y // PIECE_PX + 1) * PIECE_PX)
        if done_y < min(region.bottom, bottom + engine.margin_px):
            return
        x = region.x
        while x < region.right:
            right = min(region.right, (x // PIECE_PX + 1) * PIECE_PX)
            check(engine.cancel)
            piece = Rect(x, band.next_y, right - x, bottom - band.next_y)
            yield piece, _refined(band, guide, engine, piece)
            x = right
        band.next_y = bottom
        band.drop_above(max(region.y, bottom - engine.margin_px))


def _refined(band: _Band, guide: Guide, engine: Engine, piece: Rect) -> torch.Tensor:
    assert band.values is not None
    outer = piece.expanded(engine.margin_px).intersected(band.region)
    given = band.values[(slice(None), *outer.moved(-band.region.x, -band.top).slices)].astype(np.float32)
    inner = (slice(None), *piece.moved(-outer.x, -outer.y).slices)
    taking_part = np.flatnonzero(given.max(axis=(1, 2)) >= LEAST_PROBABILITY)
    beliefs = given
    if len(taking_part) > 1:
        image, valid = guide.read(outer)
        beliefs = np.zeros_like(given)
        beliefs[taking_part] = engine(given[taking_part], image, valid)
    found = torch.from_numpy(np.ascontiguousarray(beliefs[inner]))
    return found.log().clamp_(min=NEVER_LOGIT)
