"""TIFF through tifffile (imported on first use): small pages are decoded whole, all others window by window.

Tiled and pyramidal files, BigTIFF, OME-TIFF, COG, slides and stacks; 8 to 64 bits, float; grey, RGB, palette, CMYK.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER
from segstudio.io.readers.chunk_cache import ChunkCache
from segstudio.io.readers.file_bytes import FileBytes
from segstudio.io.readers.limits import damaged
from segstudio.io.readers.memory import MemoryReader, oriented
from segstudio.io.readers.streamed import open_rows
from segstudio.io.readers.tiff_level import LevelWindows
from segstudio.io.readers.tiff_pages import UNCOMPRESSED, colors
from segstudio.io.readers.tiff_plan import TiffPlan, open_tiff, plan_of
from segstudio.io.readers.windowed import WindowedReader, strips_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.io.readers.base import ImageInfo, ImageReader

_WHOLE_CHUNK_BYTES = 64 << 20
"""An image in packed strips larger than this can't be read in windows: it is unpacked once, from top to bottom."""


def probe(path: Path) -> ImageInfo:
    """The description, from the tags."""
    with open_tiff(path) as tif:
        return plan_of(path, tif).info


def open_reader(path: Path, cancel: Cancel = NEVER) -> ImageReader:
    """Decode a small image; make a large one ready to be read in windows."""
    with open_tiff(path) as tif:
        plan = plan_of(path, tif)
        page = plan.levels[0].keyframe
        if plan.is_small and plan.info.depth == 1 and len(plan.levels[0].pages[0]) == 1:
            return _decoded_whole(path, plan, page)
        return _windowed(path, plan, cancel)


def _decoded_whole(path: Path, plan: TiffPlan, page: Any) -> MemoryReader:
    axes = str(page.axes)
    pixels = _interleaved(path, np.asarray(page.asarray(maxworkers=2)), axes)
    info = plan.info
    pixels = colors(pixels, plan.photometric, plan.bits, plan.palette, info.dtype)
    if pixels.shape[2] != info.bands:
        raise damaged(path, f"it holds {pixels.shape[2]} bands where it claims {info.bands}")
    mask = plan.levels[0].mask
    valid = None if mask is None else oriented(np.asarray(mask.asarray()) > 0, plan.orientation)
    return MemoryReader(info, oriented(pixels, plan.orientation), valid=valid, notices=plan.notes)


def _windowed(path: Path, plan: TiffPlan, cancel: Cancel) -> ImageReader:
    if len(plan.levels) == plan.info.depth == 1 and plan.chunk_bytes > _WHOLE_CHUNK_BYTES and not _is_raw(plan):
        return _unpacked_once(path, plan, cancel)
    file, cache = FileBytes(path), ChunkCache()
    nodata = plan.info.metadata.get("nodata")
    notices: list[str] = []
    told = notices.append
    stored = [
        LevelWindows(plan, level, file, cache, lambda sentence: told(sentence), fill=nodata or 0.0)
        for level in plan.levels
    ]
    reader = WindowedReader(plan.info, stored, cache, orientation=plan.orientation, release=file.close)
    told = reader.report
    for sentence in plan.notes:
        reader.report(sentence)
    return reader


def _is_raw(plan: TiffPlan) -> bool:
    return bool(plan.levels[0].keyframe.compression == UNCOMPRESSED)


def _unpacked_once(path: Path, plan: TiffPlan, cancel: Cancel) -> ImageReader:
    """Strips so large that a window would cost the whole image."""
    file, cache = FileBytes(path), ChunkCache()
    notices: list[str] = list(plan.notes)
    nodata = plan.info.metadata.get("nodata")
    try:
        level = LevelWindows(plan, plan.levels[0], file, cache, notices.append, fill=nodata or 0.0)
        reader = open_rows(path, plan.info, plan.orientation, lambda: strips_of(level), cancel)
    finally:
        cache.clear()
        file.close()
    for sentence in notices:
        reader.report(sentence)
    return reader


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


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture; of the middle plane of a stack."""
    from segstudio.io.readers.thumbnails import reduced_rgb

    with closing(open_reader(path)) as reader:
        return reduced_rgb(reader, side_px)
