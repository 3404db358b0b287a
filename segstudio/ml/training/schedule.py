"""Optimiser and learning rate: AdamW, the encoder slower, warm-up, then the poly decay of DeepLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from segstudio.ml.encoders.freezing import encoder_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.plan import TrainPlan


def build_optimiser(network: nn.Module, plan: TrainPlan, *, is_encoder_pretrained: bool) -> torch.optim.AdamW:
    """AdamW; a pretrained encoder learns at ``plan.encoder_lr_factor`` of the rate; norms and biases do not decay."""
    encoder = encoder_of(network)
    encoder_ids = {id(p) for p in encoder.parameters()} if encoder is not None and is_encoder_pretrained else set()
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            factor = plan.encoder_lr_factor if id(parameter) in encoder_ids else 1.0
            decay = plan.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((factor, decay), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": ps, "lr": plan.lr * factor, "weight_decay": decay} for (factor, decay), ps in groups.items()],
        lr=plan.lr,
    )


def poly(steps: int, warmup_share: float, power: float) -> Callable[[int], float]:
    """Factor of the learning rate at a step: linear warm-up, then (1 − t)^power (Chen et al. 2017, arXiv:1606.00915)."""
    warmup = max(1, round(steps * warmup_share))

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        share = (step - warmup) / max(1, steps - warmup)
        return float((1.0 - min(1.0, share)) ** power)

    return factor
