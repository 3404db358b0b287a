"""What the networks share: any input size, logits at the input's size, one typed answer."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.networks.blocks import pad_to_stride
from segstudio.ml.networks.output import NetworkOutput

Scores = tuple[torch.Tensor, tuple[tuple[float, torch.Tensor], ...]]
"""Main logits at any resolution, and (weight of its loss, logits) of each auxiliary head."""


def resized(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """*x* brought to the height and width of *like*, bilinearly (pixel centres stay where they are)."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class SegmentationNetwork(nn.Module):
    """Pads to the stride, asks :meth:`scores`, brings the logits to the input's size and crops.

    Auxiliary logits are left as small as they are; training resizes them, inference does without them.
    """

    class_layers: ClassVar[tuple[str, ...]] = ("head.",)
    """How the names of the parameters begin that belong to the classes, one row each."""
    stride_px: int = 32

    def forward(self, x: torch.Tensor) -> NetworkOutput:
        """(N, B, H, W), any H and W, to logits (N, K, H, W)."""
        height, width = x.shape[-2:]
        padded = pad_to_stride(x, self.stride_px)
        logits, auxiliary = self.scores(padded)
        return NetworkOutput(resized(logits, padded)[..., :height, :width], auxiliary if self.training else ())

    @abstractmethod
    def scores(self, x: torch.Tensor) -> Scores:
        """(N, B, H, W) with sides that are multiples of ``stride_px``, to logits at any resolution."""
