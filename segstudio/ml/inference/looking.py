"""A model's look at whole images: how unsure it is and where, what its encoder makes of them, which labels it doubts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from segstudio.core.cancel import NEVER, check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.label_errors import CONFIDENT, ConflictMap
from segstudio.core.looks import DoubtMap, order_looks
from segstudio.core.progress import no_progress
from segstudio.io.validity import validity_of
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference.blending import likeliest
from segstudio.ml.inference.doubt import FlipsSegmenter, HeldAnswer, class_table, entropy, margin
from segstudio.ml.inference.features import FeatureTap
from segstudio.ml.inference.run import propose, semantic_logits
from segstudio.ml.inference.slices import depth_of
from segstudio.ml.inference.volumes import propose_planes, sees_volumes, volume_logits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import torch

    from segstudio.core.cancel import Cancel
    from segstudio.core.looks import Look, Measure
    from segstudio.core.ordering import Basis
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import AnySegmenter, Segmenter
    from segstudio.ml.inference.sources import Reader


class ReadsLabels(Protocol):
    """Labels to hold the model against: ``read(z, rect)`` gives (h, w) uint16 class ids."""

    def __call__(self, z: int, rect: Rect, /) -> npt.NDArray[np.uint16]:
        """Class ids of *rect* in plane *z*; 0 = unlabelled, 65535 = ignored."""
        ...


@dataclass(frozen=True, eq=False)
class Labelled:
    """An image's labels, and ``class_ids`` (K,) uint16: which class each of the model's is (0 = background)."""

    read: ReadsLabels
    class_ids: npt.NDArray[np.uint16]
    is_done: bool = False
    confident: float = CONFIDENT

    def comparable(self, z: int, rect: Rect) -> npt.NDArray[np.uint16]:
        """(h, w) class ids of *rect*; 65535 where the label is a class that the model does not know."""
        labels = self.read(z, rect)
        is_known = np.zeros(65536, np.bool_)
        is_known[self.class_ids] = True
        is_known[UNLABELLED] = True
        return np.where(is_known.take(labels), labels, np.uint16(IGNORE))


def look_at(
    segmenter: AnySegmenter,
    reader: Reader,
    *,
    measure: Measure = "entropy",
    other: AnySegmenter | None = None,
    labelled: Labelled | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Look:
    """Look at all planes of an image: its uncertainty by *measure*, its features, its suspect labels.

    ``models`` needs the *other* model. Memory does not grow with the image's size, but for 2 bytes a pixel (in a nameless file)
    with ``models``.

    Raises
    ------
    UserError
        When the model cannot tell how sure it is, ``models`` has no second model, or the image cannot be read.
    Cancelled
        When the cancel flag was set; within a second.
    """
    check_measure(segmenter, measure, other)
    size = int(reader.info.width), int(reader.info.height)
    depth = depth_of(reader)
    doubts = DoubtMap(*size, depth, max(1, len(segmenter.card.classes)))
    validity = validity_of(reader)  # type: ignore[arg-type]
    conflicts = [ConflictMap(*size, z, confident=labelled.confident) for z in range(depth)] if labelled else []
    passes = 2 if measure == "models" else 1

    def sink(done: float, total: float, what: str) -> None:
        progress(done + (total if passes > 1 and held is not None else 0), total * passes, what)

    held: HeldAnswer | None = None
    if measure == "models":
        assert other is not None
        found = _held_answer(other, segmenter, reader, sink, cancel)
        held = found
    with FeatureTap(segmenter) as tap:
        for z, rect, classes, doubt, sure in _pieces(segmenter, reader, measure, held, sink, cancel):
            valid = None if validity is None else validity(z, rect)
            doubts.add(z, rect, doubt, classes, valid)
            if labelled is not None and sure is not None:
                conflicts[z].add(
                    rect, labelled.comparable(z, rect), labelled.class_ids[classes], sure, has_background=labelled.is_done,
                    valid=valid,
                )  # fmt: skip
    look = doubts.look(np.zeros(0, np.float32), [suspect for one in conflicts for suspect in one.suspects()])
    return tap.with_features(look)


def look_at_files(
    segmenter: AnySegmenter,
    files: Sequence[Path],
    *,
    measure: Measure = "entropy",
    other: AnySegmenter | None = None,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> list[Look]:
    """A look at each image file, in their order; arguments and errors as :func:`look_at`."""
    from segstudio.io.readers.registry import open_image

    looks = []
    for index, file in enumerate(files):
        check(cancel)
        progress(index, len(files), file.name)
        with closing(open_image(file)) as reader:
            looks.append(look_at(segmenter, reader, measure=measure, other=other, cancel=cancel))
    progress(len(files), len(files), "")
    return looks


def rank_images(
    segmenter: AnySegmenter,
    pool: Mapping[int, Path],
    *,
    done: Mapping[int, Path] | None = None,
    by: Basis = "both",
    measure: Measure = "entropy",
    other: AnySegmenter | None = None,
    cancel: Cancel = NEVER,
) -> dict[int, int]:
    """The place, 0 first, of each image of *pool* (by id) among those to label next; *done* are labelled already.

    One call does it all: looks at every file and orders them. Errors as :func:`look_at`.
    """
    labelled = dict(done or {})
    looks = look_at_files(segmenter, [*pool.values(), *labelled.values()], measure=measure, other=other, cancel=cancel)
    picks = order_looks(looks[: len(pool)], by=by, labelled=looks[len(pool) :])
    ids = list(pool)
    return {ids[pick.index]: place for place, pick in enumerate(picks)}


def check_measure(segmenter: AnySegmenter, measure: Measure, other: AnySegmenter | None = None) -> None:
    """Whether the model can tell of its uncertainty by *measure*.

    Raises
    ------
    UserError
        When it cannot.
    """
    task = segmenter.card.task
    if task == "classic":
        raise UserError("a classic method does not tell how sure it is", remedy="choose a network")
    if measure in ("flips", "models") and task != "semantic":
        raise UserError(
            "a model of objects tells only how sure it is of each", remedy="order by entropy or margin with this model"
        )
    if measure != "models":
        return
    if other is None:
        raise UserError("there is no second model to compare with", remedy="train once more, or order by entropy")
    if other.card.task != "semantic":
        raise UserError(f"{other.card.name} is no model of classes", remedy="choose another second model")


Piece = tuple[int, Rect, "npt.NDArray[np.integer]", "npt.NDArray[np.float32]", "npt.NDArray[np.uint8] | None"]
"""(plane, rectangle, class of each pixel, its uncertainty, the probability of the class; None where that is not known)."""


def _pieces(
    segmenter: AnySegmenter, reader: Reader, measure: Measure, held: HeldAnswer | None, progress: ProgressSink,
    cancel: Cancel,
) -> Iterator[Piece]:  # fmt: skip
    if segmenter.card.task == "instance":
        yield from _of_objects(segmenter, reader, progress, cancel)
        return
    count = len(segmenter.card.classes)
    looking: Any = FlipsSegmenter(segmenter) if measure == "flips" else segmenter  # type: ignore[arg-type]
    for z, rect, logits in _all_logits(looking, reader, progress, cancel):
        classes, chance = likeliest(logits[:count].contiguous())
        sure = (255.0 * chance + 0.5).astype(np.uint8)
        if held is not None:
            doubt = held.disagreement(z, rect, classes, sure)
        elif measure == "flips":
            doubt = logits[count].cpu().numpy()
        else:
            doubt = (margin(logits) if measure == "margin" else entropy(logits)).cpu().numpy()
        yield z, rect, classes, doubt, sure


def _all_logits(
    segmenter: Segmenter, reader: Reader, progress: ProgressSink, cancel: Cancel
) -> Iterator[tuple[int, Rect, torch.Tensor]]:
    """(plane, rectangle, (K, h, w) logits) of every plane."""
    depth = depth_of(reader)
    if sees_volumes(segmenter):
        for first, rect, logits in volume_logits(segmenter, reader, range(depth), progress=progress, cancel=cancel):
            for place in range(logits.shape[1]):
                if first + place < depth:
                    yield first + place, rect, logits[:, place]
        return
    for z in range(depth):

        def sink(done: float, total: float, what: str, at: int = z) -> None:
            progress(at + (done / total if total else 0.0), depth, what)

        for rect, logits in semantic_logits(segmenter, reader, z=z, progress=sink, cancel=cancel):
            yield z, rect, logits


def _of_objects(segmenter: AnySegmenter, reader: Reader, progress: ProgressSink, cancel: Cancel) -> Iterator[Piece]:
    """An object of score s is as unsure as a coin that falls so: 1 − |2 s − 1|. What is no object counts as sure."""
    whole = Rect(0, 0, int(reader.info.width), int(reader.info.height))
    for z in range(depth_of(reader)):
        classes = np.zeros((whole.height, whole.width), np.uint8 if len(segmenter.card.classes) <= 256 else np.uint16)
        doubt = np.zeros(classes.shape, np.float32)
        for found in propose(segmenter, reader, z=z, progress=progress, cancel=cancel):
            assert isinstance(found, ObjectResult)
            part = classes[found.rect.slices]
            free = found.mask & (part == 0)
            part[free] = found.class_index
            doubt[found.rect.slices][free] = 1 - abs(2 * found.score - 1)
        yield z, whole, classes, doubt, None


def _held_answer(
    other: AnySegmenter, segmenter: AnySegmenter, reader: Reader, progress: ProgressSink, cancel: Cancel
) -> HeldAnswer:
    """What the *other* model answers, in classes of *segmenter*."""
    depth = depth_of(reader)
    held = HeldAnswer(depth, int(reader.info.height), int(reader.info.width))
    table = class_table(segmenter.card.classes, other.card.classes)
    for z, result in propose_planes(other, reader, range(depth), progress=progress, cancel=cancel):
        assert not isinstance(result, ObjectResult)
        held.put(z, result.rect, table[result.class_index], result.confidence)
    return held
