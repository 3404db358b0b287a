"""The Markov random field of the Deep Parsing Network as layers (Liu et al. 2015, arXiv:1509.02634; 2016, arXiv:1606.07230).

One iteration of mean field, from the network's own probabilities q (K, H, W) and the picture (B, H, W)::

    q ─ local filters (b12): s_j^v = q_j^v · Σ_z d(j, z) q_z^v      triple penalty: (j, v) counts where its like neighbours agree
      ─ label contexts (b13): c_i^(u,k) = Σ_v Σ_j μ_k(i − j, u, v) s_j^v         M patterns, a convolution over labels and places
      ─ min pooling (b14): c_i^u = min_k c_i^(u,k)                               the pattern that costs least counts
      ─ combined (b15): q_i^u ∝ exp(ln q_i^u − c_i^u)

What differs from the paper and why: it writes d as the distance ω₁‖ΔI‖² + ω₂‖Δx‖² itself and leaves what that means to training;
here d = exp(−ω₁‖ΔI‖² − ω₂‖Δx‖²), normalised to sum to 1, and the root of s is taken, so that untrained layers do what the layers are
for and s stays a share of 1 (a probability agreed with by its neighbours, not its square). 50 × 50 neighbours are thinned out to a
grid. ω₁, ω₂ and μ are learnt; before, μ is Potts (any other class costs the same) in five patterns: all around, along a row, along a
column and along the diagonals.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.ml.refine.parameters import MrfParameters

if TYPE_CHECKING:
    from segstudio.core.progress import ProgressSink

SMALLEST = 1e-5
_EPSILON = 1e-12


def offsets(parameters: MrfParameters) -> list[tuple[int, int]]:
    """(dy, dx) of the neighbours that a pixel listens to, itself among them."""
    steps = range(-parameters.grid_steps, parameters.grid_steps + 1)
    return [(y * parameters.spacing_px, x * parameters.spacing_px) for y in steps for x in steps]


def _views(height: int, width: int, dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a pixel and its neighbour at (dy, dx) are both in the picture: (of the pixel, of the neighbour)."""
    here = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
    there = slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx))
    return here, there


class _LocalFilter(torch.autograd.Function):
    """Σ_z d(j, z) q_z / Σ_z d(j, z), a neighbour at a time in both directions: memory does not grow with the window."""

    @staticmethod
    def forward(
        ctx: Any,
        q: torch.Tensor,
        looks: torch.Tensor,
        valid: torch.Tensor,
        colour: torch.Tensor,
        place: torch.Tensor,
        where: list[tuple[int, int]],
    ) -> torch.Tensor:
        """Beliefs (K, H, W), looks (B, H, W), valid (H, W) 0 or 1, ω₁ and ω₂ (scalars) to (K, H, W)."""
        height, width = q.shape[1:]
        total, mass = torch.zeros_like(q), torch.zeros_like(valid)
        for dy, dx in where:
            if abs(dy) >= height or abs(dx) >= width:
                continue
            (ys, xs), (yt, xt) = _views(height, width, dy, dx)
            weight, _ = _weight(looks, valid, colour, place, (ys, xs), (yt, xt), dy * dy + dx * dx)
            total[:, ys, xs].addcmul_(q[:, yt, xt], weight)
            mass[ys, xs] += weight
        result = total / mass.clamp(min=_EPSILON)
        ctx.save_for_backward(q, looks, valid, colour, place, mass, result)
        ctx.where = where
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Gradients of q, ω₁ and ω₂; the picture has none."""
        q, looks, valid, colour, place, mass, result = ctx.saved_tensors
        height, width = q.shape[1:]
        scaled = gradients[0] / mass.clamp(min=_EPSILON)
        # d(total / mass) by a weight: (q_z − result) / mass.
        own = (scaled * result).sum(0)
        of_q, of_colour, of_place = torch.zeros_like(q), torch.zeros_like(colour), torch.zeros_like(place)
        for dy, dx in ctx.where:
            if abs(dy) >= height or abs(dx) >= width:
                continue
            (ys, xs), (yt, xt) = _views(height, width, dy, dx)
            far = dy * dy + dx * dx
            weight, unlike = _weight(looks, valid, colour, place, (ys, xs), (yt, xt), far)
            of_q[:, yt, xt].addcmul_(scaled[:, ys, xs], weight)
            of_weight = ((scaled[:, ys, xs] * q[:, yt, xt]).sum(0) - own[ys, xs]) * weight
            of_colour -= (of_weight * unlike).sum()
            of_place -= of_weight.sum() * far
        return of_q, None, None, of_colour, of_place, None


def _weight(
    looks: torch.Tensor,
    valid: torch.Tensor,
    colour: torch.Tensor,
    place: torch.Tensor,
    here: tuple[slice, slice],
    there: tuple[slice, slice],
    far_px2: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(d(j, z), ‖ΔI‖²) of all pixels and their neighbour in one direction."""
    unlike = (looks[(slice(None), *here)] - looks[(slice(None), *there)]).square().sum(0)
    return torch.exp(-colour * unlike - place * far_px2) * valid[there], unlike


