"""DICOM segmentations of any program, read by pydicom: their segments, and the frames with what they refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.formats.dicom_segments import IGNORED, MODEL_NAME, OBJECT, SCHEME
from segstudio.io.readers.dicom_header import numbers, quietly, read_header, text
from segstudio.io.readers.dicom_pixels import stored_frame
from segstudio.io.readers.limits import RESTORE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
_MOST_SEGMENTS = 65535


@dataclass(frozen=True)
class SegSegment:
    """A segment: what it is called, its colour, and whether it is an object or ignored pixels as far as it says so."""

    number: int
    label: str
    color: str = ""
    is_object: bool = False
    is_ignored: bool = False
    algorithm: str = "MANUAL"
    model: str = ""


@dataclass(frozen=True)
class SegFrame:
    """A frame: its place in the file, the segment (0: the pixels tell), the image it refers to, and where it lies.

    ``position`` is the centre of the first pixel (LPS mm), ``orientation`` the directions of rows and columns, ``spacing`` the
    distances (x, y); () where they are not told.
    """

    index: int
    segment: int
    instance_uid: str
    frame_number: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]


class SegFile:
    """One segmentation file.

    Raises
    ------
    UserError
        From every method, when it is damaged or no segmentation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = read_header(path)
        self.header = self._file.header
        with quietly(path):
            if text(self.header, "SOPClassUID") not in (SEGMENTATION, LABEL_MAP):
                raise UserError("It is no DICOM segmentation", path=path, remedy="choose another file")
            self.kind = text(self.header, "SegmentationType") or "BINARY"
            self.is_ours = text(self.header, "ManufacturerModelName") == MODEL_NAME
            self.rows, self.columns = int(self._file.options["rows"]), int(self._file.options["columns"])
            self.segments = {row.number: row for row in self._segments()}
            self.has_odd_count = False
            self.maximum = (numbers(self.header, "MaximumFractionalValue", 1) or (255.0,))[0]

    def _segments(self) -> Iterator[SegSegment]:
        rows = list(self.header.get("SegmentSequence") or [])[:_MOST_SEGMENTS]
        for row in rows:
            number = int((numbers(row, "SegmentNumber", 1) or (0,))[0])
            if number < 1 or number > 65535:
                continue
            kind = _code(row, "SegmentedPropertyTypeCodeSequence")
            label = text(row, "SegmentLabel")
            described = text(row, "SegmentDescription")
            if self.is_ours and described.startswith(label):
                label = described
            named = row.get("SegmentationAlgorithmIdentificationSequence") or []
            model = text(row, "SegmentAlgorithmName") or (text(named[0], "AlgorithmName") if named else "")
            is_own = kind[1] == SCHEME
            yield SegSegment(
                number,
                label or kind[2] or f"segment {number}",
                _color(row),
                is_own and kind[0] == OBJECT,
                is_own and kind[0] == IGNORED,
                text(row, "SegmentAlgorithmType") or "MANUAL",
                model,
            )

    def frames(self) -> list[SegFrame]:
        """All frames that tell what they are of; ``has_odd_count`` afterwards says that there are more or less than told."""
        with quietly(self.path):
            shared = (self.header.get("SharedFunctionalGroupsSequence") or [None])[0]
            groups = list(self.header.get("PerFrameFunctionalGroupsSequence") or [])
            self.has_odd_count = len(groups) != self._file.frames
            return [self._frame(index, group, shared) for index, group in enumerate(groups[: self._file.frames])]

    def _frame(self, index: int, group: Any, shared: Any) -> SegFrame:
        def of(keyword: str) -> Any:
            for place in (group, shared):
                found = None if place is None else place.get(keyword)
                if found:
                    return found[0]
            return None

        identified = of("SegmentIdentificationSequence")
        segment = (numbers(identified, "ReferencedSegmentNumber", 1) or (0,))[0] if identified is not None else 0
        derived = of("DerivationImageSequence")
        sources = list(derived.get("SourceImageSequence") or []) if derived is not None else []
        uid, number = "", 0
        if len(sources) == 1:
            uid = text(sources[0], "ReferencedSOPInstanceUID")
            number = int((numbers(sources[0], "ReferencedFrameNumber", 1) or (0,))[0])
        position, orientation, measures = (
            of("PlanePositionSequence"),
            of("PlaneOrientationSequence"),
            of("PixelMeasuresSequence"),
        )
        spacing = numbers(measures, "PixelSpacing", 2) if measures is not None else ()
        return SegFrame(
            index,
            int(segment),
            uid,
            number,
            numbers(position, "ImagePositionPatient", 3) if position is not None else (),
            numbers(orientation, "ImageOrientationPatient", 6) if orientation is not None else (),
            (spacing[1], spacing[0]) if spacing and min(spacing) > 0 else (),
        )

    def masks(self, frame: SegFrame) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
        """(segment number, (y, x) mask) of what a frame holds; fractions count from one half on."""
        with quietly(self.path):
            values = np.asarray(stored_frame(self._file, frame.index))
        if values.shape != (self.rows, self.columns):
            raise UserError("A frame of the segmentation has another size", path=self.path, remedy=RESTORE)
        if frame.segment == 0:
            for number in np.flatnonzero(np.bincount(values.ravel().astype(np.int64))).tolist():
                if number:
                    yield number, values == number
            return
        mask = values * 2.0 >= self.maximum if self.kind == "FRACTIONAL" else values != 0
        if mask.any():
            yield frame.segment, mask


def _code(row: Any, keyword: str) -> tuple[str, str, str]:
    """(value, scheme, meaning) of a code; empty texts where there is none."""
    found = row.get(keyword) or []
    if not found:
        return "", "", ""
    return text(found[0], "CodeValue"), text(found[0], "CodingSchemeDesignator"), text(found[0], "CodeMeaning")


def _color(row: Any) -> str:
    """The recommended colour as "#rrggbb"; "" where there is none."""
    value = numbers(row, "RecommendedDisplayCIELabValue", 3)
    if not value or min(value) < 0 or max(value) > 65535:
        return ""
    return "#{:02x}{:02x}{:02x}".format(
        *lab_to_rgb(value[0] / 655.35, value[1] / 257.0 - 128.0, value[2] / 257.0 - 128.0)
    )


def lab_to_rgb(lightness: float, a: float, b: float) -> tuple[int, int, int]:
    """Red, green and blue (sRGB) of a CIELab colour; its white is D65, as highdicom and dcmqi have it."""
    fy = (lightness + 16) / 116
    xyz = []
    for value, white in zip((fy + a / 500, fy, fy - b / 200), (0.950456, 1.0, 1.088754)):
        xyz.append(white * (value**3 if value > 6 / 29 else 3 * (6 / 29) ** 2 * (value - 4 / 29)))
    matrix = np.array([
        [3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252],
    ])  # fmt: skip
    linear = np.clip(matrix @ xyz, 0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(value) for value in np.rint(shown * 255))
    return red, green, blue
