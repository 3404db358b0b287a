"""Which learning rate suits a plan: the range test of Smith (2015, arXiv:1506.01186). Nothing is written; the run folder is not touched."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from segstudio.ml.encoders.freezing import keep_frozen
from segstudio.ml.train_events import LrFound, LrPoint, TrainNote
from segstudio.ml.training.engine import Batch
from segstudio.ml.training.feed import build_loader, parts_of
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.setup import build_setup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import TrainControl, TrainSink
    from segstudio.ml.training.setup import RunSetup

STEPS = 100
LOWEST, HIGHEST = 1e-6, 1.0
SMOOTHING = 0.9
"""Share of the smoothed loss that stays from step to step; corrected for its start, as Adam's means are."""
DIVERGED = 4.0
"""The test ends once the smoothed loss is so many times the smallest one."""
LEAST_STEPS = 10
LEAST_FALL = 0.02
"""A loss that falls by less than this share tells of no rate."""
SAFETY = 10.0
NEIGHBOURS = 3
"""Points on each side that a slope is fitted to."""


@dataclass
class _Losses:
    """The smoothed loss over rising rates."""

    rates: list[float]
    smoothed: list[float]
    mean: float = 0.0

    def add(self, rate: float, loss: float) -> float:
        """One more point; the smoothed loss there."""
        self.mean = SMOOTHING * self.mean + (1 - SMOOTHING) * loss
        value = self.mean / (1 - SMOOTHING ** (len(self.rates) + 1))
        self.rates.append(rate)
        self.smoothed.append(value)
        return value

    def has_diverged(self) -> bool:
        """Whether higher rates need not be tried."""
        return len(self.smoothed) > LEAST_STEPS and self.smoothed[-1] > DIVERGED * min(self.smoothed)


def find_rate(plan: TrainPlan, sink: TrainSink, control: TrainControl | None = None) -> LrFound:
    """Train for up to 100 steps at rates from 1e-6 to 1, tell *sink* of each as a ``LrPoint``, and suggest one: that of the steepest fall,
    or a tenth of that of the smallest loss where this is less.

    The network is the plan's, begun as the run would begin it, and is forgotten afterwards; a pretrained encoder learns at its
    factor of each rate. A stop by *control* suggests from what was seen.

    Raises
    ------
    UserError
        When the data or the plan does not allow training.
    """
    plan = replace(plan.checked(), warmup_share=0.0, schedule="constant", ema_decay=0.0, is_compiled=False)
    if plan.threads:
        torch.set_num_threads(plan.threads)
    setup = build_setup(plan)
    engine = setup.engine
    torch.manual_seed(plan.seed)
    engine.network.train()
    keep_frozen(engine.module)
    shares = [float(group["lr"]) / plan.lr for group in engine.optimiser.param_groups]
    losses, told = _Losses([], []), 0
    for step, group in enumerate(_groups(plan, setup), start=1):
        if control is not None and control.is_set():
            break
        rate = LOWEST * (HIGHEST / LOWEST) ** ((step - 1) / (STEPS - 1))
        for parameters, share in zip(engine.optimiser.param_groups, shares, strict=True):
            parameters["lr"] = rate * share
        loss = engine.step(group)
        for note in engine.notes[told:]:
            sink(TrainNote(note))
        told = len(engine.notes)
        if not math.isfinite(loss):
            break
        sink(LrPoint(step, STEPS, rate, losses.add(rate, loss)))
        if losses.has_diverged():
            break
    found = suggested(losses.rates, losses.smoothed)
    sink(found)
    return found


def suggested(rates: Sequence[float], losses: Sequence[float]) -> LrFound:
    """The rate at which the smoothed loss falls fastest over the logarithm of the rate, before its smallest value."""
    if len(rates) <= LEAST_STEPS:
        return LrFound(0.0, "The search ended before it saw enough rates.")
    lowest = min(range(len(losses)), key=losses.__getitem__)
    highest_before = max(losses[: lowest + 1])
    if highest_before - losses[lowest] < LEAST_FALL * abs(highest_before):
        return LrFound(0.0, "The loss fell at none of the rates. Are the labels right, and is a batch large enough?")
    places = range(NEIGHBOURS, max(NEIGHBOURS + 1, min(lowest + 1, len(losses) - NEIGHBOURS)))
    steepest = min(places, key=lambda i: _slope(rates, losses, i))
    fastest, smallest = (float(f"{rates[i]:.2g}") for i in (steepest, lowest))
    # Near its smallest value the loss is about to rise again: a tenth of that rate is as far as one goes.
    rate = min(fastest, float(f"{smallest / SAFETY:.2g}"))
    return LrFound(rate, f"The loss falls fastest at a rate of {fastest:g} and is smallest at {smallest:g}.")


def _slope(rates: Sequence[float], losses: Sequence[float], middle: int) -> float:
    """Least squares over the neighbours of *middle*: change of the loss for one natural logarithm of the rate."""
    around = range(max(0, middle - NEIGHBOURS), min(len(rates), middle + NEIGHBOURS + 1))
    xs, ys = [math.log(rates[i]) for i in around], [losses[i] for i in around]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread


def _groups(plan: TrainPlan, setup: RunSetup) -> Iterator[list[Batch]]:
    """The batches of each step, epoch after epoch, as many as the test takes."""
    sampler = EpochSampler(len(setup.feed.patches), plan.seed)
    loader = build_loader(plan, setup.feed.patches, sampler, setup.device)
    given, epoch, group = 0, 0, list[Batch]()
    while given < STEPS:
        epoch += 1
        sampler.epoch = epoch
        for images, targets, *more in loader:
            extras = parts_of(plan, more)
            group.append(Batch(images, targets, extras.border, seeds=extras.seeds, weights=extras.weights))
            if len(group) == plan.accumulate and given < STEPS:
                given += 1
                yield group
                group = []
