"""Prompts answered: embeddings kept, the CPU taken when a device has no room, one mask chosen. No torch at import."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.ml.api import Prompts
from segstudio.ml.interactive.embeddings import BUDGET_BYTES, EmbeddingCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    import numpy.typing as npt

    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import PromptAnswer, PromptSegmenter

T = TypeVar("T")
MASK_LOGIT = 6.0
"""How sure a mask is that a person gives: a probability of 0.998."""
POINT_EVERY_PX = 48.0
MOST_POINTS = 5
"""Of a scribble, for a model that knows only points."""
Choice = Literal["best", "smallest", "largest"]
"""Which mask of several is taken: the one the model is surest of, or a part rather than the whole, or the reverse."""


class Clicks:
    """A click model at work: the embedding of each picture is made once and kept."""

    def __init__(self, prompter: PromptSegmenter, budget_bytes: int = BUDGET_BYTES) -> None:
        self.prompter = prompter
        self.embeddings = EmbeddingCache(budget_bytes)

    def embed(self, key: Hashable, image: npt.NDArray[np.uint8], say: ProgressSink = no_progress) -> object:
        """The embedding of *image* (y, x, 3) uint8 RGB; *key* names the picture.

        Raises
        ------
        UserError
            When the memory of the CPU does not do, or the model cannot read the image.
        """
        if key not in self.embeddings:
            say(0, 0, "Looking at the picture")
        return self.embeddings.get(key, lambda: self._with_room(lambda: self.prompter.embed(image), say))

    def answer(
        self, key: Hashable, image: npt.NDArray[np.uint8], prompts: Prompts, say: ProgressSink = no_progress
    ) -> PromptAnswer:
        """What *prompts* mean in *image*.

        Raises
        ------
        UserError
            As :meth:`embed`; and when there are no prompts, or the model's answer has another shape.
        """
        given = prompts if getattr(self.prompter, "takes_scribbles", False) else as_points(prompts)
        answer = self._with_room(lambda: self.prompter.predict(self.embed(key, image, say), given), say)
        found = answer.probabilities
        if found.ndim != 3 or not len(found) or found.shape[1:] != image.shape[:2]:
            raise UserError(
                f"the model {self.prompter.card.id} answers with {found.shape} for a picture of {image.shape[:2]}",
                remedy="choose another model",
            )
        return answer

    def mask_logits(
        self, key: Hashable, image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], say: ProgressSink = no_progress
    ) -> npt.NDArray[np.float32]:
        """(h, w) float32: *mask* (y, x) bool over *image* as :attr:`Prompts.previous`, as the model likes it.

        A model says so by a method ``mask_logits(embedding, mask)``; one without gets ± 6 at the picture's size.

        Raises
        ------
        UserError
            As :meth:`embed`.
        """
        own = getattr(self.prompter, "mask_logits", None)
        if own is None:
            return np.where(mask, MASK_LOGIT, -MASK_LOGIT).astype(np.float32)
        return np.asarray(self._with_room(lambda: own(self.embed(key, image, say), mask), say), np.float32)

    def answers_to_points(
        self,
        key: Hashable,
        image: npt.NDArray[np.uint8],
        points_xy: npt.NDArray[np.float32],
        say: ProgressSink = no_progress,
    ) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
        """((M, y, x) probabilities, (M,) scores) for each of (N, 2) points, as if it were the only prompt.

        A model with a method ``predict_points(embedding, points_xy)`` is asked once for all: (N, y, x) and (N,).

        Raises
        ------
        UserError
            As :meth:`answer`.
        """
        several = getattr(self.prompter, "predict_points", None)
        if several is not None and len(points_xy):
            probabilities, scores = self._with_room(lambda: several(self.embed(key, image, say), points_xy), say)
            for probability, score in zip(probabilities, scores, strict=True):
                yield probability[None], np.asarray([score], np.float32)
            return
        for point in points_xy:
            prompts = Prompts(point[None], np.ones(1, np.bool_), is_ambiguous=True)
            answer = self.answer(key, image, prompts, say)
            yield answer.probabilities, answer.scores

    def _with_room(self, work: Callable[[], T], say: ProgressSink) -> T:
        """*work*, on the CPU when the device has no room for it."""
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            error.__traceback__ = None  # it keeps the failed tensors alive
            problem = error
        device = self.prompter.device
        if device == "cpu":
            raise UserError(
                "there is not enough memory for the click model", remedy="choose a smaller one"
            ) from problem
        self.embeddings.clear()
        self.prompter.to("cpu")
        _free(device)
        say(0, 0, f"Out of memory on {device}: going on with the CPU")
        return work()


def chosen(answer: PromptAnswer, choice: Choice) -> int:
    """The index of the mask to take; one that covers nothing only when all do."""
    areas = (answer.probabilities >= 0.5).sum(axis=(1, 2))
    filled = np.flatnonzero(areas)
    if not len(filled):
        return 0
    if choice == "best":
        return int(filled[np.argmax(answer.scores[filled])])
    pick = np.argmin if choice == "smallest" else np.argmax
    return int(filled[pick(areas[filled])])


def as_points(prompts: Prompts) -> Prompts:
    """*prompts* for a model that knows only points: of each scribble some, evenly spaced along it."""
    if not prompts.scribbles:
        return prompts
    points, signs = [np.asarray(prompts.points_xy, np.float32).reshape(-1, 2)], [np.asarray(prompts.is_positive, bool)]
    for scribble in prompts.scribbles:
        line = np.asarray(scribble.points_xy, np.float32).reshape(-1, 2)
        way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))]) if len(line) > 1 else np.zeros(1)
        count = int(np.clip(way[-1] // POINT_EVERY_PX + 1, 1, MOST_POINTS)) if way[-1] > 0 else 1
        # In the middle of equal stretches: the ends of a line by hand are the least certain.
        places = (np.arange(count) + 0.5) / count * way[-1]
        points.append(np.stack([np.interp(places, way, line[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32))
        signs.append(np.full(count, scribble.is_positive))
    is_ambiguous = prompts.is_ambiguous and len(np.concatenate(points)) == 1
    return replace(
        prompts,
        points_xy=np.concatenate(points),
        is_positive=np.concatenate(signs),
        scribbles=(),
        is_ambiguous=is_ambiguous,
    )


def after(prompts: Prompts, logits: npt.NDArray[np.float32] | None) -> Prompts:
    """*prompts* as a correction of an earlier answer (None: of none)."""
    return prompts if logits is None else replace(prompts, previous=logits)


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    from segstudio.ml.inference.devices import is_out_of_memory

    return is_out_of_memory(error)


def _free(device: str) -> None:
    from segstudio.ml.inference.devices import free_cached

    free_cached(device)
