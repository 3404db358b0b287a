"""Lengths and areas in the image's own units, from its spacing or its place on the map."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Points = Sequence[tuple[float, float]]

WGS84_RADIUS_M = 6_378_137.0
WGS84_ECCENTRICITY_2 = 0.006694379990141
_LINEAR_UNIT = re.compile(r'(?<![A-Z])(?:LENGTHUNIT|UNIT)\s*\[\s*"([^"]+)"\s*,\s*([0-9.eE+-]+)')
_METRES = {"m": 1.0, "mm": 1e-3, "µm": 1e-6, "um": 1e-6, "km": 1e3, "cm": 1e-2, "nm": 1e-9}
Kind = Literal["none", "metric", "degrees", "unknown"]


@dataclass(frozen=True, slots=True)
class GroundScale:
    """How pixels lie on the ground or in the body.

    ``matrix`` (a, b, d, e) turns pixel offsets (x, y) into ``kind``'s unit: metres ("metric"), degrees of longitude and
    latitude, units nobody named ("unknown"), or nothing ("none"). ``origin`` is the place of pixel corner (0, 0);
    ``plane_m`` the distance of planes in metres, 0 when it is not known. ``unit`` is the one the file speaks in.
    """

    kind: Kind = "none"
    matrix: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)
    origin: tuple[float, float] = (0.0, 0.0)
    plane_m: float = 0.0
    unit: str = ""

    @property
    def is_approximate(self) -> bool:
        """Whether metres come from degrees, by the latitude."""
        return self.kind == "degrees"

    def to_map(self, x: float, y: float) -> tuple[float, float]:
        """The place of an image position, in the file's own units."""
        a, b, d, e = self.matrix
        return self.origin[0] + a * x + b * y, self.origin[1] + d * x + e * y

    def length(self, points_xy: Points) -> float:
        """Length of a line through image positions: metres, or the unknown unit (pixels with none)."""
        places = [self.to_map(*point) for point in points_xy]
        total = 0.0
        for (x0, y0), (x1, y1) in zip(places[:-1], places[1:]):
            along, across = self._metres_at((y0 + y1) / 2)
            total += math.hypot((x1 - x0) * along, (y1 - y0) * across)
        return total

    def area(self, points_xy: Points) -> float:
        """Area of a closed polygon of image positions: square metres, or of the unknown unit (pixels with none)."""
        if len(points_xy) < 3:
            return 0.0
        middle = sum(y for _, y in points_xy) / len(points_xy)
        x = sum(x for x, _ in points_xy) / len(points_xy)
        return polygon_area(points_xy) * self.pixel_area(x, middle)

    def pixel_area(self, x: float, y: float) -> float:
        """Area of the pixel at an image position: square metres, or of the unknown unit (1 with none)."""
        a, b, d, e = self.matrix
        along, across = self._metres_at(self.to_map(x, y)[1])
        return abs(a * e - b * d) * along * across

    def _metres_at(self, latitude_deg: float) -> tuple[float, float]:
        """(metres a unit along x, metres a unit along y); 1 where the units are no degrees."""
        return metres_per_degree(latitude_deg) if self.kind == "degrees" else (1.0, 1.0)


def polygon_area(points_xy: Points) -> float:
    """Area of a closed polygon, by the shoelace formula."""
    turned = [*points_xy[1:], *points_xy[:1]]
    # About the first point, so that far places (UTM) lose no digits.
    x, y = points_xy[0]
    doubled = sum((x0 - x) * (y1 - y) - (x1 - x) * (y0 - y) for (x0, y0), (x1, y1) in zip(points_xy, turned))
    return abs(doubled) / 2


def metres_per_degree(latitude_deg: float) -> tuple[float, float]:
    """(of longitude, of latitude) on the WGS 84 ellipsoid at a latitude."""
    sin = math.sin(math.radians(latitude_deg))
    bend = 1 - WGS84_ECCENTRICITY_2 * sin * sin
    normal = WGS84_RADIUS_M / math.sqrt(bend)
    meridian = WGS84_RADIUS_M * (1 - WGS84_ECCENTRICITY_2) / bend**1.5
    degree = math.pi / 180
    return normal * math.cos(math.radians(latitude_deg)) * degree, meridian * degree


