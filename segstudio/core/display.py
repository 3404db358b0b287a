"""How values become brightness and colour: range, gamma, colour map, from any type to 8-bit RGB."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.colormaps import COLOR_MAPS, GREY, color_lut

if TYPE_CHECKING:
    import numpy.typing as npt

PERCENTILES = (0.5, 99.5)
"""What :func:`auto_settings` shows of images deeper than 8 bits; the rest is black or white."""
_SAMPLE_VALUES = 1 << 20
_LEAST_WINDOW = 1e-9

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """``low`` is drawn black and ``high`` white; between them brightness is ``x ** (1 / gamma)``.

    ``bands`` are the indices shown as red, green and blue; one index three times is grey, drawn through ``colormap``.
    ``ranges``: (low, high) of red, green and blue each by itself, in place of the common ones; empty: none.
    ``stretch``: percentiles that the ranges are found from, image by image (:func:`stretched`); ``is_per_band``
    whether each band then has a range of its own. None: the ranges are meant as they are.
    """

    low: float = 0.0
    high: float = 255.0
    gamma: float = 1.0
    invert: bool = False
    bands: tuple[int, int, int] = (0, 1, 2)
    ranges: tuple[Range, ...] = ()
    colormap: str = GREY
    stretch: Range | None = None
    is_per_band: bool = False

    @property
    def window(self) -> float:
        """Width of the shown range."""
        return self.high - self.low

    @property
    def level(self) -> float:
        """Middle of the shown range."""
        return (self.low + self.high) / 2

    @property
    def is_grey(self) -> bool:
        """Whether one band alone is shown."""
        return self.bands[0] == self.bands[1] == self.bands[2]

    @classmethod
    def from_window_level(cls, window: float, level: float, **others: Any) -> DisplaySettings:
        """Settings that show *window* values around *level*."""
        return cls(level - window / 2, level + window / 2, **others)

    def with_window_level(self, window: float, level: float) -> DisplaySettings:
        """The same with another common range, which is no longer found by percentiles; own ranges keep their ratio."""
        window = max(window, _LEAST_WINDOW)
        factor = window / self.window if self.window > 0 else 1.0
        moved = tuple(
            (level + (low - self.level) * factor, level + (high - self.level) * factor) for low, high in self.ranges
        )
        return replace(self, low=level - window / 2, high=level + window / 2, ranges=moved, stretch=None)

    def limits(self, channel: int) -> Range:
        """(low, high) of red 0, green 1 or blue 2."""
        if self.is_grey or len(self.ranges) != 3:
            return (self.low, self.high)
        return self.ranges[channel]

    def is_identity(self, dtype: npt.DTypeLike) -> bool:
        """Whether 8-bit values are drawn as they are."""
        is_plain = (self.gamma, self.invert) == (1, False) and not (self.is_grey and self.colormap != GREY)
        return np.dtype(dtype) == np.uint8 and is_plain and all(self.limits(c) == (0, 255) for c in range(3))

    def to_json(self) -> dict[str, Any]:
        """Plain values for a project; :meth:`from_json` reads them."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> DisplaySettings | None:
        """The settings in a value of :meth:`to_json`, of earlier versions too; None where it holds none.

        What this version does not know is left out, so that a project can go back to an older one.
        """
        if not isinstance(value, dict):
            return None
        try:
            bands = tuple(int(band) for band in value.get("bands", (0, 1, 2)))
            ranges = tuple(_as_range(pair) for pair in value.get("ranges") or ())
            stretch = value.get("stretch")
            found = cls(
                *_as_range((value.get("low", 0.0), value.get("high", 255.0))),
                float(value.get("gamma", 1.0)),
                bool(value.get("invert", False)),
                (bands[0], bands[1], bands[2]),
                ranges if len(ranges) == 3 else (),
                str(value.get("colormap", GREY)),
                None if stretch is None else _as_range(stretch),
                bool(value.get("is_per_band", False)),
            )
        except (TypeError, ValueError, IndexError):
            return None
        if not math.isfinite(found.gamma) or found.gamma <= 0 or min(bands) < 0:
            return None
        return found if found.colormap in COLOR_MAPS else replace(found, colormap=GREY)


def _as_range(pair: Any) -> Range:
    low, high = (float(value) for value in pair)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("a range is not finite")
    return low, high


def shown_bands(band_count: int) -> tuple[int, int, int]:
    """Which bands are drawn unless said otherwise: the first three, or the first as grey."""
    return (0, 1, 2) if band_count >= 3 else (0, 0, 0)


def auto_settings(
    sample: npt.NDArray[Any],
    bands: tuple[int, int, int] | None = None,
    valid: npt.NDArray[np.bool_] | None = None,
) -> DisplaySettings:
    """Settings that suit a (band, y, x) picture, which may be a reduced one: 8 bit as it is, else percentiles.

    ``bands`` are those to show (else :func:`shown_bands`). Values that are not finite, or not *valid* ((y, x) bool), are
    left out; a picture of one value is drawn black.
    """
    bands = shown_bands(sample.shape[0]) if bands is None else bands
    if sample.dtype == np.uint8:
        return DisplaySettings(bands=bands)
    if sample.dtype == np.bool_:
        return DisplaySettings(0.0, 1.0, bands=bands)
    low, high = _percentile_range(sample, sorted(set(bands)), PERCENTILES, valid)
    return DisplaySettings(low, high, bands=bands)


