"""TIFF through tifffile (imported on first use): 8 and 16-bit, float, striped or tiled, grey, RGB, palette, CMYK."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.limits import CONVERT, check_size, damaged
from segstudio.io.readers.memory import MemoryReader, oriented, oriented_size

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_WHITE_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 2, 3, 5, 6
_CODED_COLORS = (8, 9, 10)  # CIELab, ICCLab, ITULab
_UNCOMPRESSED = 1
_MAX_BANDS = 4096
_MAX_CHUNKS = 1 << 22
_SEGMENT_BYTES = 512 << 20


def _page(tif: Any, path: Path) -> Any:
    page = tif.pages.first
    if getattr(page, "is_frame", False):
        page = page.aspage()
    if page.imagewidth <= 0 or page.imagelength <= 0:
        check_size(path, page.imagewidth, page.imagelength)
    return page


def _kind(page: Any) -> str:
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


def _orientation(page: Any) -> int:
    tag = page.tags.get(274)
    value = tag.value if tag is not None else 1
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _info(path: Path, tif: Any, page: Any) -> ImageInfo:
    samples = int(page.samplesperpixel)
    if not 1 <= samples <= _MAX_BANDS:
        raise damaged(path, f"it claims {samples} bands")
    kind = _kind(page)
    if kind == "complex":
        raise UserError("The image holds complex numbers", path=path, remedy="save its magnitude as a TIFF of floats")
    if page.photometric in _CODED_COLORS:
        raise UserError("The image has Lab colours", path=path, remedy=CONVERT)
    _check_bytes(path, page, kind, samples)
    bands = samples
    if page.photometric == _PALETTE:
        bands, kind = 3, "uint8"
    elif page.photometric == _SEPARATED and samples >= 4:
        bands = 3
    is_rgb = page.photometric in (_RGB, _PALETTE, _SEPARATED, _YCBCR) and bands >= 3
    orientation = _orientation(page)
    width, height = oriented_size(page.imagewidth, page.imagelength, orientation)
    metadata: dict[str, Any] = {"format": "TIFF", "bits": int(page.bitspersample), "is_tiled": bool(page.is_tiled)}
    if orientation != 1:
        metadata["orientation"] = orientation
    return ImageInfo(path, width, height, 1, bands, kind, level_sizes(width, height), is_rgb, metadata)


def _check_bytes(path: Path, page: Any, kind: str, samples: int) -> None:
    """Refuse what cannot be before anything is allocated: tifffile trusts the header."""
    file_bytes = path.stat().st_size
    bytes_per_pixel = samples * np.dtype(kind).itemsize
    check_size(path, page.imagewidth, page.imagelength, bytes_per_pixel, file_bytes)
    offsets, counts = page.dataoffsets, page.databytecounts
    if not offsets or not counts or len(offsets) > _MAX_CHUNKS:
        raise damaged(path, "its pixels are missing")
    # A chunk of no bytes stands for background in sparse files.
    if any(count and (offset < 0 or offset >= file_bytes) for offset, count in zip(offsets, counts)):
        raise damaged(path, "it is cut off in the middle")
    present = sum(min(count, file_bytes) for count in counts)
    whole_bits = page.imagewidth * page.imagelength * samples * int(page.bitspersample)
    if page.compression == _UNCOMPRESSED and all(counts):
        if present < whole_bits // 8 * 0.99 or max(o + c for o, c in zip(offsets, counts)) > file_bytes:
            raise damaged(path, "it is cut off in the middle")
    elif not any(counts):
        raise damaged(path, "its pixels are missing")
    segment = int(np.prod([int(side) for side in page.chunks], dtype=object)) * np.dtype(kind).itemsize
    if segment > max(_SEGMENT_BYTES, 4 * page.imagewidth * page.imagelength * bytes_per_pixel):
        raise damaged(path, "its tiles are larger than anything in it")


def _open(path: Path) -> Any:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    return tifffile.TiffFile(path)


def probe(path: Path) -> ImageInfo:
    """The description of the first page, from its tags."""
    with _open(path) as tif:
        return _info(path, tif, _page(tif, path))


def open_reader(path: Path) -> MemoryReader:
    """Decode the first page."""
    with _open(path) as tif:
        page = _page(tif, path)
        info = _info(path, tif, page)
        values = page.asarray(maxworkers=2)
        axes = str(page.axes)
        palette = page.colormap if page.photometric == _PALETTE else None
        photometric, bits, orientation = int(page.photometric), int(page.bitspersample), _orientation(page)
    pixels = _interleaved(path, np.asarray(values), axes)
    pixels = _colors(pixels, photometric, bits, palette, info)
    if pixels.shape[2] != info.bands:
        raise damaged(path, f"it holds {pixels.shape[2]} bands where it claims {info.bands}")
    return MemoryReader(info, oriented(pixels, orientation))


def _interleaved(path: Path, values: npt.NDArray[Any], axes: str) -> npt.NDArray[Any]:
    """(y, x, band) of what tifffile gave."""
    while values.ndim > len(axes):
        values = values[0]
    for axis in [name for name in axes if name not in "YXS"]:
        values = values.take(0, axis=axes.index(axis))
        axes = axes.replace(axis, "", 1)
    if set(axes) - {"S"} != {"Y", "X"}:
        raise damaged(path, f"its axes are {axes}")
    order = [axes.index(name) for name in "YXS" if name in axes]
    pixels = values.transpose(order)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _colors(pixels: npt.NDArray[Any], photometric: int, bits: int, palette: Any, info: ImageInfo) -> npt.NDArray[Any]:
    if palette is not None:
        table = (np.asarray(palette, np.uint16) >> 8).astype(np.uint8).T
        index = np.minimum(pixels[:, :, 0], len(table) - 1)
        return np.ascontiguousarray(table[index])
    if pixels.dtype == np.bool_ or bits == 1:
        pixels = (pixels > 0).astype(np.uint8) * np.uint8(255)
    elif bits < 8 and pixels.dtype.kind in "iu":
        pixels = (pixels.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    if photometric == _WHITE_IS_ZERO and pixels.dtype.kind == "u":
        top = (1 << max(bits, 8)) - 1
        pixels = (top - pixels.astype(np.int64)).astype(pixels.dtype)
    if photometric == _SEPARATED and pixels.shape[2] >= 4:
        full = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
        black = 1.0 - pixels[:, :, 3:4].astype(np.float32) / full
        rgb = (full - pixels[:, :, :3].astype(np.float32)) * black
        pixels = np.rint(rgb) if pixels.dtype.kind in "iu" else rgb
    return pixels.astype(info.dtype, copy=False)


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture."""
    from segstudio.io.readers.png import reduced_rgb

    return reduced_rgb(open_reader(path), side_px)
