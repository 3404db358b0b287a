"""The magic wand: which pixels look like the one under the pointer, connected to it or anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import EMPTY, Rect
from segstudio.core.regions import grow_region, tightened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel

STRIP_PX = 1 << 20
"""So many pixels are looked at between two looks at the cancel token."""
_ROUNDING = 1e-3
"""Percent forgiven, so that 51 of 255 is within 20 %."""


class ValueDistance:
    """How far an image's values lie from those at a seed, in percent of the shown range.

    Answers (h, w) float32 for any rectangle inside *bounds*: the largest difference of the *bands*, so that every
    band must be near; infinite where a value is not a number. It keeps the largest window it was asked for, so that
    another tolerance costs no reading. May be called from any thread if *read* may.

    Parameters
    ----------
    read
        (band, h, w) raw values of a rectangle, of any number type.
    seed_xy
        The pixel (x, y) that was pointed at; it must lie inside *bounds*.
    bounds
        The image.
    range_width
        Width of the shown range, in raw values; that is 100 %.
    bands
        Indices of the bands that count; one that the image does not have is replaced by the last.
    sample_px
        The seed's value is the median of a square of this side around it.
    """

    def __init__(
        self,
        read: Callable[[Rect], npt.NDArray[Any]],
        seed_xy: tuple[int, int],
        bounds: Rect,
        range_width: float,
        bands: Sequence[int] = (0,),
        sample_px: int = 1,
    ) -> None:
        self._read, self._bounds = read, bounds
        self.seed_xy = seed_xy
        self._scale = 100.0 / range_width if range_width > 0 else 100.0
        self._bands = tuple(dict.fromkeys(bands))
        self._sample_px = max(1, sample_px)
        self._seed: npt.NDArray[np.float64] | None = None
        self._kept: tuple[Rect, npt.NDArray[np.float32]] = (EMPTY, np.zeros((0, 0), np.float32))

    def __call__(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(h, w) float32 percent of *rect*, which must lie inside the bounds."""
        kept_rect, kept = self._kept
        if not rect.is_empty and kept_rect.intersected(rect) == rect:
            return kept[rect.moved(-kept_rect.x, -kept_rect.y).slices]
        found = self.fresh(rect)
        if rect.width * rect.height >= kept_rect.width * kept_rect.height:
            self._kept = (rect, found)
        return found

    def fresh(self, rect: Rect) -> npt.NDArray[np.float32]:
        """As a call, but nothing is kept."""
        values = self._read(rect)
        seeds = self._seed_values()
        total: npt.NDArray[np.float32] | None = None
        for index, seed in zip(self._indices(values), seeds, strict=True):
            plane = values[index]
            # float32 holds every 16-bit value; wider types need the difference taken before.
            wide = np.float32 if plane.dtype.itemsize <= 2 else np.float64
            away = np.abs(plane.astype(wide) - wide(seed)).astype(np.float32, copy=False)
            total = away if total is None else np.maximum(total, away, out=total)
        if total is None:
            return np.zeros(values.shape[1:], np.float32)
        total *= np.float32(self._scale)
        if values.dtype.kind == "f":
            total[np.isnan(total)] = np.inf
        return total

    def _indices(self, values: npt.NDArray[Any]) -> list[int]:
        return list(dict.fromkeys(min(max(band, 0), values.shape[0] - 1) for band in self._bands))

    def _seed_values(self) -> npt.NDArray[np.float64]:
        if self._seed is None:
            x, y = self.seed_xy
            before = self._sample_px // 2
            square = Rect(x - before, y - before, self._sample_px, self._sample_px).intersected(self._bounds)
            values = self._read(square)
            picked = values[self._indices(values)].reshape(-1, square.width * square.height).astype(np.float64)
            own = self._read(Rect(x, y, 1, 1))[self._indices(values), 0, 0].astype(np.float64)
            picked = np.where(np.isfinite(picked), picked, own[:, None])
            self._seed = np.median(picked, axis=1)
        return self._seed


def wand_connected(
    distance: ValueDistance, bounds: Rect, tolerance: float, max_px: int = 1 << 30, *, cancel: Cancel = NEVER
) -> tuple[npt.NDArray[np.bool_], Rect]:
    """The 4-connected area around the seed that lies within *tolerance* percent: ((h, w) bool, its rectangle).

    The seed itself always belongs to it, and what touches it. Windows grow with the area, so that the cost follows it.

    Raises
    ------
    UserError
        When the area has more than *max_px* pixels.
    Cancelled
        When *cancel* was set.
    """
    x, y = distance.seed_xy

    def inside(rect: Rect) -> npt.NDArray[np.bool_]:
        check(cancel)
        # A window holds more than the area; past four times the limit the search itself would be slow.
        if rect.width * rect.height > max(4 * max_px, 1 << 20):
            raise too_large(max_px)
        near = distance(rect) <= tolerance + _ROUNDING
        near[y - rect.y, x - rect.x] = True
        return near

    mask, rect = grow_region(inside, distance.seed_xy, bounds)
    if int(np.count_nonzero(mask)) > max_px:
        raise too_large(max_px)
    return mask, rect


def wand_everywhere(
    distance: ValueDistance, rect: Rect, tolerance: float, max_px: int = 1 << 30, *, cancel: Cancel = NEVER
) -> tuple[npt.NDArray[np.bool_], Rect]:
    """All pixels of *rect* within *tolerance* percent, connected or not: ((h, w) bool, its tight rectangle).

    Raises
    ------
    UserError
        When *rect* has more than *max_px* pixels.
    Cancelled
        When *cancel* was set.
    """
    if rect.width * rect.height > max_px:
        raise UserError(
            f"That is {rect.width * rect.height:,} pixels, and the wand looks through at most {max_px:,} at once",
            remedy="zoom in, or take the connected area only",
        )
    if rect.width * rect.height <= STRIP_PX * 4:
        check(cancel)
        return tightened(distance(rect) <= tolerance + _ROUNDING, rect)
    mask = np.zeros((rect.height, rect.width), np.bool_)
    rows = max(1, STRIP_PX // max(rect.width, 1))
    for top in range(0, rect.height, rows):
        check(cancel)
        strip = Rect(rect.x, rect.y + top, rect.width, min(rows, rect.height - top))
        mask[top : top + strip.height] = distance.fresh(strip) <= tolerance + _ROUNDING
    return tightened(mask, rect)


def too_large(max_px: int) -> UserError:
    """What is said when an area is larger than the setting lets a tool take."""
    return UserError(
        f"The area is larger than {max_px:,} pixels and was not painted",
        remedy="lower the tolerance, or raise “Largest area that fill takes” in the settings",
    )
