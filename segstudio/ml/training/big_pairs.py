"""Images too large to hold: windows of picture and labels at the working scale, straight from the file's tiles."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect, tile_rect
from segstudio.io.readers.registry import open_image, probe
from segstudio.io.validity import valid_mask
from segstudio.ml.inference.normalise import stretch_range, to_unit
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.sources import bands_of, check_plane, open_target
from segstudio.ml.training.targets import BIG_PX

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.io.readers.base import ImageReader
    from segstudio.ml.training.sources import TrainImage
    from segstudio.ml.training.targets import IndexMask

_SAMPLE_ROWS = 256
WINDOWED_PX = 1 << 22
"""Parts of large files that have more pixels are not held either: a patch costs its own tiles."""


def is_big_file(image: TrainImage) -> bool:
    """Whether the image's file has too many pixels to be read as a whole."""
    info = probe(image.file)
    return info.width * info.height > BIG_PX


@dataclass(frozen=True)
class Frame:
    """The part of an image that is learnt from, in its own pixels, and the factor to the working scale."""

    area: Rect
    factor: float

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) at the working scale."""
        return scaled(self.area.height, self.factor), scaled(self.area.width, self.factor)

    def tile(self, ty: int, tx: int) -> Rect:
        """Where a 256-tile of the image, or what of it is in the area, lies at the working scale; one pixel at least."""
        part = tile_rect(ty, tx).intersected(self.area).moved(-self.area.x, -self.area.y)
        height, width = self.shape
        x, y = (min(int(a * self.factor), side - 1) for a, side in ((part.x, width), (part.y, height)))
        across, down = (max(1, int(n * self.factor)) for n in (part.width, part.height))
        return Rect(x, y, across, down).clipped(width, height)


def frame_of(image: TrainImage, long_side_px: int) -> Frame:
    """The frame of *image*, from its file's header."""
    info = probe(image.file)
    factor = long_side_px / max(info.width, info.height) if long_side_px else 1.0
    return Frame(image.window or Rect(0, 0, info.width, info.height), factor)


