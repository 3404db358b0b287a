"""A blurred picture of a large image without levels, from a few of its tiles, until there is a better one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.io.readers.memory import resized

if TYPE_CHECKING:
    import numpy.typing as npt

_BUDGET_PX = 1 << 24
"""So many pixels are decoded for it."""
_MOST_COLUMNS = 512


class _Source(Protocol):
    width: int
    height: int

    def read(self, z: int, rect: Rect) -> npt.NDArray[Any]: ...


def sampled(source: _Source, z: int) -> npt.NDArray[Any]:
    """(row, column, band) means of tiles spread evenly over a plane (of strips: a line each)."""
    tile_width = min(source.width, int(getattr(source, "chunk_columns", source.width)))
    tile_height = min(source.height, int(getattr(source, "chunk_rows", 1)))
    across, down = math.ceil(source.width / tile_width), math.ceil(source.height / tile_height)
    share = math.sqrt(min(1.0, _BUDGET_PX / (source.width * source.height)))
    if across == 1:
        columns, rows = 1, max(1, min(down, int(down * share * share)))
    else:
        columns, rows = max(1, int(across * share)), max(1, int(down * share))
    cell_width = min(_MOST_COLUMNS, tile_width) if across == 1 else 1
    lines = []
    for row in range(rows):
        y = int((row + 0.5) * down / rows) * tile_height
        cells = []
        for column in range(columns):
            x = int((column + 0.5) * across / columns) * tile_width
            values = source.read(z, Rect(x, y, tile_width, tile_height).clipped(source.width, source.height))
            cells.append(resized(np.ascontiguousarray(values), cell_width, 1))
        lines.append(np.concatenate(cells, axis=1))
    return np.concatenate(lines, axis=0)


def enlarged(small: npt.NDArray[Any], width: int, height: int) -> npt.NDArray[Any]:
    """*small* smoothly brought to (height, width, band)."""
    kind = small.dtype
    values = small if kind in (np.uint8, np.uint16, np.float32) else small.astype(np.float64)
    planes = [
        cv2.resize(np.ascontiguousarray(values[:, :, band]), (width, height), interpolation=cv2.INTER_LINEAR)
        for band in range(values.shape[2])
    ]
    return np.stack(planes, axis=-1).astype(kind, copy=False)
