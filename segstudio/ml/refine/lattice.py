"""High-dimensional Gaussian filtering: exactly for few points, on the permutohedral lattice for many.

Adams, Baek, Davis 2010, «Fast High-Dimensional Filtering Using the Permutohedral Lattice»: points are spread over the corners of
the simplices they lie in (splat), the corners are blurred along each of the d + 1 axes, and read again (slice). Cost grows with
the number of points, not with its square.
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import torch

EXACT_POINTS = 4096
"""Up to so many points every pair is looked at: exact, and quicker than a lattice."""


class GaussianFilter:
    """The kernel exp(−½ |f_i − f_j|²) over *features* (N, d) float, applied to values (N, K).

    Linear and symmetric in exact form; on a lattice :meth:`transposed` is the adjoint, which gradients need. Works on the
    features' device.
    """

    def __init__(self, features: torch.Tensor, *, exact_points: int = EXACT_POINTS) -> None:
        self.count = features.shape[0]
        self._kernel: torch.Tensor | None = None
        if self.count <= exact_points:
            self._kernel = torch.exp(-0.5 * torch.cdist(features.double(), features.double()).square()).to(
                features.dtype
            )
            return
        corners, weights = _simplices(features)
        codes, index = _numbered(corners)
        self._points = codes.shape[0]
        self._neighbours = _neighbours(codes, features.shape[1])
        self._splat, self._slice = _matrices(index, weights, self._points)
        self._scale = 1 / (1 + 2.0 ** -features.shape[1])

    @property
    def is_exact(self) -> bool:
        """Whether every pair is looked at."""
        return self._kernel is not None

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """(N, K) to (N, K): each row the sum of all rows, weighed by the kernel."""
        return self._filter(values, is_adjoint=False)

    def transposed(self, values: torch.Tensor) -> torch.Tensor:
        """The adjoint of :meth:`__call__`."""
        return self._filter(values, is_adjoint=True)

    def _filter(self, values: torch.Tensor, *, is_adjoint: bool) -> torch.Tensor:
        if self._kernel is not None:
            return self._kernel @ values
        lattice = self._splat @ values
        # One row of nought stands for neighbours that are not there.
        lattice = torch.cat([lattice, lattice.new_zeros(1, lattice.shape[1])])
        axes = range(len(self._neighbours))
        for axis in reversed(axes) if is_adjoint else axes:
            before, after = self._neighbours[axis]
            blurred = lattice[:-1] + 0.5 * (lattice[before] + lattice[after])
            lattice = torch.cat([blurred, lattice[-1:]])
        return cast("torch.Tensor", self._slice @ lattice[:-1]) * self._scale


def _simplices(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, d + 1, d) integer corners of the simplex each point lies in, (N, d + 1) barycentric weights."""
    count, d = features.shape
    steps = torch.arange(1, d + 1, device=features.device, dtype=torch.float64)
    scaled = features.double() * ((d + 1) * (2 / 3) ** 0.5 / (steps * (steps + 1)).sqrt())
    # Onto the plane of d + 1 coordinates that sum to nought.
    after = torch.flip(torch.cumsum(torch.flip(scaled, [1]), dim=1), [1])
    elevated = torch.zeros(count, d + 1, dtype=torch.float64, device=features.device)
    elevated[:, 0] = after[:, 0]
    elevated[:, 1:] = -steps * scaled
    elevated[:, 1:-1] += after[:, 1:]
    nearest = torch.round(elevated / (d + 1))
    rest = elevated - nearest * (d + 1)
    order = torch.argsort(rest, dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(d + 1, device=order.device).expand(count, -1))
    rank = rank + nearest.sum(dim=1, keepdim=True).long()
    low, high = rank < 0, rank > d
    nearest = nearest + low.double() - high.double()
    rank = rank + (d + 1) * (low.long() - high.long())
    rest = (elevated - nearest * (d + 1)) / (d + 1)
    weights = torch.zeros(count, d + 2, dtype=torch.float64, device=features.device)
    weights.scatter_add_(1, d - rank, rest)
    weights.scatter_add_(1, d + 1 - rank, -rest)
    weights[:, 0] += 1 + weights[:, d + 1]
    base = (nearest * (d + 1)).long()
    colours = torch.arange(d + 1, device=features.device)
    # Corner k adds k, or k − (d + 1) where the rank is past d − k.
    shift = colours[None, :, None] - (d + 1) * (rank[:, None, :] > d - colours[None, :, None]).long()
    corners = base[:, None, :] + shift
    return corners[:, :, :d], weights[:, : d + 1].to(features.dtype)


def _numbered(corners: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(M, d) distinct corners in order, (N, d + 1) number of each point's."""
    flat = corners.reshape(-1, corners.shape[-1])
    low = flat.amin(dim=0) - (corners.shape[-1] + 1)
    span = flat.amax(dim=0) - low + corners.shape[-1] + 2
    code = _coded(flat, low, span)
    distinct, index = torch.unique(code, return_inverse=True)
    return _decoded(distinct, low, span), index.reshape(corners.shape[:2])


def _coded(corners: torch.Tensor, low: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    code = torch.zeros(corners.shape[0], dtype=torch.int64, device=corners.device)
    for axis in range(corners.shape[1]):
        code = code * span[axis] + (corners[:, axis] - low[axis])
    return code


def _decoded(code: torch.Tensor, low: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    columns = []
    for axis in range(len(span) - 1, -1, -1):
        columns.append(code % span[axis] + low[axis])
        code = torch.div(code, span[axis], rounding_mode="floor")
    return torch.stack(columns[::-1], dim=1)


def _neighbours(corners: torch.Tensor, d: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """For each axis the numbers (M,) of the corners before and after; M where there is none."""
    low = corners.amin(dim=0) - (d + 1)
    span = corners.amax(dim=0) - low + d + 2
    own = _coded(corners, low, span)
    found = []
    for axis in range(d + 1):
        step = torch.ones(d, dtype=torch.int64, device=corners.device)
        if axis < d:
            step[axis] = -d
        found.append((_place(own, _coded(corners - step, low, span)), _place(own, _coded(corners + step, low, span))))
    return found


def _place(own: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    place = torch.searchsorted(own, wanted).clamp(max=own.shape[0] - 1)
    return torch.where(own[place] == wanted, place, torch.full_like(place, own.shape[0]))


def _matrices(index: torch.Tensor, weights: torch.Tensor, points: int) -> tuple[Any, Any]:
    """The splat (M, N) and the slice (N, M) as sparse matrices."""
    count, corners = index.shape
    rows = torch.arange(0, count * corners + 1, corners, device=index.device)
    size = (count, points)
    with warnings.catch_warnings():
        # torch calls its CSR matrices a beta; products with dense ones are all that is used here.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        slicing = torch.sparse_csr_tensor(rows, index.reshape(-1), weights.reshape(-1), size, check_invariants=False)
        return slicing.to_sparse_coo().t().coalesce().to_sparse_csr(), slicing  # type: ignore[no-untyped-call]
