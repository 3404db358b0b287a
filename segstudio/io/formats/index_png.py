"""Writing index masks as PNG, row strip by row strip: palette of 8 bits, or grey of 16."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.io.atomic import disk_error
from segstudio.io.readers.limits import sentences

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2
_IDAT_BYTES = 1 << 18


def write_index_png(
    path: Path,
    width: int,
    height: int,
    strips: Iterable[npt.NDArray[Any]],
    palette: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Write rows that come in *strips* ((h, width) arrays, top to bottom).

    With a ``palette`` ((256, 3) uint8) the values are its indices (uint8); without, grey of 16 bits (uint16). The
    filter and strategy (each row against the one above, run lengths) suit masks: 3 × as fast as the usual ones.

    Raises
    ------
    UserError
        When the disk is full or the place cannot be written to.
    """
    is_deep = palette is None
    header = struct.pack(">IIBBBBB", width, height, 16 if is_deep else 8, 0 if is_deep else 3, 0, 0, 0)
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    try:
        with path.open("wb") as stream:
            stream.write(_SIGNATURE + _chunk(b"IHDR", header))
            if palette is not None:
                stream.write(_chunk(b"PLTE", np.ascontiguousarray(palette, np.uint8).tobytes()))
            above = np.zeros((1, width * (2 if is_deep else 1)), np.uint8)
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
    return np.ascontiguousarray(strip, np.uint8)


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
