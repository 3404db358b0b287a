"""Optimiser and learning rate: which parameters learn at which rate, and how the rate goes over a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from segstudio.ml.encoders.freezing import encoder_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.plan import TrainPlan

ONECYCLE_START, ONECYCLE_END = 25.0, 25e4
"""What the highest rate is divided by at the beginning and at the end (Smith and Topin 2017, arXiv:1708.07120; torch's values)."""


def build_optimiser(network: nn.Module, plan: TrainPlan, *, is_encoder_pretrained: bool) -> torch.optim.Optimizer:
    """The plan's optimiser; a pretrained encoder learns at ``plan.encoder_lr_factor`` of the rate; norms and biases do not decay."""
    encoder = encoder_of(network)
    encoder_ids = {id(p) for p in encoder.parameters()} if encoder is not None and is_encoder_pretrained else set()
    by_rate: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            factor = plan.encoder_lr_factor if id(parameter) in encoder_ids else 1.0
            decay = plan.weight_decay if parameter.ndim > 1 else 0.0
            by_rate.setdefault((factor, decay), []).append(parameter)
    groups = [{"params": ps, "lr": plan.lr * factor, "weight_decay": decay} for (factor, decay), ps in by_rate.items()]
    # One kernel for all parameters; on a CPU the plain loop stays, so that runs repeat those of earlier versions to the last bit.
    is_fused = True if next(network.parameters()).device.type == "cuda" else None
    if plan.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=plan.lr, momentum=plan.momentum, nesterov=plan.is_nesterov, fused=is_fused)
    if plan.optimiser == "adam":
        return torch.optim.Adam(groups, lr=plan.lr, fused=is_fused)
    return torch.optim.AdamW(groups, lr=plan.lr, fused=is_fused)


def build_schedule(optimiser: torch.optim.Optimizer, plan: TrainPlan, steps_per_epoch: int) -> LambdaLR:
    """The learning rate of each step: that of each parameter group times the plan's factor."""
    steps = steps_per_epoch * plan.epochs
    factors: dict[str, Callable[[], Callable[[int], float]]] = {
        "poly": lambda: poly(steps, plan.warmup_share, plan.poly_power),
        "cosine": lambda: cosine(steps, plan.warmup_share),
        "onecycle": lambda: onecycle(steps, plan.warmup_share),
        "step": lambda: stairs(
            steps, plan.warmup_share, steps_per_epoch * (plan.step_epochs or max(1, plan.epochs // 3)), plan.step_factor
        ),
        "constant": lambda: constant(steps, plan.warmup_share),
    }
    return LambdaLR(optimiser, factors[plan.schedule]())


def poly(steps: int, warmup_share: float, power: float) -> Callable[[int], float]:
    """Factor of the learning rate at a step: linear warm-up, then (1 − t)^power (Chen et al. 2017, arXiv:1606.00915)."""
    warmup = max(1, round(steps * warmup_share))

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        share = (step - warmup) / max(1, steps - warmup)
        return float((1.0 - min(1.0, share)) ** power)

    return factor


def cosine(steps: int, warmup_share: float) -> Callable[[int], float]:
    """Factor: linear warm-up, then (1 + cos πt) / 2 (Loshchilov and Hutter 2016, arXiv:1608.03983, without restarts)."""

    def after(step: int, rest: int) -> float:
        return (1.0 + math.cos(math.pi * min(1.0, step / max(1, rest)))) / 2.0

    return _warmed_up(steps, warmup_share, after)


def stairs(steps: int, warmup_share: float, stair: int, factor: float) -> Callable[[int], float]:
    """Factor: linear warm-up; *factor* to the power of how many times *stair* steps of the run have passed."""
    warmup = round(steps * warmup_share)
    return _warmed_up(steps, warmup_share, lambda step, _: float(factor ** ((warmup + step) // stair)))


def constant(steps: int, warmup_share: float) -> Callable[[int], float]:
    """Factor: linear warm-up, then 1."""
    return _warmed_up(steps, warmup_share, lambda _step, _rest: 1.0)


def onecycle(steps: int, warmup_share: float) -> Callable[[int], float]:
    """Factor: from 1/25 up to 1 in the warm-up, then down to 1/250 000, both along a cosine (Smith and Topin 2017, arXiv:1708.07120).

    The momentum stays as it is.
    """
    low, end = 1.0 / ONECYCLE_START, 1.0 / ONECYCLE_END
    top_step, last_step = warmup_share * steps - 1.0, max(1.0, steps - 1.0)

    def between(begin: float, stop: float, share: float) -> float:
        return stop + (begin - stop) / 2.0 * (1.0 + math.cos(math.pi * share))

    def factor(step: int) -> float:
        step = min(step, steps - 1)
        if step <= top_step:
            return between(low, 1.0, step / top_step if top_step > 0 else 1.0)
        begin = max(0.0, top_step)
        return between(1.0, end, (step - begin) / max(1.0, last_step - begin))

    return factor


def _warmed_up(steps: int, share: float, after: Callable[[int, int], float]) -> Callable[[int], float]:
    """(step + 1) / warm-up, then *after* of the steps since the warm-up and of how many there are."""
    warmup = round(steps * share)
    return lambda step: (step + 1) / warmup if step < warmup else after(step - warmup, steps - warmup)
