"""One step of training: batches to the device, forward, loss, backward, clipping, optimiser, learning rate, averaged weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.optim.lr_scheduler import LambdaLR
    from torch.optim.swa_utils import AveragedModel

    from segstudio.ml.training.losses import SegmentationLoss
    from segstudio.ml.training.sampler import Key


@dataclass(frozen=True)
class Batch:
    """Patches: ``images`` (N, B, H, W) float32 in 0…1 (volumes: (N, B, D, H, W)), ``targets`` (N, H, W) int64, ``border`` weights or None.

    ``keys`` are the (epoch, index) of each, from which everything random about it is drawn; ``seeds`` (N,) int64 on the CPU those of
    augmentations that are still to come.
    """

    images: torch.Tensor
    targets: torch.Tensor
    border: torch.Tensor | None = None
    keys: tuple[Key, ...] = ()
    seeds: torch.Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same patches on *device*."""
        images, targets = (t.to(device, non_blocking=True) for t in (self.images, self.targets))
        border = None if self.border is None else self.border.to(device, non_blocking=True)
        return Batch(images, targets, border, self.keys, self.seeds)


class Engine:
    """A network and all that changes it.

    ``module`` holds the parameters; ``network`` is what a step calls: the same, or a wrapper around it. ``on_device`` changes a
    batch once it is on the device, before it is normalised.
    """

    def __init__(
        self,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: LambdaLR,
        loss: SegmentationLoss,
        device: torch.device,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        average: AveragedModel | None = None,
        amp_dtype: torch.dtype | None = None,
        clip_norm: float = 1.0,
        is_channels_last: bool = True,
    ) -> None:
        self.module = self.network = module
        self.optimiser, self.schedule, self.loss, self.device = optimiser, schedule, loss, device
        self.average, self.amp_dtype, self.clip_norm = average, amp_dtype, clip_norm
        self.is_channels_last = is_channels_last
        self.scaler = torch.amp.GradScaler(device.type, enabled=amp_dtype == torch.float16)
        self.on_device: Callable[[Batch], Batch] | None = None
        self._mean, self._std = torch.tensor(mean, device=device), torch.tensor(std, device=device)

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """(N, B, …) in 0…1 to what the encoder expects."""
        shape = (1, -1) + (1,) * (images.ndim - 2)
        return (images - self._mean.view(shape)) / self._std.view(shape)

    def step(self, batches: Sequence[Batch]) -> float:
        """One step of the optimiser on all *batches* together; the loss, and no step where it is not finite."""
        self.optimiser.zero_grad(set_to_none=True)
        shares = self._shares(batches)
        value = 0.0
        for batch, share in zip(batches, shares, strict=True):
            loss = self._forward(batch)
            part = float(loss.detach())
            value += part * share
            if not math.isfinite(part):
                return value
            self.scaler.scale(loss if share == 1.0 else loss * share).backward()  # type: ignore[no-untyped-call]
        self._update()
        return value

    def _shares(self, batches: Sequence[Batch]) -> list[float]:
        """How much each batch counts: by its labelled pixels, as in one big batch."""
        if len(batches) == 1:
            return [1.0]
        weights = [float(self.loss.weight_of(batch.targets.to(self.device))) for batch in batches]
        total = sum(weights)
        return [weight / total for weight in weights] if total else [1 / len(batches)] * len(batches)

    def _forward(self, batch: Batch) -> torch.Tensor:
        batch = batch.to(self.device)
        if self.on_device is not None:
            batch = self.on_device(batch)
        images = self.normalise(batch.images)
        if self.is_channels_last:
            images = images.contiguous(memory_format=channels_last(images.ndim))
        with torch.autocast(self.device.type, self.amp_dtype or torch.float32, enabled=self.amp_dtype is not None):
            output = self.network(images)
        loss: torch.Tensor = self.loss(output, batch.targets, batch.border)
        return loss

    def _update(self) -> None:
        self.scaler.unscale_(self.optimiser)
        if self.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.module)

    def evaluated(self) -> nn.Module:
        """The network to validate and to keep: of averaged parameters where there are any."""
        if self.average is None:
            return self.module
        averaged: nn.Module = self.average.module
        return averaged

    def weights(self) -> dict[str, torch.Tensor]:
        """The parameters to keep."""
        return dict(self.evaluated().state_dict())

    def current_lr(self) -> float:
        """The highest learning rate of the parameter groups."""
        return max(float(g["lr"]) for g in self.optimiser.param_groups)

    def parts(self) -> dict[str, Any]:
        """State dicts for the checkpoint."""
        parts = {"network": self.module.state_dict(), "optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict(),
                 "scaler": self.scaler.state_dict()}  # fmt: skip
        if self.average is not None:
            parts["average"] = self.average.state_dict()
        return parts

    def load_parts(self, parts: dict[str, Any]) -> None:
        """Set the state dicts of a checkpoint."""
        self.module.load_state_dict(parts["network"])
        for name in ("optimiser", "schedule", "scaler"):
            getattr(self, name).load_state_dict(parts[name])
        if self.average is not None and "average" in parts:
            self.average.load_state_dict(parts["average"])


def channels_last(dimensions: int) -> torch.memory_format:
    """The memory format of pictures (4 dimensions) or volumes (5) with a pixel's bands side by side."""
    return torch.channels_last_3d if dimensions == 5 else torch.channels_last
