"""Where an image lies on the map, for exporters: pixel corners to map coordinates and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.io.readers.extras import imported, needs

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.polygons import Loop

CRS84 = "urn:ogc:def:crs:OGC:1.3:CRS84"
"""Longitude, latitude on WGS84: what GeoJSON means where it names nothing."""
_WGS84_EPSG = 4326

Transform = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class MapPlace:
    """``transform`` as in ``ImageInfo.metadata``, None: not on a map. ``crs`` is WKT or ``EPSG:n``, "" when unknown.

    ``is_wgs84``: coordinates are brought from ``crs`` to longitude and latitude.
    """

    transform: Transform | None
    crs: str = ""
    is_wgs84: bool = False

    @property
    def is_on_map(self) -> bool:
        """Whether coordinates are any other than pixels."""
        return self.transform is not None

    @property
    def crs_name(self) -> str:
        """What the ``crs`` member of a GeoJSON names; "": there shall be none."""
        if self.transform is None or self.is_wgs84 or not self.crs:
            return ""  # RFC 7946 has no such member, and takes longitude and latitude for granted
        epsg = epsg_of_text(self.crs)
        if epsg is None:
            return self.crs
        return CRS84 if epsg == _WGS84_EPSG else f"urn:ogc:def:crs:EPSG::{epsg}"

    def polygon(self, shell: Loop, holes: list[Loop]) -> list[list[list[float]]]:
        """Coordinates of a GeoJSON Polygon: closed rings, on a map the outer one anticlockwise, holes clockwise."""
        return [self._ring(shell, is_shell=True), *(self._ring(hole, is_shell=False) for hole in holes)]

    def _ring(self, loop: Loop, *, is_shell: bool) -> list[list[float]]:
        points = self._to_map(np.array(loop, np.float64))
        x, y = points[:, 0] - points[0, 0], points[:, 1] - points[0, 1]
        area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
        if self.transform is None:
            area = -area  # y downwards: anticlockwise as seen
        if (area > 0) != is_shell:
            points = points[::-1]
        ring: list[list[float]] = points.tolist()
        if self.transform is None:
            ring = [[int(x), int(y)] for x, y in ring]
        return [*ring, ring[0]]

    def _to_map(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if self.transform is None:
            return points
        a, b, c, d, e, f = self.transform
        x, y = points[:, 0], points[:, 1]
        placed = np.column_stack([a * x + b * y + c, d * x + e * y + f])
        return warped(self.crs, "OGC:CRS84", placed) if self.is_wgs84 else placed

    def pixels(self, ring: Any) -> npt.NDArray[np.float64]:
        """(n, 2) pixel coordinates (x, y) of (n, 2) points read from a file."""
        points = np.asarray(ring, np.float64).reshape(-1, 2)
        if self.transform is None or len(points) == 0:
            return points
        return self.unplaced(warped("OGC:CRS84", self.crs, points) if self.is_wgs84 else points)

    def unplaced(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n, 2) pixel coordinates of points in the image's own system."""
        if self.transform is None:
            return points
        a, b, c, d, e, f = self.transform
        determinant = a * e - b * d
        x, y = points[:, 0] - c, points[:, 1] - f
        return np.column_stack([(e * x - b * y) / determinant, (a * y - d * x) / determinant])


def place_of(file: Path, *, is_wgs84: bool = False) -> MapPlace:
    """The place of an image file; without a known CRS it stays in its own coordinates, *is_wgs84* or not.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    from segstudio.io.readers.registry import probe

    metadata = probe(file).metadata
    transform = metadata.get("transform")
    if transform is None or "orientation" in metadata:
        return MapPlace(None)
    crs = str(metadata.get("crs") or "")
    a, b, c, d, e, f = (float(value) for value in transform)
    return MapPlace((a, b, c, d, e, f), crs, is_wgs84 and bool(crs))


def needs_rasterio() -> None:
    """Raise UserError, with what to install, where rasterio is missing."""
    needs("rasterio", "Longitude and latitude", "geo")


def epsg_of_text(crs: str) -> int | None:
    """The EPSG number of ``EPSG:n`` or of WKT that ends with its authority; None where there is none."""
    match = re.fullmatch(r"(?:urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d+)", crs.strip(), re.IGNORECASE)
    if match is None:
        match = re.search(r'(?:AUTHORITY\["EPSG",\s*"(\d+)"\]|ID\["EPSG",\s*(\d+)\])\s*\]\s*$', crs)
    if match is None:
        return None
    return int(next(group for group in match.groups() if group))


def warped(source: str, target: str, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 2) x, y of one system in another; longitude comes first whatever the systems say."""
    imported("rasterio")
    from rasterio.crs import CRS
    from rasterio.warp import transform

    x, y = transform(
        CRS.from_user_input(source), CRS.from_user_input(target), points[:, 0].tolist(), points[:, 1].tolist()
    )
    return np.column_stack([x, y])
