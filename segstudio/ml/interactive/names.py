"""From the names that authors gave the tensors of their checkpoints to those of the networks that are built here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    State = Mapping[str, torch.Tensor]

_SHARED = "shared_image_embedding.positional_embedding"
_NUMBERED = {
    "image_encoder.neck.": {"0": "conv1", "1": "layer_norm1", "2": "conv2", "3": "layer_norm2"},
    "prompt_encoder.mask_downscaling.": {
        "0": "conv1", "1": "layer_norm1", "3": "conv2", "4": "layer_norm2", "6": "conv3",
    },
    "mask_decoder.output_upscaling.": {"0": "upscale_conv1", "1": "upscale_layer_norm", "3": "upscale_conv2"},
}  # fmt: skip
_PREFIXES = {
    "image_encoder.neck.": "vision_encoder.neck.",
    "prompt_encoder.mask_downscaling.": "prompt_encoder.mask_embed.",
    "mask_decoder.output_upscaling.": "mask_decoder.",
}
_HEADS = re.compile(r"(output_hypernetworks_mlps\.\d+|iou_prediction_head|pred_obj_score_head)\.layers\.(\d)\.")
_HEAD_LAYERS = {"0": "proj_in", "1": "layers.0", "2": "proj_out"}
_NORM = re.compile(r"\.norm(\d)\.")
SAM2_VIDEO = (
    "memory_", "maskmem_", "mask_downsample.", "no_mem_pos_enc", "no_obj_", "obj_ptr_", "no_memory_positional_encoding",
    "no_object_pointer", "object_pointer_proj.", "occlusion_", "temporal_positional_encoding_projection_layer.",
)  # fmt: skip
"""Tensors of SAM 2 that only follow objects through videos."""


def sam_state(state: State) -> dict[str, torch.Tensor]:
    """A checkpoint of SAM under the names of ``transformers.SamModel``."""
    return _with_shared({_sam_name(name): value for name, value in state.items()})


def sam2_state(state: State) -> dict[str, torch.Tensor]:
    """A checkpoint of SAM 2 under the names of ``transformers.Sam2Model``, what is for videos left out."""
    found: dict[str, torch.Tensor] = {}
    points: dict[int, torch.Tensor] = {}
    for name, value in state.items():
        if name.startswith(SAM2_VIDEO):
            continue
        name = name.removeprefix("sam_")
        if name.startswith("prompt_encoder.point_embeddings."):
            points[int(name.split(".")[2])] = value
        elif name == "no_mem_embed":
            found["no_memory_embedding"] = value
        else:
            found[_sam2_name(name)] = value
    if points:
        found["prompt_encoder.point_embed.weight"] = torch.cat([points[index] for index in sorted(points)])
    return _with_shared(found)


def renamed_sam2_state(state: State) -> dict[str, torch.Tensor]:
    """A file that transformers wrote, what is for videos left out; early ones had another word for one layer."""
    return {
        name.replace(".out_proj.", ".o_proj."): value
        for name, value in state.items()
        if not name.startswith(SAM2_VIDEO)
    }


def mobile_sam_state(state: State) -> dict[str, torch.Tensor]:
    """A checkpoint of MobileSAM under the names of the network that :mod:`segstudio.ml.interactive.mobile` builds."""
    found: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if name.startswith(("image_encoder.head.", "image_encoder.norm_head.")) or "attention_bias_idxs" in name:
            continue  # of the classifier it was trained from; indices are computed
        if name.startswith("image_encoder.") and not name.startswith("image_encoder.neck."):
            found[_tiny_vit_name(name.removeprefix("image_encoder."))] = value
        else:
            found[_sam_name(name)] = value
    return _with_shared(found)


def _sam_name(name: str) -> str:
    for prefix, layers in _NUMBERED.items():
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition(".")
            return f"{_PREFIXES[prefix]}{layers.get(number, number)}.{rest}"
    name = name.replace("image_encoder.patch_embed.proj.", "vision_encoder.patch_embed.projection.")
    name = name.replace("image_encoder.blocks.", "vision_encoder.layers.").replace("image_encoder.", "vision_encoder.")
    name = name.replace("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", _SHARED)
    name = name.replace("prompt_encoder.point_embeddings.", "prompt_encoder.point_embed.")
    name = name.replace(".norm_final_attn.", ".layer_norm_final_attn.")
    name = _HEADS.sub(lambda match: f"{match[1]}.{_HEAD_LAYERS[match[2]]}.", name)
    return _NORM.sub(r".layer_norm\1.", name)


def _sam2_name(name: str) -> str:
    name = name.replace("image_encoder.trunk.patch_embed.proj.", "vision_encoder.backbone.patch_embed.projection.")
    name = name.replace("image_encoder.trunk.", "vision_encoder.backbone.")
    name = re.sub(r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"vision_encoder.neck.convs.\1.", name)
    name = name.replace(".mlp.layers.0.", ".mlp.proj_in.").replace(".mlp.layers.1.", ".mlp.proj_out.")
    return _sam_name(name).replace(".out_proj.", ".o_proj.")


def _tiny_vit_name(name: str) -> str:
    """A tensor of TinyViT as published, in timm's words: each stage begins with what made it smaller."""
    name = re.sub(r"^patch_embed\.seq\.(\d)\.", lambda m: f"patch_embed.conv{1 + int(m[1]) // 2}.", name)
    name = re.sub(r"^layers\.(\d)\.downsample\.", lambda m: f"stages.{int(m[1]) + 1}.downsample.", name)
    name = re.sub(r"^layers\.", "stages.", name)
    return "vision_encoder.body." + re.sub(r"\.c\.(weight|bias)$", r".conv.\1", name)


def _with_shared(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The positions' matrix is one, held under two names."""
    if _SHARED in state:
        state["prompt_encoder.shared_embedding.positional_embedding"] = state[_SHARED]
    return state
