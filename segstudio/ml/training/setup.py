"""Everything a run needs, built from its plan: data, network, optimiser, device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.inference.devices import choose_device
from segstudio.ml.networks.table import architecture
from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.train_events import RunStarted
from segstudio.ml.training.class_weights import balanced_weights
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.network import build_trained
from segstudio.ml.training.patches import PairCache, PatchDataset
from segstudio.ml.training.precision import amp_dtype, keep_depthwise_in_float32
from segstudio.ml.training.schedule import build_optimiser, poly
from segstudio.ml.training.sources import TrainData, load_data, read_image
from segstudio.ml.training.validate import Validation, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.training.network import BuiltNetwork

GRADIENT_NORM = 1.0


@dataclass
class RunSetup:
    """A run's parts; the loop calls :meth:`step` and :meth:`validate`."""

    data: TrainData
    patches: PatchDataset
    val_pairs: PairCache
    network: nn.Module
    average: AveragedModel | None
    optimiser: torch.optim.Optimizer
    schedule: LambdaLR
    loss: SegmentationLoss
    scaler: torch.amp.GradScaler
    device: torch.device
    bands: int
    scaling: str
    built: BuiltNetwork
    steps_per_epoch: int
    amp_dtype: torch.dtype | None
    class_weights: tuple[float, ...] = ()

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """(N, B, H, W) in 0…1 to what the encoder expects."""
        mean = torch.tensor(self.built.mean, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.built.std, device=images.device).view(1, -1, 1, 1)
        return (images - mean) / std

    def step(self, images: torch.Tensor, targets: torch.Tensor, border: torch.Tensor | None = None) -> float:
        """One optimiser step; the loss, and no step where it is not finite."""
        images = self.normalise(images.to(self.device, non_blocking=True)).contiguous(memory_format=torch.channels_last)
        targets = targets.to(self.device, non_blocking=True)
        border = None if border is None else border.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, self.amp_dtype or torch.float32, enabled=self.amp_dtype is not None):
            output = self.network(images)
        loss = self.loss(output, targets, border)
        value = float(loss.detach())
        self.optimiser.zero_grad(set_to_none=True)
        if value == value and abs(value) != float("inf"):
            self.scaler.scale(loss).backward()
            self.scaler.unscale_(self.optimiser)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.schedule.step()
            if self.average is not None:
                self.average.update_parameters(self.network)
        return value

    def validate(self, is_stopped: Callable[[], bool] = lambda: False) -> Validation:
        """Metrics on the validation images, with the averaged parameters where there are any; fewer images once *is_stopped*."""
        network = self.network if self.average is None else self.average.module
        names = [i.name for i in self.data.of_split("val")]
        loss = SegmentationLoss(self.loss.kind)
        return validate(
            network,
            self.val_pairs,
            names,
            self.data.classes,
            self.normalise,
            loss,
            self.device,
            is_amp=self.amp_dtype is not None,
            is_stopped=is_stopped,
        )

    def weights(self) -> dict[str, torch.Tensor]:
        """The parameters to keep."""
        network = self.network if self.average is None else self.average.module
        return dict(network.state_dict())

    def current_lr(self) -> float:
        """The highest learning rate of the parameter groups."""
        return max(float(g["lr"]) for g in self.optimiser.param_groups)

    def parts(self) -> dict[str, Any]:
        """State dicts for the checkpoint."""
        parts = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict(),
                 "scaler": self.scaler.state_dict()}  # fmt: skip
        if self.average is not None:
            parts["average"] = self.average.state_dict()
        return parts

    def load_parts(self, parts: dict[str, Any]) -> None:
        """Set the state dicts of a checkpoint."""
        for name in ("network", "optimiser", "schedule", "scaler"):
            getattr(self, name).load_state_dict(parts[name])
        if self.average is not None and "average" in parts:
            self.average.load_state_dict(parts["average"])

    def started(self, plan: TrainPlan, first_epoch: int) -> RunStarted:
        """The event that opens a run."""
        return RunStarted(
            classes=self.data.classes,
            colors=self.data.colors,
            train_images=len(self.data.of_split("train")),
            val_images=len(self.data.of_split("val")),
            steps_per_epoch=self.steps_per_epoch,
            epochs=plan.epochs,
            first_epoch=first_epoch,
            device=str(self.device),
            parameters=sum(p.numel() for p in self.network.parameters()),
            note=" ".join(filter(None, (self.data.note, self.built.note, self._about_weights(plan)))),
            frozen=self.built.frozen,
        )

    def _about_weights(self, plan: TrainPlan) -> str:
        if plan.class_balance == "none":
            return ""
        pairs = zip(self.data.classes, self.class_weights, strict=True)
        return f"Class weights: {', '.join(f'{name} {weight:.3g}' for name, weight in pairs)}."

    def card(self, plan: TrainPlan, metrics: dict[str, Any]) -> ModelCard:
        """The card of the weights as they are now."""
        arch = architecture(plan.arch)
        run = Path(plan.out).name
        return ModelCard(
            id=plan.model_id or run,
            name=plan.model_name or plan.model_id or run,
            architecture=plan.arch,
            encoder=self.built.encoder,
            options=self.built.options,
            classes=self.data.classes,
            colors=self.data.colors,
            background_index=self.data.background_index,
            bands=self.bands,
            mean=self.built.mean,
            std=self.built.std,
            scaling=self.scaling,  # type: ignore[arg-type]
            window_px=512,
            overlap_px=96,
            working_long_side_px=plan.working_long_side_px,
            stride_px=arch.stride_px,
            weights=WeightsSource(kind="project" if plan.project else "file"),
            is_research_only=plan.is_research_only,
            licence=plan.data_licence,
            data=plan.data_name,
            data_licence=plan.data_licence,
            split=f"{len(self.data.of_split('train'))} train, {len(self.data.of_split('val'))} val images",
            metrics=metrics,
            command=" && ".join(filter(None, (self.built.earlier_command, plan.command))),
            parameters=sum(p.numel() for p in self.network.parameters()),
            description=plan.description,
        )


