"""A refinement as the last layers of a network: it learns together with the rest, and its weights are saved with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.core.errors import UserError
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.refine.crf import CrfRnn
from segstudio.ml.refine.guide import few_bands
from segstudio.ml.refine.mrf import MrfLayers
from segstudio.ml.refine.table import checked_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "refinement"
"""What the layers are called within their network: its own parameters keep their names, with and without them."""
OPTION = "refine"
"""The key of a card's options that names the layers."""


class RefinementLayers(nn.Module):
    """CRF-as-RNN or the Deep Parsing Network's MRF behind a network, which gives the logits and saw the picture.

    *mean* and *std* (one value a band) are those the picture was normalised by: the kernels want it back in 0 … 255.
    """

    def __init__(self, name: str, classes: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.layers: nn.Module = CrfRnn(classes) if checked_layers(name) == "crfrnn" else MrfLayers(classes)
        # The card holds them; in the weights they would be there twice.
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """(N, K, H, W) logits of the normalised pictures (N, B, H, W) to refined logits, float32."""
        if logits.device.type == "mps" and isinstance(self.layers, CrfRnn):
            raise UserError(
                "CRF as RNN needs sparse matrices, which torch does not multiply on this GPU",
                remedy="choose the device cpu, or the refinement mrf",
            )
        kind = torch.float64 if logits.dtype == torch.float64 else torch.float32
        # Distances of colours and sums over thousands of pixels are beyond half precision.
        with torch.autocast(logits.device.type, enabled=False):
            pictures = x.detach().to(kind) * self.std.to(kind) + self.mean.to(kind)
            guides = torch.stack([few_bands(picture) for picture in pictures.clamp(0, 1) * 255])
            refined: torch.Tensor = self.layers(logits.to(kind), guides)
            return refined


def end_with(network: nn.Module, name: str, *, classes: int, mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """*network* itself, from now on ending with these layers; its auxiliary outputs stay as they are.

    Raises
    ------
    UserError
        When there are no layers of that name, or the network scores single pixels only.
    """
    network.add_module(NAME, RefinementLayers(name, classes, mean, std))
    network.register_forward_hook(_refined)
    return network


def _refined(network: nn.Module, inputs: tuple[torch.Tensor, ...], output: Any) -> Any:
    if not isinstance(output, NetworkOutput):
        raise TypeError(f"a refinement cannot follow {type(output).__name__}")
    if output.sampled is not None:
        raise UserError(
            "a network that learns from single pixels has none beside them to refine", remedy="train without"
        )
    return output._replace(logits=getattr(network, NAME)(output.logits, inputs[0]))
