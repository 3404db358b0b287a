"""In which order the simulated annotator takes images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from segstudio.app.simulation.plan import OrderKind
    from segstudio.core.cancel import Cancel
    from segstudio.core.looks import Look
    from segstudio.core.ordering import Basis
    from segstudio.ml.api import AnySegmenter


class Order:
    """Says which image is next. Until there is a model, orders that need one are random.

    With *candidates* a model looks at so many of the images left, drawn at random, each time that it orders them.
    """

    def __init__(self, kind: OrderKind, seed: int, cancel: Cancel, candidates: int = 0) -> None:
        self._kind, self._cancel, self._candidates = kind, cancel, candidates
        self._random = np.random.default_rng(seed)
        self._model = ""
        self._queue: list[int] = []

    def next(
        self,
        left: Sequence[int],
        done: Sequence[int],
        file_of: Callable[[int], Path],
        model: str,
        load: Callable[[str], AnySegmenter],
    ) -> int:
        """The next of the images *left*, by id, once *done* are labelled and *model* ("" = none) proposes."""
        if self._kind == "given":
            return left[0]
        if self._kind == "random" or not model:
            return left[int(self._random.integers(len(left)))]
        if model != self._model or not self._queue:
            self._model = model
            self._queue = self._ranked(self._looked_at(left), done, file_of, load(model))
        self._queue = [image_id for image_id in self._queue if image_id in left]
        return self._queue.pop(0)

    def _looked_at(self, left: Sequence[int]) -> Sequence[int]:
        if not 0 < self._candidates < len(left):
            return left
        drawn = self._random.choice(len(left), self._candidates, replace=False)
        return [left[i] for i in sorted(drawn.tolist())]

    def _ranked(
        self, left: Sequence[int], done: Sequence[int], file_of: Callable[[int], Path], segmenter: AnySegmenter
    ) -> list[int]:
        from segstudio.core.looks import order_looks
        from segstudio.ml.inference.looking import look_at_files

        def looks(ids: Sequence[int]) -> list[Look]:
            return look_at_files(segmenter, [file_of(image_id) for image_id in ids], cancel=self._cancel)

        by: Basis = (
            "uncertainty" if self._kind == "uncertainty" else "diversity" if self._kind == "diversity" else "both"
        )
        return [left[pick.index] for pick in order_looks(looks(left), by=by, labelled=looks(done))]
