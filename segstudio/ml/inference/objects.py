"""Objects of an image of any size: seen as a whole, and where it is much bigger than the network's view, in windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from segstudio.core.cancel import NEVER, check
from segstudio.core.geometry import Rect
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference.devices import is_out_of_memory
from segstudio.ml.inference.ladder import ladder_of
from segstudio.ml.inference.sources import resampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.ml.api import InstanceSegmenter
    from segstudio.ml.inference.engine import WindowCounter
    from segstudio.ml.inference.sources import ReaderSource

VIEW_PX = 1333
"""The longest side that torchvision's Mask R-CNN looks at."""
SAME_SHARE = 0.5
"""Two finds of one class that share so much of their joint area are one object."""


def views_of(region: Rect, window_px: int, overlap_px: int) -> list[Rect]:
    """The whole region, then windows of it where the whole would be shown at less than half its size."""
    views = [region]
    if max(region.width, region.height) > 2 * VIEW_PX:
        step = max(1, window_px - overlap_px)
        for y in range(region.y, max(region.y + 1, region.bottom - overlap_px), step):
            for x in range(region.x, max(region.x + 1, region.right - overlap_px), step):
                views.append(Rect(x, y, window_px, window_px).intersected(region))
    return views


def find_objects(
    segmenter: InstanceSegmenter,
    source: ReaderSource,
    views: Sequence[Rect],
    counter: WindowCounter,
    cancel: Cancel = NEVER,
) -> list[ObjectResult]:
    """Objects of the image, best first, each once, in its own pixels; *views* are those of one region, the whole first.

    Raises
    ------
    Cancelled
        When the cancel flag was set.
    """
    found: list[ObjectResult] = []
    for index, view in enumerate(views):
        check(cancel)
        factor = min(1.0, VIEW_PX / max(view.width, view.height))
        size = max(1, round(view.width * factor)), max(1, round(view.height * factor))
        image = torch.from_numpy(resampled(source, *size, view, cancel))
        for result in _run(segmenter, image, view, counter):
            moved = ObjectResult(result.rect.moved(view.x, view.y), result.mask, result.class_index, result.score)
            # A window cuts what lies across its border in two; its neighbour, or the whole view, sees all of it.
            if index == 0 or not _is_cut(moved.rect, view, views[0]):
                found.append(moved)
        counter.add(1)
    return distinct(found)


def _run(
    segmenter: InstanceSegmenter, image: torch.Tensor, view: Rect, counter: WindowCounter
) -> Sequence[ObjectResult]:
    ladder = ladder_of(segmenter)
    ladder.batch = 1  # a view is seen by itself, and whole
    while True:
        try:
            with ladder.computing(segmenter.device):
                return segmenter.find_objects(image, view.width, view.height)
        except (RuntimeError, MemoryError) as error:
            if segmenter.device == "cpu" or not is_out_of_memory(error):
                raise
            problem = error
        counter.say(ladder.down(segmenter, 0, 1, problem))


def _is_cut(rect: Rect, view: Rect, region: Rect) -> bool:
    return (
        (rect.x <= view.x + 1 and view.x > region.x)
        or (rect.y <= view.y + 1 and view.y > region.y)
        or (rect.right >= view.right - 1 and view.right < region.right)
        or (rect.bottom >= view.bottom - 1 and view.bottom < region.bottom)
    )


def distinct(found: list[ObjectResult]) -> list[ObjectResult]:
    """*found*, best first, without those that are another find of a better one of their class."""
    kept: list[ObjectResult] = []
    for result in sorted(found, key=lambda r: -r.score):
        if not any(r.class_index == result.class_index and _overlap(r, result) > SAME_SHARE for r in kept):
            kept.append(result)
    return kept


def _overlap(a: ObjectResult, b: ObjectResult) -> float:
    common = a.rect.intersected(b.rect)
    if common.is_empty:
        return 0.0
    part_a = a.mask[common.moved(-a.rect.x, -a.rect.y).slices]
    part_b = b.mask[common.moved(-b.rect.x, -b.rect.y).slices]
    shared = int((part_a & part_b).sum())
    return shared / (int(a.mask.sum()) + int(b.mask.sum()) - shared)
