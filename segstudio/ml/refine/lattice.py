"""High-dimensional Gaussian filtering: exactly for few points, on the permutohedral lattice for many.

Adams, Baek, Davis 2010, «Fast High-Dimensional Filtering Using the Permutohedral Lattice»: points are spread over the corners of
the simplices they lie in (splat), the corners are blurred along each of the d + 1 axes, and read again (slice). Cost grows with
the number of points, not with its square.
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import torch

from segstudio.core.cancel import NEVER, Cancel, check

EXACT_POINTS = 1024
"""Up to so many points every pair is looked at: exact, and quicker than a lattice."""


class GaussianFilter:
    """The kernel exp(−½ |f_i − f_j|²) over *features* (N, d) float, applied to values (N, K).

    Linear and symmetric in exact form; on a lattice :meth:`transposed` is the adjoint, which gradients need. Works on the
    features' device.
    """

    def __init__(self, features: torch.Tensor, *, exact_points: int = EXACT_POINTS, cancel: Cancel = NEVER) -> None:
        self.count = features.shape[0]
        self._kernel: torch.Tensor | None = None
        if self.count <= exact_points:
            self._kernel = torch.exp(-0.5 * torch.cdist(features.double(), features.double()).square()).to(
                features.dtype
            )
            return
        corners, weights = _simplices(features)
        check(cancel)
        codes, self._splat, self._slice = _matrices(corners, weights)
        check(cancel)
        self._neighbours = _neighbours(codes, features.shape[1])
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
    """(d, d + 1, N) int32 corners of the simplex each point lies in, (d + 1, N) barycentric weights."""
    count, d = features.shape
    scaled = features.T * ((d + 1) * (2 / 3) ** 0.5)
    # Onto the plane of d + 1 coordinates that sum to nought.
    elevated = features.new_zeros(d + 1, count)
    after = features.new_zeros(count)
    for axis in range(d, 0, -1):
        along = scaled[axis - 1] / (axis * (axis + 1)) ** 0.5
        elevated[axis] = after - axis * along
        after = after + along
    elevated[0] = after
    nearest = torch.round(elevated / (d + 1))
    rest = elevated - nearest * (d + 1)
    # How many coordinates have a larger rest: for so few, comparing each pair is quicker than sorting.
    rank = nearest.sum(dim=0).int().repeat(d + 1, 1)
    for i in range(d):
        for j in range(i + 1, d + 1):
            is_less = rest[i] < rest[j]
            rank[i] += is_less
            rank[j] += ~is_less
    turn = (rank < 0).int() - (rank > d).int()
    nearest += turn
    rank += (d + 1) * turn
    rest = elevated / (d + 1) - nearest
    weights = features.new_zeros(d + 2, count)
    place = rank.long()
    weights.scatter_add_(0, d - place, rest)
    weights.scatter_add_(0, d + 1 - place, -rest)
    weights[0] += 1 + weights[d + 1]
    base = nearest[:d].int() * (d + 1)
    # Corner k adds k, or k − (d + 1) where the rank is past d − k.
    corners = torch.stack([base + (k - (d + 1) * (rank[:d] > d - k).int()) for k in range(d + 1)], dim=1)
    return corners, weights[: d + 1]


def _coded(corners: torch.Tensor, low: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    """(d, …) corners as one number each."""
    code = (corners[0] - low[0]).long()
    for axis in range(1, corners.shape[0]):
        code.mul_(span[axis]).add_(corners[axis] - low[axis])
    return code


def _decoded(code: torch.Tensor, low: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    columns = []
    for axis in range(len(span) - 1, -1, -1):
        columns.append(code % span[axis] + low[axis])
        code = torch.div(code, span[axis], rounding_mode="floor")
    return torch.stack(columns[::-1])


def _neighbours(corners: torch.Tensor, d: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """For each axis the numbers (M,) of the corners (d, M) before and after; M where there is none."""
    low = corners.amin(dim=1) - (d + 1)
    span = corners.amax(dim=1) - low + d + 2
    own = _coded(corners, low, span)
    found = []
    for axis in range(d + 1):
        step = torch.ones(d, 1, dtype=corners.dtype, device=corners.device)
        if axis < d:
            step[axis] = -d
        found.append((_place(own, _coded(corners - step, low, span)), _place(own, _coded(corners + step, low, span))))
    return found


def _place(own: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    place = torch.searchsorted(own, wanted).clamp(max=own.shape[0] - 1)
    return torch.where(own[place] == wanted, place, torch.full_like(place, own.shape[0]))


def _matrices(corners: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, Any, Any]:
    """((d, M) distinct corners in order, the splat (M, N) and the slice (N, M) as sparse matrices)."""
    d, count = corners.shape[0], corners.shape[2]
    low = corners.amin(dim=(1, 2)) - (d + 1)
    span = corners.amax(dim=(1, 2)) - low + d + 2
    # One sort numbers the corners and puts the splat's entries in the order of its rows.
    code, order = _coded(corners, low, span).reshape(-1).sort()
    is_first = torch.ones_like(code, dtype=torch.bool)
    is_first[1:] = code[1:] != code[:-1]
    number = is_first.cumsum(0) - 1
    index = torch.empty_like(number).scatter_(0, order, number).reshape(d + 1, count)
    distinct = code[is_first]
    points = distinct.shape[0]
    begins = torch.cat([is_first.nonzero()[:, 0], order.new_tensor([order.shape[0]])])
    rows = torch.arange(0, count * (d + 1) + 1, d + 1, device=index.device)
    with warnings.catch_warnings():
        # torch calls its CSR matrices a beta; products with dense ones are all that is used here.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        splat = _csr(begins, order % count, weights.reshape(-1)[order], (points, count))
        slicing = _csr(rows, index.T.reshape(-1), weights.T.reshape(-1), (count, points))
    return _decoded(distinct, low, span), splat, slicing


def _csr(rows: torch.Tensor, columns: torch.Tensor, values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    kind = torch.int32 if columns.shape[0] < 2**31 else torch.int64
    return torch.sparse_csr_tensor(rows.to(kind), columns.to(kind), values, size, check_invariants=False)
