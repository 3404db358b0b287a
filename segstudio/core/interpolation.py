"""Shapes between labelled planes of a volume, and labels carried from one plane to another.

Shape-based interpolation: Raya & Udupa, "Shape-based interpolation of multidimensional objects", IEEE TMI 9(1), 1990.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.cancel import NEVER, check
from segstudio.core.classes import UNLABELLED
from segstudio.core.geometry import EMPTY, Rect, tile_rect
from segstudio.core.regions import components, tightened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.edits import Transaction
    from segstudio.core.layers import LabelLayer

    Mask = npt.NDArray[np.bool_]
    Piece = tuple[Mask, Rect]
    """(h, w) bool and where it lies."""

REACH = 2.0
"""Pieces that don't overlap are taken for one moving piece up to this many times the sum of their radii apart; the only
piece on either plane at any distance."""


def signed_distance(mask: Mask) -> npt.NDArray[np.float32]:
    """(h, w) float32 Euclidean distance in pixels to the rim of *mask*: positive inside, negative outside."""
    height, width = mask.shape
    # A rim of background, so that a shape that fills the array has an outside.
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = mask
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance: npt.NDArray[np.float32] = np.where(padded > 0, inside - 0.5, 0.5 - outside)[1:-1, 1:-1]
    return distance.astype(np.float32)


@dataclass(frozen=True)
class _Blend:
    """One shape that becomes another: both distances on one grid, whose origin is the middle of the shape."""

    first: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32] | None
    rect: Rect
    first_xy: tuple[float, float]
    second_xy: tuple[float, float]

    def at(self, share: float) -> tuple[npt.NDArray[np.float32], Rect]:
        """The distance of the shape *share* (0 … 1) of the way, and where it lies."""
        if self.second is None:
            distance = self.first - np.float32(share * float(self.first.max()))
        else:
            distance = self.first * np.float32(1 - share) + self.second * np.float32(share)
        x, y = (round(a + (b - a) * share) for a, b in zip(self.first_xy, self.second_xy))
        return distance, self.rect.moved(x, y)


def _middle(piece: Piece) -> tuple[float, float]:
    mask, rect = piece
    ys, xs = np.nonzero(mask)
    return rect.x + float(xs.mean()), rect.y + float(ys.mean())


def _placed(piece: Piece, rect: Rect) -> Mask:
    """*piece* on the grid of *rect*, which holds it."""
    out = np.zeros((rect.height, rect.width), np.bool_)
    out[piece[1].moved(-rect.x, -rect.y).slices] = piece[0]
    return out


def _blend(first: Piece, second: Piece | None) -> _Blend:
    middle = _middle(first)
    centred = first[1].moved(-round(middle[0]), -round(middle[1]))
    if second is None:
        return _Blend(signed_distance(first[0]), None, centred, middle, middle)
    other = _middle(second)
    other_centred = second[1].moved(-round(other[0]), -round(other[1]))
    # Where both are negative the blend is, too: no shape between leaves the rectangle of both.
    rect = centred.united(other_centred)
    return _Blend(
        signed_distance(_placed((first[0], centred), rect)),
        signed_distance(_placed((second[0], other_centred), rect)),
        rect,
        middle,
        other,
    )


def _joined(pieces: Sequence[Piece]) -> Piece:
    rect = EMPTY
    for _, part in pieces:
        rect = rect.united(part)
    out = np.zeros((rect.height, rect.width), np.bool_)
    for mask, part in pieces:
        out[part.moved(-rect.x, -rect.y).slices] |= mask
    return out, rect


def _overlap(a: Piece, b: Piece) -> bool:
    common = a[1].intersected(b[1])
    if common.is_empty:
        return False
    left, right = (piece[0][common.moved(-piece[1].x, -piece[1].y).slices] for piece in (a, b))
    return bool((left & right).any())


def _matched(first: list[Piece], second: list[Piece]) -> Iterator[tuple[Piece | None, Piece | None]]:
    """What becomes what: pieces that overlap belong together, then the nearest of those left; the rest has no partner."""
    links = [[index for index, b in enumerate(second) if _overlap(a, b)] for a in first]
    group_of = {("b", index): {("b", index)} for index in range(len(second))}
    for index, hits in enumerate(links):
        group = {("a", index)}.union(*(group_of[("b", hit)] for hit in hits))
        for member in group:
            group_of[member] = group
    alone_a: list[Piece] = []
    alone_b: list[Piece] = []
    for group in {id(group): group for group in group_of.values()}.values():
        mine = [first[index] for side, index in group if side == "a"]
        others = [second[index] for side, index in group if side == "b"]
        if mine and others:
            yield _joined(mine), _joined(others)
        else:
            alone_a += mine
            alone_b += others
    yield from _nearest(alone_a, alone_b, is_sole=len(first) == len(second) == 1)


def _nearest(first: list[Piece], second: list[Piece], is_sole: bool) -> Iterator[tuple[Piece | None, Piece | None]]:
    if len(first) == len(second) == 1 and is_sole:
        yield first[0], second[0]
        return
    middles = [[_middle(piece) for piece in side] for side in (first, second)]
    radii = [[math.sqrt(np.count_nonzero(mask) / math.pi) for mask, _ in side] for side in (first, second)]
    ways = sorted(
        (math.dist(middles[0][a], middles[1][b]), a, b) for a in range(len(first)) for b in range(len(second))
    )
    free_a, free_b = set(range(len(first))), set(range(len(second)))
    for distance, a, b in ways:
        if a in free_a and b in free_b and distance <= REACH * (radii[0][a] + radii[1][b]):
            free_a.discard(a)
            free_b.discard(b)
            yield first[a], second[b]
    yield from ((first[a], None) for a in sorted(free_a))
    yield from ((None, second[b]) for b in sorted(free_b))


class ShapesBetween:
    """The shapes between two masks of one plane's size cut to their rectangles; a piece with no partner tapers off."""

    def __init__(self, first: Piece, second: Piece) -> None:
        pieces = [
            [(part, box.moved(rect.x, rect.y)) for part, box in components(mask)] for mask, rect in (first, second)
        ]
        self._blends: list[tuple[_Blend, bool]] = []
        for a, b in _matched(*pieces):
            if a is not None:
                self._blends.append((_blend(a, b), False))
            elif b is not None:
                self._blends.append((_blend(b, None), True))

    def at(self, share: float) -> list[tuple[npt.NDArray[np.float32], Rect]]:
        """Distances (positive inside the shape) *share* of the way from the first (0) to the second (1), by piece."""
        return [blend.at(1 - share if is_reversed else share) for blend, is_reversed in self._blends]


