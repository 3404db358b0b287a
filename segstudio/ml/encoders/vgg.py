"""VGG (Simonyan, Zisserman 2015, arXiv:1409.1556) taken apart as FCN, SegNet, DeconvNet and DeepLab v1 need it.

timm keeps the network, its weights and, as convolutions, its fully connected layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import timm
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.availability import is_in_hub_cache
from segstudio.ml.encoders.fetching import fetching
from segstudio.ml.networks.blocks import he_initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

FC_CHANNELS = 4096


class VggBody(nn.Module):
    """The five blocks of convolutions between the poolings; ``fc6`` and ``fc7`` as convolutions where they are wanted."""

    def __init__(
        self, blocks: Sequence[nn.Sequential], fc6: nn.Conv2d | None = None, fc7: nn.Conv2d | None = None
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        # Not modules of the body: who uses them registers them once.
        self._fully = (fc6, fc7)

    @property
    def fc6(self) -> nn.Conv2d:
        """7×7, 512 to 4096, padded to keep the size."""
        layer = self._fully[0]
        assert layer is not None
        return layer

    @property
    def fc7(self) -> nn.Conv2d:
        """1×1, 4096 to 4096."""
        layer = self._fully[1]
        assert layer is not None
        return layer

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(N, B, H, W) to what the five poolings give, at strides 2 … 32."""
        pools = []
        for block in self.blocks:
            x = F.max_pool2d(block(x), 2)
            pools.append(x)
        return pools

    def pooled_with_indices(self, x: torch.Tensor) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Size]]]:
        """(features at stride 32, [(indices of the maxima, size before) of each pooling, finest first])."""
        memory = []
        for block in self.blocks:
            x = block(x)
            size = x.shape
            x, indices = F.max_pool2d(x, 2, return_indices=True)
            memory.append((indices, size))
        return x, memory

    @classmethod
    def build(cls, name: str, bands: int, pretrained: bool, *, has_fully_connected: bool = False) -> VggBody:
        """The network *name* of timm ("vgg16", "vgg16_bn"), cut at its poolings.

        Raises
        ------
        UserError
            When ImageNet weights are wanted, not cached, and there is no network.
        """
        with fetching(name, pretrained, is_cached=is_in_hub_cache(name)):
            model: Any = timm.create_model(name, pretrained=pretrained, in_chans=bands)
        blocks: list[list[nn.Module]] = [[]]
        for layer in model.features.children():
            if isinstance(layer, nn.MaxPool2d):
                blocks.append([])
            else:
                blocks[-1].append(layer)
        parts = [nn.Sequential(*layers) for layers in blocks if layers]
        if not pretrained:
            for part in parts:
                he_initialise(part)
        if not has_fully_connected:
            return cls(parts)
        fc6, fc7 = model.pre_logits.fc1, model.pre_logits.fc2
        fc6.padding = (3, 3)
        if not pretrained:
            he_initialise(fc6)
            he_initialise(fc7)
        return cls(parts, fc6, fc7)
