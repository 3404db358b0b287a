"""Opening any image: the content says which reader, its module is imported on first use."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.io.readers.limits import CONVERT, RESTORE, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.io.readers.base import ImageInfo, ImageReader

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif", ".pgm", ".ppm", ".pnm", ".pbm"}
    | {".dcm", ".dicom", ".ima", ".nii", ".nii.gz"}
    | {".svs", ".ndpi", ".scn", ".qptiff", ".btf", ".tf8", ".jp2", ".j2k", ".img"}
    | {".mrxs", ".vms", ".vmu", ".bif", ".svslide"}
)
"""What folders are searched for; a file named by the user is opened by its content, whatever its suffix."""
_HEAD_BYTES = 512
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")


class ReaderModule(Protocol):
    """What a reader's module offers. Each function raises UserError."""

    def probe(self, path: Path) -> ImageInfo:
        """The description, from the header alone."""
        ...

    def open_reader(self, path: Path, cancel: Cancel = NEVER) -> ImageReader:
        """A reader ready to give pixels; *cancel* only where its entry says so."""
        ...

    def thumbnail(self, path: Path, side_px: int) -> npt.NDArray[np.uint8]:
        """(y, x, 3) RGB, the longer side *side_px* at most."""
        ...


@dataclass(frozen=True)
class ReaderEntry:
    """A reader by dotted module name; ``sniff`` is asked with the file's first 512 bytes."""

    name: str
    module: str
    sniff: Callable[[bytes], bool]
    takes_cancel: bool = False
    suffixes: tuple[str, ...] = ()
    """Files named so are its own whatever they begin with (a Mirax slide begins as a JPEG)."""

    def load(self) -> ReaderModule:
        """Import the module."""
        return cast("ReaderModule", importlib.import_module(self.module))


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_tiff(head: bytes) -> bool:
    # A DICOM file may begin with a TIFF header of its own.
    return head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")) and head[128:132] != b"DICM"


def _is_medical(module: str, function: str) -> Callable[[bytes], bool]:
    def sniff(head: bytes) -> bool:
        # These modules import neither pydicom nor nibabel before a file needs them.
        return bool(getattr(importlib.import_module(module), function)(head))

    return sniff


def _is_netpbm(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n" and len(head) > 2


def _is_for_gdal(head: bytes) -> bool:
    return head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"EHFA_HEADER_TAG"))


READERS: list[ReaderEntry] = [
    ReaderEntry(
        "slide",
        "segstudio.io.readers.slide",
        lambda head: False,
        suffixes=(".mrxs", ".vms", ".vmu", ".bif", ".svslide"),
    ),
    ReaderEntry("PNG", "segstudio.io.readers.png", _starts(b"\x89PNG\r\n\x1a\n"), True),
    ReaderEntry("JPEG", "segstudio.io.readers.raster", _starts(b"\xff\xd8\xff"), True),
    ReaderEntry("TIFF", "segstudio.io.readers.tiff", _is_tiff, True),
    ReaderEntry("GDAL", "segstudio.io.readers.gdal", _is_for_gdal),
    ReaderEntry("BMP", "segstudio.io.readers.raster", _starts(b"BM")),
    ReaderEntry("WebP", "segstudio.io.readers.raster", _is_webp),
    ReaderEntry("GIF", "segstudio.io.readers.raster", _starts(b"GIF87a", b"GIF89a")),
    ReaderEntry("PNM", "segstudio.io.readers.raster", _is_netpbm),
    ReaderEntry("NIfTI", "segstudio.io.readers.nifti", _is_medical("segstudio.io.readers.nifti", "is_nifti")),
    ReaderEntry("DICOM", "segstudio.io.readers.dicom", _is_medical("segstudio.io.readers.dicom_header", "is_dicom")),
]
"""Asked in order; the first that knows the content opens it."""


def find_reader(path: Path) -> ReaderEntry:
    """The reader for a file's content.

    Raises
    ------
    UserError
        When the file is missing, empty, may not be read or is no image that segstudio knows.
    """
    with sentences(path):
        if path.is_dir():
            raise UserError("It is a folder, not an image", path=path, remedy="choose the image file in it")
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    if not head:
        raise UserError("The file is empty", path=path, remedy=RESTORE)
    suffix = path.suffix.lower()
    for entry in READERS:
        if suffix in entry.suffixes or entry.sniff(head):
            return entry
    raise UserError("The file is not an image that can be opened", path=path, remedy=CONVERT)


def open_image(path: Path | str, cancel: Cancel = NEVER) -> ImageReader:
    """Open an image. What is not read in windows is decoded (once) here, so that nearly every failure comes from here.

    Raises
    ------
    UserError
        One sentence that names the file and the remedy, whatever is wrong with it.
    Cancelled
        When *cancel* was set while a large file was gone through.
    """
    path = Path(path)
    entry = find_reader(path)
    with sentences(path):
        module = entry.load()
        return module.open_reader(path, cancel) if entry.takes_cancel else module.open_reader(path)


def probe(path: Path | str) -> ImageInfo:
    """What the header says; quick and small for any file. Raises as :func:`open_image`."""
    path = Path(path)
    entry = find_reader(path)
    with sentences(path):
        return entry.load().probe(path)


def thumbnail(path: Path | str, side_px: int = 128) -> npt.NDArray[np.uint8]:
    """(y, x, 3) uint8 RGB picture whose longer side is *side_px* at most. Raises as :func:`open_image`."""
    path = Path(path)
    entry = find_reader(path)
    with sentences(path):
        return entry.load().thumbnail(path, side_px)


def list_images(folder: Path | str) -> list[Path]:
    """The image files in *folder* and below, in natural reading order; hidden files and folders are left out.

    Of a DICOM series only the file that stands for it is named.
    """
    found: list[Path] = []
    unsure: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if suffix in _DICOM_SUFFIXES or not suffix.strip(".0123456789"):
                unsure.append(Path(place) / name)
            elif suffix in IMAGE_SUFFIXES or name.lower().endswith(".nii.gz"):
                found.append(Path(place) / name)
    if unsure:
        from segstudio.io.readers.dicom_series import may_be_dicom

        found += one_per_image(path for path in unsure if path.name != "DICOMDIR" and may_be_dicom(path))
    return sorted(found, key=lambda path: natural_key(str(path)))


def one_per_image(paths: Iterable[Path]) -> list[Path]:
    """*paths* in order, every DICOM series reduced to the file that stands for it."""
    from segstudio.io.readers.dicom_series import one_per_image as one_per_series

    return one_per_series(paths)


def files_of(path: Path) -> list[Path]:
    """All files that belong to the image *path* stands for: one, or those of its DICOM series.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head[128:132] != b"DICM" and path.suffix.lower() not in _DICOM_SUFFIXES:
        return [path]
    from segstudio.io.readers.dicom import files_of as files_of_series

    return files_of_series(path)


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """A sort key that puts ``a2`` before ``a10``."""
    import re

    parts = re.split(r"(\d+)", text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
