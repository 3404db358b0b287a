"""Which DICOM files of a folder belong together: series, sorted by where their slices lie."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.readers.dicom_header import SUFFIXES, BoundedFile, is_dicom, numbers, quietly, text

if TYPE_CHECKING:
    from collections.abc import Iterable

_TAGS = (
    "SeriesInstanceUID", "SOPInstanceUID", "Modality", "SeriesNumber", "InstanceNumber", "AcquisitionNumber",
    "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "BitsStored", "PixelRepresentation",
    "ImagePositionPatient", "ImageOrientationPatient", "TemporalPositionIdentifier", "EchoTime", "TriggerTime",
    "RescaleSlope", "RescaleIntercept",
)  # fmt: skip
_STACKED = frozenset({"CT", "MR", "PT", "NM", "OPT"})
"""Modalities whose files are slices of one volume although they do not say where they lie."""
_SAME_MM = 1e-2
_GAP = 1.5
_HEAD_BYTES = 160
_KEPT_FOLDERS = 64


@dataclass(frozen=True)
class SliceHeader:
    """What one file of a series says of its place. ``place_mm`` is measured along the slices' normal."""

    path: Path
    key: tuple[Any, ...]
    instance_uid: str
    series_number: str
    place_mm: float | None
    number: float
    order: tuple[float, ...]
    rescale: tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One volume: ``planes[z]`` are its files there (several: times or echoes, shown as bands), lowest plane first.

    ``notes`` are sentences for the user; ``name`` is what the series is called in a project.
    """

    planes: tuple[tuple[SliceHeader, ...], ...]
    name: str
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Path:
        """The file that stands for the series."""
        return self.planes[0][0].path

    @property
    def files(self) -> list[Path]:
        """All its files."""
        return [item.path for plane in self.planes for item in plane]


@dataclass
class _Folder:
    signature: tuple[int, ...]
    series: list[Series] = field(default_factory=list)
    by_path: dict[Path, Series] = field(default_factory=dict)


_folders: OrderedDict[Path, _Folder] = OrderedDict()
_lock = threading.Lock()


def series_of(path: Path) -> Series | None:
    """The series that a file is a slice of; None for a file that is an image by itself."""
    path = _absolute(path)
    return _scanned(path.parent, path).by_path.get(path)


def series_in(folder: Path) -> list[Series]:
    """All series of more than one file that lie in *folder* itself."""
    return list(_scanned(_absolute(folder)).series)


def one_per_image(paths: Iterable[Path]) -> list[Path]:
    """*paths* with every series reduced to the file that stands for it, in order; other files as they are."""
    found: list[Path] = []
    named: set[Path] = set()
    for path in paths:
        try:
            series = series_of(path) if may_be_dicom(path) else None
        except (UserError, OSError):
            series = None
        if series is None:
            found.append(path)
        elif series.first not in named:
            named.add(series.first)
            found.append(series.first)
    return found


def count_by_name(paths: Iterable[Path]) -> int:
    """How many files, also in folders, may be DICOM by their names: each of them takes milliseconds to look at."""
    count = 0
    for path in paths:
        if path.is_dir():
            count += sum(_has_dicom_name(Path(name)) for _, _, names in os.walk(path) for name in names)
        else:
            count += _has_dicom_name(path)
    return count


def _has_dicom_name(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or not suffix.strip(".0123456789")


def may_be_dicom(path: Path) -> bool:
    """Whether a file's name and beginning are those of DICOM: often there is no suffix, or a number."""
    suffix = path.suffix.lower()
    if not _has_dicom_name(path):
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    return head[128:132] == b"DICM" if suffix not in SUFFIXES else is_dicom(head)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _signature(folder: Path) -> tuple[int, ...]:
    state = folder.stat()
    return state.st_mtime_ns, state.st_ino


def _scanned(folder: Path, wanted: Path | None = None) -> _Folder:
    """The folder's series, kept until the folder changes; *wanted* is looked at whatever it is called."""
    with _lock:
        signature = _signature(folder)
        kept = _folders.get(folder)
        if kept is not None and kept.signature == signature:
            _folders.move_to_end(folder)
            return kept
        found = _scan(folder, signature, wanted)
        _folders[folder] = found
        while len(_folders) > _KEPT_FOLDERS:
            _folders.popitem(last=False)
        return found


