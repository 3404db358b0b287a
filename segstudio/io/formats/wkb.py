"""Areas as well-known binary (OGC 06-103r4, 8.2): written as MultiPolygon, read in any dialect of it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_POLYGON, _MULTI, _COLLECTION, _TRIANGLE = 3, 6, 7, 17
_NO_AREAS = (1, 2, 4, 5, 8, 9, 11, 13)
_MOST_NESTED = 20
_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000
_WIDEST = 4


def multi_polygon(polygons: Sequence[Sequence[Sequence[Sequence[float]]]]) -> bytes:
    """Polygons of closed rings of (x, y), little-endian."""
    parts = [struct.pack("<BII", 1, _MULTI, len(polygons))]
    for rings in polygons:
        parts.append(struct.pack("<BII", 1, _POLYGON, len(rings)))
        for ring in rings:
            parts += [struct.pack("<I", len(ring)), np.asarray(ring, "<f8").tobytes()]
    return b"".join(parts)


def read_areas(data: bytes, most_vertices: int) -> tuple[list[list[npt.NDArray[np.float64]]], bool]:
    """(rings of each polygon, (n, 2) x, y as they are stored; whether there was anything that holds no area).

    Raises
    ------
    ValueError
        When the bytes are damaged, or a ring has more than *most_vertices* points.
    """
    scan = _Scan(data, most_vertices)
    scan.geometry(0)
    return scan.polygons, scan.has_others


class _Scan:
    def __init__(self, data: bytes, most_vertices: int) -> None:
        self.polygons: list[list[npt.NDArray[np.float64]]] = []
        self.has_others = False
        self._data, self._at, self._most = data, 0, most_vertices

    def _count(self, order: str, least_bytes: int) -> int:
        """A count of things of at least so many bytes each; all of them must be there."""
        (count,) = self._unpack(f"{order}I", 4)
        if int(count) * least_bytes > len(self._data) - self._at:
            raise ValueError("the geometry is cut off")
        return int(count)

    def _unpack(self, form: str, size: int) -> tuple[int, ...]:
        if self._at + size > len(self._data):
            raise ValueError("the geometry is cut off")
        found = struct.unpack_from(form, self._data, self._at)
        self._at += size
        return found

    def geometry(self, depth: int) -> None:
        """Read one geometry with all its parts."""
        if depth > _MOST_NESTED:
            raise ValueError("the geometry is nested too deeply")
        (mark,) = self._unpack("B", 1)
        if mark > 1:
            raise ValueError("the geometry has no byte order")
        order = "<" if mark else ">"
        (kind,) = self._unpack(f"{order}I", 4)
        width = 2 + bool(kind & _Z) + bool(kind & _M)
        if kind & _SRID:
            self._unpack(f"{order}I", 4)
        kind &= 0x0FFFFFFF
        thousands, kind = divmod(kind, 1000)
        width = max(width, {0: 2, 1: 3, 2: 3, 3: 4}.get(thousands, _WIDEST))
        if kind in (_POLYGON, _TRIANGLE):
            self.polygons.append([self._ring(order, width) for _ in range(self._count(order, 4))])
        elif kind in (_MULTI, _COLLECTION, 15, 16):  # surfaces of polygons or triangles, too
            for _ in range(self._count(order, 5)):
                self.geometry(depth + 1)
                if self.has_others:
                    return  # where the next one begins is not known
        elif kind in _NO_AREAS:
            self.has_others = True
        else:
            raise ValueError(f"geometries of the kind {kind} (curves) cannot be read")

    def _ring(self, order: str, width: int) -> npt.NDArray[np.float64]:
        count = self._count(order, 8 * width)
        if count > self._most:
            raise ValueError(f"a polygon of more than {self._most:,} points")
        points = np.frombuffer(self._data, f"{order}f8", count * width, self._at).reshape(-1, width)
        self._at += 8 * count * width
        return np.asarray(points[:, :2], np.float64)