def shape_between(first: Mask, second: Mask, share: float) -> Mask:
    """The (h, w) shape *share* (0 … 1) of the way from (h, w) *first* to *second*."""
    height, width = first.shape
    whole = Rect(0, 0, width, height)
    out = np.zeros((height, width), np.bool_)
    for distance, rect in ShapesBetween((first, whole), (second, whole)).at(share):
        inside = rect.intersected(whole)
        out[inside.slices] |= distance[inside.moved(-rect.x, -rect.y).slices] > 0
    return out


# -- planes of a layer --------------------------------------------------------------------------------------------


def labelled_planes(
    layer: LabelLayer, segment_ids: Collection[int], cancel: Cancel = NEVER
) -> dict[int, dict[int, Rect]]:
    """For each of these segments: the planes on which it occurs, in order, and the whole tiles it touches there."""
    wanted = np.zeros(65536, np.bool_)
    wanted[list(segment_ids)] = True
    found: dict[int, dict[int, Rect]] = {}
    for z, ty, tx in layer.tiles.keys():
        check(cancel)
        tile = layer.tiles.get((z, ty, tx))
        ids = [tile] if isinstance(tile, int) else np.flatnonzero(np.bincount(tile.ravel(), minlength=65536) * wanted)
        for segment_id in ids:
            if wanted[segment_id]:
                planes = found.setdefault(int(segment_id), {})
                planes[z] = planes.get(z, EMPTY).united(tile_rect(ty, tx).intersected(layer.bounds))
    return found


def _piece(layer: LabelLayer, segment_id: int, z: int, rect: Rect) -> Piece:
    return tightened(layer.read(rect, z) == segment_id, rect)


def interpolate_planes(
    transaction: Transaction, segment_ids: Collection[int], *, around: int | None = None, cancel: Cancel = NEVER
) -> int:
    """Fill the planes between labelled ones, each segment between its own; how many planes changed.

    ``around`` fills only the gaps that plane lies in or borders on; None fills all. Where shapes meet, the one that
    reaches further in wins. The transaction's guard holds.
    """
    layer = transaction.layer
    between: dict[int, list[tuple[int, ShapesBetween, float]]] = {}
    for segment_id, planes in labelled_planes(layer, segment_ids, cancel).items():
        for low, high in zip(list(planes)[:-1], list(planes)[1:]):
            if high - low < 2 or not (around is None or low <= around <= high):
                continue
            check(cancel)
            ends = (_piece(layer, segment_id, z, planes[z]) for z in (low, high))
            shapes = ShapesBetween(*ends)
            for z in range(low + 1, high):
                between.setdefault(z, []).append((segment_id, shapes, (z - low) / (high - low)))
    count = 0
    for z in sorted(between):
        check(cancel)
        count += not _write_shapes(transaction, z, between[z]).is_empty
    return count


def _write_shapes(transaction: Transaction, z: int, shapes: list[tuple[int, ShapesBetween, float]]) -> Rect:
    bounds = transaction.layer.bounds
    pieces = [(segment_id, *piece) for segment_id, shape, share in shapes for piece in shape.at(share)]
    total = EMPTY
    for _, _, rect in pieces:
        total = total.united(rect.intersected(bounds))
    best = np.zeros((total.height, total.width), np.float32)
    ids = np.zeros((total.height, total.width), np.uint16)
    for segment_id, distance, rect in pieces:
        inside = rect.intersected(bounds)
        if inside.is_empty:
            continue
        depth = distance[inside.moved(-rect.x, -rect.y).slices]
        target = inside.moved(-total.x, -total.y).slices
        wins = depth > best[target]
        best[target][wins] = depth[wins]
        ids[target][wins] = segment_id
    return transaction.write(total, ids, ids != UNLABELLED, z)


def copy_plane(
    transaction: Transaction,
    source_z: int,
    target_z: int,
    segment_ids: Collection[int] | None = None,
    *,
    cancel: Cancel = NEVER,
) -> Rect:
    """Give the pixels of these segments (None: all labels, ignored ones too) on one plane to them on another.

    The transaction's guard holds. Returns the dirty rectangle.
    """
    layer, dirty = transaction.layer, EMPTY
    wanted = np.ones(65536, np.bool_)
    if segment_ids is not None:
        wanted[:] = False
        wanted[list(segment_ids)] = True
    wanted[UNLABELLED] = False
    for _, ty, tx in layer.tiles.keys_in(layer.bounds, source_z):
        check(cancel)
        rect = tile_rect(ty, tx).intersected(layer.bounds)
        ids = layer.read(rect, source_z)
        where = wanted.take(ids)
        if where.any():
            dirty = dirty.united(transaction.write(rect, ids, where, target_z))
    return dirty
