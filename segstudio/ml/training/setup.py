"""Everything a run needs, built from its plan: data, feed, network, engine, device."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.inference.devices import choose_device, free_cached, is_out_of_memory
from segstudio.ml.networks.table import architecture
from segstudio.ml.train_events import RunStarted
from segstudio.ml.training.augment_device import device_augmentation, place_of
from segstudio.ml.training.class_weights import balanced_weights
from segstudio.ml.training.distributed import ONE
from segstudio.ml.training.engine import Engine, normalised
from segstudio.ml.training.feed import build_feed, steps_per_epoch
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.memory_ladder import first_parts
from segstudio.ml.training.network import build_trained
from segstudio.ml.training.precision import chosen_dtype, keep_depthwise_in_float32
from segstudio.ml.training.schedule import build_optimiser, build_schedule
from segstudio.ml.training.shared_norm import share_norms
from segstudio.ml.training.sources import TrainData, load_data
from segstudio.ml.training.validate import Validation, validate
from segstudio.ml.training.volume_setup import fitting_data, window_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.distributed import Ranks
    from segstudio.ml.training.feed import Feed
    from segstudio.ml.training.network import BuiltNetwork


@dataclass
class RunSetup:
    """A run's parts; the loop feeds ``engine`` and calls :meth:`validate`."""

    data: TrainData
    feed: Feed
    built: BuiltNetwork
    engine: Engine
    steps_per_epoch: int
    class_weights: tuple[float, ...] = ()
    note: str = ""

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.engine.device

    @property
    def network(self) -> nn.Module:
        """The network that learns, without wrappers."""
        return self.engine.module

    def validate(self, is_stopped: Callable[[], bool] = lambda: False) -> Validation:
        """Metrics on the validation images, with the averaged parameters where there are any; fewer images once *is_stopped*."""
        try:
            return self._validated(self.engine.evaluated(), self.device, is_stopped)
        except (RuntimeError, MemoryError) as error:
            if self.device.type == "cpu" or self.engine.ranks.size > 1 or not is_out_of_memory(error):
                raise
            error.__traceback__ = None  # its frames hold what filled the memory
        free_cached(str(self.device))
        note = f"{self.device} has too little memory to validate, so the CPU does that."
        self.engine.notes += [note] if note not in self.engine.notes else []
        return self._validated(copy.deepcopy(self.engine.evaluated()).cpu(), torch.device("cpu"), is_stopped)

    def _validated(self, network: nn.Module, device: torch.device, is_stopped: Callable[[], bool]) -> Validation:
        engine = self.engine
        return validate(
            network,
            self.feed.val_pairs,
            [i.name for i in self.data.of_split("val")],
            self.data.classes,
            engine.normalise
            if device == engine.device
            else partial(normalised, mean=self.built.mean, std=self.built.std),
            SegmentationLoss(engine.loss.kind),
            device,
            amp_dtype=engine.amp_dtype if device == engine.device else None,
            is_stopped=is_stopped,
            ranks=engine.ranks,
        )

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
            note=" ".join(filter(None, (self.data.note, self.built.note, self.note, self._about_weights(plan)))),
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
            bands=self.feed.bands,
            mean=self.built.mean,
            std=self.built.std,
            scaling=self.feed.scaling,  # type: ignore[arg-type]
            working_long_side_px=plan.working_long_side_px,
            stride_px=arch.stride_px,
            **window_fields(plan),
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


def build_setup(plan: TrainPlan, ranks: Ranks = ONE) -> RunSetup:
    """Read the data, build the network, choose the device; *ranks* train it together.

    Raises
    ------
    UserError
        When any of it does not fit.
    """
    data = fitting_data(plan, load_data(plan))
    device = torch.device(choose_device(ranks.device or plan.device))
    feed = build_feed(plan, data)
    built = build_trained(plan, data, feed.bands)
    class_weights = _class_weights(plan, data, feed.ignored_index)
    steps = steps_per_epoch(plan, len(feed.patches))
    engine = build_engine(plan, built, device, class_weights, steps, ranks)
    feed.patches.is_augmented_on_device, note = place_of(plan, device)
    if feed.patches.is_augmented_on_device:
        engine.on_device = device_augmentation(plan, feed.bands)
    engine.begin_with(first_parts(plan, built.encoder, feed.bands, len(data.classes), str(device), least_patches(plan)))
    return RunSetup(data, feed, built, engine, steps, class_weights, note)


def build_engine(
    plan: TrainPlan, built: BuiltNetwork, device: torch.device, class_weights: tuple[float, ...], epoch_steps: int,
    ranks: Ranks = ONE,
) -> Engine:  # fmt: skip
    """The network on *device* with its optimiser, its schedule over epochs of *epoch_steps* steps, and its loss."""
    is_flat = all(parameter.ndim <= 4 for parameter in built.network.parameters())  # V-Net's kernels have a depth
    memory_format = torch.channels_last if plan.is_channels_last and is_flat else torch.preserve_format
    network = built.network.to(device=device, memory_format=memory_format)  # type: ignore[call-overload]
    optimiser = build_optimiser(network, plan, is_encoder_pretrained=built.knows_something)
    average = _averaged(network, plan.ema_decay) if plan.ema_decay else None
    amp, note = chosen_dtype(plan.precision, device, has_depth=not is_flat)
    if amp is not None and device.type == "cpu":
        keep_depthwise_in_float32(network)
    share_norms(network, ranks)
    engine = Engine(
        network,
        optimiser,
        build_schedule(optimiser, plan, epoch_steps),
        SegmentationLoss(plan.loss, torch.tensor(class_weights) if class_weights else None, ranks=ranks).to(device),
        device,
        mean=built.mean,
        std=built.std,
        average=average,
        amp_dtype=amp,
        clip_norm=plan.clip_norm,
        aux_weights=plan.aux_weights,
        is_channels_last=plan.is_channels_last,
        least_patches=least_patches(plan),
        stride_px=architecture(plan.arch).stride_px,
        ranks=ranks,
    )
    engine.notes += [note] if note else []
    if plan.is_compiled:
        engine.compile()
    return engine


def least_patches(plan: TrainPlan) -> int:
    """Patches a step needs: normalisation over a batch takes more than one value of each feature at the network's coarsest level."""
    return 1 if plan.patch_px // architecture(plan.arch).stride_px >= 2 else 2


def _class_weights(plan: TrainPlan, data: TrainData, ignored_index: int) -> tuple[float, ...]:
    chosen = plan.class_weights or balanced_weights(
        plan.class_balance, data.of_split("train"), len(data.classes), ignored_index
    )
    if chosen and len(chosen) != len(data.classes):
        raise UserError(
            f"{len(chosen)} class weights for {len(data.classes)} classes", remedy="give one weight a class"
        )
    return chosen


def _averaged(network: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving averages of parameters and batch-norm statistics."""
    average_fn = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=average_fn, use_buffers=True)
