"""Union, intersection, subtraction and xor of two areas, between classes or between layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import tile_rect, tiles_of
from segstudio.core.region_blocks import BLOCK_PX

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.core.region_ops import RegionWork

BooleanOp = Literal["union", "intersection", "subtraction", "xor"]
BOOLEAN_OPS: tuple[BooleanOp, ...] = ("union", "intersection", "subtraction", "xor")


@dataclass(frozen=True, eq=False)
class Area:
    """One side of the operation: all that a layer has of a class; ``class_id`` 0 = of any class."""

    layer: LabelLayer
    class_id: int = 0

    def read(self, rect: Rect, z: int) -> npt.NDArray[np.bool_]:
        """(h, w) bool."""
        classes = self.layer.read_classes(rect, z)
        if self.class_id:
            return np.asarray(classes == self.class_id)
        return np.asarray((classes != UNLABELLED) & (classes != IGNORE))

    def blocks(self, z: int) -> set[tuple[int, int]]:
        """(by, bx) of the blocks in which the layer has anything."""
        found: set[tuple[int, int]] = set()
        for key in self.layer.tiles.keys_in(self.layer.bounds, z):
            found.update(tiles_of(tile_rect(key[1], key[2]), BLOCK_PX))
        return found


def joined(op: BooleanOp, a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The operation on two (h, w) masks; subtraction is *a* without *b*."""
    if op == "union":
        return a | b
    if op == "intersection":
        return a & b
    return a & ~b if op == "subtraction" else a ^ b


def combine(work: RegionWork, z: int, op: BooleanOp, a: Area, b: Area, target_id: int, *, is_replacing: bool) -> None:
    """Give ``a op b`` to segment *target_id* of the work's layer.

    What has its class already stays as it is. With *is_replacing*, what the work's region (the class's segments) has
    outside the result becomes background.
    """
    blocks = work.on(z)
    keys = a.blocks(z) | b.blocks(z)
    if is_replacing:
        keys.update((rect.y // BLOCK_PX, rect.x // BLOCK_PX) for rect in blocks.near())
    bounds = work.source.bounds if work.within is None else work.within.intersected(work.source.bounds)
    rects = [tile_rect(by, bx, BLOCK_PX).intersected(bounds) for by, bx in sorted(keys)]
    for rect in work.steps([rect for rect in rects if not rect.is_empty]):
        check(work.cancel)
        result = joined(op, a.read(rect, z), b.read(rect, z))
        has = blocks.groups(rect) != 0
        work.add(rect, target_id, result & ~has)
        if is_replacing:
            work.remove(rect, has & ~result)
