"""How unsure a model is of each pixel: from its probabilities, from mirrored views of it, or beside another model."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from segstudio.ml.inference.views import sides

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.ml.api import Segmenter
    from segstudio.ml.cards import ModelCard

_FLIPS = 2
"""As it is and left to right: upside down, a street or a person means nothing to a model, and views would differ everywhere."""
DOUBT = "doubt"
"""The channel that :class:`FlipsSegmenter` adds to a model's classes."""
HELD_PIXELS = 1 << 27


@torch.no_grad()
def entropy(logits: torch.Tensor) -> torch.Tensor:
    """(h, w) entropy of the softmax of (K, h, w) *logits*, divided by that of K equal chances: 0 … 1."""
    if logits.shape[0] < 2:
        return torch.zeros(logits.shape[1:])
    logs = torch.log_softmax(logits, 0)
    return -(logs.exp() * logs).sum(0) / math.log(logits.shape[0])


@torch.no_grad()
def margin(logits: torch.Tensor) -> torch.Tensor:
    """(h, w) 1 − (largest − second softmax) of (K, h, w) *logits*: 0 … 1."""
    if logits.shape[0] < 2:
        return torch.zeros(logits.shape[1:])
    best = torch.softmax(logits, 0).topk(2, dim=0).values
    return 1 - (best[0] - best[1])


class FlipsSegmenter:
    """A semantic model that looks at each window and at its mirror image, and tells beside its mean answer how much the two differ.

    Its last channel is their Jensen-Shannon divergence (the entropy of the mean less the mean entropy), 0 … 1; the others are
    the logarithm of the mean probabilities.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self.card: ModelCard = replace(segmenter.card, classes=(*segmenter.card.classes, DOUBT))

    @property
    def device(self) -> str:
        """Where the model is."""
        return self._segmenter.device

    def __getattr__(self, name: str) -> Any:
        """Whatever else the model has: its hooks, its check of an image."""
        return getattr(self._segmenter, name)

    def to(self, device: str) -> None:
        """Move to another device."""
        self._segmenter.to(device)

    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        """(N, K + 1, H, W) float32 of *batch* (N, C, H, W), on the model's device."""
        with torch.inference_mode():
            total: torch.Tensor | None = None
            entropies: torch.Tensor | None = None
            for there, back in sides(_FLIPS):
                chances = back(torch.softmax(self._segmenter.predict(there(batch).contiguous()), 1))
                own = _entropy_of(chances)
                total = chances if total is None else total + chances
                entropies = own if entropies is None else entropies + own
            assert total is not None and entropies is not None
            mean = total / _FLIPS
            most = math.log(max(2, min(_FLIPS, mean.shape[1])))
            apart = ((_entropy_of(mean) - entropies / _FLIPS) / most).clamp(0, 1)
            return torch.cat([torch.log(mean.clamp_min(1e-38)), apart[:, None]], dim=1)


def _entropy_of(chances: torch.Tensor) -> torch.Tensor:
    entropies: torch.Tensor = torch.special.entr(chances).sum(1)
    return entropies


class HeldAnswer:
    """The likeliest class and its probability for every pixel of some planes: 2 bytes a pixel, in a nameless file where much."""

    def __init__(self, planes: int, height: int, width: int) -> None:
        self._classes = _held((planes, height, width))
        self._chances = _held((planes, height, width))

    def put(self, place: int, rect: Rect, classes: npt.NDArray[Any], chances: npt.NDArray[np.uint8]) -> None:
        """Keep a piece of a plane."""
        self._classes[(place, *rect.slices)] = classes
        self._chances[(place, *rect.slices)] = chances

    def disagreement(
        self, place: int, rect: Rect, classes: npt.NDArray[Any], chances: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.float32]:
        """(h, w) 0 … 1: how far another answer is from this one, at the least.

        The smallest total variation distance that two distributions with these likeliest classes and probabilities can have.
        """
        mine = self._chances[(place, *rect.slices)].astype(np.float32) / 255
        other = chances.astype(np.float32) / 255
        is_same = self._classes[(place, *rect.slices)] == classes
        # Whoever prefers another class gives this one at most what he gives his own, and what that leaves.
        apart = np.maximum(mine - np.minimum(other, 1 - other), other - np.minimum(mine, 1 - mine))
        return np.where(is_same, np.abs(mine - other), np.maximum(apart, 0)).astype(np.float32)


def _held(shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    if math.prod(shape) <= HELD_PIXELS:
        return np.zeros(shape, np.uint8)
    with tempfile.TemporaryFile() as file:  # the mapping keeps it
        held: np.memmap[Any, np.dtype[np.uint8]] = np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
    return held


def class_table(mine: Sequence[str], other: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(len(other),) which of *mine* each of the *other* model's classes is, by name; 255 where it has none."""
    places = {name.casefold(): index for index, name in enumerate(mine)}
    return np.array([min(places.get(name.casefold(), 255), 255) for name in other], np.uint8)
