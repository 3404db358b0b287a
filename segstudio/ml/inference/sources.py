"""What windows are cut from: an image of any size through its reader, or a small one held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.cancel import NEVER, check
from segstudio.core.geometry import Rect
from segstudio.ml.inference.normalise import match_bands, normalise, stretch_range, to_unit
from segstudio.ml.inference.windows import reflected

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.core.cancel import Cancel
    from segstudio.ml.cards import ModelCard

WHOLE_PX = 1 << 24
"""Images up to so many pixels give their value range from all of them; bigger ones from strips."""
MAX_WORKING_PX = 4096
"""No working scale makes an image longer than this."""
STRIP_PX = 1 << 22


class ReaderInfo(Protocol):
    """The part of an image reader's info that is needed here."""

    width: int
    height: int


class Reader(Protocol):
    """The part of :class:`segstudio.io.readers.base.ImageReader` that is needed here."""

    @property
    def info(self) -> Any:
        """Width, height and the like."""
        ...

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, y, x) values of *window*, which lies inside the image."""
        ...


class Source(Protocol):
    """An image, normalised for one model."""

    width: int
    height: int

    def window(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(C, h, w) float32 of *rect*, or (C, d, h, w); it may reach beyond the image, which is mirrored there."""
        ...


class ReaderSource:
    """Windows read from the file as they are needed."""

    def __init__(self, reader: Reader, card: ModelCard, z: int = 0) -> None:
        self.reader, self.card, self.z = reader, card, z
        self.width, self.height = int(reader.info.width), int(reader.info.height)
        self.value_range = value_range(reader, card, z)
        self._table = self._of_bytes()

    def window(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(C, h, w) float32 of *rect*, mirrored beyond the image."""
        rows = reflected(rect.y, rect.bottom, self.height)
        columns = reflected(rect.x, rect.right, self.width)
        part = _spanned(rows, columns)
        values = self.reader.read(0, self.z, part)
        if part != rect:
            # Rows first, which are copied whole.
            values = values.take(rows - part.y, axis=1).take(columns - part.x, axis=2)
        if values.dtype == np.uint8:
            bands = match_bands(values, self.card.bands)
            return np.stack([cv2.LUT(np.ascontiguousarray(b), t) for b, t in zip(bands, self._table, strict=True)])
        return normalise(self._unit(values), self.card)

    def _of_bytes(self) -> npt.NDArray[np.float32]:
        """(C, 256) what each value of an 8-bit band becomes."""
        every = np.broadcast_to(np.arange(256, dtype=np.uint8), (self.card.bands, 1, 256))
        return normalise(self._unit(every), self.card)[:, 0]

    def _unit(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return to_unit(values, bands=self.card.bands, scaling=self.card.scaling, value_range=self.value_range)

    def unit(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(C, h, w) float32 before mean and std, of *rect* inside the image."""
        return self._unit(self.reader.read(0, self.z, rect))


class ArraySource:
    """A whole normalised image (C, H, W) float32, or planes of a volume (C, d, H, W), in memory."""

    def __init__(self, image: npt.NDArray[np.float32]) -> None:
        self.image = image
        self.height, self.width = image.shape[-2:]

    def window(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(C, h, w) float32 of *rect*, or (C, d, h, w), mirrored beyond the image."""
        rows = reflected(rect.y, rect.bottom, self.height)
        columns = reflected(rect.x, rect.right, self.width)
        found: npt.NDArray[np.float32] = self.image[..., rows[:, None], columns[None, :]]
        return found


def _spanned(rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Rect:
    top, left = int(rows.min()), int(columns.min())
    return Rect(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)


def value_range(reader: Reader, card: ModelCard, z: int = 0) -> tuple[float, float]:
    """The values that become 0 and 1 in every window of this image; the same each time it is asked."""
    own: Callable[[str], tuple[float, float]] | None = getattr(reader, "value_range", None)
    if own is not None:
        return own(card.scaling)
    width, height = int(reader.info.width), int(reader.info.height)
    if width * height <= WHOLE_PX:
        probe = reader.read(0, z, Rect(0, 0, width, min(1, height)))
        if card.scaling == "none" or (card.scaling == "unit8" and probe.dtype == np.uint8):
            return stretch_range(probe, card.scaling)
        return stretch_range(match_bands(reader.read(0, z, Rect(0, 0, width, height)), card.bands), card.scaling)
    rows = np.linspace(0, height - 1, 256).astype(int)
    # Single rows right across: no strip can miss a column.
    sample = [reader.read(0, z, Rect(0, int(y), width, 1))[:, :, :: max(1, width // 1024)] for y in dict.fromkeys(rows)]
    return stretch_range(match_bands(np.concatenate(sample, axis=1), card.bands), card.scaling)


def working_size(card: ModelCard, width: int, height: int) -> tuple[int, int]:
    """(width, height) at which *card* wants to see an image; its own where the card does not say."""
    if card.working_long_side_px:
        factor = card.working_long_side_px / max(width, height)
    elif card.working_short_side_px:
        factor = card.working_short_side_px / min(width, height)
    else:
        return width, height
    factor = min(factor, MAX_WORKING_PX / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def resampled(
    source: ReaderSource, width: int, height: int, rect: Rect | None = None, cancel: Cancel = NEVER
) -> npt.NDArray[np.float32]:
    """*rect* of the image (None: all) as (C, height, width) float32, normalised; read in strips: memory stays flat."""
    rect = Rect(0, 0, source.width, source.height) if rect is None else rect
    # First by a whole number, strip by strip and exactly; the rest in one resize of what is then small.
    reduce = max(1, min(rect.width // width, rect.height // height))
    rows = max(reduce, STRIP_PX // rect.width // reduce * reduce)
    strips = []
    for y in range(rect.y, rect.bottom, rows):
        check(cancel)
        strip = source.unit(Rect(rect.x, y, rect.width, min(rows, rect.bottom - y)))
        if reduce > 1:
            size = max(1, round(strip.shape[2] / reduce)), max(1, round(strip.shape[1] / reduce))
            strip = np.stack([cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in strip])
        strips.append(strip)
    image = np.concatenate(strips, axis=1)
    if image.shape[1:] != (height, width):
        is_smaller = width <= image.shape[2] and height <= image.shape[1]
        how = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
        image = np.stack([cv2.resize(band, (width, height), interpolation=how) for band in image])
    return normalise(image, source.card)
