"""Models on a device, from their cards."""

from __future__ import annotations

import importlib
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.inference.devices import choose_device
from segstudio.ml.inference.views import with_views
from segstudio.ml.model_options import PRUNE
from segstudio.ml.registry import weights_file
from segstudio.ml.torchvision_cards import PREFIX

if TYPE_CHECKING:
    from torch import nn

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.api import AnySegmenter, InstanceSegmenter, Segmenter
    from segstudio.ml.cards import ModelCard


class CancelHooks:
    """Lets a forward pass end between two layers, so that a slow network on a CPU is cancelled at once too."""

    def __init__(self, module: nn.Module) -> None:
        self.cancel: Cancel = NEVER
        for part in module.modules():
            if not any(True for _ in part.children()):
                part.register_forward_pre_hook(self._look)

    def _look(self, _module: nn.Module, _inputs: object) -> None:
        check(self.cancel)


class TorchSegmenter:
    """A semantic network: ours, torchvision's, or any module that returns logits, ``{"out": logits}`` or a tuple."""

    def __init__(self, module: nn.Module, card: ModelCard, device: str = "cpu") -> None:
        self.card = card
        self.module = module.eval().requires_grad_(False)
        self.hooks = CancelHooks(module)
        self.device = device
        self.to(device)

    def to(self, device: str) -> None:
        """Move to another device. Weights lie channels-last there: convolutions are faster so."""
        # V-Net's kernels have a depth, for which there is no such order.
        is_flat = all(parameter.ndim <= 4 for parameter in self.module.parameters())
        order = torch.channels_last if is_flat else torch.preserve_format
        self.module = self.module.to(device, memory_format=order)  # type: ignore[call-overload]
        self.device = device

    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, H, W) float32 of *batch* (N, C, H, W) float32, or (N, K, D, H, W) of volumes, on the model's device."""
        with torch.inference_mode():
            order = torch.channels_last if batch.dim() == 4 else torch.contiguous_format
            answer: Any = self.module(batch.to(self.device, memory_format=order))
            if isinstance(answer, Mapping):
                answer = answer["out"]
            elif isinstance(answer, tuple):
                answer = answer[0]
            logits = cast("torch.Tensor", answer).float()
            if logits.shape[1] == 1 and len(self.card.classes) == 2:
                # One logit: its sigmoid is the softmax of (0, logit).
                logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
            return logits


def load_segmenter(
    model: CatalogEntry | ModelCard,
    device: str = "auto",
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> AnySegmenter:
    """The model on *device*, its weights fetched first where they are not here.

    Raises
    ------
    UserError
        When the model or the device cannot be used; when the weights are of another network, damaged or hold code.
    Cancelled
        When *cancel* was set during a download.
    """
    chosen = choose_device(device)
    entry = model if isinstance(model, CatalogEntry) else CatalogEntry(model)
    if entry.card.task == "classic":
        from segstudio.ml.classic.segmenter import ClassicSegmenter

        return ClassicSegmenter(entry.card)
    if entry.card.task not in ("semantic", "instance"):
        raise UserError(f"the model {entry.card.id} proposes nothing by itself", remedy="choose another model")
    card = weights_file(entry, progress, cancel).card
    progress(0, 0, f"Loading {card.name}")
    try:
        return cast("AnySegmenter", with_views(_loaded(card, chosen), card.options))
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the model {card.id} does not fit the memory of {chosen}",
            remedy="choose the device cpu, or a smaller model",
        ) from error


def _loaded(card: ModelCard, device: str) -> Segmenter | InstanceSegmenter:
    if card.loader:
        return _from_plug_in(card, device)
    if card.id.startswith(PREFIX):
        module = _torchvision(card)
        if card.task == "instance":
            from segstudio.ml.inference.mask_rcnn import MaskRcnnSegmenter

            return MaskRcnnSegmenter(module, card, device)
        return TorchSegmenter(module, card, device)
    if not card.weights.path:
        raise UserError(f"the model {card.id} has no weights", remedy="train it first, or choose another model")
    from segstudio.ml.weights import load_network

    network, inside = load_network(Path(card.weights.path))
    if PRUNE in card.options and hasattr(network, "depth"):
        cast("Any", network).depth = int(card.options[PRUNE])
    # The id the person knows it by, on what the file itself says of its classes and scaling.
    return TorchSegmenter(network, replace(inside, id=card.id, name=card.name, weights=card.weights), device)


def _from_plug_in(card: ModelCard, device: str) -> Segmenter | InstanceSegmenter:
    module, _, function = card.loader.partition(":")
    try:
        build = getattr(importlib.import_module(module), function)
        return cast("Segmenter | InstanceSegmenter", build(card, card.weights.path, device))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the plug-in of the model {card.id} failed ({type(error).__name__}: {error})",
            remedy="update or remove the plug-in",
        ) from error


def _torchvision(card: ModelCard) -> nn.Module:
    """One of torchvision's networks with the weights in ``card.weights.path``."""
    import torchvision

    models = torchvision.models
    builder = card.architecture
    options: dict[str, Any] = {"weights": None, "weights_backbone": None}
    if card.task == "instance":
        module = getattr(models.detection, builder)(**options, num_classes=len(card.classes))
    else:
        # As torchvision itself: the published files hold the auxiliary head too, where there is one.
        if not builder.startswith("lraspp"):
            options["aux_loss"] = True
        module = getattr(models.segmentation, builder)(**options, num_classes=len(card.classes))
    path = Path(card.weights.path)
    fit_state(module, read_state(path), path, card)
    return cast("nn.Module", module)


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Parameters of a PyTorch checkpoint; only tensors are ever unpickled.

    Raises
    ------
    UserError
        When it is damaged, or holds anything but tensors.
    """
    try:
        with warnings.catch_warnings():
            # torch warns of unusual pickle protocols; what counts is whether the weights come out.
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            "the weights file holds more than weights and may run code, so segstudio refuses it",
            path=path,
            remedy="delete it and download it again",
        ) from error
    except Exception as error:  # noqa: BLE001 - a damaged pickle may raise anything
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"the weights file is damaged ({first})", path=path, remedy="delete it and download it again"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise UserError("the weights file holds no plain list of weights", path=path, remedy="download it again")
    return {str(name): value for name, value in state.items()}


def fit_state(module: nn.Module, state: Mapping[str, torch.Tensor], path: Path, card: ModelCard) -> None:
    """Put *state* into *module*, every key, shape and value checked.

    Raises
    ------
    UserError
        When the weights are of another network, or not finite.
    """
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    have = {name: tuple(value.shape) for name, value in state.items()}
    # Counters that early files lack; they play no part in inference.
    wrong = sorted(
        name
        for name in wanted.keys() | have.keys()
        if wanted.get(name) != have.get(name) and not (name.endswith("num_batches_tracked") and name not in have)
    )
    if wrong:
        raise UserError(
            f"the weights are not those of {card.name}: {len(wrong)} parameters differ, such as {wrong[0]}",
            path=path,
            remedy="choose the weights file of this model",
        )
    for name, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"the parameter {name} is not finite", path=path, remedy="download the weights again")
    module.load_state_dict(dict(state), strict=False)
