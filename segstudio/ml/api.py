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
    """A semantic model on a device: what the loader of a card of task ``semantic`` returns.

    The program cuts the windows, scales their values as the card says, blends what comes back and turns it into
    classes; the model sees one batch after another. Windows are ``window_px`` wide or, at small images, less, and always
    a multiple of ``stride_px``. An attribute ``hooks`` with a settable ``cancel``
    (:class:`segstudio.ml.inference.loading.CancelHooks`) lets a slow network stop between two layers.
    """

    card: ModelCard
    device: str

    def predict(self, batch: Tensor) -> Tensor:
        """Logits (N, K, H, W) float32 of *batch* (N, C, H, W) float32, normalised, on the model's device.

        C is the card's ``bands``, K the number of its ``classes``. With a ``window_depth`` in the card batches are
        (N, C, D, H, W) and answers (N, K, D, H, W). The answer of one picture must not depend on the others of
        its batch. On ``torch.OutOfMemoryError`` the program tries smaller batches, then :meth:`to` ``"cpu"``.
        """
        ...

    def to(self, device: str) -> None:
        """Move to another device."""
        ...


@runtime_checkable
class InstanceSegmenter(Protocol):
    """A model that finds objects: what the loader of a card of task ``instance`` returns.

    Large images are handed over in overlapping views; objects that two views find are joined by the program, so the
    model need not care. Objects may overlap: where they do, the one that comes first keeps the pixels.
    """

    card: ModelCard
    device: str

    def find_objects(self, image: Tensor, width: int, height: int) -> Sequence[ObjectResult]:
        """Objects in *image* (C, h, w) float32, normalised, best first.

        Rectangles and masks are in pixels of *width* × *height*, the size that the image had before it was resampled;
        ``class_index`` counts in the card's ``classes``. None found is an empty sequence, not an error.
        """
        ...

    def to(self, device: str) -> None:
        """Move to another device."""
        ...


@runtime_checkable
class MethodSegmenter(Protocol):
    """A classic method: reads the image its own way and answers piece by piece.

    It runs without torch, always on the CPU. Methods are no plug-ins: each is a module of ``segstudio.ml.classic`` with
    a function ``find(request)``, and a row of ``segstudio.ml.classic.table`` with its options, of which the window makes
    a form.
    """

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
        """What it finds in plane *z* of an image, or in *rects* of it; memory must not grow with the image.

        Window results must not overlap and must cover what was asked; *progress* is told of each piece, and *cancel* is
        looked at (:func:`segstudio.core.cancel.check`) at least once a second.
        """
        ...

    def to(self, device: str) -> None:
        """Move to another device."""
        ...


AnySegmenter = Segmenter | InstanceSegmenter | MethodSegmenter
"""Whatever :func:`segstudio.ml.inference.run.propose` proposes with."""


@dataclass(frozen=True, eq=False)
class Scribble:
    """A line drawn by hand over an object or beside it: ``points_xy`` (N, 2) float32 in the picture's pixels."""

    points_xy: npt.NDArray[np.float32]
    is_positive: bool = True


@dataclass(frozen=True, eq=False)
class Prompts:
    """A person's hints to a model about one object of a picture; positions in its pixels, pixel (0, 0) covering 0…1.

    ``points_xy`` is (N, 2) float32, ``is_positive`` (N,) bool: whether the point lies on the object; ``box_xyxy``
    (left, top, right, bottom) holds the object. ``previous`` is one of :attr:`PromptAnswer.logits` of an earlier
    answer, which these prompts correct. With ``is_ambiguous`` the model may answer with several masks: one point may
    mean a part or the whole. Models that know only points are given some of each of the ``scribbles``.
    """

    points_xy: npt.NDArray[np.float32]
    is_positive: npt.NDArray[np.bool_]
    box_xyxy: tuple[float, float, float, float] | None = None
    previous: npt.NDArray[np.float32] | None = None
    is_ambiguous: bool = False
    scribbles: tuple[Scribble, ...] = ()


@dataclass(frozen=True, eq=False)
class PromptAnswer:
    """What a model takes the prompts to mean, the likeliest first.

    ``probabilities`` is (M, y, x) float32 over the picture; ``scores`` (M,) float32 how sure the model is of each;
    ``logits`` (M, h, w) float32 at a size of the model's own, to be given back as :attr:`Prompts.previous`.
    """

    probabilities: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]


@runtime_checkable
class PromptSegmenter(Protocol):
    """A model that answers a person's hints: what a picture costs is paid once, each prompt is quick.

    It is what the loader of a card of task ``interactive`` returns. Nothing of it is torch's to the outside: pictures
    and answers are arrays, and *embedding* is whatever the model likes, kept by the caller as long as the picture is
    worked on.
    """

    card: ModelCard
    device: str

    def embed(self, image: npt.NDArray[np.uint8]) -> object:
        """Whatever of *image* (y, x, 3) uint8 RGB, of any size, later prompts share; kept by the caller."""
        ...

    def predict(self, embedding: object, prompts: Prompts) -> PromptAnswer:
        """What *prompts* mean in the picture that *embedding* is of."""
        ...

    def to(self, device: str) -> None:
        """Move to another device; embeddings made before may no longer be used."""
        ...


def memory_note(segmenter: object) -> str:
    """One sentence about what a model did otherwise for want of memory; "" where there was enough."""
    return str(getattr(getattr(segmenter, "memory_ladder", None), "summary", ""))
