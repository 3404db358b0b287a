"""The DICOM images that a segmentation refers to: an image's own files, or slices made of an image of another format."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import check
from segstudio.io.dicom_out import PictureSeries, complete, save, saying, without_names
from segstudio.io.formats.pixels import make_folder
from segstudio.io.readers.dicom_geometry import placement_of
from segstudio.io.readers.dicom_header import read_header
from segstudio.io.readers.dicom_series import series_of
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.io.formats.base import ExportItem

_HASHED_BYTES = 1 << 16


@dataclass(frozen=True)
class Sources:
    """``headers`` of the images, ``order[z]`` the place of shown plane z among the segmentation's planes.

    ``lost`` says what their pixels lost ("bands", "steps"), ``is_made`` that they are slices made here.
    """

    headers: list[Any]
    order: tuple[int, ...]
    is_made: bool = False
    lost: set[str] = field(default_factory=set)


def sources_of(item: ExportItem, folder: Path | None, cancel: Cancel, *, keeps_patient: bool) -> Sources:
    """The images of an item, written into *folder* (None: not written).

    Raises
    ------
    UserError
        When a file is damaged or the disk refuses.
    """
    info = probe(item.image_file)
    if info.metadata.get("format") == "DICOM":
        found = _own(item, folder, cancel, keeps_patient=keeps_patient)
        if found is not None:
            return found
    return _made(item, folder, cancel)


def _own(item: ExportItem, folder: Path | None, cancel: Cancel, *, keeps_patient: bool) -> Sources | None:
    """The item's own files; None where they do not say how their planes lie."""
    import pydicom

    series = series_of(item.image_file)
    if series is None:
        file = read_header(item.image_file)
        order = placement_of(file).frames or tuple(range(file.frames))
        is_placed = placement_of(file).affine is not None and "PerFrameFunctionalGroupsSequence" in file.header
        if "TotalPixelMatrixColumns" in file.header or (file.frames > 1 and not is_placed):
            return None
        files = [[item.image_file]]
    else:
        if series.planes[0][0].place_mm is None:
            return None
        files = [[part.path for part in plane] for plane in series.planes]
        order = tuple(range(len(files)))
    headers = []
    for z, plane in enumerate(files):
        for part, path in enumerate(plane):
            check(cancel)
            with saying(path, "The DICOM file cannot be taken over"):
                header = pydicom.dcmread(path, force=True, stop_before_pixels=folder is None)
                if not keeps_patient:
                    without_names(header)
                if folder is not None:
                    save(header, _file(folder, item, series is not None, z, part if len(plane) > 1 else -1))
                    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
                        header.pop(keyword, None)
                complete(header)
                if part == 0:
                    headers.append(header)
    return Sources(headers, order)


def _made(item: ExportItem, folder: Path | None, cancel: Cancel) -> Sources:
    with item.readers.opened(item.image_file) as reader:
        series = PictureSeries(reader, item.stem, entropy_of(item.image_file))
        headers = []
        for z, header in enumerate(series.headers(cancel)):
            if folder is not None:
                with saying(item.image_file, "The image cannot be written as DICOM"):
                    save(header, _file(folder, item, reader.info.depth > 1, z))
            del header.PixelData
            headers.append(header)
    return Sources(headers, tuple(range(len(headers))), True, series.notes)


def _file(folder: Path, item: ExportItem, is_series: bool, z: int, part: int = -1) -> Path:
    """``images/<stem>.dcm``, or ``images/<stem>/0001.dcm`` of a series."""
    if not is_series:
        return make_folder(folder) / f"{item.stem}.dcm"
    return make_folder(folder / item.stem) / (f"{z + 1:04d}.dcm" if part < 0 else f"{z + 1:04d}-{part + 1}.dcm")


def entropy_of(path: Path) -> str:
    """A digest of a file's size, beginning and end, so that UIDs of different images differ."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        digest.update(stream.read(_HASHED_BYTES))
        stream.seek(max(0, size - _HASHED_BYTES))
        digest.update(stream.read(_HASHED_BYTES))
    return digest.hexdigest()
