"""DeconvNet (Noh, Hong, Han 2015, arXiv:1505.04366): VGG16 with its fully connected layers, and its mirror image.

::

    x ─ VGG16, 5 poolings ─ fc6 7×7×4096 ─ fc7 1×1×4096
         │ indices                              │
    logits ─ deconv, unpool … (mirrored) ─ deconv 7×7×512

Taken differently: fc6 and the first deconvolution are padded, so that any image of 64 px or more will do and not only 224×224 (at
224² the paper's bottleneck is one place, ours 7×7, which makes 43.4 thousand million multiply-adds of
31); the paper's training by object proposals is not part of the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.vgg import FC_CHANNELS, VggBody
from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import he_initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.networks.base import Scores

_DECODER = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64, 64))
"""Widths of the deconvolutions after each unpooling, coarsest first."""


def _deconv(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    layer = nn.ConvTranspose2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _deconvs(inputs: int, widths: Sequence[int]) -> nn.Sequential:
    chain = (inputs, *widths)
    return nn.Sequential(*(_deconv(a, b) for a, b in zip(chain, chain[1:])))


class DeconvNet(SegmentationNetwork):
    """Convolutions down, deconvolutions up, with a fully connected waist."""

    stride_px = 32

    def __init__(self, body: VggBody, classes: int) -> None:
        super().__init__()
        self.body = body
        norms = (nn.BatchNorm2d(FC_CHANNELS), nn.BatchNorm2d(FC_CHANNELS))
        self.waist = nn.Sequential(
            body.fc6, norms[0], nn.ReLU(inplace=True), body.fc7, norms[1], nn.ReLU(inplace=True),
            _deconv(FC_CHANNELS, 512, 7),
        )  # fmt: skip
        inputs = (512, *(widths[-1] for widths in _DECODER))
        self.stages = nn.ModuleList(_deconvs(a, widths) for a, widths in zip(inputs, _DECODER))
        self.head = nn.Conv2d(_DECODER[-1][-1], classes, 1)
        he_initialise(self.stages)

    def scores(self, x: torch.Tensor) -> Scores:
        """Down with indices, through the waist, up by them."""
        y, memory = self.body.pooled_with_indices(x)
        y = self.waist(y)
        for stage, (indices, size) in zip(self.stages, reversed(memory), strict=True):
            y = stage(F.max_unpool2d(y, indices, [2, 2], output_size=list(size[-2:])))
        return self.head(y), ()


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> DeconvNet:
    """DeconvNet; it takes no options."""
    return DeconvNet(VggBody.build(encoder, bands, pretrained, has_fully_connected=True), classes)
