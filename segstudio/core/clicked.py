"""Objects that a click model found: written to the proposal layer as they are, corrected, accepted into the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import UNLABELLED
from segstudio.core.edits import ANYWHERE, Edit, Guard, Transaction, combined
from segstudio.core.geometry import Rect, tile_rect
from segstudio.core.regions import grow_region, tightened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.core.tiles import TileMap
    from segstudio.core.touched import Touched

    Mask = npt.NDArray[np.bool_]

CLICKED = "@click"
"""What the model's name ends with in segments that clicks made."""


def click_model_id(card_id: str) -> str:
    """The ``model_id`` of segments that this click model found."""
    return card_id + CLICKED


def is_clicked(segment: Segment) -> bool:
    """Whether clicks made a segment, of the proposal or (accepted) of the labels."""
    return segment.model_id.endswith(CLICKED)


def is_protected(segment: Segment) -> bool:
    """Whether a click's answer leaves the pixels of a segment of the labels alone: objects, and what clicks made."""
    if segment.class_id == UNLABELLED:
        return False
    return segment.is_object or (segment.source == "accepted" and is_clicked(segment))


def free_lut(labels: LabelLayer, guard: Guard = ANYWHERE, but: int = 0) -> npt.NDArray[np.bool_]:
    """(65536,) bool: which segment ids of the labels an answer may cover; *but* is being corrected and may be, too."""
    free = guard.lut(labels).copy()
    free[[segment.id for segment in labels.segments.values() if is_protected(segment)]] = False
    if but:
        free[but] = True
    return free


@dataclass(frozen=True, eq=False)
class ClickedArea:
    """What a model took clicks for: ``mask`` (h, w) bool over ``rect`` of plane ``z``, and how sure it is, 0 … 1.

    An empty rectangle: it found nothing.
    """

    mask: Mask
    rect: Rect
    score: float
    z: int = 0

    def within(self, labels: LabelLayer, free: npt.NDArray[np.bool_], guard: Guard = ANYWHERE) -> ClickedArea:
        """What of it lies on data and on labels that are *free* (see :func:`free_lut`)."""
        if self.rect.is_empty:
            return self
        mask = self.mask.copy()
        for key in labels.tiles.keys_in(self.rect, self.z):
            part = tile_rect(key[1], key[2]).intersected(self.rect)
            tile = labels.tiles.get(key)
            target = part.moved(-self.rect.x, -self.rect.y).slices
            mask[target] &= free[tile if isinstance(tile, int) else tile[_inside(part, key)]]
        valid = None if guard.validity is None else guard.validity(self.z, self.rect)
        if valid is not None:
            mask &= valid
        mask, rect = tightened(mask, self.rect)
        return replace(self, mask=mask, rect=rect)


def put_object(
    proposal: LabelLayer,
    area: ClickedArea,
    class_id: int,
    model_id: str,
    *,
    former: int = 0,
    within: Rect | None = None,
    below: LabelLayer | None = None,
    label: str = "Click",
) -> tuple[Edit | None, int]:
    """Write *area* as an object of the proposal: (the edit, already applied; the object's segment id).

    *former* is the object's id while it is being corrected: where it no longer is, what *below* holds (the layer before
    the object came; None: nothing) comes back; *within* as in :func:`pieces_of`. Empty and 0 when nothing is left of the object.
    """
    transaction = Transaction(proposal, label)
    if former:
        _take_out(transaction, former, below, area.z, within)
    if area.rect.is_empty:
        if former in proposal.segments:
            transaction.remove_segment(former)
        return transaction.commit(), 0
    row = proposal.segments.get(former)
    segment_id = former if row is not None else transaction.new_object(class_id, "model", model_id, area.score)
    transaction.set_segment(
        replace(
            proposal.segments[segment_id],
            class_id=class_id,
            model_id=model_id,
            confidence=area.score,
            is_reviewed=True,  # somebody asked for it: «Accept all» takes it wherever it is
        )
    )
    transaction.write(area.rect, segment_id, area.mask, area.z)
    value = min(max(round(area.score * 255), 1), 255)
    transaction.write_confidence(area.rect, value, area.mask, area.z)
    return transaction.commit(), segment_id


