"""Losses with an ignored index: cross-entropy, soft Dice, and their sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.plan import IGNORE_INDEX

if TYPE_CHECKING:
    from segstudio.ml.networks.output import NetworkOutput


def dice_loss(
    logits: torch.Tensor, target: torch.Tensor, *, ignore: int = IGNORE_INDEX, smooth: float = 1.0
) -> torch.Tensor:
    """1 − mean soft Dice over the classes that *target* holds (Milletari et al. 2016, arXiv:1606.04797, without the squares).

    ``logits`` (N, K, H, W) float; ``target`` (N, H, W) int64. Sums run over the whole batch, so that a class absent from one
    patch does not pull that patch's Dice to nought.
    """
    classes = logits.shape[1]
    valid = target != ignore
    probabilities = logits.float().softmax(dim=1) * valid.unsqueeze(1)
    safe = target.masked_fill(~valid, 0)
    truth = F.one_hot(safe, classes).movedim(-1, 1).to(probabilities.dtype) * valid.unsqueeze(1)
    dims = (0, 2, 3)
    both = (probabilities * truth).sum(dims)
    total = probabilities.sum(dims) + truth.sum(dims)
    present = truth.sum(dims) > 0
    dice = (2 * both + smooth) / (total + smooth)
    # A product instead of indexing: the shape stays fixed, and an all-ignored batch gives 0 with a gradient.
    return ((1 - dice) * present).sum() / present.sum().clamp(min=1)


class SegmentationLoss(nn.Module):
    """Cross-entropy, Dice or their sum, over the main and the auxiliary logits."""

    def __init__(self, kind: str, class_weights: torch.Tensor | None = None, ignore: int = IGNORE_INDEX) -> None:
        super().__init__()
        self.kind, self.ignore = kind, ignore
        self.class_weights: torch.Tensor | None
        self.register_buffer("class_weights", class_weights)

    def forward(self, output: NetworkOutput, target: torch.Tensor) -> torch.Tensor:
        """Scalar float32 loss; 0 with a gradient where every pixel is ignored."""
        if output.sampled is not None:
            target = target.masked_fill(~output.sampled, self.ignore)
        loss = self._one(output.logits, target)
        for weight, logits in output.auxiliary:
            scaled = F.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)
            loss = loss + weight * self._one(scaled, target)
        return loss

    def _one(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss = logits.float().sum() * 0.0
        if "ce" in self.kind:
            summed = F.cross_entropy(
                logits.float(),
                target,
                weight=self.class_weights,
                ignore_index=self.ignore,
                reduction="sum",
            )
            loss = loss + summed / self._weight_of(target).clamp(min=1.0)
        if "dice" in self.kind:
            loss = loss + dice_loss(logits, target, ignore=self.ignore)
        return loss

    def _weight_of(self, target: torch.Tensor) -> torch.Tensor:
        valid = target != self.ignore
        weights = self.class_weights
        if weights is None:
            return valid.sum().float()
        return (weights[target.masked_fill(~valid, 0)] * valid).sum()
