"""Losses with an ignored index, over the main and the auxiliary logits: any of :mod:`segstudio.ml.loss_table`, and sums of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.loss_table import LossPart, parse_loss
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.distributed import ONE, Ranks
from segstudio.ml.training.pixel_losses import binary_map, cross_entropy_map, focal_map, hard_pixels
from segstudio.ml.training.region_losses import boundary_loss, lovasz_loss, signed_distances, tversky_loss

if TYPE_CHECKING:
    from segstudio.ml.networks.output import NetworkOutput


def dice_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    *,
    ignore: int = IGNORE_INDEX,
    smooth: float = 1.0,
    ranks: Ranks = ONE,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """1 − mean soft Dice over the classes that *target* holds (Milletari et al. 2016, arXiv:1606.04797, without the squares).

    ``logits`` (N, K, H, W) float; ``target`` (N, H, W) int64; (N, K, D, H, W) and (N, D, H, W) for volumes. Sums run over the
    whole batch, so that a class absent from one patch does not pull that patch's Dice to nought, and over the batches of all
    *ranks*. A pixel of *weights* (N, H, W) w counts as w pixels.
    """
    classes = logits.shape[1]
    valid = target != ignore
    counts = valid if weights is None else valid * weights
    probabilities = logits.float().softmax(dim=1) * counts.unsqueeze(1)
    safe = target.masked_fill(~valid, 0)
    truth = F.one_hot(safe, classes).movedim(-1, 1).to(probabilities.dtype) * valid.unsqueeze(1)
    dims = (0, *range(2, logits.dim()))
    true = truth.sum(dims) if weights is None else (truth * counts.unsqueeze(1)).sum(dims)
    both, predicted, true = ranks.totals((probabilities * truth).sum(dims), probabilities.sum(dims), true)
    total = predicted + true
    present = true > 0
    dice = (2 * both + smooth) / (total + smooth)
    # A product instead of indexing: the shape stays fixed, and an all-ignored batch gives 0 with a gradient.
    return ((1 - dice) * present).sum() / present.sum().clamp(min=1)


class SegmentationLoss(nn.Module):
    """A loss or a sum of losses (``kind``, as :func:`segstudio.ml.loss_table.parse_loss` reads it), over the main and the auxiliary logits.

    ``class_weights`` (K,) float32 weigh the pixels of the classes in those losses that are means over pixels: the sum of
    weight × loss is divided by the sum of weights. With *ranks* it is the loss of their batches as one, the same in all of them.
    """

    def __init__(
        self,
        kind: str,
        class_weights: torch.Tensor | None = None,
        ignore: int = IGNORE_INDEX,
        ranks: Ranks = ONE,
    ) -> None:
        super().__init__()
        self.kind, self.ignore, self.ranks = kind, ignore, ranks
        self.parts = parse_loss(kind)
        self.class_weights: torch.Tensor | None
        self.register_buffer("class_weights", class_weights)

    def forward(
        self,
        output: NetworkOutput,
        target: torch.Tensor,
        border: torch.Tensor | None = None,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Scalar float32 loss; 0 with a gradient where every pixel is ignored.

        *border* (N, H, W) float32 is added to the pixels' class weights (U-Net's weight map), *weights* (N, H, W) float32
        multiply them: lovasz and boundary only leave out what weighs nothing, the others count a pixel as often as it weighs.
        """
        if weights is not None:
            target = target.masked_fill(weights == 0, self.ignore)
        distances = None
        if any(part.id == "boundary" for part in self.parts):
            # Of the whole truth: pixels that are only not sampled make no border.
            distances = signed_distances(target, output.logits.shape[1], self.ignore)
        if output.sampled is not None:
            target = target.masked_fill(~output.sampled, self.ignore)
        loss = self._one(output.logits, target, border, distances, weights)
        for weight, logits in output.auxiliary:
            mode = "bilinear" if logits.dim() == 4 else "trilinear"
            scaled = F.interpolate(logits, size=target.shape[1:], mode=mode, align_corners=False)
            loss = loss + weight * self._one(scaled, target, border, distances, weights)
        return loss

    def _one(
        self,
        logits: torch.Tensor,
        target: torch.Tensor,
        border: torch.Tensor | None,
        distances: torch.Tensor | None,
        weights: torch.Tensor | None,
    ) -> torch.Tensor:
        loss = logits.float().sum() * 0.0
        for part in self.parts:
            loss = loss + part.factor * self._part(part, logits, target, border, distances, weights)
        return loss

    def _part(
        self,
        part: LossPart,
        logits: torch.Tensor,
        target: torch.Tensor,
        border: torch.Tensor | None,
        distances: torch.Tensor | None,
        weights: torch.Tensor | None,
    ) -> torch.Tensor:
        if part.id == "ce" and border is None and weights is None:
            return self._cross_entropy(logits, target)
        if part.counts_pixels:
            return self._mean_over_pixels(part, logits, target, border, weights)
        if part.id == "boundary":
            assert distances is not None
            return boundary_loss(logits, target, distances, ignore=self.ignore, ranks=self.ranks)
        if part.id == "lovasz":
            return lovasz_loss(logits, target, ignore=self.ignore, ranks=self.ranks)
        region = {"dice": dice_loss, "tversky": tversky_loss}[part.id]
        return region(logits, target, ignore=self.ignore, ranks=self.ranks, weights=weights)

    def _cross_entropy(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        summed = F.cross_entropy(
            logits.float(),
            target,
            weight=self.class_weights,
            ignore_index=self.ignore,
            reduction="sum",
        )
        summed, weight = self.ranks.totals(summed, self.weight_of(target))
        return summed / weight.clamp(min=1.0)

    def _mean_over_pixels(
        self,
        part: LossPart,
        logits: torch.Tensor,
        target: torch.Tensor,
        border: torch.Tensor | None,
        sources: torch.Tensor | None,
    ) -> torch.Tensor:
        valid = target != self.ignore
        known = target.masked_fill(~valid, 0)
        losses = {"bce": binary_map, "focal": focal_map}.get(part.id, cross_entropy_map)(logits, known)
        if part.id == "ohem":
            valid = hard_pixels(losses, valid, ranks=self.ranks)
        weights = valid.float() if self.class_weights is None else self.class_weights[known] * valid
        if border is not None:
            weights = weights + border * valid
        if sources is not None:
            weights = weights * sources
        summed, weight = self.ranks.totals((weights * losses).sum(), weights.sum())
        return summed / weight.clamp(min=1e-6)

    def weight_of(self, target: torch.Tensor, sources: torch.Tensor | None = None) -> torch.Tensor:
        """Scalar float32: the labelled pixels of *target* (N, …), each with the weight of its class and its source's (N, …)."""
        valid = target != self.ignore
        weights = self.class_weights
        if sources is not None:
            each = valid * sources
            return (each if weights is None else weights[target.masked_fill(~valid, 0)] * each).sum()
        if weights is None:
            return valid.sum().float()
        return (weights[target.masked_fill(~valid, 0)] * valid).sum()
