"""A refined proposal: class indices out of a crop of segments, and segments out of the refined class indices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.tiles import Array


def indexed_classes(
    segment_ids: Array, class_lut: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.uint16], tuple[int, ...]]:
    """(h, w) uint16 indices, and the class each index means, of a crop of segment ids (h, w) uint16.

    Index 0 is the background (and ignore): the classes are (UNLABELLED, then those that occur, by id). *class_lut* is
    :meth:`segstudio.core.layers.LabelLayer.class_lut`.
    """
    classes = class_lut.take(segment_ids)
    occurs = np.zeros(65536, np.bool_)
    occurs[classes] = True
    occurs[[UNLABELLED, IGNORE]] = False
    class_ids = (UNLABELLED, *(int(class_id) for class_id in np.flatnonzero(occurs)))
    table = np.zeros(65536, np.uint16)
    table[list(class_ids)] = np.arange(len(class_ids), dtype=np.uint16)
    return table.take(classes), class_ids


def refined_segments(segment_ids: Array, before: Array, after: Array) -> npt.NDArray[np.uint16]:
    """(h, w) uint16 segment ids after a refinement that turned the class indices *before* into *after*, each (h, w).

    A pixel whose class stays keeps its segment, so objects stay objects; one that a class gains goes to the nearest
    segment of that class in the crop; one that becomes background is 0. Pixels marked ignore stay so. Indices of
    *after* that do not occur in *before* leave their pixels as they were: there is no segment to give them to.
    """
    result = segment_ids.astype(np.uint16)
    changed = (before != after) & (segment_ids != IGNORE)
    result[changed & (after == 0)] = UNLABELLED
    for index in np.flatnonzero(np.bincount(after[changed].ravel(), minlength=1)):
        if index == 0:
            continue
        own = (before == index) & (segment_ids != IGNORE)
        ids = np.unique(segment_ids[own])
        gained = changed & (after == index)
        if len(ids) == 1:
            result[gained] = ids[0]
        elif len(ids):
            result[gained] = _nearest(segment_ids, own)[gained]
    return result


def _nearest(segment_ids: Array, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """(h, w) uint16: the segment id of the nearest pixel where *own* is set, which it is somewhere."""
    _, places = cv2.distanceTransformWithLabels(
        np.logical_not(own).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(places.max()) + 1, np.uint16)
    table[places[own]] = segment_ids[own]
    found: npt.NDArray[np.uint16] = table.take(places)
    return found


def refined_confidence(segment_ids: Array, confidence: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(h, w) uint8 *confidence* as a proposal layer keeps it: 0 where nothing is proposed."""
    return np.where(segment_ids == UNLABELLED, 0, confidence).astype(np.uint8)
