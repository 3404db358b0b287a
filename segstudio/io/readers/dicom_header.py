"""DICOM headers through pydicom: read without a word to any log, told only by what segmentation needs of them.

Nothing that names a patient is read into metadata, sentences or logs.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import Cancelled, UserError
from segstudio.io.readers.extras import needs
from segstudio.io.readers.limits import CONVERT, RESTORE, check_size, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIXES = (".dcm", ".dicom", ".ima")
_VRS = frozenset(
    "AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PIXEL_TAGS = {0x7FE00010: "PixelData", 0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}
_MAX_FRAMES = 1 << 16


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins with *head* is DICOM: the mark behind the preamble, or a data set without one."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 16 or head[:2] not in (b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08"):
        return False
    order = "little" if head[0] else "big"
    element = int.from_bytes(head[2:4], order)  # type: ignore[arg-type]
    if element > 0x60 and element != 0x0100:
        return False
    if head[4:6].decode("latin-1") in _VRS:
        return True
    return order == "little" and 0 < int.from_bytes(head[4:8], "little") <= 128


class BoundedFile(io.BufferedReader):
    """A file that is never asked for more than it holds: pydicom reads as many bytes as a header claims."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """At most *size* bytes."""
        if size is None or size < 0:
            return super().read()
        return super().read(min(size, max(0, self._size - self.tell())))


@contextmanager
def quietly(path: Path) -> Iterator[None]:
    """Let pydicom say nothing, and turn what it raises into sentences that quote nothing of the file."""
    needs("pydicom", "DICOM files", "medical", path)
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (UserError, Cancelled, MemoryError, OSError):
        raise
    except NotImplementedError as error:
        raise UserError("The DICOM file is packed in a way that is not known", path=path, remedy=CONVERT) from error
    except Exception as error:  # noqa: BLE001 - pydicom raises anything, and its texts may quote the patient's name
        raise damaged(path, _plain_reason(error)) from None


def _plain_reason(error: Exception) -> str:
    text = str(error)
    if "bytes" in text and ("expected" in text or "length" in text) or isinstance(error, EOFError):
        return "its pixel data is not as long as its header says"
    return "a part of it cannot be decoded" if "decod" in text else "its header does not hold together"


@dataclass
class DicomFile:
    """A file's header and where its pixels begin. ``options`` are what pydicom's decoder is told."""

    path: Path
    header: Any
    options: dict[str, Any]
    pixel_offset: int
    syntax: str

    @property
    def frames(self) -> int:
        """How many pictures the file holds."""
        return int(self.options["number_of_frames"])

    @property
    def samples(self) -> int:
        """Samples a pixel: 1 or 3."""
        return int(self.options["samples_per_pixel"])

    @property
    def photometric(self) -> str:
        """The photometric interpretation."""
        return str(self.options["photometric_interpretation"]).strip()


def read_header(path: Path) -> DicomFile:
    """The header of a DICOM file that has pixels.

    Raises
    ------
    UserError
        When there are no pixels in it (a plan, a report, a directory), or it does not hold together.
    """
    with quietly(path):
        import pydicom
        from pydicom.pixels.utils import as_pixel_options
        from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

        from segstudio.io.readers import dicom_codecs

        dicom_codecs.register()
        with BoundedFile(path) as stream:
            header = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
            offset = stream.tell()
            if str(getattr(header.file_meta, "TransferSyntaxUID", "")).endswith("1.2.1.99"):
                # Deflated: everything is in memory, the stream tells nothing of it.
                stream.seek(0)
                header, offset = pydicom.dcmread(stream, force=True), -1
                keyword = next((name for name in _PIXELS if name in header), "")
                options = as_pixel_options(header)
            else:
                keyword, vr, offset = _pixels_at(stream, offset, header)
                options = as_pixel_options(header, pixel_vr=vr) if vr else as_pixel_options(header)
        if not keyword:
            raise _no_pixels(path, header)
        syntax = getattr(header.file_meta, "TransferSyntaxUID", None)
        if not syntax:
            is_implicit = header.original_encoding[0]
            syntax = ImplicitVRLittleEndian if is_implicit or is_implicit is None else ExplicitVRLittleEndian
            header.file_meta.TransferSyntaxUID = syntax
        options |= {"transfer_syntax_uid": UID(syntax), "pixel_keyword": keyword}
        options["number_of_frames"] = int(options["number_of_frames"])
        file = DicomFile(path, header, options, offset, str(syntax))
        _check(file)
        return file


def _pixels_at(stream: Any, offset: int, header: Any) -> tuple[str, str, int]:
    """(keyword, VR, offset of the value) of the pixel data element at *offset*; ("", "", …) where there is none."""
    implicit, little = header.original_encoding
    order = "little" if little is not False else "big"
    stream.seek(offset)
    lead = stream.read(12)
    if len(lead) < 8:
        return "", "", offset
    tag = int.from_bytes(lead[:2], order) << 16 | int.from_bytes(lead[2:4], order)  # type: ignore[arg-type]
    keyword = _PIXEL_TAGS.get(tag, "")
    if not keyword:
        return "", "", offset
    if implicit or implicit is None:
        return keyword, "OW", offset + 8
    return keyword, lead[4:6].decode("latin-1"), offset + 12


def _no_pixels(path: Path, header: Any) -> UserError:
    if "DirectoryRecordSequence" in header:
        return UserError("It is a DICOM directory, not an image", path=path, remedy="open the folder it lies in")
    modality = str(header.get("Modality", "")).strip()
    kind = f" ({modality})" if modality.isalnum() and len(modality) <= 16 else ""
    if not len(header):
        return damaged(path, "its header does not hold together")
    return UserError(f"The DICOM file holds no pixels{kind}", path=path, remedy="choose the images of the study")


def _check(file: DicomFile) -> None:
    options, path = file.options, file.path
    missing = [
        name for name in ("rows", "columns", "bits_allocated", "photometric_interpretation") if name not in options
    ]
    if missing:
        raise damaged(path, f"its header does not say its {missing[0].replace('_', ' ')}")
    options.setdefault("samples_per_pixel", 1)
    if options["pixel_keyword"] == "PixelData":
        options.setdefault("pixel_representation", 0)
        options.setdefault("bits_stored", options["bits_allocated"])
    if file.samples not in (1, 3, 4):
        raise damaged(path, f"it claims {file.samples} samples a pixel")
    if file.samples > 1:
        options.setdefault("planar_configuration", 0)
    if not 0 < file.frames <= _MAX_FRAMES:
        raise damaged(path, f"it claims {file.frames} frames")
    item = max(1, int(options["bits_allocated"]) // 8) * file.samples
    check_size(path, int(options["columns"]), int(options["rows"]), item)
    encapsulated = options["transfer_syntax_uid"].is_encapsulated
    if not encapsulated and file.pixel_offset >= 0:
        bits = int(options["columns"]) * int(options["rows"]) * file.samples * int(options["bits_allocated"])
        if file.photometric == "YBR_FULL_422":
            bits = bits * 2 // 3
        if file.pixel_offset + bits * file.frames // 8 > path.stat().st_size:
            raise damaged(path, "its pixel data is not as long as its header says")


def numbers(header: Any, keyword: str, count: int = 0) -> tuple[float, ...]:
    """The finite numbers of an element; () where it is missing, odd, or not *count* long (0 = any)."""
    try:
        value = header.get(keyword)
        if value is None or value == "":
            return ()
        items = value if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)) else [value]
        found = tuple(float(item) for item in items)
    except Exception:  # noqa: BLE001 - values of wrong kinds raise anything when they are first looked at
        return ()
    return found if found and np.isfinite(found).all() and (not count or len(found) == count) else ()


def text(header: Any, keyword: str) -> str:
    """The plain text of an element, "" where it is missing or odd."""
    try:
        return str(header.get(keyword, "") or "").strip()
    except Exception:  # noqa: BLE001 - as above
        return ""


__all__ = ["CONVERT", "RESTORE", "DicomFile", "is_dicom", "numbers", "quietly", "read_header", "text"]
