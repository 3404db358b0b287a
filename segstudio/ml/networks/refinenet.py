"""RefineNet (Lin et al. 2017, arXiv:1611.06612): four cascaded blocks of long-range residual connections.

::

    x ─ e2 (4) ─ e3 (8) ─ e4 (16) ─ e5 (32)
         │        │         │         └ block 4: RCU ×2 ─ CRP ─ RCU
         │        │         └ block 3: RCU ×2 each ─ sum at the finer scale ─ CRP ─ RCU
         └ block 1 … ─ two more RCU ─ dropout ─ score

RCU: residual conv unit; CRP: chained residual pooling (5×5 pooling, 3×3 convolution, each stage added). Taken differently: batch
norm stays out of the blocks, as in the paper, and biases are kept. With the paper's two poolings and one last RCU a block there are
104.5 M parameters on ResNet-101 with 21 classes; the authors' later code, of 118 M, has four poolings and three RCUs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.core.errors import UserError
from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork, resized
from segstudio.ml.networks.blocks import he_initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.encoders.timm_encoder import Encoder
    from segstudio.ml.networks.base import Scores

WIDTH, TOP_WIDTH = 256, 512
POOLINGS = 2


class ResidualConvUnit(nn.Module):
    """ReLU, 3×3, ReLU, 3×3, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same."""
        return x + self.second(F.relu(self.first(F.relu(x))))  # type: ignore[no-any-return]


class ChainedPooling(nn.Module):
    """Each stage pools and convolves what the one before gave; all are summed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(POOLINGS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same."""
        x = F.relu(x)
        total, y = x, x
        for conv in self.convs:
            y = conv(F.max_pool2d(y, 5, stride=1, padding=2))
            total = total + y
        return total


class RefineBlock(nn.Module):
    """Adapts each input by two RCUs, fuses them at the finest scale, pools in a chain, and ends with an RCU."""

    def __init__(self, inputs: Sequence[int], width: int) -> None:
        super().__init__()
        self.adapt = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, width, 3, padding=1), ResidualConvUnit(width), ResidualConvUnit(width))
            for c in inputs
        )
        self.fuse = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in inputs) if len(inputs) > 1 else None
        self.pool = ChainedPooling(width)
        self.out = ResidualConvUnit(width)

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Features, finest first, to (N, width, H, W) at the finest scale."""
        adapted = [adapt(x) for adapt, x in zip(self.adapt, inputs, strict=True)]
        y = adapted[0]
        if self.fuse is not None:
            y = torch.stack([resized(conv(a), adapted[0]) for conv, a in zip(self.fuse, adapted, strict=True)]).sum(
                dim=0
            )
        return self.out(self.pool(y))  # type: ignore[no-any-return]


class RefineNet(SegmentationNetwork):
    """Four blocks over the last four features of an encoder."""

    stride_px = 32

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        c2, c3, c4, c5 = encoder.channels[-4:]
        self.blocks = nn.ModuleList(
            [
                RefineBlock((c5,), TOP_WIDTH),
                RefineBlock((c4, TOP_WIDTH), WIDTH),
                RefineBlock((c3, WIDTH), WIDTH),
                RefineBlock((c2, WIDTH), WIDTH),
            ]
        )
        self.last = nn.Sequential(ResidualConvUnit(WIDTH), ResidualConvUnit(WIDTH), nn.Dropout2d(0.5))
        self.head = nn.Conv2d(WIDTH, classes, 3, padding=1)
        he_initialise(self.blocks)
        he_initialise(self.last)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 4."""
        features = self.encoder(x)[-4:]
        y = self.blocks[0]([features[3]])
        for block, skip in zip(list(self.blocks)[1:], (features[2], features[1], features[0]), strict=True):
            y = block([skip, y])
        return self.head(self.last(y)), ()


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> RefineNet:
    """RefineNet; it takes no options."""
    features = build_encoder(encoder, bands=bands, pretrained=pretrained)
    if len(features.channels) < 4:
        raise UserError(f"refinenet needs four scales, {encoder} has fewer", remedy="choose a ResNet")
    return RefineNet(features, classes)
