"""The values of DICOM pixels: decoded, colours as RGB, grey turned into the modality's units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.io.readers.dicom_header import BoundedFile, numbers, quietly
from segstudio.io.readers.limits import damaged
from segstudio.io.readers.planes import rescaled_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.io.readers.dicom_header import DicomFile

_PALETTE = "PALETTE COLOR"


@dataclass(frozen=True)
class Values:
    """How stored numbers become the values handed out: ``slope`` and ``intercept``, or a table; and their type."""

    dtype: str
    bands: int = 1
    is_color: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    has_table: bool = False

    def as_type(self, dtype: str) -> Values:
        """The same with another type, so that all files of a series have one."""
        return replace(self, dtype=dtype)


def values_of(file: DicomFile, rescales: Sequence[tuple[float, float]]) -> Values:
    """What the header says of the values; *rescales* are (slope, intercept) of all files of the series."""
    header, options = file.header, file.options
    if file.samples > 1 or file.photometric == _PALETTE:
        deep = file.photometric != _PALETTE and int(options["bits_allocated"]) > 8
        kind = ("uint16" if int(options["bits_allocated"]) <= 16 else "float64") if deep else "uint8"
        return Values(kind, max(3, file.samples), True)
    if options["pixel_keyword"] != "PixelData":
        return Values("float32")
    if header.get("ModalityLUTSequence"):
        return Values("uint16", has_table=True)
    slope, intercept = _rescale(file)
    bits = min(int(options["bits_stored"]), int(options["bits_allocated"]))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if int(options["pixel_representation"]) else (0, 2**bits - 1)
    kinds = {rescaled_type(low, high, *pair) for pair in [*rescales, (slope, intercept)]}
    whole = all(float(part).is_integer() for pair in [*rescales, (slope, intercept)] for part in pair)
    if whole and bits <= 16 and str(header.get("Modality", "")) == "CT":
        # Hounsfield units fit, whatever the header allows in theory; what is beyond is padding.
        kinds = {"int16"}
    return Values(str(np.result_type(*kinds)), slope=slope, intercept=intercept)


def _rescale(file: DicomFile) -> tuple[float, float]:
    """(slope, intercept) of a grey file, wherever it says them."""
    header = file.header
    places: list[Any] = [header]
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        groups = header.get(keyword)
        if groups:
            places += list(groups[0].get("PixelValueTransformationSequence") or [])
    for place in places:
        slope, intercept = numbers(place, "RescaleSlope", 1), numbers(place, "RescaleIntercept", 1)
        if slope and intercept and slope[0] != 0:
            return slope[0], intercept[0]
    dose = numbers(header, "DoseGridScaling", 1)
    return (dose[0], 0.0) if dose and dose[0] > 0 else (1.0, 0.0)


def decode_frame(file: DicomFile, index: int, values: Values) -> npt.NDArray[Any]:
    """(y, x, band) values of one frame, as *values* says.

    Raises
    ------
    UserError
        When the frame cannot be decoded or is not what the header says.
    """
    with quietly(file.path):
        stored = stored_frame(file, index)
        if stored.shape[:2] != (file.options["rows"], file.options["columns"]):
            raise damaged(file.path, "a frame has another size than its header says")
        if file.photometric == _PALETTE:
            return _colored(file, stored)
        if values.is_color:
            return stored.astype(values.dtype, copy=False)
        if values.has_table:
            from pydicom.pixels.processing import apply_modality_lut

            return np.asarray(apply_modality_lut(stored, file.header)).astype(values.dtype, copy=False)[:, :, None]
        return _rescaled(stored, values)[:, :, None]


def stored_frame(file: DicomFile, index: int) -> npt.NDArray[Any]:
    """(y, x[, sample]) numbers of one frame as they are stored; raises whatever pydicom does (see :func:`quietly`)."""
    from pydicom.pixels.decoders.base import get_decoder

    decoder = get_decoder(file.options["transfer_syntax_uid"])
    if int(file.options["bits_allocated"]) == 1 and not file.options["transfer_syntax_uid"].is_encapsulated:
        return _bits(file, index)
    if file.pixel_offset < 0:
        return np.asarray(decoder.as_array(file.header, index=index, **file.options)[0])
    try:
        with BoundedFile(file.path) as stream:
            stream.seek(file.pixel_offset)
            return np.asarray(decoder.as_array(stream, index=index, **file.options)[0])
    except Exception:  # noqa: BLE001 - files that mix encodings are read by a slower way, or fail there for good
        import pydicom

        with BoundedFile(file.path) as stream:
            whole = pydicom.dcmread(stream, force=True)
        return np.asarray(decoder.as_array(whole, index=index, pixel_keyword=file.options["pixel_keyword"])[0])


def _bits(file: DicomFile, index: int) -> npt.NDArray[np.uint8]:
    """A frame of one bit a pixel: frames follow each other within a byte, which pydicom cannot take apart."""
    rows, columns = int(file.options["rows"]), int(file.options["columns"])
    start = index * rows * columns
    first, last = start // 8, -(-(start + rows * columns) // 8)
    if file.pixel_offset < 0:
        data = bytes(file.header.PixelData)[first:last]
    else:
        with BoundedFile(file.path) as stream:
            stream.seek(file.pixel_offset + first)
            data = stream.read(last - first)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[start - 8 * first :]
    return bits[: rows * columns].reshape(rows, columns)


def _rescaled(stored: npt.NDArray[Any], values: Values) -> npt.NDArray[Any]:
    kind = np.dtype(values.dtype)
    if (values.slope, values.intercept) == (1.0, 0.0) and (kind.kind == "f" or stored.dtype == kind):
        return stored.astype(kind, copy=False)
    if kind.kind == "f":
        return (stored.astype(np.float64) * values.slope + values.intercept).astype(kind)
    limits = np.iinfo(kind)
    whole = stored.astype(np.int64) * round(values.slope) + round(values.intercept)
    return np.clip(whole, limits.min, limits.max).astype(kind)


def _colored(file: DicomFile, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Palette indices as 8-bit RGB."""
    from pydicom.pixels.processing import apply_color_lut

    colors = np.asarray(apply_color_lut(stored, file.header))[:, :, :3]
    if colors.dtype != np.uint8:
        colors = colors >> 8 if colors.max(initial=0) > 255 else colors
    return colors.astype(np.uint8)


