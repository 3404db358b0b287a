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
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import ARCHITECTURES, NO_ENCODER, architecture, checked_encoder
from segstudio.ml.networks.table import encoder as encoder_spec
from segstudio.ml.plan import IGNORE_INDEX, RunStarted, TrainPlan
from segstudio.ml.registry import Catalog, weights_file
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.patches import PairCache, PatchDataset
from segstudio.ml.training.precision import amp_dtype, keep_depthwise_in_float32
from segstudio.ml.training.schedule import build_optimiser, poly
from segstudio.ml.training.sources import TrainData, load_data, read_image
from segstudio.ml.training.validate import Validation, validate
from segstudio.ml.weights import copy_matching, load_weights

if TYPE_CHECKING:
    from collections.abc import Callable

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
    mean: tuple[float, ...]
    std: tuple[float, ...]
    steps_per_epoch: int
    amp_dtype: torch.dtype | None
    note: str
    encoder: str
    earlier_command: str

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """(N, B, H, W) in 0…1 to what the encoder expects."""
        mean = torch.tensor(self.mean, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, -1, 1, 1)
        return (images - mean) / std

    def step(self, images: torch.Tensor, targets: torch.Tensor) -> float:
        """One optimiser step; the loss, and no step where it is not finite."""
        images = self.normalise(images.to(self.device, non_blocking=True)).contiguous(memory_format=torch.channels_last)
        targets = targets.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, self.amp_dtype or torch.float32, enabled=self.amp_dtype is not None):
            output = self.network(images)
        loss = self.loss(output, targets)
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
            note=self.note,
        )

    def card(self, plan: TrainPlan, metrics: dict[str, Any]) -> ModelCard:
        """The card of the weights as they are now."""
        arch = architecture(plan.arch)
        run = Path(plan.out).name
        return ModelCard(
            id=plan.model_id or run,
            name=plan.model_name or plan.model_id or run,
            architecture=plan.arch,
            encoder=self.encoder,
            classes=self.data.classes,
            colors=self.data.colors,
            background_index=self.data.background_index,
            bands=self.bands,
            mean=self.mean,
            std=self.std,
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
            command=" && ".join(filter(None, (self.earlier_command, plan.command))),
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
    start = _model_to_start_from(plan) if plan.start_from else None
    encoder = checked_encoder(plan.arch, plan.encoder or (start.encoder if start is not None else ""))
    spec = None if encoder == NO_ENCODER else encoder_spec(encoder)
    mean, std = (spec.mean, spec.std) if spec is not None and bands == 3 else ((0.5,) * bands, (0.25,) * bands)
    torch.manual_seed(plan.seed)
    is_pretrained = plan.is_pretrained and spec is not None and not plan.start_from
    network = build_network(plan.arch, encoder, bands=bands, classes=len(data.classes), pretrained=is_pretrained)
    note = data.note
    if start is not None:
        note = " ".join(filter(None, (note, _start_from(start, network, data))))
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    patches = PatchDataset(data.of_split("train"), sizes, plan, bands, scaling, _ignored_index(plan, data))
    per_epoch = max(1, len(patches) // plan.batch)
    optimiser = build_optimiser(network, plan, is_encoder_pretrained=is_pretrained or bool(plan.start_from))
    weights = torch.tensor(plan.class_weights) if plan.class_weights else None
    if weights is not None and len(weights) != len(data.classes):
        raise UserError(
            f"{len(weights)} class weights for {len(data.classes)} classes", remedy="give one weight a class"
        )
    average = _averaged(network, plan.ema_decay) if plan.ema_decay else None
    amp = amp_dtype(device) if plan.is_amp else None
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
        mean=mean,
        std=std,
        steps_per_epoch=per_epoch,
        amp_dtype=amp,
        note=note,
        encoder=encoder,
        earlier_command=start.command if start is not None else "",
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


def _model_to_start_from(plan: TrainPlan) -> ModelCard:
    """The card, with its weights at hand, of the model that *plan* starts from.

    Raises
    ------
    UserError
        When it is unknown, has no weights, or is another network.
    """
    entry = Catalog(Path(plan.project) if plan.project else None).find(plan.start_from)
    card = entry.card
    if card.architecture != plan.arch:
        raise UserError(
            f"{plan.start_from} is a {card.architecture} and cannot start a {plan.arch}",
            remedy=f"train a {card.architecture}"
            if card.architecture in ARCHITECTURES
            else "choose a model of the same network",
        )
    return weights_file(entry).card


def _start_from(card: ModelCard, network: nn.Module, data: TrainData) -> str:
    """Copy what fits of a model's parameters; of the last layer the rows of classes of the same name. What was done, in words."""
    path = Path(card.weights.path)
    state, card = load_weights(path)
    head = tuple(getattr(network, "class_layers", ()))
    copied, total = copy_matching(network, state, leave_out=head)
    if copied == 0:
        raise UserError(
            f"no parameter of {card.name} fits this network", path=path, remedy="choose the same network and encoder"
        )
    known = {name.casefold(): i for i, name in enumerate(card.classes)}
    shared = [(to, known[n.casefold()]) for to, n in enumerate(data.classes) if n.casefold() in known]
    own = network.state_dict()
    for name in own:
        if name.startswith(head) and name in state and own[name].shape[1:] == state[name].shape[1:]:
            for to, origin in shared:
                own[name][to] = state[name][origin]
    names = [data.classes[to] for to, _ in shared]
    classes = f"the classes {', '.join(names)}" if names else "no class"
    return f"{copied} of {total} parameters start from {card.name}, and {classes}."
