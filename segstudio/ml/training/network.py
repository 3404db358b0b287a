"""The network of a run: built from its plan, begun from ImageNet, another model or nothing, and frozen as far as it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import UserError
from segstudio.ml.encoders.freezing import encoder_of, freeze
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.options import kept_options, merged_options
from segstudio.ml.networks.table import ARCHITECTURES, NO_ENCODER, checked_encoder
from segstudio.ml.networks.table import encoder as encoder_spec
from segstudio.ml.registry import Catalog, weights_file
from segstudio.ml.weights import copy_matching, load_weights

if TYPE_CHECKING:
    from torch import nn

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import TrainData


@dataclass(frozen=True)
class BuiltNetwork:
    """A network on the CPU, ready to learn.

    ``mean`` and ``std`` hold one value a band; ``options`` are the network's own, all of them; ``knows_something`` says that its
    encoder was trained before; ``frozen`` parameters do not learn; ``earlier_command`` trained what it starts from.
    """

    network: nn.Module
    encoder: str
    options: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    knows_something: bool
    frozen: int
    note: str = ""
    earlier_command: str = ""


def build_trained(plan: TrainPlan, data: TrainData, bands: int) -> BuiltNetwork:
    """The network that *plan* asks for, for the classes of *data*.

    Raises
    ------
    UserError
        When its parts do not fit, or weights cannot be had.
    """
    start = _model_to_start_from(plan) if plan.start_from else None
    encoder = checked_encoder(plan.arch, plan.encoder or (start.encoder if start is not None else ""))
    spec = None if encoder == NO_ENCODER else encoder_spec(encoder)
    mean, std = (spec.mean, spec.std) if spec is not None and bands == 3 else ((0.5,) * bands, (0.25,) * bands)
    earlier = {} if start is None else kept_options(plan.arch, encoder, start.options)
    options = merged_options(plan.arch, encoder, {**earlier, **plan.arch_options})
    whole: dict[str, Any] = {**options, **({"refine": plan.refine} if plan.refine else {})}
    torch.manual_seed(plan.seed)
    is_pretrained = plan.is_pretrained and spec is not None and start is None
    network = build_network(
        plan.arch, encoder, bands=bands, classes=len(data.classes), pretrained=is_pretrained, options=whole,
        mean=mean, std=std,
    )  # fmt: skip
    note = "" if start is None else _start_from(start, network, data)
    return BuiltNetwork(
        network=network,
        encoder=encoder,
        options=whole,
        mean=mean,
        std=std,
        knows_something=is_pretrained or start is not None,
        frozen=_frozen(plan, network, spec is not None),
        note=note,
        earlier_command="" if start is None else start.command,
    )


def _frozen(plan: TrainPlan, network: nn.Module, has_encoder: bool) -> int:
    encoder = encoder_of(network)
    if not plan.freeze:
        return 0
    if encoder is None or not has_encoder:
        raise UserError(f"{plan.arch} brings its own encoder, which cannot be frozen", remedy="freeze nothing")
    return freeze(encoder, plan.freeze)


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
    # A refinement's matrices say how each class gets on with each: they mean nothing for other classes.
    leave_out = head if card.classes == data.classes else (*head, "refinement.")
    copied, total = copy_matching(network, state, leave_out=leave_out)
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
