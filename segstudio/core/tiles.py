"""Copy-on-write tiles of 256×256: the store and the undo history both hold these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from segstudio.core.geometry import TILE, Rect, tile_rect, tiles_of
from segstudio.core.tile_cells import Array, HeldTile, Tile, TileCell, held, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

__all__ = [
    "Array",
    "HeldTile",
    "Tile",
    "TileCell",
    "TileChange",
    "TileKey",
    "TileMap",
    "TileSource",
    "compact",
    "expanded",
    "frozen",
    "held",
    "same_tile",
    "shown",
]

TileKey: TypeAlias = tuple[int, int, int]
"""(z, ty, tx)."""


class TileChange:
    """What one tile was and became; ``held_before`` and ``held_after`` are shared with the map and may be packed."""

    __slots__ = ("held_after", "held_before", "key")

    def __init__(self, key: TileKey, before: Tile | TileCell, after: Tile | TileCell) -> None:
        self.key = key
        self.held_before: HeldTile = held(before)
        self.held_after: HeldTile = held(after)

    @property
    def before(self) -> Tile:
        """The tile as it was."""
        return shown(self.held_before)

    @property
    def after(self) -> Tile:
        """The tile as it became."""
        return shown(self.held_after)


class TileSource(Protocol):
    """Where a map finds tiles that were not asked for yet."""

    def keys(self) -> Iterable[TileKey]:
        """Keys of all tiles that are not background."""
        ...

    def load(self, key: TileKey) -> Tile:
        """The tile, 0 where there is none."""
        ...


def compact(tile: Tile) -> Tile:
    """The value that fills *tile*, or *tile* itself where it has several."""
    if isinstance(tile, int):
        return tile
    first = tile[0, 0]
    if tile[-1, -1] != first or tile[-1, 0] != first or tile[0, -1] != first:
        return tile
    return int(first) if bool((tile == first).all()) else tile


def same_tile(a: Tile, b: Tile) -> bool:
    """Whether two tiles hold the same pixels."""
    if a is b:
        return True
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    return bool(np.all(np.equal(a, b)))


def frozen(array: Array) -> Array:
    """*array*, from now on read-only."""
    array.flags.writeable = False
    return array


def expanded(tile: Tile, dtype: npt.DTypeLike) -> Array:
    """*tile* as a writable (256, 256) array of its own."""
    return np.full((TILE, TILE), tile, dtype) if isinstance(tile, int) else tile.copy()


class TileMap:
    """One plane of a layer: tiles by (z, ty, tx); a missing one is background (0).

    Tiles are never changed in place, so whoever holds one may keep it. With a *source*, tiles are fetched when they
    are first read. Those not used for a while are packed and unpacked again when they are: two reads need not give the
    same array, but :meth:`held` gives the same cell until the tile changes.
    """

    def __init__(self, dtype: npt.DTypeLike = np.uint16, source: TileSource | None = None) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._tiles: dict[TileKey, HeldTile] = {}
        self._source = source
        self._unloaded: set[TileKey] = set() if source is None else set(source.keys())

    def get(self, key: TileKey) -> Tile:
        """The tile at *key*; 0 where there is none."""
        return shown(self.held(key))

    def held(self, key: TileKey) -> HeldTile:
        """The tile at *key* as it is held: its cell, to share or to keep, or its one value."""
        tile = self._tiles.get(key)
        if tile is not None:
            return tile
        if key in self._unloaded and self._source is not None:
            return self.set(key, self._source.load(key))
        return 0

    def set(self, key: TileKey, tile: Tile | TileCell) -> HeldTile:
        """Put *tile* (made read-only) at *key*; it as it is held from now on."""
        self._unloaded.discard(key)
        if isinstance(tile, int) and tile == 0:
            self._tiles.pop(key, None)
            return 0
        new = self._tiles[key] = held(tile)
        return new

    def keys(self) -> list[TileKey]:
        """Keys of all tiles that are not background, in order."""
        return sorted({*self._tiles, *self._unloaded})

    def keys_in(self, rect: Rect, z: int = 0) -> list[TileKey]:
        """Keys of the tiles that *rect* touches and that are not background."""
        count = (rect.width // TILE + 2) * (rect.height // TILE + 2)
        if count < len(self._tiles) + len(self._unloaded):
            wanted = [(z, ty, tx) for ty, tx in tiles_of(rect)]
            return [key for key in wanted if key in self._tiles or key in self._unloaded]
        return [key for key in self.keys() if key[0] == z and not tile_rect(*key[1:]).intersected(rect).is_empty]

    def read(self, rect: Rect, z: int = 0) -> Array:
        """(rect.height, rect.width) array of the map's dtype; zeros where there is nothing."""
        out = np.zeros((max(rect.height, 0), max(rect.width, 0)), self.dtype)
        for ty, tx in tiles_of(rect):
            tile = self.get((z, ty, tx))
            if isinstance(tile, int) and tile == 0:
                continue
            part = tile_rect(ty, tx).intersected(rect)
            inside, target = _slices(part, ty, tx), part.moved(-rect.x, -rect.y).slices
            out[target] = tile if isinstance(tile, int) else tile[inside]
        return out

    def write(
        self,
        rect: Rect,
        values: Array | int,
        where: npt.NDArray[np.bool_] | None = None,
        z: int = 0,
        allowed: Callable[[Array], npt.NDArray[np.bool_]] | None = None,
    ) -> list[TileChange]:
        """Write *values* ((h, w) array, or one value) into *rect* and say which tiles changed.

        ``where`` (h, w) bool picks the pixels; ``allowed`` is asked with the present values of a part and answers
        which of its pixels may change. Costs follow the tiles touched.
        """
        changes = []
        for ty, tx in tiles_of(rect):
            key = (z, ty, tx)
            kept = self.held(key)
            before = shown(kept)
            part = tile_rect(ty, tx).intersected(rect)
            inside, source = _slices(part, ty, tx), part.moved(-rect.x, -rect.y).slices
            new: Array | int = values if isinstance(values, int) else values[source]
            if isinstance(before, int) and isinstance(new, int):
                if before == new:
                    continue
                changed = np.ones((part.height, part.width), np.bool_)
            else:
                current = before if isinstance(before, int) else before[inside]
                changed = np.not_equal(current, new)
            if where is not None:
                changed &= where[source]
            if not changed.any():
                continue
            if allowed is not None:
                now = np.full(changed.shape, before, self.dtype) if isinstance(before, int) else before[inside]
                changed &= allowed(now)
                if not changed.any():
                    continue
            after: Tile
            if isinstance(new, int) and changed.shape == (TILE, TILE) and changed.all():
                after = new
            else:
                after = expanded(before, self.dtype)
                np.copyto(after[inside], new, where=changed, casting="unsafe")
            changes.append(TileChange(key, kept, self.set(key, after)))
        return changes

    def snapshot(self) -> TileMap:
        """A copy that later writes do not change; tiles are shared."""
        copy = TileMap(self.dtype)
        copy._tiles = dict(self._tiles)
        copy._source = self._source
        copy._unloaded = set(self._unloaded)
        if self._source is not None:
            # The source follows the document: what was not read yet must be fetched now to stay as it is.
            for key in list(copy._unloaded):
                copy.get(key)
        return copy

    def shadow(self) -> TileMap:
        """A copy to try things on: tiles are shared, and what was not read yet is read when it is looked at.

        Cheap at any size. Its later reads see the source as it is then, so it must be dropped when the document changes.
        """
        copy = TileMap(self.dtype, None)
        copy._tiles = dict(self._tiles)
        copy._source = self._source
        copy._unloaded = set(self._unloaded)
        return copy

    @property
    def nbytes(self) -> int:
        """Memory held by loaded tiles now, packed or not, in bytes."""
        return sum(64 if isinstance(tile, int) else tile.nbytes for tile in self._tiles.values())


def _slices(part: Rect, ty: int, tx: int) -> tuple[slice, slice]:
    return part.moved(-tx * TILE, -ty * TILE).slices
