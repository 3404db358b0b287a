"""Strangers' checkpoints: read as weights only, listed, and loaded where their network is one of ours."""

from __future__ import annotations

import math
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.foreign.outline import FileOutline, TensorLine
from segstudio.ml.foreign.recognise import Recognised, recognise
from segstudio.ml.foreign.sniff import kind_of
from segstudio.ml.foreign.wishes import Wishes, background_of
from segstudio.ml.inference.loading import TorchSegmenter, fit_state
from segstudio.ml.networks.table import ARCHITECTURES, NO_ENCODER, encoder
from segstudio.ml.weights import save_weights

if TYPE_CHECKING:
    from segstudio.ml.api import InstanceSegmenter, Segmenter

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "segmentor.", "student.")
"""What training programs put before every name."""
_BEST_KEYS = ("state_dict", "model_state_dict", "model", "network", "net", "ema", "state_dict_ema", "weights", "params")
_ALONE = "ask for the weights alone: torch.save(model.state_dict(), …)"
MAX_DEPTH = 4


@dataclass(frozen=True)
class Checkpoint:
    """The parameters of one network: ``place`` says where in the file they were, as "state_dict"."""

    path: Path
    state: dict[str, torch.Tensor]
    place: str = ""


def read_checkpoint(path: Path) -> Checkpoint:
    """The parameters in a pickled checkpoint, found in nested dictionaries, common prefixes taken off.

    Only tensors, numbers, texts and their containers are ever unpickled.

    Raises
    ------
    UserError
        When the file is damaged, TorchScript, or holds anything else.
    """
    path = Path(path)
    if kind_of(path) != "checkpoint":
        raise UserError("this is no checkpoint of PyTorch", path=path, remedy="choose a .pth file")
    found = _found(_unpickled(path), "", 0)
    if not found:
        raise UserError("the checkpoint holds no list of weights", path=path, remedy=_ALONE)
    place, state = max(found, key=lambda item: (_rank(item[0]), len(item[1])))
    return Checkpoint(path, state, place)