def build_setup(plan: TrainPlan) -> RunSetup:
    """Read the data, build the network, choose the device.

    Raises
    ------
    UserError
        When any of it does not fit.
    """
    data = load_data(plan)
    device = torch.device(choose_device(plan.device))
    bands, scaling, sizes = _survey(data)
    built = build_trained(plan, data, bands)
    network = built.network
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ignored_index = _ignored_index(plan, data)
    patches = PatchDataset(data.of_split("train"), sizes, plan, bands, scaling, ignored_index, data.background_index)
    per_epoch = max(1, len(patches) // plan.batch)
    optimiser = build_optimiser(network, plan, is_encoder_pretrained=built.knows_something)
    chosen = plan.class_weights or balanced_weights(
        plan.class_balance, data.of_split("train"), len(data.classes), ignored_index
    )
    weights = torch.tensor(chosen) if chosen else None
    if weights is not None and len(weights) != len(data.classes):
        raise UserError(
            f"{len(weights)} class weights for {len(data.classes)} classes", remedy="give one weight a class"
        )
    average = _averaged(network, plan.ema_decay) if plan.ema_decay else None
    amp = amp_dtype(device) if plan.precision == "auto" else None
    if amp is not None and device.type == "cpu":
        keep_depthwise_in_float32(network)
    return RunSetup(
        data=data,
        patches=patches,
        val_pairs=PairCache(data.of_split("val"), plan, bands, scaling),
        network=network,
        average=average,
        optimiser=optimiser,
        schedule=LambdaLR(optimiser, poly(per_epoch * plan.epochs, plan.warmup_share, plan.poly_power)),
        loss=SegmentationLoss(plan.loss, weights).to(device),
        scaler=torch.amp.GradScaler(device.type, enabled=amp == torch.float16),
        device=device,
        bands=bands,
        scaling=scaling,
        built=built,
        steps_per_epoch=per_epoch,
        amp_dtype=amp,
        class_weights=chosen,
    )


def _ignored_index(plan: TrainPlan, data: TrainData) -> int:
    """What ignored pixels are learnt as."""
    if not plan.ignored_as:
        return IGNORE_INDEX
    if plan.ignored_as not in data.classes:
        raise UserError(
            f"there is no class {plan.ignored_as!r} to learn ignored pixels as",
            remedy=f"the labels hold {', '.join(data.classes)}",
        )
    return data.classes.index(plan.ignored_as)


def _averaged(network: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving averages of parameters and batch-norm statistics."""
    average_fn = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=average_fn, use_buffers=True)


def _survey(data: TrainData) -> tuple[int, str, list[tuple[int, int]]]:
    """(bands, scaling, sizes of the training images), from the first image's values and each one's header."""
    from segstudio.io.readers.registry import probe

    train = data.of_split("train")
    infos = {file: probe(file) for file in dict.fromkeys(image.file for image in train)}
    sizes = []
    for image in train:
        info = infos[image.file]
        sizes.append((image.window.width, image.window.height) if image.window else (info.width, info.height))
    firsts = list({image.file: image for image in reversed(train)}.values())[::-1]  # of a volume one plane tells
    bands = max(read_image(image.file, z=image.z).shape[0] for image in firsts[:8])
    return (3 if bands <= 3 else bands), "unit8", sizes
