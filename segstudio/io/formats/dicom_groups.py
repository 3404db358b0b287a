"""Which DICOM files of a folder are segmentations, which of them are of one image, and where that image is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.dicom_frames import LABEL_MAP, SEGMENTATION
from segstudio.io.formats.safety import is_link_out
from segstudio.io.readers.dicom_geometry import placement_of
from segstudio.io.readers.dicom_header import BoundedFile, numbers, quietly, read_header, text
from segstudio.io.readers.dicom_series import may_be_dicom, series_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
    "ReferencedSeriesSequence",
    "SourceImageSequence",
)
_MOST_REFERENCES = 1 << 16


@dataclass
class SegGroup:
    """Segmentation files of one image, in order; ``uids`` are the instances they refer to, ``series`` its UID or ""."""

    series: str
    files: list[Path] = field(default_factory=list)
    uids: list[str] = field(default_factory=list)
    split: str | None = None


def sop_of(path: Path) -> tuple[str, str]:
    """(SOP class, instance UID) of a DICOM file by its first bytes; ("", "") where they do not tell."""
    try:
        with quietly(path):
            import pydicom

            with BoundedFile(path) as stream:
                stream.seek(128)
                if stream.read(4) != b"DICM":
                    return "", ""
            meta = pydicom.filereader.read_file_meta_info(path)
            return text(meta, "MediaStorageSOPClassUID"), text(meta, "MediaStorageSOPInstanceUID")
    except (UserError, OSError, MemoryError):
        return "", ""


def dicom_files(source: Path) -> Iterator[Path]:
    """The DICOM files of a folder and below, in a fixed order; a file itself. Links that lead out are passed over."""
    if source.is_file():
        yield source
        return
    for place, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and may_be_dicom(path) and not is_link_out(path, source):
                yield path


@dataclass
class Study:
    """The DICOM files of a source: groups of segmentations, and the other files by their instance UIDs."""

    groups: list[SegGroup]
    images: dict[str, Path]
    refused: list[tuple[Path, str]]


def study_of(source: Path) -> Study:
    """Look at every file's beginning; for one file, also at those beside it for its images."""
    segs: list[tuple[Path, Any]] = []
    images: dict[str, Path] = {}
    refused: list[tuple[Path, str]] = []
    root = source if source.is_dir() else source.parent
    for path in dicom_files(root):
        kind, uid = sop_of(path)
        if kind not in (SEGMENTATION, LABEL_MAP):
            if uid:
                images.setdefault(uid, path)
            continue
        if source.is_file() and path != source:
            continue
        try:
            segs.append((path, _header(path)))
        except UserError as error:
            refused.append((path, error.message))
    if source.is_file() and not segs and not refused:
        segs.append((source, _header(source)))
    return Study(_grouped(segs, root), images, refused)


def _header(path: Path) -> Any:
    with quietly(path):
        import pydicom

        try:
            with BoundedFile(path) as stream:
                return pydicom.dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
        except OSError as error:
            why = error.strerror or str(error)
            raise UserError(f"The file cannot be read ({why})", path=path, remedy="check it") from error


def _grouped(segs: Iterable[tuple[Path, Any]], root: Path) -> list[SegGroup]:
    groups: dict[str, SegGroup] = {}
    rows = []
    for path, header in segs:
        with quietly(path):
            series, uids = _references(header)
        number = (numbers(header, "InstanceNumber", 1) or (0.0,))[0]
        # One reader's files in order, one reader after the other.
        rows.append((series or f"alone {path}", text(header, "SeriesInstanceUID"), number, path, uids))
    order: dict[str, int] = {}
    for key, *_ in rows:
        order.setdefault(key, len(order))
    for key, _, _, path, uids in sorted(rows, key=lambda row: (order[row[0]], *row[1:4])):
        group = groups.setdefault(key, SegGroup("" if key.startswith("alone ") else key))
        group.files.append(path)
        known = set(group.uids)
        group.uids += [uid for uid in uids if uid not in known]
        if group.split is None and path.parent != root:
            group.split = SPLIT_FOLDERS.get(path.parent.name.lower())
    return list(groups.values())


def _references(header: Any) -> tuple[str, list[str]]:
    """(series, instances) that a segmentation says it is of."""
    series = ""
    uids: list[str] = []
    for item in header.get("ReferencedSeriesSequence") or []:
        series = series or text(item, "SeriesInstanceUID")
        uids += [text(row, "ReferencedSOPInstanceUID") for row in item.get("ReferencedInstanceSequence") or []]
    if not uids:
        uids = [text(row, "ReferencedSOPInstanceUID") for row in header.get("SourceImageSequence") or []]
    return series, [uid for uid in uids if uid][:_MOST_REFERENCES]


Planes = dict[tuple[str, int], int]
"""(instance UID, number of the frame in it from 1, 0 where it has but one) → shown plane."""


def planes_of(path: Path) -> Planes:
    """The shown planes of the DICOM image that a file stands for.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    series = series_of(path)
    if series is not None:
        return {(item.instance_uid, 0): z for z, plane in enumerate(series.planes) for item in plane}
    uid = sop_of(path)[1]
    file = read_header(path)
    if file.frames == 1:
        return {(uid, 0): 0}
    order = placement_of(file).frames or range(file.frames)
    return {(uid, frame + 1): z for z, frame in enumerate(order)}
