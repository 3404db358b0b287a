"""What a model finds in labelled images, one after the other; in planes of a volume all at once where it was made for volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER
from segstudio.core.geometry import Rect
from segstudio.ml.inference.run import propose, window_result
from segstudio.ml.inference.volumes import HeldVolume, sees_volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch

    from segstudio.core.cancel import Cancel
    from segstudio.io.readers.base import ImageReader
    from segstudio.ml.api import AnySegmenter, ObjectResult, WindowResult
    from segstudio.ml.training.sources import TrainImage


class ImageResults:
    """The results of *segmenter* for *images*; a volume is predicted once, when the first of its planes is asked for.

    Each further plane of it costs nothing more; another volume takes its place.
    """

    def __init__(self, segmenter: AnySegmenter, images: Sequence[TrainImage]) -> None:
        self._segmenter = segmenter
        self.has_confidence = segmenter.card.task == "semantic"
        self._planes: dict[tuple[Path, Rect | None], list[int]] = {}
        for image in images:
            self._planes.setdefault((image.file, image.window), []).append(image.z)
        self._held: tuple[tuple[Path, Rect | None], HeldVolume] | None = None

    def of(
        self,
        image: TrainImage,
        reader: ImageReader,
        watch: Callable[[Rect, torch.Tensor], None] | None = None,
        cancel: Cancel = NEVER,
    ) -> Iterator[WindowResult | ObjectResult]:
        """What is found in *image*, open as *reader*; *watch* is told of the logits of a semantic model.

        Raises
        ------
        UserError
            When the model cannot take such images, or one cannot be read.
        Cancelled
            When the cancel flag was set.
        """
        if not sees_volumes(self._segmenter):
            rects = None if image.window is None else [image.window]
            yield from propose(self._segmenter, reader, z=image.z, rects=rects, watch=watch, cancel=cancel)
            return
        key = (image.file, image.window)
        if self._held is None or self._held[0] != key:
            self._held = None  # before as much memory is asked for again
            area = image.window or Rect(0, 0, reader.info.width, reader.info.height)
            planes = sorted(set(self._planes[key]))
            self._held = (key, HeldVolume(self._segmenter, reader, planes, area, cancel=cancel))  # type: ignore[arg-type]
        held = self._held[1]
        logits = held.plane(image.z)
        if watch is not None:
            watch(held.area, logits)
        yield window_result(held.area, logits)
