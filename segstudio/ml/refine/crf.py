"""Fully connected CRF (Krähenbühl, Koltun 2011, arXiv:1210.5644): mean field over every pair of pixels.

Each iteration filters the current beliefs by the two kernels, weighs them (Potts: classes do not like other classes), adds the
unary scores, and normalises. Kernels are normalised symmetrically, D^−½ K D^−½, as in the authors' code. As layers with
trainable weights and compatibility the same steps are CRF-as-RNN (Zheng et al. 2015, arXiv:1502.03240).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.ml.refine.grid import GRID_SIGMA_PX, GridFilter
from segstudio.ml.refine.lattice import GaussianFilter
from segstudio.ml.refine.parameters import CrfParameters

if TYPE_CHECKING:
    from segstudio.core.progress import ProgressSink

SMALLEST = 1e-5
"""Probabilities are kept away from nought, so that no class is ruled out for good."""

WIDE_ROW = 16
"""torch's softmax over shorter rows takes four times as long as its parts one after another."""


class _Apply(torch.autograd.Function):
    """The filter as a layer: its gradient is the adjoint filter."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, kernel: NormalisedKernel) -> torch.Tensor:
        """(N, K) to (N, K)."""
        ctx.kernel = kernel
        return kernel.apply_to(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The adjoint; the kernel has no gradient."""
        return ctx.kernel.apply_to(gradients[0], is_adjoint=True), None


class NormalisedKernel:
    """D^−½ K D^−½ of a Gaussian filter over as many points as *ones* (N, 1) has."""

    def __init__(self, gaussian: GaussianFilter | GridFilter, ones: torch.Tensor) -> None:
        self._filter = gaussian
        self._scale = gaussian(ones).clamp(min=1e-20).rsqrt()

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Filter (N, K) values; gradients flow through them."""
        result: torch.Tensor = _Apply.apply(values, self)
        return result

    def apply_to(self, values: torch.Tensor, *, is_adjoint: bool = False) -> torch.Tensor:
        """The same without a gradient."""
        scaled = values * self._scale
        return (self._filter.transposed(scaled) if is_adjoint else self._filter(scaled)) * self._scale


def kernels(
    image: torch.Tensor, parameters: CrfParameters, valid: torch.Tensor | None = None, cancel: Cancel = NEVER
) -> tuple[NormalisedKernel, NormalisedKernel]:
    """(appearance, smoothness) kernels of an image (B, H, W) in steps of 0 … 255; over the pixels of *valid* (H, W) bool."""
    bands, height, width = image.shape
    kind = image.dtype if image.dtype == torch.float64 else torch.float32
    y, x = torch.meshgrid(
        torch.arange(height, device=image.device, dtype=kind),
        torch.arange(width, device=image.device, dtype=kind),
        indexing="ij",
    )
    place = torch.stack([x, y], dim=-1).reshape(-1, 2)
    looks = image.to(kind).reshape(bands, -1).T
    if valid is not None:
        place, looks = place[valid.reshape(-1)], looks[valid.reshape(-1)]
    ones = torch.ones(place.shape[0], 1, dtype=kind, device=image.device)
    check(cancel)
    appearance = torch.cat([place / parameters.theta_alpha_px, looks / parameters.theta_beta], dim=1)
    far = NormalisedKernel(GaussianFilter(appearance, cancel=cancel), ones)
    check(cancel)
    if parameters.theta_gamma_px <= GRID_SIGMA_PX:
        return far, NormalisedKernel(GridFilter((height, width), parameters.theta_gamma_px, valid), ones)
    return far, NormalisedKernel(GaussianFilter(place / parameters.theta_gamma_px, cancel=cancel), ones)


def dense_crf(
    probabilities: torch.Tensor,
    image: torch.Tensor,
    parameters: CrfParameters | None = None,
    *,
    valid: torch.Tensor | None = None,
    progress: ProgressSink | None = None,
    cancel: Cancel = NEVER,
) -> torch.Tensor:
    """Probabilities (K, H, W) of a model, made to follow the edges of *image* (B, H, W), values 0 … 255; (K, H, W) again.

    Pixels that are not *valid* (H, W) bool neither change nor speak.

    Raises
    ------
    ValueError
        When sizes differ.
    Cancelled
        When *cancel* is set, between two iterations.
    """
    if probabilities.shape[1:] != image.shape[1:]:
        raise ValueError(f"probabilities of {tuple(probabilities.shape[1:])} and an image of {tuple(image.shape[1:])}")
    chosen = parameters or CrfParameters()
    classes = probabilities.shape[0]
    unary = probabilities.float().clamp(min=SMALLEST).log().reshape(classes, -1).T
    if valid is not None:
        unary = unary[valid.reshape(-1)]
    appearance, smoothness = kernels(image, chosen, valid, cancel)
    beliefs = unary.softmax(dim=1)
    for step in range(chosen.iterations):
        check(cancel)
        scores = appearance.apply_to(beliefs).mul_(chosen.appearance_weight)
        check(cancel)
        scores.add_(smoothness.apply_to(beliefs), alpha=chosen.smoothness_weight).add_(unary)
        beliefs = _normalised(scores)
        if progress is not None:
            progress(step + 1, chosen.iterations, "Refining")
    if valid is None:
        return beliefs.T.reshape(probabilities.shape)
    found = probabilities.float().clone().reshape(classes, -1)
    found[:, valid.reshape(-1)] = beliefs.T
    return found.reshape(probabilities.shape)


def _normalised(scores: torch.Tensor) -> torch.Tensor:
    """The softmax of each row of (N, K) *scores*, which are used up."""
    classes = scores.shape[1]
    if classes >= WIDE_ROW:
        return scores.softmax(dim=1)
    scores.sub_(scores.amax(dim=1, keepdim=True)).exp_()
    return scores.div_(scores @ scores.new_ones(classes, 1))


class CrfRnn(nn.Module):
    """CRF-as-RNN: mean field as a recurrent layer, with class-wise kernel weights and a compatibility that are learnt."""

    def __init__(self, classes: int, parameters: CrfParameters | None = None, iterations: int = 5) -> None:
        super().__init__()
        self.parameters_of_kernels = parameters or CrfParameters()
        self.iterations = iterations
        self.appearance = nn.Parameter(self.parameters_of_kernels.appearance_weight * torch.eye(classes))
        self.smoothness = nn.Parameter(self.parameters_of_kernels.smoothness_weight * torch.eye(classes))
        self.compatibility = nn.Parameter(-torch.eye(classes))

    def forward(self, logits: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, H, W) and the images (N, B, H, W) in 0 … 255 to refined logits (N, K, H, W)."""
        return torch.stack([self._one(a, b) for a, b in zip(logits, image, strict=True)])

    def _one(self, logits: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        classes = logits.shape[0]
        unary = logits.reshape(classes, -1).T
        appearance, smoothness = kernels(image, self.parameters_of_kernels)
        scores = unary
        for _ in range(self.iterations):
            beliefs = scores.softmax(dim=1)
            message = appearance(beliefs) @ self.appearance.T + smoothness(beliefs) @ self.smoothness.T
            scores = unary - message @ self.compatibility.T
        return scores.T.reshape(logits.shape)
