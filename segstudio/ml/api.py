"""What a model looks like to the rest of the program, and what it answers. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from segstudio.core.cancel import NEVER
from segstudio.core.progress import no_progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.geometry import Rect
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.cards import ModelCard

Tensor = Any
"""A ``torch.Tensor``; not named, so that this module stays torch-free."""


@dataclass(frozen=True, eq=False)
class WindowResult:
    """A finished piece of a semantic answer. Pieces of one call never overlap and together cover what was asked.

    ``class_index`` is (h, w) uint8, or uint16 where the model has more than 255 classes: an index into the card's
    classes. ``confidence`` is (h, w) uint8: the largest softmax value × 255.
    """

    rect: Rect
    class_index: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ObjectResult:
    """One found object: ``mask`` is (h, w) bool over ``rect`` (clipped to the image), ``score`` 0 … 1."""

    rect: Rect
    mask: npt.NDArray[np.bool_]
    class_index: int
    score: float


@runtime_checkable
class Segmenter(Protocol):
    """A semantic model on a device."""

    card: ModelCard
    device: str

    def predict(self, batch: Tensor) -> Tensor:
        """Logits (N, K, H, W) float32 of *batch* (N, C, H, W) float32, normalised, on the model's device."""
        ...

    def to(self, device: str) -> None:
        """Move to another device."""
        ...


@runtime_checkable
class InstanceSegmenter(Protocol):
    """A model that finds objects."""

    card: ModelCard
    device: str

    def find_objects(self, image: Tensor, width: int, height: int) -> Sequence[ObjectResult]:
        """Objects in *image* (C, h, w) float32, normalised, best first.

        Rectangles and masks are in pixels of *width* × *height*, the size that the image had before it was resampled.
        """
        ...

    def to(self, device: str) -> None:
        """Move to another device."""
        ...


@runtime_checkable
class MethodSegmenter(Protocol):
    """A classic method: reads the image its own way and answers piece by piece."""

    card: ModelCard
    device: str

    def propose(
        self,
        reader: Any,
        *,
        z: int = 0,
        rects: Sequence[Rect] | None = None,
        progress: ProgressSink = no_progress,
        cancel: Cancel = NEVER,
    ) -> Iterator[WindowResult | ObjectResult]:
        """What it finds in plane *z* of an image, or in *rects* of it."""
        ...

    def to(self, device: str) -> None:
        """Move to another device."""
        ...


AnySegmenter = Segmenter | InstanceSegmenter | MethodSegmenter
"""Whatever :func:`segstudio.ml.inference.run.propose` proposes with."""


@runtime_checkable
class PromptSegmenter(Protocol):
    """A model that answers a person's hints."""

    card: ModelCard
    device: str

    def embed(self, image: npt.NDArray[np.uint8]) -> object:
        """Whatever of *image* (y, x, 3) uint8 later prompts share."""
        ...

    def predict(
        self, embedding: object, points_xy: npt.NDArray[np.float32], is_positive: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32]:
        """(y, x) float32 probabilities that a pixel belongs to what the points mean."""
        ...
