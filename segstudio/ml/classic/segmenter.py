"""A classic method as a model that proposes: what the model host and the command line run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, check
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.ml.classic.options import merged
from segstudio.ml.classic.picture import Picture, Request
from segstudio.ml.classic.table import method_of
from segstudio.ml.inference.windows import disjoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.io.readers.base import ImageReader
    from segstudio.ml.api import ObjectResult, WindowResult
    from segstudio.ml.cards import ModelCard


class ClassicSegmenter:
    """The method of a card of task ``classic``, with the options that the card carries. Always on the CPU.

    Raises
    ------
    UserError
        When this version has no such method, or an option of the card does not fit.
    """

    device = "cpu"

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self._method = method_of(card)
        self._options = merged(self._method.options, card.options)

    def to(self, device: str) -> None:
        """Stays where it is: these methods run on the CPU."""

    def propose(
        self,
        reader: ImageReader,
        *,
        z: int = 0,
        rects: Sequence[Rect] | None = None,
        progress: ProgressSink = no_progress,
        cancel: Cancel = NEVER,
    ) -> Iterator[WindowResult | ObjectResult]:
        """What the method finds in plane *z* of an image, or in *rects* of it, piece by piece.

        Raises
        ------
        UserError
            When the image, or the depth map or second image that the method needs, cannot be read.
        Cancelled
            When the cancel flag was set.
        """
        check(cancel)
        progress(0, 0, self.card.name)
        width, height = int(reader.info.width), int(reader.info.height)
        given = [Rect(0, 0, width, height)] if rects is None else [rect.clipped(width, height) for rect in rects]
        picture = Picture(reader, z, int(self._options.get("band", 0)))
        request = Request(picture, self._options, tuple(disjoint(given)), progress, cancel)
        find = importlib.import_module(f"segstudio.ml.classic.{self._method.module}").find
        yield from find(request)
