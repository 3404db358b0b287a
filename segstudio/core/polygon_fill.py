"""Areas with holes as masks, whatever the outlines' corners: the pixels whose centres lie inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.brush import crossings
from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def ring_bounds(rings: Sequence[npt.NDArray[np.float64]], width: int, height: int) -> Rect:
    """The pixels of a *width* × *height* image that outlines, (n, 2) x, y each, can reach."""
    if not rings:
        return EMPTY
    low = np.min([ring.min(axis=0) for ring in rings], axis=0)
    high = np.max([ring.max(axis=0) for ring in rings], axis=0)
    size = np.array([width, height], np.float64)
    left, top = np.clip(np.floor(low), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, size).astype(int).tolist()
    return Rect(left, top, right - left, bottom - top) if right > left and bottom > top else EMPTY


def fill_area(rings: Sequence[npt.NDArray[np.float64]], rect: Rect) -> npt.NDArray[np.bool_]:
    """(rect.height, rect.width) bool: what the *rings* of one polygon, (n, 2) x, y each, fill inside *rect* (even-odd rule).

    Rings need not be closed, nor turn any way round. Those of :func:`segstudio.core.polygons.outlines` give back their mask.
    """
    flips = np.zeros((rect.height, rect.width + 1), np.uint8)
    flat = flips.reshape(-1)
    for ring in rings:
        for rows, columns in crossings(np.asarray(ring, np.float64), (rect.y, rect.bottom)):
            np.clip(columns - rect.x, 0, rect.width, out=columns)
            # Two edges may cross a row in the same pixel: each of them counts.
            np.bitwise_xor.at(flat, (rows - rect.y) * (rect.width + 1) + columns, np.uint8(1))
    np.bitwise_xor.accumulate(flips, axis=1, out=flips)
    return flips[:, :-1].view(np.bool_)