def _scan(folder: Path, signature: tuple[int, ...], wanted: Path | None) -> _Folder:
    groups: dict[tuple[Any, ...], list[SliceHeader]] = {}
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
    for name in names:
        path = folder / name
        if path == wanted or may_be_dicom(path):
            header = _slice_header(path)
            if header is not None:
                groups.setdefault(header.key, []).append(header)
    result = _Folder(signature)
    many = [members for members in groups.values() if len(members) > 1]
    for members in many:
        series, others = _assembled(folder, members, is_only=len(many) == 1)
        if series is not None:
            result.series.append(series)
            result.by_path.update(dict.fromkeys(series.files, series))
            result.by_path.update({path: series for path in others})
    return result


def _slice_header(path: Path) -> SliceHeader | None:
    """The file as a slice; None where it is none (several frames, no pixels, no series, no place)."""
    try:
        with quietly(path):
            import pydicom

            with BoundedFile(path) as stream:
                header = pydicom.dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
    except (UserError, OSError, MemoryError):
        return None
    uid, modality = text(header, "SeriesInstanceUID"), text(header, "Modality")
    size = tuple(int((numbers(header, name, 1) or (0,))[0]) for name in ("Rows", "Columns"))
    if not uid or not all(size) or (numbers(header, "NumberOfFrames", 1) or (1,))[0] > 1:
        return None
    position, orientation = numbers(header, "ImagePositionPatient", 3), numbers(header, "ImageOrientationPatient", 6)
    place = None
    if position and orientation:
        normal = np.cross(orientation[:3], orientation[3:])
        place = float(np.dot(normal, position))
    elif modality not in _STACKED:
        return None
    number = (numbers(header, "InstanceNumber", 1) or (0.0,))[0]
    if place is None and not text(header, "InstanceNumber"):
        return None
    turned = tuple(round(value, 3) + 0.0 for value in orientation)
    samples = text(header, "SamplesPerPixel")
    order = tuple(
        (numbers(header, name, 1) or (0.0,))[0]
        for name in ("TemporalPositionIdentifier", "TriggerTime", "EchoTime", "AcquisitionNumber", "InstanceNumber")
    )
    slope = (numbers(header, "RescaleSlope", 1) or (1.0,))[0]
    intercept = (numbers(header, "RescaleIntercept", 1) or (0.0,))[0]
    key = (uid, size, turned, samples, text(header, "PixelRepresentation"), place is None)
    instance = text(header, "SOPInstanceUID")
    series_number = text(header, "SeriesNumber")
    return SliceHeader(path, key, instance, series_number, place, number, order, (slope or 1.0, intercept))


def _assembled(folder: Path, members: list[SliceHeader], *, is_only: bool) -> tuple[Series | None, list[Path]]:
    """(the series, files that are copies of others in it); None where no two slices are left."""
    notes: list[str] = []
    unique: dict[str, SliceHeader] = {}
    copies = []
    for index, item in enumerate(members):
        key = item.instance_uid or str(index)
        if key in unique:
            copies.append(item.path)
        unique.setdefault(key, item)
    slices = list(unique.values())
    if len(slices) < 2:
        return None, []
    if copies:
        notes.append(f"{len(copies)} files of the series are copies of others in {folder.name}: they are left out.")
    if slices[0].place_mm is None:
        planes = [[item] for item in sorted(slices, key=lambda item: item.number)]
        notes.append("The slices do not say where they lie: they are in the order of their numbers.")
    else:
        planes = _placed(slices, notes)
    numbered = "" if is_only or not slices[0].series_number else f"-{slices[0].series_number}"
    return Series(tuple(tuple(plane) for plane in planes), f"{folder.name}{numbered}.dcm", tuple(notes)), copies


def _placed(slices: list[SliceHeader], notes: list[str]) -> list[list[SliceHeader]]:
    """Slices by place, those at one place together; what does not fit is noted."""
    slices = sorted(slices, key=lambda item: (item.place_mm or 0.0, item.order))
    planes: list[list[SliceHeader]] = []
    for item in slices:
        last = planes[-1][0].place_mm if planes else None
        if last is not None and abs((item.place_mm or 0.0) - last) < _SAME_MM:
            planes[-1].append(item)
        else:
            planes.append([item])
    planes = [sorted(plane, key=lambda item: item.order) for plane in planes]
    fewest = min(len(plane) for plane in planes)
    surplus = sum(len(plane) - fewest for plane in planes)
    if surplus:
        notes.append(f"{surplus} slices lie where another one of the series lies already: they are left out.")
        planes = [plane[:fewest] for plane in planes]
    gaps = np.diff([plane[0].place_mm or 0.0 for plane in planes])
    if len(gaps) > 1:
        step = float(np.median(gaps))
        missing = int(sum(max(1, round(gap / step) - 1) for gap in gaps if gap > _GAP * step))
        if missing:
            notes.append(
                f"About {missing} slices of the series are missing (its slices lie {step:.4g} mm apart, with gaps)."
            )
    return planes
