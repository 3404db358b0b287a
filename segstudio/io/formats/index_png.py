"""Index masks as PNG, written and read row strip by row strip: palette of 8 bits, or grey of 16."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE
from segstudio.io.atomic import disk_error
from segstudio.io.readers.limits import MAX_TILED_PIXELS, check_size, damaged, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NONE, _SUB, _UP = 0, 1, 2
_IDAT_BYTES = 1 << 18
_WHOLE_PIXELS = 1 << 26
"""Smaller ones are decoded at once, which is faster."""


def write_index_png(
    path: Path,
    width: int,
    height: int,
    strips: Iterable[npt.NDArray[Any]],
    palette: npt.NDArray[np.uint8] | None = None,
    *,
    is_rgb: bool = False,
    is_grey8: bool = False,
) -> None:
    """Write rows that come in *strips* ((h, width) arrays, top to bottom).

    With a ``palette`` ((256, 3) uint8) the values are its indices (uint8); without, grey of 16 bits (uint16), with ``is_grey8``
    of 8 (uint8), or with ``is_rgb`` colours ((h, width, 3) uint8), as formats have it that put ids into them. The filter and
    strategy (each row against the one above, run lengths) suit masks: 3 × as fast as the usual ones.

    Raises
    ------
    UserError
        When the disk is full or the place cannot be written to.
    """
    is_deep = palette is None and not (is_rgb or is_grey8)
    kind = 2 if is_rgb else 0 if palette is None else 3
    header = struct.pack(">IIBBBBB", width, height, 16 if is_deep else 8, kind, 0, 0, 0)
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    try:
        with path.open("wb") as stream:
            stream.write(_SIGNATURE + _chunk(b"IHDR", header))
            if palette is not None:
                stream.write(_chunk(b"PLTE", np.ascontiguousarray(palette, np.uint8).tobytes()))
            above = np.zeros((1, width * (3 if is_rgb else 2 if is_deep else 1)), np.uint8)
            pending = bytearray()
            rows = 0
            for strip in strips:
                raw = _bytes_of(strip, is_deep)
                rows += raw.shape[0]
                pending += squeeze.compress(_filtered(raw, above).data)
                above = raw[-1:].copy()
                if len(pending) >= _IDAT_BYTES:
                    stream.write(_chunk(b"IDAT", bytes(pending)))
                    pending.clear()
            if rows != height:
                raise ValueError(f"{rows} rows for a height of {height}")
            stream.write(_chunk(b"IDAT", bytes(pending) + squeeze.flush()) + _chunk(b"IEND", b""))
    except OSError as error:
        raise disk_error(error, path) from error


def _bytes_of(strip: npt.NDArray[Any], is_deep: bool) -> npt.NDArray[np.uint8]:
    if is_deep:
        return np.ascontiguousarray(strip, ">u2").view(np.uint8)
    return np.ascontiguousarray(strip, np.uint8).reshape(strip.shape[0], -1)


def _filtered(raw: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    lines = np.empty((raw.shape[0], raw.shape[1] + 1), np.uint8)
    lines[:, 0] = _UP
    np.subtract(raw[:1], above, out=lines[:1, 1:])
    np.subtract(raw[1:], raw[:-1], out=lines[1:, 1:])
    return lines


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def read_index_png(path: Path) -> npt.NDArray[Any]:
    """(y, x) uint8 or uint16 values of a mask we wrote; UserError when it cannot be read."""
    with sentences(path), Image.open(path, formats=("PNG",)) as image:
        values = np.asarray(image)
        return values if image.mode in ("P", "L") else values.astype(np.uint16)


def read_index_strips(path: Path, rows: int = TILE) -> Iterator[npt.NDArray[Any]]:
    """(h, width) uint8 or uint16 values of an index PNG, *rows* at a time from the top; a large one is never held whole.

    Large ones must be 8 bits of palette or grey or 16 of grey, not interlaced, and packed as masks usually are (rows as they
    are, against the pixel on the left, or the row above).

    Raises
    ------
    UserError
        When it is damaged, or large and packed otherwise.
    """
    with sentences(path):
        with path.open("rb") as stream:
            head = stream.read(33)
        if head[:8] != _SIGNATURE or head[12:16] != b"IHDR":
            raise damaged(path, "it is no PNG")
        width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", head[16:29])
        check_size(path, width, height, max_pixels=MAX_TILED_PIXELS)
        if width * height <= _WHOLE_PIXELS:
            values = read_index_png(path)
            yield from (values[y : y + rows] for y in range(0, height, rows))
            return
        if (bits, color) not in ((8, 0), (8, 3), (16, 0)) or interlaced:
            raise _odd(path)
        above = np.zeros((1, width * bits // 8), np.uint8)
        for packed in _packed_rows(path, 1 + above.shape[1], height, rows):
            raw = _unfiltered(packed, above, bits // 8, path)
            above = raw[-1:]
            yield raw if bits == 8 else raw.view(">u2").astype(np.uint16)


def _odd(path: Path) -> UserError:
    return UserError("So large a mask is read only as a plain PNG", path=path, remedy="save it as a tiled TIFF")


def _data_chunks(path: Path) -> Iterator[bytes]:
    """What the IDAT chunks hold, their checksums compared."""
    with path.open("rb") as stream:
        stream.seek(8)
        while len(head := stream.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind == b"IEND":
                return
            if kind != b"IDAT":
                stream.seek(size + 4, 1)
                continue
            check = zlib.crc32(kind)
            left = size
            while left:
                data = stream.read(min(left, _IDAT_BYTES))
                if not data:
                    raise damaged(path, "it ends too early")
                check = zlib.crc32(data, check)
                left -= len(data)
                yield data
            if stream.read(4) != struct.pack(">I", check):
                raise damaged(path, "a checksum is wrong")
    raise damaged(path, "it ends too early")


def _packed_rows(path: Path, stride: int, height: int, rows: int) -> Iterator[npt.NDArray[np.uint8]]:
    """(h, stride) filtered rows, each with its filter in front."""
    unpack = zlib.decompressobj()
    chunks = _data_chunks(path)
    pending = bytearray()
    for y in range(0, height, rows):
        wanted = min(rows, height - y) * stride
        while len(pending) < wanted:
            data = unpack.unconsumed_tail or next(chunks, b"")
            found = unpack.decompress(data, wanted - len(pending))
            if not data and not found:
                raise damaged(path, "rows are missing")
            pending += found
        yield np.frombuffer(bytes(pending[:wanted]), np.uint8).reshape(-1, stride)
        del pending[:wanted]


def _unfiltered(
    packed: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8], pixel_bytes: int, path: Path
) -> npt.NDArray[np.uint8]:
    filters, out = packed[:, 0], np.ascontiguousarray(packed[:, 1:])
    if (filters > _UP).any():
        raise _odd(path)
    if (filters == _UP).all():
        out[0] += above[0]
        np.add.accumulate(out, axis=0, out=out)
    elif filters.any():
        for row, kind in enumerate(filters.tolist()):
            if kind == _SUB:
                pixels = out[row].reshape(-1, pixel_bytes)
                np.add.accumulate(pixels, axis=0, out=pixels)
            elif kind == _UP:
                out[row] += out[row - 1] if row else above[0]
    return out
