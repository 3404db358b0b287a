"""Pieces moved, scaled and rotated, against a pixel-by-pixel truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer, Segment
from segstudio.core.pieces import Placement, piece_at, placed, rotated_to, scaled_by_handle, segment_mask

BOUNDS = Rect(0, 0, 120, 90)


def whole(mask: np.ndarray, placement: Placement, bounds: Rect = BOUNDS) -> np.ndarray:
    out = np.zeros((bounds.height, bounds.width), bool)
    found, rect = placed(mask, placement, bounds)
    assert found.shape == (rect.height, rect.width)
    out[rect.slices] = found
    return out


def truth(mask: np.ndarray, p: Placement) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel's centre taken back into the mask; and which centres lie too near to a rim of a pixel to tell."""
    height, width = mask.shape
    angle = math.radians(p.angle_deg)
    out = np.zeros((BOUNDS.height, BOUNDS.width), bool)
    unsure = np.zeros_like(out)
    for y, x in np.ndindex(out.shape):
        dx, dy = x + 0.5 - p.x, y + 0.5 - p.y
        u = (math.cos(angle) * dx + math.sin(angle) * dy) / p.scale_x + width / 2
        v = (-math.sin(angle) * dx + math.cos(angle) * dy) / p.scale_y + height / 2
        unsure[y, x] = min(abs(u - round(u)), abs(v - round(v))) < 0.004
        if 0 <= u < width and 0 <= v < height:
            out[y, x] = mask[math.floor(v), math.floor(u)]
    return out, unsure


def piece(height: int = 18, width: int = 25) -> np.ndarray:
    mask = np.random.default_rng(3).random((height, width)) < 0.6
    mask[0, 0] = mask[-1, -1] = True
    return mask


@pytest.mark.parametrize(
    "placement",
    [
        Placement(60, 45, 1.0, 1.0, 33.0),
        Placement(60, 45, 2.3, 0.7, 0.0),
        Placement(50.4, 40.7, -1.5, 1.2, 145.0),
        Placement(5, 85, 2.0, 2.0, -70.0),
        Placement(60, 45, 0.3, 0.3, 10.0),
    ],
)
def test_a_changed_piece_is_the_brute_force_one(placement: Placement) -> None:
    mask = piece()
    expected, unsure = truth(mask, placement)
    assert expected.any()
    np.testing.assert_array_equal(whole(mask, placement)[~unsure], expected[~unsure])


@given(st.integers(-40, 140), st.integers(-40, 120))
def test_moving_is_exact_and_clipped(x: int, y: int) -> None:
    mask = piece()
    expected = np.zeros((300, 300), bool)
    expected[100 + y : 118 + y, 100 + x : 125 + x] = mask
    found = whole(mask, Placement.resting(Rect(x, y, 25, 18)))
    np.testing.assert_array_equal(found, expected[100:190, 100:220])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_lose_no_pixel_and_turn_clockwise(quarters: int) -> None:
    mask = piece(20, 24)
    placement = Placement(60, 45, angle_deg=90.0 * quarters)
    found = whole(mask, placement)
    expected = np.rot90(mask, -quarters)
    height, width = expected.shape
    np.testing.assert_array_equal(
        found[45 - height // 2 : 45 + height // 2, 60 - width // 2 : 60 + width // 2], expected
    )
    assert found.sum() == mask.sum()
    assert placement.to_image(10, 0) == pytest.approx({1: (60, 55), 2: (50, 45), 3: (60, 35)}[quarters])


def test_a_piece_beyond_the_image_is_empty() -> None:
    for placement in (Placement(500, 500), Placement(500, 500, 1.5, 1.5, 20)):
        mask, rect = placed(piece(), placement, BOUNDS)
        assert rect.is_empty and not mask.size


def test_a_handle_moves_its_side_and_the_opposite_one_stays() -> None:
    start = Placement.resting(Rect(20, 30, 40, 20))
    changed = scaled_by_handle(start, (40, 20), (1, 0), (100, 7))
    assert (changed.scale_x, changed.scale_y) == (2.0, 1.0)
    assert changed.corners_xy(40, 20)[0] == pytest.approx((20, 30))
    assert changed.corners_xy(40, 20)[2] == pytest.approx((100, 50))
    alike = scaled_by_handle(start, (40, 20), (-1, -1), (40, 25), keeps_ratio=True)
    assert alike.scale_x == alike.scale_y == pytest.approx(1.25)
    assert alike.corners_xy(40, 20)[2] == pytest.approx((60, 50))
    mirrored = scaled_by_handle(start, (40, 20), (1, 0), (10, 0))
    assert mirrored.scale_x == pytest.approx(-0.25)


@given(
    st.floats(-170, 170), st.sampled_from([(1, 1), (-1, 1), (0, -1), (1, 0)]), st.floats(-50, 200), st.floats(-50, 200)
)
def test_the_opposite_side_stays_at_any_angle(angle: float, handle: tuple[int, int], x: float, y: float) -> None:
    start = Placement(60, 45, 1.5, 0.8, angle)
    changed = scaled_by_handle(start, (40, 20), handle, (x, y))
    fixed = (-handle[0] * 20, -handle[1] * 10)
    assert changed.to_image(*fixed) == pytest.approx(start.to_image(*fixed), abs=1e-6)
    assert changed.angle_deg == angle


def test_rotation_snaps_to_steps() -> None:
    start = Placement(0, 0)
    assert rotated_to(start, (0, -10), (10, 0)).angle_deg == pytest.approx(90)
    assert rotated_to(start, (0, -10), (3, -10), step_deg=15).angle_deg == 15
    assert rotated_to(Placement(0, 0, angle_deg=170), (0, -10), (10, -10)).angle_deg == pytest.approx(-145)


def test_what_lies_under_a_point() -> None:
    layer = LabelLayer(1, 1, "labels", "labels", 600, 300)
    layer.put_segment(1, Segment(1, 1))
    layer.put_segment(2, Segment(2, 1, is_object=True))
    transaction = Transaction(layer, "test")
    square = np.ones((20, 20), bool)
    for x, segment_id in ((10, 1), (100, 1), (200, 2), (400, 2)):
        transaction.paint(square, x, 10, segment_id)
    transaction.paint(np.ones((1, 1), bool), 30, 30, 1)  # touches the first by a corner
    transaction.commit()
    mask, rect, segment_id = piece_at(layer, 15.5, 15.5)
    assert segment_id == 1 and rect == Rect(10, 10, 21, 21) and mask.sum() == 401
    mask, rect, segment_id = piece_at(layer, 410, 15)
    assert segment_id == 2 and rect == Rect(200, 10, 220, 20) and mask.sum() == 800
    assert piece_at(layer, 300, 15)[2] == 0 and piece_at(layer, -5, 15)[2] == 0
    mask, rect = segment_mask(layer, frozenset((1,)))
    assert rect == Rect(10, 10, 110, 21) and mask.sum() == 801
