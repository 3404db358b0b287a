"""HRNet's body (Sun et al. 2019, arXiv:1904.04514), timm's: the parallel branches as they leave the fourth stage."""

from __future__ import annotations

import timm
import torch
from torch import nn

from segstudio.ml.encoders.availability import is_in_hub_cache
from segstudio.ml.encoders.fetching import fetching

NAMES = {"hrnet_w18": "hrnet_w18", "hrnet_w32": "hrnet_w32", "hrnet_w48": "hrnet_w48"}


class HRNetBody(nn.Module):
    """``channels`` of the four branches at strides 4, 8, 16 and 32; the classifier's parts are left out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        for name in ("incre_modules", "downsamp_modules", "final_layer", "head_drop", "classifier", "global_pool"):
            if hasattr(model, name):
                setattr(model, name, None)
        self.model = model
        self.channels: tuple[int, ...] = tuple(model.stage4_cfg["num_channels"])  # type: ignore[index]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(N, B, H, W) to the four branches, finest first."""
        model = self.model
        x = model.act1(model.bn1(model.conv1(x)))  # type: ignore[operator]
        x = model.act2(model.bn2(model.conv2(x)))  # type: ignore[operator]
        branches: list[torch.Tensor] = model.stages(x)  # type: ignore[operator]
        return branches


def build_body(name: str, bands: int, pretrained: bool) -> HRNetBody:
    """The body of *name* ("hrnet_w18", "hrnet_w32" or "hrnet_w48").

    Raises
    ------
    UserError
        When ImageNet weights are wanted, not cached, and there is no network.
    """
    with fetching(name, pretrained, is_cached=is_in_hub_cache(NAMES[name])):
        model = timm.create_model(NAMES[name], pretrained=pretrained, in_chans=bands)
    return HRNetBody(model)
