"""DICOM files that we write: copies of a study's images without names, and pictures of other formats as a series.

Specification: PS3.3 (https://dicom.nema.org/medical/dicom/current/output/chtml/part03/), Secondary Capture, Image Plane.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.volumes import is_sound, spacing_of
from segstudio.io.atomic import disk_error, temp_sibling
from segstudio.io.readers.dicom_header import quietly

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.io.readers.base import ImageInfo, ImageReader

_SPACE = uuid.UUID("6f1b1c0e-6d2a-5b9b-9a53-5f7a2b1f0c11")
UTF_8 = "ISO_IR 192"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
NO_DATE, NO_TIME = "19000101", "000000"
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NAMING = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientBirthTime", "OtherPatientIDs",
    "OtherPatientIDsSequence", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "PatientAddress",
    "PatientTelephoneNumbers", "PatientComments", "AdditionalPatientHistory", "EthnicGroup", "Occupation", "MilitaryRank",
    "AccessionNumber", "StudyID", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName",
    "DeviceSerialNumber", "ReferringPhysicianAddress", "ReferringPhysicianTelephoneNumbers", "RequestAttributesSequence",
    "AdmissionID", "PatientInsurancePlanCodeSequence", "CountryOfResidence", "RegionOfResidence", "MedicalRecordLocator",
    "StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "RequestedProcedureDescription",
)  # fmt: skip
"""Texts that may name a patient or a place; persons' names of any keyword are emptied besides."""
_NEEDED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
           "AccessionNumber", "ReferringPhysicianName")  # fmt: skip


def made_uid(*parts: str) -> str:
    """A UID that is the same for the same texts (PS3.5, B.2: one of a name-based UUID)."""
    return f"2.25.{uuid.uuid5(_SPACE, chr(0).join(parts)).int}"


@contextmanager
def saying(path: Path, what: str) -> Iterator[None]:
    """Turn what the DICOM libraries raise into a sentence about *path* that quotes nothing of the file."""
    try:
        with quietly(path):
            yield
    except OSError as error:
        raise disk_error(error, path) from error
    except UserError as error:
        if error.path != path or not isinstance(error.__context__, (ValueError, TypeError)):
            raise
        reason = str(error.__context__)
        raise UserError(f"{what} ({reason[:160]})" if len(reason) > 3 else what, path=path) from error


def without_names(header: Any) -> None:
    """Empty, in place, what names the patient, persons and places, and take out private elements.

    No full de-identification: dates, UIDs and what is drawn into the pixels stay.
    """
    header.remove_private_tags()

    def empty(dataset: Any, element: Any) -> None:
        if element.VR == "PN" or element.keyword in _NAMING:
            if element.VR == "SQ":
                del dataset[element.tag]
            else:
                element.value = None

    header.walk(empty)


def complete(header: Any) -> None:
    """Add, in place, what every image must have and old files lack: empty texts, a study, a frame of reference."""
    for keyword in _NEEDED:
        if keyword not in header:
            setattr(header, keyword, "")
    series = str(header.get("SeriesInstanceUID", "") or "")
    if not series:
        header.SeriesInstanceUID = series = made_uid("series", str(header.get("SOPInstanceUID", "")))
    if not header.get("StudyInstanceUID"):
        header.StudyInstanceUID = made_uid("study", series)
    if not header.get("FrameOfReferenceUID"):
        header.FrameOfReferenceUID = made_uid("frame", series)
    for keyword, value in (("Modality", "OT"), ("SeriesNumber", 1), ("InstanceNumber", 1)):
        if not header.get(keyword):
            setattr(header, keyword, value)


def save(header: Any, file: Path) -> None:
    """Write a DICOM file, whole or not at all; UserError when the disk refuses."""
    temp = temp_sibling(file)
    try:
        header.save_as(temp, enforce_file_format=True)
        temp.replace(file)
    finally:
        temp.unlink(missing_ok=True)


