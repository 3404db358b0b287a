"""Objects of a mask that has none: its connected pieces, cut apart where they hang together by a neck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.region_splits import touching_parts

if TYPE_CHECKING:
    import numpy.typing as npt


def objects_of_mask(
    mask: npt.NDArray[np.bool_], neck_px: float | None = None, least_px: int = 0
) -> npt.NDArray[np.int32]:
    """(y, x) int32 object ids 1 … n of a (y, x) *mask*, 0 outside.

    Objects are its connected pieces (at corners too), and with *neck_px* the parts of these as in
    :func:`segstudio.core.region_splits.touching_parts`. Objects of fewer than *least_px* pixels are left out.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    ids = np.zeros(mask.shape, np.int32)
    last = 0
    for piece in range(1, count):
        x, y, width, height, _area = (int(v) for v in stats[piece])
        part = (slice(y, y + height), slice(x, x + width))
        own = labels[part] == piece
        parts = own.astype(np.int32) if neck_px is None else touching_parts(own, neck_px)
        areas = np.bincount(parts.ravel())
        is_kept = areas >= max(least_px, 1)
        is_kept[0] = False
        numbers = np.where(is_kept, last + np.cumsum(is_kept), 0).astype(np.int32)
        ids[part] = np.where(own, numbers[parts], ids[part])
        last = max(last, int(numbers.max(initial=0)))
    return ids
