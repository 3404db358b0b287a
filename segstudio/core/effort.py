"""What labelling took so far, what is left of it, and whether another training would pay. Pure arithmetic.

Corrective Dice is what RootPainter calls so: how well a proposal, as it was accepted, agrees with the labels after correction.
The forecast fits a power law, seconds per pixel ~ (images that the model could learn from) ** -gain, over the versions of the
model, since learning curves of networks follow one (Hestness et al., 2017, arXiv:1712.00409).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

RECENT = 5
"""So many finished images tell how fast it goes now."""
LEAST = 3
"""Below so many finished images nothing is forecast."""
GOOD_DICE = 0.98
"""Proposals that agree so well with the corrected labels are not worth correcting any more."""
PAYS = 0.9
"""A retrain pays where it leaves at most this share of the time."""
MOST_GAIN = 1.0
"""The steepest power law that is believed: twice the images, half the time."""

Kind = Literal[
    "nothing", "all_done", "none_done", "too_few", "accept_rest", "train", "retrain", "retrain_doubled", "enough", "go_on",
    "wait",
]  # fmt: skip


@dataclass(frozen=True)
class ImageEffort:
    """What one image took, all stretches of work together; ``size_px`` counts its pixels, over all planes.

    ``at_s`` is when most of it was done, ``model_id`` the model (and version) whose proposal was accepted last, "" where none
    was. ``kept_pixels`` of the ``accepted_pixels`` lie as they were accepted, among ``labelled_pixels`` in all.
    """

    image_id: int
    name: str
    size_px: int
    is_done: bool
    at_s: float = 0.0
    seconds: float = 0.0
    strokes: int = 0
    pixels: int = 0
    model_id: str = ""
    accepted_pixels: int = 0
    kept_pixels: int = 0
    labelled_pixels: int = 0

    @property
    def has_effort(self) -> bool:
        """Whether anything was done to it."""
        return bool(self.seconds or self.strokes)

    @property
    def corrective_dice(self) -> float | None:
        """Agreement of what was accepted with the labels, 0 … 1, over all classes together; None where nothing was accepted."""
        if self.accepted_pixels <= 0:
            return None
        return min(1.0, 2 * self.kept_pixels / max(1, self.accepted_pixels + self.labelled_pixels))


@dataclass(frozen=True)
class Version:
    """A model as it was used: the images finished with it, and how many were finished before its first was."""

    model_id: str
    images: tuple[ImageEffort, ...]
    learnt_images: int

    @property
    def seconds_a_pixel(self) -> float:
        """Work for each pixel of image, in seconds."""
        return sum(image.seconds for image in self.images) / max(1, sum(image.size_px for image in self.images))


@dataclass(frozen=True)
class Forecast:
    """What is left: of ``images`` ``done`` are finished. Times in seconds; None where they cannot be told yet.

    ``gain`` is the exponent of the power law, None before two versions of a model were used. ``learnt_images`` is how many the
    model in use could learn from at most; ``dice`` the mean corrective Dice of the last finished images.
    """

    images: int
    done: int
    worked_s: float
    left_s: float | None = None
    left_retrained_s: float | None = None
    gain: float | None = None
    learnt_images: int = 0
    dice: float | None = None

    @property
    def left(self) -> int:
        """Images that are not finished."""
        return self.images - self.done


@dataclass(frozen=True)
class Advice:
    """One piece of advice: its kind, and the numbers that its sentence names."""

    kind: Kind
    seconds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


def finished(images: Sequence[ImageEffort]) -> list[ImageEffort]:
    """The images that are done and took something, in the order in which they were worked on."""
    return sorted((i for i in images if i.is_done and i.has_effort), key=lambda image: image.at_s)


def versions_of(images: Sequence[ImageEffort]) -> list[Version]:
    """The models whose proposals were accepted, in the order of their first use; images labelled by hand alone are left out."""
    order = finished(images)
    first: dict[str, int] = {}
    for place, image in enumerate(order):
        if image.model_id:
            first.setdefault(image.model_id, place)
    return [
        Version(model_id, tuple(image for image in order if image.model_id == model_id), place)
        for model_id, place in first.items()
    ]


def fitted_gain(versions: Sequence[Version]) -> float | None:
    """The exponent of the power law, 0 … :data:`MOST_GAIN`; None for fewer than two versions that learnt from unlike many.

    Least squares in logarithms, each version with the weight of its images.
    """
    points = [
        (math.log(v.learnt_images), math.log(v.seconds_a_pixel), len(v.images))
        for v in versions
        if v.learnt_images > 0 and v.seconds_a_pixel > 0
    ]
    weight = sum(w for _, _, w in points)
    if len({x for x, _, _ in points}) < 2:
        return None
    mean_x, mean_y = (sum(p[k] * p[2] for p in points) / weight for k in (0, 1))
    spread = sum(w * (x - mean_x) ** 2 for x, _, w in points)
    slope = sum(w * (x - mean_x) * (y - mean_y) for x, y, w in points) / spread
    return min(MOST_GAIN, max(0.0, -slope))


def forecast(images: Sequence[ImageEffort]) -> Forecast:
    """What is left of *images*, all of the project's."""
    order = finished(images)
    done = sum(image.is_done for image in images)
    worked_s = sum(image.seconds for image in images)
    if len(order) < LEAST:
        return Forecast(len(images), done, worked_s)
    versions = versions_of(images)
    # The model in use is the one accepted last of late; with a single image of it yet, those before it help out.
    in_use = next((image.model_id for image in reversed(order[-RECENT:]) if image.model_id), "")
    last = next((v for v in versions if v.model_id == in_use), None)
    recent = last.images[-RECENT:] if last is not None and len(last.images) > 1 else order[-RECENT:]
    rate = sum(i.seconds for i in recent) / max(1, sum(i.size_px for i in recent))
    left_s = sum(max(0.0, i.size_px * rate - i.seconds) for i in images if not i.is_done)
    gain = fitted_gain(versions)
    learnt = 0 if last is None else last.learnt_images
    retrained_s = None
    if gain is not None and learnt:
        retrained_s = left_s * (max(done, learnt) / learnt) ** -gain
    dices = [d for i in order[-RECENT:] if (d := i.corrective_dice) is not None]
    dice = sum(dices) / len(dices) if len(dices) >= LEAST else None
    return Forecast(len(images), done, worked_s, left_s, retrained_s, gain, learnt, dice)


