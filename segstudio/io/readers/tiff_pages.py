"""One page of a TIFF: whether it can be what it claims, its type, and how stored samples become values and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.readers.limits import CONVERT, MAX_TILED_PIXELS, check_size, damaged

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

WHITE_IS_ZERO, RGB, PALETTE, MASK, SEPARATED, YCBCR = 0, 2, 3, 4, 5, 6
_CODED_COLORS = (8, 9, 10)  # CIELab, ICCLab, ITULab
UNCOMPRESSED = 1
_MAX_BANDS = 4096
_MAX_CHUNKS = 1 << 22
_SEGMENT_BYTES = 512 << 20


def kind_of(page: Any) -> str:
    """The dtype that is handed out: what numpy and cv2 can calculate with, values unchanged."""
    if page.dtype is None:
        raise ValueError(f"{page.bitspersample} bits a sample are not known")
    kind = np.dtype(page.dtype)
    if kind == np.bool_ or page.bitspersample == 1:
        return "uint8"
    if kind.kind == "c":
        return "complex"
    if kind == np.float16 or kind == np.float64:
        return "float32"
    if kind == np.int8:
        return "int16"
    if kind.kind in "iu" and kind.itemsize == 8:
        return "float64"
    return str(kind.newbyteorder("="))


def orientation_of(page: Any) -> int:
    """1 … 8 as in EXIF."""
    tag = page.tags.get(274)
    value = tag.value if tag is not None else 1
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def checked_kind(path: Path, page: Any) -> tuple[str, int]:
    """(dtype, samples a pixel) of a page that can be shown; UserError for any other."""
    samples = int(page.samplesperpixel)
    if not 1 <= samples <= _MAX_BANDS:
        raise damaged(path, f"it claims {samples} bands")
    kind = kind_of(page)
    if kind == "complex":
        raise UserError("The image holds complex numbers", path=path, remedy="save its magnitude as a TIFF of floats")
    if page.photometric in _CODED_COLORS:
        raise UserError("The image has Lab colours", path=path, remedy=CONVERT)
    return kind, samples


def shown_kind(page: Any, kind: str, samples: int) -> tuple[str, int, bool]:
    """(dtype, bands, is RGB) after :func:`colors`."""
    bands = samples
    if page.photometric == PALETTE:
        bands, kind = 3, "uint8"
    elif page.photometric == SEPARATED and samples >= 4:
        bands = 3
    return kind, bands, page.photometric in (RGB, PALETTE, SEPARATED, YCBCR) and bands >= 3


def check_whole(path: Path, page: Any, kind: str, samples: int) -> None:
    """Refuse what cannot be before a page is decoded whole: tifffile trusts the header."""
    file_bytes = path.stat().st_size
    bytes_per_pixel = samples * np.dtype(kind).itemsize
    check_size(path, page.imagewidth, page.imagelength, bytes_per_pixel, file_bytes)
    _check_chunks(path, page, kind, 4 * page.imagewidth * page.imagelength * bytes_per_pixel)
    offsets, counts = page.dataoffsets, page.databytecounts
    # A chunk of no bytes stands for background in sparse files.
    if any(count and (offset < 0 or offset >= file_bytes) for offset, count in zip(offsets, counts)):
        raise damaged(path, "it is cut off in the middle")
    present = sum(min(count, file_bytes) for count in counts)
    whole_bits = page.imagewidth * page.imagelength * samples * int(page.bitspersample)
    if page.compression == UNCOMPRESSED and all(counts):
        if present < whole_bits // 8 * 0.99 or max(o + c for o, c in zip(offsets, counts)) > file_bytes:
            raise damaged(path, "it is cut off in the middle")
    elif not any(counts):
        raise damaged(path, "its pixels are missing")


def check_streamed(path: Path, page: Any, kind: str, samples: int) -> None:
    """Refuse what cannot be of a page that is read tile by tile; a tile that is missing is no reason."""
    file_bytes = path.stat().st_size
    _check_chunks(path, page, kind, _SEGMENT_BYTES)
    offsets, counts = page.dataoffsets, page.databytecounts
    filled = sum(1 for offset, count in zip(offsets, counts) if count and 0 < offset < file_bytes)
    if not filled:
        raise damaged(path, "its pixels are missing")
    # What a sparse file leaves out costs nothing, so only the tiles that are there count.
    bytes_per_pixel = samples * np.dtype(kind).itemsize * filled / len(counts)
    check_size(
        path, page.imagewidth, page.imagelength, bytes_per_pixel, file_bytes, max_pixels=MAX_TILED_PIXELS
    )


def _check_chunks(path: Path, page: Any, kind: str, most_bytes: int) -> None:
    if page.imagewidth <= 0 or page.imagelength <= 0:
        check_size(path, page.imagewidth, page.imagelength)
    offsets, counts = page.dataoffsets, page.databytecounts
    if not offsets or not counts or len(offsets) > _MAX_CHUNKS:
        raise damaged(path, "its pixels are missing")
    if chunk_bytes(page, kind) > max(_SEGMENT_BYTES, most_bytes):
        raise damaged(path, "its tiles are larger than anything in it")


def chunk_bytes(page: Any, kind: str) -> int:
    """Bytes of one decoded tile or strip."""
    return int(np.prod([int(side) for side in page.chunks], dtype=object)) * np.dtype(kind).itemsize


def colors(
    pixels: npt.NDArray[Any], photometric: int, bits: int, palette: npt.NDArray[Any] | None, dtype: str
) -> npt.NDArray[Any]:
    """(y, x, band) values of *dtype* of (y, x, sample) as stored: palettes looked up, few bits spread, ink to RGB."""
    if palette is not None:
        table = (np.asarray(palette, np.uint16) >> 8).astype(np.uint8).T
        index = np.minimum(pixels[:, :, 0], len(table) - 1)
        return np.ascontiguousarray(table[index])
    if pixels.dtype == np.bool_ or bits == 1:
        pixels = (pixels > 0).astype(np.uint8) * np.uint8(255)
    elif bits < 8 and pixels.dtype.kind in "iu":
        pixels = (pixels.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    if photometric == WHITE_IS_ZERO and pixels.dtype.kind == "u":
        top = (1 << max(bits, 8)) - 1
        pixels = (top - pixels.astype(np.int64)).astype(pixels.dtype)
    if photometric == SEPARATED and pixels.shape[2] >= 4:
        full = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
        black = 1.0 - pixels[:, :, 3:4].astype(np.float32) / full
        rgb = (full - pixels[:, :, :3].astype(np.float32)) * black
        pixels = np.rint(rgb) if pixels.dtype.kind in "iu" else rgb
    return pixels.astype(dtype, copy=False)
