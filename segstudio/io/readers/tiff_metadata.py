"""What a TIFF says beside its pixels: geo-reference, nodata, alpha, spacing and the names of its bands."""

from __future__ import annotations

import html
import math
import re
from typing import TYPE_CHECKING, Any

from segstudio.io.geo_tags import geo_metadata

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GDAL_METADATA, _X_RESOLUTION, _Y_RESOLUTION = 42112, 282, 283
_MAX_TEXT = 1 << 24
_ALPHA = (1, 2)
_UNITS = {
    "µm": (1.0, "µm"), "um": (1.0, "µm"), "micron": (1.0, "µm"), "microns": (1.0, "µm"), "micrometer": (1.0, "µm"),
    "\\u00b5m": (1.0, "µm"), "μm": (1.0, "µm"), "nm": (1e-3, "µm"), "mm": (1.0, "mm"), "cm": (10.0, "mm"), "m": (1.0, "m"),
}  # fmt: skip
"""Name of a unit → (factor, the unit it is given in)."""


def metadata_of(path: Path, tif: Any, page: Any, samples: int, depth: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(entries for ``ImageInfo.metadata``, sentences for the user) of an open TIFF; what is odd is left out."""
    found: dict[str, Any] = {}
    notes: list[str] = []
    readers: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: geo_metadata(path, page.tags, notes),
        lambda: _alpha(page, samples),
        lambda: _band_names(tif, page),
        lambda: _spacing(tif, page, depth),
    )
    for read in readers:
        try:
            found |= read()
        except Exception:  # noqa: BLE001 - odd tags and texts raise anything; the picture is good without
            continue
    return found, tuple(notes)


def _alpha(page: Any, samples: int) -> dict[str, Any]:
    extras = tuple(int(value) for value in page.extrasamples or ())
    for index, kind in enumerate(extras):
        if kind in _ALPHA and page.photometric in (0, 1, 2):
            return {"alpha_band": samples - len(extras) + index}
    return {}


def _band_names(tif: Any, page: Any) -> dict[str, Any]:
    names: list[str] = []
    tag = page.tags.get(_GDAL_METADATA)
    text = str(tag.value)[:_MAX_TEXT] if tag is not None else ""
    items = re.findall(r'<Item\s+name="DESCRIPTION"\s+sample="(\d+)"\s+role="description"\s*>([^<]*)</Item>', text)
    if items:
        # GDAL escapes what it has escaped already.
        by_band = {int(sample): html.unescape(html.unescape(name)) for sample, name in items}
        names = [by_band.get(index, f"band {index + 1}") for index in range(max(by_band) + 1)]
    elif tif.is_ome:
        channels = re.findall(r"<(?:\w+:)?Channel\b[^>]*>", _first_pixels(tif))
        found = [re.search(r'\bName="([^"]*)"', channel) for channel in channels]
        names = [html.unescape(match[1]) for match in found if match is not None]
        names = names if len(names) == len(channels) else []
    return {"band_names": tuple(names)} if names else {}


def _first_pixels(tif: Any) -> str:
    """The OME description of the first series."""
    text = str(tif.ome_metadata or "")[:_MAX_TEXT]
    start = text.find("Pixels")
    end = text.find("Pixels>", start)
    return text[max(0, start) : end if end > 0 else len(text)]


def _spacing(tif: Any, page: Any, depth: int) -> dict[str, Any]:
    if tif.is_ome:
        return _ome_spacing(_first_pixels(tif))
    if tif.is_imagej:
        return _imagej_spacing(tif.imagej_metadata or {}, page, depth)
    scale = re.search(r"\bMPP\s*=\s*([0-9.eE+-]+)", str(page.description)[:_MAX_TEXT]) if tif.is_svs else None
    return _as_spacing(float(scale[1]), float(scale[1]), None, "µm", "µm") if scale is not None else {}


def _ome_spacing(pixels: str) -> dict[str, Any]:
    sizes: list[float | None] = []
    for axis in "XYZ":
        value = re.search(rf'\bPhysicalSize{axis}="([^"]+)"', pixels)
        sizes.append(None if value is None else float(value[1]))
    units = []
    for axis in "XZ":
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]+)"', pixels)
        units.append("µm" if unit is None else html.unescape(unit[1]))
    if sizes[0] is None or sizes[1] is None:
        return {}
    return _as_spacing(sizes[0], sizes[1], sizes[2], *units)


def _imagej_spacing(about: dict[str, Any], page: Any, depth: int) -> dict[str, Any]:
    across, down = (page.tags.get(code) for code in (_X_RESOLUTION, _Y_RESOLUTION))
    if across is None or down is None or "unit" not in about:
        return {}
    (x, x_of), (y, y_of) = across.value, down.value
    step = about.get("spacing") if depth > 1 else None
    unit = str(about["unit"]).lower()
    return _as_spacing(x_of / x, y_of / y, None if step is None else float(step), unit, unit)


def _as_spacing(x: float, y: float, z: float | None, unit: str, z_unit: str) -> dict[str, Any]:
    """In the unit of x and y; a step between planes that is not known counts as 1."""
    if unit not in _UNITS or not all(math.isfinite(value) and value > 0 for value in (x, y)):
        return {}
    factor, name = _UNITS[unit]
    step = 1.0
    if z is not None and math.isfinite(z) and z > 0 and _UNITS.get(z_unit, (0.0, ""))[1] == name:
        step = z * _UNITS[z_unit][0]
    return {"spacing": (x * factor, y * factor, step), "spacing_unit": name}
