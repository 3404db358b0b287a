"""UNet 3+ (Huang et al. 2020, arXiv:2004.08790): full-scale skips, full-scale deep supervision, classification-guided module.

Each decoder node takes all five scales at once, 64 channels of each::

    e1 e2 e3 e4 e5      encoder at strides 1 … 16
     └──┴──┴──┴──┴─ d4 (8) ─ d3 (4) ─ d2 (2) ─ d1 (1)    finer: max-pooled; coarser: enlarged
    heads on d1 … d4 and e5; e5 also says which classes are in the picture at all

Taken differently: that answer weighs the logits softly, log σ(presence) added to each class, in place of a hard 0 or 1, so that it
learns from the segmentation loss alone and holds for many classes; it never takes a class away for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork, resized
from segstudio.ml.networks.blocks import conv_bn_relu, he_initialise
from segstudio.ml.networks.table import NO_ENCODER
from segstudio.ml.networks.unet import PAPER_CHANNELS, PlainEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.networks.base import Scores

EACH = 64
SCALES = 5
AUXILIARY_WEIGHT = 0.25


class _FullScale(nn.Module):
    """One decoder node: five sources, each to 64 channels at this node's scale, joined."""

    def __init__(self, inputs: Sequence[int]) -> None:
        super().__init__()
        self.sources = nn.ModuleList(conv_bn_relu(c, EACH) for c in inputs)
        self.fuse = conv_bn_relu(EACH * len(inputs), EACH * len(inputs))

    def forward(self, sources: Sequence[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
        parts = []
        for conv, source in zip(self.sources, sources, strict=True):
            is_finer = source.shape[-1] > like.shape[-1]
            fitted = F.adaptive_max_pool2d(source, like.shape[-2:]) if is_finer else resized(source, like)
            parts.append(conv(fitted))
        return self.fuse(torch.cat(parts, dim=1))  # type: ignore[no-any-return]


class UNet3Plus(SegmentationNetwork):
    """Plain encoder of the paper, or any of ours."""

    class_layers = ("heads.", "presence.")

    def __init__(
        self, encoder: nn.Module, channels: Sequence[int], classes: int, stride: int, *, is_guided: bool = True
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.stride_px = stride
        wide = EACH * SCALES
        self.nodes = nn.ModuleList()
        for i in range(SCALES - 2, -1, -1):
            # Encoder features at this scale and finer ones; decoder nodes below; the encoder's top.
            inputs = [*channels[: i + 1], *([wide] * (SCALES - 2 - i)), channels[-1]]
            self.nodes.append(_FullScale(inputs))
        self.heads = nn.ModuleList(
            [
                *(nn.Conv2d(wide, classes, 3, padding=1) for _ in self.nodes),
                nn.Conv2d(channels[-1], classes, 3, padding=1),
            ]
        )
        self.presence = nn.Conv2d(channels[-1], classes, 1) if is_guided else None
        he_initialise(self.nodes)
        if self.presence is not None:
            nn.init.zeros_(self.presence.weight)
            nn.init.constant_(self.presence.bias, 2.0)  # type: ignore[arg-type]

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores of the finest node; those of the others and of the encoder's top while training."""
        features = list(self.encoder(x))[-SCALES:]
        top = features[-1]
        decoded: list[torch.Tensor] = []
        for step, node in enumerate(self.nodes):
            i = SCALES - 2 - step
            decoded.append(node([*features[: i + 1], *decoded, top], features[i]))
        each = [head(y) for head, y in zip(self.heads, [*decoded, top], strict=True)]
        if self.presence is not None:
            guide = F.logsigmoid(self.presence(top.amax(dim=(2, 3), keepdim=True)))
            each = [y + guide for y in each]
        main = each[len(decoded) - 1]
        side = tuple((AUXILIARY_WEIGHT, y) for y in each if y is not main) if self.training else ()
        return main, side


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> UNet3Plus:
    """UNet 3+; ``options["guided"]`` False leaves the classification-guided module out."""
    is_guided = bool(options.get("guided", True))
    if encoder == NO_ENCODER:
        plain = PlainEncoder(bands, PAPER_CHANNELS)
        he_initialise(plain)
        return UNet3Plus(plain, PAPER_CHANNELS, classes, 16, is_guided=is_guided)
    features = build_encoder(encoder, bands=bands, pretrained=pretrained)
    return UNet3Plus(features, features.channels[-5:], classes, 32, is_guided=is_guided)
