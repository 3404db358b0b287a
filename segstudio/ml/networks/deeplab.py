"""DeepLab v1 (Chen et al. 2015, arXiv:1412.7062) on VGG16 and v2 (Chen et al. 2017, arXiv:1606.00915) on ResNet.

::

    v1   x ─ VGG16, last two pools at stride 1, conv5 at rate 2 ─ fc6 3×3 at rate 12 (LargeFOV) ─ fc7 ─ score
         image and pool1 … pool4 ─ 3×3×128 ─ 1×1×128 ─ joined before the score (multi-scale branches)
    v2   x ─ atrous ResNet (stride 8) ─ four 3×3 convolutions to the classes at rates 6, 12, 18, 24, summed (ASPP)
         the image at 1, ¾ and ½ goes through the same weights; the maximum of the three counts

The fully connected CRF that both papers run afterwards is refinement here, for any model's proposal.

Taken differently: v1's branches (1.2 M parameters) come on top of LargeFOV's 20.5 M and can be left out; v2's losses of the
single scales are auxiliary outputs with a third of the weight each; batch norm of the ResNet is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.encoders.vgg import VggBody
from segstudio.ml.networks.base import SegmentationNetwork, resized
from segstudio.ml.networks.blocks import he_initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.encoders.timm_encoder import Encoder
    from segstudio.ml.networks.base import Scores

LARGE_FOV_CHANNELS, LARGE_FOV_RATE = 1024, 12
SIDE_CHANNELS = 128
V2_RATES = (6, 12, 18, 24)
V2_SCALES = (1.0, 0.75, 0.5)


class DeepLabV1(SegmentationNetwork):
    """DeepLab-MSc-LargeFOV; without branches DeepLab-LargeFOV."""

    stride_px = 8

    def __init__(self, body: VggBody, bands: int, classes: int, *, has_branches: bool = True) -> None:
        super().__init__()
        self.body = body
        for layer in body.blocks[4].modules():
            if isinstance(layer, nn.Conv2d):
                layer.dilation, layer.padding = (2, 2), (2, 2)
        wide, rate = LARGE_FOV_CHANNELS, LARGE_FOV_RATE
        self.fully = nn.Sequential(
            nn.Conv2d(512, wide, 3, padding=rate, dilation=rate), nn.ReLU(inplace=True), nn.Dropout2d(0.5),
            nn.Conv2d(wide, wide, 1), nn.ReLU(inplace=True), nn.Dropout2d(0.5),
        )  # fmt: skip
        sources = ((bands, 8), (64, 4), (128, 2), (256, 1), (512, 1)) if has_branches else ()
        self.branches = nn.ModuleList(_side_branch(channels, stride) for channels, stride in sources)
        self.head = nn.Conv2d(wide + SIDE_CHANNELS * len(self.branches), classes, 1)
        he_initialise(self.fully)
        he_initialise(self.branches)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 8."""
        sources, y = [x], x
        for number, block in enumerate(self.body.blocks):
            y = block(y)
            y = F.max_pool2d(y, 3, stride=2 if number < 3 else 1, padding=1)
            sources.append(y)
        sides = [branch(source) for branch, source in zip(self.branches, sources)]
        return self.head(torch.cat([self.fully(y), *sides], dim=1)), ()


def _side_branch(channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, SIDE_CHANNELS, 3, stride=stride, padding=1), nn.ReLU(inplace=True), nn.Dropout2d(0.5),
        nn.Conv2d(SIDE_CHANNELS, SIDE_CHANNELS, 1), nn.ReLU(inplace=True), nn.Dropout2d(0.5),
    )  # fmt: skip


class DeepLabV2(SegmentationNetwork):
    """Atrous ResNet, ASPP with summed scores, fusion of scales by the maximum."""

    class_layers = ("aspp.",)
    stride_px = 32

    def __init__(self, encoder: Encoder, classes: int, scales: Sequence[float] = V2_SCALES) -> None:
        super().__init__()
        self.encoder = encoder
        self.scales = tuple(scales)
        inputs = encoder.channels[-1]
        self.aspp = nn.ModuleList(nn.Conv2d(inputs, classes, 3, padding=r, dilation=r) for r in V2_RATES)
        for layer in self.aspp:
            nn.init.normal_(layer.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 8, the strongest scale at each place."""
        each = [self._single(x if scale == 1 else self._scaled(x, scale)) for scale in self.scales]
        fused = torch.stack([resized(y, each[0]) for y in each]).amax(dim=0)
        weight = 1 / len(each)
        return fused, tuple((weight, y) for y in each) if len(each) > 1 else ()

    def _single(self, x: torch.Tensor) -> torch.Tensor:
        top = self.encoder(x)[-1]
        return torch.stack([conv(top) for conv in self.aspp]).sum(dim=0)

    def _scaled(self, x: torch.Tensor, scale: float) -> torch.Tensor:
        size = [max(32, round(side * scale / 32) * 32) for side in x.shape[-2:]]
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def build_v1(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> DeepLabV1:
    """DeepLab v1; ``options["branches"]`` False leaves the multi-scale branches out."""
    body = VggBody.build(encoder, bands, pretrained)
    return DeepLabV1(body, bands, classes, has_branches=bool(options.get("branches", True)))


def build_v2(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> DeepLabV2:
    """DeepLab v2; ``options["multi_scale"]`` False looks at one scale only, ``options["scales"]`` names the scales fused."""
    features = build_encoder(encoder, bands=bands, pretrained=pretrained, output_stride=8)
    usual = V2_SCALES if options.get("multi_scale", True) else V2_SCALES[:1]
    return DeepLabV2(features, classes, tuple(float(s) for s in options.get("scales", usual)))
