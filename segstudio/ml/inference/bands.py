"""Bands of an image's rows of windows, which several processes predict: together what one would have found, to the last bit."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.ml.inference.engine import Predictor, WindowCounter, axes_of, blended_logits
from segstudio.ml.inference.run import window_result
from segstudio.ml.inference.sources import ReaderSource, working_size

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.ml.api import AnySegmenter, Segmenter
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.inference.windows import Axis

BAND_ROWS = 6
"""Rows of windows in a band. The row above is computed for its overlap, too: one in seven more work."""


def bands_of(segmenter: AnySegmenter, image: Path, window_px: int | None, overlap_px: int | None) -> list[range]:
    """The bands of a large flat image for a semantic model; [] for what is done as one."""
    from segstudio.io.readers.registry import open_image

    card = segmenter.card
    if card.task != "semantic" or card.window_depth or card.slices > 1:
        return []
    with closing(open_image(image)) as reader:
        info = reader.info
    if info.depth > 1 or working_size(card, info.width, info.height) != (info.width, info.height):
        return []
    rows, _ = _axes(card, info.width, info.height, window_px, overlap_px)
    if len(rows) < 2 * BAND_ROWS:
        return []
    return [range(first, min(first + BAND_ROWS, len(rows))) for first in range(0, len(rows), BAND_ROWS)]


def band_classes(
    segmenter: Segmenter, image: Path, band: range, window_px: int | None, overlap_px: int | None
) -> tuple[int, npt.NDArray[Any]]:
    """(first row, (h, width) class indices) of one *band* of an image."""
    from segstudio.io.readers.registry import open_image

    card = segmenter.card
    with closing(open_image(image)) as reader:
        info = reader.info
        rows, columns = _axes(card, info.width, info.height, window_px, overlap_px)
        top, bottom = rows.finished(band[0])[0], rows.finished(band[-1])[1]
        found = np.zeros((bottom - top, info.width), np.uint8 if len(card.classes) <= 256 else np.uint16)
        predictor = Predictor(segmenter, WindowCounter(0))
        for rect, logits in blended_logits(predictor, ReaderSource(reader, card, 0), rows, columns, band=band):
            piece = Rect(rect.x, rect.y - top, rect.width, rect.height)
            found[piece.slices] = window_result(rect, logits).class_index
    return top, found


def _axes(card: ModelCard, width: int, height: int, window_px: int | None, overlap_px: int | None) -> tuple[Axis, Axis]:
    overlap = card.overlap_px if overlap_px is None else overlap_px
    return axes_of(Rect(0, 0, width, height), window_px or card.window_px, overlap, card.stride_px)
