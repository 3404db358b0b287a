"""The network of ``click-base``: an encoder that sees the picture alone, and a small head that sees the prompts.

What a person means is asked of the head only, so that a further click on a picture costs no encoder (as in SAM, Kirillov
et al. 2023); clicks, box and the former mask enter as maps, as in RITM (Sofiiuk et al. 2021, arXiv:2102.06583), and pass
through every stride with the picture's features; atrous convolutions at stride 16 and the features of stride 4 and 2 make
the decoder of DeepLab v3+ (Chen et al. 2018, arXiv:1802.02611). Besides, each place is compared with the places that were
clicked. Shapes, for a picture of H × W, both multiples of 32:

    picture (N, 3, H, W)  →  features (N, 16, H/2, W/2) … (N, 128, H/32, W/32) and (N, 32, H/8, W/8), kept
    maps (N, 4, H, W): positive and negative marks, box, former mask; points (N, K, 3): x, y in pixels, 1 positive, 0 negative,
    −1 none  →  logits (N, 1, H, W)
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.build import build_encoder

ENCODER = "efficientnet_lite0"
WIDTHS = (16, 32, 48, 96, 128)
"""Channels of the head at strides 2, 4, 8, 16 and 32."""
MAPS = 4
LOOKS = 32
"""Channels in which places are compared."""
RATES = (1, 3, 6)


def _cbr(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):
    """A depthwise convolution between two pointwise ones, added to its input."""

    def __init__(self, width: int, kernel: int = 5, expand: int = 2, dilation: int = 1) -> None:
        super().__init__()
        inner = width * expand
        pad = dilation * (kernel // 2)
        self.body = nn.Sequential(
            *_cbr(width, inner),
            nn.Conv2d(inner, inner, kernel, 1, pad, dilation, inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same."""
        out: torch.Tensor = x + self.body(x)
        return out


class Down(nn.Module):
    """To half the size: a depthwise convolution of stride 2, then a pointwise one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_cbr(inputs, inputs, 3, 2, inputs), *_cbr(inputs, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C', H/2, W/2)."""
        out: torch.Tensor = self.body(x)
        return out


class Atrous(nn.Module):
    """Atrous spatial pyramid with depthwise convolutions, and the mean of everything beside them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, 1, rate, rate, width, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            )
            for rate in RATES
        )
        self.everything = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1), nn.ReLU(inplace=True))
        self.merge = _cbr(width * (len(RATES) + 1), width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same."""
        found = self.merge(torch.cat([x, *(branch(x) for branch in self.branches)], 1))
        out: torch.Tensor = x + found + self.everything(x)
        return out


class Up(nn.Module):
    """To twice the size, joined by what the way down had there."""

    def __init__(self, deep: int, width: int, kernel: int = 5) -> None:
        super().__init__()
        self.reduce = _cbr(deep, width)
        self.join = _cbr(2 * width, width)
        self.block = Block(width, kernel)

    def forward(self, deep: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) and (N, C', 2H, 2W) to (N, C', 2H, 2W)."""
        wide = F.interpolate(self.reduce(deep), size=side.shape[-2:], mode="bilinear", align_corners=False)
        out: torch.Tensor = self.block(self.join(torch.cat([wide, side], 1)))
        return out


class ClickNet(nn.Module):
    """The encoder (:meth:`encode`) and the head (:meth:`head`); :meth:`forward` is one after the other."""

    def __init__(self, *, pretrained: bool = False) -> None:
        super().__init__()
        self.encoder = build_encoder(ENCODER, bands=3, pretrained=pretrained)
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, w, 1, bias=False), nn.BatchNorm2d(w))
            for c, w in zip(self.encoder.channels, WIDTHS, strict=True)
        )
        self.looks = nn.Conv2d(WIDTHS[2] + WIDTHS[3], LOOKS, 1)
        self.stem = _cbr(MAPS, WIDTHS[0], 5, 2)
        self.down = nn.ModuleList(Down(a, b) for a, b in zip(WIDTHS[:-1], WIDTHS[1:], strict=True))
        self.near = nn.ModuleList([nn.Identity(), Block(WIDTHS[1]), Block(WIDTHS[2]), Block(WIDTHS[3]), nn.Identity()])
        self.alike = nn.Conv2d(2, WIDTHS[2], 1)
        self.atrous = Atrous(WIDTHS[3])
        self.deep = nn.Sequential(Block(WIDTHS[4], 7), Block(WIDTHS[4], 7))
        self.up = nn.ModuleList(Up(WIDTHS[i + 1], WIDTHS[i], 3 if i < 1 else 5) for i in (3, 2, 1, 0))
        self.last = nn.Conv2d(WIDTHS[0], 1, 3, padding=1)

    def encode(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """What prompts share: a feature for each stride from 2 to 32, then the looks of places (N, 32, H/8, W/8)."""
        features = [lateral(f) for lateral, f in zip(self.lateral, self.encoder(picture), strict=True)]
        coarse = F.interpolate(features[3], size=features[2].shape[-2:], mode="bilinear", align_corners=False)
        looks = F.normalize(self.looks(torch.cat([features[2], coarse], 1)).float(), dim=1)
        return [*features, looks]

    def head(self, features: list[torch.Tensor], maps: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """(N, 1, H, W) float32 logits of the object that is meant."""
        x = self.stem(maps) + features[0]
        sides = [x]
        for i, down in enumerate(self.down):
            x = down(x) + features[i + 1]
            if i == 1:
                x = x + self.alike(likeness(features[5], points, maps.shape[-1], maps.shape[-2]).to(x.dtype))
            x = self.near[i + 1](x)
            if i == 2:
                x = self.atrous(x)
            sides.append(x)
        x = self.deep(sides[-1])
        for up, side in zip(self.up, reversed(sides[:-1]), strict=True):
            x = up(x, side)
        logits = self.last(x).float()
        return F.interpolate(logits, size=maps.shape[-2:], mode="bilinear", align_corners=False)

    def forward(self, picture: torch.Tensor, maps: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1, H, W) straight from the picture."""
        return self.head(self.encode(picture), maps, points)


def likeness(looks: torch.Tensor, points: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """How like the likest positive click each place looks, and the likest negative one: (N, 2, h, w), −1 … 1.

    *looks* (N, C, h, w) has unit length in C; *points* (N, K, 3) lie in pixels of *width* × *height*. Without a click of a
    kind its map is −1.
    """
    size = looks.new_tensor([width, height])
    places = points[..., :2].to(looks.dtype) / size * 2 - 1
    at = F.grid_sample(looks, places[:, None], mode="bilinear", padding_mode="border", align_corners=False)[:, :, 0]
    found = torch.einsum("nck,nchw->nkhw", F.normalize(at, dim=1), looks)
    kind = points[..., 2, None, None]
    none = torch.full_like(found, -1.0)
    both = [torch.where(kind == wanted, found, none).amax(1) for wanted in (1, 0)]
    return torch.stack(both, 1)
