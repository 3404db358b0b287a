"""How a TIFF is laid out: its planes, bands and resolutions, from tifffile's series (OME, ImageJ, slides, stacks, COG)."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.limits import check_size
from segstudio.io.readers.memory import oriented_size
from segstudio.io.readers.tiff_metadata import metadata_of
from segstudio.io.readers.tiff_pages import (
    MASK,
    PALETTE,
    check_streamed,
    check_whole,
    checked_kind,
    chunk_bytes,
    orientation_of,
    shown_kind,
)  # fmt: skip

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

MEMORY_BYTES = 192 << 20
"""A plane without levels of its own that is no larger (64 megapixels of RGB) is decoded whole."""
_MAX_ASPECT_ERROR = 0.02
_REDUCED, _TRANSPARENCY = 1, 4


@dataclass(frozen=True)
class TiffLevel:
    """One resolution as stored: ``pages[z][c]`` is a tifffile page or frame, None where the file has none."""

    width: int
    height: int
    keyframe: Any
    pages: tuple[tuple[Any, ...], ...]
    mask: Any = None


@dataclass(frozen=True)
class TiffPlan:
    """What a reader of a TIFF needs to know; ``levels`` are those of the file, the full one first."""

    info: ImageInfo
    levels: tuple[TiffLevel, ...]
    orientation: int
    photometric: int
    bits: int
    palette: npt.NDArray[Any] | None
    plane_bytes: int
    chunk_bytes: int
    notes: tuple[str, ...] = field(default=())

    @property
    def is_small(self) -> bool:
        """Whether a plane is decoded whole when it is wanted."""
        return len(self.levels) == 1 and self.plane_bytes <= MEMORY_BYTES


def open_tiff(path: Path) -> Any:
    """The tifffile.TiffFile; it logs nothing."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    return tifffile.TiffFile(path)


def plan_of(path: Path, tif: Any) -> TiffPlan:
    """Describe an open TIFF from its tags.

    Raises
    ------
    UserError
        When it is damaged or of a kind that can't be shown.
    """
    first = _whole_page(tif.pages.first, path)
    kind, samples = checked_kind(path, first)
    try:
        levels = _series_levels(tif, first)
    except Exception:  # noqa: BLE001 - odd metadata makes tifffile raise anything; the first page may well be good
        levels = ()
    levels = levels or (TiffLevel(first.imagewidth, first.imagelength, first, ((first,),)),)
    page = levels[0].keyframe
    if page is not first:
        kind, samples = checked_kind(path, page)
    depth, channels = len(levels[0].pages), len(levels[0].pages[0])
    stored = kind
    kind, bands, is_rgb = shown_kind(page, kind, samples)
    plane_bytes = page.imagewidth * page.imagelength * bands * channels * _size_of(kind)
    is_small = len(levels) == 1 and plane_bytes <= MEMORY_BYTES
    if is_small and depth == channels == 1:
        check_whole(path, page, stored, samples)
    else:
        check_streamed(path, page, stored, samples)
    # A level that could not be read costs nothing: the next finer one stands in.
    levels = tuple(level for level in levels if level is levels[0] or _is_sound(path, level, stored, samples))
    orientation = orientation_of(page)
    sizes = [oriented_size(level.width, level.height, orientation) for level in levels]
    metadata: dict[str, Any] = {"format": "TIFF", "bits": int(page.bitspersample), "is_tiled": bool(page.is_tiled)}
    if orientation != 1:
        metadata["orientation"] = orientation
    more, notes = metadata_of(path, tif, page, samples, depth)
    info = ImageInfo(
        path, *sizes[0], depth, bands * channels, kind, full_sizes(sizes), is_rgb and channels == 1, metadata | more
    )
    palette = page.colormap if page.photometric == PALETTE else None
    return TiffPlan(
        info, levels, orientation, int(page.photometric), int(page.bitspersample), palette, plane_bytes,
        chunk_bytes(page, stored), notes
    )  # fmt: skip


