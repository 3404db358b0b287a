"""Slides that are no TIFF tifffile knows (Mirax, Hamamatsu VMS, Ventana BIF …) through openslide (extra ``wsi``)."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.io.readers.base import ImageInfo
from segstudio.io.readers.chunk_cache import ChunkCache
from segstudio.io.readers.extras import needs
from segstudio.io.readers.limits import MAX_TILED_PIXELS, check_size, damaged
from segstudio.io.readers.thumbnails import reduced_rgb
from segstudio.io.readers.tiff_plan import full_sizes
from segstudio.io.readers.windowed import WindowedReader

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.geometry import Rect


class _SlideLevel:
    """One level of a slide; openslide may be asked from several threads and keeps a cache of its own."""

    def __init__(self, slide: Any, level: int, paper: tuple[int, int, int]) -> None:
        self.width, self.height = (int(side) for side in slide.level_dimensions[level])
        self._slide, self._level, self._paper = slide, level, paper
        self._scale = float(slide.level_downsamples[level])

    def read(self, z: int, rect: Rect) -> npt.NDArray[Any]:
        """(y, x, 3) RGB of *rect* inside the level; what was not scanned has the colour of the paper."""
        place = (math.floor(rect.x * self._scale + 0.5), math.floor(rect.y * self._scale + 0.5))
        picture = np.asarray(self._slide.read_region(place, self._level, (rect.width, rect.height)))
        if (picture[:, :, 3] == 255).all():
            return np.ascontiguousarray(picture[:, :, :3])
        alpha = picture[:, :, 3:4].astype(np.uint16)
        paper = np.array(self._paper, np.uint16)
        return ((picture[:, :, :3] * alpha + paper * (255 - alpha) + 127) // 255).astype(np.uint8)


def _open(path: Path) -> Any:
    openslide = needs("openslide", "Slides of this kind", "wsi", path)
    try:
        return openslide.OpenSlide(str(path))
    except openslide.OpenSlideUnsupportedFormatError as error:
        raise damaged(path, "it is no slide that openslide knows") from error
    except openslide.OpenSlideError as error:
        raise damaged(path, " ".join(str(error).split())[:120]) from error


def _info(path: Path, slide: Any) -> ImageInfo:
    sizes = [(int(width), int(height)) for width, height in slide.level_dimensions]
    check_size(path, *sizes[0], max_pixels=MAX_TILED_PIXELS)
    metadata: dict[str, Any] = {"format": str(slide.properties.get("openslide.vendor", "slide")), "bits": 8}
    try:
        across, down = (float(slide.properties[f"openslide.mpp-{axis}"]) for axis in "xy")
        if across > 0 and down > 0:
            metadata |= {"spacing": (across, down, 1.0), "spacing_unit": "µm"}
    except (KeyError, ValueError):
        pass
    return ImageInfo(path, *sizes[0], 1, 3, "uint8", full_sizes(sizes), True, metadata)


def probe(path: Path) -> ImageInfo:
    """The description, from the slide's properties."""
    with _open(path) as slide:
        return _info(path, slide)


def open_reader(path: Path) -> WindowedReader:
    """A reader of the slide's own levels."""
    slide = _open(path)
    try:
        info = _info(path, slide)
        named = str(slide.properties.get("openslide.background-color", "FFFFFF"))
        paper = (int(named[0:2], 16), int(named[2:4], 16), int(named[4:6], 16))
        levels = [_SlideLevel(slide, level, paper) for level in range(slide.level_count)]
    except BaseException:
        slide.close()
        raise
    return WindowedReader(info, levels, ChunkCache(), release=slide.close)


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture from the coarsest level."""
    with closing(open_reader(path)) as reader:
        return reduced_rgb(reader, side_px)
