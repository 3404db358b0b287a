"""What is done to whole regions: fill holes, remove small pieces, grow, shrink, smooth, keep the largest piece.

A region is given as segments of a layer; work goes block by block, so that time and memory follow where the region
lies and not the image. The layer itself is never touched: everything happens on a shadow of it, and
:meth:`RegionWork.finish` gives the edit, to be applied when the layer is still as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import UNLABELLED
from segstudio.core.edits import ANYWHERE, Guard, Transaction
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.core.region_blocks import BLOCK_PX, Blocks, Pieces, group_table
from segstudio.core.regions import tightened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import numpy.typing as npt

    from segstudio.core.edits import Edit
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer

Mask = "npt.NDArray[np.bool_]"
MOST_SHOWN_PX = 1 << 26
"""Changed areas are kept for a preview up to this many pixels."""


@dataclass(frozen=True, eq=False)
class Changed:
    """A changed part of plane ``z``: ``mask`` (h, w) bool at ``rect``; added or taken away.

    ``ids`` (h, w) uint16 says to which segments the pixels went, where they went from one to another.
    """

    mask: npt.NDArray[np.bool_]
    rect: Rect
    z: int
    is_added: bool
    ids: npt.NDArray[np.uint16] | None = None


@dataclass
class RegionWork:
    """One operation in the making, on segments *segment_ids* of *layer*, plane by plane.

    ``add_guard`` limits where pixels may be added, ``remove_guard`` where they may be taken; without
    ``is_over_labels`` only unlabelled pixels are added. ``within`` looks at a part only (a preview of what is seen).
    """

    layer: LabelLayer
    segment_ids: Collection[int]
    label: str
    add_guard: Guard = ANYWHERE
    remove_guard: Guard = ANYWHERE
    is_over_labels: bool = False
    within: Rect | None = None
    cancel: Cancel = NEVER
    progress: ProgressSink = no_progress
    z: int = 0
    added_px: int = 0
    removed_px: int = 0
    given_px: int = 0
    changed: list[Changed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = self.layer.shadow()
        self.transaction = Transaction(self.layer.shadow(), self.label, is_by_hand=True)
        self.table = group_table(self.source, self.segment_ids)
        classes = self.source.class_lut()
        self._may_add = self.add_guard.lut(self.source)
        if not self.is_over_labels:
            self._may_add = self._may_add & (classes == UNLABELLED)
        self._may_remove = self.remove_guard.lut(self.source)
        self._shown_px = 0

    def on(self, z: int) -> Blocks:
        """The blocks of a plane; what follows is written there."""
        self.z = z
        return Blocks(self.source, self.table, z, self.cancel)

    def steps(self, rects: list[Rect], what: str = "") -> Iterator[Rect]:
        """The rectangles one by one, with progress and a look at the cancel token."""
        for index, rect in enumerate(rects):
            check(self.cancel)
            self.progress(index, len(rects), what or self.label)
            yield rect

    def add(self, rect: Rect, ids: npt.NDArray[np.uint16] | int, where: npt.NDArray[np.bool_]) -> None:
        """Give pixels to segments, as far as it is allowed."""
        allowed = where & self._may_add.take(self._now(rect))
        if allowed.any():
            with_data = self.add_guard.with_data(rect, 1, allowed, self.z)
            self.added_px += self._write(rect, ids, allowed if with_data is None else with_data, is_added=True)

    def remove(self, rect: Rect, where: npt.NDArray[np.bool_]) -> None:
        """Make pixels background, as far as it is allowed."""
        self.removed_px += self._write(rect, 0, where & self._may_remove.take(self._now(rect)), is_added=False)

    def give(self, rect: Rect, ids: npt.NDArray[np.uint16] | int, where: npt.NDArray[np.bool_]) -> None:
        """Hand pixels of the region from one segment to another: locked ones stay."""
        where = where & self._may_remove.take(self._now(rect))
        self.given_px += self._write(rect, ids, where, is_added=True, keeps_ids=True)

    def _now(self, rect: Rect) -> npt.NDArray[np.uint16]:
        return self.source.tiles.read(rect, self.z)

    def _write(
        self,
        rect: Rect,
        ids: npt.NDArray[np.uint16] | int,
        where: npt.NDArray[np.bool_],
        *,
        is_added: bool,
        keeps_ids: bool = False,
    ) -> int:
        where = np.asarray(self.add_guard.with_data(rect, ids, where, self.z))
        count = int(np.count_nonzero(where))
        if not count:
            return 0
        self.transaction.write(rect, ids, where, self.z)
        mask, box = tightened(where, rect)
        if self._shown_px + mask.size <= MOST_SHOWN_PX:
            self._shown_px += mask.size
            inner = box.moved(-rect.x, -rect.y).slices
            parts = ids[inner].copy() if keeps_ids and not isinstance(ids, int) else None
            self.changed.append(Changed(mask.copy(), box, self.z, is_added, parts))
        return count

    def finish(self) -> Edit | None:
        """The edit, not yet applied to the layer; None when nothing changes."""
        return self.transaction.commit()


# -- operations on pieces ------------------------------------------------------------------------------------------


def pieces_of(work: RegionWork, blocks: Blocks) -> Pieces:
    """The region's connected pieces (8-connected; objects and stuff apart)."""
    return Pieces(blocks.near(), blocks.groups, 8, work.cancel)