def _unpickled(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            # torch warns of unusual pickle protocols; what counts is whether the weights come out.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        culprit = _culprit(str(error))
        if not culprit and zipfile.is_zipfile(path):
            raise _damaged(path, error) from error
        why = f"it holds more than weights ({culprit})" if culprit else "and none that torch wrote"
        raise UserError(
            f"the checkpoint is a pickle, which may run code{':' if culprit else ','} {why}, so segstudio refuses it",
            path=path,
            remedy=_ALONE,
        ) from error
    except Exception as error:  # noqa: BLE001 - a damaged pickle may raise anything
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # torch puts its advice first and the reason last.
    reason = next((line for line in lines if line.startswith("WeightsUnpickler error:")), lines[0] if lines else "")
    reason = reason.removeprefix("WeightsUnpickler error:").strip()[:160] or type(error).__name__
    return UserError(f"the checkpoint is damaged ({reason})", path=path, remedy="download it again to its end")


def _culprit(message: str) -> str:
    """The name of what torch would not unpickle, where it says it."""
    match = re.search(r"(?:GLOBAL|global|class|type)\s+([A-Za-z_][\w.]*\.[\w.]+)", message)
    return match.group(1).rstrip(".") if match else ""


def _found(value: object, place: str, depth: int) -> list[tuple[str, dict[str, torch.Tensor]]]:
    """Every dictionary of tensors below *value*, with its place."""
    if not isinstance(value, Mapping) or depth > MAX_DEPTH:
        return []
    state = {str(k): v for k, v in value.items() if isinstance(v, torch.Tensor)}
    here = [(place, state)] if len(state) > 1 or (state and len(state) == len(value)) else []
    for key, inner in value.items():
        if not str(key).lower().startswith(("optim", "sched", "scaler")):
            here += _found(inner, f"{place}/{key}" if place else str(key), depth + 1)
    return here


def _rank(place: str) -> int:
    last = place.rpartition("/")[2]
    return len(_BEST_KEYS) - _BEST_KEYS.index(last) if last in _BEST_KEYS else 0


def without_prefix(state: Mapping[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """*state* as it is, and with each prefix taken off that all names share; the barest last."""
    versions = [dict(state)]
    while True:
        names = list(versions[-1])
        prefix = next((p for p in PREFIXES if names and all(n.startswith(p) for n in names)), "")
        if not prefix:
            return versions
        versions.append({name.removeprefix(prefix): value for name, value in versions[-1].items()})


def outline(path: Path) -> FileOutline:
    """The tensors of a checkpoint: names, shapes, types.

    Raises
    ------
    UserError
        As :func:`read_checkpoint`.
    """
    checkpoint = read_checkpoint(path)
    lines = tuple(
        TensorLine(name, tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for name, value in checkpoint.state.items()
    )
    try:
        network = _title(_recognised(checkpoint))
        problem = ""
    except UserError as error:
        network, problem = "", error.message
    return FileOutline(str(path), "PyTorch checkpoint", lines, checkpoint.place, network, problem)


def _recognised(checkpoint: Checkpoint) -> Recognised:
    for name, value in checkpoint.state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"the parameter {name} is not finite", path=checkpoint.path, remedy="ask for other weights")
    for state in reversed(without_prefix(checkpoint.state)):
        found = recognise(state)
        if found is not None:
            return found
    first = next(iter(checkpoint.state))
    raise UserError(
        f"none of the networks that segstudio knows has these {len(checkpoint.state)} tensors; the first is {first}, "
        f"{'×'.join(map(str, checkpoint.state[first].shape)) or 'one number'}",
        path=checkpoint.path,
        remedy="ask its maker for an .onnx file",
    )


def _title(found: Recognised) -> str:
    parts = (found.architecture, found.encoder if found.encoder != NO_ENCODER else "")
    return " + ".join(filter(None, parts)) + f", {found.bands} bands, {found.channels} classes"


def card_of(checkpoint: Checkpoint, wishes: Wishes) -> tuple[ModelCard, Recognised]:
    """The card of a recognised checkpoint, and its network with names as ours.

    Raises
    ------
    UserError
        When its network is none of ours, a weight is not finite, or the wishes do not fit it.
    """
    found = _recognised(checkpoint)
    classes = wishes.names(found.channels)
    own = ARCHITECTURES.get(found.architecture)
    bands_wishes = wishes
    if own is not None and found.encoder != NO_ENCODER and not (wishes.mean or wishes.std) and found.bands == 3:
        spec = encoder(found.encoder)
        bands_wishes = replace(wishes, mean=spec.mean, std=spec.std)
    mean, std = bands_wishes.statistics(found.bands)
    name = wishes.model_id or checkpoint.path.stem
    is_instance = found.task == "instance"
    card = ModelCard(
        id=name, name=name, task=found.task, architecture=found.architecture, encoder=found.encoder, classes=classes,
        background_index=0 if found.channels == 1 or is_instance else background_of(classes), bands=found.bands,
        mean=(0.0,) * 3 if is_instance else mean, std=(1.0,) * 3 if is_instance else std, scaling=wishes.scaling,
        window_px=1024 if is_instance else 512, overlap_px=256 if is_instance else 96, stride_px=32,
        licence=wishes.licence, options=dict(found.options),
        parameters=sum(math.prod(v.shape) for v in found.state.values() if v.is_floating_point()),
        description="Weights from another program. Their file does not say what the classes are, nor how images were scaled.",
    )  # fmt: skip
    return card, found


def read_entry(path: Path, wishes: Wishes | None = None) -> CatalogEntry:
    """A checkpoint as a model to use where it lies.

    Raises
    ------
    UserError
        As :func:`card_of`.
    """
    card, _ = card_of(read_checkpoint(path), wishes or Wishes())
    source = WeightsSource("file", str(path), file_name=path.name, size_bytes=path.stat().st_size)
    return CatalogEntry(replace(card, weights=source, loader="segstudio.ml.foreign.checkpoint:load_checkpoint"))


def convert(path: Path, target: Path, wishes: Wishes) -> ModelCard:
    """Write a checkpoint as a safetensors file with its card; the card.

    Raises
    ------
    UserError
        As :func:`card_of`, and when the disk refuses.
    """
    card, found = card_of(read_checkpoint(path), wishes)
    card = replace(card, weights=WeightsSource("file", file_name=target.name))
    save_weights(target, found.state, card)
    return card


def load_checkpoint(card: ModelCard, path: str, device: str) -> Segmenter | InstanceSegmenter:
    """The network of a stranger's checkpoint, on *device*.

    Raises
    ------
    UserError
        As :func:`card_of`.
    """
    found = _recognised(read_checkpoint(Path(path)))
    return _on_device(found.network(), found.state, card, Path(path), device)


def load_converted(card: ModelCard, path: str, device: str) -> Segmenter | InstanceSegmenter:
    """A network of torchvision or segmentation-models-pytorch from a safetensors file of ours, on *device*.

    Raises
    ------
    UserError
        When the file is damaged or its weights are of another network.
    """
    from segstudio.ml.foreign.recognise import build
    from segstudio.ml.weights import load_weights

    state, inside = load_weights(Path(path))
    channels = int(inside.options.get("channels", len(inside.classes)))
    network = build(inside.architecture, inside.encoder, inside.bands, channels, inside.options)
    known = replace(inside, id=card.id, name=card.name, weights=card.weights)
    return _on_device(network, state, known, Path(path), device)


def _on_device(
    network: Any, state: dict[str, torch.Tensor], card: ModelCard, path: Path, device: str
) -> Segmenter | InstanceSegmenter:
    fit_state(network, state, path, card)
    if card.task == "instance":
        from segstudio.ml.inference.mask_rcnn import MaskRcnnSegmenter

        return MaskRcnnSegmenter(network, card, device)
    return TorchSegmenter(network, card, device)