def scale_of(metadata: Mapping[str, Any]) -> GroundScale:
    """The scale that an image's metadata gives ("spacing" and "spacing_unit", or "transform" and "crs")."""
    spacing = _numbers(metadata.get("spacing"), 2)
    if spacing is not None and spacing[0] > 0 and spacing[1] > 0:
        unit = str(metadata.get("spacing_unit") or "")
        metres = _METRES.get(unit)
        factor, kind = (1.0, "unknown") if metres is None else (metres, "metric")
        plane = spacing[2] * factor if len(spacing) > 2 and metres is not None else 0.0
        matrix = (spacing[0] * factor, 0.0, 0.0, spacing[1] * factor)
        return GroundScale(kind, matrix, (0.0, 0.0), max(plane, 0.0), unit)  # type: ignore[arg-type]
    transform = _numbers(metadata.get("transform"), 6)
    if transform is None:
        return GroundScale()
    a, b, c, d, e, f = transform[:6]
    if a * e - b * d == 0:
        return GroundScale()
    kind, factor = crs_unit(str(metadata.get("crs") or ""))
    unit = "m" if kind == "metric" else ""
    return GroundScale(kind, (a * factor, b * factor, d * factor, e * factor), (c * factor, f * factor), 0.0, unit)


def crs_unit(wkt: str) -> tuple[Kind, float]:
    """What the coordinates of a CRS (WKT, or "EPSG:n") are: ("metric", metres a unit), ("degrees", 1) or ("unknown", 1).

    Of a bare number the unit is a guess: geographic systems have 4000 to 4999, nearly all others count metres.
    """
    text = wkt.strip().upper()
    if not text:
        return "unknown", 1.0
    if "PROJCRS" in text or "PROJCS" in text or "PROJECTEDCRS" in text:
        # The unit of a projected CRS stands last, after that of the degrees it rests on.
        found = [(name, float(value)) for name, value in _LINEAR_UNIT.findall(text) if "DEGREE" not in name]
        return "metric", found[-1][1] if found and found[-1][1] > 0 else 1.0
    if text.startswith(("GEOG", "GEODCRS", "GEODETICCRS", "BOUNDCRS", "COMPD", "COMPOUNDCRS")):
        return "degrees", 1.0
    code = re.fullmatch(r"EPSG:(\d+)", text)
    if code is not None:
        return ("degrees", 1.0) if 4000 <= int(code[1]) < 5000 else ("metric", 1.0)
    return "unknown", 1.0


def _numbers(value: Any, least: int) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(item) for item in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) >= least and all(map(math.isfinite, numbers)) else None


# -- in words -----------------------------------------------------------------------------------------------------

_LENGTHS = ((1e3, "km"), (1.0, "m"), (1e-3, "mm"), (1e-6, "µm"), (1e-9, "nm"))
_AREAS = ((1e6, "km²"), (1e4, "ha"), (1.0, "m²"), (1e-6, "mm²"), (1e-12, "µm²"))
_VOLUMES = ((1.0, "m³"), (1e-6, "cm³"), (1e-9, "mm³"), (1e-18, "µm³"))
_POWERS = {"length": (_LENGTHS, 1), "area": (_AREAS, 2), "volume": (_VOLUMES, 3)}


def in_units(scale: GroundScale, value: float, of: Literal["length", "area", "volume"]) -> str:
    """A length, area or volume as people write it, in the largest unit it fills; "" when pixels have no size."""
    if scale.kind == "none":
        return ""
    table, power = _POWERS[of]
    if scale.kind == "unknown":
        return f"{digits(value)} {scale.unit or 'map units'}{('', '²', '³')[power - 1]}"
    size, unit = next(((size, unit) for size, unit in table if value >= size), table[-1])
    own = next(((s, u) for s, u in table if u == scale.unit + ("", "²", "³")[power - 1]), None)
    if own is not None and own[0] < size and value < 1000 * own[0]:
        size, unit = own  # 120 mm is not 0.12 m to those whose file speaks of mm
    return f"{'≈ ' if scale.is_approximate else ''}{digits(value / size)} {unit}"


def digits(value: float) -> str:
    """Four figures, or all of a larger whole number; thousands apart."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def pixels_text(count: float, of: Literal["length", "area"]) -> str:
    """A length or area in pixels."""
    return f"{count:,.1f} px" if of == "length" else f"{count:,.0f} px"
