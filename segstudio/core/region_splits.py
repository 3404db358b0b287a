"""Regions cut apart and put together: touching objects, connected pieces, merging, changing class, clearing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import MAX_ID, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.region_ops import RegionWork, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.core.region_blocks import Blocks, Pieces

MOST_SPLIT_PX = 1 << 26
"""A connected piece whose box is larger is left whole: its parts are sought in one array."""


class _NewIds:
    """Ids that nothing in a layer has, one after another; UserError when there are no more."""

    def __init__(self, layer: LabelLayer) -> None:
        self._layer = layer
        self._next = max(layer.segments, default=0) + 1
        self._free: Iterator[int] | None = None

    def take(self) -> int:
        if self._next <= MAX_ID:
            self._next += 1
            return self._next - 1
        if self._free is None:
            used = {*self._layer.segments, *self._layer.segment_pixels()}
            self._free = iter([i for i in range(1, MAX_ID + 1) if i not in used])
        found = next(self._free, None)
        if found is None:
            raise UserError(
                f"A layer cannot hold more than {MAX_ID} objects", remedy="merge or delete some of the objects first"
            )
        return found


def _new_object(work: RegionWork, ids: _NewIds, group: int) -> int:
    """A new object like *group* (an object, or the class's stuff); its id."""
    like = work.source.segments[group]
    segment = replace(like, id=ids.take(), is_object=True, is_reviewed=True)
    work.transaction.set_segment(segment)
    return segment.id


def split_pieces(work: RegionWork, z: int) -> int:
    """Make every connected piece an object; how many objects there are then.

    The largest piece of an object stays that object; pieces of stuff all become new ones.
    """
    blocks = work.on(z)
    pieces = pieces_of(work, blocks)
    target = piece_owners(work, pieces)
    for block in work.steps(pieces.blocks):
        ids = target.take(pieces.at(block), mode="wrap")
        work.give(block, ids, (ids != 0) & (ids != blocks.ids(block)))
    return pieces.count


def piece_owners(work: RegionWork, pieces: Pieces) -> npt.NDArray[np.uint16]:
    """(count + 1,) uint16: the object that each piece is to be; the last is 0."""
    ids = _NewIds(work.source)
    target = np.zeros(pieces.count + 1, np.uint16)
    seen: set[int] = set()
    for piece in np.argsort(-pieces.area_px, kind="stable").tolist():
        group = int(pieces.group[piece])
        if work.source.segments[group].is_object and group not in seen:
            seen.add(group)
            target[piece] = group
        else:
            target[piece] = _new_object(work, ids, group)
    return target


# -- touching objects ----------------------------------------------------------------------------------------------


def touching_parts(mask: npt.NDArray[np.bool_], neck_px: float) -> npt.NDArray[np.int32]:
    """Number the parts of (h, w) *mask* that hang together by necks only: (h, w) int32, 1 … n, 0 outside.

    Two parts are apart where the neck is at least *neck_px* narrower (as radius) than the smaller of both: h-maxima of
    the distance to the outline, then a watershed (Soille, Morphological Image Analysis, 2nd ed., 2003, ch. 9).
    """
    from skimage.morphology import reconstruction
    from skimage.segmentation import watershed

    padded = np.pad(mask, 1)
    distance = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    lowered = np.maximum(distance - np.float32(max(neck_px, 0.1)), 0)
    domes = distance - reconstruction(lowered, distance).astype(np.float32)  # type: ignore[no-untyped-call]
    # The top of a dome that was cut by its full height holds a maximum worth a part of its own.
    count, markers = cv2.connectedComponents((domes > 0).astype(np.uint8), connectivity=8)
    is_high = np.zeros(count, np.bool_)
    np.maximum.at(is_high, markers.ravel(), (domes >= neck_px - 1e-3).ravel())
    is_high[0] = False
    order = np.cumsum(is_high) * is_high
    markers = order.take(markers).astype(np.int32)
    if int(order.max()) < 2:
        return mask.astype(np.int32)
    parts = watershed(-distance, markers, mask=padded)  # type: ignore[no-untyped-call]
    return np.asarray(parts[1:-1, 1:-1], np.int32)


def split_touching(work: RegionWork, z: int, neck_px: float) -> int:
    """Cut touching objects apart: every part of every connected piece becomes an object; how many there are then.

    The largest part of an object stays that object. Pieces with a box over :data:`MOST_SPLIT_PX` are only made objects.
    """
    blocks = work.on(z)
    pieces = pieces_of(work, blocks)
    ids = _NewIds(work.source)
    seen: set[int] = set()
    total = 0
    for step, piece in enumerate(np.argsort(-pieces.area_px, kind="stable").tolist()):
        if step % 64 == 0:
            check(work.cancel)
            work.progress(step, pieces.count, work.label)
        box = pieces.box[piece]
        if box.width * box.height > MOST_SPLIT_PX:
            continue
        group = int(pieces.group[piece])
        mask = _piece_mask(blocks, pieces, piece)
        parts = touching_parts(mask, neck_px)
        total += _hand_out(work, box, parts, group, ids, seen)
    return total


def _piece_mask(blocks: Blocks, pieces: Pieces, piece: int) -> npt.NDArray[np.bool_]:
    """The piece within its box: the only one of its group there, or the one that has its pixels."""
    box = pieces.box[piece]
    same: npt.NDArray[np.bool_] = blocks.groups(box) == pieces.group[piece]
    if np.count_nonzero(same) == pieces.area_px[piece]:
        return same
    for block in pieces.blocks:
        part = block.intersected(box)
        if not part.is_empty:
            at = pieces.at(block)[part.moved(-block.x, -block.y).slices]
            same[part.moved(-box.x, -box.y).slices] = at == piece
    return same


def _hand_out(
    work: RegionWork, box: Rect, parts: npt.NDArray[np.int32], group: int, ids: _NewIds, seen: set[int]
) -> int:
    areas = np.bincount(parts.ravel())
    target = np.zeros(len(areas), np.uint16)
    order: list[Any] = [int(part) for part in np.argsort(-areas[1:], kind="stable") + 1 if areas[part]]
    for part in order:
        if work.source.segments[group].is_object and group not in seen:
            seen.add(group)
            target[part] = group
        else:
            target[part] = _new_object(work, ids, group)
    given = target.take(parts)
    work.give(box, given, (parts > 0) & (given != work.source.tiles.read(box, work.z)))
    return len(order)


# -- whole segments ------------------------------------------------------------------------------------------------


def merge_objects(work: RegionWork, into_id: int) -> None:
    """Make one object of all of the region, on every plane: *into_id*, which keeps its class; pixels handed over."""
    for z in range(work.source.depth):
        blocks = work.on(z)
        for block in work.steps(blocks.near()):
            ids = blocks.ids(block)
            work.give(block, into_id, (work.table.take(ids) != 0) & (ids != into_id))
    for segment_id in work.segment_ids:
        if segment_id != into_id:
            work.transaction.remove_segment(segment_id)
    kept = work.source.segments[into_id]
    work.transaction.set_segment(replace(kept, is_object=True, is_reviewed=True))


def convert_class(work: RegionWork, class_id: int, planes: Sequence[int]) -> None:
    """Give the region another class. Objects change as wholes; stuff on *planes* only, unless those are all planes."""
    is_all = len(planes) >= work.source.depth
    stuff: list[int] = []
    for segment_id in work.segment_ids:
        segment = work.source.segments[segment_id]
        if segment.is_object or is_all:
            work.transaction.set_segment(replace(segment, class_id=class_id, is_reviewed=True))
        else:
            stuff.append(segment_id)
    if stuff:
        target = work.transaction.ensure_stuff(class_id)
        for z in planes:
            blocks = work.on(z)
            for block in work.steps(blocks.near()):
                work.give(block, target, np.isin(blocks.ids(block), stuff))


def clear_region(work: RegionWork, planes: Sequence[int]) -> None:
    """Make the region background on *planes*; when those are all planes, by its segments alone."""
    if len(planes) >= work.source.depth:
        for segment_id in work.segment_ids:
            segment = work.source.segments[segment_id]
            work.transaction.set_segment(replace(segment, class_id=UNLABELLED))
        return
    for z in planes:
        blocks = work.on(z)
        for block in work.steps(blocks.near()):
            work.remove(block, blocks.groups(block) != 0)