def put_objects(
    proposal: LabelLayer,
    areas: Sequence[ClickedArea],
    class_id: int,
    model_id: str,
    label: str,
    touched: Touched | None = None,
) -> tuple[Edit | None, int]:
    """Write many at once, the first ones first: (the edit, already applied; how many there are).

    They give way to each other, to objects of earlier clicks and to what a person *touched*, and cover what else the
    proposal holds.
    """
    transaction = Transaction(proposal, label)
    kept = np.zeros(65536, np.bool_)
    kept[[segment.id for segment in proposal.segments.values() if is_clicked(segment)]] = True
    count = 0
    for area in areas:
        free = area.mask & ~kept[proposal.tiles.read(area.rect, area.z)]
        if touched is not None:
            free &= ~touched(area.rect, area.z)
        if not free.any():
            continue
        segment_id = transaction.new_object(class_id, "model", model_id, area.score)
        kept[segment_id] = True
        transaction.write(area.rect, segment_id, free, area.z)
        transaction.write_confidence(area.rect, min(max(round(area.score * 255), 1), 255), free, area.z)
        count += 1
    return transaction.commit(), count


@dataclass(frozen=True, eq=False)
class Asked:
    """Objects of a proposal that a person asked for by clicks and neither accepted nor dropped yet."""

    segments: tuple[Segment, ...]
    pieces: tuple[tuple[int, Rect, npt.NDArray[np.uint16], Mask, npt.NDArray[np.uint8]], ...]
    """(plane, rectangle inside one tile, segment ids, which of them are meant, confidences)."""


def asked_for(proposal: LabelLayer) -> Asked:
    """What a person asked for by clicks: it stays when a model proposes anew."""
    rows = tuple(
        row for row in proposal.segments.values() if row.is_reviewed and is_clicked(row) and row.class_id != UNLABELLED
    )
    pieces = []
    if rows:
        meant = np.zeros(65536, np.bool_)
        meant[[row.id for row in rows]] = True
        for key in proposal.tiles.keys():
            part = tile_rect(key[1], key[2]).intersected(proposal.bounds)
            ids = proposal.tiles.read(part, key[0])
            where = meant[ids]
            if where.any():
                pieces.append((key[0], part, ids, where, proposal.read_confidence(part, key[0])))
    return Asked(rows, tuple(pieces))


def put_back(transaction: Transaction, asked: Asked) -> None:
    """Write what :func:`asked_for` found, after the proposal was cleared."""
    for row in asked.segments:
        transaction.set_segment(row)
    for z, part, ids, where, sure in asked.pieces:
        transaction.write(part, ids, where, z)
        transaction.write_confidence(part, sure, where, z)


@dataclass(frozen=True, eq=False)
class Taken:
    """An object of the labels that is being corrected: its segment, and the piece of it that was taken up."""

    segment_id: int
    mask: Mask
    rect: Rect


def accept_object(
    labels: LabelLayer,
    proposal: LabelLayer,
    segment_id: int,
    *,
    class_id: int,
    target: int = 0,
    is_object: bool = True,
    taken: Taken | None = None,
    within: Rect | None = None,
    below: LabelLayer | None = None,
    guard: Guard = ANYWHERE,
    z: int = 0,
    label: str = "Accept click",
) -> tuple[Edit | None, int]:
    """Turn an object of the proposal into labels of *class_id*: (one edit, already applied; the labels' segment id).

    It becomes segment *target* (0: an object of its own or, with *is_object* False, what clicks accepted of the class).
    With *taken* it replaces that. What :func:`is_protected`, and what *guard* forbids, stays.
    """
    row = proposal.segments.get(segment_id)
    if row is None:
        return None, 0
    free = free_lut(labels, guard, taken.segment_id if taken is not None else target)
    write = Transaction(labels, label, replace(ANYWHERE, validity=guard.validity), is_by_hand=True)
    if taken is not None:
        target = taken.segment_id
        where = taken.mask & (labels.tiles.read(taken.rect, z) == target)
        write.write(taken.rect, UNLABELLED, where, z)
    if not target and is_object:
        target = write.new_object(class_id, "accepted", row.model_id, row.confidence)
    elif not target:
        target = write.ensure_stuff(class_id, "accepted", row.model_id)
        free[target] = True
    for part, where in pieces_of(proposal, segment_id, z, within):
        write.write(part, target, where & free[labels.tiles.read(part, z)], z)
    clear = Transaction(proposal, label)
    _take_out(clear, segment_id, below, z, within)
    clear.remove_segment(segment_id)
    return combined(label, write.commit(), clear.commit()), target


