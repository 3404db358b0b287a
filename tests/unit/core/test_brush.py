"""Strokes and polygons against the plain definition: a pixel belongs when its centre does."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.brush import brush_mask, polygon_mask, stroke_mask

coordinate = st.integers(-60, 160).map(lambda value: value / 4)


def distance(px, py, a, b):
    """Of points to a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    t = 0.0 if length == 0 else np.clip(((px - a[0]) * dx + (py - a[1]) * dy) / length, 0, 1)
    return np.hypot(px - a[0] - t * dx, py - a[1] - t * dy)


def covered(columns, rows, a, b, half):
    """Which points some square on the way from a to b covers: the times at which x fits and y fits overlap."""
    first, last = np.zeros(rows.shape), np.ones(rows.shape)
    for axis, values in enumerate((columns, rows)):
        step = b[axis] - a[axis]
        low, high = values - half - a[axis], values + half - a[axis]
        if step == 0:
            outside = (low > 0) | (high < 0)
            first = np.where(outside, 2.0, first)
            continue
        if step < 0:
            low, high = high, low
        first, last = np.maximum(first, low / step), np.minimum(last, high / step)
    return first <= last


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=4), st.integers(8, 100))
def test_round_strokes_are_capsules(points, quarters):
    size = quarters / 4
    mask, rect = stroke_mask(points, size)
    field = np.zeros((160, 160), bool)
    rows, columns = np.mgrid[-60:100, -60:100] + 0.5
    near = np.full(field.shape, np.inf)
    for a, b in zip(points, points[1:] or points[:1]):
        near = np.minimum(near, distance(columns, rows, a, b))
    field[rect.moved(60, 60).slices] = mask
    sure_in, sure_out = near < size / 2 - 1e-6, near > size / 2 + 1e-6
    assert field[sure_in].all() and not field[sure_out].any()


@settings(max_examples=100, deadline=None)
@given(st.tuples(coordinate, coordinate), st.tuples(coordinate, coordinate), st.integers(8, 60))
def test_square_strokes_are_swept_squares(a, b, quarters):
    size = quarters / 4
    mask, rect = stroke_mask([a, b], size, "square")
    rows, columns = np.mgrid[-60:100, -60:100] + 0.5
    field = np.zeros(rows.shape, bool)
    field[rect.moved(60, 60).slices] = mask
    assert field[covered(columns, rows, a, b, size / 2 - 1e-6)].all()
    assert not field[~covered(columns, rows, a, b, size / 2 + 1e-6)].any()


@settings(max_examples=100, deadline=None)
@given(st.tuples(coordinate, coordinate), st.tuples(coordinate, coordinate))
def test_thin_strokes_have_no_gaps(a, b):
    import cv2

    mask, rect = stroke_mask([a, b], 1)
    assert mask[math.floor(a[1]) - rect.y, math.floor(a[0]) - rect.x]
    assert mask[math.floor(b[1]) - rect.y, math.floor(b[0]) - rect.x]
    assert cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] == 2


@pytest.mark.parametrize(("size", "pixels"), [(1, 1), (2, 4), (3, 9)])
def test_square_stamps_have_their_size(size, pixels):
    center = (10.5, 10.5) if size % 2 else (10.0, 10.0)
    mask, corner = brush_mask(size, "square", center)
    assert mask.sum() == pixels and corner == (math.floor(10.5 - size / 2), math.floor(10.5 - size / 2))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=8))
def test_polygons_follow_the_even_odd_rule(points):
    mask, rect = polygon_mask(points)
    field = np.zeros((160, 160), bool)
    if not rect.is_empty:
        field[rect.moved(60, 60).slices] = mask
    rows, columns = np.mgrid[-60:100, -60:100] + 0.5
    wanted = np.zeros(field.shape, bool)
    edge = np.zeros(field.shape, bool)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]]):
        edge |= distance(columns, rows, (ax, ay), (bx, by)) < 1e-6
        if ay != by:
            crossed = (rows >= min(ay, by)) & (rows < max(ay, by))
            wanted ^= crossed & (columns >= ax + (rows - ay) * (bx - ax) / (by - ay))
    assert np.array_equal(field[~edge], wanted[~edge])


def test_neighbouring_polygons_share_no_pixel_and_leave_none():
    whole = [(0, 0), (20, 0), (20, 20), (0, 20)]
    left, right = [(0, 0), (7.5, 0), (12.5, 20), (0, 20)], [(7.5, 0), (20, 0), (20, 20), (12.5, 20)]
    count = np.zeros((20, 20), int)
    for points in (left, right):
        mask, rect = polygon_mask(points, (20, 20))
        count[rect.slices] += mask
    assert (count == 1).all() and polygon_mask(whole)[0].all()


def test_polygons_are_clipped_to_the_image():
    mask, rect = polygon_mask([(-1e6, -50), (1e6, -50), (1e6, 1e6), (-1e6, 1e6)], (30, 20))
    assert (rect.x, rect.y, rect.width, rect.height) == (0, 0, 30, 20) and mask.all()


def test_a_step_of_a_wide_brush_costs_little():
    times = []
    for index in range(30):
        start = time.perf_counter()
        stroke_mask([(1000 + index, 900), (1010 + index, 905)], 100)
        times.append(time.perf_counter() - start)
    assert sorted(times)[15] < 1e-3
