"""Which pixels of an image are a picture at all: not nodata, not transparent, not masked by the file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.io.readers.base import ImageInfo


class _Reader(Protocol):
    info: ImageInfo

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]: ...

    def stored_mask(self, level: int, z: int, part: Rect) -> npt.NDArray[np.bool_] | None: ...


class ValidPixels:
    """Answers :meth:`valid_mask` of a reader from its metadata (``nodata``, ``alpha_band``) and the file's own mask.

    Where that would leave nothing of a plane (an alpha band nobody filled, a nodata value that means something),
    it is no mask.
    """

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._is_empty: dict[int, bool] = {}

    def of(self, level: int, z: int, part: Rect) -> npt.NDArray[np.bool_] | None:
        """(y, x) bool of *part* (inside the level), or None where all is valid."""
        mask = self._mask(level, z, part)
        if mask is None or mask.all():
            return None
        if not mask.any() and self._has_nothing(z):
            return None
        return mask

    def _has_nothing(self, z: int) -> bool:
        if z not in self._is_empty:
            coarsest = len(self._reader.info.levels) - 1
            mask = self._mask(coarsest, z, Rect(0, 0, *self._reader.info.levels[coarsest]))
            self._is_empty[z] = mask is not None and not mask.any()
        return self._is_empty[z]

    def _mask(self, level: int, z: int, part: Rect) -> npt.NDArray[np.bool_] | None:
        info = self._reader.info
        nodata, alpha = info.metadata.get("nodata"), info.metadata.get("alpha_band")
        masks = [self._reader.stored_mask(level, z, part)]
        if nodata is not None or alpha is not None:
            masks += valid_parts(self._reader.read(level, z, part), nodata, alpha)
        found = [mask for mask in masks if mask is not None]
        return np.logical_and.reduce(found) if found else None


def valid_parts(values: npt.NDArray[Any], nodata: float | None, alpha: int | None) -> list[npt.NDArray[np.bool_]]:
    """What the nodata value and the alpha band of (band, y, x) *values* say; nodata is where all bands have it."""
    masks = []
    if alpha is not None and alpha < values.shape[0]:
        masks.append(values[alpha] > 0)
        values = np.delete(values, alpha, axis=0) if values.shape[0] > 1 else values
    if nodata is not None:
        if math.isnan(nodata):
            if values.dtype.kind == "f":
                masks.append(~np.isnan(values).all(axis=0))
        elif values.dtype.kind == "f" or nodata == int(nodata) and _fits(nodata, values.dtype):
            masks.append((values != values.dtype.type(nodata)).any(axis=0))
    return masks


def _fits(nodata: float, dtype: np.dtype[Any]) -> bool:
    return bool(np.iinfo(dtype).min <= nodata <= np.iinfo(dtype).max)


def stored_window(part: Rect, width: int, height: int, orientation: int) -> Rect:
    """*part* of a picture of *width* × *height* as it is seen, in the pixels that are stored."""
    x, y = part.x, part.y
    if orientation in (2, 3, 6, 7):
        x = width - part.right
    if orientation in (3, 4, 7, 8):
        y = height - part.bottom
    if orientation in (5, 6, 7, 8):
        return Rect(y, x, part.height, part.width)
    return Rect(x, y, part.width, part.height)
