"""Where a pixel lies in the world: on the map, in the patient, or in the image's own unit of length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_GEOGRAPHIC = ("GEOGCS", "GEOGCRS", "GEODCRS", "BASEGEOGCRS")
_SIDES = (("R", "L"), ("A", "P"), ("S", "I"))


def position_text(metadata: Mapping[str, Any], x: int, y: int, z: int = 0) -> str:
    """The middle of pixel (x, y) of plane z, from an image's metadata; "" where it has no place.

    Map coordinates have as many digits as a tenth of a pixel needs; degrees are marked so. A patient's position is
    given by sides (R 12.3 A 4.0 S 88.1 mm).
    """
    transform = metadata.get("transform")
    if transform is not None:
        return _on_map(tuple(float(value) for value in transform), str(metadata.get("crs") or ""), x + 0.5, y + 0.5)
    affine = metadata.get("affine")
    if affine is not None:
        return _in_patient(affine, x, y, z)
    spacing = metadata.get("spacing")
    if spacing is None:
        return ""
    unit = str(metadata.get("spacing_unit", "")).strip()
    across, down = (float(value) for value in spacing[:2])
    digits = _digits(min(across, down))
    return f"{(x + 0.5) * across:.{digits}f}, {(y + 0.5) * down:.{digits}f} {unit}".rstrip()


def is_geographic(crs: str) -> bool:
    """Whether coordinates of this CRS (WKT or ``EPSG:n``) are degrees."""
    text = crs.strip().upper()
    return text.startswith(_GEOGRAPHIC) or text in ("EPSG:4326", "EPSG:4258", "EPSG:4269", "OGC:CRS84")


def _on_map(transform: tuple[float, ...], crs: str, x: float, y: float) -> str:
    a, b, c, d, e, f = transform
    east, north = a * x + b * y + c, d * x + e * y + f
    digits = _digits(min(math.hypot(a, d), math.hypot(b, e)))
    if is_geographic(crs):
        sides = "E" if east >= 0 else "W", "N" if north >= 0 else "S"
        return f"{abs(north):.{digits}f}° {sides[1]}  {abs(east):.{digits}f}° {sides[0]}"
    return f"{east:.{digits}f}, {north:.{digits}f}"


def _in_patient(affine: Any, x: int, y: int, z: int) -> str:
    parts = []
    for row, (plus, minus) in zip(affine, _SIDES):
        value = sum(float(factor) * index for factor, index in zip(row, (x, y, z, 1)))
        parts.append(f"{plus if value >= 0 else minus} {abs(value):.1f}")
    return f"{'  '.join(parts)} mm"


def _digits(step: float) -> int:
    """Digits after the point that tell a tenth of *step*."""
    if not math.isfinite(step) or step <= 0:
        return 1
    return min(max(math.ceil(1 - math.log10(step)), 0), 9)
