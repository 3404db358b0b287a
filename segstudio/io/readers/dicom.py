"""DICOM through pydicom: single files, multi-frame files, and whole series as one volume."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.display import DisplaySettings
from segstudio.core.volumes import as_affine, is_sound, spacing_of
from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.dicom_geometry import Placement, placement_of, series_placement
from segstudio.io.readers.dicom_header import DicomFile, read_header, text
from segstudio.io.readers.dicom_pixels import Values, decode_frame, values_of, window_presets
from segstudio.io.readers.dicom_series import Series, series_of
from segstudio.io.readers.limits import MAX_DECODED_BYTES, damaged
from segstudio.io.readers.planes import PlaneReader, plane_thumbnail, volume_display

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


def probe(path: Path) -> ImageInfo:
    """The description of the file, or of the series it is a slice of, from headers alone."""
    return _described(path)[0]


def open_reader(path: Path) -> PlaneReader:
    """The file, or the series it is a slice of; planes are decoded when they are wanted, the middle one here."""
    info, file, series, values, placement = _described(path)
    if series is not None:
        reader = PlaneReader(info, _SeriesPlanes(series, file, values).plane)
    else:
        order = placement.frames or tuple(range(file.frames))
        reader = PlaneReader(info, lambda z: decode_frame(file, order[z], values))
    if info.is_rgb:
        reader.read(0, info.depth // 2, _corner())
        return reader
    _set_display(reader, file)
    return reader


def files_of(path: Path) -> list[Path]:
    """All files of the image that *path* stands for."""
    series = series_of(path)
    return [path] if series is None else series.files


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture of the middle plane."""
    with closing(open_reader(path)) as reader:
        return plane_thumbnail(reader, side_px)


def _corner() -> Any:
    from segstudio.core.geometry import Rect

    return Rect(0, 0, 1, 1)


def _described(path: Path) -> tuple[ImageInfo, DicomFile, Series | None, Values, Placement]:
    series = series_of(path)
    # Whichever slice was named, the series is the same image.
    file = read_header(path if series is None else series.first)
    values = values_of(file, [] if series is None else [item.rescale for plane in series.planes for item in plane])
    if series is None:
        placement, depth, bands = placement_of(file), file.frames, values.bands
    else:
        placement, depth = (
            series_placement(file, read_header(series.planes[-1][0].path), len(series.planes)),
            len(series.planes),
        )
        bands = values.bands * len(series.planes[0])
    width, height = int(file.options["columns"]), int(file.options["rows"])
    if width * height * np.dtype(values.dtype).itemsize * bands > MAX_DECODED_BYTES:
        raise damaged(path, f"it claims {width} × {height} pixels in {bands} bands")
    metadata = _metadata(file, series, placement)
    is_rgb = values.is_color and bands == 3
    if bands > 1 and not is_rgb:
        metadata["default_bands"] = (0, 0, 0)
    if depth > 1:
        metadata["is_volume"] = True
    where = path if series is None else series.first
    info = ImageInfo(where, width, height, depth, bands, values.dtype, level_sizes(width, height), is_rgb, metadata)
    return info, file, series, values, placement


def _metadata(file: DicomFile, series: Series | None, placement: Placement) -> dict[str, Any]:
    metadata: dict[str, Any] = {"format": "DICOM", "bits": int(file.options.get("bits_stored", 32))}
    modality = text(file.header, "Modality")
    if modality.isalnum():
        metadata["modality"] = modality
    if placement.affine is not None and is_sound(placement.affine):
        metadata["affine"] = as_affine(placement.affine)
        metadata["spacing"], metadata["spacing_unit"] = spacing_of(placement.affine), "mm"
    elif placement.spacing is not None:
        metadata["spacing"], metadata["spacing_unit"] = placement.spacing, "mm"
    presets = window_presets(file)
    if presets:
        metadata["window_presets"] = presets
    if series is not None:
        metadata["name"] = series.name
        metadata["files"] = len(series.files)
    if series is not None and series.notes:
        metadata["notes"] = tuple(f"{series.name}: {note}" for note in series.notes)
    return metadata


def _set_display(reader: PlaneReader, file: DicomFile) -> None:
    """The file's own window where it has one, else one range for all planes; MONOCHROME1 is drawn inverted."""
    info = reader.info
    is_inverted = file.photometric == "MONOCHROME1"
    found = volume_display(reader, (0, 0, 0), invert=is_inverted)
    presets = info.metadata.get("window_presets")
    if presets:
        _, window, level = presets[0]
        stated = DisplaySettings.from_window_level(window, level, invert=is_inverted, bands=(0, 0, 0))
        # A window that shows nothing of the values is a mistake of the file.
        if stated.low < found.high and stated.high > found.low:
            found = stated
    info.metadata["display"] = found


class _SeriesPlanes:
    """Decodes the files of a series one by one."""

    def __init__(self, series: Series, first: DicomFile, values: Values) -> None:
        self._series = series
        self._first = first
        self._values = values

    def plane(self, z: int) -> npt.NDArray[Any]:
        """(y, x, band) values of plane *z*; UserError names the file that cannot be read."""
        parts = []
        for item in self._series.planes[z]:
            file = self._first if item.path == self._first.path else read_header(item.path)
            pixels = decode_frame(file, 0, values_of(file, []).as_type(self._values.dtype))
            if pixels.shape[:2] != (self._first.options["rows"], self._first.options["columns"]):
                raise damaged(item.path, "it has another size than the rest of its series")
            parts.append(pixels)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
