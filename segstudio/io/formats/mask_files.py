"""One mask file of any program, row strip by row strip: indices (palette, grey) or colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect
from segstudio.io.datasets import open_grey_tiff
from segstudio.io.formats.index_png import read_index_strips
from segstudio.io.readers.limits import MAX_TILED_PIXELS, check_size, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg")
"""The likeliest first, where an image has masks of several kinds."""
_FORMATS = ("PNG", "TIFF", "BMP", "DIB", "GIF", "JPEG")
_GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"}
_STREAMED_PIXELS = 1 << 26


@dataclass(frozen=True)
class MaskFile:
    """What the header of a mask says. ``palette`` is index → 0xRRGGBB; ``is_lossy``: its values are near the true ones only."""

    path: Path
    width: int
    height: int
    mode: str
    is_deep: bool = False
    palette: tuple[int, ...] = ()
    is_lossy: bool = False

    @property
    def is_color(self) -> bool:
        """Whether it holds colours, not indices."""
        return self.mode not in _GREY and self.mode != "P"

    def indices(self, cancel: Cancel = NEVER) -> Iterator[npt.NDArray[np.uint16]]:
        """(h, width) uint16 values of a mask of indices, from the top; UserError where it is damaged."""
        for strip in self._strips(cancel):
            values = strip
            if values.dtype.kind in "fi" and values.size:
                odd = ~((values >= 0) & (values <= 65535) & (values == np.rint(values)))
                if odd.any():
                    raise UserError(
                        "The mask holds values that no class has",
                        path=self.path,
                        remedy="keep them whole numbers from 0 to 65535",
                    )
            yield values.astype(np.uint16, copy=False)

    def colors(self, cancel: Cancel = NEVER) -> Iterator[npt.NDArray[np.uint32]]:
        """(h, width) uint32 colours 0xRRGGBB of a mask of any kind; UserError where it is damaged."""
        lut = np.zeros(65536, np.uint32)
        if self.palette:
            lut[: len(self.palette)] = self.palette
        else:
            lut[:256] = np.arange(256) * 0x010101
        for strip in self._strips(cancel):
            if strip.ndim == 2:
                yield lut[strip.astype(np.uint16)]
            else:
                parts = strip.astype(np.uint32)
                yield np.asarray((parts[:, :, 0] << 16) | (parts[:, :, 1] << 8) | parts[:, :, 2], np.uint32)

    def object_numbers(self, cancel: Cancel = NEVER) -> Iterator[npt.NDArray[np.int64]]:
        """(h, width) int64 of a mask that numbers objects (or has a colour for each): 0 where there is none."""
        none = (0, 0xE0E0C0) if self.is_color else (0, 65535 if self.is_deep else 255)
        for strip in self.colors(cancel) if self.is_color else self.indices(cancel):
            numbers = strip.astype(np.int64)
            numbers[(strip == none[1]) if none[0] == 0 else (strip == none[0]) | (strip == none[1])] = 0
            yield numbers

    def _strips(self, cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
        if self.path.suffix.lower() == ".png" and not self.is_color and self.width * self.height > _STREAMED_PIXELS:
            for strip in read_index_strips(self.path):
                check(cancel)
                yield strip
            return
        reader = None if self.is_color else open_grey_tiff(self.path)
        if reader is not None:
            try:
                for y in range(0, self.height, TILE):
                    check(cancel)
                    yield reader.read(0, 0, Rect(0, y, self.width, min(TILE, self.height - y)))[0]
            finally:
                reader.close()
            return
        values = self._whole()
        check(cancel)
        # Small enough to be held: whoever reads it gains nothing from strips.
        yield from (values[y : y + 16 * TILE] for y in range(0, self.height, 16 * TILE))

    def _whole(self) -> npt.NDArray[Any]:
        with sentences(self.path), Image.open(self.path, formats=_FORMATS) as image:
            check_size(self.path, image.width, image.height, 4, self.path.stat().st_size)
            if image.mode in ("LA", "La"):
                return np.asarray(image.getchannel(0))
            if self.is_color:
                return np.asarray(image.convert("RGB"))
            values = np.asarray(image)
            return values.astype(np.uint8) if values.dtype == np.bool_ else values


def look_at_mask(path: Path) -> MaskFile:
    """The header of a mask file.

    Raises
    ------
    UserError
        When it is no picture that can be read.
    """
    with sentences(path), Image.open(path, formats=_FORMATS) as image:
        check_size(path, image.width, image.height, max_pixels=MAX_TILED_PIXELS)
        palette: tuple[int, ...] = ()
        if image.mode == "P" and image.palette is not None:
            # Pillow's getpalette() would decode the whole picture; a PNG's palette stands in front of it.
            raw = image.palette
            is_told = image.format == "PNG" and isinstance(raw.palette, bytes)
            flat = np.frombuffer(bytes(raw.palette if is_told else image.getpalette("RGB") or []), np.uint8)
            colors = flat[: flat.size // 3 * 3].reshape(-1, 3).astype(np.int64)
            palette = tuple((colors @ np.array([1 << 16, 1 << 8, 1])).tolist())
        is_deep = image.mode in ("I", "I;16", "I;16B", "F")
        return MaskFile(path, image.width, image.height, image.mode, is_deep, palette, image.format == "JPEG")
