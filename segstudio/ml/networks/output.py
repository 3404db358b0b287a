"""What every network of ours returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch


class NetworkOutput(NamedTuple):
    """``logits`` (N, K, H, W) at the input's size; ``auxiliary`` further logits with the weight their loss gets.

    Training weighs them in; inference looks at ``logits`` alone. Auxiliary logits may be smaller than the input. ``sampled``
    (H, W) bool names the pixels that were scored where a network trains on some of them only; the loss leaves out the others.
    """

    logits: torch.Tensor
    auxiliary: tuple[tuple[float, torch.Tensor], ...] = ()
    sampled: torch.Tensor | None = None
