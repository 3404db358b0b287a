"""Where a person would click next, to train click models with, to measure them and to simulate labelling.

The usual protocol of interactive segmentation (Xu et al. 2016, arXiv:1603.04042; Sofiiuk et al. 2021, «RITM»,
arXiv:2102.06583): the next click goes to the middle of the largest wrong region, as a positive one where the object was
missed and a negative one where background was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

INNER = 0.5
"""A careless click lies at least this part of the way from the region's edge to its middle."""


@dataclass(frozen=True)
class Click:
    """A click on pixel (``x``, ``y``)."""

    x: int
    y: int
    is_positive: bool


def next_click(
    truth: npt.NDArray[np.bool_],
    predicted: npt.NDArray[np.bool_],
    clicks: Sequence[Click] = (),
    rng: np.random.Generator | None = None,
    ignore: npt.NDArray[np.bool_] | None = None,
) -> Click | None:
    """The click that corrects *predicted* (y, x) most; None when nothing is wrong, or every wrong pixel was clicked.

    Without *rng* it is the pixel farthest from the edge of the wrong region (its first in reading order, among equals);
    with one, any pixel at least half as far in as that. Pixels of *clicks* and those to *ignore* are never chosen. The
    image's border counts as an edge.
    """
    missed = truth & ~predicted
    taken = predicted & ~truth
    if ignore is not None:
        missed &= ~ignore
        taken &= ~ignore
    depths = [_depth(missed, clicks), _depth(taken, clicks)]
    deepest = [float(depth.max(initial=0)) for depth in depths]
    if max(deepest) <= 0:
        return None
    is_positive = deepest[0] >= deepest[1]
    depth, most = (depths[0], deepest[0]) if is_positive else (depths[1], deepest[1])
    if rng is None:
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    else:
        inner = np.flatnonzero(depth >= max(most * INNER, 1e-6))
        y, x = np.unravel_index(int(inner[rng.integers(len(inner))]), depth.shape)
    return Click(int(x), int(y), bool(is_positive))


def _depth(region: npt.NDArray[np.bool_], clicks: Sequence[Click]) -> npt.NDArray[np.float32]:
    """How far each pixel of *region* lies from its edge, in pixels; 0 outside and where somebody clicked."""
    if not region.any():
        return np.zeros(region.shape, np.float32)
    padded = np.pad(region.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1].astype(np.float32)
    for click in clicks:
        if 0 <= click.y < depth.shape[0] and 0 <= click.x < depth.shape[1]:
            depth[click.y, click.x] = 0
    return np.asarray(depth)


def iou(
    truth: npt.NDArray[np.bool_], predicted: npt.NDArray[np.bool_], ignore: npt.NDArray[np.bool_] | None = None
) -> float:
    """Intersection over union of two masks, pixels to *ignore* left out; 1 when both are empty."""
    if ignore is not None:
        truth, predicted = truth & ~ignore, predicted & ~ignore
    union = int(np.count_nonzero(truth | predicted))
    return int(np.count_nonzero(truth & predicted)) / union if union else 1.0
