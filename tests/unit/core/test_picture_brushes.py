"""What the threshold and edge-aware brushes take of a dab, against definitions spelt out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from segstudio.core.brush import stroke_mask
from segstudio.core.edge_brush import SPECK_PX, color_at, edge_dab
from segstudio.core.value_range import in_range, range_of

RANDOM = np.random.default_rng(7)


def dab_of(size: float, side: int) -> np.ndarray:
    """(side, side) bool: a round dab in the middle."""
    mask, rect = stroke_mask([(side / 2, side / 2)], size)
    out = np.zeros((side, side), bool)
    out[rect.slices] = mask
    return out


def by_definition(rgb: np.ndarray, dab: np.ndarray, xy: tuple[int, int], tolerance: float) -> np.ndarray:
    color = color_at(rgb, *xy).astype(int)
    like = np.abs(rgb.astype(int) - color).max(axis=-1) <= tolerance
    like[xy[1], xy[0]] = True
    numbers, _ = ndimage.label(like & dab)
    region = numbers == numbers[xy[1], xy[0]]
    holes, count = ndimage.label(ndimage.binary_fill_holes(region) & ~region)
    for number in range(1, count + 1):
        if (holes == number).sum() <= SPECK_PX:
            region |= holes == number
    return region


@pytest.mark.parametrize("noise", [0, 6, 14, 40])
def test_edge_dab_is_what_its_definition_says(noise: float) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        scene = np.full((64, 64, 3), 90.0)
        scene[:, 40:] = (160, 90, 70)
        scene[20:26, 10:30] = 150
        rgb = np.clip(scene + random.normal(0, noise, scene.shape), 0, 255).astype(np.uint8)
        dab = dab_of(50, 64)
        found = edge_dab(rgb, dab, (32, 32), 30)
        np.testing.assert_array_equal(found, by_definition(rgb, dab, (32, 32), 30))
        assert not (found & ~dab).any()


def test_it_stops_at_an_edge_to_the_pixel_and_at_a_thin_line() -> None:
    rgb = np.full((60, 60, 3), 100, np.uint8)
    rgb[:, 38:] = 140
    dab = dab_of(50, 60)
    np.testing.assert_array_equal(edge_dab(rgb, dab, (30, 30), 20), dab & (np.arange(60) < 38))
    np.testing.assert_array_equal(edge_dab(rgb, dab, (30, 30), 45), dab)
    rgb[:] = 100
    rgb[np.arange(60), np.clip(np.arange(60) + 6, 0, 59)] = 30  # a diagonal membrane of one pixel
    y, x = np.mgrid[:60, :60]
    np.testing.assert_array_equal(edge_dab(rgb, dab, (30, 30), 20), dab & (x < y + 6))


def test_a_colour_kept_from_the_first_press_paints_nothing_elsewhere() -> None:
    rgb = np.full((40, 40, 3), 100, np.uint8)
    rgb[:, 20:] = 160
    dab = dab_of(30, 40)
    color = np.array([100, 100, 100], np.uint8)
    assert not edge_dab(rgb, dab, (30, 20), 20, color).any()
    assert edge_dab(rgb, dab, (10, 20), 20, color).sum() == (dab & (np.arange(40) < 20)).sum()


def test_specks_are_painted_and_real_holes_are_not() -> None:
    rgb = np.full((60, 60, 3), 100, np.uint8)
    rgb[28:30, 20:24] = 200  # eight pixels
    rgb[36:39, 30:33] = 200  # nine
    dab = dab_of(50, 60)
    found = edge_dab(rgb, dab, (30, 30), 20)
    assert (dab & ~found).sum() == 9 and not found[36:39, 30:33].any()


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_in_range_by_definition(kind: type) -> None:
    values = RANDOM.normal(100, 40, (30, 40)).astype(kind)
    wanted = [[80 <= float(value) <= 120.5 for value in row] for row in values]
    np.testing.assert_array_equal(in_range(values, 80, 120.5), wanted)
    np.testing.assert_array_equal(in_range(values, 120.5, 80), wanted)


def test_in_range_ends_belong_to_it_and_nan_does_not() -> None:
    values = np.array([[0.1, np.nan, 0.3, np.inf]], np.float32)
    np.testing.assert_array_equal(in_range(values, 0.1, 0.3), [[True, False, True, False]])


def test_range_of_leaves_out_odd_pixels() -> None:
    values = np.linspace(10, 20, 100).reshape(10, 10)
    values[0, 0], values[5, 5] = -500, np.nan
    found = range_of(values)
    assert found is not None
    assert 10 <= found[0] < 10.5 and 19.5 < found[1] <= 20
    assert range_of(np.full((4, 4), np.nan)) is None
    where = np.zeros((10, 10), bool)
    where[0, 0] = True
    assert range_of(values, where) == (-500, -500)
