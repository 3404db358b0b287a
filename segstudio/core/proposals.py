"""Proposals: a model's answers written to a layer of their own, then accepted into the labels or rejected."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import UNLABELLED
from segstudio.core.clicked import asked_for, put_back
from segstudio.core.edits import ANYWHERE, Edit, Guard, Transaction, combined
from segstudio.core.geometry import EMPTY, Rect
from segstudio.core.proposal_selection import Selection, confidence_floor, untouched
from segstudio.core.refined_proposals import write_refined
from segstudio.core.regions import grow_region

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.core.tiles import Array
    from segstudio.core.touched import Touched

__all__ = [
    "ProposalWriter",
    "accept",
    "accept_object_at",
    "confidence_floor",
    "object_at",
    "reject",
    "reject_object_at",
    "visible_proposal",
]

MOST_TOUCHED = 0.5
"""An object of which more lies where a person has decided is left out: the rest would be a rim around his own."""


class ProposalWriter:
    """Writes what a model finds into a proposal layer, window by window; all of it is one undoable edit.

    ``class_map`` says which class of the project a model's class index becomes; 0, or an index that is missing,
    drops it. What the layer held before is cleared at the start (only within *rects* and on *planes*, where given), but
    for what clicks asked for;
    ``version`` tells two models of one id apart. Where *touched* says that a person has decided, nothing is written.
    """

    def __init__(
        self,
        layer: LabelLayer,
        class_map: Mapping[int, int],
        model_id: str,
        version: str = "",
        *,
        rects: Collection[Rect] | None = None,
        planes: Collection[int] | None = None,
        touched: Touched | None = None,
        label: str = "",
    ) -> None:
        self.layer = layer
        self._touched = touched
        self.model_id = f"{model_id}@{version}" if version else model_id
        self._class_map = {index: class_id for index, class_id in class_map.items() if class_id != UNLABELLED}
        self._transaction = Transaction(layer, label or f"Propose with {model_id}")
        self._lut = np.zeros(max([0, *class_map]) + 1, np.uint16)
        self.dirty = EMPTY
        """What the clearing changed."""
        is_whole = rects is None and (planes is None or len(set(planes)) >= layer.depth)
        asked = asked_for(layer)
        if is_whole:
            self.dirty = self._transaction.clear()
        else:
            for z in range(layer.depth) if planes is None else planes:
                for rect in (layer.bounds,) if rects is None else rects:
                    self.dirty = self.dirty.united(self._transaction.write(rect, UNLABELLED, z=z))
        put_back(self._transaction, asked)
        self._asked_ids = np.array([segment.id for segment in asked.segments], np.uint16)

    def _free(self, rect: Rect, z: int) -> npt.NDArray[np.bool_] | None:
        """(h, w) bool: where nothing is that clicks asked for; None: everywhere."""
        return ~np.isin(self.layer.tiles.read(rect, z), self._asked_ids) if len(self._asked_ids) else None

    @property
    def is_open(self) -> bool:
        """Whether it was neither finished nor aborted."""
        return self._transaction.is_open

    def map_class(self, class_index: int, class_id: int) -> None:
        """From now on the model's *class_index* becomes the project's *class_id*."""
        self._class_map[class_index] = class_id

    def _segment_ids(self, class_index: Array, rect: Rect, z: int) -> npt.NDArray[np.uint16]:
        """Segment ids of class indices, 0 where a person has decided."""
        touched = None if self._touched is None else self._touched(rect, z)
        if touched is None or not touched.any():
            return self._segments_of(class_index)
        ids = np.zeros(class_index.shape, np.uint16)
        ids[~touched] = self._segments_of(class_index[~touched])
        return ids

    def _segments_of(self, class_index: Array) -> npt.NDArray[np.uint16]:
        highest = int(class_index.max(initial=0))
        if highest >= len(self._lut):
            self._lut = np.concatenate([self._lut, np.zeros(highest + 1 - len(self._lut), np.uint16)])
        # Segments are made for classes that occur, so that the table does not list eighty classes nobody saw.
        for index in np.flatnonzero(np.bincount(class_index.ravel(), minlength=1)):
            class_id = self._class_map.get(int(index), UNLABELLED)
            if class_id != UNLABELLED and not self._lut[index]:
                self._lut[index] = self._transaction.ensure_stuff(class_id, "model", self.model_id)
        ids: npt.NDArray[np.uint16] = self._lut[class_index]
        return ids

    def write_window(self, rect: Rect, class_index: Array, confidence: Array | None = None, z: int = 0) -> Rect:
        """Write a finished window: (h, w) class indices of the model, (h, w) uint8 confidences. The dirty rectangle."""
        ids = self._segment_ids(class_index, rect, z)
        free = self._free(rect, z)
        dirty = self._transaction.write(rect, ids, free, z)
        if self.layer.confidence is not None:
            values: Array | int = 255 if confidence is None else np.where(ids == UNLABELLED, 0, confidence)
            dirty = dirty.united(self._transaction.write_confidence(rect, values, free, z))
        return dirty

    def write_object(self, rect: Rect, mask: npt.NDArray[np.bool_], class_index: int, score: float, z: int = 0) -> Rect:
        """Write one object, (h, w) bool over *rect*, *score* 0 … 1. Later ones cover earlier ones only where free.

        One that lies mostly where a person has decided is left out.
        """
        class_id = self._class_map.get(int(class_index), UNLABELLED)
        if class_id == UNLABELLED:
            return EMPTY
        if self._touched is not None:
            touched = mask & self._touched(rect, z)
            if np.count_nonzero(touched) > MOST_TOUCHED * np.count_nonzero(mask):
                return EMPTY
            mask = mask & ~touched
        free = mask & (self.layer.tiles.read(rect, z) == UNLABELLED)
        if not free.any():
            return EMPTY
        segment_id = self._transaction.new_object(class_id, "model", self.model_id, float(score))
        dirty = self._transaction.write(rect, segment_id, free, z)
        if self.layer.confidence is not None:
            value = min(max(round(score * 255), 0), 255)
            self._transaction.write_confidence(rect, value, free, z)
        return dirty

    def write_refined(
        self, rect: Rect, segment_ids: npt.NDArray[np.uint16], confidence: npt.NDArray[np.uint8], z: int = 0
    ) -> Rect:
        """Replace what was written by (h, w) segment ids of the layer, and how sure they are. The dirty rectangle."""
        if self._touched is not None:
            gone = self._touched(rect, z)
            free = self._free(rect, z)
            segment_ids = np.where(gone if free is None else gone & free, np.uint16(UNLABELLED), segment_ids)
        return write_refined(self._transaction, rect, segment_ids, confidence, z)

    def finish(self) -> Edit | None:
        """The edit of all that was written; None when the layer is as it was."""
        return self._transaction.commit()

    def abort(self) -> Rect:
        """Put back what was there before; the rectangle to draw anew."""
        return self._transaction.abort()


def accept(
    labels: LabelLayer,
    proposal: LabelLayer,
    *,
    class_ids: Collection[int] | None = None,
    segment_ids: Collection[int] | None = None,
    min_confidence: float = 0.0,
    rect: Rect | None = None,
    mask: npt.NDArray[np.bool_] | None = None,
    keep_hand: bool = True,
    locked_class_ids: Collection[int] = (),
    keep_touched: bool = False,
    guard: Guard = ANYWHERE,
    z: int | None = None,
    is_by_hand: bool = False,
    label: str = "Accept proposal",
) -> Edit | None:
    """Turn the chosen part of a proposal into labels and take it out of the proposal: one edit, already applied.

    Chosen are pixels of *class_ids* (of the proposal's *segment_ids*) with at least *min_confidence* inside *rect*,
    and there inside (h, w) *mask*; None means all. ``z`` None takes every plane. Hand work (made, imported or
    reviewed by a person) stays unless *keep_hand* is False; *locked_class_ids* and what *guard* forbids always stay. With
    *keep_touched* what a person erased or rejected stays empty too, except for what he asked for himself (a proposal's
    segment that is reviewed: by clicks). *is_by_hand*: somebody chose this place, which is then touched.
    Objects become objects of their own; stuff joins the accepted stuff of its class. None when nothing was chosen.
    """
    selection = Selection(proposal, class_ids, segment_ids, min_confidence, rect, mask, z)
    guard = replace(
        guard,
        locked_class_ids=guard.locked_class_ids | frozenset(locked_class_ids),
        protect_hand=keep_hand or guard.protect_hand,
    )
    write = Transaction(labels, label, is_by_hand=is_by_hand)  # what the guard forbids is left out of each write below
    clear = Transaction(proposal, label)
    targets = np.zeros(65536, np.uint16)
    fresh: dict[int, int] = {}
    written = np.zeros(65536, np.bool_)
    rows = {segment.id: segment for segment in selection.segments()}

    def target(segment_id: int) -> None:
        segment = rows[segment_id]
        if segment.is_object:
            made = write.new_object(segment.class_id, "accepted", segment.model_id, segment.confidence)
            fresh[made] = segment_id
        else:
            known = labels.stuff_segment(segment.class_id, "accepted", segment.model_id)
            made = write.ensure_stuff(segment.class_id, "accepted", segment.model_id)
            if known is None:
                fresh[made] = segment_id
        targets[segment_id] = made

    for segment_id in rows:
        target(segment_id)
    unseen = list(fresh)
    allowed = None if guard.is_open else guard.lut(labels)
    for plane, part, ids, meant in selection.parts():
        values: Array | int = int(targets[ids]) if isinstance(ids, int) else targets.take(ids)
        where = meant
        if allowed is not None:
            free = allowed.take(labels.tiles.read(part, plane))
            where = free if meant is None else free & meant
        if keep_touched:
            where = untouched(labels, proposal, part, ids, where, plane)
        where = guard.with_data(part, values, where, plane)
        if where is None or where.any():
            write.write(part, values, where, plane)
            if unseen:
                if isinstance(values, int) or where is None:
                    written[values] = True
                else:
                    written[values.take(np.flatnonzero(where))] = True
                unseen = [made for made in unseen if not written[made]]
        clear.write(part, UNLABELLED, meant, plane)
    for made in unseen:
        write.remove_segment(made)
    return combined(label, write.commit(), clear.commit())


def reject(
    proposal: LabelLayer,
    *,
    class_ids: Collection[int] | None = None,
    segment_ids: Collection[int] | None = None,
    min_confidence: float = 0.0,
    rect: Rect | None = None,
    mask: npt.NDArray[np.bool_] | None = None,
    z: int | None = None,
    is_by_hand: bool = False,
    label: str = "Reject proposal",
) -> Edit | None:
    """Take the chosen part (see :func:`accept`) out of the proposal: one edit, already applied; None when nothing.

    *is_by_hand*: somebody chose this place; models propose nothing there again.
    """
    selection = Selection(proposal, class_ids, segment_ids, min_confidence, rect, mask, z)
    clear = Transaction(proposal, label, is_by_hand=is_by_hand)
    for plane, part, _, meant in selection.parts():
        clear.write(part, UNLABELLED, meant, plane)
    return clear.commit()


def object_at(
    proposal: LabelLayer, x: float, y: float, *, min_confidence: float = 0.0, z: int = 0
) -> tuple[npt.NDArray[np.bool_], Rect, int]:
    """The object of the shown proposal under a point: ((h, w) bool, its rectangle, its segment id).

    An object is what shares the segment id and hangs together there; of stuff, the connected area of the class.
    Empty and 0 where nothing is shown.
    """
    column, row = math.floor(x), math.floor(y)
    nothing = np.zeros((0, 0), np.bool_), EMPTY, 0
    if not proposal.bounds.contains(column, row):
        return nothing
    here = Rect(column, row, 1, 1)
    segment = proposal.segments.get(int(proposal.read(here, z)[0, 0]))
    if segment is None or visible_proposal(proposal, here, min_confidence, z)[0, 0] == UNLABELLED:
        return nothing
    found = segment

    def inside(rect: Rect) -> npt.NDArray[np.bool_]:
        shown: npt.NDArray[np.bool_] = visible_proposal(proposal, rect, min_confidence, z) == found.class_id
        if found.is_object:
            np.logical_and(shown, proposal.tiles.read(rect, z) == found.id, out=shown)
        return shown

    mask, rect = grow_region(inside, (column, row), proposal.bounds, connectivity=8)
    return mask, rect, found.id


def accept_object_at(
    labels: LabelLayer,
    proposal: LabelLayer,
    x: float,
    y: float,
    *,
    min_confidence: float = 0.0,
    keep_hand: bool = True,
    locked_class_ids: Collection[int] = (),
    guard: Guard = ANYWHERE,
    z: int = 0,
    label: str = "Accept object",
) -> Edit | None:
    """Accept the object of the shown proposal under a point (see :func:`object_at`); None where there is none."""
    mask, rect, segment_id = object_at(proposal, x, y, min_confidence=min_confidence, z=z)
    if rect.is_empty:
        return None
    segment = proposal.segments[segment_id]
    return accept(
        labels,
        proposal,
        class_ids=(segment.class_id,),
        segment_ids=(segment_id,) if segment.is_object else None,
        min_confidence=min_confidence,
        rect=rect,
        mask=mask,
        keep_hand=keep_hand,
        locked_class_ids=locked_class_ids,
        guard=guard,
        z=z,
        is_by_hand=True,
        label=label,
    )


def reject_object_at(
    proposal: LabelLayer, x: float, y: float, *, min_confidence: float = 0.0, z: int = 0, label: str = "Reject object"
) -> Edit | None:
    """Reject the object of the shown proposal under a point; None where there is none."""
    mask, rect, segment_id = object_at(proposal, x, y, min_confidence=min_confidence, z=z)
    if rect.is_empty:
        return None
    class_ids = (proposal.segments[segment_id].class_id,)
    return reject(proposal, class_ids=class_ids, rect=rect, mask=mask, z=z, is_by_hand=True, label=label)


def visible_proposal(
    proposal: LabelLayer, rect: Rect, min_confidence: float = 0.0, z: int = 0
) -> npt.NDArray[np.uint16]:
    """(h, w) uint16 class ids of what is shown of a proposal at a confidence threshold 0 … 1; else 0."""
    classes = proposal.read_classes(rect, z)
    floor = confidence_floor(min_confidence)
    if floor > 0 and proposal.confidence is not None:
        classes[proposal.confidence.read(rect, z) < floor] = UNLABELLED
    return classes
