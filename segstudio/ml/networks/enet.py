"""ENet (Paszke et al. 2016, arXiv:1606.02147): small and quick.

::

    x ─ initial (2) ─ 1: down to 4, 4 regular ─ 2: down to 8, 8 bottlenecks (dilated 2, 4, 8, 16; asymmetric 5×1, 1×5)
                         │ indices                 │ indices   3: the same 8 without going down
    logits ─ transposed ─ 5: up, 1 regular ─────── 4: up by the indices, 2 regular

Taken differently: for more than 13 bands the first block is as wide as it must be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import he_initialise

if TYPE_CHECKING:
    from segstudio.ml.networks.base import Scores

WIDTHS = (16, 64, 128)
SHARE = 4
"""Bottlenecks are so many times narrower inside."""


def _normed(layer: nn.Module, channels: int, *, has_prelu: bool = True) -> nn.Sequential:
    tail: tuple[nn.Module, ...] = (nn.BatchNorm2d(channels), *((nn.PReLU(channels),) if has_prelu else ()))
    return nn.Sequential(layer, *tail)


class Initial(nn.Module):
    """A strided convolution beside a pooling of the image itself."""

    def __init__(self, bands: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(bands, width - bands, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.PReLU(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, B, H, W) to (N, width, H / 2, W / 2)."""
        return self.act(self.norm(torch.cat([self.conv(x), F.max_pool2d(x, 2)], dim=1)))  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1×1, a 3×3 (dilated, or 5×1 and 1×5), 1×1, dropout, added to what came in."""

    def __init__(self, width: int, *, dilation: int = 1, is_asymmetric: bool = False, dropout: float = 0.1) -> None:
        super().__init__()
        inner = width // SHARE
        if is_asymmetric:
            middle: nn.Module = nn.Sequential(
                nn.Conv2d(inner, inner, (5, 1), padding=(2, 0), bias=False),
                nn.Conv2d(inner, inner, (1, 5), padding=(0, 2), bias=False),
            )
        else:
            middle = nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation, bias=False)
        self.body = nn.Sequential(
            _normed(nn.Conv2d(width, inner, 1, bias=False), inner), _normed(middle, inner),
            _normed(nn.Conv2d(inner, width, 1, bias=False), width, has_prelu=False), nn.Dropout2d(dropout),
        )  # fmt: skip
        self.act = nn.PReLU(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same."""
        return self.act(x + self.body(x))  # type: ignore[no-any-return]


class Down(nn.Module):
    """Halves the size; the pooling beside it remembers where the maxima were."""

    def __init__(self, inputs: int, width: int, dropout: float) -> None:
        super().__init__()
        inner = inputs // SHARE
        self.grown = width - inputs
        self.body = nn.Sequential(
            _normed(nn.Conv2d(inputs, inner, 2, stride=2, bias=False), inner),
            _normed(nn.Conv2d(inner, inner, 3, padding=1, bias=False), inner),
            _normed(nn.Conv2d(inner, width, 1, bias=False), width, has_prelu=False), nn.Dropout2d(dropout),
        )  # fmt: skip
        self.act = nn.PReLU(width)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(features at half the size, indices of the maxima)."""
        pooled, indices = F.max_pool2d(x, 2, return_indices=True)
        return self.act(F.pad(pooled, (0, 0, 0, 0, 0, self.grown)) + self.body(x)), indices


class Up(nn.Module):
    """Doubles the size: a transposed convolution beside unpooling by the remembered indices."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        inner = inputs // SHARE
        self.side = _normed(nn.Conv2d(inputs, width, 1, bias=False), width, has_prelu=False)
        self.body = nn.Sequential(
            _normed(nn.Conv2d(inputs, inner, 1, bias=False), inner),
            _normed(nn.ConvTranspose2d(inner, inner, 2, stride=2, bias=False), inner),
            _normed(nn.Conv2d(inner, width, 1, bias=False), width, has_prelu=False), nn.Dropout2d(0.1),
        )  # fmt: skip
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """Features and the indices of the pooling on the way down, to twice the size."""
        return self.act(F.max_unpool2d(self.side(x), indices, [2, 2]) + self.body(x))  # type: ignore[no-any-return]


def _middle() -> list[nn.Module]:
    chain: list[nn.Module] = []
    for first, second in ((2, 4), (8, 16)):
        chain += [
            Bottleneck(128), Bottleneck(128, dilation=first), Bottleneck(128, is_asymmetric=True),
            Bottleneck(128, dilation=second),
        ]  # fmt: skip
    return chain


class ENet(SegmentationNetwork):
    """The whole network; it has no encoder to choose."""

    class_layers = ()
    stride_px = 8

    def __init__(self, bands: int, classes: int) -> None:
        super().__init__()
        first = max(WIDTHS[0], bands + 3)
        self.initial = Initial(bands, first)
        self.down_1 = Down(first, WIDTHS[1], 0.01)
        self.stage_1 = nn.Sequential(*(Bottleneck(WIDTHS[1], dropout=0.01) for _ in range(4)))
        self.down_2 = Down(WIDTHS[1], WIDTHS[2], 0.1)
        self.stage_2 = nn.Sequential(*_middle())
        self.stage_3 = nn.Sequential(*_middle())
        self.up_4 = Up(WIDTHS[2], WIDTHS[1])
        self.stage_4 = nn.Sequential(Bottleneck(WIDTHS[1]), Bottleneck(WIDTHS[1]))
        self.up_5 = Up(WIDTHS[1], first)
        self.stage_5 = Bottleneck(first)
        self.last = nn.ConvTranspose2d(first, classes, 3, stride=2, padding=1, output_padding=1, bias=False)
        he_initialise(self)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at full size."""
        y, indices_1 = self.down_1(self.initial(x))
        y, indices_2 = self.down_2(self.stage_1(y))
        y = self.stage_3(self.stage_2(y))
        y = self.stage_4(self.up_4(y, indices_2))
        y = self.stage_5(self.up_5(y, indices_1))
        return self.last(y), ()


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> ENet:
    """ENet; it takes no options."""
    return ENet(bands, classes)
