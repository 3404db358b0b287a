"""Pictures that lie as bytes in tables: what kind they are, and masks of them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.io.formats.mask_files import MaskFile
from segstudio.io.readers.limits import check_size, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

_FORMATS = ("PNG", "TIFF", "BMP", "DIB", "GIF", "JPEG", "WEBP")
_MAGIC = (
    (b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"), (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
)  # fmt: skip
_STRIP = 4096


def suffix_of(data: bytes) -> str:
    """The suffix of a picture file by how it begins; "" for none that is known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), "")


@dataclass(frozen=True)
class MaskPicture(MaskFile):
    """A mask in memory: the file's bytes, or its values."""

    data: bytes = field(default=b"", repr=False)
    values: npt.NDArray[Any] | None = field(default=None, repr=False, compare=False)

    def _strips(self, cancel: Cancel = NEVER) -> Iterator[npt.NDArray[Any]]:
        values = self._decoded() if self.values is None else self.values
        for y in range(0, self.height, _STRIP):
            check(cancel)
            yield values[y : y + _STRIP]

    def _decoded(self) -> npt.NDArray[Any]:
        with sentences(self.path), Image.open(io.BytesIO(self.data), formats=_FORMATS) as image:
            if image.mode in ("LA", "La"):
                return np.asarray(image.getchannel(0))
            if self.is_color:
                return np.asarray(image.convert("RGB"))
            values = np.asarray(image)
            return values.astype(np.uint8) if values.dtype == np.bool_ else values


def mask_of(file: Path, value: Any) -> MaskPicture:
    """The mask that a cell of *file* holds: bytes, {"bytes"}, or rows of numbers.

    Raises
    ------
    UserError
        When it is no picture that can be read, and no rows of numbers of one length.
    LookupError
        When the cell is empty.
    """
    if isinstance(value, dict):
        value = value.get("bytes")
    if not value:
        raise LookupError
    if isinstance(value, list):
        return _of_rows(file, value)
    with sentences(file), Image.open(io.BytesIO(value), formats=_FORMATS) as image:
        check_size(file, image.width, image.height, 4, len(value))
        palette: tuple[int, ...] = ()
        if image.mode == "P" and image.palette is not None:
            flat = image.getpalette("RGB") or []
            palette = tuple((r << 16) | (g << 8) | b for r, g, b in zip(flat[::3], flat[1::3], flat[2::3]))
        is_deep = image.mode in ("I", "I;16", "I;16B", "F")
        is_lossy = image.format == "JPEG"
        return MaskPicture(file, image.width, image.height, image.mode, is_deep, palette, is_lossy, value)


def _of_rows(file: Path, rows: list[Any]) -> MaskPicture:
    try:
        values = np.asarray(rows, np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.zeros(0)
    if values.ndim != 2 or not values.size:
        raise UserError(
            "A mask is no table of numbers", path=file, remedy="save masks as pictures, or rows of one length"
        )
    return MaskPicture(file, values.shape[1], values.shape[0], "F", True, values=values)
