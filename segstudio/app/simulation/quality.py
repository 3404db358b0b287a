"""How good a model, or labels, are beside the truth."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.metrics import joint_histogram, scores_from_confusion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.simulation.data import Mask, TruthData
    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.ml.api import AnySegmenter

NOT_COUNTED = 65535


@dataclass(frozen=True)
class Quality:
    """Over all classes, and (``foreground_dice``) without a background."""

    mean_dice: float | None
    foreground_dice: float | None
    mean_iou: float | None


class Scores:
    """Sums up class ids that should be and that are, in the class indices of a dataset."""

    def __init__(self, data: TruthData, table: ClassTable) -> None:
        self._background = data.background
        self._count = len(data.classes)
        self._index_of = np.full(65536, NOT_COUNTED, np.uint16)
        for index, name in enumerate(data.classes):
            known = table.by_name(name)
            if index == data.background:
                self._index_of[UNLABELLED] = index
            elif known is not None:
                self._index_of[known.id] = index
        self._confusion = np.zeros((self._count, self._count), np.int64)
        self._missed = np.zeros(self._count, np.int64)

    def add(self, truth: Mask, shown: Mask) -> None:
        """Two (y, x) arrays of class ids; ``IGNORE`` in the truth is left out."""
        known = truth != IGNORE
        should, found = self._index_of[truth[known]][None], self._index_of[shown[known]][None]
        self._confusion += joint_histogram(should, found, self._count)
        lost = should[(found >= self._count) & (should < self._count)]
        self._missed += np.bincount(lost, minlength=self._count)

    def quality(self) -> Quality:
        """Of all that was added."""
        document = scores_from_confusion(self._confusion, missed=self._missed)
        rows: list[dict[str, Any]] = document["per_class"]
        dice = [r["dice"] for i, r in enumerate(rows) if i != self._background and r["dice"] is not None]
        foreground = float(np.mean(dice)) if dice else None
        return Quality(document["mean_dice"], foreground, document["mean_iou"])


def compared(data: TruthData, table: ClassTable, pairs: Sequence[tuple[Mask, Mask]]) -> Quality:
    """How well (truth, shown) pairs of class ids agree."""
    scores = Scores(data, table)
    for truth, shown in pairs:
        scores.add(truth, shown)
    return scores.quality()


def to_label(truth: Mask) -> int:
    """How many pixels of (y, x) *truth* want a label, 1 at least."""
    return max(1, int(np.count_nonzero((truth != UNLABELLED) & (truth != IGNORE))))


def share_wrong(truth: Mask, labels: Mask) -> float:
    """Pixels that are wrong, by how many there are to label."""
    return np.count_nonzero((labels != truth) & (truth != IGNORE)) / to_label(truth)


def found_classes(
    segmenter: AnySegmenter, file: Any, table: ClassTable, shape: tuple[int, int], cancel: Cancel
) -> npt.NDArray[np.uint16]:
    """(y, x) class ids that the model finds in an image file; classes that the project lacks are 0."""
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.api import ObjectResult
    from segstudio.ml.class_mapping import match_by_name
    from segstudio.ml.inference.run import propose

    lut = np.zeros(65536, np.uint16)
    for index, class_id in match_by_name(segmenter.card, table).items():
        lut[index] = class_id or 0
    found = np.zeros(shape, np.uint16)
    with closing(open_image(file)) as reader:
        for result in propose(segmenter, reader, cancel=cancel):
            part = found[result.rect.slices]
            if isinstance(result, ObjectResult):
                part[result.mask & (part == 0)] = lut[result.class_index]
            else:
                part[:] = lut[result.class_index]
    return found
