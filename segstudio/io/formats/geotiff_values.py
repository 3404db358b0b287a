"""The values of a mask in a TIFF, as they are stored, a few rows at a time; palettes are not looked up, nothing is scaled."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect
from segstudio.io.formats.map_place import MapPlace
from segstudio.io.readers.chunk_cache import ChunkCache
from segstudio.io.readers.file_bytes import FileBytes
from segstudio.io.readers.limits import sentences
from segstudio.io.readers.tiff_level import LevelWindows
from segstudio.io.readers.tiff_plan import TiffPlan, open_tiff, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

_CACHE_BYTES = 32 << 20
_PALETTE = 3


@dataclass(frozen=True, eq=False)
class MaskHeader:
    """What a mask's tags say. ``colors`` are the (n, 3) uint8 of its palette, ``bands`` the values a pixel has."""

    path: Path
    width: int
    height: int
    bands: int
    dtype: np.dtype[Any]
    depth: int
    nodata: float | None
    place: MapPlace
    colors: npt.NDArray[np.uint8] | None

    @property
    def is_deep(self) -> bool:
        """Whether it can hold values above 255."""
        return self.dtype.itemsize > 1


@contextmanager
def _planned(path: Path) -> Iterator[tuple[TiffPlan, MaskHeader]]:
    with sentences(path), open_tiff(path) as tif:
        plan = plan_of(path, tif)
        if plan.orientation != 1:
            raise UserError("The mask is stored turned", path=path, remedy="save it upright")
        yield plan, _header(path, plan)


def _header(path: Path, plan: TiffPlan) -> MaskHeader:
    info, page = plan.info, plan.levels[0].keyframe
    transform = info.metadata.get("transform")
    place = MapPlace(None if transform is None else tuple(map(float, transform)), str(info.metadata.get("crs") or ""))  # type: ignore[arg-type]
    is_palette = plan.photometric == _PALETTE
    bands = 1 if is_palette else info.bands
    colors = None
    if is_palette and plan.palette is not None:
        colors = (np.asarray(plan.palette, np.uint16) >> 8).astype(np.uint8).T
    kind = np.dtype(page.dtype).newbyteorder("=")
    return MaskHeader(
        path, info.width, info.height, bands, kind, info.depth, info.metadata.get("nodata"), place, colors
    )


def mask_header(path: Path) -> MaskHeader:
    """The header; UserError where it is damaged or no TIFF."""
    with _planned(path) as (_, header):
        return header


def mask_rows(
    path: Path, report: Callable[[str], None], cancel: Cancel = NEVER
) -> Iterator[tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_] | None]]:
    """(y, values (rows, width, bands), where there is data or None for all) from the top.

    Tiles that are damaged are told to *report* and hold no data.

    Raises
    ------
    UserError
        When the file is damaged or gone.
    """
    with _planned(path) as (plan, header):
        file, cache = FileBytes(path), ChunkCache(_CACHE_BYTES)
        raw = replace(
            plan,
            palette=None,
            photometric=1,
            bits=8 * header.dtype.itemsize,
            info=replace(plan.info, dtype=_kind(header)),
        )
        level = LevelWindows(raw, plan.levels[0], file, cache, report)
        rows = level.chunk_rows * math.ceil(TILE / level.chunk_rows)
        try:
            for y in range(0, header.height, rows):
                check(cancel)
                rect = Rect(0, y, header.width, min(rows, header.height - y))
                values = level.read(0, rect)
                if header.dtype == np.bool_:
                    values = values // 255
                yield y, values, level.mask_window(0, rect)
        finally:
            cache.clear()
            file.close()


def _kind(header: MaskHeader) -> str:
    return "uint8" if header.dtype == np.bool_ else str(header.dtype)
