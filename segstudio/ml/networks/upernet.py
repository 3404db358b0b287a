"""UPerNet (Xiao et al. 2018, arXiv:1807.10221): a feature pyramid with pyramid pooling on top.

::

    x ─ e2 (4) ─ e3 (8) ─ e4 (16) ─ e5 (32) ─ pyramid pooling
         │        │         │                    │
        + ────── + ─────── + ─────────────────── ┘     top down
        └──── all at stride 4, joined ─ 3×3 ─ score

The decoder is that of segmentation-models-pytorch. Taken differently: only the semantic head of the paper's several is here, and the
decoder is 256 wide, not 512, so that there are 39.7 M parameters on ResNet-50 with 21 classes where OpenMMLab's has 66.4 M.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import AuxiliaryHead, he_initialise, with_pooled_norms
from segstudio.ml.networks.smp_parts import decoder_class, level_channels, levels

if TYPE_CHECKING:
    from segstudio.ml.encoders.timm_encoder import Encoder
    from segstudio.ml.networks.base import Scores

WIDTH = 256
AUXILIARY_WEIGHT = 0.4


class UPerNet(SegmentationNetwork):
    """Any encoder with features at strides 4 … 32."""

    class_layers = ("head.", "auxiliary.2.")
    stride_px = 32

    def __init__(self, encoder: Encoder, bands: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        channels = level_channels(encoder.channels, encoder.reductions, bands)
        make = decoder_class("upernet", "UPerNetDecoder")
        self.decoder = with_pooled_norms(make(encoder_channels=channels, encoder_depth=5, decoder_channels=WIDTH))
        self.head = nn.Conv2d(WIDTH, classes, 1)
        self.auxiliary = AuxiliaryHead(encoder.channels[-2], classes)
        he_initialise(self.decoder)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 4, and the fourth stage's while training."""
        features = self.encoder(x)
        side = ((AUXILIARY_WEIGHT, self.auxiliary(features[-2])),) if self.training else ()
        return self.head(self.decoder(levels(x, features, self.encoder.reductions))), side


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> UPerNet:
    """UPerNet; it takes no options."""
    return UPerNet(build_encoder(encoder, bands=bands, pretrained=pretrained), bands, classes)
