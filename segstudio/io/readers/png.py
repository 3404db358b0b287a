"""PNG: every chunk is checked before a decoder sees the file; 8 and 16 bits, palette, alpha, EXIF orientation."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from segstudio.core.cancel import NEVER
from segstudio.io.readers import raster, streamed
from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.limits import damaged
from segstudio.io.readers.memory import MemoryReader, oriented, oriented_size
from segstudio.io.readers.thumbnails import reduced_rgb, rgb_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.io.readers.base import ImageReader

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _GREY_ALPHA: (8, 16), _RGBA: (8, 16)
}  # fmt: skip
_MAX_EXPANSION = 1032
"""Deflate cannot make more of a byte."""
_UNPACK_BYTES = 1 << 18
_PILLOW_PIXELS = 1 << 22
"""Larger ones cv2 decodes in half the time and memory."""
_MAX_SMALL_CHUNK = 1 << 20
_LARGE_BYTES = 1 << 26
_WALK_BYTES = 1 << 18
"""Large files mostly consist of chunks of 8 KB: tens of thousands, which one by one would take a system call each."""

_walking = threading.Lock()


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    bits: int
    color: int
    is_interlaced: bool
    parts: tuple[tuple[bytes, int, int], ...]
    """(type, offset of the length field, data length) of each chunk a decoder needs."""
    has_transparency: bool
    orientation: int

    @property
    def bands(self) -> int:
        if self.color == _PALETTE:
            return 4 if self.has_transparency else 3
        return _CHANNELS[self.color]

    @property
    def dtype(self) -> str:
        return "uint16" if self.bits == 16 else "uint8"


def _read_header(path: Path) -> _Header:
    """What the chunks say; of a large file they are gone through once, not again for its picture and its thumbnail."""
    status = path.stat()
    if status.st_size < _LARGE_BYTES:
        return _walked(path, status.st_size)
    with _walking:  # opening and thumbnails ask at once; together they would keep the window from its turn
        return _walked_once(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _walked_once(path: Path, file_bytes: int, mtime_ns: int) -> _Header:
    return _walked(path, file_bytes, _WALK_BYTES)


def _walked(path: Path, file_bytes: int, buffer_bytes: int = -1) -> _Header:
    """Walk over the chunks; pixel data are passed over, or come along where the chunks are small."""
    parts: list[tuple[bytes, int, int]] = []
    ihdr = b""
    has_transparency, orientation, pixel_bytes, is_ended = False, 1, 0, False
    with path.open("rb", buffering=buffer_bytes) as stream:
        offset = len(_SIGNATURE)
        while offset + 12 <= file_bytes:
            stream.seek(offset)
            length, kind = struct.unpack(">I4s", stream.read(8))
            if length > 0x7FFFFFFF or offset + 12 + length > file_bytes:
                raise damaged(path, "it is cut off in the middle")
            if not ihdr:
                if kind != b"IHDR" or length != 13:
                    raise damaged(path, "it does not begin with its size")
                ihdr = stream.read(13)
            if kind in (b"IHDR", b"PLTE", b"IDAT") or (kind == b"tRNS" and ihdr[9] == _PALETTE):
                parts.append((kind, offset, length))
            elif kind == b"eXIf" and length <= _MAX_SMALL_CHUNK:
                orientation = _exif_orientation(stream.read(length)) or orientation
            elif kind in (b"tEXt", b"zTXt") and length <= _MAX_SMALL_CHUNK:
                orientation = _exif_orientation(_exif_of_text(stream.read(length), kind == b"zTXt")) or orientation
            has_transparency = has_transparency or kind == b"tRNS"
            pixel_bytes += length if kind == b"IDAT" else 0
            offset += 12 + length
            if kind == b"IEND":
                is_ended = True
                break
    if not ihdr:
        raise damaged(path, "it is cut off in its header")
    width, height, bits, color, compression, filtering, interlace = struct.unpack(">IIBBBBB", ihdr)
    if bits not in _DEPTHS.get(color, ()) or compression or filtering or interlace > 1:
        raise damaged(path, "its header says what no PNG can be")
    header = _Header(width, height, bits, color, bool(interlace), tuple(parts), has_transparency, orientation)
    # 8 more channels' worth is what a decoder may take beside the result.
    streamed.check_streamed_size(path, width, height, header.bands * (bits + 7) // 8)
    if not is_ended or not pixel_bytes or _raw_bytes(header) > pixel_bytes * _MAX_EXPANSION + 1024:
        raise damaged(path, "there are fewer pixels in it than it claims")
    if color == _PALETTE and not any(kind == b"PLTE" for kind, _, _ in parts):
        raise damaged(path, "its palette is missing")
    return header


def _exif_of_text(chunk: bytes, is_packed: bool) -> bytes:
    """The EXIF block that ImageMagick writes as hexadecimal text; empty where the text is something else."""
    keyword, _, text = chunk.partition(b"\0")
    if keyword not in (b"Raw profile type exif", b"Raw profile type APP1"):
        return b""
    try:
        if is_packed:
            text = zlib.decompressobj().decompress(text[1:], _MAX_SMALL_CHUNK)
        lines = text.split(b"\n")
        return bytes.fromhex(b"".join(lines[3:]).decode("ascii"))
    except (ValueError, zlib.error):
        return b""


def _exif_orientation(data: bytes) -> int:
    """1 … 8, or 0 where *data* says nothing."""
    if not data:
        return 0
    exif = Image.Exif()
    try:
        exif.load(data)
        value = int(exif.get(raster.ORIENTATION_TAG, 0))
    except Exception:  # noqa: BLE001 - broken EXIF blocks raise anything; the picture is good without
        return 0
    return value if 1 <= value <= 8 else 0


def _info(path: Path, header: _Header) -> ImageInfo:
    width, height = oriented_size(header.width, header.height, header.orientation)
    metadata: dict[str, Any] = {"format": "PNG", "bits": header.bits}
    if header.orientation != 1:
        metadata["orientation"] = header.orientation
    bands = header.bands
    return ImageInfo(path, width, height, 1, bands, header.dtype, level_sizes(width, height), bands >= 3, metadata)


def probe(path: Path) -> ImageInfo:
    """The description, from the chunks' headers alone."""
    return _info(path, _read_header(path))


