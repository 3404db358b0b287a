"""timm's networks as encoders: a list of features at strides 2, 4, 8, 16 and 32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import timm
from torch import nn

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    import torch


class TimmEncoder(nn.Module):
    """A timm network cut open at each stride; ``channels`` and ``reductions`` are per feature, finest first."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        info = body.feature_info
        self.channels: tuple[int, ...] = tuple(info.channels())  # type: ignore[operator, union-attr]
        self.reductions: tuple[int, ...] = tuple(info.reduction())  # type: ignore[operator, union-attr]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(N, B, H, W) with H and W multiples of 32 to features, finest first."""
        features: list[torch.Tensor] = self.body(x)
        return features


def build(timm_name: str, bands: int, pretrained: bool) -> TimmEncoder:
    """The encoder; timm averages or repeats the first convolution where *bands* is not 3.

    Raises
    ------
    UserError
        When ImageNet weights are wanted, not cached, and there is no network.
    """
    try:
        body = timm.create_model(timm_name, pretrained=pretrained, features_only=True, in_chans=bands)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise UserError(
            f"the ImageNet weights of {timm_name} cannot be fetched ({type(error).__name__})",
            remedy="connect once, choose the encoder efficientnet_lite0 whose weights are installed, or train without --pretrained",
        ) from error
    return TimmEncoder(body)
