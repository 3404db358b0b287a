"""DeepLab v3 (Chen et al. 2017, arXiv:1706.05587) and v3+ (Chen et al. 2018, arXiv:1802.02611).

::

    v3   x ─ atrous encoder (stride 16 or 8) ─ ASPP: 1×1, three atrous 3×3, image pooling ─ 3×3 ─ score
         or in cascade: three more residual blocks at rates 2, 4, 8 times multi-grid (1, 2, 1), then score
    v3+  ASPP (separable) ─ ×4 ┬ 3×3 separable ─ score
         low-level (stride 4) ─ 1×1×48 ┘

v3's ASPP is torchvision's, v3+'s decoder that of segmentation-models-pytorch. Taken differently: in training, a batch of one image
normalises its pooled features by the running statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torchvision.models.segmentation.deeplabv3 import ASPP

from segstudio.core.errors import UserError
from segstudio.ml.encoders.build import build_encoder
from segstudio.ml.networks.base import SegmentationNetwork
from segstudio.ml.networks.blocks import conv_bn, conv_bn_relu, he_initialise, with_pooled_norms
from segstudio.ml.networks.smp_parts import decoder_class, level_channels, levels

if TYPE_CHECKING:
    from segstudio.ml.encoders.timm_encoder import Encoder
    from segstudio.ml.networks.base import Scores

RATES = {16: (6, 12, 18), 8: (12, 24, 36)}
MULTI_GRID = (1, 2, 1)


class _Bottleneck(nn.Module):
    """A residual block whose 3×3 convolution is atrous."""

    def __init__(self, channels: int, rate: int) -> None:
        super().__init__()
        middle = max(channels // 4, 16)
        self.convs = nn.Sequential(
            conv_bn_relu(channels, middle, 1), conv_bn(middle, middle, 3, dilation=rate), nn.ReLU(inplace=True),
            conv_bn(middle, channels, 1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.convs(x))


class DeepLabV3(SegmentationNetwork):
    """ASPP, or blocks in cascade, on an atrous encoder."""

    stride_px = 32

    def __init__(self, encoder: Encoder, classes: int, output_stride: int = 16, *, is_cascaded: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        inputs = encoder.channels[-1]
        if is_cascaded:
            first = 32 // output_stride
            rates = [first * factor * grid for factor in (2, 4, 8) for grid in MULTI_GRID]
            body: list[nn.Module] = [*(_Bottleneck(inputs, rate) for rate in rates), conv_bn_relu(inputs, 256, 1)]
        else:
            body = [with_pooled_norms(ASPP(inputs, list(RATES[output_stride]))), conv_bn_relu(256, 256)]
        self.context = nn.Sequential(*body)
        self.head = nn.Conv2d(256, classes, 1)
        he_initialise(self.context)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at the encoder's stride."""
        return self.head(self.context(self.encoder(x)[-1])), ()


class DeepLabV3Plus(SegmentationNetwork):
    """Separable ASPP and a decoder that looks at stride 4 again."""

    stride_px = 32

    def __init__(self, encoder: Encoder, bands: int, classes: int, output_stride: int = 16) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = with_pooled_norms(
            decoder_class("deeplabv3", "DeepLabV3PlusDecoder")(
                encoder_channels=level_channels(encoder.channels, encoder.reductions, bands),
                encoder_depth=5,
                out_channels=256,
                atrous_rates=RATES[output_stride],
                output_stride=output_stride,
                aspp_separable=True,
                aspp_dropout=0.1,
            )
        )
        self.head = nn.Conv2d(256, classes, 1)
        he_initialise(self.decoder)

    def scores(self, x: torch.Tensor) -> Scores:
        """Scores at stride 4."""
        return self.head(self.decoder(levels(x, self.encoder(x), self.encoder.reductions))), ()


def _stride(options: dict[str, Any]) -> int:
    stride = int(options.get("output_stride", 16))
    if stride not in RATES:
        raise UserError(f"an output stride of {stride} px is not possible", remedy="choose 16 or 8")
    return stride


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> DeepLabV3:
    """DeepLab v3; ``options["output_stride"]`` 16 or 8, ``options["cascade"]`` True for blocks in cascade."""
    stride = _stride(options)
    features = build_encoder(encoder, bands=bands, pretrained=pretrained, output_stride=stride)
    return DeepLabV3(features, classes, stride, is_cascaded=bool(options.get("cascade", False)))


def build_plus(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> DeepLabV3Plus:
    """DeepLab v3+; ``options["output_stride"]`` 16 or 8."""
    stride = _stride(options)
    features = build_encoder(encoder, bands=bands, pretrained=pretrained, output_stride=stride)
    return DeepLabV3Plus(features, bands, classes, stride)
