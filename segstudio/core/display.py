"""From an image's values to the eye: window and level, gamma, bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

PERCENTILES = (0.5, 99.5)
SAMPLE_SIDE = 512
LUT_BITS = 16


@dataclass(frozen=True)
class DisplaySettings:
    """Values *low* … *high* become black … white, through ``gamma``; ``bands`` are shown as red, green and blue."""

    low: float = 0.0
    high: float = 255.0
    gamma: float = 1.0
    is_inverted: bool = False
    bands: tuple[int, int, int] = (0, 1, 2)

    @property
    def window(self) -> float:
        """Width of the range of values shown."""
        return self.high - self.low

    @property
    def level(self) -> float:
        """Middle of the range of values shown."""
        return (self.high + self.low) / 2

    @property
    def is_plain(self) -> bool:
        """Whether 8-bit values are shown as they are."""
        return (self.low, self.high, self.gamma, self.is_inverted) == (0.0, 255.0, 1.0, False)


def auto_settings(sample: npt.NDArray[Any]) -> DisplaySettings:
    """Settings for an image with values like *sample* (band, y, x): 8 bits as they are, deeper ones between percentiles."""
    bands = (0, 1, 2) if sample.shape[0] >= 3 else (0, 0, 0)
    if sample.dtype == np.uint8:
        return DisplaySettings(bands=bands)
    step_y, step_x = (max(1, extent // SAMPLE_SIDE) for extent in sample.shape[1:])
    seen = sample[list(dict.fromkeys(bands)), ::step_y, ::step_x]
    finite = seen[np.isfinite(seen)] if np.issubdtype(seen.dtype, np.floating) else seen
    if finite.size == 0:
        return DisplaySettings(0.0, 1.0, bands=bands)
    low, high = (float(v) for v in np.percentile(finite, PERCENTILES))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    return DisplaySettings(low, high if high > low else low + 1.0, bands=bands)


def to_rgb8(values: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    """(y, x, 3) uint8 picture of (band, y, x) values; NaN is black. Integers up to 16 bits go through a table."""
    count = values.shape[0]
    bands = [min(b, count - 1) if count >= 3 else 0 for b in settings.bands]
    is_plain = values.dtype == np.uint8 and settings.is_plain
    if is_plain and bands == [0, 1, 2]:
        return np.ascontiguousarray(np.moveaxis(values[:3], 0, -1))
    picked = values[bands[0]] if len(set(bands)) == 1 else np.moveaxis(values[bands], 0, -1)
    if is_plain:
        grey = np.ascontiguousarray(picked)
    elif values.dtype in (np.uint8, np.uint16):
        grey = _table(settings, 256 if values.dtype == np.uint8 else 1 << LUT_BITS)[picked]
    elif values.dtype == np.int16:
        grey = _table(settings, 1 << LUT_BITS, offset=-32768)[picked.astype(np.int32) + 32768]
    else:
        grey = _shade(np.nan_to_num(picked.astype(np.float32), nan=settings.low), settings)
    return np.repeat(grey[..., None], 3, axis=2) if grey.ndim == 2 else np.ascontiguousarray(grey)


def _shade(values: npt.NDArray[np.floating[Any]], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    unit = ((values - settings.low) / max(settings.window, 1e-12)).clip(0.0, 1.0)
    if settings.gamma != 1.0:
        unit = unit ** (1.0 / settings.gamma)
    if settings.is_inverted:
        unit = 1.0 - unit
    return (unit * 255.0 + 0.5).astype(np.uint8)


def _table(settings: DisplaySettings, size: int, offset: int = 0) -> npt.NDArray[np.uint8]:
    return _shade(np.arange(offset, offset + size, dtype=np.float32), settings)
