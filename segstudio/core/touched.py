"""What a person has touched: painted, erased, accepted or rejected at a place. Models propose only where nobody did.

Each layer keeps it in a plane of its own, written with the edit that touches, so that undo takes it back with the edit: the
labels what was painted and erased, the proposal what was rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.tiles import TileChange, same_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.core.tiles import Tile, TileMap

Touched: TypeAlias = "Callable[[Rect, int], npt.NDArray[np.bool_]]"
"""(rectangle, z) to (h, w) bool: where a person has decided already."""


def mark_touched(touched: TileMap, changes: Iterable[TileChange]) -> tuple[TileChange, ...]:
    """Put into *touched* (uint8) the pixels that *changes* of segment tiles changed; what became of its own tiles."""
    marked = []
    for change in changes:
        kept = touched.held(change.key)
        if kept == 1:
            continue
        differs = np.not_equal(change.before, change.after)
        before = touched.get(change.key)
        now: Tile = 1
        if differs.ndim:
            now = (differs | (before != 0)).astype(np.uint8)
            if isinstance(before, np.ndarray) and same_tile(before, now):
                continue
            now = 1 if bool(now.all()) else now
        marked.append(TileChange(change.key, kept, touched.set(change.key, now)))
    return tuple(marked)


def is_touched(layer: LabelLayer, rect: Rect, z: int = 0) -> npt.NDArray[np.bool_]:
    """(h, w) bool: where a person made, brought, checked or erased what *layer* holds, or rejected it; False outside.

    What is hand work by the segment table counts too, so that labels older than this record do. A class that was
    deleted leaves its places free.
    """
    touched = np.zeros((rect.height, rect.width), np.bool_)
    if layer.touched.keys_in(rect, z):
        np.not_equal(layer.touched.read(rect, z), 0, out=touched)
    lut = layer.person_lut()
    if lut is not None and layer.tiles.keys_in(rect, z):
        codes = lut.take(layer.tiles.read(rect, z))
        touched |= codes == 1
        touched &= codes != 2
    return touched


def touched_in(layers: Sequence[LabelLayer | None]) -> Touched:
    """What a person touched in any of *layers* (of one image): their labels and the proposal."""
    present = [layer for layer in layers if layer is not None]

    def touched(rect: Rect, z: int) -> npt.NDArray[np.bool_]:
        found = np.zeros((rect.height, rect.width), np.bool_)
        for layer in present:
            found |= is_touched(layer, rect, z)
        return found

    return touched


def forget_touched(touched: TileMap) -> tuple[TileChange, ...]:
    """Empty *touched*; what became of its tiles. What is hand work by the segment table stays so."""
    return tuple(TileChange(key, touched.held(key), touched.set(key, 0)) for key in touched.keys())