class BigPair:
    """Picture and labels of a training image, or of its window, in pixels of the working scale; :meth:`close` it when done.

    Raises
    ------
    UserError
        When a file cannot be read, or mask and image differ in size.
    """

    def __init__(
        self,
        image: TrainImage,
        *,
        bands: int,
        scaling: str,
        long_side_px: int,
        ignored_index: int = IGNORE_INDEX,
        scratch: Path | None = None,
    ) -> None:
        self._bands, self._scaling, self._ignored_index, self._z = bands, scaling, ignored_index, image.z
        with ExitStack() as opened:
            self._reader: ImageReader = open_image(image.file)
            opened.callback(self._reader.close)
            self._target = open_target(image, scratch)
            opened.callback(self._target.close)
            info = self._reader.info
            check_plane(info, image.z)
            if self._target.shape != (info.height, info.width):
                raise size_error(image, self._target.shape, (info.height, info.width))
            self._opened = opened.pop_all()
        self.frame = frame_of(image, long_side_px)
        self._range: tuple[float, float] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) at the working scale."""
        return self.frame.shape

    @property
    def whole_target(self) -> IndexMask:
        """(height, width) class indices."""
        return self.target(Rect(0, 0, self.shape[1], self.shape[0]))

    def close(self) -> None:
        """Let go of the files."""
        self._opened.close()

    def target(self, rect: Rect) -> IndexMask:
        """(rect.height, rect.width) class indices of *rect*, which lies inside; ignored where there is no data."""
        rows, columns = (
            self._sources(a, n, side) for a, n, side in ((rect.y, rect.height, 0), (rect.x, rect.width, 1))
        )
        found = np.empty((rect.height, rect.width), np.uint8)
        width = int(columns[-1]) + 1 - int(columns[0])
        step = max(1, BIG_PX // max(1, width * max(1, -(-int(rows[-1] + 1 - rows[0]) // rect.height))))
        for top in range(0, rect.height, step):
            some = rows[top : top + step]
            part = Rect(int(columns[0]), int(some[0]), width, int(some[-1]) + 1 - int(some[0]))
            places = np.ix_(some - some[0], columns - columns[0])
            values = self._target.window(part)[places]
            valid = None if (values == IGNORE_INDEX).all() else valid_mask(self._reader, 0, self._z, part)
            found[top : top + step] = values if valid is None else np.where(valid[places], values, IGNORE_INDEX)
        if self._ignored_index != IGNORE_INDEX:
            found[found == IGNORE_INDEX] = self._ignored_index
        return found

    def objects(self, rect: Rect) -> npt.NDArray[np.int32] | None:
        """(rect.height, rect.width) int32 ids of known objects, 0 = none; None where the data tells of none."""
        part, places = self._part_of(rect)
        ids = self._target.objects(part)
        return None if ids is None else ids[places]

    def sources(self, rect: Rect) -> IndexMask | None:
        """(rect.height, rect.width) codes of who made the labels; None where nothing tells."""
        part, places = self._part_of(rect)
        codes = self._target.sources(part)
        return None if codes is None else codes[places]

    def _part_of(self, rect: Rect) -> tuple[Rect, tuple[npt.NDArray[np.int64], ...]]:
        """The pixels of the file that *rect* of the working scale takes, and which of them."""
        rows, columns = (
            self._sources(a, n, side) for a, n, side in ((rect.y, rect.height, 0), (rect.x, rect.width, 1))
        )
        part = Rect(int(columns[0]), int(rows[0]), int(columns[-1] + 1 - columns[0]), int(rows[-1] + 1 - rows[0]))
        return part, np.ix_(rows - rows[0], columns - columns[0])

    def values(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(B, rect.height, rect.width) float32 in 0…1 of *rect*, which lies inside; from the level that is just fine enough."""
        info, level = self._reader.info, self._level()
        full = (info.width, info.height)
        # Level pixels a pixel of the working scale takes, and where the rectangle begins, in level pixels.
        across, x = self._steps(0, rect.x, info.levels[level][0] / full[0])
        down, y = self._steps(1, rect.y, info.levels[level][1] / full[1])
        left, top = int(x), int(y)
        right, bottom = -int(-(x + rect.width * across) // 1), -int(-(y + rect.height * down) // 1)
        part = Rect(left, top, max(1, right - left), max(1, bottom - top)).clipped(*info.levels[level])
        unit = to_unit(
            bands_of(self._reader.read(level, self._z, part), info),
            bands=self._bands,
            scaling=self._scaling,
            value_range=self._value_range(),
        )
        if unit.shape[1:] == (rect.height, rect.width):
            return unit
        size = (rect.width, rect.height)
        if across >= 1:
            return np.stack([cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in unit])
        # Enlarged to the place, not to the pixels that were read for it.
        places = np.array(
            [[across, 0, x + 0.5 * across - 0.5 - part.x], [0, down, y + 0.5 * down - 0.5 - part.y]], np.float64
        )
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.stack(
            [cv2.warpAffine(band, places, size, flags=how, borderMode=cv2.BORDER_REPLICATE) for band in unit]
        )

    def part(self, frame: Frame) -> BigPair:
        """Another part of the same image, of the same open files."""
        other = copy.copy(self)
        other.frame = frame
        return other

    def _steps(self, axis: int, start: int, level: float) -> tuple[float, float]:
        """(level pixels a working pixel, level pixels before *start*) along x (axis 0) or y, at *level* pixels a pixel of the file."""
        area = self.frame.area
        first, extent = ((area.x, area.width), (area.y, area.height))[axis]
        step = extent / self.shape[1 - axis]
        return step * level, (first + start * step) * level

    def _sources(self, start: int, count: int, axis: int) -> npt.NDArray[np.int64]:
        """Rows (axis 0) or columns of the file that places at the working scale are nearest to, as cv2's INTER_NEAREST."""
        whole = (self.frame.area.height, self.frame.area.width)[axis]
        first = (self.frame.area.y, self.frame.area.x)[axis]
        return first + np.minimum(
            (np.arange(start, start + count) * (whole / self.shape[axis])).astype(np.int64), whole - 1
        )

    def _level(self) -> int:
        info = self._reader.info
        wanted = info.width * self.frame.factor
        return max(i for i, (width, _) in enumerate(info.levels) if i == 0 or width >= wanted)

    def _value_range(self) -> tuple[float, float]:
        """The values that become 0 and 1: of all of the image, from rows right across, so that no strip can miss a column."""
        if self._range is None:
            info = self._reader.info
            rows = np.linspace(0, info.height - 1, 1 if info.dtype == "uint8" else _SAMPLE_ROWS).astype(int)
            step = max(1, info.width // 1024)
            sample = [
                self._reader.read(0, self._z, Rect(0, int(y), info.width, 1))[:, :, ::step] for y in dict.fromkeys(rows)
            ]
            self._range = stretch_range(bands_of(np.concatenate(sample, axis=1), info)[: self._bands], self._scaling)
        return self._range


def scaled(extent: int, factor: float) -> int:
    """A side at the working scale."""
    return max(1, round(extent * factor))


def size_error(image: TrainImage, mask: tuple[int, ...], found: tuple[int, ...]) -> UserError:
    """The sentence for a mask (y, x) that does not fit its image."""
    return UserError(
        f"the mask is {mask[1]}×{mask[0]} pixels but the image {found[1]}×{found[0]}",
        path=image.file,
        remedy="replace one of them",
    )
