"""A reader over pixels that are decoded already; coarser levels are made when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from segstudio.core.geometry import Rect
    from segstudio.io.readers.base import ImageInfo

_AREA_TYPES = frozenset({"uint8", "uint16", "int16", "float32", "float64"})


class MemoryReader:
    """Serves (y, x, band) planes that lie in memory as (band, y, x) views."""

    def __init__(self, info: ImageInfo, planes: list[npt.NDArray[Any]]) -> None:
        self._info = info
        self._levels: list[list[npt.NDArray[Any]]] = [planes]

    @property
    def info(self) -> ImageInfo:
        """What is known of the image."""
        return self._info

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, y, x) view of *window* at *level* of plane *z*."""
        while len(self._levels) <= level:
            width, height = self._info.levels[len(self._levels)]
            self._levels.append([_halved(p, width, height) for p in self._levels[-1]])
        rows, columns = window.slices
        return np.moveaxis(self._levels[level][z][rows, columns], 2, 0)

    def close(self) -> None:
        """Free the pixels."""
        self._levels = []


def _halved(plane: npt.NDArray[Any], width: int, height: int) -> npt.NDArray[Any]:
    if plane.dtype.name in _AREA_TYPES:
        # cv2 takes at most four channels a call for the fast path; more bands go one by one.
        if plane.shape[2] <= 4:
            return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA).reshape(
                height, width, plane.shape[2]
            )
        bands = [
            cv2.resize(np.ascontiguousarray(plane[..., b]), (width, height), interpolation=cv2.INTER_AREA)
            for b in range(plane.shape[2])
        ]
        return np.stack(bands, axis=-1)
    return plane[::2, ::2][:height, :width]
