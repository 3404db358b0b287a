"""BiSeNet (Yu et al. 2018, arXiv:1808.00897): a path for places, a path for meaning.

::

    x ─ three strided convolutions (8) ─────────────── spatial path ┐
      ─ encoder ─ e4 (16) ─ attention refinement ┐                  ├ feature fusion ─ score
                  e5 (32) ─ attention refinement + global mean ─────┘ context path
    the two refined features have auxiliary heads (weight 1)

Taken differently: any encoder serves as context path (the paper: Xception39 or ResNet18). The head, which the paper does not draw, is
that of CoinCheung's implementation, 3×3×256 and 1×1: 13.5 M parameters on ResNet-18 with 21 classes, auxiliary heads included, where
the paper counts 49.0 M.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork, resized
from segstudio.ml.networks.blocks import PooledBatchNorm2d, conv_bn, conv_bn_relu, he_initialise

if TYPE_CHECKING:
    from segstudio.ml.encoders.timm_encoder import Encoder
    from segstudio.ml.networks.base import Scores

WIDTH = 128
FUSED = 256
AUXILIARY_WEIGHT = 1.0


class AttentionRefinement(nn.Module):
    """3×3 convolution, weighed a channel by what its mean over the picture says."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = conv_bn_relu(inputs, outputs)
        self.gate = nn.Sequential(nn.Conv2d(outputs, outputs, 1, bias=False), PooledBatchNorm2d(outputs), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, outputs, H, W)."""
        y = self.conv(x)
        return y * self.gate(y.mean(dim=(2, 3), keepdim=True))  # type: ignore[no-any-return]


class FeatureFusion(nn.Module):
    """Joins both paths and adds to the result its own channels, weighed."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix = conv_bn_relu(inputs, outputs, 1)
        inner = outputs // 4
        self.gate = nn.Sequential(
            nn.Conv2d(outputs, inner, 1), nn.ReLU(inplace=True), nn.Conv2d(inner, outputs, 1), nn.Sigmoid()
        )

    def forward(self, spatial: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Two (N, C, H, W) to (N, outputs, H, W)."""
        y = self.mix(torch.cat([spatial, context], dim=1))
        return y + y * self.gate(y.mean(dim=(2, 3), keepdim=True))  # type: ignore[no-any-return]


class BiSeNet(SegmentationNetwork):
    """Spatial path and context path."""

    class_layers = ("head.1.", "sides.0.1.", "sides.1.1.")
    stride_px = 32

    def __init__(self, encoder: Encoder, bands: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        strided = [
            conv_bn(bands, 64, 7, stride=2),
            nn.ReLU(inplace=True),
            conv_bn(64, 64, 3, stride=2),
            nn.ReLU(inplace=True),
        ]
        self.spatial = nn.Sequential(
            *strided, conv_bn(64, 64, 3, stride=2), nn.ReLU(inplace=True), conv_bn_relu(64, WIDTH, 1)
        )
        c4, c5 = encoder.channels[-2:]
        self.refine_4, self.refine_5 = AttentionRefinement(c4, WIDTH), AttentionRefinement(c5, WIDTH)
        self.mean = nn.Sequential(nn.Conv2d(c5, WIDTH, 1, bias=False), PooledBatchNorm2d(WIDTH), nn.ReLU(inplace=True))
        self.after_4, self.after_5 = conv_bn_relu(WIDTH, WIDTH), conv_bn_relu(WIDTH, WIDTH)
        self.fusion = FeatureFusion(2 * WIDTH, FUSED)
        self.head = nn.Sequential(conv_bn_relu(FUSED, FUSED), nn.Conv2d(FUSED, classes, 1))
        sides = [nn.Sequential(conv_bn_relu(WIDTH, WIDTH), nn.Conv2d(WIDTH, classes, 1)) for _ in range(2)]
        self.sides = nn.ModuleList(sides)
        inner = (self.spatial, self.refine_4, self.refine_5, self.mean, self.after_4, self.after_5, self.fusion)
        for part in (*inner, self.head[0], *(side[0] for side in sides)):
            he_initialise(part)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 8; those of the refined features while training."""
        features = self.encoder(x)
        e4, e5 = features[-2:]
        y5 = self.refine_5(e5) + self.mean(e5.mean(dim=(2, 3), keepdim=True))
        y5 = self.after_5(F.interpolate(y5, size=e4.shape[-2:], mode="nearest"))
        y4 = self.refine_4(e4) + y5
        spatial = self.spatial(x)
        y4 = self.after_4(F.interpolate(y4, size=spatial.shape[-2:], mode="nearest"))
        main = self.head(self.fusion(spatial, y4))
        if not self.training:
            return main, ()
        first, second = self.sides
        return main, ((AUXILIARY_WEIGHT, first(y4)), (AUXILIARY_WEIGHT, second(resized(y5, e4))))


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> BiSeNet:
    """BiSeNet; it takes no options."""
    return BiSeNet(build_encoder(encoder, bands=bands, pretrained=pretrained), bands, classes)
