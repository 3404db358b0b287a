"""An image of any size and depth as the classic methods look at it: brightness, colours, reduced."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.io.validity import valid_mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.io.readers.base import ImageReader

    Array = npt.NDArray[Any]
    Floats = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]

STRIP_PX = 1 << 22
SAMPLE_ROWS = 256
SAMPLE_COLUMNS = 1024
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Picture:
    """Plane *z* of an image; *band* counts from 1, 0 is the brightness of all bands."""

    def __init__(self, reader: ImageReader, z: int = 0, band: int = 0) -> None:
        info = reader.info
        self.reader, self.z, self.band = reader, z, band
        self.width, self.height = int(info.width), int(info.height)
        self._metadata: Mapping[str, Any] = getattr(info, "metadata", {})
        self._has_validity = hasattr(reader, "valid_mask") or self._metadata.get("nodata") is not None
        self.low, self.high, self.dtype = self._range()

    @property
    def rect(self) -> Rect:
        """The whole image."""
        return Rect(0, 0, self.width, self.height)

    def read(self, rect: Rect, level: int = 0) -> tuple[Array, Mask]:
        """((band, h, w) values without alpha, (h, w) bool where all are finite and hold data)."""
        raw = self.reader.read(level, self.z, rect)
        values = raw
        alpha = self._metadata.get("alpha_band")
        if isinstance(alpha, int) and 0 <= alpha < len(raw) and len(raw) > 1:
            values = np.delete(raw, alpha, axis=0)
        elif len(raw) in (2, 4) and getattr(self.reader.info, "is_rgb", False):
            values = raw[:-1]
        if values.dtype.kind == "c":
            values = np.abs(values)
        if self.band:
            if self.band > len(values):
                raise UserError(f"the image has {len(values)} bands, not {self.band}", remedy="choose another band")
            values = values[self.band - 1 : self.band]
        finite = np.isfinite(values).all(axis=0) if values.dtype.kind == "f" else np.ones(values.shape[1:], np.bool_)
        known = valid_mask(self.reader, level, self.z, rect) if self._has_validity else None
        return values, finite if known is None else finite & known

    def grey(self, rect: Rect, level: int = 0) -> Floats:
        """(h, w) float32 brightness in the image's own units; NaN where there is no data."""
        values, is_valid = self.read(rect, level)
        with np.errstate(all="ignore"):
            if len(values) == 3:
                grey = np.tensordot(_LUMA, values.astype(np.float32), 1)
            else:
                grey = values[0].astype(np.float32) if len(values) == 1 else values.mean(axis=0, dtype=np.float64)
        out = np.array(grey, np.float32)
        out[~is_valid | ~np.isfinite(out)] = np.nan
        return out

    def unit(self, rect: Rect) -> Floats:
        """(h, w) float32 brightness, the image's range as 0 … 1, clipped; NaN where there is no data."""
        return np.asarray(((self.grey(rect) - self.low) / self._span()).clip(0, 1), np.float32)

    def rgb(self, rect: Rect, level: int = 0) -> tuple[npt.NDArray[np.uint8], Mask]:
        """((h, w, 3) uint8 colours stretched over the image's range, (h, w) bool where there is data)."""
        values, is_valid = self.read(rect, level)
        part = values[:3] if len(values) >= 3 else np.repeat(values[:1], 3, axis=0)
        if part.dtype != np.uint8:
            with np.errstate(all="ignore"):
                unit = (part.astype(np.float32) - np.float32(self.low)) / np.float32(self._span())
            part = (np.nan_to_num(unit, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        rgb = np.ascontiguousarray(part.transpose(1, 2, 0))
        if not is_valid.all():
            rgb[~is_valid] = 0
        return rgb, is_valid

    def strips(self, cancel: Cancel = NEVER, multiple_px: int = 1) -> Iterator[Rect]:
        """Rectangles right across that together are the image; heights are multiples of *multiple_px*."""
        rows = max(multiple_px, STRIP_PX // self.width // multiple_px * multiple_px)
        for y in range(0, self.height, rows):
            check(cancel)
            yield Rect(0, y, self.width, min(rows, self.height - y))

    def reduction(self, most_px: int = 0, long_side_px: int = 0) -> int:
        """By which whole number to reduce for at most about *most_px* pixels, or a long side of *long_side_px*."""
        by = 1.0
        if most_px:
            by = max(by, math.sqrt(self.width * self.height / most_px))
        if long_side_px:
            by = max(by, max(self.width, self.height) / long_side_px)
        return math.ceil(by)

    def reduced(self, by: int, cancel: Cancel = NEVER) -> tuple[npt.NDArray[np.uint8], Mask]:
        """:meth:`rgb` of the whole image, each pixel the mean of *by* × *by*; a pyramid is used where there is one."""
        size = math.ceil(self.width / by), math.ceil(self.height / by)
        level, shape = self._level_for(size)
        if level:
            check(cancel)
            rgb, valid = self.rgb(Rect(0, 0, *shape), level)
            return _shrunk(rgb, size), _shrunk(valid.astype(np.uint8) * 255, size) > 127
        parts = []
        for rect in self.strips(cancel, by):
            rgb, valid = self.rgb(rect)
            down, right = -rect.height % by, -rect.width % by
            if down or right:
                rgb = np.pad(rgb, ((0, down), (0, right), (0, 0)), mode="edge")
                valid = np.pad(valid, ((0, down), (0, right)), mode="edge")
            to = rgb.shape[1] // by, rgb.shape[0] // by
            parts.append((_shrunk(rgb, to), _shrunk(valid.astype(np.uint8) * 255, to) > 127))
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _level_for(self, size: tuple[int, int]) -> tuple[int, tuple[int, int]]:
        """The smallest level that is at least twice *size*; 0: none but the full one."""
        found = 0, (self.width, self.height)
        for level, (width, height) in enumerate(getattr(self.reader.info, "levels", ())):
            if level and width >= 2 * size[0] and height >= 2 * size[1]:
                found = level, (int(width), int(height))
        return found

    def _span(self) -> float:
        return max(self.high - self.low, 1e-30)

    def _range(self) -> tuple[float, float, np.dtype[Any]]:
        """The values that are black and white: 0 and 255 of 8 bits, else percentiles of single rows right across."""
        self.low, self.high = 0.0, 1.0
        first, _ = self.read(Rect(0, 0, self.width, 1))
        if first.dtype == np.uint8:
            return 0.0, 255.0, first.dtype
        rows = np.unique(np.linspace(0, self.height - 1, SAMPLE_ROWS).astype(int))
        step = max(1, self.width // SAMPLE_COLUMNS)
        sample = np.concatenate([self.grey(Rect(0, int(y), self.width, 1))[0, ::step] for y in rows])
        sample = sample[np.isfinite(sample)]
        if not sample.size:
            return 0.0, 1.0, first.dtype
        low, high = (float(v) for v in np.percentile(sample, (0.5, 99.5)))
        if low == high:
            low, high = float(sample.min()), float(sample.max())
        return (low, high, first.dtype) if high > low else (low, low + 1.0, first.dtype)


def _shrunk(values: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    if values.shape[1::-1] == size:
        return values
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, eq=False)
class Request:
    """What a method is asked for: the picture, its options, and disjoint parts of the image to answer for."""

    picture: Picture
    options: Mapping[str, Any]
    regions: tuple[Rect, ...]
    progress: ProgressSink = field(default=no_progress)
    cancel: Cancel = field(default=NEVER)

    def pieces(self, side_px: int, what: str = "Proposing") -> Iterator[Rect]:
        """Cells of a grid over the image (the same whatever is asked for) that meet the regions; told as progress."""
        cells = [
            Rect(x, y, side_px, side_px).clipped(self.picture.width, self.picture.height)
            for y in range(0, self.picture.height, side_px)
            for x in range(0, self.picture.width, side_px)
        ]
        wanted = [cell for cell in cells if self.within(cell)]
        for index, cell in enumerate(wanted):
            check(self.cancel)
            self.progress(index, len(wanted), what)
            yield cell
        self.progress(len(wanted), max(1, len(wanted)), what)

    def within(self, rect: Rect) -> list[Rect]:
        """The parts of *rect* that are asked for."""
        parts = (rect.intersected(region) for region in self.regions)
        return [part for part in parts if not part.is_empty]
