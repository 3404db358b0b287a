"""What keeps a hostile or broken file from taking the machine's memory; the sentences readers fail with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

from segstudio.core.errors import Cancelled, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_PIXELS = 1 << 29
"""Larger images (23 170 × 23 170) are not decoded whole."""
MAX_STREAMED_PIXELS = 1 << 31
"""Larger images (46 340 × 46 340) are not read from end to end, row by row."""
MAX_TILED_PIXELS = 1 << 36
"""The largest image (262 144 × 262 144) that is read tile by tile."""
MAX_DECODED_BYTES = 4 << 30
# Pillow's own bound would warn of, or refuse, what is read row by row; check_size is asked before anything is decoded.
Image.MAX_IMAGE_PIXELS = MAX_STREAMED_PIXELS
_SUSPICIOUS_BYTES = 256 << 20
_MAX_RATIO = 4000

NO_THREAD = "can't start new thread"
"""What Python says when there is no memory for a thread's stack: the file is as good as ever."""

CONVERT = "save it anew as PNG, JPEG or TIFF"
RESTORE = "get the file again from where it came from"


def damaged(path: Path, reason: str = "") -> UserError:
    """The sentence for a file whose content does not hold together."""
    what = "The image is damaged or incomplete"
    return UserError(f"{what} ({reason})" if reason else what, path=path, remedy=RESTORE)


def check_size(
    path: Path,
    width: int,
    height: int,
    bytes_per_pixel: float = 1,
    file_bytes: int | None = None,
    *,
    max_pixels: int | None = None,
) -> None:
    """Refuse sizes that cannot be or that memory cannot hold, before anything is decoded.

    *max_pixels* is for images that are read piece by piece: it replaces the limits of what is decoded whole.

    Raises
    ------
    UserError
        For a side of 0, too many pixels, or far more pixels than *file_bytes* can stand for.
    """
    if width <= 0 or height <= 0:
        raise UserError(f"The image has no pixels (its size is {width} × {height})", path=path, remedy=RESTORE)
    decoded = width * height * bytes_per_pixel
    most = MAX_PIXELS if max_pixels is None else max_pixels
    if width * height > most or (max_pixels is None and decoded > MAX_DECODED_BYTES):
        raise UserError(
            f"The image claims {width} × {height} pixels, more than can be opened",
            path=path,
            remedy=f"cut it into parts of at most {most // 1_000_000} megapixels",
        )
    if file_bytes is not None and decoded > _SUSPICIOUS_BYTES and decoded > _MAX_RATIO * file_bytes:
        raise damaged(path, f"{file_bytes:,} bytes cannot hold the {width} × {height} pixels it claims")


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into a :class:`UserError` that names *path*."""
    try:
        yield
    except (UserError, Cancelled):
        raise
    except MemoryError as error:
        raise _too_little_memory(path) from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UserError("There is no such image file", path=path, remedy="check the path") from error
    except PermissionError as error:
        raise UserError("The file may not be read", path=path, remedy="ask for permission to read it") from error
    except Image.DecompressionBombError as error:
        raise UserError(
            "The image claims more pixels than can be opened",
            path=path,
            remedy=f"cut it into parts of at most {MAX_PIXELS // 1_000_000} megapixels",
        ) from error
    except Exception as error:  # noqa: BLE001 - any type of exception comes out of decoders of broken files
        if isinstance(error, RuntimeError) and NO_THREAD in str(error):
            raise _too_little_memory(path) from error
        raise damaged(path, _reason(error, path)) from error


def _too_little_memory(path: Path) -> UserError:
    return UserError(
        "There is not enough memory to open the image", path=path, remedy="close other programs, or cut it up"
    )


def _reason(error: Exception, path: Path) -> str:
    text = " ".join(str(error).replace(f" {str(path)!r}", "").split())
    # A bare number or key says nothing to anybody.
    return text[:120] if len(text) > 3 else "a decoder stumbled over it"
