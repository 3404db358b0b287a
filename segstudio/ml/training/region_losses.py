"""Losses of whole regions: Lovász-softmax, Tversky and boundary. Soft Dice is in :mod:`segstudio.ml.training.losses`."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from segstudio.core.border_weights import pixel_distances
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.distributed import ONE, Ranks

TVERSKY_FALSE, TVERSKY_MISSED = 0.3, 0.7


def lovasz_loss(
    logits: torch.Tensor, target: torch.Tensor, *, ignore: int = IGNORE_INDEX, ranks: Ranks = ONE
) -> torch.Tensor:
    """Mean over the classes that *target* holds of the Lovász extension of 1 − IoU (Berman et al. 2018, arXiv:1705.08790).

    ``logits`` (N, K, H, W) float; ``target`` (N, H, W) int64; (N, K, D, H, W) and (N, D, H, W) for volumes. Pixels of the whole
    batch, and of those of all *ranks*, are one set. 0 where all are ignored.
    """
    valid = target != ignore
    classes = ranks.joined(target[valid])
    probabilities = ranks.joined(logits.float().softmax(1).movedim(1, -1)[valid])
    present = torch.unique(classes).tolist()
    losses = [_lovasz_of(probabilities[:, k], classes == k) for k in present]
    return torch.stack(losses).mean() if losses else logits.float().sum() * 0.0


def _lovasz_of(probability: torch.Tensor, is_class: torch.Tensor) -> torch.Tensor:
    truth = is_class.to(probability.dtype)
    errors, order = (truth - probability).abs().sort(descending=True)
    truth = truth[order]
    total = truth.sum()
    # 1 − IoU if the first pixels of this order were wrong and all others right: its differences are what the errors weigh.
    jaccard = 1 - (total - truth.cumsum(0)) / (total + (1 - truth).cumsum(0))
    return errors @ jaccard.diff(prepend=jaccard.new_zeros(1))


def tversky_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    *,
    false: float = TVERSKY_FALSE,
    missed: float = TVERSKY_MISSED,
    ignore: int = IGNORE_INDEX,
    smooth: float = 1.0,
    ranks: Ranks = ONE,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """1 − mean Tversky index over the classes that *target* holds (Salehi et al. 2017, arXiv:1706.05721: α = *false*, β = *missed*).

    Shapes as for :func:`lovasz_loss`. *false* and *missed* weigh false and missed pixels; 0.5 and 0.5 give Dice. A pixel of
    *weights* (N, H, W) w counts as w pixels.
    """
    valid = (target != ignore).unsqueeze(1)
    counts = valid if weights is None else valid * weights.unsqueeze(1)
    probabilities = logits.float().softmax(1) * counts
    truth = F.one_hot(target.masked_fill(~valid[:, 0], 0), logits.shape[1]).movedim(-1, 1) * valid
    dims = (0, *range(2, logits.dim()))
    true = truth.sum(dims) if weights is None else (truth * counts).sum(dims)
    both, predicted, true = ranks.totals((probabilities * truth).sum(dims), probabilities.sum(dims), true)
    index = (both + smooth) / (both + false * (predicted - both) + missed * (true - both) + smooth)
    present = true > 0
    return ((1 - index) * present).sum() / present.sum().clamp(min=1)


def signed_distances(target: torch.Tensor, classes: int, ignore: int = IGNORE_INDEX) -> torch.Tensor:
    """(N, K, H, W) float32 distances in pixels to each class's border: above 0 outside, 0 on its rim, below 0 inside.

    Ignored pixels are no class and no outside, so they make no border. A class that an image lacks, or fills, has 0 everywhere.
    """
    labels = target.cpu().numpy()
    distances = np.zeros((labels.shape[0], classes, *labels.shape[1:]), np.float32)
    for n, image in enumerate(labels):
        for k in np.unique(image[image != ignore]):
            inside, outside = image == k, (image != k) & (image != ignore)
            if outside.any():
                away, within = pixel_distances(inside), pixel_distances(outside)
                distances[n, k] = np.where(inside, 1 - within, away)
    return torch.from_numpy(distances).to(target.device)


def boundary_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    distances: torch.Tensor,
    *,
    ignore: int = IGNORE_INDEX,
    ranks: Ranks = ONE,
) -> torch.Tensor:
    """Mean over pixels and classes of softmax × signed distance (Kervadec et al. 2019, arXiv:1812.07032).

    *distances* (N, K, H, W) in pixels as :func:`signed_distances` gives them; other shapes as for :func:`lovasz_loss`. Below 0 where
    the regions are right.
    """
    valid = (target != ignore).unsqueeze(1)
    weighed = logits.float().softmax(1) * distances * valid
    summed, count = ranks.totals(weighed.sum(), valid.sum() * logits.shape[1])
    return summed / count.clamp(min=1)
