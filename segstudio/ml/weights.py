"""Weights files: safetensors that carry their model card."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import safetensors
import safetensors.torch
import torch
from torch import nn

from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.cards import CARD_KEY, ModelCard
from segstudio.ml.networks.build import build_network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def save_weights(path: Path, state: Mapping[str, torch.Tensor], card: ModelCard, *, is_half: bool = False) -> None:
    """Write *state* and its card atomically; floats as float16 with *is_half* (built-in models).

    Raises
    ------
    UserError
        When the file cannot be written, or a parameter is not finite.
    """
    tensors = {}
    for name, value in state.items():
        tensor = value.detach().cpu().contiguous()
        if tensor.is_floating_point():
            tensor = tensor.half() if is_half else tensor.float()
            if not bool(torch.isfinite(tensor).all()):
                raise UserError(f"the parameter {name} is not finite, so the weights are not saved", path=path)
        tensors[name] = tensor
    write_bytes_atomic(path, safetensors.torch.save(tensors, metadata={CARD_KEY: card.dumps(), "format": "pt"}))


def load_weights(path: Path) -> tuple[dict[str, torch.Tensor], ModelCard]:
    """(parameters as float32, card) of a weights file.

    Raises
    ------
    UserError
        When it is missing, damaged, a pickle, or has no card.
    """
    from segstudio.ml.weights_header import read_card

    card = read_card(path)
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(
            f"the weights cannot be read ({error})", path=path, remedy="fetch or train them again"
        ) from error
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = tensor.float()
            if not bool(torch.isfinite(state[name]).all()):
                raise UserError(f"the parameter {name} is not finite", path=path, remedy="train the model again")
    return state, card


def build_from_card(card: ModelCard) -> nn.Module:
    """The network that *card* describes, with random parameters."""
    return build_network(
        card.architecture,
        card.encoder,
        bands=card.bands,
        classes=len(card.classes),
        pretrained=False,
        options=card.options,
        mean=card.mean,
        std=card.std,
    )


def load_network(path: Path) -> tuple[nn.Module, ModelCard]:
    """A network in eval mode with the parameters of a weights file.

    Raises
    ------
    UserError
        When the file is bad, or its parameters are those of another network.
    """
    state, card = load_weights(path)
    network = build_from_card(card)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    have = {name: tuple(value.shape) for name, value in state.items()}
    if wanted != have:
        wrong = sorted(n for n in wanted.keys() | have.keys() if wanted.get(n) != have.get(n))
        raise UserError(
            f"the weights do not fit the network {card.architecture} that their card names ({len(wrong)} parameters differ, such as {wrong[0]})",
            path=path,
            remedy="use the file with the version of segstudio that made it",
        )
    network.load_state_dict(state)
    return network.eval(), card


def copy_matching(
    network: nn.Module, state: Mapping[str, torch.Tensor], *, leave_out: tuple[str, ...] = ()
) -> tuple[int, int]:
    """Copy each parameter of *state* that *network* has in the same shape; (copied, the network's total).

    Names that begin with one of *leave_out* are not copied.
    """
    own = network.state_dict()
    fitting = {n: v for n, v in state.items() if n in own and own[n].shape == v.shape and not n.startswith(leave_out)}
    own.update(fitting)
    network.load_state_dict(own)
    return len(fitting), len(own)


def state_bytes(document: object) -> bytes:
    """A checkpoint as bytes, to be written atomically."""
    buffer = io.BytesIO()
    torch.save(document, buffer)
    return buffer.getvalue()
