"""Decoders that segmentation-models-pytorch keeps well, fed by our encoders."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

LEVELS = 6


def decoder_class(module: str, name: str) -> Any:
    """The class *name* of ``segmentation_models_pytorch.decoders.<module>.decoder``.

    Raises
    ------
    UserError
        When the package is not installed.
    """
    try:
        return getattr(importlib.import_module(f"segmentation_models_pytorch.decoders.{module}.decoder"), name)
    except ImportError as error:
        raise UserError(
            "this network needs segmentation-models-pytorch, which is not installed",
            remedy="pip install segmentation-models-pytorch, or choose another network",
        ) from error


def level_channels(channels: Sequence[int], reductions: Sequence[int], bands: int) -> list[int]:
    """Channels by level 0 … 5 (strides 1 … 32) as the package counts them; levels that an encoder skips count as the next."""
    places = _places(reductions)
    return [bands if place is None else channels[place] for place in places]


def levels(x: torch.Tensor, features: Sequence[torch.Tensor], reductions: Sequence[int]) -> list[torch.Tensor]:
    """Features by level 0 … 5, the image itself at level 0."""
    return [x if place is None else features[place] for place in _places(reductions)]


def _places(reductions: Sequence[int]) -> list[int | None]:
    # The last four features are strides 4, 8, 16 and 32, whatever an atrous encoder made of them.
    count = len(reductions)
    tail: list[int | None] = list(range(max(count - 4, 0), count))
    stride_2 = count - 5 if count >= 5 else None
    return [None, stride_2, *tail]
