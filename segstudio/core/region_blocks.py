"""Regions of a layer looked at block by block: where they lie, and their connected pieces across the seams of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.geometry import EMPTY, Rect, tile_rect, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer

BLOCK_PX = 1024
"""Side of a block: what is in memory at once."""
KEPT_PX = 1 << 24
"""Numbered blocks are kept between two looks up to this many pixels, and else numbered again."""


def group_table(layer: LabelLayer, segment_ids: Collection[int]) -> npt.NDArray[np.uint16]:
    """(65536,) uint16: 0 for segments not in the region; an object's own id; for stuff of a class one common id.

    So what counts as one thing has one value: stuff from several sources is one area, each object another.
    """
    table = np.zeros(65536, np.uint16)
    first_of_class: dict[int, int] = {}
    for segment_id in sorted(segment_ids):
        segment = layer.segments.get(segment_id)
        if segment is None or segment.class_id == 0:
            continue
        table[segment_id] = segment_id if segment.is_object else first_of_class.setdefault(segment.class_id, segment_id)
    return table


class Blocks:
    """One plane of a layer cut into blocks, and which of them the region touches.

    ``extent`` is the smallest rectangle of whole tiles (within the image) that holds the region.
    """

    def __init__(self, layer: LabelLayer, table: npt.NDArray[np.uint16], z: int = 0, cancel: Cancel = NEVER) -> None:
        self.layer, self.table, self.z, self.cancel = layer, table, z, cancel
        self.tile_rects: list[Rect] = []
        self.extent = EMPTY
        for key in layer.tiles.keys_in(layer.bounds, z):
            check(cancel)
            tile = layer.tiles.get(key)
            is_in = bool(table[tile]) if isinstance(tile, int) else bool(table.take(tile).any())
            if is_in:
                rect = tile_rect(key[1], key[2]).intersected(layer.bounds)
                self.tile_rects.append(rect)
                self.extent = self.extent.united(rect)

    def ids(self, rect: Rect) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 segment ids as stored; 0 beyond the image."""
        return self.layer.tiles.read(rect, self.z)

    def groups(self, rect: Rect) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 group of each pixel, 0 outside the region."""
        return self.table.take(self.ids(rect))

    def near(self, margin_px: int = 0, within: Rect | None = None) -> list[Rect]:
        """The blocks that lie within *margin_px* of the region's tiles, clipped to the image (and to *within*)."""
        found: dict[tuple[int, int], None] = {}
        for rect in self.tile_rects:
            wide = rect.expanded(margin_px).intersected(self.layer.bounds)
            for key in tiles_of(wide, BLOCK_PX):
                found.setdefault(key)
        limit = self.layer.bounds if within is None else within.intersected(self.layer.bounds)
        rects = (tile_rect(ty, tx, BLOCK_PX).intersected(limit) for ty, tx in sorted(found))
        return [rect for rect in rects if not rect.is_empty]

    def boxes(self) -> dict[int, Rect]:
        """The bounding rectangle of each group."""
        from scipy import ndimage

        found: dict[int, Rect] = {}
        for block in self.near():
            check(self.cancel)
            for index, part in enumerate(ndimage.find_objects(self.groups(block))):
                if part is not None:
                    rect = _rect_of(part, block)
                    found[index + 1] = found.get(index + 1, EMPTY).united(rect)
        return found


def _rect_of(part: tuple[slice, ...], block: Rect) -> Rect:
    rows, columns = part
    return Rect(block.x + columns.start, block.y + rows.start, columns.stop - columns.start, rows.stop - rows.start)


