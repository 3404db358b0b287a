"""V-Net (Milletari, Navab, Ahmadi 2016, arXiv:1606.04797): residual, in three dimensions, for volumes.

::

    x (N, B, D, H, W) ─ 16 ─ ↓ 32 ─ ↓ 64 ─ ↓ 128 ─ ↓ 256       1, 2, 3, 3, 3 convolutions 5×5×5, residual
                        │      │      │       │       │        ↓ 2×2×2 convolution, stride 2
    logits ─ 1×1×1 ─ ↑ 32 ─ ↑ 64 ─ ↑ 128 ─ ↑ 256 ─────┘        ↑ 2×2×2 transposed, joined with the skip

A picture (N, B, H, W) is a volume of one plane, which stands for its neighbours where planes are halved. Taken differently:
batch norm before each PReLU; the Dice loss that the paper introduces is a loss here, for any network. With the paper's counts of
convolutions there are 65.2 M parameters; MONAI's V-Net, of 45.6 M, has fewer in most stages. Of a single plane only the
middle fifth of each kernel is computed, since the rest sees nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.networks.output import NetworkOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTHS = (16, 32, 64, 128, 256)
DOWN_CONVS = (1, 2, 3, 3, 3)
UP_CONVS = (1, 2, 3, 3)
STRIDE = 16


class PlaneConv3d(nn.Conv3d):
    """5×5×5 convolution that keeps the size; of a single plane only the middle 5×5 has anything to see, so no more is computed."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 5, padding=2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, D, H, W) to (N, outputs, D, H, W)."""
        if x.shape[2] > 1:
            return super().forward(x)
        return F.conv2d(x.squeeze(2), self.weight[:, :, 2], padding=2).unsqueeze(2)


class _Residual(nn.Module):
    """Convolutions 5×5×5 on what comes in, added to it."""

    def __init__(self, inputs: int, width: int, count: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(count):
            layers.append(PlaneConv3d(inputs if number == 0 else width, width))
            layers.append(nn.BatchNorm3d(width))
            if number < count - 1:
                layers.append(nn.PReLU(width))
        self.convs = nn.Sequential(*layers)
        self.same = nn.Identity() if inputs == width else nn.Conv3d(inputs, width, 1, bias=False)
        self.act = nn.PReLU(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.convs(x) + self.same(x))  # type: ignore[no-any-return]


class _Up(nn.Module):
    def __init__(self, inputs: int, skip: int, width: int, count: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose3d(inputs, width // 2, 2, stride=2, bias=False)
        self.norm = nn.Sequential(nn.BatchNorm3d(width // 2), nn.PReLU(width // 2))
        self.body = _Residual(width // 2 + skip, width, count)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.up(x))[:, :, : skip.shape[2]]  # one plane stays one plane
        return self.body(torch.cat([y, skip], dim=1))  # type: ignore[no-any-return]


class VNet(nn.Module):
    """Volumes (N, B, D, H, W) or pictures (N, B, H, W), of any size."""

    class_layers: ClassVar[tuple[str, ...]] = ("head.",)
    stride_px = STRIDE

    def __init__(self, bands: int, classes: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        stages, downs = [_Residual(bands, widths[0], DOWN_CONVS[0])], []
        for before, width, count in zip(widths, widths[1:], DOWN_CONVS[1:]):
            step = nn.Conv3d(before, width, 2, stride=2, bias=False)
            downs.append(nn.Sequential(step, nn.BatchNorm3d(width), nn.PReLU(width)))
            stages.append(_Residual(width, width, count))
        self.stages, self.downs = nn.ModuleList(stages), nn.ModuleList(downs)
        ups, inputs = [], widths[-1]
        for skip, count in zip(reversed(widths[:-1]), reversed(UP_CONVS)):
            ups.append(_Up(inputs, skip, 2 * skip, count))
            inputs = 2 * skip
        self.ups = nn.ModuleList(ups)
        self.head = nn.Conv3d(inputs, classes, 1)
        for part in self.modules():
            if isinstance(part, nn.Conv3d | nn.ConvTranspose3d) and part is not self.head:
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> NetworkOutput:
        """Logits (N, K, D, H, W), or (N, K, H, W) for pictures."""
        is_flat = x.dim() == 4
        volume = x.unsqueeze(2) if is_flat else x
        depth, height, width = volume.shape[2:]
        volume = _padded(volume)
        skips, y = [], volume
        for number, stage in enumerate(self.stages):
            y = stage(self.downs[number - 1](_doubled(y)) if number else y)
            skips.append(y)
        for up, skip in zip(self.ups, reversed(skips[:-1]), strict=True):
            y = up(y, skip)
        logits = self.head(y)[:, :, :depth, :height, :width]
        return NetworkOutput(logits.squeeze(2) if is_flat else logits)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    """A single plane twice, so that it can be halved."""
    return x.expand(-1, -1, 2, -1, -1) if x.shape[2] == 1 else x


def _padded(x: torch.Tensor) -> torch.Tensor:
    """Grown to multiples of the stride by repeating the border; a single plane stays single."""
    depth, height, width = x.shape[2:]
    deeper = 0 if depth == 1 else -depth % STRIDE
    bottom, right = -height % STRIDE, -width % STRIDE
    return F.pad(x, (0, right, 0, bottom, 0, deeper), mode="replicate") if deeper or bottom or right else x


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> VNet:
    """V-Net; ``options["width"]`` (16) is its first width."""
    first = int(options.get("width", WIDTHS[0]))
    return VNet(bands, classes, tuple(first << number for number in range(len(WIDTHS))))
