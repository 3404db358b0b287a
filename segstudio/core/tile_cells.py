"""Tiles of several values as they are held in memory: pixels while they are in use, runs when they are not.

A cell is shared by the map, its copies and the history. The pixels of the cells used last are kept within one budget for
the whole program (:data:`HOT`); the others are packed: where each run of one value begins in the flattened tile, and
the value, 4 bytes a run in a segment tile and 3 in a confidence tile.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from typing import Any, TypeAlias

import numpy as np

from segstudio.core.geometry import TILE

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Tile: TypeAlias = "np.ndarray[Any, np.dtype[Any]] | int"
"""A read-only (256, 256) array, or the one value that fills the tile. Pixels beyond the image are 0."""
HeldTile: TypeAlias = "TileCell | int"
"""A tile as maps and edits hold it."""

HOT_BYTES = 16 << 20
CELL_BYTES = 160
"""What a cell takes beside its pixels and runs: the object, its place in a dictionary and in the budget's order."""
_PIXELS = TILE * TILE


def pack(tile: Array) -> bytes | None:
    """The runs of a (256, 256) array of unsigned integers: n starts (uint16), then n values; None where that saves nothing.

    Takes about 0.05 ms.
    """
    flat = np.ascontiguousarray(tile).reshape(-1)
    differs = flat[1:] != flat[:-1]
    runs = int(np.count_nonzero(differs)) + 1
    if runs * (2 + flat.itemsize) >= flat.nbytes:
        return None
    starts = np.zeros(runs, np.uint16)
    starts[1:] = np.flatnonzero(differs)
    starts[1:] += 1
    return starts.tobytes() + flat[starts].tobytes()


def runs_of(packed: bytes, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """(starts (n,) uint16, values (n,) of *dtype*) of what :func:`pack` made."""
    runs = len(packed) // (2 + dtype.itemsize)
    return np.frombuffer(packed, np.uint16, runs), np.frombuffer(packed, dtype, runs, 2 * runs)


def unpack(packed: bytes, dtype: np.dtype[Any]) -> Array:
    """The read-only (256, 256) array that :func:`pack` was given."""
    starts, values = runs_of(packed, dtype)
    edges = np.empty(len(starts) + 1, np.int64)
    edges[:-1], edges[-1] = starts, _PIXELS
    tile: Array = np.repeat(values, np.diff(edges)).reshape(TILE, TILE)
    tile.flags.writeable = False
    return tile


class TileCell:
    """One tile of several values, never changed; any thread may read it."""

    __slots__ = ("__weakref__", "_array", "_packed", "_wont_pack", "dtype")

    def __init__(self, array: Array) -> None:
        array.flags.writeable = False
        self.dtype: np.dtype[Any] = array.dtype
        self._array: Array | None = array
        self._packed: bytes | None = None
        self._wont_pack = False
        HOT.admit(self)

    @property
    def array(self) -> Array:
        """The read-only (256, 256) pixels."""
        array = self._array
        if array is not None:
            HOT.touch(self)
            return array
        packed = self._packed
        assert packed is not None
        array = self._array = unpack(packed, self.dtype)
        HOT.admit(self)
        return array

    def packed(self) -> bytes | None:
        """What :func:`pack` makes of it, made once; None for noise, which stays pixels."""
        array = self._array
        if self._packed is None and not self._wont_pack and array is not None:
            self._packed = pack(array)
            self._wont_pack = self._packed is None
        return self._packed

    def cool(self) -> None:
        """Let go of the pixels, where runs say the same."""
        if self.packed() is not None:
            self._array = None

    @property
    def is_hot(self) -> bool:
        """Whether its pixels are in memory."""
        return self._array is not None

    @property
    def kept_bytes(self) -> int:
        """Memory it takes however long nobody looks at it: its runs, or pixels that runs would not shorten."""
        packed, array = self._packed, self._array
        if packed is not None:
            return CELL_BYTES + len(packed)
        return CELL_BYTES + (0 if array is None else array.nbytes)

    @property
    def nbytes(self) -> int:
        """Memory it takes now, in bytes."""
        packed, array = self._packed, self._array
        return CELL_BYTES + (0 if packed is None else len(packed)) + (0 if array is None else array.nbytes)


class _Ref(weakref.ref[TileCell]):
    __slots__ = ("key", "nbytes")
    key: int
    nbytes: int


class HotTiles:
    """Which cells hold pixels, the least used first; over the budget those are cooled."""

    def __init__(self, budget_bytes: int = HOT_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._order: OrderedDict[int, _Ref] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()
        # Cells may die anywhere, within the lock too: they are only noted then.
        self._dead: deque[weakref.ref[TileCell]] = deque()

    @property
    def nbytes(self) -> int:
        """Memory of the pixels that may be let go of, in bytes."""
        with self._lock:
            self._bury()
            return self._nbytes

    def touch(self, cell: TileCell) -> None:
        """*cell* was used."""
        with self._lock:
            if id(cell) in self._order:
                self._order.move_to_end(id(cell))

    def admit(self, cell: TileCell) -> None:
        """*cell* has pixels now and was used; others are cooled to make room."""
        key = id(cell)
        with self._lock:
            self._bury()
            array = cell._array
            known = self._order.get(key)
            if array is None:
                return
            if known is not None:
                self._order.move_to_end(key)
                return
            ref = _Ref(cell, self._dead.append)
            ref.key, ref.nbytes = key, array.nbytes
            self._order[key] = ref
            self._nbytes += ref.nbytes
            while self._nbytes > self.budget_bytes and len(self._order) > 1:
                _, oldest = self._order.popitem(last=False)
                self._nbytes -= oldest.nbytes
                cold = oldest()
                if cold is not None:
                    cold.cool()

    def _bury(self) -> None:
        while self._dead:
            ref = self._dead.popleft()
            if isinstance(ref, _Ref) and self._order.get(ref.key) is ref:
                del self._order[ref.key]
                self._nbytes -= ref.nbytes


HOT = HotTiles()
"""The pixels at hand, of all layers and histories together."""


def held(tile: Tile | TileCell) -> HeldTile:
    """*tile* (its array made read-only) as maps and edits hold it."""
    return TileCell(tile) if isinstance(tile, np.ndarray) else tile


def uniform_value(tile: HeldTile) -> int | None:
    """The one value that fills a tile, None where there are several; a cell is packed for it, never unpacked."""
    if isinstance(tile, int):
        return tile
    packed = tile.packed()
    if packed is None:
        return None
    starts, values = runs_of(packed, tile.dtype)
    return int(values[0]) if len(starts) == 1 else None


def same_held(a: HeldTile, b: HeldTile) -> bool:
    """Whether two tiles of one kind hold the same pixels. Runs are compared, so that what is cold stays cold."""
    if a is b:
        return True
    if isinstance(a, int) or isinstance(b, int):
        value = uniform_value(a)
        return value is not None and value == uniform_value(b)
    one, other = a.packed(), b.packed()
    if one is None and other is None:
        return bool(np.array_equal(a.array, b.array))
    return one == other


def shown(tile: HeldTile) -> Tile:
    """The pixels of what is held."""
    return tile if isinstance(tile, int) else tile.array
