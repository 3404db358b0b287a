"""SegNet (Badrinarayanan, Kendall, Cipolla 2017, arXiv:1511.00561): VGG16's 13 convolutions, mirrored; unpooling by indices.

::

    x ─ 2 conv ─ pool ─ 2 conv ─ pool ─ 3 conv ─ pool ─ 3 conv ─ pool ─ 3 conv ─ pool
         │ indices        │                │                │                │
    logits ─ 2 conv ─ unpool ─ 2 conv ─ unpool ─ 3 conv ─ unpool ─ 3 conv ─ unpool ─ 3 conv ─ unpool

Taken differently: nothing; the last convolution of the decoder scores the classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.vgg import VggBody
from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import conv_bn_relu, he_initialise

if TYPE_CHECKING:
    from segstudio.ml.networks.base import Scores

_DECODER = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64,))
"""Widths of the convolutions after each unpooling, coarsest first; the classes follow."""


class SegNet(SegmentationNetwork):
    """Encoder with remembered maxima, decoder that puts values back where they were."""

    stride_px = 32

    def __init__(self, body: VggBody, classes: int) -> None:
        super().__init__()
        self.body = body
        stages, width = [], 512
        for widths in _DECODER:
            convs = []
            for wide in widths:
                convs.append(conv_bn_relu(width, wide))
                width = wide
            stages.append(nn.Sequential(*convs))
        self.stages = nn.ModuleList(stages)
        self.head = nn.Conv2d(width, classes, 3, padding=1)
        he_initialise(self.stages)

    def scores(self, x: torch.Tensor) -> Scores:
        """Down with indices, up by them."""
        y, memory = self.body.pooled_with_indices(x)
        for stage, (indices, size) in zip(self.stages, reversed(memory), strict=True):
            y = stage(F.max_unpool2d(y, indices, [2, 2], output_size=list(size[-2:])))
        return self.head(y), ()


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> SegNet:
    """SegNet; it takes no options."""
    return SegNet(VggBody.build(encoder, bands, pretrained), classes)