def advise(found: Forecast, *, has_effort: bool) -> Advice:
    """What to do next, from a forecast; *has_effort*: anything was recorded at all."""
    if not has_effort:
        return Advice("nothing")
    if not found.left:
        return Advice("all_done", (found.worked_s,))
    if not found.done:
        return Advice("none_done")
    if found.left_s is None:
        return Advice("too_few", counts=(min(found.done, LEAST - 1), LEAST))
    if found.dice is not None and found.dice >= GOOD_DICE:
        return Advice("accept_rest", counts=(RECENT, math.floor(100 * found.dice), found.left))
    if not found.learnt_images:
        return Advice("train", (found.left_s,), (found.done,))
    if found.left_retrained_s is None or found.gain is None:
        if found.done >= 2 * found.learnt_images:
            return Advice("retrain_doubled", (found.left_s,), (found.learnt_images, found.done))
        return Advice("wait", (found.left_s,), (2 * found.learnt_images - found.done,))
    if found.left_retrained_s <= PAYS * found.left_s:
        return Advice("retrain", (found.left_s, found.left_retrained_s))
    pays_at = math.ceil(found.learnt_images * PAYS ** (-1 / found.gain)) if found.gain > 0.01 else math.inf
    if pays_at >= found.images:
        return Advice("enough", (found.left_s,))
    return Advice("go_on", (found.left_s,), (max(1, int(pays_at) - found.done),))
