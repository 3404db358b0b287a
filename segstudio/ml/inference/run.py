"""Proposals for one image: window, model host and command line all come here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from segstudio.core.cancel import NEVER, check
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.ml.api import ObjectResult, WindowResult
from segstudio.ml.inference.blending import likeliest
from segstudio.ml.inference.engine import Predictor, WindowCounter, axes_of, blended_logits
from segstudio.ml.inference.objects import find_objects, views_of
from segstudio.ml.inference.slices import seen_by
from segstudio.ml.inference.sources import ArraySource, ReaderSource, resampled, working_size
from segstudio.ml.inference.windows import disjoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import AnySegmenter, InstanceSegmenter, Segmenter
    from segstudio.ml.inference.sources import Reader
    from segstudio.ml.refine.table import Refinement

__all__ = ["ObjectResult", "WindowResult", "propose", "semantic_logits"]

PIECE_PX = 512
"""Side of the pieces that an answer at working scale is brought back to the image's size in."""


def propose(
    segmenter: AnySegmenter,
    reader: Reader,
    *,
    z: int = 0,
    rects: Sequence[Rect] | None = None,
    window_px: int | None = None,
    overlap_px: int | None = None,
    refinement: Refinement | None = None,
    watch: Callable[[Rect, torch.Tensor], None] | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Iterator[WindowResult | ObjectResult]:
    """What the model finds in an image, or in *rects* of it, piece by piece as it is finished.

    A semantic model gives :class:`WindowResult`, which never overlap and together cover what was asked; a model of
    objects :class:`ObjectResult`, best first. *window_px* and *overlap_px* replace the card's. Memory does not grow
    with the image's height. A model for volumes sees the planes around *z*; for more than one plane ask
    :func:`segstudio.ml.inference.volumes.propose_planes`, which looks at each once.

    A *refinement* works on the probabilities of a semantic model, before the likeliest class is taken; other models have none,
    and their answer is refined once it is there (:mod:`segstudio.ml.refine.run`).

    Raises
    ------
    UserError
        When memory does not suffice for one window, the image lacks bands, or it cannot be read.
    Cancelled
        When the cancel flag was set; within a second.
    """
    if segmenter.card.task == "classic":
        yield from segmenter.propose(reader, z=z, rects=rects, progress=progress, cancel=cancel)  # type: ignore[union-attr]
        return
    if segmenter.card.task == "instance":
        yield from _objects(segmenter, reader, z, rects, window_px, overlap_px, progress, cancel)  # type: ignore[arg-type]
        return
    if segmenter.card.window_depth:
        from segstudio.ml.inference.volumes import propose_planes

        for _, found in propose_planes(
            segmenter, reader, (z,), rects=rects, window_px=window_px, overlap_px=overlap_px, refinement=refinement,
            progress=progress, cancel=cancel,
        ):  # fmt: skip
            yield found
        return
    pieces = semantic_logits(
        segmenter,  # type: ignore[arg-type]
        reader,
        z=z,
        rects=rects,
        window_px=window_px,
        overlap_px=overlap_px,
        refinement=refinement,
        progress=progress,
        cancel=cancel,
    )
    for rect, logits in pieces:
        if watch is not None:
            watch(rect, logits)
        yield window_result(rect, logits)


def window_result(rect: Rect, logits: torch.Tensor) -> WindowResult:
    """The likeliest class of each pixel of (K, h, w) logits, and how sure it is."""
    class_index, chance = likeliest(logits)
    return WindowResult(rect, class_index, (255.0 * chance + 0.5).astype(np.uint8))


def semantic_logits(
    segmenter: Segmenter,
    reader: Reader,
    *,
    z: int = 0,
    rects: Sequence[Rect] | None = None,
    window_px: int | None = None,
    overlap_px: int | None = None,
    refinement: Refinement | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Iterator[tuple[Rect, torch.Tensor]]:
    """Finished pieces (rectangle, (K, h, w) float32 logits), disjoint; read each before asking for the next.

    Arguments and errors as :func:`propose`.
    """
    if refinement is not None:
        from segstudio.ml.refine.probabilities import refined_logits

        def unrefined(some: Sequence[Rect] | None) -> Iterator[tuple[Rect, torch.Tensor]]:
            return semantic_logits(
                segmenter, reader, z=z, rects=some, window_px=window_px, overlap_px=overlap_px, progress=progress,
                cancel=cancel,
            )  # fmt: skip

        device = segmenter.device
        yield from refined_logits(unrefined, reader, refinement, z=z, rects=rects, device=device, cancel=cancel)
        return
    card = segmenter.card
    check_image = getattr(segmenter, "check_image", None)
    if check_image is not None:
        check_image(reader.info)
    if card.window_depth:
        from segstudio.ml.inference.volumes import volume_logits

        for first, rect, logits in volume_logits(
            segmenter, reader, (z,), rects=rects, window_px=window_px, overlap_px=overlap_px, progress=progress, cancel=cancel
        ):  # fmt: skip
            if first <= z < first + logits.shape[1]:
                yield rect, logits[:, z - first]
        return
    reader = seen_by(reader, card)
    window, overlap = window_px or card.window_px, card.overlap_px if overlap_px is None else overlap_px
    source = ReaderSource(reader, card, z)
    regions = _regions(rects, source)
    size = working_size(card, source.width, source.height)
    with Cancelling(segmenter, cancel):
        if size != (source.width, source.height):
            yield from _at_working_scale(segmenter, source, size, regions, window, overlap, progress, cancel)
            return
        grids = [axes_of(region, window, overlap, card.stride_px) for region in regions]
        counter = WindowCounter(sum(len(rows) * len(columns) for rows, columns in grids), progress)
        counter.add(0)
        predictor = Predictor(segmenter, counter, cancel)
        for rows, columns in grids:
            yield from blended_logits(predictor, source, rows, columns)


def _at_working_scale(
    segmenter: Segmenter,
    source: ReaderSource,
    size: tuple[int, int],
    regions: list[Rect],
    window_px: int,
    overlap_px: int,
    progress: ProgressSink,
    cancel: Cancel,
) -> Iterator[tuple[Rect, torch.Tensor]]:
    """The image made as big as the card wants it, all at once (that is small), and the logits brought back."""
    width, height = size
    rows, columns = axes_of(Rect(0, 0, width, height), window_px, overlap_px, segmenter.card.stride_px)
    counter = WindowCounter(len(rows) * len(columns), progress)
    counter.add(0)
    small = ArraySource(resampled(source, width, height, cancel=cancel))
    whole = torch.zeros((len(segmenter.card.classes), height, width))
    for rect, logits in blended_logits(Predictor(segmenter, counter, cancel), small, rows, columns):
        whole[:, rect.y : rect.bottom, rect.x : rect.right] = logits.cpu()
    for region in regions:
        for y in range(region.y, region.bottom, PIECE_PX):
            for x in range(region.x, region.right, PIECE_PX):
                check(cancel)
                piece = Rect(x, y, PIECE_PX, PIECE_PX).intersected(region)
                yield piece, enlarged(whole, piece, source.width, source.height)


def enlarged(small: torch.Tensor, rect: Rect, width: int, height: int) -> torch.Tensor:
    """*rect* of (K, h, w) *small* brought to *width* × *height*, bilinear; the same whatever the rectangle's cut."""
    with torch.inference_mode():
        y0, y1, share_y = _neighbours(rect.y, rect.bottom, height, small.shape[1])
        x0, x1, share_x = _neighbours(rect.x, rect.right, width, small.shape[2])
        lines = torch.lerp(small[:, y0], small[:, y1], share_y[:, None])
        return torch.lerp(lines[:, :, x0], lines[:, :, x1], share_x)


def _neighbours(begin: int, end: int, length: int, small: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    at = ((torch.arange(begin, end, dtype=torch.float64) + 0.5) * (small / length) - 0.5).clamp(0, small - 1)
    low = at.floor().long()
    return low, (low + 1).clamp(max=small - 1), (at - low).float()


def _objects(
    segmenter: InstanceSegmenter,
    reader: Reader,
    z: int,
    rects: Sequence[Rect] | None,
    window_px: int | None,
    overlap_px: int | None,
    progress: ProgressSink,
    cancel: Cancel,
) -> Iterator[ObjectResult]:
    card = segmenter.card
    source = ReaderSource(reader, card, z)
    window, overlap = window_px or card.window_px, card.overlap_px if overlap_px is None else overlap_px
    views = [views_of(region, window, overlap) for region in _regions(rects, source)]
    counter = WindowCounter(sum(len(v) for v in views), progress)
    counter.add(0)
    with Cancelling(segmenter, cancel):
        for of_region in views:
            yield from find_objects(segmenter, source, of_region, counter, cancel)


def _regions(rects: Sequence[Rect] | None, source: ReaderSource) -> list[Rect]:
    if rects is None:
        return [Rect(0, 0, source.width, source.height)]
    return disjoint([rect.clipped(source.width, source.height) for rect in rects])


class Cancelling:
    """For as long as the block runs, a forward pass of the model ends when *cancel* is set."""

    def __init__(self, segmenter: Any, cancel: Cancel) -> None:
        self._hooks, self._cancel = getattr(segmenter, "hooks", None), cancel

    def __enter__(self) -> None:
        if self._hooks is not None:
            self._hooks.cancel = self._cancel

    def __exit__(self, *_: object) -> None:
        if self._hooks is not None:
            self._hooks.cancel = NEVER
