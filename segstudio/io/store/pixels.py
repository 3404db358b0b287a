"""Counting the pixels of segments as edits change them, so that totals never need the tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.geometry import Rect, tile_rect
from segstudio.io.store.blobs import decode_tile

if TYPE_CHECKING:
    from segstudio.core.tiles import Array, Tile, TileChange


def _inside(ty: int, tx: int, width: int, height: int) -> Rect:
    return tile_rect(ty, tx).intersected(Rect(0, 0, width, height))


def _add(counts: dict[int, int], values: Array, sign: int) -> None:
    found = np.bincount(values)
    for value in np.flatnonzero(found):
        counts[int(value)] = counts.get(int(value), 0) + sign * int(found[value])


def count_tile(data: bytes, ty: int, tx: int, width: int, height: int) -> dict[int, int]:
    """Pixels of each segment id (background left out) in a stored tile of an image of this size."""
    tile = decode_tile(data)
    part = _inside(ty, tx, width, height)
    counts: dict[int, int] = {}
    if isinstance(tile, int):
        counts[tile] = part.width * part.height
    else:
        _add(counts, tile[: part.height, : part.width].ravel(), 1)
    counts.pop(0, None)
    return counts


def add_differences(counts: dict[int, int], change: TileChange, width: int, height: int) -> None:
    """Add to *counts* how many pixels each segment id gained in *change*."""
    part = _inside(change.key[1], change.key[2], width, height)
    before, after = (_cut(tile, part) for tile in (change.before, change.after))
    if isinstance(before, int) and isinstance(after, int):
        area = part.width * part.height
        counts[before] = counts.get(before, 0) - area
        counts[after] = counts.get(after, 0) + area
        return
    changed = np.not_equal(before, after)
    for tile, sign in ((before, -1), (after, 1)):
        if isinstance(tile, int):
            counts[tile] = counts.get(tile, 0) + sign * int(np.count_nonzero(changed))
        else:
            _add(counts, tile[changed], sign)


def _cut(tile: Tile, part: Rect) -> Tile:
    return tile if isinstance(tile, int) else tile[: part.height, : part.width]
