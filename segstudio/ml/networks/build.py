"""Builds a network from its ids."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from segstudio.ml.networks.table import architecture, checked_encoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn


def build_network(
    arch: str,
    encoder: str,
    *,
    bands: int,
    classes: int,
    pretrained: bool = False,
    options: Mapping[str, Any] | None = None,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
) -> nn.Module:
    """A network whose ``forward`` takes (N, bands, H, W) and returns a ``NetworkOutput`` with *classes* logits.

    *pretrained* asks for ImageNet weights of the encoder where they come with the installation or are cached. The option
    ``refine`` ends the network with refinement layers ("crfrnn", "mrf"), which need the *mean* and *std* of its input.

    Raises
    ------
    UserError
        For an unknown network or encoder, or a pair that does not fit.
    """
    spec = architecture(arch)
    chosen = checked_encoder(arch, encoder)
    module, function = spec.builder.split(":")
    builder = getattr(importlib.import_module(module), function)
    own = dict(options or {})
    refine = str(own.pop("refine", ""))
    network = cast("nn.Module", builder(bands, classes, chosen, pretrained, own))
    if not refine:
        return network
    from segstudio.ml.refine.layers import end_with

    return end_with(network, refine, classes=classes, mean=mean or (0.5,) * bands, std=std or (0.25,) * bands)