def _clean_bytes(path: Path, header: _Header) -> bytes:
    """The file with nothing but what makes the pixels: no text or profile that could blow up, checksums checked."""
    out = [_SIGNATURE]
    with path.open("rb") as stream:
        for kind, offset, length in header.parts:
            stream.seek(offset)
            chunk = stream.read(12 + length)
            (expected,) = struct.unpack(">I", chunk[-4:])
            if zlib.crc32(memoryview(chunk)[4:-4]) != expected:
                raise damaged(path, f"the checksum of its {kind.decode('ascii')} part is wrong")
            out.append(chunk)
    out.append(b"\0\0\0\0IEND\xaeB`\x82")
    return b"".join(out)


def _decode(path: Path, header: _Header) -> npt.NDArray[Any]:
    data = _clean_bytes(path, header)
    if header.color in (_GREY, _RGB, _RGBA) or header.bits == 16:
        return _decode_fast(path, header, data)
    with _pillow_image(path, header, data) as image:
        image.load()
        return raster.to_array(image)


def _pillow_image(path: Path, header: _Header, data: bytes) -> Image.Image:
    """Pillow leaves missing rows black without a word, so they are counted first."""
    if not _has_all_rows(header, memoryview(data)):
        raise damaged(path, "its pixels cannot be unpacked")
    return Image.open(io.BytesIO(data), formats=("PNG",))


def _decode_fast(path: Path, header: _Header, data: bytes) -> npt.NDArray[Any]:
    """Half of Pillow's memory, and 16 bits a channel, which Pillow cuts to 8.

    cv2 says nothing where rows are missing, so they are counted beside it.
    """
    with ThreadPoolExecutor(1) as pool:
        is_complete = pool.submit(_has_all_rows, header, memoryview(data))
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.shape[:2] != (header.height, header.width) or not is_complete.result():
            raise damaged(path, "its pixels cannot be unpacked")
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
    elif pixels.ndim == 3 and pixels.shape[2] == 4:
        cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA, dst=pixels)
    if header.color == _GREY_ALPHA and pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = pixels[..., [0, 3]]
    if (1 if pixels.ndim == 2 else pixels.shape[2]) != header.bands or str(pixels.dtype) != header.dtype:
        raise damaged(path, "it has other channels than it claims")
    return np.asarray(pixels)


def _has_all_rows(header: _Header, data: memoryview) -> bool:
    """Whether the packed pixels unpack to as many bytes as the size asks for; nothing is kept."""
    missing = _raw_bytes(header)
    unpack = zlib.decompressobj()
    offset = len(_SIGNATURE)
    while offset + 12 <= len(data) and missing > 0:
        length, kind = struct.unpack(">I4s", data[offset : offset + 8])
        rest: bytes | memoryview = data[offset + 8 : offset + 8 + length] if kind == b"IDAT" else b""
        while len(rest) and missing > 0 and not unpack.eof:
            try:
                missing -= len(unpack.decompress(rest, _UNPACK_BYTES))
            except zlib.error:
                return False
            rest = unpack.unconsumed_tail
        offset += 12 + length
    while missing > 0 and not unpack.eof:
        more = unpack.decompress(b"", _UNPACK_BYTES)
        missing -= len(more)
        if not more:
            break
    return missing <= 0


def _raw_bytes(header: _Header) -> int:
    """Bytes of all rows with their filter bytes, unpacked."""
    bits = _CHANNELS[header.color] * header.bits
    steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    total = 0
    for x, y, dx, dy in steps if header.is_interlaced else [(0, 0, 1, 1)]:
        columns, rows = -(-(header.width - x) // dx), -(-(header.height - y) // dy)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def open_reader(path: Path, cancel: Cancel = NEVER) -> ImageReader:
    """Decode the image; a large one row by row, into a pyramid that is kept."""
    header = _read_header(path)
    info = _info(path, header)
    if streamed.is_streamed(info):
        return streamed.open_streamed(path, info, header.orientation, cancel)
    return MemoryReader(info, oriented(_decode(path, header), header.orientation))


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture."""
    header = _read_header(path)
    info = _info(path, header)
    if streamed.is_streamed(info):
        values = streamed.streamed_picture(path, info, side_px, header.orientation)
        return oriented(rgb_of(values, side_px), header.orientation)
    if header.bits <= 8 and (header.color == _PALETTE or header.width * header.height <= _PILLOW_PIXELS):
        data = _clean_bytes(path, header)
        with _pillow_image(path, header, data) as image:
            return raster.small_picture(image, header.orientation, side_px)
    return reduced_rgb(open_reader(path), side_px)
