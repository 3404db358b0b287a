"""Superpixels: what they are, and that picking them is exact."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.geometry import Rect
from segstudio.core.regions import components
from segstudio.core.superpixels import SuperpixelMap, superpixels


def scene(contrast: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(120, 160, 3) uint8 with a disc, and the disc."""
    rows, columns = np.mgrid[:120, :160]
    disc = np.hypot(columns - 70.5, rows - 60.5) <= 35
    pixels = np.where(disc[..., None], (180, 140, 100), (60, 90, 130)).astype(float)
    pixels = 110 + (pixels - 110) * contrast + np.random.default_rng(0).normal(0, 3 * contrast, pixels.shape)
    return np.clip(pixels.round(), 0, 255).astype(np.uint8), disc


@pytest.mark.parametrize("contrast", [1.0, 0.15])
def test_they_are_connected_cover_all_and_follow_edges(contrast: float) -> None:
    rgb, disc = scene(contrast)
    labels = superpixels(rgb, 12)
    assert labels.shape == disc.shape and labels.dtype == np.int32
    assert sorted(np.unique(labels)) == list(range(labels.max() + 1))
    assert 0.5 * 120 * 160 / 144 < labels.max() + 1 < 1.5 * 120 * 160 / 144
    for one in range(labels.max() + 1):
        assert len(components(labels == one, connectivity=4)) == 1
    # Giving each superpixel wholly to disc or ground makes few errors.
    share = np.bincount(labels.ravel(), disc.ravel()) / np.bincount(labels.ravel())
    assert np.mean((share > 0.5)[labels] != disc) < 0.01


def test_size_decides_how_many_and_grey_or_flat_pictures_work() -> None:
    rgb, _ = scene()
    assert superpixels(rgb, 8).max() > 2 * superpixels(rgb, 16).max() > 4 * superpixels(rgb, 40).max()
    grey = np.repeat(rgb[..., :1], 3, axis=2)
    assert superpixels(grey, 12).max() > 60
    assert superpixels(np.zeros((50, 60, 3), np.uint8), 10).shape == (50, 60)
    assert not superpixels(rgb[:5, :5], 40).any()


def test_compact_ones_are_squares_and_loose_ones_are_not() -> None:
    rgb, disc = scene()

    def error(compactness: float) -> float:
        labels = superpixels(rgb, 14, compactness)
        share = np.bincount(labels.ravel(), disc.ravel()) / np.bincount(labels.ravel())
        return float(np.mean((share > 0.5)[labels] != disc))

    assert error(1000) > 3 * error(10)


@pytest.mark.parametrize("rect", [Rect(0, 0, 40, 30), Rect(100, 50, 40, 30), Rect(7, 3, 93, 77), Rect(0, 0, 17, 11)])
def test_masks_in_image_pixels_are_those_of_a_look_up_pixel_by_pixel(rect: Rect) -> None:
    labels = np.random.default_rng(1).integers(0, 9, (6, 8)).astype(np.int32).repeat(5, 0).repeat(5, 1)
    chart = SuperpixelMap(labels, rect)
    wanted = np.full((200, 200), -1)
    for y in range(rect.y, rect.bottom):
        for x in range(rect.x, rect.right):
            row = (2 * (y - rect.y) + 1) * 30 // (2 * rect.height)
            wanted[y, x] = labels[row, (2 * (x - rect.x) + 1) * 40 // (2 * rect.width)]
            assert chart.id_at(x + 0.5, y + 0.5) == wanted[y, x]
    for ids in ([0], [3], [1, 4, 8], [77], []):
        mask, box = chart.mask_of(ids)
        found = np.zeros((200, 200), bool)
        found[box.slices] = mask
        np.testing.assert_array_equal(found, np.isin(wanted, ids))
    assert chart.id_at(rect.x - 0.1, rect.y) == -1 and chart.id_at(rect.right, rect.y) == -1


def test_outlines_are_where_neighbours_differ() -> None:
    labels = np.zeros((6, 7), np.int32)
    labels[2:4, 3:5] = 1
    found = SuperpixelMap(labels, Rect(0, 0, 7, 6)).outlines()
    wanted = np.zeros((6, 7), bool)
    for y in range(6):
        for x in range(7):
            right = x + 1 < 7 and labels[y, x] != labels[y, x + 1]
            below = y + 1 < 6 and labels[y, x] != labels[y + 1, x]
            wanted[y, x] = right or below
    np.testing.assert_array_equal(found, wanted)


def test_a_fast_line_misses_none() -> None:
    labels = (np.arange(40)[:, None] // 4 * 10 + np.arange(40)[None] // 4).astype(np.int32)
    chart = SuperpixelMap(labels, Rect(0, 0, 80, 80)).with_boxes()
    assert chart.ids_along((1, 1), (79, 1)) == list(range(10))
    assert chart.ids_along((-50, 41), (200, 41)) == list(range(50, 60))
    assert chart.ids_along((5, 5), (5, 5)) == [0]
