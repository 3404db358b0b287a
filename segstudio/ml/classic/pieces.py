"""Areas of a picture as objects, found in pieces so that memory does not grow with the image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.ml.api import ObjectResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from segstudio.ml.classic.picture import Request

PIECE_PX = 768
"""Side of the pieces; an area ends at their borders, as superpixels end anywhere."""
MOST_OBJECTS = 20000
"""A layer holds 65 534 segments; so many of them leave room for others."""


def objects_of(
    request: Request, cut: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.int32]]
) -> Iterator[ObjectResult]:
    """Each area that *cut* makes of the picture, as an object of class 1; pixels without data are left out.

    *cut* gives (h, w) int32 ids from 0 of (h, w, 3) uint8.
    """
    for piece in request.pieces(PIECE_PX):
        rgb, is_valid = request.picture.rgb(piece)
        if not is_valid.any():
            continue
        labels = np.where(is_valid, cut(rgb), -1)
        for part in request.within(piece):
            yield from objects_in(labels[part.moved(-piece.x, -piece.y).slices], part)


def objects_in(
    labels: npt.NDArray[np.integer], rect: Rect, classes: npt.NDArray[np.uint8] | None = None
) -> Iterator[ObjectResult]:
    """An object for each id ≥ 0 of (h, w) *labels* over *rect*; *classes* gives each id's class, 1 where None."""
    from scipy import ndimage

    for index, box in enumerate(ndimage.find_objects(labels.astype(np.int64) + 1)):
        if box is None:
            continue
        rows, columns = box
        mask = labels[box] == index
        at = Rect(rect.x + columns.start, rect.y + rows.start, mask.shape[1], mask.shape[0])
        yield ObjectResult(at, mask, 1 if classes is None else int(classes[index]), 1.0)


def fitting_size(size_px: float, width: int, height: int) -> float:
    """*size_px*, or more where areas of that side would be more than :data:`MOST_OBJECTS`."""
    return max(size_px, math.sqrt(width * height / MOST_OBJECTS))