def remove_small(work: RegionWork, z: int, min_area_px: int) -> int:
    """Take away connected pieces smaller than *min_area_px*; how many there were."""
    blocks = work.on(z)
    pieces = pieces_of(work, blocks)
    return _remove_pieces(work, pieces, pieces.area_px < min_area_px)


def keep_largest(work: RegionWork, z: int) -> int:
    """Keep the largest connected piece of each object and of the stuff; how many others were taken away."""
    blocks = work.on(z)
    pieces = pieces_of(work, blocks)
    order = np.lexsort((-pieces.area_px, pieces.group))
    is_first = np.ones(pieces.count, np.bool_)
    is_first[1:] = pieces.group[order][1:] != pieces.group[order][:-1]
    is_dropped = np.ones(pieces.count, np.bool_)
    is_dropped[order[is_first]] = False
    return _remove_pieces(work, pieces, is_dropped)


def _remove_pieces(work: RegionWork, pieces: Pieces, is_dropped: npt.NDArray[np.bool_]) -> int:
    if is_dropped.any():
        drop = np.concatenate((is_dropped, [False]))  # the last one answers for -1, nowhere
        for block in work.steps([block for block in pieces.blocks if pieces.holds(block, is_dropped)]):
            work.remove(block, drop.take(pieces.at(block), mode="wrap"))
    return int(is_dropped.sum())


