"""Whether two grids of voxels share their places, so that one is read as the other by turning axes alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.volumes import DisplayOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

TOLERANCE = 0.1
"""Of a voxel, at the corners: what rounding in headers makes, far below what moves a label."""


@dataclass(frozen=True)
class GridMatch:
    """``order`` turns the axes (x, y, z) of one grid into those of the other, ``offset`` is where it begins there, in voxels."""

    order: DisplayOrder
    offset: tuple[int, int, int]


def match_grids(
    onto: npt.ArrayLike, other: npt.ArrayLike, shape: Sequence[int], tolerance: float = TOLERANCE
) -> GridMatch | None:
    """How the grid of affine *other* and (x, y, z) *shape* lies in the grid of affine *onto*; None where it needs resampling."""
    change = np.linalg.inv(np.asarray(onto, np.float64)) @ np.asarray(other, np.float64)
    turned = np.rint(change[:3, :3])
    is_one = (np.abs(turned).sum(axis=0) == 1).all() and (np.abs(turned).sum(axis=1) == 1).all()
    if not np.isfinite(change).all() or not is_one:
        return None
    corners = np.array(list(product(*((0, max(0, side - 1)) for side in shape))), np.float64)
    exact = corners @ change[:3, :3].T + change[:3, 3]
    start = np.rint((exact - corners @ turned.T).mean(axis=0))
    rounded = corners @ turned.T + start
    if float(np.abs(exact - rounded).max()) > tolerance:
        return None
    axes = [int(np.flatnonzero(row)[0]) for row in turned]
    flips = [bool(turned[k, axis] < 0) for k, axis in enumerate(axes)]
    low = rounded.min(axis=0).astype(int).tolist()
    order = DisplayOrder((axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2]))
    return GridMatch(order, (low[0], low[1], low[2]))
