"""Readers of volumes: planes that are decoded when they are first wanted, and cuts across them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.display import PERCENTILES, DisplaySettings
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.memory import resized

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.io.readers.base import ImageInfo, ImageReader

CACHE_BYTES = 768 << 20
"""Decoded planes kept: a whole CT series of 1 400 planes."""
_SAMPLE = 1 << 16

CutAxis = Literal["x", "y"]
"""The axis along which all voxels of a cut have the same index."""


class PlaneReader:
    """Serves windows of planes that *decode* gives: (z) to (y, x, band), of the info's size and type.

    ``decode`` is called by one thread at a time. *release* lets go of the files. ``notices`` are sentences for the user.
    """

    def __init__(
        self,
        info: ImageInfo,
        decode: Callable[[int], npt.NDArray[Any]],
        release: Callable[[], None] | None = None,
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.info = info
        self.notices: tuple[str, ...] = tuple(info.metadata.get("notes", ()))
        self._decode: Callable[[int], npt.NDArray[Any]] | None = decode
        self._release = release
        self._budget = cache_bytes
        self._nbytes = 0
        self._levels: OrderedDict[tuple[int, int], npt.NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, y, x) read-only values of *window*; IndexError for an unknown level or plane, UserError as decoded."""
        if not 0 <= level < max(1, len(self.info.levels)) or not 0 <= z < self.info.depth:
            raise IndexError(f"level {level}, z {z}")
        with self._lock:
            pixels = self._plane(level, z)
        part = window.clipped(pixels.shape[1], pixels.shape[0])
        return np.moveaxis(pixels[part.slices], -1, 0)

    def _plane(self, level: int, z: int) -> npt.NDArray[Any]:
        kept = self._levels.get((z, level))
        if kept is not None:
            self._levels.move_to_end((z, level))
            return kept
        if self._decode is None:
            raise ValueError("the reader is closed")
        if level:
            pixels = resized(self._plane(level - 1, z), *self.info.levels[level])
        else:
            pixels = np.ascontiguousarray(self._decode(z))
        pixels = pixels.view()
        pixels.flags.writeable = False
        self._levels[z, level] = pixels
        self._nbytes += pixels.nbytes
        while self._nbytes > self._budget and len(self._levels) > 2:
            self._nbytes -= self._levels.popitem(last=False)[1].nbytes
        return pixels

    def close(self) -> None:
        """Let go of memory and files."""
        with self._lock:
            self._levels.clear()
            self._decode = None
            if self._release is not None:
                self._release()
                self._release = None


def cut(
    reader: ImageReader, axis: CutAxis, index: int, band: slice = slice(None), cancel: Cancel = NEVER
) -> npt.NDArray[Any]:
    """(band, depth, width or height) values of the plane across all planes at x or y = *index*, z downwards.

    A plane that cannot be read has the lowest value of the others, so that one broken slice of a series does not cost the others.

    Raises
    ------
    UserError
        When no plane can be read.
    Cancelled
        When *cancel* is set.
    """
    info = reader.info
    window = Rect(0, index, info.width, 1) if axis == "y" else Rect(index, 0, 1, info.height)
    rows: list[npt.NDArray[Any] | None] = []
    failure: UserError | None = None
    for z in range(info.depth):
        check(cancel)
        try:
            part = reader.read(0, z, window)[band]
        except UserError as error:
            failure = error
            rows.append(None)
            continue
        rows.append(part[:, 0, :] if axis == "y" else part[:, :, 0])
    known = [row for row in rows if row is not None]
    if not known:
        raise failure or UserError("The volume has no planes", path=info.path)
    blank = known[0]
    if failure is not None:
        blank = np.full_like(known[0], min(row.min() for row in known))
    return np.stack([blank if row is None else row for row in rows], axis=1)


def volume_display(reader: ImageReader, bands: tuple[int, int, int], *, invert: bool = False) -> DisplaySettings:
    """One range of brightness for all planes, so that they do not flicker: percentiles of a few planes' values.

    Raises
    ------
    UserError
        When none of these planes can be read.
    """
    info = reader.info
    parts, failures = [], []
    for z in sorted({info.depth // 4, info.depth // 2, 3 * info.depth // 4}):
        try:
            values = reader.read(0, z, Rect(0, 0, info.width, info.height))[sorted(set(bands))].ravel()
        except UserError as error:
            failures.append(error)
            continue
        values = values[:: max(1, values.size // _SAMPLE)]
        parts.append(values[np.isfinite(values)] if values.dtype.kind == "f" else values)
    if not parts:
        raise failures[0]
    return display_range(np.concatenate(parts), bands, invert=invert)


def display_range(values: npt.NDArray[Any], bands: tuple[int, int, int], *, invert: bool = False) -> DisplaySettings:
    """From black to white nearly all of *values*; all of them where nearly all are the same."""
    if values.size == 0:
        return DisplaySettings(0.0, 1.0, invert=invert, bands=bands)
    low, high = (float(value) for value in np.percentile(values, PERCENTILES))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    return DisplaySettings(low, high if high > low else low + 1.0, invert=invert, bands=bands)


def rescaled_type(low: float, high: float, slope: float, intercept: float) -> str:
    """The smallest type that holds raw whole numbers *low* … *high* times *slope* plus *intercept*."""
    ends = sorted((low * slope + intercept, high * slope + intercept))
    if float(slope).is_integer() and float(intercept).is_integer():
        for name in ("uint8", "uint16", "int16"):
            limits = np.iinfo(name)
            if limits.min <= ends[0] and ends[1] <= limits.max:
                return name
    return "float32"


def plane_thumbnail(reader: PlaneReader, side_px: int) -> npt.NDArray[np.uint8]:
    """(y, x, 3) RGB of the middle plane, as it is displayed, the longer side *side_px* at most."""
    import cv2

    from segstudio.core.display import auto_settings, to_rgb8

    info = reader.info
    levels = info.levels or ((info.width, info.height),)
    index = max(i for i, size in enumerate(levels) if i == 0 or max(size) >= side_px)
    values = reader.read(index, info.depth // 2, Rect(0, 0, *levels[index]))
    shown = info.metadata.get("display")
    rgb = to_rgb8(values, shown if isinstance(shown, DisplaySettings) else auto_settings(values))
    scale = side_px / max(levels[index])
    if scale >= 1.0:
        return rgb
    size = (max(1, round(levels[index][0] * scale)), max(1, round(levels[index][1] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
