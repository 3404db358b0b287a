"""Paths along edges known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.scissors import LivePath, smoothed, strongest_edge_near


def box_picture(low: int, high: int) -> np.ndarray:
    """(100, 120, 3) uint8: a bright rectangle, columns 30 … 89 and rows 20 … 69."""
    pixels = np.full((100, 120, 3), low, np.uint8)
    pixels[20:70, 30:90] = high
    return pixels


@pytest.mark.parametrize(("low", "high"), [(40, 220), (100, 112)])
def test_the_path_goes_round_the_corner_along_the_edge(low: int, high: int) -> None:
    """From the middle of the left side to the middle of the top: not straight across, strong edge or faint."""
    live = LivePath(box_picture(low, high), (30, 50))
    path = live.path_to((60, 20))
    assert tuple(path[0]) == (30, 50) and tuple(path[-1]) == (60, 20)
    assert np.abs(np.diff(path, axis=0)).max() == 1
    from_edge = np.minimum(np.abs(path[:, 0] - 29.5), np.abs(path[:, 1] - 19.5))
    assert from_edge.max() <= 1.5
    assert np.hypot(*(path - (30, 20)).T).min() <= 2


def test_paths_from_one_seed_are_many_and_points_outside_come_in() -> None:
    live = LivePath(box_picture(40, 220), (-5, 500))
    assert live.seed_xy == (0, 99)
    assert live.path_to((0, 99)).tolist() == [[0, 99]]
    assert tuple(live.path_to((500, -9))[-1]) == (119, 0)
    assert len(live.path_to((89, 40))) >= 89


def test_a_flat_picture_gives_a_short_path() -> None:
    path = LivePath(np.full((60, 60, 3), 90, np.uint8), (5, 5)).path_to((50, 5))
    assert tuple(path[0]) == (5, 5) and tuple(path[-1]) == (50, 5) and len(path) < 60


def test_rounding_off_keeps_the_ends_and_moves_nothing_far() -> None:
    stairs = np.array([[0, 0], [1, 0], [1, 1], [2, 1], [2, 2], [3, 2]])
    out = smoothed(stairs)
    assert out[0].tolist() == [0, 0] and out[-1].tolist() == [3, 2]
    assert np.abs(out - stairs).max() <= 0.5
    assert np.abs(out[1:-1, 0] - out[1:-1, 1] - 0.5).max() < 1e-9
    assert smoothed(stairs[:2]).tolist() == [[0, 0], [1, 0]]


def test_a_click_snaps_to_the_edge_within_reach_only() -> None:
    pixels = box_picture(40, 220)
    assert strongest_edge_near(pixels, (33, 45), 6)[0] in (29, 30)
    assert strongest_edge_near(pixels, (33, 45), 6)[1] == 45
    assert strongest_edge_near(pixels, (45, 45), 6) == (45, 45)
    assert strongest_edge_near(pixels, (-9, 400), 6) == (0, 99)
    random = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    for x, y in ((3, 3), (20, 20), (39, 0)):
        found = strongest_edge_near(random, (x, y), 5)
        assert np.hypot(found[0] - x, found[1] - y) <= 5
