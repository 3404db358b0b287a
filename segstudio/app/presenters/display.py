"""What the display controls offer for the current image and what they do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.app.events import Signal
from segstudio.core.band_presets import BandPreset, band_presets, default_bands, names_of, window_presets
from segstudio.core.display import PERCENTILES, DisplaySettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.app.session import Session
    from segstudio.core.display import Range
    from segstudio.io.readers.base import ImageInfo

RANGES = {"uint8": (0.0, 255.0), "int8": (-128.0, 127.0), "uint16": (0.0, 65535.0), "int16": (-32768.0, 32767.0)}
STRETCHES: tuple[Range, ...] = ((0.0, 100.0), PERCENTILES, (1.0, 99.0), (2.0, 98.0), (5.0, 95.0))
"""Percentiles to choose from."""
BINS = 128


class DisplayPresenter:
    """``changed`` when the controls must be read again."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        for signal in (session.display_changed, session.image_changed, session.reader_changed):
            signal.connect(self.changed.emit)

    # -- what there is -------------------------------------------------------------------------------------------

    @property
    def info(self) -> ImageInfo | None:
        """The description of the current image; None until it is open."""
        return None if self.session.reader is None else self.session.reader.info

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the file says beside its pixels."""
        return {} if self.info is None else self.info.metadata

    @property
    def band_count(self) -> int:
        """Bands of the current image, at least 1."""
        record = self.session.image
        return 1 if record is None else max(record.bands, 1)

    @property
    def is_float(self) -> bool:
        """Whether values are no whole numbers."""
        record = self.session.image
        return record is not None and record.dtype.startswith("float")

    @property
    def shown(self) -> DisplaySettings:
        """What is drawn, or would be."""
        known = self.session.shown_display
        if known is not None:
            return known
        record = self.session.image
        low, high = RANGES.get(record.dtype if record is not None else "uint8", (0.0, 1.0))
        is_rgb = self.info is not None and self.info.is_rgb
        count = 3 if record is None else record.bands
        return DisplaySettings(low, high, bands=default_bands(count, self.metadata, is_rgb=is_rgb))

    @property
    def presets(self) -> tuple[BandPreset, ...]:
        """Pictures that the bands can make."""
        info = self.info
        if info is None:
            return band_presets(self.band_count)
        is_spectral = "default_bands" not in info.metadata
        return band_presets(info.bands, names_of(info.metadata), is_rgb=info.is_rgb, is_spectral=is_spectral)

    @property
    def preset_id(self) -> str:
        """The picture that is shown; "" for another choice of bands."""
        bands = self.shown.bands
        return next((preset.id for preset in self.presets if preset.bands == bands), "")

    @property
    def windows(self) -> tuple[tuple[str, float, float], ...]:
        """(name, window, level) to choose from; empty but for CT, signed 16 bits and files that name some."""
        record = self.session.image
        return window_presets(self.metadata, "" if record is None else record.dtype)

    @property
    def stretch(self) -> Range | None:
        """The percentiles that the range is found by; None where it is meant as it is."""
        chosen, record = self.session.display, self.session.image
        if chosen is not None:
            return chosen.stretch
        own = self.metadata.get("display")
        is_plain = record is None or record.dtype in ("uint8", "bool") or isinstance(own, DisplaySettings)
        return None if is_plain else PERCENTILES

    # -- what is done --------------------------------------------------------------------------------------------

    def set_bands(self, bands: tuple[int, int, int]) -> None:
        """Show other bands; ranges that percentiles gave are found anew, others stay as far as they are common."""
        self._set(replace(self.shown, bands=bands, ranges=(), stretch=self.stretch))

    def set_preset(self, preset_id: str) -> None:
        """Show one of ``presets``."""
        for preset in self.presets:
            if preset.id == preset_id:
                self.set_bands(preset.bands)

    def set_stretch(self, percentiles: Range | None, *, is_per_band: bool | None = None) -> None:
        """Find the range by percentiles, common to the bands or each by itself; None: keep what is shown now."""
        per_band = self.shown.is_per_band if is_per_band is None else is_per_band
        self._set(replace(self.shown, stretch=percentiles, is_per_band=per_band))

    def set_range(self, low: float, high: float, *, remembers: bool = True) -> None:
        """Draw *low* black and *high* white."""
        shown = self.shown.with_window_level(high - low, (low + high) / 2)
        self._set(replace(shown, low=low, high=high), remembers=remembers)

    def set_window(self, window: float, level: float) -> None:
        """Show *window* values round *level*."""
        self._set(self.shown.with_window_level(window, level))

    def set_gamma(self, gamma: float) -> None:
        """Above 1 the middle gets brighter."""
        self._set(replace(self.shown, gamma=gamma, stretch=self.stretch))

    def set_inverted(self, is_on: bool) -> None:
        """Black for white."""
        self._set(replace(self.shown, invert=is_on, stretch=self.stretch))

    def set_colormap(self, name: str) -> None:
        """Colours of one band."""
        self._set(replace(self.shown, colormap=name, stretch=self.stretch))

    def set_automatic(self) -> None:
        """Back to what suits the image."""
        self.session.set_display(None)

    def set_shared(self, is_on: bool) -> None:
        """Show all images of this kind alike."""
        self.session.set_display_shared(is_on)

    def _set(self, display: DisplaySettings, *, remembers: bool = True) -> None:
        if self.session.image is not None:
            self.session.set_display(display, remembers=remembers)


def histogram(
    sample: np.ndarray[Any, Any], bands: tuple[int, int, int], low: float, high: float
) -> tuple[list[np.ndarray[Any, Any]], float, float]:
    """(counts of each band shown, 0 … 1 of the highest; first value; last value) of a (band, n) sample.

    The axis holds nearly all values, and *low* and *high* where they are not far off.
    """
    last = len(sample) - 1
    picked = [min(max(band, 0), last) for band in dict.fromkeys(bands)]
    values = [sample[band] for band in dict.fromkeys(picked)]
    values = [one[np.isfinite(one)] if one.dtype.kind == "f" else one for one in values]
    whole = np.concatenate(values) if values else np.zeros(0)
    if whole.size == 0:
        return [], low, high
    if whole.dtype == np.uint8:
        first, end = 0.0, 255.0
    else:
        first, end = (float(edge) for edge in np.percentile(whole, (0.1, 99.9)))
        span = max(end - first, 1e-9)
        first, end = min(first, max(low, first - span)), max(end, min(high, end + span))
        if not end > first:
            end = first + 1.0
    counts = [np.histogram(one, BINS, (first, end))[0].astype(np.float64) for one in values]
    # The tallest bin is mostly background: the others would be flat beside it.
    tallest = max(float(np.sort(one)[-2]) for one in counts) or max(float(one.max()) for one in counts) or 1.0
    return [np.minimum(one / tallest, 1.0) for one in counts], first, end
