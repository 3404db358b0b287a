"""TIFF of 8, 16 and 32 bits, integer and float, any number of bands and pages, by tifffile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tifffile

from segstudio.core.errors import UserError
from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.memory import MemoryReader
from segstudio.io.readers.raster import check_size

if TYPE_CHECKING:
    from pathlib import Path

_PALETTE = 3
_WHITE_IS_ZERO = 0
MAX_PAGES = 4096
MAX_RATIO = 100_000
"""LZW and deflate of a constant page; more than this promised by a header is not there."""


def probe_tiff(path: Path) -> ImageInfo:
    """What the header says."""
    with tifffile.TiffFile(path) as tiff:
        return _describe(path, tiff)


def open_tiff(path: Path) -> MemoryReader:
    """Decode the file. Raises UserError, or whatever tifffile does on damaged bytes."""
    with tifffile.TiffFile(path) as tiff:
        info = _describe(path, tiff)
        pages = [tiff.pages[i] for i in range(info.depth)]
        planes = [_plane(page) for page in pages]
    if any(p.shape != planes[0].shape for p in planes):
        planes = [p for p in planes if p.shape == planes[0].shape]
    return MemoryReader(info, planes)


def _describe(path: Path, tiff: tifffile.TiffFile) -> ImageInfo:
    if not tiff.pages:
        raise UserError("the TIFF holds no picture", path=path, remedy="restore the file or leave it out")
    page = tiff.pages[0]
    if not isinstance(page, tifffile.TiffPage) or page.dtype is None:
        raise UserError(
            "the TIFF has a sample format that segstudio does not read", path=path, remedy="convert it to 8 or 16 bits"
        )
    width, height = page.imagewidth, page.imagelength
    check_size(path, width, height)
    bands = 3 if page.photometric == _PALETTE else page.samplesperpixel
    same = 1
    for other in tiff.pages[1:MAX_PAGES]:
        if other.shape != page.shape or other.dtype != page.dtype:
            break
        same += 1
    promised, size = width * height * bands * same * page.dtype.itemsize, path.stat().st_size
    if promised > MAX_RATIO * size or width * height * bands * same > 1 << 32:
        raise UserError(
            f"the file promises {same} × {width}×{height} pixels but its {size} bytes cannot hold them",
            path=path,
            remedy="restore the file or leave it out",
        )
    dtype = _out_type(page)
    is_rgb = page.photometric in (2, _PALETTE, 6) and bands >= 3
    return ImageInfo(path, width, height, same, bands, dtype, level_sizes(width, height), is_rgb)


def _out_type(page: tifffile.TiffPage) -> str:
    kind = np.dtype(page.dtype)
    if page.photometric == _PALETTE or kind == np.bool_:
        return "uint8"
    if kind.kind == "c":
        return "float32"
    return "float32" if kind == np.float16 else kind.name


def _plane(page: Any) -> npt.NDArray[Any]:
    """(y, x, band) values of a page."""
    values: npt.NDArray[Any] = page.asarray()
    if page.photometric == _PALETTE and page.colormap is not None:
        table = page.colormap
        table8 = (
            (table >> 8).astype(np.uint8)
            if table.dtype == np.uint16 and table.max(initial=0) > 255
            else table.astype(np.uint8)
        )
        return np.ascontiguousarray(np.moveaxis(table8[:, values], 0, -1))
    if values.ndim == 3 and page.planarconfig == 2:
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3:
        raise ValueError(f"it has {values.ndim} dimensions")
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * 255
    elif values.dtype.kind == "c":
        values = np.abs(values).astype(np.float32)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    if page.photometric == _WHITE_IS_ZERO and values.dtype == np.uint8:
        values = 255 - values
    return np.ascontiguousarray(values)
