"""The network that learns from corrections: built, begun from the last weights, taught a step, and packed as a version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
import torch

from segstudio.core.errors import UserError
from segstudio.ml.cards import CARD_KEY, ModelCard, WeightsSource
from segstudio.ml.inference.devices import choose_device
from segstudio.ml.networks.table import architecture
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.network import BuiltNetwork, build_trained
from segstudio.ml.training.setup import build_engine
from segstudio.ml.training.sources import TrainData
from segstudio.ml.training.validate import predict_logits
from segstudio.ml.training.volume_setup import window_fields
from segstudio.ml.weights import copy_matching, load_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from torch import nn

    from segstudio.ml.continuous.corrections import Classes
    from segstudio.ml.continuous.plan import LearnPlan
    from segstudio.ml.continuous.planes import Reading
    from segstudio.ml.training.engine import Batch, Engine

RARE, MOST_WEIGHT = 0.4, 6.0
"""A class with less than this part of an even share of the labels weighs more by how much less it has, up to so many times.

Else a model of few labels takes everything for background: after a village was labelled, streets of photographs that it had not seen had
Dice 0.11 by the likeliest class, and 0.51 from a probability of 0.1 on. The best threshold for Dice is half the Dice that can be
reached (Lipton, Elkan and Narayanaswamy, Optimal thresholding of classifiers to maximize F1 measure, 2014).
"""
WARMUP_STEPS = 10
"""The rate rises over the first steps, then stays: nobody knows when the last correction is made."""


def train_plan(plan: LearnPlan, start_from: str, card: ModelCard | None, patch_px: int) -> TrainPlan:
    """The plan that the parts of the trainer understand; network and options are those of *card* where there is one."""
    fields: dict[str, Any] = {"arch": plan.arch, "encoder": plan.encoder}
    if card is not None:
        fields = {"arch": card.architecture, "encoder": card.encoder}
    return TrainPlan(
        out="",
        project=plan.project,
        start_from=start_from,
        is_pretrained=plan.is_pretrained,
        patch_px=patch_px,
        loss=plan.loss,
        augment=plan.augment,  # type: ignore[arg-type]
        batch=plan.batch,
        epochs=1,
        schedule="constant",
        warmup_share=0.1,
        lr=plan.lr,
        encoder_lr_factor=plan.encoder_lr_factor,
        weight_decay=plan.weight_decay,
        ema_decay=plan.ema_decay,
        seed=plan.seed,
        device=plan.device,
        precision=plan.precision,  # type: ignore[arg-type]
        threads=plan.threads,
        working_long_side_px=card.working_long_side_px if card is not None else plan.working_long_side_px,
        **fields,
    )


@dataclass(frozen=True)
class Predictor:
    """Answers for pictures (B, y, x) float32 in 0…1: class indices (y, x) uint8."""

    network: nn.Module
    normalise: Callable[[torch.Tensor], torch.Tensor]
    device: torch.device
    amp_dtype: torch.dtype | None = None

    def __call__(self, unit: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """The likeliest class of each pixel."""
        was_training = self.network.training
        self.network.eval()
        try:
            logits = predict_logits(self.network, unit, self.normalise, self.device, amp_dtype=self.amp_dtype)
        finally:
            self.network.train(was_training)
        found: npt.NDArray[np.uint8] = logits.max(0).indices.to(torch.uint8).numpy()
        return found


class Student:
    """The network with its optimiser, for some classes. Made anew when the classes change.

    Raises
    ------
    UserError
        When its parts do not fit, weights cannot be had, or the device is not there.
    """

    def __init__(self, plan: TrainPlan, classes: Classes, reading: Reading) -> None:
        self.plan, self.classes, self.reading = plan, classes, reading
        data = TrainData(classes.names, classes.colors, classes.background, ())
        self.built: BuiltNetwork = build_trained(plan, data, reading.bands)
        device = torch.device(choose_device(plan.device))
        self.engine: Engine = build_engine(plan, self.built, device, (1.0,) * len(classes.names), WARMUP_STEPS * 10)
        if self.engine.average is not None:
            self.engine.average.multi_avg_fn = _rising_average(plan.ema_decay)
        self._rates = list(self.engine.schedule.base_lrs)
        self.steps = 0

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.engine.device

    @property
    def parameters(self) -> int:
        """How many numbers it has learnt."""
        return sum(p.numel() for p in self.engine.module.parameters())

    def learn(self, batch: Batch) -> float:
        """One step; its loss, NaN where it was no number and nothing was changed."""
        self.engine.network.train()
        torch.manual_seed(self.plan.seed * 1_000_003 + self.steps)  # what dropout draws
        self.steps += 1
        return self.engine.step([batch])

    def weigh(self, pixels: npt.ArrayLike) -> None:
        """Let rare classes count for more, by the labelled *pixels* (K,) of each class."""
        weights = self.engine.loss.class_weights
        assert weights is not None
        weights.copy_(torch.from_numpy(rare_weights(pixels)))

    def slow_down(self, waited: int) -> None:
        """Learn at half the rate for each two rounds that brought nothing better, down to an eighth."""
        schedule = self.engine.schedule
        schedule.base_lrs = [rate * 0.5 ** min(3, (waited + 1) // 2) for rate in self._rates]

    def predictor(self) -> Predictor:
        """The network as it would be kept, to be judged."""
        engine = self.engine
        return Predictor(engine.evaluated(), engine.normalise, engine.device, engine.amp_dtype)

    def go_on_from(self, path: Path) -> None:
        """Take the parameters of a weights file for the same classes; the optimiser forgets where it was going.

        Raises
        ------
        UserError
            When they are of another network.
        """
        network, _ = load_network(path)
        state = network.state_dict()
        targets = (
            [self.engine.module] if self.engine.average is None else [self.engine.module, self.engine.average.module]
        )
        for target in targets:
            copied, total = copy_matching(target, state)
            if copied < total:
                raise UserError("The weights are of another network", path=path, remedy="start learning anew")
        self.engine.optimiser.state.clear()

    def packed(self, name: str, about: dict[str, Any]) -> bytes:
        """The weights as a file that carries its card.

        Raises
        ------
        UserError
            When a parameter is not finite.
        """
        tensors = {}
        for key, value in self.engine.weights().items():
            tensor = value.detach().cpu().contiguous()
            if tensor.is_floating_point():
                tensor = tensor.float()
                if not bool(torch.isfinite(tensor).all()):
                    raise UserError(f"The parameter {key} is not finite", remedy="learn at a smaller rate")
            tensors[key] = tensor
        return safetensors.torch.save(tensors, metadata={CARD_KEY: self._card(name, about).dumps(), "format": "pt"})

    def _card(self, name: str, about: dict[str, Any]) -> ModelCard:
        return ModelCard(
            id=name,
            name=name,
            architecture=self.plan.arch,
            encoder=self.built.encoder,
            options=self.built.options,
            classes=self.classes.names,
            colors=self.classes.colors,
            background_index=self.classes.background,
            bands=self.reading.bands,
            mean=self.built.mean,
            std=self.built.std,
            scaling=self.reading.scaling,  # type: ignore[arg-type]
            working_long_side_px=self.reading.long_side_px,
            stride_px=architecture(self.plan.arch).stride_px,
            **window_fields(self.plan),
            weights=WeightsSource(kind="project"),
            metrics=json.loads(json.dumps(about)),
            command=self.built.earlier_command,
            parameters=self.parameters,
            description="Learnt while labelling.",
        )


def rare_weights(pixels: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """(K,) for how much a pixel of each class counts in the loss, 1 … MOST_WEIGHT, from the labelled *pixels* (K,)."""
    counts = np.asarray(pixels, np.float64)
    wanted = RARE * counts.sum() / len(counts)
    weights = np.clip(wanted / np.maximum(counts, 1), 1, MOST_WEIGHT)
    return np.where(counts > 0, weights, 1).astype(np.float32)


def _rising_average(decay: float) -> Callable[..., None]:
    """A moving average that forgets its beginning fast: of few steps it is nearly their last.

    The decay after n steps is at most (1 + n) / (10 + n), as in TensorFlow's ExponentialMovingAverage.
    """

    @torch.no_grad()
    def update(averaged: list[torch.Tensor], current: list[torch.Tensor], count: torch.Tensor | int) -> None:
        steps = int(count)
        kept = min(decay, (1 + steps) / (10 + steps))
        if torch.is_floating_point(averaged[0]):
            torch._foreach_lerp_(averaged, current, 1 - kept)
        else:
            for old, new in zip(averaged, current, strict=True):
                old.copy_(new)

    return update


def predictor_of(path: Path, device: torch.device) -> Predictor:
    """The network of a weights file, to be judged; UserError when it cannot be used."""
    network, card = load_network(path)
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean, std = torch.tensor(card.mean, device=device), torch.tensor(card.std, device=device)

    def normalise(images: torch.Tensor) -> torch.Tensor:
        shape = (1, -1) + (1,) * (images.ndim - 2)
        return (images - mean.view(shape)) / std.view(shape)

    return Predictor(network, normalise, device)
