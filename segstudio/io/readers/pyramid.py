"""Pyramids of large images, made once from rows that come in order: packed tiles in a file of ours or in memory."""

from __future__ import annotations

import json
import math
import struct
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.io.readers.ahead import ahead
from segstudio.io.readers.chunk_cache import ChunkCache, decoders
from segstudio.io.readers.memory import resized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.geometry import Rect

SIDE = 512
"""Of a stored tile, in pixels."""
_MAGIC = b"SEGPYR1\n"
_TAIL = struct.Struct("<QQ8s")
_IN_FLIGHT = 48
_MAX_HEADER = 1 << 20


@dataclass
class PyramidTiles:
    """Where the packed tiles of each level are: ``places[level][row, column]`` is (offset or number, bytes)."""

    sizes: tuple[tuple[int, int], ...]
    bands: int
    dtype: str
    places: list[npt.NDArray[np.uint64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.places:
            shapes = [(math.ceil(height / SIDE), math.ceil(width / SIDE), 2) for width, height in self.sizes]
            self.places = [np.zeros(shape, np.uint64) for shape in shapes]


class Pyramid:
    """Reads windows of the stored levels; may be asked from several threads."""

    def __init__(self, tiles: PyramidTiles, fetch: Callable[[int, int], bytes], close: Callable[[], None]) -> None:
        self.sizes = tiles.sizes
        self._tiles, self._fetch, self._close = tiles, fetch, close
        self._cache = ChunkCache()

    def read(self, level: int, rect: Rect) -> npt.NDArray[Any]:
        """(y, x, band) values of *rect*, which lies inside the level."""
        out = np.empty((rect.height, rect.width, self._tiles.bands), self._tiles.dtype)
        rows = range(rect.y // SIDE, -(-rect.bottom // SIDE))
        wanted = [(row, column) for row in rows for column in range(rect.x // SIDE, -(-rect.right // SIDE))]

        def tile(at: tuple[int, int]) -> npt.NDArray[Any]:
            return self._tile(level, *at)

        arrays = map(tile, wanted) if len(wanted) <= 2 else decoders().map(tile, wanted)
        for (row, column), values in zip(wanted, arrays):
            top, left = max(rect.y, row * SIDE), max(rect.x, column * SIDE)
            bottom, right = min(rect.bottom, row * SIDE + SIDE), min(rect.right, column * SIDE + SIDE)
            part = values[top - row * SIDE : bottom - row * SIDE, left - column * SIDE : right - column * SIDE]
            out[top - rect.y : bottom - rect.y, left - rect.x : right - rect.x] = part
        return out

    def _tile(self, level: int, row: int, column: int) -> npt.NDArray[Any]:
        found = self._cache.get((level, row, column))
        if found is None:
            offset, count = (int(value) for value in self._tiles.places[level][row, column])
            width, height = self.sizes[level]
            shape = (min(SIDE, height - row * SIDE), min(SIDE, width - column * SIDE), self._tiles.bands)
            found = _unpacked(self._fetch(offset, count), self._tiles.dtype).reshape(shape)
            self._cache.put((level, row, column), found)
        return found

    def close(self) -> None:
        """Let go of memory and file."""
        self._cache.clear()
        self._close()


class PyramidSink:
    """Takes packed tiles: into *file* for as long as the disk has room, else into memory."""

    def __init__(self, tiles: PyramidTiles, file: IO[bytes] | None) -> None:
        self.tiles = tiles
        self.file = file
        self.kept: list[bytes] = []
        self.error: OSError | None = None
        self._end = 0
        self._write(_MAGIC)

    def put(self, level: int, row: int, column: int, data: bytes) -> None:
        """Store one tile."""
        place = self.tiles.places[level][row, column]
        offset = self._end
        self._write(data)
        if self.file is not None:
            place[:] = offset, len(data)
        else:
            place[:] = len(self.kept), len(data)
            self.kept.append(data)

    def finish(self) -> None:
        """Write the table of tiles."""
        tiles = self.tiles
        header = json.dumps({"sizes": tiles.sizes, "bands": tiles.bands, "dtype": tiles.dtype, "side": SIDE}).encode()
        table = b"".join(places.tobytes() for places in tiles.places)
        self._write(table + header + _TAIL.pack(len(table), len(header), _MAGIC))

    def _write(self, data: bytes) -> None:
        if self.file is None:
            return
        try:
            rest = memoryview(data)
            while len(rest):  # an unbuffered file takes less than all where the disk is nearly full
                rest = rest[self.file.write(rest) :]
            self._end += len(data)
        except OSError as error:
            self.error = error
            self._move_to_memory()

    def _move_to_memory(self) -> None:
        """The disk is full: what is in the file comes back, and the rest stays in memory."""
        assert self.file is not None
        stream, self.file = self.file, None
        for places in self.tiles.places:
            for place in places.reshape(-1, 2):
                if place[1]:
                    stream.seek(int(place[0]))
                    self.kept.append(stream.read(int(place[1])))
                    place[0] = len(self.kept) - 1


class _Rows:
    """Rows of one level on their way: whole rows of tiles are handed on, and their halves go to the next level."""

    def __init__(self, width: int, emit: Callable[[int, npt.NDArray[Any]], None] | None, below: _Rows | None) -> None:
        self.width = width
        self._emit, self._below = emit, below
        self._waiting: list[npt.NDArray[Any]] = []
        self._count = 0
        self._tile_row = 0

    def push(self, rows: npt.NDArray[Any]) -> None:
        self._waiting.append(rows)
        self._count += len(rows)
        if self._count >= SIDE:
            joined = self._joined()
            whole = len(joined) // SIDE * SIDE
            for top in range(0, whole, SIDE):
                self._hand_on(joined[top : top + SIDE])
            if whole < len(joined):
                self._waiting, self._count = [joined[whole:].copy()], len(joined) - whole

    def finish(self) -> None:
        if self._count:
            self._hand_on(self._joined())
        if self._below is not None:
            self._below.finish()

    def _joined(self) -> npt.NDArray[Any]:
        joined = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        self._waiting, self._count = [], 0
        return joined

    def _hand_on(self, rows: npt.NDArray[Any]) -> None:
        if self._emit is not None:
            self._emit(self._tile_row, rows)
        self._tile_row += 1
        if self._below is not None:
            self._below.push(halved(rows))


def halved(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(⌈y/2⌉, ⌈x/2⌉, band) means of 2×2 blocks; an odd last row or column counts twice."""
    height, width = rows.shape[:2]
    if height % 2 or width % 2:
        rows = np.pad(rows, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return resized(np.ascontiguousarray(rows), (width + 1) // 2, (height + 1) // 2)


def build(
    rows: Iterable[npt.NDArray[Any]],
    width: int,
    sizes: tuple[tuple[int, int], ...],
    sink: PyramidSink,
    cancel: Cancel = NEVER,
) -> None:
    """Fill *sink* from (y, x, band) *rows* of an image *width* wide, top to bottom.

    *sizes* halve from one to the next; the first is the image itself or its half. Memory holds a few rows of tiles.

    Raises
    ------
    Cancelled
        When *cancel* is set.
    """
    pending: deque[tuple[int, int, int, Future[bytes]]] = deque()

    def settle(most: int) -> None:
        while len(pending) > most:
            level, row, column, packed = pending.popleft()
            sink.put(level, row, column, packed.result())

    def emitter(level: int) -> Callable[[int, npt.NDArray[Any]], None]:
        def emit(tile_row: int, values: npt.NDArray[Any]) -> None:
            for column, left in enumerate(range(0, values.shape[1], SIDE)):
                part = values[:, left : left + SIDE]
                pending.append((level, tile_row, column, decoders().submit(_packed, part)))
            settle(_IN_FLIGHT)

        return emit

    chain: _Rows | None = None
    for level in range(len(sizes) - 1, -1, -1):
        chain = _Rows(sizes[level][0], emitter(level), chain)
    assert chain is not None
    if chain.width != width:
        chain = _Rows(width, None, chain)
    try:
        with closing(ahead(rows)) as parts:  # unpacking the file takes one core, all else the others
            for part in parts:
                check(cancel)
                chain.push(part)
        chain.finish()
        settle(0)
    finally:
        for _, _, _, packed in pending:
            packed.cancel()
    sink.finish()


def _packed(values: npt.NDArray[Any]) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.zstd_encode(np.ascontiguousarray(values), level=1))  # type: ignore[arg-type]


def _unpacked(data: bytes, dtype: str) -> npt.NDArray[Any]:
    import imagecodecs

    return np.frombuffer(imagecodecs.zstd_decode(data), dtype)


def load_tiles(path: Path) -> PyramidTiles | None:
    """The table of a pyramid file; None where it is not whole."""
    with path.open("rb") as stream:
        end = stream.seek(0, 2)
        if end < len(_MAGIC) + _TAIL.size:
            return None
        stream.seek(end - _TAIL.size)
        table_bytes, header_bytes, magic = _TAIL.unpack(stream.read(_TAIL.size))
        start = end - _TAIL.size - header_bytes - table_bytes
        if magic != _MAGIC or header_bytes > _MAX_HEADER or start < len(_MAGIC):
            return None
        stream.seek(start)
        table, header = stream.read(table_bytes), json.loads(stream.read(header_bytes))
    tiles = PyramidTiles(tuple((w, h) for w, h in header["sizes"]), header["bands"], header["dtype"])
    values = np.frombuffer(table, np.uint64)
    if header["side"] != SIDE or values.size != sum(places.size for places in tiles.places):
        return None
    at = 0
    for places in tiles.places:
        places[:] = values[at : at + places.size].reshape(places.shape)
        at += places.size
    return tiles
