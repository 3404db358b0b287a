"""The losses that click models are trained with."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812


def normalised_focal_loss(
    logits: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor, *, alpha: float = 0.5, gamma: float = 2.0
) -> torch.Tensor:
    """Focal loss whose weights sum to the number of pixels, so that it does not fade as the answer gets better.

    Sofiiuk et al. 2019, «AdaptIS», arXiv:1909.07829, eq. 4, as used by RITM. *logits*, *truth* (0 or 1) and *valid* (0
    or 1) are (N, 1, H, W); the result is a scalar: the mean over the pictures of the batch, each over its valid pixels.
    The weights are not differentiated.
    """
    probability = torch.sigmoid(logits)
    right = torch.where(truth > 0.5, probability, 1 - probability)
    balance = torch.where(truth > 0.5, alpha, 1 - alpha) * valid
    with torch.no_grad():
        weight = (1 - right) ** gamma * valid
        scale = valid.sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6)
        weight = weight * scale.clamp_max(1e4)[:, None, None, None]
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    per_picture = (balance * weight * entropy).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp_min(1)
    return per_picture.mean()


def soft_iou_loss(logits: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """1 − the soft intersection over union of each picture, their mean; shapes as above."""
    probability = torch.sigmoid(logits) * valid
    truth = truth * valid
    meeting = (probability * truth).sum((1, 2, 3))
    union = (probability + truth - probability * truth).sum((1, 2, 3))
    return (1 - (meeting + 1) / (union + 1)).mean()
