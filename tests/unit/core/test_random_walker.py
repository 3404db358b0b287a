"""The random walker against the linear system solved directly."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled
from segstudio.core.random_walker import random_walker


def direct(rgb: np.ndarray, fg: np.ndarray, bg: np.ndarray, beta: float) -> np.ndarray:
    """The definition, edge by edge: each free pixel is the weighted mean of its neighbours."""
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve

    height, width = fg.shape
    values = rgb.astype(float)
    variance = values.reshape(-1, 3).var(axis=0).sum() + 1e-6
    matrix = lil_matrix((height * width, height * width))
    right = np.zeros(height * width)
    for y in range(height):
        for x in range(width):
            here = y * width + x
            if fg[y, x] or bg[y, x]:
                matrix[here, here] = 1
                right[here] = float(fg[y, x])
                continue
            for ny, nx in ((y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x)):
                if 0 <= ny < height and 0 <= nx < width:
                    away = ((values[y, x] - values[ny, nx]) ** 2).sum()
                    weight = np.exp(-beta * away / (10 * variance)) + 1e-4
                    matrix[here, here] += weight
                    matrix[here, ny * width + nx] -= weight
    return spsolve(matrix.tocsr(), right).reshape(height, width)


@pytest.mark.parametrize("shape", [(9, 14), (97, 101)])
def test_it_solves_its_equations(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    rgb = random.integers(0, 60, (*shape, 3)).astype(np.uint8)
    rgb[:, shape[1] // 2 :] += 90
    fg, bg = np.zeros(shape, bool), np.zeros(shape, bool)
    fg[shape[0] // 2, 1:4] = True
    bg[1:4, -2] = True
    wanted = direct(rgb, fg, bg, 20.0)
    found = random_walker(rgb, fg, bg, beta=20.0, tolerance=1e-6)
    assert found.dtype == np.float32
    # float32 and a residual that is not zero leave the values near; what counts is the side of one half.
    np.testing.assert_allclose(found, wanted, atol=0.02)
    unsure = np.abs(wanted - 0.5) < 0.01
    np.testing.assert_array_equal((found > 0.5)[~unsure], (wanted > 0.5)[~unsure])


def test_an_edge_holds_the_walker_and_marks_keep_their_sides() -> None:
    rgb = np.full((120, 160, 3), 30, np.uint8)
    rgb[:, 100:] = 200
    fg, bg = np.zeros((120, 160), bool), np.zeros((120, 160), bool)
    fg[60, 5:8] = True
    bg[60, 155] = True
    found = random_walker(rgb, fg, bg)
    np.testing.assert_array_equal(found > 0.5, rgb[..., 0] == 30)
    bg[60, 5] = True  # a pixel with both marks is foreground
    assert random_walker(rgb, fg, bg)[60, 5] == 1


def test_it_needs_both_marks_and_ends_when_told() -> None:
    rgb = np.zeros((20, 20, 3), np.uint8)
    none, some = np.zeros((20, 20), bool), np.eye(20, dtype=bool)
    with pytest.raises(ValueError, match="mark"):
        random_walker(rgb, some, none)
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        random_walker(rgb, some, np.fliplr(some), cancel=token)
