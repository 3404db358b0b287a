"""The image as a refinement looks at it: few bands, in steps of 0 … 255."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from segstudio.core.geometry import Rect
from segstudio.io.validity import valid_mask
from segstudio.ml.cards import ModelCard
from segstudio.ml.inference.normalise import to_unit
from segstudio.ml.inference.sources import value_range

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.ml.inference.sources import Reader

MOST_BANDS = 4
"""A lattice over more dimensions takes more memory than an image is worth."""
Values = TypeVar("Values", "npt.NDArray[np.float32]", torch.Tensor)


def few_bands(values: Values) -> Values:
    """(band, y, x) values with at most four bands, scaled so that a distance of colours means what it does for three.

    Of more bands, neighbours (as wavelengths usually are) are averaged into four groups.
    """
    bands = values.shape[0]
    if bands > MOST_BANDS:
        edges = [round(i * bands / MOST_BANDS) for i in range(MOST_BANDS + 1)]
        means = [values[a:b].mean(0) for a, b in zip(edges, edges[1:], strict=False)]
        values = np.stack(means) if isinstance(values, np.ndarray) else torch.stack(means)
        bands = MOST_BANDS
    return values if bands == 3 else values * (3 / bands) ** 0.5


class Guide:
    """Plane *z* of an image for its refinement: without alpha; deeper than 8 bits as the display stretches it."""

    def __init__(self, reader: Reader, z: int = 0) -> None:
        self._reader, self._z = reader, z
        info = reader.info
        metadata = getattr(info, "metadata", {})
        self.width, self.height = int(info.width), int(info.height)
        first = reader.read(0, z, Rect(0, 0, 1, 1))
        self._colours = _colours(len(first), metadata.get("alpha_band"), bool(getattr(info, "is_rgb", False)))
        self._has_validity = hasattr(reader, "valid_mask") or metadata.get("nodata") is not None
        card = ModelCard("refine", "", bands=len(self._colours), mean=(0.0,) * len(self._colours), std=(1.0,))
        self._range = value_range(_Shown(self), card, z)

    def read(self, rect: Rect) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_] | None]:
        """((at most 4, h, w) float32 in 0 … 255, (h, w) bool where there is data; None: everywhere)."""
        values, valid = self.values(rect)
        unit = to_unit(values, bands=len(values), value_range=self._range)
        return few_bands(unit * np.float32(255)), valid

    def values(self, rect: Rect) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """((band, h, w) values as they are in the file, without alpha; where there is data as :meth:`read`)."""
        values = self._reader.read(0, self._z, rect)
        valid = valid_mask(self._reader, 0, self._z, rect) if self._has_validity else None  # type: ignore[arg-type]
        if values.dtype.kind == "c":
            values = np.abs(values)
        if values.dtype.kind == "f":
            finite = np.isfinite(values).all(axis=0)
            if not finite.all():
                valid = finite if valid is None else valid & finite
        return values[self._colours], valid


class _Shown:
    """What counts for the range of values: no alpha, and of deeper images no pixel without data."""

    def __init__(self, guide: Guide) -> None:
        self.info, self._guide = guide, guide

    def read(self, _level: int, _z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, y, x) values; NaN where there is no data."""
        values, valid = self._guide.values(window)
        if valid is None or values.dtype == np.uint8:
            return values
        return np.where(valid, values.astype(np.float64), np.nan)


def _colours(bands: int, alpha: Any, is_rgb: bool) -> list[int]:
    if isinstance(alpha, int) and 0 <= alpha < bands and bands > 1:
        return [band for band in range(bands) if band != alpha]
    return list(range(bands - 1 if bands in (2, 4) and is_rgb else bands))


class ReducedReader:
    """An image that is halved *level* times, for a quick look at much of it: each pixel is the mean of a block."""

    def __init__(self, reader: Reader, level: int) -> None:
        self._reader, self._level = reader, level
        info = reader.info
        self.info = SimpleNamespace(
            width=-(-int(info.width) >> level),
            height=-(-int(info.height) >> level),
            is_rgb=bool(getattr(info, "is_rgb", False)),
            metadata={k: v for k, v in getattr(info, "metadata", {}).items() if k == "alpha_band"},
        )
        self._has_validity = hasattr(reader, "valid_mask") or getattr(info, "metadata", {}).get("nodata") is not None

    def read(self, _level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, h, w) values of *window* in reduced pixels; 8-bit ones stay 8-bit, others become float32."""
        values = self._reader.read(0, z, self._full(window))
        if values.dtype.kind == "c":
            values = np.abs(values)
        means = np.stack([self._means(band, window) for band in values])
        return np.rint(means).astype(np.uint8) if values.dtype == np.uint8 else means

    def valid_mask(self, _level: int, z: int, window: Rect) -> npt.NDArray[np.bool_] | None:
        """(h, w) bool: where every pixel of the block holds data; None: everywhere."""
        mask = valid_mask(self._reader, 0, z, self._full(window)) if self._has_validity else None  # type: ignore[arg-type]
        return None if mask is None else self._means(mask, window) > 0.999

    def _full(self, window: Rect) -> Rect:
        level, info = self._level, self._reader.info
        scaled = Rect(window.x << level, window.y << level, window.width << level, window.height << level)
        return scaled.clipped(int(info.width), int(info.height))

    def _means(self, band: npt.NDArray[Any], window: Rect) -> npt.NDArray[np.float32]:
        side = 1 << self._level
        down, right = window.height * side - band.shape[0], window.width * side - band.shape[1]
        padded = np.pad(band.astype(np.float32), ((0, down), (0, right)), mode="edge")
        blocks = padded.reshape(window.height, side, window.width, side)
        return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
