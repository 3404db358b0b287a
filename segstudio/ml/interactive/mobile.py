"""MobileSAM: SAM's prompt encoder and decoder behind TinyViT, which timm keeps.

Zhang et al., «Faster Segment Anything: Towards Lightweight SAM for Mobile Applications», 2023. Shapes:

    picture (N, 3, 1024, 1024)
    TinyViT-5M, patch embedding /4, stages /4, /8, /16; the last stage does not halve again
    (N, 320, 64, 64)
    neck: 1×1 and 3×3 convolutions, each with a layer norm over bands
    (N, 256, 64, 64), which the decoder reads as it would SAM's
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE_PX = 1024
BODY = "tiny_vit_5m_224"


class TinyVitEncoder(nn.Module):
    """TinyViT and SAM's neck; answers like the vision encoder of ``transformers.SamModel``."""

    def __init__(self, config: Any, body: str = BODY) -> None:
        super().__init__()
        import timm
        from transformers.models.sam.modeling_sam import SamVisionNeck

        tiny: Any = timm.create_model(body, pretrained=False, num_classes=0)
        # Its norm belongs to the classifier's head; SAM takes the features as they are.
        tiny.head = nn.Identity()
        tiny.stages[-1].downsample.conv2.conv.stride = (1, 1)
        self.body = tiny
        self.neck = SamVisionNeck(config)

    def forward(self, pixel_values: torch.Tensor, **_: object) -> tuple[torch.Tensor]:
        """(N, 256, 64, 64) of (N, 3, 1024, 1024)."""
        features = self.body.forward_features(pixel_values)
        return (self.neck(features.permute(0, 2, 3, 1)),)


def mobile_sam(state: Mapping[str, torch.Tensor]) -> nn.Module:
    """The network, its decoder as wide as in *state*; parameters are random."""
    from segstudio.ml.interactive.build import sam_config, transformers_module

    width = state["vision_encoder.neck.conv1.weight"].shape[1]
    # SAM's own encoder is built without a block, and replaced.
    vision = {"hidden_size": width, "num_hidden_layers": 0, "image_size": IMAGE_PX, "global_attn_indexes": []}
    config = sam_config(state, vision, IMAGE_PX)
    module: nn.Module = transformers_module().SamModel(config)
    module.vision_encoder = TinyVitEncoder(config.vision_config)
    return module
