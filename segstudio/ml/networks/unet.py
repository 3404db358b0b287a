"""U-Net (Ronneberger, Fischer, Brox 2015, arXiv:1505.04597), plain or on a pretrained encoder.

Shapes, for an input (N, B, H, W), encoder features e1 … e5 at strides 2 … 32 and a plain network's at 1 … 16::

    x ─ e1 ─ e2 ─ e3 ─ e4 ─ e5            down
              concat   concat             skips
    logits ─ d1 ─ d2 ─ d3 ─ d4 ┘          up: resize to the skip, concatenate, twice 3×3

Taken differently: convolutions keep the size (the paper's valid ones need mirrored tiles; inference mirrors instead), batch norm
is added, resizing takes the place of the 2×2 up-convolutions (31.4 M parameters for 31.0 M), and with an encoder the last step up
from stride 2 has no skip, as is usual for encoders that begin with a strided convolution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.blocks import conv_bn_relu, he_initialise, pad_to_stride
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.networks.table import NO_ENCODER

if TYPE_CHECKING:
    from collections.abc import Sequence

DECODER_CHANNELS = (192, 96, 48, 32, 16)
DECODER_FACTORS = {"slim": 0.5, "standard": 1.0, "wide": 2.0}
PAPER_CHANNELS = (64, 128, 256, 512, 1024)


class _Up(nn.Module):
    """Resize to the skip, concatenate it, two 3×3 convolutions."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(conv_bn_relu(inputs + skip, outputs), conv_bn_relu(outputs, outputs))

    def forward(self, x: torch.Tensor, skip: torch.Tensor | None, size: Sequence[int]) -> torch.Tensor:
        x = F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
        return self.convs(x if skip is None else torch.cat([x, skip], dim=1))  # type: ignore[no-any-return]


class PlainEncoder(nn.Module):
    """The paper's contracting path: five pairs of 3×3 convolutions with 2×2 pooling between."""

    def __init__(self, bands: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.channels = tuple(channels)
        widths = (bands, *channels)
        self.stages = nn.ModuleList(
            nn.Sequential(conv_bn_relu(a, b), conv_bn_relu(b, b)) for a, b in zip(widths, widths[1:], strict=False)
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(N, B, H, W) to features at strides 1 … 16."""
        features = []
        for i, stage in enumerate(self.stages):
            x = stage(F.max_pool2d(x, 2) if i else x)
            features.append(x)
        return features


class UNet(nn.Module):
    """U-Net over any encoder that gives a list of features, finest first."""

    class_layers = ("head.",)
    """How the names of the parameters begin that belong to the classes, one row each."""

    def __init__(
        self, encoder: nn.Module, channels: Sequence[int], decoder: Sequence[int], classes: int, stride: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.stride_px = stride
        skips = [*reversed(channels[:-1])]
        inputs = [channels[-1], *decoder]
        ups = [_Up(i, s, o) for i, s, o in zip(inputs, skips, decoder, strict=False)]
        # An encoder whose finest feature is at stride 2 needs one more step, without a skip.
        if len(decoder) > len(skips):
            ups.append(_Up(inputs[len(skips)], 0, decoder[len(skips)]))
        self.ups = nn.ModuleList(ups)
        self.head = nn.Conv2d(decoder[len(ups) - 1], classes, 1)
        he_initialise(self.ups)

    def forward(self, x: torch.Tensor) -> NetworkOutput:
        """(N, B, H, W), any H and W, to logits (N, K, H, W)."""
        height, width = x.shape[-2:]
        x = pad_to_stride(x, self.stride_px)
        features = self.encoder(x)
        y = features[-1]
        skips = [*reversed(features[:-1])]
        for i, up in enumerate(self.ups):
            skip = skips[i] if i < len(skips) else None
            y = up(y, skip, x.shape[-2:] if skip is None else skip.shape[-2:])
        return NetworkOutput(self.head(y)[..., :height, :width])


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> UNet:
    """U-Net; ``options["width"]`` (default 64) is the plain one's first width.

    On another encoder ``options["decoder"]`` is "slim", "standard" or "wide", or the decoder's widths themselves.
    """
    if encoder == NO_ENCODER:
        width = int(options.get("width", PAPER_CHANNELS[0]))
        channels = tuple(width << i for i in range(5))
        plain = PlainEncoder(bands, channels)
        he_initialise(plain)
        return UNet(plain, channels, tuple(reversed(channels[:-1])), classes, stride=16)
    features = build_encoder(encoder, bands=bands, pretrained=pretrained)
    decoder = _decoder_channels(options.get("decoder", "standard"))
    return UNet(features, features.channels, decoder, classes, stride=32)


def _decoder_channels(chosen: str | Sequence[int]) -> tuple[int, ...]:
    if isinstance(chosen, str):
        return tuple(round(v * DECODER_FACTORS[chosen]) for v in DECODER_CHANNELS)
    return tuple(int(v) for v in chosen)
