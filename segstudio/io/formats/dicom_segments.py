"""DICOM segmentation objects from label layers, made by highdicom; what their segments are called and coded.

Specification: PS3.3 A.51 (Segmentation), C.8.20 and Supplement 243 (Label Map Segmentation).
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import segstudio
from segstudio.core.cancel import Cancel, check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.dicom_out import NO_DATE, NO_TIME, UTF_8, made_uid
from segstudio.io.readers.limits import MAX_DECODED_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.io.formats.base import ExportItem

SCHEME = "99SEGSTUDIO"
AREA, OBJECT, IGNORED, CLASS = "AREA", "OBJECT", "IGNORE", "CLASS"
MODEL_NAME = "segstudio"
SERIES_NUMBER = 900
_MEANINGS = {
    AREA: "Area of a class",
    OBJECT: "Object of a class",
    IGNORED: "Not to be counted",
    CLASS: "Class of a project",
}
_LABEL = 64
_BYTE = 8
_ALGORITHMS = {"hand": "MANUAL", "import": "MANUAL", "model": "AUTOMATIC", "accepted": "SEMIAUTOMATIC"}
_building = threading.Lock()
"""highdicom's warnings are silenced by a filter that is the whole process's."""


@dataclass(frozen=True)
class Row:
    """A segment to write: its number, the class's name and colour, and the layer's segment (None: ignored pixels)."""

    number: int
    name: str
    color: tuple[int, int, int]
    segment: Segment | None

    @property
    def kind(self) -> str:
        """The code of what it is."""
        return IGNORED if self.segment is None else OBJECT if self.segment.is_object else AREA


def rows_of(layer: LabelLayer | None, classes: ClassTable) -> tuple[list[Row], npt.NDArray[np.uint16]]:
    """(segments of a layer that have pixels, (65536,) uint16 number of each segment id); the first class where there is none."""
    lut = np.zeros(65536, np.uint16)
    used = layer.segment_pixels() if layer is not None else {}
    found: list[tuple[Any, Segment | None]] = [(None, None)] if IGNORE in used else []
    if layer is not None:
        order = {item.id: index for index, item in enumerate(classes)}
        segments = [row for row in layer.segments.values() if row.id in used and row.class_id in order]
        segments.sort(key=lambda row: (row.is_object, order[row.class_id], row.id))
        found += [(classes.by_id(row.class_id), row) for row in segments]
    rows = []
    for number, (item, segment) in enumerate(found, start=1):
        rows.append(Row(number, item.name if item else "ignore", item.rgb if item else (224, 224, 192), segment))
        lut[IGNORE if segment is None else segment.id] = number
    if not rows:
        from segstudio.core.layers import Segment

        rows = [Row(1, classes[0].name, classes[0].rgb, Segment(1, classes[0].id))]
    return rows, lut


def segment_planes(
    layer: LabelLayer | None, lut: npt.NDArray[np.uint16], item: ExportItem, order: Sequence[int], cancel: Cancel
) -> npt.NDArray[np.uint16]:
    """(plane, y, x) segment numbers, plane ``order[z]`` of them what is shown at z."""
    if len(order) * item.height * item.width * 8 > MAX_DECODED_BYTES:
        raise UserError("The volume is too large for a DICOM segmentation", path=item.image_file, remedy="export nifti")
    planes = np.zeros((len(order), item.height, item.width), np.uint16)
    for z, place in enumerate(order):
        check(cancel)
        if layer is not None:
            planes[place] = lut[layer.read(Rect(0, 0, item.width, item.height), z)]
    return planes


def make_segmentation(
    headers: list[Any], planes: npt.NDArray[np.uint16], rows: Sequence[Row], instance: int, *, is_labelmap: bool
) -> Any:
    """The segmentation as a pydicom data set; the same pixels and images give the same bytes.

    Raises what highdicom raises where the images are not what it needs.
    """
    import highdicom

    series = made_uid("segmentation", str(headers[0].SeriesInstanceUID), str(headers[0].SOPInstanceUID))
    digest = hashlib.sha256(planes.tobytes() + repr(rows).encode()).hexdigest()
    with _building:
        found = highdicom.seg.Segmentation(
            headers,
            planes,
            "LABELMAP" if is_labelmap else "BINARY",
            [_described(highdicom, row, series, instance) for row in rows],
            series,
            SERIES_NUMBER,
            made_uid("layer", series, str(instance), digest),
            instance,
            "segstudio",
            MODEL_NAME,
            segstudio.__version__,
            "1",
            content_label="SEGMENTATION",
            content_description=f"Label layer {instance}",
        )
    found.SpecificCharacterSet = UTF_8
    if not is_labelmap and planes[0].size < _BYTE:
        _pack_anew(found, headers, planes)
    for row, item in zip(rows, (row for row in found.SegmentSequence if row.SegmentNumber)):
        if len(row.name) > _LABEL:
            item.SegmentDescription = row.name
    _settle(found, series, instance)
    return found


def _pack_anew(found: Any, headers: Sequence[Any], planes: npt.NDArray[np.uint16]) -> None:
    """Frames of less than a byte: highdicom 0.28 begins each at a byte of its own, the standard does not (PS3.5, 8.2)."""
    places = {str(header.SOPInstanceUID): place for place, header in enumerate(headers)}
    bits = []
    shared = found.SharedFunctionalGroupsSequence[0]
    for group in found.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        place = int(source.get("ReferencedFrameNumber") or 0) - 1
        if place < 0:
            place = places[str(source.ReferencedSOPInstanceUID)]
        # A segment that is the only one stands in the groups that all frames share.
        named = group.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        bits.append(planes[place].ravel() == named[0].ReferencedSegmentNumber)
    data = np.packbits(np.concatenate(bits), bitorder="little").tobytes()
    found.PixelData = data + bytes(len(data) % 2)


def _described(highdicom: Any, row: Row, series: str, instance: int) -> Any:
    from pydicom.sr.coding import Code

    segment = row.segment
    algorithm = "MANUAL" if segment is None else _ALGORITHMS[segment.source]
    identification = None
    if algorithm != "MANUAL":
        identification = highdicom.AlgorithmIdentificationSequence(
            (segment.model_id if segment else "") or "model", Code("123109", "DCM", "Artificial Intelligence"), "1"
        )
    is_object = row.kind == OBJECT
    return highdicom.seg.SegmentDescription(
        row.number,
        row.name[:_LABEL],
        Code(CLASS, SCHEME, _MEANINGS[CLASS]),
        Code(row.kind, SCHEME, _MEANINGS[row.kind]),
        algorithm,
        identification,
        made_uid("object", series, str(instance), str(row.number)) if is_object else None,
        f"{row.name[: _LABEL - 8]} {row.number}" if is_object else None,
        display_color=highdicom.color.CIELabColor.from_rgb(*row.color),
    )


def _settle(found: Any, series: str, instance: int) -> None:
    """Put what highdicom takes from the clock and from chance to what follows from the content."""
    date = str(found.get("StudyDate", "") or "") or NO_DATE
    time = str(found.get("StudyTime", "") or "") or NO_TIME
    found.InstanceCreationDate = found.ContentDate = date
    found.InstanceCreationTime = found.ContentTime = time
    for equipment in found.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = f"{date}{time.split('.')[0]}"
    organization = made_uid("dimensions", series, str(instance))
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in found.get(keyword, ()):
            item.DimensionOrganizationUID = organization