def fill_holes(work: RegionWork, z: int, max_area_px: int = 0) -> int:
    """Fill holes of at most *max_area_px* (0 = any); how many there were.

    A hole is a 4-connected area not of the region that the region surrounds; what touches the image's border is none.
    It goes to the segment that most of its rim belongs to.
    """
    blocks = work.on(z)
    extent = blocks.extent.expanded(1).intersected(work.source.bounds)
    rects = _blocks_in(extent)
    touched = {(rect.y // BLOCK_PX, rect.x // BLOCK_PX) for rect in blocks.near()}
    holes = Pieces(
        rects,
        lambda rect: (blocks.groups(rect) == 0).astype(np.uint8),
        4,
        work.cancel,
        is_plain=lambda rect: (rect.y // BLOCK_PX, rect.x // BLOCK_PX) not in touched,
    )
    is_hole = np.array([_is_inside(box, extent) for box in holes.box], np.bool_)
    if max_area_px:
        is_hole &= holes.area_px <= max_area_px
    if not is_hole.any():
        return 0
    owner = _owners(work, blocks, holes, is_hole)
    for rect in work.steps([rect for rect in holes.blocks if holes.holds(rect, is_hole)]):
        ids = owner.take(holes.at(rect), mode="wrap")
        work.add(rect, ids, ids != 0)
    return int(is_hole.sum())


def _blocks_in(extent: Rect) -> list[Rect]:
    from segstudio.core.geometry import tile_rect, tiles_of

    return [tile_rect(ty, tx, BLOCK_PX).intersected(extent) for ty, tx in tiles_of(extent, BLOCK_PX)]


def _is_inside(box: Rect, extent: Rect) -> bool:
    return box.x > extent.x and box.y > extent.y and box.right < extent.right and box.bottom < extent.bottom


def _owners(work: RegionWork, blocks: Blocks, holes: Pieces, is_hole: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """(count + 1,) uint16: the segment around each hole, 0 for what is none."""
    votes: dict[tuple[int, int], int] = {}
    wanted = np.concatenate((is_hole, [False]))
    for rect in holes.blocks:
        check(work.cancel)
        if not holes.holds(rect, is_hole):
            continue
        at = holes.at(rect)
        inside = wanted.take(at, mode="wrap")
        wide = blocks.ids(rect.expanded(1))
        wide = np.where(work.table.take(wide) != 0, wide, 0)
        for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
            beside = wide[dy : dy + rect.height, dx : dx + rect.width]
            rim = inside & (beside != 0)
            keys, counts = np.unique(at[rim] * 65536 + beside[rim], return_counts=True)
            for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
                pair = divmod(key, 65536)
                votes[pair] = votes.get(pair, 0) + count
    owner = np.zeros(holes.count + 1, np.uint16)
    best = np.zeros(holes.count, np.int64)
    for (piece, segment_id), count in votes.items():
        if count > best[piece]:
            best[piece], owner[piece] = count, segment_id
    return owner


# -- operations on rims --------------------------------------------------------------------------------------------


def grow(work: RegionWork, z: int, by_px: int) -> None:
    """Add every pixel whose centre lies within *by_px* of the region; it goes to the nearest segment."""
    blocks = work.on(z)
    for block in work.steps(blocks.near(by_px, work.within)):
        window = block.expanded(by_px).intersected(work.source.bounds)
        ids = blocks.ids(window)
        inside = work.table.take(ids) != 0
        if inside.any() and not inside.all():
            inner = block.moved(-window.x, -window.y).slices
            far = _distance_to(inside)
            reached = (far[inner] <= by_px + 1e-3) & ~inside[inner]
            if reached.any():
                work.add(block, nearest_ids(ids, inside)[inner], reached)


def _distance_to(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """(h, w) float32 Euclidean distance to the nearest True pixel, in pixels."""
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def nearest_ids(ids: npt.NDArray[np.uint16], inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """(h, w) uint16: the id of the nearest True pixel (nearly: a 5×5 chamfer distance), its own inside."""
    found = ids[inside]
    if (found == found[0]).all():
        return np.full(ids.shape, found[0], np.uint16)
    _, labels = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(labels.max()) + 1, np.uint16)
    table[labels[inside]] = found
    return np.asarray(table.take(labels))


def shrink(work: RegionWork, z: int, by_px: int) -> None:
    """Take away every pixel within *by_px* of one that is not of the same object (or, for stuff, of the class).

    The image's border takes nothing away: the region is thought to go on beyond it.
    """
    blocks = work.on(z)
    boxes = blocks.boxes()
    is_alone = len(boxes) == 1
    for group, box in boxes.items() if not is_alone else ():
        if box.width * box.height <= BLOCK_PX * BLOCK_PX:
            check(work.cancel)
            window = box.expanded(1).intersected(work.source.bounds)
            if work.within is None or not window.intersected(work.within).is_empty:
                inside = blocks.groups(window) == group
                work.remove(window, _rim(inside, by_px))
    large = [group for group, box in boxes.items() if is_alone or box.width * box.height > BLOCK_PX * BLOCK_PX]
    for block in work.steps(blocks.near(0, work.within)) if large else ():
        window = block.expanded(by_px + 1).intersected(work.source.bounds)
        groups = blocks.groups(window)
        inner = block.moved(-window.x, -window.y).slices
        for group in set(np.unique(groups[inner]).tolist()).intersection(large):
            work.remove(block, _rim(groups == group, by_px)[inner])


def _rim(inside: npt.NDArray[np.bool_], by_px: int) -> npt.NDArray[np.bool_]:
    if inside.all():
        return np.zeros_like(inside)
    return inside & (_distance_to(~inside) <= by_px + 1e-3)


def smooth(work: RegionWork, z: int, radius_px: float) -> None:
    """Round the region's outline: a pixel belongs to it where a Gaussian of that radius (2 σ) finds more in than out."""
    blocks = work.on(z)
    sigma = max(radius_px, 0.5) / 2
    reach = int(np.ceil(3 * sigma)) + 1
    size = 2 * (reach - 1) + 1
    for block in work.steps(blocks.near(reach, work.within)):
        window = block.expanded(reach).intersected(work.source.bounds)
        ids = blocks.ids(window)
        inside = work.table.take(ids) != 0
        if not inside.any() or inside.all():
            continue
        inner = block.moved(-window.x, -window.y).slices
        mean = cv2.GaussianBlur(inside.astype(np.float32), (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
        after = mean[inner] > 0.5 + 1e-5
        gained, lost = after & ~inside[inner], inside[inner] & ~after
        if gained.any():
            work.add(block, nearest_ids(ids, inside)[inner], gained)
        work.remove(block, lost)
