"""One step of training: batches to the device, forward, loss, backward, clipping, optimiser, learning rate, averaged weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from segstudio.core.errors import UserError
from segstudio.ml.inference.devices import free_cached, is_out_of_memory
from segstudio.ml.plan import shown
from segstudio.ml.training.distributed import ONE
from segstudio.ml.training.memory_ladder import MemoryLadder
from segstudio.ml.training.precision import amp_dtype as fast_dtype
from segstudio.ml.training.precision import keep_depthwise_in_float32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.optim.lr_scheduler import LambdaLR
    from torch.optim.swa_utils import AveragedModel

    from segstudio.ml.networks.output import NetworkOutput
    from segstudio.ml.training.distributed import Ranks
    from segstudio.ml.training.losses import SegmentationLoss
    from segstudio.ml.training.sampler import Key


@dataclass(frozen=True)
class Batch:
    """Patches: ``images`` (N, B, H, W) float32 in 0…1 (volumes: (N, B, D, H, W)), ``targets`` (N, H, W) int64, ``border`` weights or None.

    ``keys`` are the (epoch, index) of each, from which everything random about it is drawn; ``seeds`` (N,) int64 are those of an
    augmentation that is still to come, on the device. ``weights`` (N, H, W) float32 weigh the pixels by who made their labels.
    """

    images: torch.Tensor
    targets: torch.Tensor
    border: torch.Tensor | None = None
    keys: tuple[Key, ...] = ()
    seeds: torch.Tensor | None = None
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> Batch:
        """The same patches on *device*."""
        images, targets = (t.to(device, non_blocking=True) for t in (self.images, self.targets))
        border = None if self.border is None else self.border.to(device, non_blocking=True)
        weights = None if self.weights is None else self.weights.to(device, non_blocking=True)
        return Batch(images, targets, border, self.keys, self.seeds, weights)

    def part(self, begin: int, end: int) -> Batch:
        """The patches from *begin* up to *end*."""
        cut = slice(begin, end)
        border = None if self.border is None else self.border[cut]
        seeds = None if self.seeds is None else self.seeds[cut]
        weights = None if self.weights is None else self.weights[cut]
        return Batch(self.images[cut], self.targets[cut], border, self.keys[cut], seeds, weights)


class Engine:
    """A network and all that changes it.

    ``module`` holds the parameters; ``network`` is what a step calls: the same, or a wrapper around it. ``on_device`` changes a
    batch once it is on the device, before it is normalised. ``notes`` are sentences about what went otherwise than planned.
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
        aux_weights: tuple[float, ...] = (),
        is_channels_last: bool = True,
        least_patches: int = 1,
        stride_px: int = 0,
        ranks: Ranks = ONE,
    ) -> None:
        self.module, self.network, self.ranks = module, ranks.wrapped(module), ranks
        self.optimiser, self.schedule, self.loss, self.device = optimiser, schedule, loss, device
        self.average, self.amp_dtype, self.clip_norm, self.aux_weights = average, amp_dtype, clip_norm, aux_weights
        self.is_channels_last = is_channels_last
        self.memory = MemoryLadder(least_patches, stride_px)
        self.scaler = torch.amp.GradScaler(device.type, enabled=amp_dtype == torch.float16)
        self.on_device: Callable[[Batch], Batch] | None = None
        self.notes: list[str] = []
        self.gradient_norm: torch.Tensor | None = None
        self._norm: _Reading | None = None
        self._uncompiled: nn.Module | None = None
        self._mean, self._std = torch.tensor(mean, device=device), torch.tensor(std, device=device)

    def compile(self) -> None:
        """Have the network compiled at its first step; where that fails it goes on as it is, and a note says so."""
        self._uncompiled = self.network
        # Validation and the checkpoint use ``module``, whose parameters the compiled network shares and whose names stay.
        self.network = cast("nn.Module", torch.compile(self.network))

    def begin_with(self, patches: int) -> None:
        """Learn so many patches at a time from the first step on, since more would not fit the memory; 0: all of them."""
        if patches:
            self.memory.most_patches = patches
            self.notes.append(
                f"{self.device} has too little memory for the whole batch, so each step learns it {patches} by {patches}."
            )

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """(N, B, …) in 0…1 to what the encoder expects."""
        return normalised(images, self._mean, self._std)

    def step(self, batches: Sequence[Batch]) -> float:
        """One step of the optimiser on all *batches* together; the loss, and no step where it or its gradient is not finite.

        Where the memory is too small for a batch it is learnt in parts, from then on, which together make the same step; then in
        windows, in bfloat16, and on the CPU (:mod:`segstudio.ml.training.memory_ladder`).

        Raises
        ------
        UserError
            When not even the smallest part fits.
        """
        while True:
            value = self._learnt(self.memory.parts(batches))
            if value is not None:
                break
        if not math.isfinite(value) or not self._update():
            return math.nan
        return value

    def _learnt(self, batches: Sequence[Batch]) -> float | None:
        """The loss, with its gradient in the parameters; None where it must be tried again otherwise."""
        self.optimiser.zero_grad(set_to_none=True)
        try:
            value = self._gradients(batches)
            self._uncompiled = None
            return value
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - a compiler fails with whatever it likes
            if is_out_of_memory(error):
                failure = error.with_traceback(None)  # its frames hold what filled the memory
            elif self._uncompiled is None:
                raise
            else:
                self.network, self._uncompiled = self._uncompiled, None
                self.notes.append(
                    f"The network could not be compiled here ({type(error).__name__}), so it runs uncompiled."
                )
                return None
        self._step_down(batches, failure)
        return None

    def _gradients(self, batches: Sequence[Batch]) -> float:
        value = 0.0
        batches = [window for batch in batches for window in self.memory.windows(self._ready(batch))]
        for batch, share in zip(batches, self._shares(batches), strict=True):
            loss = self._loss_of(batch)
            reading = _Reading(loss.detach())
            if self.device.type != "cuda" and not math.isfinite(reading.value()):
                return math.nan
            factor = share * self.ranks.size
            self.scaler.scale(loss if factor == 1.0 else loss * factor).backward()  # type: ignore[no-untyped-call]
            value += reading.value() * share
        return value

    def _shares(self, batches: Sequence[Batch]) -> list[float]:
        """How much each batch counts: by its labelled pixels, as in one big batch."""
        if len(batches) == 1:
            return [1.0]
        counted = (self.loss.weight_of(batch.targets, batch.weights) for batch in batches)
        weights = [float(weight) for weight in self.ranks.totals(*counted)]
        total = sum(weights)
        return [weight / total for weight in weights] if total else [1 / len(batches)] * len(batches)

    def _ready(self, batch: Batch) -> Batch:
        batch = batch.to(self.device)
        return batch if self.on_device is None else self.on_device(batch)

    def _loss_of(self, batch: Batch) -> torch.Tensor:
        images = self.normalise(batch.images)
        if self.is_channels_last:
            images = images.contiguous(memory_format=channels_last(images.ndim))
        with torch.autocast(self.device.type, self.amp_dtype or torch.float32, enabled=self.amp_dtype is not None):
            output = self.network(images)
        if self.aux_weights:
            output = _weighed(output, self.aux_weights)
        return cast("torch.Tensor", self.loss(output, batch.targets, batch.border, batch.weights))

    def _update(self) -> bool:
        """Change the parameters; whether that was done, for a gradient that is not finite would spoil them."""
        self.scaler.unscale_(self.optimiser)
        if self.clip_norm:
            norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip_norm)
            # On a GPU the norm of this step is looked at in the next one: waiting for it would leave the GPU idle.
            self.gradient_norm, earlier = norm, self._norm
            self._norm = None if self.scaler.is_enabled() else _Reading(norm)
            looked_at = earlier if self.device.type == "cuda" else self._norm
            if looked_at is not None and not math.isfinite(looked_at.value()):
                return False
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.scaler.get_scale() >= scale:  # else the scaler left the step out
            self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.module)
        return True

    def is_sound(self) -> bool:
        """Whether the last step's gradient was finite; waits for it."""
        return self._norm is None or math.isfinite(self._norm.value())

    def _step_down(self, batches: Sequence[Batch], failure: Exception) -> None:
        """Ask for less memory from here on, and note what that is."""
        self.optimiser.zero_grad(set_to_none=True)
        free_cached(str(self.device))
        patches, shape = max(map(len, batches)), batches[0].images.shape
        ladder, device = self.memory, self.device
        # Several processes cannot each choose parts of their own: they wait for one another in every part.
        rung = (
            ladder.down(patches, shape, may_narrow=self._may_narrow(), is_on_cpu=device.type == "cpu")
            if self.ranks.size == 1
            else "none"
        )
        little = f"{device} has too little memory for"
        if rung == "batch":
            by = f"{ladder.most_patches} by {ladder.most_patches}"
            note = f"{little} {patches} patches at once, so each step learns them {by} from here on."
        elif rung == "window":
            side = ladder.side_px(shape)
            note = f"{little} a whole patch, so each is learnt in windows of {side} px from here on."
        elif rung == "bf16":
            self.amp_dtype = torch.bfloat16
            if device.type == "cpu":
                keep_depthwise_in_float32(self.module)
            note = f"{little} fp32, so the run computes in bf16 from here on."
        elif rung == "cpu":
            self.to_cpu()
            note = f"{little} the smallest part of a step, so the run goes on with the CPU, which takes longer."
        else:
            raise UserError(
                f"{device} has too little memory to learn {patches} patch{'es' if patches > 1 else ''} at once",
                remedy="give a smaller --size or a lighter network"
                + (", or --device cpu" if device.type != "cpu" else ""),
            ) from failure
        self.notes.append(note)

    def _may_narrow(self) -> bool:
        # On CPUs gradients over planes are not safe in bfloat16 (see precision.chosen_dtype).
        has_depth = any(parameter.ndim > 4 for parameter in self.module.parameters())
        return self.amp_dtype is None and not (has_depth and self.device.type == "cpu")

    def to_cpu(self) -> None:
        """Go on with the CPU: parameters, averages, moments and the loss move there."""
        cpu = torch.device("cpu")
        self.network = self.module.to(cpu)
        self._uncompiled, self._norm, self.gradient_norm = None, None, None
        if self.average is not None:
            self.average.to(cpu)
        self.loss.to(cpu)
        for state in self.optimiser.state.values():
            state.update({key: value.to(cpu) for key, value in state.items() if isinstance(value, torch.Tensor)})
        for group in self.optimiser.param_groups:
            group["fused"] = None
        free_cached(str(self.device))
        self.device, self._mean, self._std = cpu, self._mean.to(cpu), self._std.to(cpu)
        self.scaler = torch.amp.GradScaler("cpu", enabled=False)
        has_depth = any(parameter.ndim > 4 for parameter in self.module.parameters())
        self.amp_dtype = None if has_depth else fast_dtype(cpu)
        if self.amp_dtype is not None:
            keep_depthwise_in_float32(self.module)

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
        for name in ("optimiser", "schedule"):
            getattr(self, name).load_state_dict(parts[name])
        if parts["scaler"] and self.scaler.is_enabled():  # a run may go on on a device that computes in another type
            self.scaler.load_state_dict(parts["scaler"])
        if self.average is not None and "average" in parts:
            self.average.load_state_dict(parts["average"])


