"""Opens image files by what is in them; each kind of file has a reader, loaded only when one is met."""

from __future__ import annotations

import importlib
import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.io.readers.base import ImageInfo, ImageReader

MAX_PIXELS = 1 << 30
"""Pixels of the largest image that is decoded whole (32 768²); readers of tiled files set their own bound."""
HEAD_BYTES = 32
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".dib", ".webp", ".tif", ".tiff"})
"""What a folder is searched for; a file named outright is opened by its content, whatever its name."""


@dataclass(frozen=True)
class ReaderKind:
    """A kind of file: how it begins, and "module:function" of the opener, which takes a path."""

    id: str
    opener: str
    prober: str
    magics: tuple[bytes, ...]


_RASTER = "segstudio.io.readers.raster"
_TIFF = "segstudio.io.readers.tiff"
READERS: tuple[ReaderKind, ...] = (
    ReaderKind("tiff", f"{_TIFF}:open_tiff", f"{_TIFF}:probe_tiff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ReaderKind(
        "raster",
        f"{_RASTER}:open_raster",
        f"{_RASTER}:probe_raster",
        (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"RIFF"),
    ),
)


def open_image(path: Path | str) -> ImageReader:
    """A reader of the image file at *path*.

    Raises
    ------
    UserError
        One sentence that names the file: it is missing, empty, damaged, too large or no image.
    """
    file = Path(path)
    kind = _sniff(file)
    with as_user_error(file):
        return cast("ImageReader", _function(kind.opener)(file))  # type: ignore[operator]


def probe(path: Path | str) -> ImageInfo:
    """What the header says of the image file at *path*; pixels are not decoded.

    Raises
    ------
    UserError
        As :func:`open_image`, but damaged pixels are not noticed.
    """
    file = Path(path)
    kind = _sniff(file)
    with as_user_error(file):
        return cast("ImageInfo", _function(kind.prober)(file))  # type: ignore[operator]


def thumbnail(path: Path | str, side_px: int) -> npt.NDArray[np.uint8]:
    """(y, x, 3) uint8 picture of the image, its longer side *side_px*; JPEGs are decoded at a fraction of their size.

    Raises
    ------
    UserError
        As :func:`open_image`.
    """
    from segstudio.core.display import auto_settings, to_rgb8
    from segstudio.io.readers.raster import draft_jpeg

    file = Path(path)
    kind = _sniff(file)
    if kind.id == "raster":
        with as_user_error(file):
            draft = draft_jpeg(file, side_px)
        if draft is not None:
            return _fit(draft, side_px)
    reader = open_image(file)
    try:
        sizes = reader.info.levels
        level = max((i for i, size in enumerate(sizes) if max(size) >= side_px), default=0)
        values = reader.read(level, reader.info.depth // 2, Rect(0, 0, *sizes[level]))
    finally:
        reader.close()
    return _fit(to_rgb8(values, auto_settings(values)), side_px)


def list_images(folder: Path, *, is_recursive: bool = False) -> list[Path]:
    """Image files in *folder*, sorted by name.

    Raises
    ------
    UserError
        When the folder cannot be read.
    """
    try:
        found = folder.rglob("*") if is_recursive else folder.iterdir()
        return sorted(p for p in found if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    except OSError as error:
        raise UserError(
            f"the folder cannot be read ({error.strerror})", path=folder, remedy="check that it exists and may be read"
        ) from error


@contextmanager
def as_user_error(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises about *path* into one sentence, and silence its warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(
            "there is not enough memory for this image", path=path, remedy="close other programs or reduce it"
        ) from error
    except Exception as error:  # noqa: BLE001 - a damaged file raises whatever its bytes lead to
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"the image is damaged ({reason})", path=path, remedy="restore the file or leave it out"
        ) from error


def _sniff(path: Path) -> ReaderKind:
    try:
        if path.is_dir():
            raise UserError("this is a folder, not an image", path=path)
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError as error:
        raise UserError(
            "the image does not exist", path=path, remedy="check whether it was moved or renamed"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"the image cannot be read ({getattr(error, 'strerror', None) or error})",
            path=path,
            remedy="check its permissions",
        ) from error
    if size == 0:
        raise UserError("the file is empty", path=path, remedy="restore it or leave it out")
    for kind in READERS:
        if any(head.startswith(m) for m in kind.magics) and not (head.startswith(b"RIFF") and head[8:12] != b"WEBP"):
            return kind
    raise UserError(
        "this is not an image that segstudio reads", path=path, remedy="convert it to PNG, JPEG, BMP, WebP or TIFF"
    )


def _function(dotted: str) -> object:
    module, name = dotted.split(":")
    return getattr(importlib.import_module(module), name)


def _fit(rgb: npt.NDArray[np.uint8], side_px: int) -> npt.NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    factor = side_px / max(height, width)
    if factor >= 1:
        return np.ascontiguousarray(rgb)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cast("npt.NDArray[np.uint8]", cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
