"""Which images to label next: the unsure ones first, those unlike the others first, or both at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.class_need import ClassNeed

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
    need: ClassNeed | None = None,
) -> list[Pick]:
    """Every image once, the most worthwhile first.

    *uncertainty* is (n,), larger = less sure, NaN = unknown (then it counts as the middle); *features* (n, d), one vector an
    image, and *labelled* (m, d), those of images that need no labelling any more. ``diversity`` is the greedy k-centre (Sener
    and Savarese 2018, arXiv:1708.00489): each time the image farthest from all labelled and picked ones; ``both`` picks the
    one with the largest product of its worth and its distance, and ``uncertainty`` the one of the largest worth, where one that
    is nearer to those than half of all images are to what is labelled is worth proportionally less: a second picture of the same
    scene teaches little. Worth is what *need* says, each pick taken into account, else the rank in uncertainty. Without
    features only that counts. Distances are Euclidean between features brought to mean 0 and deviation 1 in each dimension.
    """
    known = np.asarray(uncertainty, np.float64)
    if not len(known):
        return []
    ranks = _ranks(known if need is None else need.worth())
    # Where nothing is known of what they show, all are alike.
    given = np.zeros((len(known), 1)) if features is None else features
    points, done = _standardised(np.asarray(given, np.float32), None if features is None else labelled)
    order, distances = _greedy(_Nearest(points, done), _Score(by, ranks, need))
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
        self._usual: float | None = None
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

    def fresh(self) -> npt.NDArray[np.float32]:
        """(n,) 0 … 1: 1 from the median distance on that there was at first, proportionally less for what is nearer."""
        if self._usual is None:
            if not np.isfinite(self.to_picked).any():
                return np.ones(len(self.to_picked), np.float32)
            self._usual = float(np.median(self.to_picked))
        if not self._usual:
            return np.ones(len(self.to_picked), np.float32)
        fresh: npt.NDArray[np.float32] = np.minimum(self.to_picked / np.float32(self._usual), 1)
        return fresh

    def apart(self) -> npt.NDArray[np.float32]:
        """(n,) distance to what is done or picked; while there is nothing to keep away from, how typical each point is."""
        if np.isfinite(self.to_picked).any():
            return self.to_picked
        # The most typical image tells most about the others.
        middle = self.from_middle()
        typical: npt.NDArray[np.float32] = middle.max(initial=0.0) - middle
        return typical

    def from_middle(self) -> npt.NDArray[np.float32]:
        """(n,) distances from the middle of all points."""
        apart: npt.NDArray[np.float32] = np.linalg.norm(self._points - self._points.mean(axis=0), axis=1)
        return apart


class _Score:
    """How much each image is worth next, as :func:`order_images` says."""

    def __init__(self, by: Basis, ranks: npt.NDArray[np.float64], need: ClassNeed | None) -> None:
        self._by, self._ranks, self._need = by, ranks, need

    def now(self, nearest: _Nearest) -> npt.NDArray[np.floating]:
        """(n,) ≥ 0, larger = more."""
        if self._by == "diversity":
            return nearest.apart() + 1e-6 * (1 + self._ranks)
        if self._by == "uncertainty":
            return self._worth() * nearest.fresh()
        return self._worth() * (nearest.apart() + 1e-6)

    def _worth(self) -> npt.NDArray[np.float64]:
        if self._need is None:
            return 0.05 + 0.95 * self._ranks
        worth = self._need.worth()
        # Where a model is sure of everything, the rest still decides.
        return worth / (float(worth.max(initial=0.0)) or 1.0) + 1e-3

    def pick(self, index: int) -> None:
        """The *index*-th image comes next."""
        if self._need is not None:
            self._need.pick(index)


def _greedy(nearest: _Nearest, score: _Score) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The images by *score*, told anew after each pick, and the distance each had when picked."""
    count = len(nearest.to_picked)
    distances = np.zeros(count, np.float32)
    is_left = np.ones(count, np.bool_)
    order: list[int] = []
    affordable = max(LEAST_PICKED, int(MOST_PRODUCTS / max(1, nearest.size)))
    for _ in range(min(count, PICKED_APART, affordable)):
        chosen = int(np.argmax(np.where(is_left, score.now(nearest), -1.0)))
        order.append(chosen)
        distances[chosen] = nearest.to_picked[chosen]
        is_left[chosen] = False
        nearest.pick(chosen)
        score.pick(chosen)
    rest = np.flatnonzero(is_left)
    distances[rest] = nearest.to_picked[rest]
    later = rest[np.argsort(-score.now(nearest)[rest], kind="stable")]
    return np.concatenate([np.array(order, np.intp), later]), distances