def pieces_of(
    layer: LabelLayer, segment_id: int, z: int = 0, within: Rect | None = None
) -> Iterator[tuple[Rect, Mask]]:
    """Where a segment is on a plane: (rectangle inside one tile, (h, w) bool), tile by tile.

    *within* holds all of it, where that is known: of a large layer only its tiles are looked at.
    """
    for key in layer.tiles.keys_in(layer.bounds if within is None else within, z):
        part = tile_rect(key[1], key[2]).intersected(layer.bounds)
        tile = layer.tiles.get(key)
        if isinstance(tile, int):
            if tile == segment_id:
                yield part, np.ones((part.height, part.width), np.bool_)
            continue
        where = tile[_inside(part, key)] == segment_id
        if where.any():
            yield part, where


def piece_at(layer: LabelLayer, x: float, y: float, z: int = 0) -> tuple[Mask, Rect, int]:
    """What hangs together with a point and has its segment: ((h, w) bool, its rectangle, the segment's id, 0 = none)."""
    column, row = math.floor(x), math.floor(y)
    nothing = np.zeros((0, 0), np.bool_), Rect(0, 0, 0, 0), 0
    if not layer.bounds.contains(column, row):
        return nothing
    segment = layer.segments.get(int(layer.read(Rect(column, row, 1, 1), z)[0, 0]))
    if segment is None or segment.class_id == UNLABELLED:
        return nothing
    mask, rect = grow_region(
        lambda part: layer.tiles.read(part, z) == segment.id, (column, row), layer.bounds, connectivity=8
    )
    return mask, rect, segment.id


def sampled_at(
    tiles: TileMap, xs: npt.NDArray[np.intp], ys: npt.NDArray[np.intp], z: int = 0
) -> npt.NDArray[np.generic]:
    """(len(ys), len(xs)): the values in these columns and rows of a plane; 0 where there is nothing.

    *xs* and *ys* rise. Costs follow what is looked at, whatever the image's size.
    """
    out = np.zeros((len(ys), len(xs)), tiles.dtype)
    if not len(xs) or not len(ys):
        return out
    seen = Rect(int(xs[0]), int(ys[0]), int(xs[-1] - xs[0]) + 1, int(ys[-1] - ys[0]) + 1)
    for key in tiles.keys_in(seen, z):
        whole = tile_rect(key[1], key[2])
        rows = slice(*np.searchsorted(ys, (whole.y, whole.bottom)))
        columns = slice(*np.searchsorted(xs, (whole.x, whole.right)))
        tile = tiles.get(key)
        if isinstance(tile, int):
            out[rows, columns] = tile
        else:
            out[rows, columns] = tile[np.ix_(ys[rows] - whole.y, xs[columns] - whole.x)]
    return out


def blocked_at(
    layers: Sequence[LabelLayer],
    free: npt.NDArray[np.bool_],
    xs: npt.NDArray[np.intp],
    ys: npt.NDArray[np.intp],
    z: int,
) -> Mask:
    """(len(ys), len(xs)) bool: where a sweep proposes nothing; the first of *layers* are the labels, *free* their ids.

    That is where labels are not free, where a person decided, and where earlier clicks found something.
    """
    out = ~free[sampled_at(layers[0].tiles, xs, ys, z)]
    for layer in layers:
        kept = np.zeros(65536, np.bool_)
        rows = [row for row in layer.segments.values() if row.class_id != UNLABELLED]
        kept[[row.id for row in rows if row.is_hand_work or is_clicked(row)]] = True
        out |= kept[sampled_at(layer.tiles, xs, ys, z)]
        out |= sampled_at(layer.touched, xs, ys, z) != 0
    return np.asarray(out)


def _take_out(transaction: Transaction, segment_id: int, below: LabelLayer | None, z: int, within: Rect | None) -> None:
    """Put what lies *below* where an object is."""
    layer = transaction.layer
    rows = np.zeros(65536, np.bool_)
    rows[[i for i in layer.segments if i != segment_id]] = True  # a segment may be gone meanwhile
    for part, where in pieces_of(layer, segment_id, z, within):
        ids: npt.NDArray[np.uint16] | int = UNLABELLED
        sure: npt.NDArray[np.uint8] | int = 0
        if below is not None:
            former = below.tiles.read(part, z)
            ids = np.where(rows[former], former, UNLABELLED).astype(np.uint16)
            sure = np.where(ids > 0, below.read_confidence(part, z), 0).astype(np.uint8)
        transaction.write(part, ids, where, z)
        if layer.confidence is not None:
            transaction.write_confidence(part, sure, where, z)


def _inside(part: Rect, key: tuple[int, int, int]) -> tuple[slice, slice]:
    whole = tile_rect(key[1], key[2])
    return part.moved(-whole.x, -whole.y).slices
