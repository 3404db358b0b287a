"""PNG, JPEG, BMP and WebP, by Pillow (and cv2 where Pillow would lose the depth of 16-bit colour)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from segstudio.core.errors import UserError
from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.memory import MemoryReader
from segstudio.io.readers.registry import MAX_PIXELS

if TYPE_CHECKING:
    from pathlib import Path

# Our own check of the declared size comes before any decoding; Pillow's is a warning at half of it.
Image.MAX_IMAGE_PIXELS = None

MAX_RATIO = 1200
"""Deflate packs at most 1032 : 1 and JPEG about as much; a header that promises more is a bomb or the file is cut off."""
_ROTATED = frozenset({5, 6, 7, 8})
_ORIENTATION_TAG = 0x0112
_KEPT = {"L": ("uint8", 1), "RGB": ("uint8", 3), "RGBA": ("uint8", 4), "LA": ("uint8", 2), "I;16": ("uint16", 1), "I;16B": ("uint16", 1),
         "I": ("uint16", 1), "F": ("float32", 1)}  # fmt: skip


def open_raster(path: Path) -> MemoryReader:
    """Decode the file. Raises UserError, or whatever Pillow does on damaged bytes."""
    with Image.open(path) as image:
        info, is_deep_colour = _describe(path, image)
        plane = _deep(path) if is_deep_colour else _plane(image)
    return MemoryReader(info, [np.ascontiguousarray(plane)])


def probe_raster(path: Path) -> ImageInfo:
    """What the header says."""
    with Image.open(path) as image:
        return _describe(path, image)[0]


def draft_jpeg(path: Path, side_px: int) -> npt.NDArray[np.uint8] | None:
    """(y, x, 3) uint8 of a JPEG decoded at the smallest fraction that is at least *side_px*; None for other files."""
    with Image.open(path) as image:
        if image.format not in {"JPEG", "MPO"}:
            return None
        _describe(path, image)
        image.draft("RGB", (side_px, side_px))
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _describe(path: Path, image: Image.Image) -> tuple[ImageInfo, bool]:
    width, height = image.size
    check_size(path, width, height)
    is_deep_colour = _is_deep_colour_png(path)
    dtype, bands = _KEPT.get(image.mode, ("uint8", 3))
    if image.mode == "1":
        dtype, bands = "uint8", 1
    elif image.mode in {"P", "PA"}:
        bands = 4 if image.mode == "PA" or "transparency" in image.info else 3
    if is_deep_colour:
        dtype, bands = "uint16", {2: 3, 4: 2, 6: 4}[is_deep_colour]
    if image.format in {"PNG", "JPEG", "MPO"}:
        size = os.path.getsize(path)
        if width * height * bands * (2 if dtype == "uint16" else 1) > MAX_RATIO * size:
            raise UserError(
                f"the file promises {width}×{height} pixels but its {size} bytes cannot hold them",
                path=path,
                remedy="restore the file or leave it out",
            )
    if image.format in {"JPEG", "MPO", "PNG", "WEBP"} and image.getexif().get(_ORIENTATION_TAG) in _ROTATED:
        width, height = height, width
    return ImageInfo(path, width, height, 1, bands, dtype, level_sizes(width, height), is_rgb=bands >= 3), bool(
        is_deep_colour
    )


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse an image without pixels, or with more than can be decoded whole.

    Raises
    ------
    UserError
        In either case.
    """
    if width <= 0 or height <= 0:
        raise UserError(
            f"the image has no pixels ({width}×{height})", path=path, remedy="restore the file or leave it out"
        )
    if width * height > MAX_PIXELS:
        raise UserError(
            f"the image has {width}×{height} pixels, more than the {MAX_PIXELS / 1e9:.1f} billion that can be opened whole",
            path=path,
            remedy="cut it into parts or reduce it",
        )


def _is_deep_colour_png(path: Path) -> int:
    """The PNG colour type (2, 4 or 6) if the file is a PNG of 16-bit colour, else 0."""
    with path.open("rb") as file:
        head = file.read(26)
    if head.startswith(b"\x89PNG") and len(head) == 26 and head[24] == 16 and head[25] in (2, 4, 6):
        return head[25]
    return 0


def _plane(image: Image.Image) -> npt.NDArray[Any]:
    image.load()
    if image.mode not in _KEPT:
        if image.mode in {"P", "PA"}:
            image_now = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
        else:
            image_now = image.convert("L" if image.mode == "1" else "RGB")
        image_now.info, image_now._exif = image.info, getattr(image, "_exif", None)  # type: ignore[attr-defined]
        turned = image_now
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
        turned = _turned(image_now, orientation)
    else:
        turned = _turned(image, image.getexif().get(_ORIENTATION_TAG, 1))
    values = np.asarray(turned)
    if turned.mode in {"I", "I;16", "I;16B"}:
        values = np.clip(values, 0, 65535).astype(np.uint16)
    return values[..., None] if values.ndim == 2 else values


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _turned(image: Image.Image, orientation: object) -> Image.Image:
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _deep(path: Path) -> npt.NDArray[Any]:
    data = np.fromfile(path, np.uint8)
    values = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError("its data ends early or is broken")
    if values.ndim == 2:
        return values[..., None]
    order = [2, 1, 0, 3][: values.shape[2]]
    if values.shape[2] == 4 and _is_deep_colour_png(path) == 4:
        return values[..., [0, 3]]
    return values[..., order]
