"""What takes rasterio (extra ``geo``): coordinate systems as WKT."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.io.readers.extras import imported, needs
from segstudio.io.readers.libraries import load_beside

if TYPE_CHECKING:
    from pathlib import Path


def crs_text(path: Path, epsg: int | None, notes: list[str]) -> str:
    """WKT of a GeoTIFF's coordinate system; ``EPSG:n`` where rasterio is missing, "" where nothing is known."""
    if epsg is not None:
        return _wkt(epsg)
    try:
        needs("rasterio", "Coordinate systems without an EPSG number", "geo", path)
    except UserError as error:
        notes.append(str(error))
        return ""
    return _described(path)


@lru_cache(maxsize=64)
def _wkt(epsg: int) -> str:
    name = f"EPSG:{epsg}"
    load_beside("rasterio")
    try:
        imported("rasterio")
        from rasterio.crs import CRS
    except ImportError:
        return name
    try:
        return str(CRS.from_epsg(epsg).to_wkt())
    except Exception:  # noqa: BLE001 - a number that PROJ does not know is still the file's own
        return name


def _described(path: Path) -> str:
    import warnings

    rasterio = imported("rasterio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(path) as dataset:
                return str(dataset.crs.to_wkt()) if dataset.crs else ""
    except Exception:  # noqa: BLE001 - what GDAL can't read is no reason not to show the picture
        return ""
