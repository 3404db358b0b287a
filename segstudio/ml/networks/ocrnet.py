"""OCRNet (Yuan, Chen, Wang 2020, arXiv:1909.11065): each pixel looks at the regions of the objects.

::

    x ─ HRNet, or atrous ResNet (stride 8) ┬ 1×1 ─ soft object regions (auxiliary, weight 0.4)
                                           └ 3×3 ─ pixel features
    region features = regions' weighted means of pixel features          (N, K, C)
    context = attention of pixels over regions ─ joined with the pixels ─ 1×1 ─ score

Taken differently: nothing; on a ResNet the regions come from its fourth stage, as in the paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.encoders.hrnet import NAMES, build_body
from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import conv_bn_relu, he_initialise
from segstudio.ml.networks.hrnet import joined

if TYPE_CHECKING:
    from segstudio.ml.networks.base import Scores

PIXEL_CHANNELS, KEY_CHANNELS = 512, 256
AUXILIARY_WEIGHT = 0.4


class ObjectContext(nn.Module):
    """Pixel features and soft regions to features that hold their objects' context."""

    def __init__(self, channels: int = PIXEL_CHANNELS, key: int = KEY_CHANNELS) -> None:
        super().__init__()
        self.query = nn.Sequential(conv_bn_relu(channels, key, 1), conv_bn_relu(key, key, 1))
        self.key = nn.Sequential(*_dense(channels, key), *_dense(key, key))
        self.value = nn.Sequential(*_dense(channels, key))
        self.up = conv_bn_relu(key, channels, 1)
        self.fuse = nn.Sequential(conv_bn_relu(2 * channels, channels, 1), nn.Dropout2d(0.05))
        self.scale = key**-0.5

    def forward(self, pixels: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) features and (N, K, H, W) region logits to (N, C, H, W)."""
        shares = regions.flatten(2).softmax(dim=2)
        objects = torch.einsum("nkp,ncp->nkc", shares, pixels.flatten(2))
        query = self.query(pixels).flatten(2)
        attention = torch.einsum("ncp,nkc->npk", query, self.key(objects)) * self.scale
        context = torch.einsum("npk,nkc->ncp", attention.softmax(dim=2), self.value(objects))
        raised = self.up(context.reshape(*context.shape[:2], *pixels.shape[-2:]))
        return self.fuse(torch.cat([raised, pixels], dim=1))  # type: ignore[no-any-return]


def _dense(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    # Layer norm, not batch norm: a batch holds as few as two regions.
    return nn.Linear(inputs, outputs, bias=False), nn.LayerNorm(outputs), nn.ReLU(inplace=True)


class OCRNet(SegmentationNetwork):
    """Object-contextual representations on HRNet or an atrous encoder."""

    class_layers = ("head.", "regions.1.")
    stride_px = 32

    def __init__(self, body: nn.Module, channels: tuple[int, ...], classes: int, *, is_hrnet: bool) -> None:
        super().__init__()
        self.body = body
        self.is_hrnet = is_hrnet
        top = sum(channels) if is_hrnet else channels[-1]
        below = top if is_hrnet else channels[-2]
        self.regions = nn.Sequential(conv_bn_relu(below, min(below, 512), 1), nn.Conv2d(min(below, 512), classes, 1))
        self.pixels = conv_bn_relu(top, PIXEL_CHANNELS)
        self.context = ObjectContext()
        self.head = nn.Conv2d(PIXEL_CHANNELS, classes, 1)
        for part in (self.regions[0], self.pixels, self.context):
            he_initialise(part)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 4 (HRNet) or 8, and the regions' logits."""
        features = self.body(x)
        top = joined(features) if self.is_hrnet else features[-1]
        regions = self.regions(top if self.is_hrnet else features[-2])
        return self.head(self.context(self.pixels(top), regions)), ((AUXILIARY_WEIGHT, regions),)


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> OCRNet:
    """OCRNet; it takes no options."""
    if encoder in NAMES:
        body = build_body(encoder, bands, pretrained)
        return OCRNet(body, body.channels, classes, is_hrnet=True)
    features = build_encoder(encoder, bands=bands, pretrained=pretrained, output_stride=8)
    return OCRNet(features, features.channels, classes, is_hrnet=False)
