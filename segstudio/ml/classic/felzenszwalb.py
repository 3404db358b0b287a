"""Graph-based areas of even colour: P. Felzenszwalb and D. Huttenlocher, 2004."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.ml.classic.pieces import MOST_OBJECTS, objects_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import ObjectResult
    from segstudio.ml.classic.picture import Request


def find(request: Request) -> Iterator[ObjectResult]:
    """Areas of at least ``least_px`` pixels; more where there would be too many."""
    from skimage.segmentation import felzenszwalb

    picture, options = request.picture, request.options
    least = max(int(options["least_px"]), picture.width * picture.height // MOST_OBJECTS)

    def cut(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
        sigma = float(options["sigma_px"])
        return np.asarray(
            felzenszwalb(rgb, scale=float(options["scale"]), sigma=sigma, min_size=least, channel_axis=-1), np.int32
        )

    return objects_of(request, cut)
