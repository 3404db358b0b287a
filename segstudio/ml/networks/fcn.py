"""FCN-32s, FCN-16s and FCN-8s (Long, Shelhamer, Darrell 2015, arXiv:1411.4038) on VGG16.

The classifier's fully connected layers stand as convolutions, 7×7×4096 and 1×1×4096, and score every place::

    x ─ pool3 (8) ─ pool4 (16) ─ pool5 (32) ─ fc6 7×7 ─ fc7 1×1 ─ score
                       score pool4 ──────────────── + ── ×2 ┘          16s: then ×16
          score pool3 ───────────────────────────── + ── ×2            8s: then ×8

Taken differently: fc6 is padded by 3 in place of the paper's padding of the image by 100, so that places stay aligned without
cropping; the transposed convolutions have one filter a class (the paper's filters between classes begin at 0 and stay close to
it); the skip scores are learnt together with the rest («at once»), not stage by stage, and begin at 0 as in the paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.ml.encoders.vgg import VggBody
from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import bilinear_upsampling

if TYPE_CHECKING:
    from segstudio.ml.networks.base import Scores

FC_CHANNELS = 4096


class FCN(SegmentationNetwork):
    """``skips`` 0 is FCN-32s, 1 FCN-16s, 2 FCN-8s."""

    class_layers = ("score", "ups.", "up_last.")
    stride_px = 32

    def __init__(self, body: VggBody, classes: int, skips: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.body = body
        self.fully = nn.Sequential(
            body.fc6,
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
            body.fc7,
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
        )
        self.score = nn.Conv2d(FC_CHANNELS, classes, 1)
        self.score_skips = nn.ModuleList(nn.Conv2d(c, classes, 1) for c in (512, 256)[:skips])
        self.ups = nn.ModuleList(bilinear_upsampling(classes, 2) for _ in range(skips))
        self.up_last = bilinear_upsampling(classes, 32 >> skips)
        for layer in (self.score, *self.score_skips):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores of fc7, enlarged; those of pool4 and pool3 are added on the way."""
        pools = self.body(x)
        y = self.score(self.fully(pools[4]))
        for up, score, pool in zip(self.ups, self.score_skips, (pools[3], pools[2])):
            y = up(y) + score(pool)
        return self.up_last(y), ()


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> FCN:
    """FCN; ``options["skips"]`` 0, 1 or 2."""
    body = VggBody.build(encoder, bands, pretrained, has_fully_connected=True)
    return FCN(body, classes, int(options.get("skips", 2)))


def build_32s(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> FCN:
    """FCN-32s."""
    return build(bands, classes, encoder, pretrained, {**options, "skips": 0})


def build_16s(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> FCN:
    """FCN-16s."""
    return build(bands, classes, encoder, pretrained, {**options, "skips": 1})