def window_presets(file: DicomFile) -> tuple[tuple[str, float, float], ...]:
    """(name, window, level) that the file offers, in its modality's units; a VOI table gives the range it covers."""
    places: list[Any] = [file.header]
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        groups = file.header.get(keyword)
        if groups:
            places += list(groups[0].get("FrameVOILUTSequence") or [])
    found: list[tuple[str, float, float]] = []
    for place in places:
        centres, widths = numbers(place, "WindowCenter"), numbers(place, "WindowWidth")
        names = _names(place, len(centres))
        is_linear = str(place.get("VOILUTFunction", "LINEAR") or "LINEAR") == "LINEAR"
        for name, centre, width in zip(names, centres, widths):
            if width >= 1 and is_linear:
                # The standard's LINEAR counts whole values: a width of w spans w - 1, half a value lower.
                found.append((name, max(width - 1.0, 1.0), centre - 0.5))
            elif width > 0:
                found.append((name, width, centre))
        for table in place.get("VOILUTSequence") or ():
            described = numbers(table, "LUTDescriptor", 3)
            if described:
                count = described[0] or 65536.0
                found.append(("table", max(count - 1.0, 1.0), described[1] + (count - 1.0) / 2))
    return tuple(found)


def _names(place: Any, count: int) -> list[str]:
    value = place.get("WindowCenterWidthExplanation") or ""
    names = [value] if isinstance(value, str) else list(value)
    names = [str(name).strip()[:40] for name in names]
    return [names[i] if i < len(names) and names[i] else ("file" if i == 0 else f"file {i + 1}") for i in range(count)]
