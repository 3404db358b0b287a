"""Where DICOM pixels lie: spacing, and the affine to RAS+ millimetres (DICOM itself counts in LPS+)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.io.readers.dicom_header import numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.io.readers.dicom_header import DicomFile

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SAME_MM = 1e-2
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Placement:
    """``affine`` from voxels (x, y, z) to RAS+ mm or None, ``spacing`` in mm or None, ``frames`` in the order shown."""

    affine: npt.NDArray[np.float64] | None = None
    spacing: Spacing | None = None
    frames: tuple[int, ...] = ()


def pixel_spacing(header: Any) -> tuple[float, float] | None:
    """(x, y) distance of pixels in mm; None where it is not said."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        found = numbers(header, keyword, 2)
        if found and min(found) > 0:
            return found[1], found[0]
    return None


def _thickness(header: Any) -> float | None:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = numbers(header, keyword, 1)
        if found and found[0] > 0:
            return found[0]
    return None


def _affine(
    position: tuple[float, ...], orientation: tuple[float, ...], spacing: tuple[float, float], step: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """The RAS+ affine of slices that begin at *position* and go on by *step* (LPS mm)."""
    lps = np.eye(4)
    lps[:3, 0] = np.asarray(orientation[:3]) * spacing[0]
    lps[:3, 1] = np.asarray(orientation[3:]) * spacing[1]
    lps[:3, 2] = step
    lps[:3, 3] = position
    return np.asarray(_LPS_TO_RAS @ lps)


def series_placement(first: DicomFile, last: DicomFile, count: int) -> Placement:
    """The placement of a series of *count* planes, from its first and last file."""
    header = first.header
    spacing = pixel_spacing(header)
    orientation = numbers(header, "ImageOrientationPatient", 6)
    start, end = (numbers(item.header, "ImagePositionPatient", 3) for item in (first, last))
    if spacing and orientation and start and end and count > 1:
        step = (np.asarray(end) - np.asarray(start)) / (count - 1)
        if np.linalg.norm(step) > _SAME_MM:
            return Placement(_affine(start, orientation, spacing, step))
    if spacing is None:
        return Placement()
    return Placement(None, (*spacing, _thickness(header) or 1.0))


def placement_of(file: DicomFile) -> Placement:
    """The placement of a file by itself, its frames sorted by where they lie if they say so."""
    header = file.header
    shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
    frames = list(header.get("PerFrameFunctionalGroupsSequence") or [])
    measures = _group("PixelMeasuresSequence", header, shared, frames[0] if frames else None)
    spacing = pixel_spacing(measures)
    thickness = _thickness(measures) or _dose_step(header)
    plain = Placement() if spacing is None else Placement(None, (*spacing, thickness or 1.0))
    turned = _group("PlaneOrientationSequence", header, shared, frames[0] if frames else None)
    orientation = numbers(turned, "ImageOrientationPatient", 6)
    if spacing is None or not orientation:
        return plain
    normal = np.cross(orientation[:3], orientation[3:])
    positions = [_group("PlanePositionSequence", header, shared, frame) for frame in frames] or [header]
    places = [numbers(item, "ImagePositionPatient", 3) for item in positions]
    if not all(places):
        return plain
    if len(places) == 1:
        step = normal * (thickness or 1.0)
        return Placement(_affine(places[0], orientation, spacing, step))
    heights = np.asarray(places) @ normal
    order = np.argsort(heights, kind="stable")
    if len(places) != file.frames or np.diff(heights[order]).min() < _SAME_MM:
        return plain  # times or echoes at one place: in the file's order
    step = (np.asarray(places[order[-1]]) - np.asarray(places[order[0]])) / (len(places) - 1)
    return Placement(_affine(places[order[0]], orientation, spacing, step), frames=tuple(int(index) for index in order))


def _group(keyword: str, header: Any, shared: Any, frame: Any) -> Any:
    """The functional group of a frame, of all frames, or the header where an old-style file keeps it."""
    for place in (frame, shared):
        found = None if place is None else place.get(keyword)
        if found:
            return found[0]
    return header


def _dose_step(header: Any) -> float | None:
    offsets = numbers(header, "GridFrameOffsetVector")
    return abs(offsets[1] - offsets[0]) if len(offsets) > 1 and offsets[1] != offsets[0] else None