class MrfLayers(nn.Module):
    """The layers b12 to b15 for a number of classes; what is learnt starts as Potts."""

    def __init__(self, classes: int, parameters: MrfParameters | None = None) -> None:
        super().__init__()
        self.given = given = parameters or MrfParameters()
        self.classes = classes
        self.log_colour = nn.Parameter(torch.tensor(-math.log(2 * given.theta_beta**2)))
        self.log_place = nn.Parameter(torch.tensor(-math.log(2 * given.theta_px**2)))
        patterns = _patterns(given)
        potts = given.context_weight * (1 - torch.eye(classes))
        self.contexts = nn.Parameter(torch.einsum("uv,kyx->ukvyx", potts, patterns).flatten(0, 1).contiguous())

    def forward(self, logits: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, H, W) and the images (N, B, H, W) in 0 … 255 to refined logits (N, K, H, W)."""
        return torch.stack([self.scores(a, b) for a, b in zip(logits, image, strict=True)])

    def scores(
        self,
        logits: torch.Tensor,
        image: torch.Tensor,
        valid: torch.Tensor | None = None,
        progress: ProgressSink | None = None,
        cancel: Cancel = NEVER,
    ) -> torch.Tensor:
        """Refined logits (K, H, W) of one image (B, H, W); pixels that are not *valid* (H, W) bool have no say."""
        counts = torch.ones_like(logits[0]) if valid is None else valid.to(logits.dtype)
        looks, where = image.to(logits.dtype), offsets(self.given)
        unary = logits.log_softmax(0)
        scores = unary
        for step in range(self.given.iterations):
            check(cancel)
            q = scores.softmax(0)
            agreed = _LocalFilter.apply(q, looks, counts, self.log_colour.exp(), self.log_place.exp(), where)
            check(cancel)
            triple = (q * agreed + _EPSILON).sqrt() * counts
            scores = unary - self._penalty(triple)
            if progress is not None:
                progress(step + 1, self.given.iterations, "Refining")
        return scores

    def _penalty(self, triple: torch.Tensor) -> torch.Tensor:
        """(K, H, W): what it costs each pixel to be of each class."""
        half = self.given.context_px // 2
        cost = F.conv2d(F.pad(triple[None], (half,) * 4, mode="replicate"), self.contexts)[0]
        return cost.reshape(self.classes, self.given.contexts, *triple.shape[1:]).amin(dim=1)


class UntrainedLayers(MrfLayers):
    """The same before anything is learnt, quicker: where all other classes cost the same, each class needs its own map only."""

    def _penalty(self, triple: torch.Tensor) -> torch.Tensor:
        half, count = self.given.context_px // 2, triple.shape[0] + 1
        maps = F.pad(torch.cat([triple, triple.sum(0, keepdim=True)])[None], (half,) * 4, mode="replicate")
        filters = _patterns(self.given).to(triple)[:, None]
        found: torch.Tensor | None = None
        for pattern in filters:
            around = F.conv2d(maps, pattern.expand(count, 1, -1, -1), groups=count)[0]
            cost = around[-1:] - around[:-1]
            found = cost if found is None else torch.minimum(found, cost)
        assert found is not None
        return self.given.context_weight * found


def _patterns(given: MrfParameters) -> torch.Tensor:
    """(patterns, side, side), each summing to 1: all around, a row, a column, two diagonals, and so on again."""
    side = given.context_px
    at = torch.arange(side) - side // 2
    y, x = torch.meshgrid(at, at, indexing="ij")
    sigma = max(1.0, side / 5)
    around = torch.exp(-(y * y + x * x) / (2 * sigma * sigma))
    chosen = [torch.ones_like(around), y == 0, x == 0, y == x, y == -x]
    patterns = torch.stack([around * chosen[k % len(chosen)] for k in range(given.contexts)])
    return patterns / patterns.sum((1, 2), keepdim=True)


def deep_parsing(
    probabilities: torch.Tensor,
    image: torch.Tensor,
    parameters: MrfParameters | None = None,
    *,
    valid: torch.Tensor | None = None,
    progress: ProgressSink | None = None,
    cancel: Cancel = NEVER,
) -> torch.Tensor:
    """Probabilities (K, H, W) refined by untrained layers along *image* (B, H, W), values 0 … 255; (K, H, W) again.

    Pixels that are not *valid* (H, W) bool neither change nor speak.

    Raises
    ------
    ValueError
        When sizes differ.
    Cancelled
        When *cancel* is set, between two layers.
    """
    if probabilities.shape[1:] != image.shape[1:]:
        raise ValueError(f"probabilities of {tuple(probabilities.shape[1:])} and an image of {tuple(image.shape[1:])}")
    layers = UntrainedLayers(probabilities.shape[0], parameters).to(probabilities.device)
    with torch.inference_mode():
        logits = probabilities.float().clamp(min=SMALLEST).log()
        refined = layers.scores(logits, image, valid, progress, cancel).softmax(0)
        return refined if valid is None else torch.where(valid, refined, probabilities.float())
