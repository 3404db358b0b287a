"""The figures of an epoch that TensorBoard and Visdom draw: losses, means, classes, learning rates, gradient norm, time a step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from segstudio.ml.training.run_files import StepClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from segstudio.ml.train_events import EpochDone, StepDone
    from segstudio.ml.training.setup import RunSetup
    from segstudio.ml.training.validate import Validation

_OF_LINE = {
    "train_loss": "loss/train", "val_loss": "loss/val", "mean_iou": "mean_iou/val", "mean_dice": "mean_dice/val",
    "pixel_accuracy": "pixel_accuracy/val", "lr": "lr",
}  # fmt: skip


def figures_of_line(line: Mapping[str, Any], classes: Sequence[str]) -> dict[str, float]:
    """Tag → value of an epoch as far as its line of ``metrics.jsonl`` knows it: for a run that goes on."""
    values = {tag: line.get(key) for key, tag in _OF_LINE.items()}
    values |= {f"iou/{name}": iou for name, iou in zip(classes, line.get("per_class_iou") or (), strict=False)}
    return {tag: float(value) for tag, value in values.items() if value is not None and math.isfinite(value)}


class EpochFigures:
    """Gathers over the steps of an epoch what no event holds. It reads the run and changes nothing of it."""

    def __init__(self) -> None:
        self._clock = StepClock()
        self._norm: torch.Tensor | None = None
        self._norms = 0

    def step_done(self, setup: RunSetup, event: StepDone) -> None:
        """After a step of the optimiser."""
        self._clock.tick(event.epoch)
        norm = getattr(setup.engine, "gradient_norm", None)
        if norm is not None:
            # Summed where it is: asking a graphics card for a number would make each step wait.
            value = torch.as_tensor(norm).detach().double()
            self._norm = value if self._norm is None else self._norm + value
            self._norms += 1

    def of_epoch(self, setup: RunSetup, event: EpochDone, validation: Validation | None) -> dict[str, float]:
        """Tag → value of what is known; the next epoch begins at nought."""
        values: dict[str, float | None] = {
            "loss/train": event.train_loss,
            "loss/val": event.val_loss,
            "mean_iou/val": event.mean_iou,
            "mean_dice/val": event.mean_dice,
            "pixel_accuracy/val": event.pixel_accuracy,
            "lr": event.lr,
        }
        if validation is not None:
            names = (row["name"] for row in validation.scores["per_class"])
            values |= {f"iou/{name}": iou for name, iou in zip(names, event.per_class_iou, strict=False)}
        for place, group in enumerate(setup.engine.optimiser.param_groups):
            values[f"lr_of_group/{place}"] = float(group["lr"])
        if self._norm is not None:
            values["gradient_norm"] = float(self._norm) / self._norms
        values["seconds_per_step"] = self._clock.epoch_mean_s()
        self._norm, self._norms = None, 0
        return {tag: float(value) for tag, value in values.items() if value is not None and math.isfinite(value)}
