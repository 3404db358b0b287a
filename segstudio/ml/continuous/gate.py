"""The gate: whether new weights are better than those in use on what was held out, image by image. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segstudio.ml.continuous.events import ImageChange
from segstudio.ml.plan import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from segstudio.ml.continuous.cells import Place

NONE = 254
"""Predicted index of what is no class of today (one that was deleted since)."""
SPOILT = 0.1
"""A class that was known may lose so much of its Dice; beyond that new weights are refused though the mean is better."""
KNOWN = 0.2
LEAST_PLANES = 3
"""On fewer planes than this chance cannot be told from a difference."""

Counts = npt.NDArray[np.int64]
"""(K, K + 1): rows truth, columns prediction, the last column what is no class."""


def counts_of(truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8], classes: int) -> Counts:
    """How the labelled pixels of *truth* were predicted, both (…) uint8 class indices."""
    is_known = truth != IGNORE_INDEX
    rows = truth[is_known].astype(np.int64)
    columns = np.minimum(predicted[is_known].astype(np.int64), classes)
    return np.bincount(rows * (classes + 1) + columns, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def dice_of(counts: Counts) -> tuple[float | None, ...]:
    """Dice of each class; None for one that is nowhere in the truth."""
    hits = np.diag(counts)
    truth, predicted = counts.sum(axis=1), counts[:, : len(counts)].sum(axis=0)
    return tuple(float(2 * h / (t + p)) if t else None for h, t, p in zip(hits, truth, predicted, strict=True))


def mean_dice(counts: Counts) -> float | None:
    """The mean of :func:`dice_of` over the classes that are there."""
    return _mean(dice_of(counts))


def mean_iou(counts: Counts) -> float | None:
    """The mean IoU over the classes that are there."""
    return _mean([None if d is None else d / (2 - d) for d in dice_of(counts)])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def commonest(counts: Counts) -> Counts:
    """What one would reach by calling everything by the class that is most common."""
    truth = counts.sum(axis=1)
    blind = np.zeros_like(counts)
    blind[:, int(truth.argmax())] = truth
    return blind


@dataclass(frozen=True)
class Verdict:
    """What the gate says: ``reason`` is one sentence where it refuses."""

    is_accepted: bool
    before: float | None
    after: float | None
    images: tuple[ImageChange, ...]
    per_class: tuple[float | None, ...]
    iou: float | None
    reason: str = ""


def verdict(
    before: Mapping[Place, Counts] | None,
    after: Mapping[Place, Counts],
    names: Sequence[str],
    image_names: Mapping[Place, str],
    gain: float,
    *,
    has_learnt_more: bool = False,
) -> Verdict:
    """Hold new weights (*after*) against those in use (*before*; None where there are none), by plane.

    They are accepted when the mean Dice over all that was held out is better by *gain* at least, and no class that was
    known is spoilt. The first ones must be better than calling everything by the commonest class. Weights that *has_learnt_more*
    says were taught by clearly more labels than those in use may be as good within :func:`chance`: held-out squares are few,
    and to wait until luck agrees would leave what was corrected since unused.
    """
    total = sum(after.values(), np.zeros((len(names), len(names) + 1), np.int64))
    old = None if before is None else sum(before.values(), np.zeros_like(total))
    new_score, base = mean_dice(total), mean_dice(commonest(total) if old is None else old)
    images = tuple(
        ImageChange(
            image_id=place[0],
            before=None if before is None or place not in before else mean_dice(before[place]),
            after=mean_dice(counts),
            pixels=int(counts.sum()),
            name=image_names.get(place, ""),
            z=place[1],
        )
        for place, counts in sorted(after.items())
    )
    slack = chance(before, after) if has_learnt_more and before is not None else -gain
    reason = _refusal(old, total, base, new_score, names, slack)
    return Verdict(
        not reason, None if old is None else base, new_score, images, dice_of(total), mean_iou(total), reason
    )


def chance(before: Mapping[Place, Counts], after: Mapping[Place, Counts]) -> float:
    """The standard error of the difference of the mean Dice, by the jackknife over planes; 0 where they are too few.

    Efron and Stein, The jackknife estimate of variance, 1981.
    """
    places = [place for place in after if place in before]
    if len(places) < LEAST_PLANES:
        return 0.0
    old, new = (sum(found[place] for place in places) for found in (before, after))
    apart = [(mean_dice(new - after[place]) or 0.0) - (mean_dice(old - before[place]) or 0.0) for place in places]
    count = len(apart)
    return float(np.sqrt((count - 1) / count * np.sum((np.array(apart) - np.mean(apart)) ** 2)))


def _refusal(
    old: Counts | None, new: Counts, base: float | None, score: float | None, names: Sequence[str], slack: float
) -> str:
    if score is None:
        return "Nothing is held out to judge by yet."
    if base is not None and score < base - slack:
        if old is None:
            return f"It does no better yet than calling everything the same (Dice {score:.3f})."
        if score < base:
            return f"It is worse on what was held out (Dice {score:.3f}, was {base:.3f}), so the weights in use stay."
        return f"It is no better on what was held out (Dice {score:.3f}), so the weights in use stay."
    if old is not None:
        for name, was, now in zip(names, dice_of(old), dice_of(new), strict=True):
            if was is not None and now is not None and was >= KNOWN and now < was - SPOILT:
                return f"“{name}” got much worse (Dice {now:.3f}, was {was:.3f}), so the weights in use stay."
    return ""
