"""A reader over pixels decoded once; coarser levels are made when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.io.readers.valid import ValidPixels

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.io.readers.base import ImageInfo

_CV_TYPES = (np.uint8, np.uint16, np.int16, np.float32, np.float64)


class MemoryReader:
    """Serves windows of a (y, x) or (y, x, band) array as (band, y, x) views.

    *valid*: (y, x) bool, False where the file says there is no picture; *notices*: sentences for the user.
    """

    def __init__(
        self,
        info: ImageInfo,
        pixels: npt.NDArray[Any],
        *,
        valid: npt.NDArray[np.bool_] | None = None,
        notices: tuple[str, ...] = (),
    ) -> None:
        self.info = info
        self.notices = notices
        self._levels: list[npt.NDArray[Any]] = [_locked(pixels if pixels.ndim == 3 else pixels[:, :, None])]
        self._own_mask = valid
        self._valid = ValidPixels(self)

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, y, x) read-only values of *window*, clipped to the level; IndexError for an unknown level."""
        if not self._levels:
            raise ValueError("the reader is closed")
        if not 0 <= level < max(1, len(self.info.levels)) or z != 0:
            raise IndexError(f"level {level}, z {z}")
        pixels = self._level(level)
        part = window.clipped(pixels.shape[1], pixels.shape[0])
        return np.moveaxis(pixels[part.slices], -1, 0)

    def valid_mask(self, level: int, z: int, window: Rect) -> npt.NDArray[np.bool_] | None:
        """(y, x) bool of *window*: False where there is no picture (nodata, alpha 0, the file's mask); None: all is valid."""
        sizes = self.info.levels or ((self.info.width, self.info.height),)
        return self._valid.of(level, z, window.clipped(*sizes[level]))

    def stored_mask(self, level: int, z: int, part: Rect) -> npt.NDArray[np.bool_] | None:
        """What the file itself marks in *part* of a level."""
        if self._own_mask is None:
            return None
        if level == 0:
            return self._own_mask[part.slices]
        width, height = self.info.levels[level]
        grey = self._own_mask.astype(np.uint8) * np.uint8(255)
        return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA) > 0)[part.slices]

    def _level(self, level: int) -> npt.NDArray[Any]:
        while len(self._levels) <= level:
            self._levels.append(_locked(resized(self._levels[-1], *self.info.levels[len(self._levels)])))
        return self._levels[level]

    def close(self) -> None:
        """Let go of the pixels."""
        self._levels.clear()


def _locked(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def resized(pixels: npt.NDArray[Any], width: int, height: int) -> npt.NDArray[Any]:
    """(height, width, band) means of a (y, x, band) picture, of its own type."""
    kind = pixels.dtype
    source = pixels if kind in _CV_TYPES else pixels.astype(np.float64 if kind.itemsize > 2 else np.float32)
    bands = source.shape[2]
    if bands <= 4:
        small = cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA)
    else:
        planes = [
            cv2.resize(source[:, :, band], (width, height), interpolation=cv2.INTER_AREA) for band in range(bands)
        ]
        small = np.stack(planes, axis=-1)
    return np.asarray(small).reshape(height, width, bands).astype(kind, copy=False)


def oriented(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """(y, x, …) *pixels* turned as EXIF *orientation* (1 … 8) says; contiguous."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def oriented_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """(width, height) after :func:`oriented`."""
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)
