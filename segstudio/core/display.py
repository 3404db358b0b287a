"""How values become brightness: window, level and gamma, from any type to 8-bit RGB."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

PERCENTILES = (0.5, 99.5)
"""What :func:`auto_settings` shows of images deeper than 8 bits; the rest is black or white."""
_SAMPLE_VALUES = 1 << 20


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """``low`` is drawn black and ``high`` white; between them brightness is ``x ** (1 / gamma)``.

    ``bands`` are the indices shown as red, green and blue; one index three times is grey.
    """

    low: float = 0.0
    high: float = 255.0
    gamma: float = 1.0
    invert: bool = False
    bands: tuple[int, int, int] = (0, 1, 2)

    @property
    def window(self) -> float:
        """Width of the shown range."""
        return self.high - self.low

    @property
    def level(self) -> float:
        """Middle of the shown range."""
        return (self.low + self.high) / 2

    @classmethod
    def from_window_level(cls, window: float, level: float, **others: Any) -> DisplaySettings:
        """Settings that show *window* values around *level*."""
        return cls(level - window / 2, level + window / 2, **others)

    def is_identity(self, dtype: npt.DTypeLike) -> bool:
        """Whether 8-bit values are drawn as they are."""
        return np.dtype(dtype) == np.uint8 and (self.low, self.high, self.gamma, self.invert) == (0, 255, 1, False)


def shown_bands(band_count: int) -> tuple[int, int, int]:
    """Which bands are drawn unless said otherwise: the first three, or the first as grey."""
    return (0, 1, 2) if band_count >= 3 else (0, 0, 0)


def auto_settings(sample: npt.NDArray[Any]) -> DisplaySettings:
    """Settings that suit a (band, y, x) picture, which may be a reduced one: 8 bit as it is, else percentiles.

    Values that are not finite are left out; a picture of one value is drawn black.
    """
    bands = shown_bands(sample.shape[0])
    if sample.dtype == np.uint8:
        return DisplaySettings(bands=bands)
    if sample.dtype == np.bool_:
        return DisplaySettings(0.0, 1.0, bands=bands)
    values = sample[sorted(set(bands))].ravel()
    values = values[:: max(1, values.size // _SAMPLE_VALUES)]
    if np.issubdtype(values.dtype, np.floating):
        values = values[np.isfinite(values)]
    if values.size == 0:
        return DisplaySettings(0.0, 1.0, bands=bands)
    low, high = (float(value) for value in np.percentile(values, PERCENTILES))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    if not high > low:
        high = low + 1.0
    return DisplaySettings(low, high, bands=bands)


def to_rgb8(values: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    """(y, x, 3) uint8 RGB of a (band, y, x) picture of any numeric type; NaN is drawn black.

    A band that the picture does not have is replaced by its last one.
    """
    last = values.shape[0] - 1
    bands = [min(max(index, 0), last) for index in settings.bands]
    is_identity = settings.is_identity(values.dtype)
    if bands[0] == bands[1] == bands[2]:
        grey = values[bands[0]] if is_identity else _brightness(values[bands[0]], settings)
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2RGB), np.uint8)
    if bands == [0, 1, 2]:
        picked = values[:3]
        if picked.shape[0] == 3 and is_identity:
            return np.ascontiguousarray(np.moveaxis(picked, 0, -1))
        return _brightness(np.ascontiguousarray(np.moveaxis(picked, 0, -1)), settings)
    picked = np.stack([values[index] for index in bands], axis=-1)
    return picked if is_identity else _brightness(picked, settings)


def _brightness(values: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    kind = values.dtype
    if kind == np.bool_:
        values, kind = values.view(np.uint8), np.dtype(np.uint8)
    if kind == np.uint8:
        lut = _lut(0, 256, settings.low, settings.high, settings.gamma, settings.invert)
        return np.asarray(cv2.LUT(np.ascontiguousarray(values), lut), np.uint8)
    if kind in (np.uint16, np.int16, np.int8):
        signed = kind != np.uint16
        first = -32768 if signed else 0
        lut = _lut(first, 65536, settings.low, settings.high, settings.gamma, settings.invert)
        index = values.astype(np.int32) - first if signed else values
        return lut[index]
    return _curve(values.astype(np.float32 if kind.itemsize <= 4 else np.float64), settings)


@lru_cache(maxsize=16)
def _lut(first: int, count: int, low: float, high: float, gamma: float, invert: bool) -> npt.NDArray[np.uint8]:
    values = np.arange(first, first + count, dtype=np.float64)
    lut = _curve(values, DisplaySettings(low, high, gamma, invert))
    lut.flags.writeable = False
    return lut


def _curve(values: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    span = settings.high - settings.low
    if span > 0:
        unit = (values - values.dtype.type(settings.low)) * values.dtype.type(1.0 / span)
    else:
        unit = (values >= settings.low).astype(values.dtype)
    is_black = np.isnan(unit)
    np.clip(unit, 0.0, 1.0, out=unit)
    if settings.gamma != 1.0:
        np.power(unit, 1.0 / max(settings.gamma, 1e-3), out=unit)
    if settings.invert:
        unit = 1.0 - unit
    unit[is_black] = 0.0
    return np.asarray(unit * 255.0 + 0.5).astype(np.uint8)