def stretched(
    settings: DisplaySettings, sample: npt.NDArray[Any], valid: npt.NDArray[np.bool_] | None = None
) -> DisplaySettings:
    """*settings* with the ranges that its ``stretch`` comes to on a (band, y, x) sample; as it is without a stretch."""
    if settings.stretch is None:
        return settings
    last = sample.shape[0] - 1
    bands = [min(max(band, 0), last) for band in settings.bands]
    low, high = _percentile_range(sample, sorted(set(bands)), settings.stretch, valid)
    ranges: tuple[Range, ...] = ()
    if settings.is_per_band and not settings.is_grey:
        ranges = tuple(_percentile_range(sample, [band], settings.stretch, valid) for band in bands)
    return replace(settings, low=low, high=high, ranges=ranges)


def _percentile_range(
    sample: npt.NDArray[Any], bands: list[int], percentiles: Range, valid: npt.NDArray[np.bool_] | None
) -> Range:
    picked = sample[bands]
    values = picked.ravel() if valid is None else picked[:, valid].ravel()
    values = values[:: max(1, values.size // _SAMPLE_VALUES)]
    if np.issubdtype(values.dtype, np.floating):
        values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, percentiles))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + 1.0


def to_rgb8(values: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    """(y, x, 3) uint8 RGB of a (band, y, x) picture of any numeric type; NaN is drawn black.

    A band that the picture does not have is replaced by its last one.
    """
    return colored(picked_bands(values, settings.bands), settings)


def picked_bands(values: npt.NDArray[Any], wanted: tuple[int, int, int]) -> npt.NDArray[Any]:
    """(y, x) of one band, or contiguous (y, x, 3) of three, of a (band, y, x) picture."""
    last = values.shape[0] - 1
    bands = [min(max(index, 0), last) for index in wanted]
    if bands[0] == bands[1] == bands[2]:
        return np.ascontiguousarray(values[bands[0]])
    if bands == [0, 1, 2]:
        return np.ascontiguousarray(np.moveaxis(values[:3], 0, -1))
    return np.stack([values[index] for index in bands], axis=-1)


def colored(picked: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    """(y, x, 3) uint8 RGB of what :func:`picked_bands` gave; what changes when only brightness is changed."""
    shown = shaded(picked, settings)
    return shown if shown.ndim == 3 else np.asarray(cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB), np.uint8)


def shaded(picked: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    """As :func:`colored`, but (y, x) where it is grey."""
    shown = picked if settings.is_identity(picked.dtype) else _brightness(picked, settings)
    if shown.ndim == 2 and settings.colormap != GREY and settings.is_grey:
        return np.asarray(cv2.applyColorMap(shown, color_lut(settings.colormap)), np.uint8)
    return shown


def _brightness(values: npt.NDArray[Any], settings: DisplaySettings) -> npt.NDArray[np.uint8]:
    if values.ndim == 3 and any(settings.limits(channel) != settings.limits(0) for channel in (1, 2)):
        out = np.empty(values.shape, np.uint8)
        for channel in range(3):
            out[..., channel] = _one_range(np.ascontiguousarray(values[..., channel]), settings, channel)
        return out
    return _one_range(values, settings, 0)


def _one_range(values: npt.NDArray[Any], settings: DisplaySettings, channel: int) -> npt.NDArray[np.uint8]:
    low, high = settings.limits(channel)
    kind = values.dtype
    if kind == np.bool_:
        values, kind = values.view(np.uint8), np.dtype(np.uint8)
    if kind in _WHOLE:
        first, last = _WHOLE[kind]
        lut = _lut(first, last, low, high, settings.gamma, settings.invert)
        unsigned: npt.NDArray[Any] = values.view(np.uint8 if kind.itemsize == 1 else np.uint16)
        if kind.itemsize == 1 or _HAS_DEEP_LUT:
            return np.asarray(cv2.LUT(np.ascontiguousarray(unsigned), lut), np.uint8)
        return lut.take(unsigned)
    values = values.astype(np.float32 if kind.itemsize <= 4 else np.float64)
    return _curve(values, low, high, settings.gamma, settings.invert)


_WHOLE = {
    np.dtype(np.uint8): (0, 255),
    np.dtype(np.int8): (-128, 127),
    np.dtype(np.uint16): (0, 65535),
    np.dtype(np.int16): (-32768, 32767),
}
"""Types that are looked up in a table: their first and last value."""
_HAS_DEEP_LUT = int(cv2.__version__.split(".")[0]) >= 5
"""Whether cv2.LUT takes 16 bits: from OpenCV 5 on, then 2 to 4 times as fast as numpy."""


@lru_cache(maxsize=32)
def _lut(first: int, last: int, low: float, high: float, gamma: float, invert: bool) -> npt.NDArray[np.uint8]:
    """(256,) or (65536,) uint8, indexed by the bits of a value as if it were unsigned."""
    values = np.arange(first, last + 1, dtype=np.float64)
    lut = np.roll(_curve(values, low, high, gamma, invert), first)
    lut.flags.writeable = False
    return lut


def _curve(values: npt.NDArray[Any], low: float, high: float, gamma: float, invert: bool) -> npt.NDArray[np.uint8]:
    span = high - low
    if span > 0:
        unit = (values - values.dtype.type(low)) * values.dtype.type(1.0 / span)
    else:
        unit = (values >= low).astype(values.dtype)
    is_black = np.isnan(unit)
    np.clip(unit, 0.0, 1.0, out=unit)
    if gamma != 1.0:
        np.power(unit, 1.0 / max(gamma, 1e-3), out=unit)
    if invert:
        unit = 1.0 - unit
    unit[is_black] = 0.0
    return np.asarray(unit * 255.0 + 0.5).astype(np.uint8)
