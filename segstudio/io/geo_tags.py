"""The geo-reference of a GeoTIFF, carried from an image to its mask tag by tag (OGC GeoTIFF 1.1), so that none of it is lost."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

TIFF_SUFFIXES = (".tif", ".tiff")
KEY_DIRECTORY = 34735
PIXEL_SCALE, TIE_POINTS, TRANSFORM = 33550, 33922, 34264
GEO_TAGS = (PIXEL_SCALE, TIE_POINTS, TRANSFORM, KEY_DIRECTORY, 34736, 34737)

GeoTags = tuple[tuple[int, int, int, Any, bool], ...]
"""tifffile's extratags: (code, type, count, value, write once)."""


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


def geotiff_bytes(mask: npt.NDArray[Any], tags: GeoTags) -> bytes:
    """A deflated, tiled TIFF of a (y, x) uint8 or uint16 mask with the geo-reference *tags*."""
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        mask,
        photometric="minisblack",
        compression="zlib",
        predictor=False,
        tile=(256, 256),
        metadata=None,
        extratags=list(tags),
        software="segstudio",
    )
    return buffer.getvalue()
