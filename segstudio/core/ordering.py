"""Which images to label next: the unsure ones first, those unlike the others first, or both at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

Basis = Literal["uncertainty", "diversity", "both"]
BASES: tuple[Basis, ...] = get_args(Basis)
Reason = Literal["unsure", "different", "both", ""]
"""Why an image comes where it does: the model is unsure of it, it is unlike what came before it, both, or neither."""

PICKED_APART = 2000
"""So many images are picked one by one with an eye on all before; the others follow by uncertainty and distance."""
LEAST_PICKED, MOST_PRODUCTS = 100, 1e10
"""Of very many images fewer are, down to the first: it must not take minutes."""
STANDS_OUT = 0.7
"""An image stands out in something when so large a share of the images has less of it."""


@dataclass(frozen=True)
class Pick:
    """An image's place in an order: its ``index`` in what was given, and why it is there.

    ``uncertainty`` is what was given; ``distance`` (0 … 1, of the longest there is) tells how unlike it is of the nearest
    image that is labelled or comes before it, 0 where there is none.
    """

    index: int
    uncertainty: float
    distance: float
    reason: Reason


def order_images(
    uncertainty: npt.NDArray[np.floating],
    features: npt.NDArray[np.floating] | None = None,
    *,
    by: Basis = "both",
    labelled: npt.NDArray[np.floating] | None = None,
) -> list[Pick]:
    """Every image once, the most worthwhile first.

    *uncertainty* is (n,), larger = less sure, NaN = unknown (then it counts as the middle); *features* (n, d), one vector an
    image, and *labelled* (m, d), those of images that need no labelling any more. ``diversity`` is the greedy k-centre (Sener
    and Savarese 2018, arXiv:1708.00489): each time the image farthest from all labelled and picked ones; ``both`` picks the
    one with the largest product of its rank in uncertainty and its distance. Without features only uncertainty counts.
    Distances are Euclidean between features brought to mean 0 and deviation 1 in each dimension.
    """
    known = np.asarray(uncertainty, np.float64)
    count = len(known)
    if not count:
        return []
    ranks = _ranks(known)
    if features is None:
        order = np.argsort(-ranks, kind="stable")
        return [Pick(int(i), float(known[i]), 0.0, "unsure" if ranks[i] >= STANDS_OUT else "") for i in order]
    points, done = _standardised(np.asarray(features, np.float32), labelled)
    nearest = _Nearest(points, done)
    if by == "uncertainty":
        order, distances = np.argsort(-ranks, kind="stable"), nearest.to_picked.copy()
    elif by == "diversity":
        order, distances = _greedy(nearest, lambda distance: distance + 1e-6 * ranks)
    else:
        order, distances = _greedy(nearest, lambda distance: (distance + 1e-6) * (0.05 + 0.95 * ranks))
    return _told(order, known, ranks, distances)


def _told(
    order: npt.NDArray[np.intp],
    known: npt.NDArray[np.float64],
    ranks: npt.NDArray[np.float64],
    distances: npt.NDArray[np.float32],
) -> list[Pick]:
    longest = float(distances[np.isfinite(distances)].max(initial=0.0)) or 1.0
    # Where there is nothing to be unlike of, nothing is.
    shares = np.where(np.isfinite(distances), distances / longest, 0.0)
    far = np.quantile(shares, STANDS_OUT)
    picks = []
    for i in order:
        is_unsure, is_far = ranks[i] >= STANDS_OUT, shares[i] >= max(far, 0.3)
        reason: Reason = "both" if is_unsure and is_far else "unsure" if is_unsure else "different" if is_far else ""
        picks.append(Pick(int(i), float(known[i]), float(shares[i]), reason))
    return picks


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) 0 … 1: which share of the images has less; equals share a rank, and the unknown are in the middle."""
    ranks = np.full(len(values), 0.5)
    is_known = np.isfinite(values)
    if is_known.sum() > 1:
        _, place, times = np.unique(values[is_known], return_inverse=True, return_counts=True)
        before = np.cumsum(times) - times
        ranks[is_known] = (before + (times - 1) / 2)[place] / (is_known.sum() - 1)
    return ranks


def _standardised(
    features: npt.NDArray[np.float32], labelled: npt.NDArray[np.floating] | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    done = np.zeros((0, features.shape[1]), np.float32) if labelled is None else np.asarray(labelled, np.float32)
    both = np.nan_to_num(np.concatenate([features, done]))
    spread = both.std(axis=0)
    scaled = (both - both.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    return scaled[: len(features)], scaled[len(features) :]


class _Nearest:
    """How far each point is from the nearest one that is done or picked; infinite where there is none."""

    def __init__(self, points: npt.NDArray[np.float32], done: npt.NDArray[np.float32]) -> None:
        self._points = points
        self._squares = (points * points).sum(axis=1)
        self.to_picked = np.full(len(points), np.inf, np.float32)
        for point in done:
            self.add(point)

    @property
    def size(self) -> int:
        """How many numbers the points are."""
        return self._points.size

    def add(self, point: npt.NDArray[np.float32]) -> None:
        squared = self._squares - 2 * (self._points @ point) + float(point @ point)
        np.minimum(self.to_picked, np.sqrt(np.maximum(squared, 0)), out=self.to_picked)

    def pick(self, index: int) -> None:
        self.add(self._points[index])

    def from_middle(self) -> npt.NDArray[np.float32]:
        """(n,) distances from the middle of all points."""
        apart: npt.NDArray[np.float32] = np.linalg.norm(self._points - self._points.mean(axis=0), axis=1)
        return apart


def _greedy(
    nearest: _Nearest, worth: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.floating]]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The images by *worth* of their distance, told anew after each pick, and the distance each had when picked."""
    count = len(nearest.to_picked)
    distances = np.zeros(count, np.float32)
    is_left = np.ones(count, np.bool_)
    order: list[int] = []
    affordable = max(LEAST_PICKED, int(MOST_PRODUCTS / max(1, nearest.size)))
    for _ in range(min(count, PICKED_APART, affordable)):
        now = nearest.to_picked
        if not np.isfinite(now).any():
            # Nothing to keep away from yet: the most typical image tells most about the others.
            middle = nearest.from_middle()
            now = middle.max(initial=0.0) - middle + np.float32(1e-6)
        chosen = int(np.argmax(np.where(is_left, worth(now), -1.0)))
        order.append(chosen)
        distances[chosen] = nearest.to_picked[chosen]
        is_left[chosen] = False
        nearest.pick(chosen)
    rest = np.flatnonzero(is_left)
    distances[rest] = nearest.to_picked[rest]
    later = rest[np.argsort(-worth(nearest.to_picked)[rest], kind="stable")]
    return np.concatenate([np.array(order, np.intp), later]), distances
