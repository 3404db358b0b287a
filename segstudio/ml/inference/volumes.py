"""Proposals for planes of a volume: plane by plane, or by windows of many planes where a model was made for volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.ml.api import WindowResult
from segstudio.ml.inference.blending import likeliest
from segstudio.ml.inference.engine import Predictor, WindowCounter, axes_of, blended_logits
from segstudio.ml.inference.slices import depth_of
from segstudio.ml.inference.volume_windows import SlabBlender, VolumeSource, depth_axes, scratch
from segstudio.ml.inference.windows import disjoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import AnySegmenter, ObjectResult, Segmenter
    from segstudio.ml.inference.sources import Reader
    from segstudio.ml.inference.windows import Axis
    from segstudio.ml.refine.table import Refinement

MOST_VOXELS = 1 << 22
"""Windows larger than the model's own have no more voxels than this: 256 × 256 in 64 planes."""


def sees_volumes(segmenter: AnySegmenter) -> bool:
    """Whether a model looks at several planes at once, and answers for all of them."""
    return segmenter.card.task == "semantic" and segmenter.card.window_depth > 0


def propose_planes(
    segmenter: AnySegmenter,
    reader: Reader,
    planes: Sequence[int],
    *,
    rects: Sequence[Rect] | None = None,
    window_px: int | None = None,
    overlap_px: int | None = None,
    refinement: Refinement | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Iterator[tuple[int, WindowResult | ObjectResult]]:
    """(plane, result) of *planes* of an image, piece by piece as they are finished; a plane is finished before the next run of planes.

    As :func:`segstudio.ml.inference.run.propose` for each plane, except that a model for volumes goes over all of them at once:
    asked plane by plane it would look at every plane many times. What overlaps is blended along all three axes, and memory
    grows neither with the number of planes nor with their size.

    Raises
    ------
    UserError
        As :func:`~segstudio.ml.inference.run.propose`, and when a model for volumes is given a flat image.
    Cancelled
        When the cancel flag was set; within a second.
    """
    from segstudio.ml.inference.run import propose

    if sees_volumes(segmenter):
        yield from _of_volume(
            segmenter,  # type: ignore[arg-type]
            reader, planes, rects, window_px, overlap_px, refinement, progress, cancel,
        )  # fmt: skip
        return
    for place, z in enumerate(planes):

        def sink(done: float, total: float, what: str, at: int = place) -> None:
            progress(at + (done / total if total else 0.0), len(planes), what)

        for result in propose(
            segmenter, reader, z=z, rects=rects, window_px=window_px, overlap_px=overlap_px, refinement=refinement,
            progress=sink if len(planes) > 1 else progress, cancel=cancel,
        ):  # fmt: skip
            yield z, result


def _of_volume(
    segmenter: Segmenter,
    reader: Reader,
    planes: Sequence[int],
    rects: Sequence[Rect] | None,
    window_px: int | None,
    overlap_px: int | None,
    refinement: Refinement | None,
    progress: ProgressSink,
    cancel: Cancel,
) -> Iterator[tuple[int, WindowResult]]:
    wanted = set(planes)
    regions = _regions(reader, rects)
    pieces = volume_logits(
        segmenter, reader, planes, rects=rects, window_px=window_px, overlap_px=overlap_px, progress=progress, cancel=cancel
    )  # fmt: skip
    if refinement is not None:
        pieces = _refined(pieces, reader, refinement, wanted, regions, segmenter.device, cancel)
    for first, rect, logits in pieces:
        classes, count = logits.shape[:2]
        # All planes of a piece at once, below each other.
        found, chance = likeliest(logits.reshape(classes, count * rect.height, rect.width))
        sure = (255.0 * chance + 0.5).astype(np.uint8)
        for place in range(count):
            if first + place in wanted:
                rows = slice(place * rect.height, (place + 1) * rect.height)
                yield first + place, WindowResult(rect, found[rows], sure[rows])


def volume_logits(
    segmenter: Segmenter,
    reader: Reader,
    planes: Sequence[int],
    *,
    rects: Sequence[Rect] | None = None,
    window_px: int | None = None,
    overlap_px: int | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Iterator[tuple[int, Rect, torch.Tensor]]:
    """Finished pieces (first plane, rectangle, (K, n, h, w) float32 logits) of a model for volumes; read each before the next.

    They are disjoint and together hold *planes*, and others between and around them, in *rects*. All pieces of a run of planes
    come before those of the next. Errors as :func:`propose_planes`.
    """
    from segstudio.ml.inference.run import Cancelling

    card = segmenter.card
    depth = depth_of(reader)
    if depth < 2 and card.window_depth > 1:
        raise UserError(
            "the image is flat, and the model looks at volumes",
            path=getattr(reader.info, "path", None),
            remedy="choose a volume, or a model for flat images",
        )
    window, overlap = window_px or card.window_px, card.overlap_px if overlap_px is None else overlap_px
    while window > card.window_px and window**2 * card.window_depth > MOST_VOXELS:
        window //= 2  # a side that is meant for flat images
    overlap = min(overlap, window // 2)
    axes = depth_axes(planes, depth, card.window_depth, card.overlap_depth)
    grids = [(region, *axes_of(region, window, overlap, card.stride_px)) for region in _regions(reader, rects)]
    per_slab = sum(len(rows) * len(columns) for _, rows, columns in grids)
    counter = WindowCounter(per_slab * sum(map(len, axes)), progress)
    counter.add(0)
    source = VolumeSource(reader, card)
    predictor = Predictor(segmenter, counter, cancel, planes=card.window_depth)
    with Cancelling(segmenter, cancel):
        for axis in axes:
            for region, rows, columns in grids:
                yield from _slabs(predictor, source, axis, region, rows, columns)


def _regions(reader: Reader, rects: Sequence[Rect] | None) -> list[Rect]:
    width, height = int(reader.info.width), int(reader.info.height)
    return disjoint(
        [rect.clipped(width, height) for rect in (rects if rects is not None else [Rect(0, 0, width, height)])]
    )


def _slabs(
    predictor: Predictor, source: VolumeSource, axis: Axis, region: Rect, rows: Axis, columns: Axis
) -> Iterator[tuple[int, Rect, torch.Tensor]]:
    classes = len(predictor.segmenter.card.classes)
    blender = SlabBlender(axis, region, classes)
    for index, start in enumerate(axis.starts):
        source.start, source.planes = start, axis.size_px
        for rect, flat in blended_logits(predictor, source, rows, columns):
            first, logits = blender.add(index, rect, flat.reshape(classes, axis.size_px, *flat.shape[1:]))
            if logits.shape[1]:
                yield first, rect, logits


class _Run:
    """Logits (K, n, h, w) of a run of planes, whole: in *box*, of which pieces are set."""

    def __init__(self, first: int, box: Rect, classes: int, count: int) -> None:
        self.first, self.count, self._box = first, count, box
        self._values = scratch((classes, count, box.height, box.width))
        self._rects: list[Rect] = []

    def add(self, rect: Rect, logits: torch.Tensor) -> None:
        """Set a piece."""
        rows, columns = rect.moved(-self._box.x, -self._box.y).slices
        self._values[:, :, rows, columns] = logits.cpu().numpy()
        self._rects.append(rect)

    def plane(self, place: int, region: Rect) -> Iterator[tuple[Rect, torch.Tensor]]:
        """The pieces of a plane that lie in *region*, from the top down."""
        for rect in sorted(self._rects, key=lambda one: (one.y, one.x)):
            if not rect.intersected(region).is_empty:
                rows, columns = rect.moved(-self._box.x, -self._box.y).slices
                yield rect, torch.from_numpy(np.ascontiguousarray(self._values[:, place, rows, columns]))


def _refined(
    pieces: Iterator[tuple[int, Rect, torch.Tensor]],
    reader: Reader,
    refinement: Refinement,
    wanted: set[int],
    regions: list[Rect],
    device: str,
    cancel: Cancel,
) -> Iterator[tuple[int, Rect, torch.Tensor]]:
    """Each plane refined by itself, region by region, once a run of planes is whole there."""
    run: _Run | None = None
    region = regions[0]
    for first, rect, logits in pieces:
        if run is not None and (run.first != first or rect.intersected(region).is_empty):
            yield from _refined_run(run, region, reader, refinement, wanted, device, cancel)
            run = None
        if run is None:
            region = next(one for one in regions if not one.intersected(rect).is_empty)
            run = _Run(first, region, logits.shape[0], logits.shape[1])
        run.add(rect, logits)
    if run is not None:
        yield from _refined_run(run, region, reader, refinement, wanted, device, cancel)


def _refined_run(
    run: _Run,
    region: Rect,
    reader: Reader,
    refinement: Refinement,
    wanted: set[int],
    device: str,
    cancel: Cancel,
) -> Iterator[tuple[int, Rect, torch.Tensor]]:
    from segstudio.ml.refine.probabilities import refined_logits

    for place in range(run.count):
        if run.first + place not in wanted:
            continue

        def unrefined(_: Sequence[Rect] | None, at: int = place) -> Iterator[tuple[Rect, torch.Tensor]]:
            return run.plane(at, region)

        for rect, refined in refined_logits(
            unrefined, reader, refinement, z=run.first + place, rects=[region], device=device, cancel=cancel
        ):
            yield run.first + place, rect, refined[:, None]


class HeldVolume:
    """The logits of *planes* of a volume by a model for volumes, all of them held; in a nameless file where they are large.

    *area* is the part of the planes that is looked at; errors as :func:`propose_planes`.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        reader: Reader,
        planes: Sequence[int],
        area: Rect,
        progress: ProgressSink = no_progress,
        cancel: Cancel = NEVER,
    ) -> None:
        self.area = area
        self._places = {z: place for place, z in enumerate(planes)}
        self._logits = scratch((len(segmenter.card.classes), len(planes), area.height, area.width))
        for first, rect, logits in volume_logits(
            segmenter, reader, planes, rects=[area], progress=progress, cancel=cancel
        ):
            rows, columns = rect.moved(-area.x, -area.y).slices
            for offset in range(logits.shape[1]):
                place = self._places.get(first + offset)
                if place is not None:
                    self._logits[:, place, rows, columns] = logits[:, offset].cpu().numpy()

    def plane(self, z: int) -> torch.Tensor:
        """(K, y, x) float32 logits of *area* in plane *z*, on the CPU."""
        return torch.from_numpy(np.ascontiguousarray(self._logits[:, self._places[z]]))
