"""What of an image somebody looked at: cells that were on the screen long enough, plane by plane."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

LEAST_CELL_PX = 16
MOST_CELLS = 512
"""Along the longer side of an image."""


def cell_px_of(width: int, height: int) -> int:
    """The side of a cell in pixels: 16, or as many times two as keep the grid small."""
    cell = LEAST_CELL_PX
    while max(width, height) > cell * MOST_CELLS:
        cell *= 2
    return cell


class LookMap:
    """Which cells of an image (or volume) were seen. Cells at the far sides are cut off by the image.

    ``revision`` grows whenever more was seen.
    """

    def __init__(self, width: int, height: int, depth: int = 1) -> None:
        self.width, self.height, self.depth = width, height, max(1, depth)
        self.cell_px = cell_px_of(width, height)
        self.columns, self.rows = -(-width // self.cell_px), -(-height // self.cell_px)
        self.revision = 0
        self._seconds: dict[int, npt.NDArray[np.float32]] = {}
        self._seen: dict[int, npt.NDArray[np.bool_]] = {}
        self._column_px = _extents(width, self.cell_px, self.columns)
        self._row_px = _extents(height, self.cell_px, self.rows)

    def seen(self, z: int = 0) -> npt.NDArray[np.bool_]:
        """(rows, columns) bool of plane *z*, read-only."""
        found = self._seen.get(z)
        return np.zeros((self.rows, self.columns), np.bool_) if found is None else found

    def look(self, rect: Rect, z: int, seconds: float, long_enough_s: float) -> bool:
        """*rect* was on the screen for *seconds* more; whether cells were now seen for *long_enough_s* altogether.

        A cell counts when its middle is in *rect*.
        """
        part = self._cells_in(rect)
        if part is None or not 0 <= z < self.depth:
            return False
        before = self.seen(z)
        if before[part].all():
            return False
        total = self._seconds.setdefault(z, np.zeros((self.rows, self.columns), np.float32))
        total[part] += seconds
        after = before | (total >= long_enough_s - 1e-6)
        if np.array_equal(after, before):
            return False
        after.flags.writeable = False
        self._seen[z] = after
        self.revision += 1
        return True

    def share(self, z: int | None = None) -> float:
        """The part of plane *z*, or (None) of all planes, that was seen: 0 … 1, by pixels."""
        whole = self.width * self.height * (self.depth if z is None else 1)
        planes = self._seen.values() if z is None else (self.seen(z),)
        return sum(float(self._row_px @ plane @ self._column_px) for plane in planes) / whole if whole else 1.0

    def nearest_unseen(self, x: float, y: float, z: int = 0) -> Rect:
        """The unseen cell of plane *z* whose middle is nearest to (x, y); empty when all was seen."""
        rows, columns = np.nonzero(~self.seen(z))
        if not len(rows):
            return EMPTY
        cell = self.cell_px
        away = (columns * cell + cell / 2 - x) ** 2 + (rows * cell + cell / 2 - y) ** 2
        at = int(away.argmin())
        return Rect(int(columns[at]) * cell, int(rows[at]) * cell, cell, cell).clipped(self.width, self.height)

    def next_plane_with_unseen(self, z: int) -> int | None:
        """The next plane after *z*, round the end, that was not wholly seen; None when there is no other."""
        for step in range(1, self.depth):
            other = (z + step) % self.depth
            if not self.seen(other).all():
                return other
        return None

    def _cells_in(self, rect: Rect) -> tuple[slice, slice] | None:
        parts = []
        for low, high, extents in (
            (rect.y, rect.bottom, self._row_px),
            (rect.x, rect.right, self._column_px),
        ):
            starts = np.arange(len(extents)) * self.cell_px
            middles = starts + extents / 2
            inside = np.flatnonzero((middles >= low) & (middles <= high))
            if not len(inside):
                return None
            parts.append(slice(int(inside[0]), int(inside[-1]) + 1))
        return parts[0], parts[1]

    # -- keeping it ------------------------------------------------------------------------------------------------

    def to_fact(self) -> tuple[dict[str, Any], bytes]:
        """(JSON value, bytes) to keep; how long what is not seen yet was on the screen is forgotten."""
        planes = sorted(z for z, seen in self._seen.items() if seen.any())
        value = {
            "width": self.width,
            "height": self.height,
            "depth": self.depth,
            "cell_px": self.cell_px,
            "planes": planes,
            "share": round(self.share(), 4),
        }
        bits = b"".join(np.packbits(self._seen[z]).tobytes() for z in planes)
        return value, zlib.compress(bits, 6)

    @classmethod
    def from_fact(cls, width: int, height: int, depth: int, value: object, data: bytes) -> LookMap:
        """The map that was kept; an empty one where it is of another image or damaged."""
        found = cls(width, height, depth)
        if not isinstance(value, dict) or not found._fits(value):
            return found
        size = -(-found.rows * found.columns // 8)
        try:
            planes = [int(z) for z in value["planes"]]
            bits = zlib.decompressobj().decompress(data, size * len(planes) + 1)
        except (zlib.error, KeyError, TypeError, ValueError):
            return found
        if len(bits) != size * len(planes) or any(not 0 <= z < found.depth for z in planes):
            return found
        for index, z in enumerate(planes):
            packed = np.frombuffer(bits, np.uint8, size, index * size)
            seen = np.unpackbits(packed, count=found.rows * found.columns).astype(np.bool_)
            found._seen[z] = seen.reshape(found.rows, found.columns)
        return found

    def _fits(self, value: Mapping[str, Any]) -> bool:
        names = ("width", "height", "depth", "cell_px")
        return all(value.get(name) == getattr(self, name) for name in names)


def _extents(size: int, cell: int, count: int) -> npt.NDArray[np.float64]:
    """How many pixels each cell along a side has."""
    extents = np.full(count, cell, np.float64)
    if count:
        extents[-1] = size - cell * (count - 1)
    return extents