def full_sizes(stored: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Sizes of all levels: those that are stored, and halved ones below the coarsest."""
    return tuple(stored[:-1]) + level_sizes(*stored[-1])


def _size_of(kind: str) -> int:
    import numpy as np

    return np.dtype(kind).itemsize


def _whole_page(page: Any, path: Path) -> Any:
    if getattr(page, "is_frame", False):
        page = page.aspage()
    if page.imagewidth <= 0 or page.imagelength <= 0:
        check_size(path, page.imagewidth, page.imagelength)
    return page


def _is_sound(path: Path, level: TiffLevel, kind: str, samples: int) -> bool:
    from segstudio.core.errors import UserError

    try:
        found = checked_kind(path, level.keyframe)
        check_streamed(path, level.keyframe, kind, samples)
    except (UserError, ValueError):
        return False
    return found == (kind, samples)


def _series_levels(tif: Any, first: Any) -> tuple[TiffLevel, ...]:
    if getattr(first, "imagedepth", 1) > 1:
        return ()
    series = tif.series[0]
    axes, shape = str(series.axes), tuple(int(side) for side in series.shape)
    stacked = list(series.levels)
    planes = [_level(level, axes, shape) for level in stacked]
    if planes[0] is None:
        return ()
    found = [level for level in planes if level is not None and _same_layout(level, planes[0])]
    if len(found[0].pages) == len(found[0].pages[0]) == 1:
        widths = {level.width for level in found}
        found += [level for level in _reduced_pages(tif, found[0]) if level.width not in widths]
    found = sorted({level.width: level for level in reversed(found)}.values(), key=lambda level: -level.width)
    return tuple(_with_mask(level, tif) for level in found)


def _level(series: Any, axes: str, shape: tuple[int, ...]) -> TiffLevel | None:
    """Planes and bands of a series: C is bands, every other axis but Y, X and S is depth."""
    keyframe = series.keyframe
    own = str(keyframe.axes)
    if not axes.endswith(own) or "Y" not in own or "X" not in own:
        return None
    outer, sides = axes[: len(axes) - len(own)], shape[: len(axes) - len(own)]
    pages = list(series.pages)
    count = math.prod(sides)
    if getattr(series, "is_truncated", False) and len(pages) < count:
        pages = _virtual_pages(keyframe, count)
    if len(pages) < count:
        return None
    import numpy as np

    order = np.arange(count).reshape(sides)
    bands = outer.find("C")
    order = np.moveaxis(order, bands, -1).reshape(-1, sides[bands]) if bands >= 0 else order.reshape(-1, 1)
    grid = tuple(tuple(pages[index] for index in row) for row in order.tolist())
    return TiffLevel(int(keyframe.imagewidth), int(keyframe.imagelength), keyframe, grid)


@dataclass(frozen=True)
class _VirtualPage:
    """A plane that follows the first one in the file without tags of its own (ImageJ's large stacks)."""

    keyframe: Any
    dataoffsets: tuple[int, ...]
    databytecounts: tuple[int, ...]
    jpegtables: None = None


def _virtual_pages(keyframe: Any, count: int) -> list[Any]:
    if not keyframe.is_contiguous:
        return []
    step = int(keyframe.nbytes)
    counts = tuple(int(value) for value in keyframe.databytecounts)
    return [
        _VirtualPage(keyframe, tuple(int(offset) + index * step for offset in keyframe.dataoffsets), counts)
        for index in range(count)
    ]


def _same_layout(level: TiffLevel, full: TiffLevel) -> bool:
    return (
        len(level.pages) == len(full.pages)
        and len(level.pages[0]) == len(full.pages[0])
        and _has_aspect(level, full)
        and level.keyframe.photometric == full.keyframe.photometric
    )


def _has_aspect(level: TiffLevel, full: TiffLevel) -> bool:
    across, down = full.width / level.width, full.height / level.height
    rounding = 1.0 / min(level.width, level.height)
    return abs(across / down - 1.0) <= _MAX_ASPECT_ERROR + rounding


def _reduced_pages(tif: Any, full: TiffLevel) -> list[TiffLevel]:
    """Pages and sub-pages marked as smaller copies that tifffile's series did not take for levels."""
    found = []
    for page in _all_pages(tif):
        is_copy = int(page.subfiletype) & (_REDUCED | _TRANSPARENCY) == _REDUCED and page.photometric != MASK
        if is_copy and 0 < page.imagewidth < full.width and page.dtype == full.keyframe.dtype:
            level = TiffLevel(int(page.imagewidth), int(page.imagelength), page, ((page,),))
            if page.samplesperpixel == full.keyframe.samplesperpixel and _same_layout(level, full):
                found.append(level)
    return sorted(found, key=lambda level: -level.width)


def _with_mask(level: TiffLevel, tif: Any) -> TiffLevel:
    """The level with its transparency mask (1 = there is a picture), if the file has one of its size."""
    if len(level.pages) > 1 or len(tif.pages) < 2:
        return level
    for page in _all_pages(tif):
        is_mask = int(page.subfiletype) & _TRANSPARENCY or page.photometric == MASK
        if is_mask and (page.imagewidth, page.imagelength) == (level.width, level.height) and page.samplesperpixel == 1:
            return TiffLevel(level.width, level.height, level.keyframe, level.pages, page)
    return level


def _all_pages(tif: Any) -> list[Any]:
    pages = []
    for page in list(tif.pages)[:64]:
        page = page.aspage() if getattr(page, "is_frame", False) else page
        pages += [page, *(page.pages or ())]
    return pages


