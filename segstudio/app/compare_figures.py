"""How far two answers for one picture agree with each other, and with its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.cancel import NEVER, check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import tile_rect, tiles_of
from segstudio.core.metrics import joint_histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer

    Counts = npt.NDArray[np.int64]
    Places = npt.NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True)
class ClassAgreement:
    """One class: pixels that either side gives it, and their intersection over union, None with one side missing."""

    class_id: int
    left_px: int
    right_px: int
    iou: float | None


@dataclass(frozen=True)
class CompareFigures:
    """Figures of a comparison, over the pixels that were compared.

    ``agreement`` is the share 0 … 1 of pixels to which both give the same class (or both none); None while a side is
    missing. ``labels_iou`` are the mean IoU of each side against the labels, over the classes that occur; None where
    there are no labels, or no such side.
    """

    pixels: int
    agreement: float | None
    classes: tuple[ClassAgreement, ...]
    labels_iou: tuple[float | None, float | None] = (None, None)

    @property
    def has_labels(self) -> bool:
        """Whether there were labels to compare with."""
        return self.labels_iou != (None, None)


@dataclass(frozen=True)
class FigureRequest:
    """What to count: layers that nobody changes meanwhile (shadows), classes by id, and where.

    *aliases* are (id in left and right, class id) where those layers number classes in their own way; 0 = none.
    *floor* is the lowest confidence 0 … 255 that counts. With *unlabelled_counts* a pixel that nobody labelled is
    background in the figures against the labels; else it is left out of them.
    """

    left: LabelLayer | None
    right: LabelLayer | None
    labels: LabelLayer | None
    rect: Rect
    z: int
    floor: int
    class_ids: tuple[int, ...]
    aliases: tuple[tuple[int, int], ...] = ()
    unlabelled_counts: bool = True


def figures_of(request: FigureRequest, cancel: Cancel = NEVER) -> CompareFigures:
    """Count tile by tile. Classes are listed by how many pixels they have.

    Raises
    ------
    Cancelled
        When the cancel flag was set.
    """
    size = len(request.class_ids) + 1
    places: Places = np.zeros(65536, np.dtype(np.uint8 if size < 256 else np.uint16))
    places[list(request.class_ids)] = np.arange(1, size)
    for own_id, class_id in request.aliases:
        places[own_id] = places[class_id]
    between = np.zeros((size, size), np.int64)
    with_labels = [np.zeros((size + 1, size + 1), np.int64) for _ in range(2)]
    labelled_px = 0
    for ty, tx in tiles_of(request.rect):
        check(cancel)
        part = tile_rect(ty, tx).intersected(request.rect)
        left, right = (_places_in(layer, part, request, places) for layer in (request.left, request.right))
        if left is not None and right is not None:
            between += joint_histogram(left, right, size)
        if request.labels is None:
            continue
        class_ids = request.labels.read_classes(part, request.z)
        truth = places.take(class_ids)
        labelled_px += int(np.count_nonzero(truth))
        is_left_out = class_ids == IGNORE
        if not request.unlabelled_counts:
            is_left_out |= class_ids == UNLABELLED
        truth[is_left_out] = size
        for counts, found in zip(with_labels, (left, right), strict=True):
            if found is not None:
                counts += joint_histogram(truth, found, size + 1)
    is_whole = request.left is not None and request.right is not None
    scores = tuple(
        _mean_iou(counts[:size, :size]) if labelled_px and layer is not None else None
        for counts, layer in zip(with_labels, (request.left, request.right), strict=True)
    )
    return CompareFigures(
        request.rect.width * request.rect.height,
        float(np.trace(between) / between.sum()) if is_whole and between.any() else None,
        _classes(request.class_ids, between) if is_whole else (),
        (scores[0], scores[1]),
    )


def _places_in(layer: LabelLayer | None, part: Rect, request: FigureRequest, places: Places) -> Places | None:
    """(h, w) place of each pixel's class among the request's; 0 = none of them, or not sure enough."""
    if layer is None:
        return None
    found = places.take(layer.read_classes(part, request.z))
    if request.floor > 0:
        found[layer.read_confidence(part, request.z) < request.floor] = 0
    return found


def _classes(class_ids: Sequence[int], between: Counts) -> tuple[ClassAgreement, ...]:
    hits, left, right = np.diag(between), between.sum(axis=1), between.sum(axis=0)
    union = left + right - hits
    order = sorted((i for i in range(1, len(between)) if union[i]), key=lambda i: (-int(union[i]), i))
    return tuple(
        ClassAgreement(class_ids[i - 1], int(left[i]), int(right[i]), float(hits[i] / union[i])) for i in order
    )


def _mean_iou(counts: Counts) -> float | None:
    """Over the classes that the labels or the side have; background has no part in it."""
    hits = np.diag(counts)
    union = counts.sum(axis=1) + counts.sum(axis=0) - hits
    there = union[1:] > 0
    return float((hits[1:][there] / union[1:][there]).mean()) if there.any() else None
