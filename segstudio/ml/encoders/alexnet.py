"""AlexNet (Krizhevsky 2014, arXiv:1404.5997, torchvision's) as an encoder."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import AlexNet_Weights, alexnet

from segstudio.core.errors import UserError
from segstudio.ml.encoders.availability import is_in_torch_cache
from segstudio.ml.encoders.fetching import fetching
from segstudio.ml.encoders.timm_encoder import Encoder

_CUTS = ((0, 2), (2, 5), (5, 12), (12, 13))
"""First and last layer of each stage: up to conv1, conv2, conv5 and the last pooling."""


class AlexNetEncoder(Encoder):
    """Features after conv1, conv2, conv5 and the last pooling, at strides 4, 8, 16 and 32."""

    channels = (64, 192, 256, 256)
    reductions = (4, 8, 16, 32)

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Sequential(*layers[first:last]) for first, last in _CUTS)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Its windows are valid ones, so that sizes come out one smaller; the base class mends that."""
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


def build(_: str, bands: int, pretrained: bool, output_stride: int = 32) -> AlexNetEncoder:
    """AlexNet's convolutions.

    Raises
    ------
    UserError
        When weights are wanted and cannot be fetched, or an atrous version is asked for.
    """
    if output_stride != 32:
        raise UserError(
            "the encoder alexnet has no atrous version", remedy="choose a ResNet, MobileNet or EfficientNet"
        )
    with fetching("alexnet", pretrained, is_cached=is_in_torch_cache("alexnet"), source=AlexNet_Weights.DEFAULT.url):
        layers = alexnet(weights=AlexNet_Weights.DEFAULT if pretrained else None).features
    if bands != 3:
        from timm.models import adapt_input_conv

        first = layers[0]
        other = nn.Conv2d(bands, first.out_channels, first.kernel_size, first.stride, first.padding)
        with torch.no_grad():
            other.weight.copy_(adapt_input_conv(bands, first.weight.detach()))
            other.bias.copy_(first.bias)  # type: ignore[union-attr]
        layers[0] = other
    return AlexNetEncoder(layers)
