"""UNet++ (Zhou et al. 2018, arXiv:1807.10165; 2019, arXiv:1912.05074): nested skips, deep supervision, pruning.

Node x_i,j at depth i takes all nodes before it at its depth and, enlarged, the one below::

    x00 ─ x01 ─ x02 ─ x03 ─ x04      each x0j has a head of its own
      x10 ─ x11 ─ x12 ─ x13
        x20 ─ x21 ─ x22
          x30 ─ x31
            x40

Training: the deepest head is the answer, the others are auxiliary outputs. Inference: the head of ``depth`` 1 … 4; a pruned
network computes no node that its head does not need. Taken differently: nodes are two convolutions with batch norm;
enlargement is bilinear; on a pretrained encoder x_i,0 are its features, from stride 2 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.core.errors import UserError
from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork, resized
from segstudio.ml.networks.blocks import conv_bn_relu, he_initialise
from segstudio.ml.networks.table import NO_ENCODER
from segstudio.ml.networks.unet import PlainEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.networks.base import Scores

WIDTHS = (32, 64, 128, 256, 512)
DEPTH = 4
AUXILIARY_WEIGHT = 0.5


class UNetPlusPlus(SegmentationNetwork):
    """``depth`` may be changed at any time: 4 is the whole network, less is a pruned one."""

    class_layers = ("heads.",)

    def __init__(
        self, encoder: nn.Module, channels: Sequence[int], classes: int, stride: int, depth: int = DEPTH
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.stride_px = stride
        self.depth = depth
        widths = [min(c, w * 2) for c, w in zip(channels, WIDTHS)] if tuple(channels) != WIDTHS else list(WIDTHS)
        self.nodes = nn.ModuleDict()
        for j in range(1, DEPTH + 1):
            for i in range(DEPTH + 1 - j):
                below = channels[i + 1] if j == 1 else widths[i + 1]
                inputs = channels[i] + (j - 1) * widths[i] + below
                self.nodes[f"{i}_{j}"] = nn.Sequential(
                    conv_bn_relu(inputs, widths[i]), conv_bn_relu(widths[i], widths[i])
                )
        self.heads = nn.ModuleList(nn.Conv2d(widths[0], classes, 1) for _ in range(DEPTH))
        he_initialise(self.nodes)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores of the head of ``depth``; those of the shallower heads while training."""
        # The five coarsest: VGG gives a sixth one, at full size.
        columns = [list(self.encoder(x))[-DEPTH - 1 :][: self.depth + 1]]
        for j in range(1, self.depth + 1):
            column = []
            for i in range(self.depth + 1 - j):
                before = [columns[k][i] for k in range(j)]
                below = resized(columns[j - 1][i + 1], before[0])
                column.append(self.nodes[f"{i}_{j}"](torch.cat([*before, below], dim=1)))
            columns.append(column)
        each = [self.heads[j - 1](columns[j][0]) for j in range(1, self.depth + 1)]
        side = tuple((AUXILIARY_WEIGHT, y) for y in each[:-1]) if self.training else ()
        return each[-1], side


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> UNetPlusPlus:
    """UNet++; ``options["depth"]`` 1 … 4 prunes it."""
    depth = int(options.get("depth", DEPTH))
    if not 1 <= depth <= DEPTH:
        raise UserError(f"UNet++ cannot be pruned to depth {depth}", remedy="choose 1, 2, 3 or 4")
    if encoder == NO_ENCODER:
        plain = PlainEncoder(bands, WIDTHS)
        he_initialise(plain)
        return UNetPlusPlus(plain, WIDTHS, classes, 16, depth)
    features = build_encoder(encoder, bands=bands, pretrained=pretrained)
    return UNetPlusPlus(features, features.channels[-5:], classes, 32, depth)
