"""What a run will cost: parameters, multiply-adds and memory, held against what the computer has. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from segstudio.core.machine_memory import gpu_memory_bytes, memory_bytes
from segstudio.ml.networks.costs import costs_of
from segstudio.ml.networks.table import TIMM_PREFIX

if TYPE_CHECKING:
    from segstudio.app.presenters.training_choices import TrainingChoices

Where = Literal["", "gpu", "memory"]
USABLE = 0.75
"""Part of a memory that an estimate may fill: the rest is the system's, the data's, and what gradients on their way take besides."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Figures of a run: ``multiply_adds`` for one patch, ``training_bytes`` for a whole batch.

    ``exceeds`` says whose memory that is too much for ("" = none), which has ``available_bytes``; ``is_usual`` is False where options
    of the network were changed, which the figures don't know of.
    """

    parameters: int
    multiply_adds: int
    training_bytes: int
    available_bytes: int
    exceeds: Where = ""
    is_usual: bool = True


def estimate(choices: TrainingChoices, classes: int, bands: int = 3) -> Estimate | None:
    """What a run of *choices* for so many *classes* costs; None where the network's costs are not known."""
    if choices.encoder.startswith(TIMM_PREFIX):
        return None
    side = choices.patch_px
    costs = costs_of(choices.arch, choices.encoder, bands, max(2, classes), side, side)
    if costs is None:
        return None
    needed = costs.training_bytes(choices.batch)
    is_on_gpu = not choices.device.startswith("cpu") and gpu_memory_bytes() > 0
    available = gpu_memory_bytes() if is_on_gpu else memory_bytes()
    is_too_much = bool(available) and needed > USABLE * available
    usual = {option.key: option.default for option in choices.options}
    return Estimate(
        parameters=costs.parameters,
        multiply_adds=costs.multiply_adds,
        training_bytes=needed,
        available_bytes=available,
        exceeds=("gpu" if is_on_gpu else "memory") if is_too_much else "",
        is_usual=choices.option_values == usual,
    )
