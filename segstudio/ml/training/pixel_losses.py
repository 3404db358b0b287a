"""Losses that each pixel has by itself: (N, H, W) maps, (N, D, H, W) of volumes. Ignored pixels must come with a class, too (say 0)."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.training.distributed import ONE, Ranks

FOCAL_GAMMA = 2.0
OHEM_SURE = 0.7
OHEM_KEPT = 1 / 16


def cross_entropy_map(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """−log of the true class's softmax: (N, K, H, W) float and (N, H, W) int64 to (N, H, W) float32."""
    return F.cross_entropy(logits.float(), target, reduction="none")


def binary_map(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the classes of the binary cross-entropy of «it is this class», by a sigmoid each."""
    truth = F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(torch.float32)
    return F.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none").mean(1)


def focal_map(logits: torch.Tensor, target: torch.Tensor, gamma: float = FOCAL_GAMMA) -> torch.Tensor:
    """−(1 − p)^γ log p with p the true class's softmax (Lin et al. 2017, arXiv:1708.02002; of two classes it is theirs)."""
    log_p = -cross_entropy_map(logits, target)
    # The clamp: 1 − p may be a hair below nought, whose power has no gradient where γ is no whole number.
    return -((1 - log_p.exp()).clamp(min=1e-7) ** gamma) * log_p


def hard_pixels(
    losses: torch.Tensor, valid: torch.Tensor, sure: float = OHEM_SURE, kept: float = OHEM_KEPT, ranks: Ranks = ONE
) -> torch.Tensor:
    """(N, H, W) bool of the *valid* pixels to learn from, by their cross-entropy *losses* (N, H, W).

    Those whose true class has a probability below *sure*; where these are fewer than the part *kept* of the valid ones, the hardest
    so many of the batches of all *ranks* (Shrivastava et al. 2016, arXiv:1604.03540; for segmentation Wu et al. 2016, arXiv:1605.06885).
    """
    known = ranks.joined(losses.detach()[valid])
    if known.numel() == 0:
        return valid
    least = max(1, int(known.numel() * kept))
    bar = min(float(known.topk(least).values[-1]), -math.log(sure))
    return valid & (losses.detach() >= bar)
