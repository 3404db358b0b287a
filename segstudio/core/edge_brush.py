"""The edge-aware brush: of a dab only what is connected to its centre and of like colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

SPECK_PX = 8
"""A hole of at most so many pixels inside a dab is noise and is painted as well."""
_FOUND = 2


def color_at(rgb: npt.NDArray[np.uint8], x: int, y: int) -> npt.NDArray[np.uint8]:
    """(3,) uint8: the median colour of the 3 × 3 pixels around (x, y) of *rgb* (h, w, 3)."""
    around = rgb[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].reshape(-1, 3)
    return np.asarray(np.median(around, axis=0), np.uint8)


def edge_dab(
    rgb: npt.NDArray[np.uint8],
    dab: npt.NDArray[np.bool_],
    centre_xy: tuple[int, int],
    tolerance: float,
    color: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray[np.bool_]:
    """What of *dab* (h, w) bool is reached from its centre over pixels of like colour: (h, w) bool.

    Parameters
    ----------
    rgb
        (h, w, 3) uint8: the picture below the dab.
    centre_xy
        The pixel (x, y) of it that the dab starts from.
    tolerance
        How far each channel may lie from the colour, 0 … 255.
    color
        (3,) uint8: the colour to look for; None = that at the centre (the median of 3 × 3 pixels).

    Notes
    -----
    Pixels are connected by their sides, so that a line of one pixel is an edge, drawn diagonally too. Holes of
    :data:`SPECK_PX` pixels at most are filled.
    """
    x, y = centre_xy
    own = color_at(rgb, x, y)
    color = own if color is None else color
    nothing = np.zeros(dab.shape, np.bool_)
    if not dab[y, x] or int(cv2.absdiff(own, color).max()) > tolerance:
        return nothing
    picture = np.ascontiguousarray(rgb).copy()
    picture[y, x] = color  # OpenCV compares with the pixel that it starts from
    wall = np.ones((dab.shape[0] + 2, dab.shape[1] + 2), np.uint8)
    wall[1:-1, 1:-1] = ~dab
    reach = (float(tolerance),) * 3
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (_FOUND << 8)
    cv2.floodFill(picture, wall, (x, y), 0, reach, reach, flags)
    # The ring round it joins all that lies outside into one piece.
    found = np.zeros_like(wall)
    found[1:-1, 1:-1] = wall[1:-1, 1:-1] == _FOUND
    return _without_specks(found)[1:-1, 1:-1]


def _without_specks(found: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """The region with its small holes filled; its outermost ring must be 0."""
    count, numbers, sizes, _ = cv2.connectedComponentsWithStats(1 - found, connectivity=4)
    is_filled = np.zeros(count, np.bool_)
    is_filled[0] = True  # the region itself
    is_filled[1:] = sizes[1:, cv2.CC_STAT_AREA] <= SPECK_PX
    is_filled[int(numbers[0, 0])] = False
    return np.asarray(is_filled[numbers], np.bool_)
