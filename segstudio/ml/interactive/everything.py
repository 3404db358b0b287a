"""«Segment everything»: a grid of clicks, each its own question; what is stable and not found twice is kept. No torch here.

Kirillov et al., «Segment Anything», 2023, §4 and appendix B: a mask counts when the model is sure of it and when moving
the threshold hardly changes it (stability score); of masks that cover the same, the best stays (non-maximum suppression).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from segstudio.core.cancel import NEVER, check
from segstudio.core.geometry import Rect
from segstudio.core.progress import no_progress
from segstudio.core.regions import tightened

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink

PER_SIDE = 16
"""Points along the longer side of the picture."""
LEAST_SCORE = 0.6
LEAST_STABILITY = 0.78
SLACK = 0.73105858
"""Probability of logit 1: the stability score holds the mask at logit 1 against that at −1."""
SAME_IOU = 0.6
"""Masks that overlap more are one object found twice."""
LEAST_OWN = 0.5
"""An object of which better ones cover more than the rest is dropped."""
LEAST_PX = 16
MOST_SHARE = 0.5
"""A mask that fills more of the picture is its ground, no object."""


class PointAnswers(Protocol):
    """What is asked: :class:`segstudio.ml.interactive.run.Clicks`, not named here, since it may come to need torch."""

    def answers_to_points(
        self, key: Hashable, image: npt.NDArray[np.uint8], points_xy: npt.NDArray[np.float32], say: ProgressSink = ...
    ) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
        """((M, y, x) probabilities, (M,) scores) for each of (N, 2) points, as if it were the only prompt."""
        ...


@dataclass(frozen=True, eq=False)
class FoundObject:
    """An object in a picture: ``mask`` (h, w) bool over ``rect`` in its pixels.

    ``score`` 0 … 1 says how sure the model is, ``stability`` 0 … 1 how little the mask depends on the threshold.
    """

    mask: npt.NDArray[np.bool_]
    rect: Rect
    score: float
    stability: float

    @property
    def area_px(self) -> int:
        """Pixels of it."""
        return int(np.count_nonzero(self.mask))

    @property
    def worth(self) -> float:
        """What it is ranked by."""
        return self.score * self.stability


def grid_points(height: int, width: int, per_side: int = PER_SIDE) -> npt.NDArray[np.float32]:
    """(N, 2) float32 (x, y) in the middle of the cells of a grid, *per_side* along the longer side; coarse ones first.

    The order lets the first points find the large objects, so that the later ones need not be asked.
    """
    step = max(height, width) / max(1, per_side)
    columns, rows = max(1, round(width / step)), max(1, round(height / step))
    xs = (np.arange(columns) + 0.5) * width / columns
    ys = (np.arange(rows) + 0.5) * height / rows
    places = [(_rank(row) + _rank(column), row, column) for row in range(rows) for column in range(columns)]
    return np.array([(xs[column], ys[row]) for _, row, column in sorted(places)], np.float32).reshape(-1, 2)


def stability_of(probability: npt.NDArray[np.float32]) -> float:
    """How little the mask of (y, x) probabilities depends on the threshold: IoU of the strict and the generous mask."""
    strict = int(np.count_nonzero(probability >= SLACK))
    generous = int(np.count_nonzero(probability >= 1 - SLACK))
    return strict / generous if generous else 0.0


def found_object(probability: npt.NDArray[np.float32], score: float) -> FoundObject | None:
    """The object that (y, x) probabilities show; None when it is too small, too large, doubtful or unstable."""
    mask, rect = tightened(probability >= 0.5, Rect(0, 0, probability.shape[1], probability.shape[0]))
    area = int(np.count_nonzero(mask))
    if area < LEAST_PX or area > MOST_SHARE * probability.size or score < LEAST_SCORE:
        return None
    stability = stability_of(probability)
    return FoundObject(mask, rect, float(score), stability) if stability >= LEAST_STABILITY else None


def distinct(found: Iterable[FoundObject]) -> list[FoundObject]:
    """Non-maximum suppression: the best first; of those that cover the same the best, the others cut to what is their own.

    Objects that lie inside a larger one and are worth more keep their pixels; no two of the answer overlap.
    """
    kept: list[FoundObject] = []
    for one in sorted(found, key=lambda item: item.worth, reverse=True):
        if any(_iou(one, other) > SAME_IOU for other in kept):
            continue
        own = one.mask.copy()
        for other in kept:
            shared = one.rect.intersected(other.rect)
            if not shared.is_empty:
                theirs = other.mask[shared.moved(-other.rect.x, -other.rect.y).slices]
                own[shared.moved(-one.rect.x, -one.rect.y).slices] &= ~theirs
        if np.count_nonzero(own) < max(LEAST_PX, LEAST_OWN * one.area_px):
            continue
        mask, rect = tightened(_largest(own), one.rect)
        kept.append(replace(one, mask=mask, rect=rect))
    return kept


class Covered:
    """Which pixels of a picture (y, x) objects hold already: points there need not be asked."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.mask = np.zeros(shape, np.bool_)

    def add(self, found: FoundObject) -> None:
        """Another object."""
        self.mask[found.rect.slices] |= found.mask

    def block(self, mask: npt.NDArray[np.bool_]) -> None:
        """Nothing is to be found where *mask* (y, x) is set."""
        self.mask |= mask

    def open_points(self, points_xy: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Those of the (N, 2) points that lie on nothing yet."""
        columns = np.clip(points_xy[:, 0].astype(int), 0, self.mask.shape[1] - 1)
        rows = np.clip(points_xy[:, 1].astype(int), 0, self.mask.shape[0] - 1)
        return np.asarray(points_xy[~self.mask[rows, columns]], np.float32)


def find_at(
    clicks: PointAnswers,
    key: Hashable,
    image: npt.NDArray[np.uint8],
    points_xy: npt.NDArray[np.float32],
    say: ProgressSink = no_progress,
) -> list[FoundObject]:
    """What the model takes each of (N, 2) points for, one by one; what does not pass :func:`found_object` is left out.

    Raises
    ------
    UserError
        As :meth:`segstudio.ml.interactive.run.Clicks.answer`.
    """
    found = []
    for probabilities, scores in clicks.answers_to_points(key, image, points_xy, say):
        passed = [found_object(p, float(s)) for p, s in zip(probabilities, scores, strict=True)]
        best = max((one for one in passed if one is not None), key=lambda one: one.worth, default=None)
        if best is not None:
            found.append(best)
    return found


def everything(
    clicks: PointAnswers,
    key: Hashable,
    image: npt.NDArray[np.uint8],
    *,
    per_side: int = PER_SIDE,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
    chunk: int = 8,
) -> list[FoundObject]:
    """All objects that a grid of clicks finds in *image* (y, x, 3) uint8, none overlapping another.

    Raises
    ------
    Cancelled
        When *cancel* was set.
    UserError
        As :func:`find_at`.
    """
    points = grid_points(image.shape[0], image.shape[1], per_side)
    covered, found, done = Covered((image.shape[0], image.shape[1])), [], 0
    while done < len(points):
        check(cancel)
        asked = covered.open_points(points[done : done + chunk])
        for one in find_at(clicks, key, image, asked, progress):
            found.append(one)
            covered.add(one)
        done = min(len(points), done + chunk)
        progress(done, len(points), "Segmenting everything")
    return distinct(found)


def _rank(index: int) -> int:
    """How late in a coarse-to-fine walk a row or column comes: odd ones last."""
    return next((level for level in range(4) if index % (8 >> level) == (4 >> level)), 3)


def _iou(one: FoundObject, other: FoundObject) -> float:
    shared = one.rect.intersected(other.rect)
    if shared.is_empty:
        return 0.0
    mine = one.mask[shared.moved(-one.rect.x, -one.rect.y).slices]
    theirs = other.mask[shared.moved(-other.rect.x, -other.rect.y).slices]
    both = int(np.count_nonzero(mine & theirs))
    return both / (one.area_px + other.area_px - both)


def _largest(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The largest connected piece."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(pieces == largest)


def as_index(found: Sequence[FoundObject], shape: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """(y, x) uint16: 0 = ground, object *n* (from 1) in the order given."""
    out = np.zeros(shape, np.uint16)
    for number, one in enumerate(found, 1):
        out[one.rect.slices][one.mask] = number
    return out
