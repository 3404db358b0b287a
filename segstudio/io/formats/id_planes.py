"""Label layers and planes of ids: read in strips, and taken apart into objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.geometry import TILE, Rect

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer


def id_strips(layer: LabelLayer, cancel: Cancel = NEVER) -> Iterator[npt.NDArray[np.uint16]]:
    """Segment ids of a whole layer, plane by plane, a row of tiles at a time."""
    for z in range(layer.depth):
        for y in range(0, layer.height, TILE):
            check(cancel)
            yield layer.read(Rect(0, y, layer.width, min(TILE, layer.height - y)), z)


def parts_of(ids: npt.NDArray[Any]) -> Iterator[tuple[int, int, int, npt.NDArray[np.bool_]]]:
    """(id, x, y, (h, w) mask) of each id above 0 of an (h, w) array of whole numbers, in order of the ids."""
    from scipy.ndimage import find_objects

    numbers, places = np.unique(ids, return_inverse=True)
    # Ids may be any large numbers: find_objects makes a list as long as the highest.
    places = places.reshape(ids.shape)
    for number, box in zip(numbers.tolist(), find_objects(places + 1)):
        if number > 0 and box is not None:
            rows, columns = box
            yield number, columns.start, rows.start, places[box] == int(np.searchsorted(numbers, number))
