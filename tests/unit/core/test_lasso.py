"""Freehand outlines: thinning never changes the mask."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.brush import polygon_mask
from segstudio.core.lasso import FreehandOutline, triangle_is_empty

SIZE = (60, 50)
coordinate = st.one_of(
    st.integers(-20, 120).map(lambda value: value / 2),  # on edges and centres of pixels
    st.floats(-10, 60, allow_nan=False).map(lambda value: round(value, 3)),
)
point = st.tuples(coordinate, coordinate)


def full(points: list[tuple[float, float]]) -> np.ndarray:
    mask, rect = polygon_mask(points, SIZE)
    out = np.zeros(SIZE[::-1], bool)
    out[rect.slices] = mask
    return out


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    outline = FreehandOutline(points[0])
    for xy in points[1:]:
        outline.add(xy)
    return outline.points_xy


@given(st.lists(point, min_size=3, max_size=60))
def test_thinning_keeps_the_mask_whatever_the_way(points: list[tuple[float, float]]) -> None:
    np.testing.assert_array_equal(full(thinned(points)), full(points))


@given(point, point, point)
def test_a_triangle_is_empty_when_its_mask_is(a: tuple, b: tuple, c: tuple) -> None:
    assert triangle_is_empty(a, b, c) == (not polygon_mask([a, b, c])[0].any())


def test_a_long_slow_stroke_gets_few_points() -> None:
    turns = np.linspace(0, 2 * math.pi, 20_000, endpoint=False)
    points = [(30 + 18 * math.cos(turn), 25 + 18 * math.sin(turn)) for turn in turns]
    kept = thinned(points)
    np.testing.assert_array_equal(full(kept), full(points))
    assert len(kept) < 300


def test_a_straight_line_is_two_points() -> None:
    assert thinned([(x / 7, x / 7) for x in range(300)]) == [(0.0, 0.0), (299 / 7, 299 / 7)]
