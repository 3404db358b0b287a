"""HRNet (Sun et al. 2019, arXiv:1904.04514, HRNetV2): all resolutions are kept through the network, and joined at the end.

::

    x ─ stride 4 ───────────────────────── b1 ┐
           └ stride 8 ──────────────────── b2 ┤ exchanged again and again;
                └ stride 16 ────────────── b3 ┤ at the end enlarged to stride 4,
                     └ stride 32 ───────── b4 ┘ joined ─ 1×1 ─ score

The body is timm's, with ImageNet weights where they can be had. Taken differently: nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.ml.encoders.hrnet import HRNetBody, build_body
from segstudio.ml.networks.base import SegmentationNetwork, resized
from segstudio.ml.networks.blocks import conv_bn_relu, he_initialise

if TYPE_CHECKING:
    from segstudio.ml.networks.base import Scores


def joined(branches: list[torch.Tensor]) -> torch.Tensor:
    """All branches at the finest one's size, side by side."""
    return torch.cat([resized(b, branches[0]) for b in branches], dim=1)


class HRNet(SegmentationNetwork):
    """Body and a head of two 1×1 convolutions."""

    stride_px = 32

    def __init__(self, body: HRNetBody, classes: int) -> None:
        super().__init__()
        self.body = body
        wide = sum(body.channels)
        self.mix = conv_bn_relu(wide, wide, 1)
        self.head = nn.Conv2d(wide, classes, 1)
        he_initialise(self.mix)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 4."""
        return self.head(self.mix(joined(self.body(x)))), ()


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> HRNet:
    """HRNet; it takes no options."""
    return HRNet(build_body(encoder, bands, pretrained), classes)