def numbered(groups: npt.NDArray[Any], connectivity: int) -> tuple[npt.NDArray[np.int32], int]:
    """Connected pieces of equal value in (h, w) *groups*, numbered 1 … n: ((h, w) int32, n); 0 stays 0."""
    inside = groups != 0
    highest = groups.max(initial=0)
    if not highest:
        return np.zeros(groups.shape, np.int32), 0
    if ((groups == highest) == inside).all():
        count, labels = cv2.connectedComponents(inside.view(np.uint8), connectivity=connectivity)
        return np.asarray(labels, np.int32), count - 1
    from skimage.measure import label

    labels, count = label(  # type: ignore[no-untyped-call]
        groups, background=0, return_num=True, connectivity=2 if connectivity == 8 else 1
    )
    return labels.astype(np.int32, copy=False), int(count)


@dataclass
class _Border:
    """The four sides of a numbered block: groups and numbers of the whole plane."""

    groups: tuple[npt.NDArray[Any], ...]
    numbers: tuple[npt.NDArray[np.int64], ...]


_TOP, _BOTTOM, _LEFT, _RIGHT = range(4)


class Pieces:
    """The connected pieces of equal value over many blocks, as if they were numbered in one array.

    *read* answers (h, w) values of a block, 0 = nowhere; *is_plain* says which blocks are 1 all over, so that they need
    no reading. ``area_px``, ``group`` and ``box`` are indexed by piece, 0 … count - 1.
    """

    def __init__(
        self,
        blocks: Iterable[Rect],
        read: Callable[[Rect], npt.NDArray[Any]],
        connectivity: int = 8,
        cancel: Cancel = NEVER,
        is_plain: Callable[[Rect], bool] | None = None,
    ) -> None:
        self.blocks = list(blocks)
        self._read, self._connectivity = read, connectivity
        self._first: dict[Rect, int] = {}
        self._plain = set() if is_plain is None else {block for block in self.blocks if is_plain(block)}
        self._numbers_in: dict[Rect, int] = {}
        self._kept: dict[Rect, npt.NDArray[np.int32]] = {}
        self._borders: dict[tuple[int, int], _Border] = {}
        keeps = sum(block.width * block.height for block in self.blocks if block not in self._plain) <= KEPT_PX
        areas: list[npt.NDArray[Any]] = []
        groups: list[npt.NDArray[Any]] = []
        boxes: list[Rect] = []
        total = 0
        for block in self.blocks:
            check(cancel)
            values, labels, count = self._numbered(block)
            self._first[block], self._numbers_in[block] = total, count
            if keeps:
                self._kept[block] = labels
            if block in self._plain:
                areas.append(np.array([block.width * block.height]))
                groups.append(np.ones(1, np.int64))
                boxes.append(block)
            else:
                areas.append(np.bincount(labels.ravel(), minlength=count + 1)[1 : count + 1])
                groups.append(_group_of(values, labels, count))
                boxes += _boxes(labels, count, block)
            self._keep_border(block, values, labels, total)
            total += count
        self._join(total, cancel)
        self._borders.clear()
        self._sum(areas, groups, boxes)

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return len(self.area_px)

    def at(self, block: Rect) -> npt.NDArray[np.int64]:
        """(h, w) int64 piece of each pixel of one of the blocks; -1 nowhere."""
        labels = self._kept.get(block)
        if labels is None:
            labels = self._numbered(block)[1]
        first = self._first[block]
        known = self._piece_of[first : first + self._numbers_in[block]]
        return np.concatenate(([-1], known)).take(labels)

    def holds(self, block: Rect, is_wanted: npt.NDArray[np.bool_]) -> bool:
        """Whether one of the pieces wanted ((count,) or longer, bool) reaches into a block."""
        first = self._first[block]
        return bool(is_wanted[self._piece_of[first : first + self._numbers_in[block]]].any())

    def _numbered(self, block: Rect) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32], int]:
        """(values, numbers, how many) of a block; one repeated value where it is plain."""
        if block in self._plain:
            ones: npt.NDArray[np.int32] = np.broadcast_to(np.int32(1), (block.height, block.width))
            return ones, ones, 1
        values = self._read(block)
        return (values, *numbered(values, self._connectivity))

    def _keep_border(self, block: Rect, values: npt.NDArray[Any], labels: npt.NDArray[np.int32], first: int) -> None:
        sides = ((0, slice(None)), (-1, slice(None)), (slice(None), 0), (slice(None), -1))
        self._borders[(block.y // BLOCK_PX, block.x // BLOCK_PX)] = _Border(
            tuple(values[side].copy() for side in sides),
            tuple(labels[side].astype(np.int64) + first - 1 for side in sides),
        )

    def _join(self, total: int, cancel: Cancel) -> None:
        """Pieces that meet at a seam become one: ``_piece_of`` gives each block's numbers their piece."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        pairs: list[npt.NDArray[np.int64]] = [np.zeros((2, 0), np.int64)]
        for (row, column), border in self._borders.items():
            check(cancel)
            right, below = self._borders.get((row, column + 1)), self._borders.get((row + 1, column))
            if right is not None:
                pairs += self._meet(border, _RIGHT, right, _LEFT)
            if below is not None:
                pairs += self._meet(border, _BOTTOM, below, _TOP)
            if self._connectivity == 8:
                pairs += self._corners(row, column, border)
        ends = np.concatenate(pairs, axis=1)
        graph = coo_array((np.ones(ends.shape[1], np.int8), (ends[0], ends[1])), shape=(total, total))
        self._count, self._piece_of = 0, np.zeros(0, np.int64)
        if total:
            count, piece_of = connected_components(graph, directed=False)
            self._count, self._piece_of = int(count), np.asarray(piece_of, np.int64)

    def _meet(self, a: _Border, side_a: int, b: _Border, side_b: int) -> list[npt.NDArray[np.int64]]:
        found = []
        shifts = (0, -1, 1) if self._connectivity == 8 else (0,)
        length = min(len(a.groups[side_a]), len(b.groups[side_b]))
        for shift in shifts:
            here = slice(max(0, -shift), length - max(0, shift))
            there = slice(max(0, shift), length - max(0, -shift))
            same = (a.groups[side_a][here] == b.groups[side_b][there]) & (a.groups[side_a][here] != 0)
            pair = np.stack((a.numbers[side_a][here][same], b.numbers[side_b][there][same]))
            found.append(np.unique(pair, axis=1) if pair.size else pair)
        return found

    def _corners(self, row: int, column: int, border: _Border) -> list[npt.NDArray[np.int64]]:
        """The two blocks that a block meets with a corner only, below it."""
        found = []
        for step, mine, theirs in ((1, -1, 0), (-1, 0, -1)):
            other = self._borders.get((row + 1, column + step))
            group = border.groups[_BOTTOM][mine]
            if other is not None and group and group == other.groups[_TOP][theirs]:
                found.append(np.array([[border.numbers[_BOTTOM][mine]], [other.numbers[_TOP][theirs]]]))
        return found

    def _sum(self, areas: list[Any], groups: list[Any], boxes: list[Rect]) -> None:
        pieces = self._piece_of
        flat = np.concatenate(areas) if areas else np.zeros(0, np.int64)
        self.area_px: npt.NDArray[np.int64] = np.bincount(pieces, flat, self._count).astype(np.int64)
        self.group: npt.NDArray[np.int64] = np.zeros(self._count, np.int64)
        if len(pieces):
            self.group[pieces] = np.concatenate(groups)
        self.box: list[Rect] = [EMPTY] * self._count
        for piece, box in zip(pieces.tolist(), boxes, strict=True):
            self.box[piece] = self.box[piece].united(box)


def _group_of(values: npt.NDArray[Any], labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    result = np.zeros(count + 1, np.int64)
    result[labels.ravel()] = values.ravel()
    return result[1:]


def _boxes(labels: npt.NDArray[np.int32], count: int, block: Rect) -> list[Rect]:
    if count == 1 and labels.all():
        return [block]
    from scipy import ndimage

    return [_rect_of(part, block) for part in ndimage.find_objects(labels, count)]