class _Reading:
    """A number of the device's, fetched without making the device wait."""

    def __init__(self, number: torch.Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        self._number = number
        if number.device.type == "cuda":
            self._number = torch.empty((), dtype=number.dtype, pin_memory=True).copy_(number, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def value(self) -> float:
        """The number; waits until the device has got that far."""
        if self._event is not None:
            self._event.synchronize()
        return float(self._number)


def normalised(
    images: torch.Tensor, mean: torch.Tensor | Sequence[float], std: torch.Tensor | Sequence[float]
) -> torch.Tensor:
    """(N, B, …) in 0…1 less the *mean* of each band, over its *std*."""
    shape = (1, -1) + (1,) * (images.ndim - 2)
    mean, std = (torch.as_tensor(values, device=images.device).view(shape) for values in (mean, std))
    return (images - mean) / std


def channels_last(dimensions: int) -> torch.memory_format:
    """The memory format of pictures (4 dimensions) or volumes (5) with a pixel's bands side by side."""
    return torch.channels_last_3d if dimensions == 5 else torch.channels_last


def _weighed(output: NetworkOutput, weights: tuple[float, ...]) -> NetworkOutput:
    """*output* with other weights of its auxiliary losses: one each, or one for all."""
    count = len(output.auxiliary)
    if len(weights) not in (1, count) or not count:
        has = f"{count} auxiliary output{'s' if count > 1 else ''}" if count else "no auxiliary outputs"
        raise UserError(
            f"the weights of auxiliary losses are {shown(weights)}, but this network has {has}",
            remedy="leave out --aux-weights" if not count else f"give {count} numbers, or one for all",
        )
    each = weights if len(weights) == count else weights * count
    return output._replace(auxiliary=tuple((w, logits) for w, (_, logits) in zip(each, output.auxiliary, strict=True)))