class PictureSeries:
    """An image of another format as slices of Secondary Capture; ``notes`` are what the pixels lost.

    Grey of 8 and 16 bits and colours are written as they are; other numbers as 16 bits with slope and intercept, of several
    bands the first.
    """

    def __init__(self, reader: ImageReader, name: str, entropy: str) -> None:
        self._reader = reader
        self._info: ImageInfo = reader.info
        self._uids = {what: made_uid(what, name, entropy) for what in ("study", "series", "frame")}
        self.notes: set[str] = set()
        self._affine = _affine_of(self._info)
        self._scale = self._scaled()
        if self._info.bands > 1 and not self._info.is_rgb:
            self.notes.add("bands")

    def _scaled(self) -> tuple[float, float] | None:
        """(slope, intercept) for values that are no whole numbers of 8 or 16 bits."""
        kind = np.dtype(self._info.dtype)
        if kind in (np.uint8, np.uint16, np.int16):
            return None
        low, high = np.inf, -np.inf
        for z in range(self._info.depth):
            plane = self._plane(z)
            plane = plane[np.isfinite(plane)]
            if plane.size:
                low, high = min(low, float(plane.min())), max(high, float(plane.max()))
        if not np.isfinite([low, high]).all():
            low = high = 0.0
        is_whole = kind.kind in "iu" and high - low <= 65535
        slope = 1.0 if is_whole or high <= low else float(f"{(high - low) / 65535:.9g}")
        if not is_whole:
            self.notes.add("steps")
        return slope, float(f"{low:.9g}")

    def _plane(self, z: int) -> npt.NDArray[Any]:
        """(band, y, x)."""
        values = self._reader.read(0, z, Rect(0, 0, self._info.width, self._info.height))
        return values[:3] if self._info.is_rgb else values[:1]

    def headers(self, cancel: Cancel) -> Iterator[Any]:
        """Each slice with its pixels, from the first shown to the last."""
        for z in range(self._info.depth):
            check(cancel)
            yield self._slice(z)

    def _slice(self, z: int) -> Any:
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian

        meta: Any = FileMetaDataset()
        meta.MediaStorageSOPClassUID = SECONDARY_CAPTURE
        meta.MediaStorageSOPInstanceUID = made_uid("slice", self._uids["series"], str(z))
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header: Any = Dataset()
        header.file_meta = meta
        header.SpecificCharacterSet = UTF_8
        header.SOPClassUID, header.SOPInstanceUID = SECONDARY_CAPTURE, meta.MediaStorageSOPInstanceUID
        header.StudyInstanceUID, header.SeriesInstanceUID = self._uids["study"], self._uids["series"]
        header.Modality, header.SeriesNumber, header.InstanceNumber = "OT", 1, z + 1
        header.ConversionType = "WSD"
        for keyword in _NEEDED:
            setattr(header, keyword, "")
        self._place(header, z)
        self._fill(header, self._plane(z))
        return header

    def _place(self, header: Any, z: int) -> None:
        if self._affine is None:
            spacing = self._info.metadata.get("spacing")
            if spacing and self._info.metadata.get("spacing_unit", "mm") == "mm":
                header.PixelSpacing = [_text(spacing[1]), _text(spacing[0])]
            return
        lps = _RAS_TO_LPS @ self._affine
        x, y, step = spacing_of(self._affine)
        header.FrameOfReferenceUID, header.PositionReferenceIndicator = self._uids["frame"], ""
        header.ImagePositionPatient = [_text(value) for value in (lps @ [0, 0, z, 1])[:3]]
        header.ImageOrientationPatient = [_text(value) for value in (*(lps[:3, 0] / x), *(lps[:3, 1] / y))]
        header.PixelSpacing = [_text(y), _text(x)]
        header.SliceThickness = header.SpacingBetweenSlices = _text(step)

    def _fill(self, header: Any, values: npt.NDArray[Any]) -> None:
        if self._scale is not None:
            slope, intercept = self._scale
            raw = np.nan_to_num(values.astype(np.float64), nan=intercept, posinf=intercept, neginf=intercept)
            values = np.clip(np.rint((raw - intercept) / slope), 0, 65535).astype(np.uint16)
            header.RescaleSlope, header.RescaleIntercept, header.RescaleType = _text(slope), _text(intercept), "US"
        bands, header.Rows, header.Columns = values.shape
        header.SamplesPerPixel = bands
        header.PhotometricInterpretation = "RGB" if bands == 3 else "MONOCHROME2"
        if bands == 3:
            header.PlanarConfiguration = 0
            values = np.moveaxis(values, 0, -1)
        bits = 8 * values.dtype.itemsize
        header.BitsAllocated, header.BitsStored, header.HighBit = bits, bits, bits - 1
        header.PixelRepresentation = int(values.dtype.kind == "i")
        data = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
        header.add_new(0x7FE00010, "OB" if bits == 8 else "OW", data + b"\0" * (len(data) % 2))


def is_made_series(series: str, instances: Sequence[str]) -> bool:
    """Whether these are the slices of a :class:`PictureSeries`, from the first shown to the last."""
    return all(uid == made_uid("slice", series, str(z)) for z, uid in enumerate(instances))


def _affine_of(info: ImageInfo) -> npt.NDArray[np.float64] | None:
    """The affine (to RAS+ mm) by which slices are placed: the image's, or, for a volume without one, x right, y down."""
    affine = info.metadata.get("affine")
    if affine is not None and is_sound(affine):
        found = np.asarray(affine, np.float64)
        lengths = spacing_of(found)
        columns = found[:3, :3] / lengths
        if abs(float(columns[:, 0] @ columns[:, 1])) < 1e-4:
            return found
    if info.depth == 1:
        return None
    spacing = (*(float(value) for value in info.metadata.get("spacing", ())), 1.0, 1.0, 1.0)[:3]
    return np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])


def _text(value: float) -> str:
    """A number as a decimal string of at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return str(format_number_as_ds(float(value) + 0.0))
