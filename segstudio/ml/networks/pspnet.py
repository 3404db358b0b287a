"""PSPNet (Zhao et al. 2017, arXiv:1612.01105): pyramid pooling over fields of 1, 2, 3 and 6.

::

    x ─ atrous encoder (stride 8) ┬ means over 1×1, 2×2, 3×3, 6×6 fields ─ 1×1 each ─ enlarged ┐
          stage 4 ─ auxiliary     └ the features themselves ───────────────────────────────────┴ 1×1×512 ─ score
          (N, C/2, H/8, W/8)        (N, C, H/8, W/8), the pyramid as many again, then (N, 512, H/8, W/8)

The pyramid is that of segmentation-models-pytorch; the auxiliary head (weight 0.4) on the fourth stage, which it leaves out, is ours.
Taken differently: behind the pyramid stands that package's 1×1 convolution where the authors' code has a 3×3, so that there are 32.2 M
parameters on ResNet-50 with 21 classes, where the authors' have 49 M; in training, a batch of one image normalises its pooled
features by the running statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import AuxiliaryHead, he_initialise, with_pooled_norms
from segstudio.ml.networks.smp_parts import decoder_class

if TYPE_CHECKING:
    from segstudio.ml.encoders.timm_encoder import Encoder
    from segstudio.ml.networks.base import Scores

AUXILIARY_WEIGHT = 0.4


class PSPNet(SegmentationNetwork):
    """Atrous encoder and pyramid pooling."""

    class_layers = ("head.", "auxiliary.2.")
    stride_px = 32

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        make = decoder_class("pspnet", "PSPDecoder")
        self.decoder = with_pooled_norms(make(encoder_channels=list(encoder.channels), out_channels=512, dropout=0.1))
        self.head = nn.Conv2d(512, classes, 1)
        self.auxiliary = AuxiliaryHead(encoder.channels[-2], classes)
        he_initialise(self.decoder)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 8, and the fourth stage's while training."""
        features = self.encoder(x)
        side = ((AUXILIARY_WEIGHT, self.auxiliary(features[-2])),) if self.training else ()
        return self.head(self.decoder(features)), side


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> PSPNet:
    """PSPNet; ``options["output_stride"]`` 8 (default) or 16."""
    stride = int(options.get("output_stride", 8))
    return PSPNet(build_encoder(encoder, bands=bands, pretrained=pretrained, output_stride=stride), classes)
