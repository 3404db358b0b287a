"""Shapes between planes, against shapes whose in-betweens are known."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.edits import Guard, Transaction
from segstudio.core.geometry import Rect
from segstudio.core.interpolation import (
    copy_plane,
    interpolate_planes,
    labelled_planes,
    shape_between,
    signed_distance,
)
from segstudio.core.layers import LabelLayer, Segment


def disc(x: float, y: float, radius: float, side: int = 100) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return np.hypot(columns - x, rows - y) <= radius


def layer(depth: int = 11, width: int = 300, height: int = 300) -> LabelLayer:
    made = LabelLayer(1, 1, "labels", "labels", width, height, depth)
    made.put_segment(1, Segment(1, 1))
    made.put_segment(2, Segment(2, 2))
    made.put_segment(3, Segment(3, 1, is_object=True))
    return made


def put(target: LabelLayer, z: int, mask: np.ndarray, segment_id: int, x: int = 0, y: int = 0) -> None:
    transaction = Transaction(target, "test")
    transaction.paint(mask, x, y, segment_id, z)
    transaction.commit()


def test_the_signed_distance_is_that_of_brute_force() -> None:
    mask = np.random.default_rng(1).random((12, 15)) < 0.4
    found = signed_distance(mask)
    padded = np.pad(mask, 1)
    ys, xs = np.nonzero(~padded)
    on_y, on_x = np.nonzero(padded)
    for y, x in np.ndindex(mask.shape):
        others = (ys, xs) if mask[y, x] else (on_y, on_x)
        distance = np.hypot(others[0] - y - 1, others[1] - x - 1).min() - 0.5
        assert found[y, x] == pytest.approx(distance if mask[y, x] else -distance, abs=1e-4)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_between_two_discs_the_radius_changes_evenly(share: float) -> None:
    found = shape_between(disc(50, 50, 10), disc(50, 50, 30), share)
    expected = disc(50, 50, 10 + 20 * share)
    assert np.count_nonzero(found ^ expected) <= 0.04 * np.count_nonzero(expected)


def test_the_ends_are_the_masks_themselves() -> None:
    random = np.random.default_rng(2)
    first = disc(40, 45, 18) & (random.random((100, 100)) < 0.97)
    second = disc(55, 50, 25)
    np.testing.assert_array_equal(shape_between(first, second, 0.0), first)
    np.testing.assert_array_equal(shape_between(first, second, 1.0), second)


def test_a_moving_disc_keeps_its_shape_although_its_ends_do_not_overlap() -> None:
    found = shape_between(disc(20, 30, 9), disc(60, 50, 9), 0.5)
    np.testing.assert_array_equal(found, disc(40, 40, 9))


def test_an_edge_that_stays_on_both_planes_stays_between_them() -> None:
    first, second = (np.zeros((100, 100), bool) for _ in range(2))
    first[20:40, 10:30] = True
    second[20:40, 10:70] = True
    found = shape_between(first, second, 0.5)
    assert not found[:, :9].any() and found[30, 11:49].all() and not found[:, 52:].any()
    assert not found[:20].any() and not found[40:].any()


def test_each_piece_goes_its_own_way_and_one_without_a_partner_tapers_off() -> None:
    first = disc(20, 20, 8) | disc(70, 20, 8) | disc(20, 80, 10)
    second = disc(30, 20, 8) | disc(80, 20, 8)
    found = shape_between(first, second, 0.5)
    np.testing.assert_array_equal(found[:50], (disc(25, 20, 8) | disc(75, 20, 8))[:50])
    left = found & disc(20, 80, 15)
    assert 0.15 * 314 < np.count_nonzero(left) < 0.4 * 314  # half the radius: a quarter of the area
    assert not (left & ~disc(20, 80, 10)).any()


def test_a_hole_stays_a_hole() -> None:
    ring = disc(50, 50, 30) & ~disc(50, 50, 12)
    found = shape_between(ring, ring, 0.5)
    np.testing.assert_array_equal(found, ring)


def test_planes_are_filled_between_the_nearest_labelled_ones_of_each_segment() -> None:
    target = layer()
    put(target, 0, disc(50, 50, 10), 1, 180, 180)  # over a seam of tiles
    put(target, 4, disc(50, 50, 30), 1, 180, 180)
    put(target, 10, disc(50, 50, 30), 1, 180, 180)
    put(target, 2, disc(20, 20, 6), 3)
    put(target, 8, disc(20, 20, 6), 3)
    assert list(labelled_planes(target, [1, 3])[1]) == [0, 4, 10]
    transaction = Transaction(target, "Interpolate")
    assert interpolate_planes(transaction, [1, 2, 3], around=2) == 7  # 1 to 3 of the first, 3 to 7 of the other
    edit = transaction.commit()
    assert edit is not None
    on = target.read(Rect(180, 180, 100, 100), 2) == 1
    assert np.count_nonzero(on ^ disc(50, 50, 20)) <= 0.04 * 1257
    np.testing.assert_array_equal(target.read(Rect(0, 0, 100, 100), 5) == 3, disc(20, 20, 6))
    assert not (target.read(target.bounds, 6) == 1).any()
    transaction = Transaction(target, "Interpolate")
    assert interpolate_planes(transaction, [1]) == 5
    transaction.abort()


def test_what_borders_the_plane_shown_is_filled_on_both_sides() -> None:
    target = layer()
    for z in (0, 4, 8):
        put(target, z, disc(50, 50, 10), 1)
    transaction = Transaction(target, "Interpolate")
    assert interpolate_planes(transaction, [1], around=4) == 6


def test_two_segments_share_a_plane_without_gap_or_overlap_and_the_guard_holds() -> None:
    target = layer(3)
    left = np.zeros((100, 100), bool)
    left[:, :50] = True
    for z in (0, 2):
        put(target, z, left, 1)
        put(target, z, ~left, 2)
    kept = np.zeros((100, 100), bool)
    kept[40:60, 40:60] = True
    put(target, 1, kept, 3)
    transaction = Transaction(target, "Interpolate", Guard("background"))
    interpolate_planes(transaction, [1, 2])
    expected = np.where(left, 1, 2)
    expected[kept] = 3
    np.testing.assert_array_equal(target.read(Rect(0, 0, 100, 100), 1), expected)


def test_a_plane_is_copied_by_segment_or_whole_and_the_guard_holds() -> None:
    target = layer(3)
    put(target, 0, disc(50, 50, 20), 1)
    put(target, 0, disc(50, 50, 5), 3)
    put(target, 1, disc(60, 50, 5), 2)
    transaction = Transaction(target, "Copy", Guard("background"))
    copy_plane(transaction, 0, 1, [1])
    expected = np.where(disc(50, 50, 20) & ~disc(50, 50, 5), 1, 0)
    expected[disc(60, 50, 5)] = 2
    np.testing.assert_array_equal(target.read(Rect(0, 0, 100, 100), 1), expected)
    transaction.abort()
    assert (target.read(Rect(0, 0, 100, 100), 1) == np.where(disc(60, 50, 5), 2, 0)).all()
    transaction = Transaction(target, "Copy")
    copy_plane(transaction, 0, 1)
    got = target.read(Rect(0, 0, 100, 100), 1)
    assert (got[disc(50, 50, 20)] == target.read(Rect(0, 0, 100, 100), 0)[disc(50, 50, 20)]).all()
