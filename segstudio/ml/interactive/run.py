"""Prompts answered: embeddings kept, the CPU taken when a device has no room, one mask chosen. No torch at import."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.ml.interactive.embeddings import BUDGET_BYTES, EmbeddingCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy.typing as npt

    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import PromptAnswer, Prompts, PromptSegmenter

T = TypeVar("T")
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
        answer = self._with_room(lambda: self.prompter.predict(self.embed(key, image, say), prompts), say)
        found = answer.probabilities
        if found.ndim != 3 or not len(found) or found.shape[1:] != image.shape[:2]:
            raise UserError(
                f"the model {self.prompter.card.id} answers with {found.shape} for a picture of {image.shape[:2]}",
                remedy="choose another model",
            )
        return answer

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
