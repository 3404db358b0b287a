"""A Gaussian over positions alone: on the grid of the pixels it is two short convolutions, exact and quicker than a lattice."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F  # noqa: N812

GRID_SIGMA_PX = 3.0
"""Up to this width convolutions are quicker; a lattice over wider kernels has few points."""
_REACH_SIGMAS = 5
"""Beyond it the kernel is below 4e-6."""


class GridFilter:
    """The kernel exp(−½ |p_i − p_j|² / σ²) over the pixels of *valid* (H, W) bool (None: all), applied to values (N, K)."""

    def __init__(self, size: tuple[int, int], sigma_px: float, valid: torch.Tensor | None = None) -> None:
        self._size = size
        self._valid = None if valid is None else valid.reshape(-1)
        self._radius = math.ceil(_REACH_SIGMAS * sigma_px)
        at = torch.arange(-self._radius, self._radius + 1, dtype=torch.float64)
        self._taps = torch.exp(-0.5 * (at / sigma_px).square())

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """(N, K) to (N, K): each row the sum of all rows, weighed by the kernel."""
        grid = values
        if self._valid is not None:
            grid = values.new_zeros(self._valid.shape[0], values.shape[1])
            grid[self._valid] = values
        classes, taps = values.shape[1], self._taps.to(values)
        # (H·W, K) seen as an image whose channels lie last in memory, as convolutions like it.
        image = grid.reshape(1, *self._size, classes).permute(0, 3, 1, 2)
        radius = self._radius
        rows = F.conv2d(image, taps.reshape(1, 1, -1, 1).repeat(classes, 1, 1, 1), padding=(radius, 0), groups=classes)
        both = F.conv2d(rows, taps.reshape(1, 1, 1, -1).repeat(classes, 1, 1, 1), padding=(0, radius), groups=classes)
        found = both.permute(0, 2, 3, 1).reshape(-1, classes)
        return found if self._valid is None else found[self._valid]

    def transposed(self, values: torch.Tensor) -> torch.Tensor:
        """The adjoint, which is the filter itself."""
        return self(values)
