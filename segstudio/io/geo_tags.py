"""The geo-reference of a GeoTIFF (OGC GeoTIFF 1.1): read without further packages, and carried to masks tag by tag."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIFF_SUFFIXES = (".tif", ".tiff")
KEY_DIRECTORY, NODATA = 34735, 42113
PIXEL_SCALE, TIE_POINTS, TRANSFORM = 33550, 33922, 34264
GEO_TAGS = (PIXEL_SCALE, TIE_POINTS, TRANSFORM, KEY_DIRECTORY, 34736, 34737)
_RASTER_TYPE, _GEOGRAPHIC, _PROJECTED = 1025, 2048, 3072
_PIXEL_IS_POINT, _USER_DEFINED = 2, 32767
_MAX_EXACT_PX = 0.05
"""Ground control points that an affine transform meets as closely count as one."""

_MAX_POINTS = 10_000

GeoTags = tuple[tuple[int, int, int, Any, bool], ...]
"""tifffile's extratags: (code, type, count, value, write once)."""
Transform = tuple[float, float, float, float, float, float]
"""(a, b, c, d, e, f): x = a·column + b·row + c, y = d·column + e·row + f, of pixel corners."""


def read_geo_tags(path: Path) -> GeoTags:
    """CRS and transform of a GeoTIFF; empty for any other file, readable or not."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return ()
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            tags = tiff.pages[0].tags  # type: ignore[union-attr]
            if not any(code in tags for code in (PIXEL_SCALE, TIE_POINTS, TRANSFORM)):
                return ()
            found = [tags[code] for code in GEO_TAGS if code in tags]
            return tuple((t.code, int(t.dtype), int(t.count), t.value, True) for t in found)
    except Exception:  # noqa: BLE001 - a damaged file is reported by its reader, with a sentence
        return ()


def geo_metadata(path: Path, tags: Mapping[int, Any], notes: list[str]) -> dict[str, Any]:
    """``crs``, ``transform``, ``nodata`` and ``gcps`` of a TIFF page's tifffile tags, as far as it has them.

    ``crs`` is WKT where rasterio is installed, else ``EPSG:n``; a coordinate system without an EPSG number needs
    rasterio, and a sentence in *notes* says so where it is missing.
    """
    found: dict[str, Any] = {}
    nodata = nodata_of(tags)
    if nodata is not None:
        found["nodata"] = nodata
    keys = geo_keys(tags)
    transform = transform_of(tags, is_point=keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT)
    if transform is not None:
        found["transform"] = transform
    elif TIE_POINTS in tags:
        found["gcps"] = _tie_points(tags)
    if keys:
        from segstudio.io.readers.geo import crs_text

        crs = crs_text(path, epsg_of(keys), notes)
        if crs:
            found["crs"] = crs
    return found


def nodata_of(tags: Mapping[int, Any]) -> float | None:
    """GDAL's nodata value, NaN included; None where there is none."""
    if NODATA not in tags:
        return None
    try:
        return float(str(tags[NODATA].value).strip(" \0"))
    except ValueError:
        return None


def geo_keys(tags: Mapping[int, Any]) -> dict[int, int]:
    """The short keys of the GeoKeyDirectory; empty for no GeoTIFF."""
    if KEY_DIRECTORY not in tags:
        return {}
    words = [int(word) for word in np.atleast_1d(tags[KEY_DIRECTORY].value)]
    rows = [words[start : start + 4] for start in range(4, len(words) - 3, 4)]
    return {key: value for key, location, _, value in rows if location == 0}


def epsg_of(keys: Mapping[int, int]) -> int | None:
    """The EPSG number of the projected, else of the geographic system; None where it is described otherwise."""
    if _PROJECTED in keys:
        number = keys[_PROJECTED]
    elif keys.get(1024) == 1:  # a projected system without a number of its own
        return None
    else:
        number = keys.get(_GEOGRAPHIC, 0)
    return number if 1024 <= number < _USER_DEFINED else None


def transform_of(tags: Mapping[int, Any], *, is_point: bool = False) -> Transform | None:
    """The transform of pixel corners; *is_point*: the tags place pixel centres."""
    if TRANSFORM in tags and len(np.ravel(tags[TRANSFORM].value)) >= 8:
        m = [float(value) for value in np.ravel(tags[TRANSFORM].value)]
        found = (m[0], m[1], m[3], m[4], m[5], m[7])
    elif PIXEL_SCALE in tags and TIE_POINTS in tags:
        across, down = (float(value) for value in tags[PIXEL_SCALE].value[:2])
        column, row, _, x, y, _ = (float(value) for value in tags[TIE_POINTS].value[:6])
        found = (across, 0.0, x - column * across, 0.0, -down, y + row * down)
    elif TIE_POINTS in tags:
        fitted = _fitted(_tie_points(tags))
        if fitted is None:
            return None
        found = fitted
    else:
        return None
    if is_point:
        a, b, c, d, e, f = found
        found = (a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
    # Singular ones place nothing.
    is_sound = all(map(math.isfinite, found)) and found[0] * found[4] != found[1] * found[3]
    return found if is_sound else None


def _tie_points(tags: Mapping[int, Any]) -> tuple[tuple[float, float, float, float, float], ...]:
    """(column, row, x, y, z) of ground control points."""
    values = np.asarray(tags[TIE_POINTS].value, np.float64)
    points = values[: len(values) // 6 * 6].reshape(-1, 6)
    return tuple((float(p[0]), float(p[1]), float(p[3]), float(p[4]), float(p[5])) for p in points)


def _fitted(points: tuple[tuple[float, float, float, float, float], ...]) -> Transform | None:
    """The affine transform that meets all points; None for fewer than three or where none does."""
    if not 3 <= len(points) <= _MAX_POINTS:
        return None
    values = np.array(points)
    if not np.isfinite(values).all():
        return None
    pixels = np.column_stack([values[:, 0], values[:, 1], np.ones(len(values))])
    solution, _, rank, _ = np.linalg.lstsq(pixels, values[:, 2:4], rcond=None)
    if rank < 3:
        return None
    (a, d), (b, e), (c, f) = solution.tolist()
    size = max(math.hypot(a, d), math.hypot(b, e))
    if np.abs(pixels @ solution - values[:, 2:4]).max() > _MAX_EXACT_PX * size:
        return None
    return a, b, c, d, e, f
