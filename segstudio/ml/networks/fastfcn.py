"""FastFCN (Wu et al. 2019, arXiv:1903.11816): joint pyramid upsampling in place of dilation.

::

    x ─ encoder without dilation ─ e3 (8) ─ e4 (16) ─ e5 (32)
    JPU: 3×3×512 each, at stride 8, joined ─ four separable 3×3 at rates 1, 2, 4, 8, joined ─ 3×3 ─ score
         e4 ─ auxiliary (weight 0.4)

Taken differently: of the heads that the paper tries on top, the plain FCN head; 55.1 M parameters on ResNet-50 with 21 classes, of which
the auxiliary head has 2.4 M.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork, resized
from segstudio.ml.networks.blocks import AuxiliaryHead, conv_bn_relu, he_initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.encoders.timm_encoder import Encoder
    from segstudio.ml.networks.base import Scores

WIDTH = 512
RATES = (1, 2, 4, 8)
AUXILIARY_WEIGHT = 0.4


def _separable(inputs: int, outputs: int, rate: int) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=rate, dilation=rate, groups=inputs, bias=False)
    return nn.Sequential(depthwise, nn.BatchNorm2d(inputs), *conv_bn_relu(inputs, outputs, 1))


class JointPyramidUpsampling(nn.Module):
    """Three features at strides 8, 16 and 32 to one at stride 8 that stands for a dilated encoder's."""

    def __init__(self, inputs: Sequence[int], width: int = WIDTH) -> None:
        super().__init__()
        self.adapt = nn.ModuleList(conv_bn_relu(c, width) for c in inputs)
        self.dilated = nn.ModuleList(_separable(3 * width, width, rate) for rate in RATES)
        self.channels = width * len(RATES)

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Features, finest first, to (N, 4 × width, H / 8, W / 8)."""
        adapted = [conv(f) for conv, f in zip(self.adapt, features, strict=True)]
        y = torch.cat([resized(a, adapted[0]) for a in adapted], dim=1)
        return torch.cat([conv(y) for conv in self.dilated], dim=1)


class FastFCN(SegmentationNetwork):
    """Encoder, JPU, FCN head."""

    class_layers = ("head.", "auxiliary.2.")
    stride_px = 32

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.jpu = JointPyramidUpsampling(encoder.channels[-3:])
        self.mix = nn.Sequential(conv_bn_relu(self.jpu.channels, WIDTH), nn.Dropout2d(0.1))
        self.head = nn.Conv2d(WIDTH, classes, 1)
        self.auxiliary = AuxiliaryHead(encoder.channels[-2], classes)
        he_initialise(self.jpu)
        he_initialise(self.mix)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 8, and the fourth stage's while training."""
        features = self.encoder(x)
        side = ((AUXILIARY_WEIGHT, self.auxiliary(features[-2])),) if self.training else ()
        return self.head(self.mix(self.jpu(features[-3:]))), side


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> FastFCN:
    """FastFCN; it takes no options."""
    return FastFCN(build_encoder(encoder, bands=bands, pretrained=pretrained), classes)
