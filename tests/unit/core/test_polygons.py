"""Outlines give back the very pixels, by our own rasteriser and by pycocotools."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from segstudio.core.geometry import Rect
from segstudio.core.polygons import fill_rings, outlines, outlines_of_strips, parts_of, rasterise, to_coco

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=16))


@settings(max_examples=200, deadline=None)
@given(masks)
def test_outer_outlines_less_holes_are_the_mask(mask):
    outer, holes = outlines(mask)
    filled = np.zeros(mask.shape, np.int8)
    for loop in outer:
        filled += rasterise(to_coco([loop]), *mask.shape)
    for loop in holes:
        filled -= rasterise(to_coco([loop]), *mask.shape)
    assert np.array_equal(filled, mask)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@settings(max_examples=200, deadline=None)
@given(masks)
def test_pycocotools_draws_them_as_the_same_pixels(mask):
    outer, holes = outlines(mask)
    if holes or not outer:
        return
    drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(to_coco(outer), *mask.shape)))
    assert np.array_equal(drawn.astype(bool), mask)


def test_a_ring_has_a_hole():
    mask = np.zeros((6, 6), bool)
    mask[1:5, 1:5] = True
    mask[2:4, 2:4] = False
    outer, holes = outlines(mask, 10, 20)
    assert len(outer) == len(holes) == 1
    assert set(outer[0]) == {(11, 21), (15, 21), (15, 25), (11, 25)}
    assert set(holes[0]) == {(12, 22), (14, 22), (14, 24), (12, 24)}


def test_parts_that_touch_at_a_corner_are_two():
    assert len(outlines(np.eye(3, dtype=bool))[0]) == 3
    assert len(outlines(np.eye(3, dtype=bool)[::-1])[0]) == 3


@pytest.mark.parametrize(
    "polygon", [[0, 0, 1, 1], [0, 0, 1, 1, 2], [0, 0, 1, 1, float("inf"), 2], [0, 0, 1, 1e300, 2, 2]]
)
def test_what_is_no_polygon_is_refused(polygon):
    with pytest.raises(ValueError):
        rasterise([polygon], 4, 4)


def test_polygons_beyond_the_image_are_cut():
    assert rasterise([[-5, -5, 3, -5, 3, 2, -5, 2]], 4, 4).sum() == 6


@settings(max_examples=200, deadline=None)
@given(masks, st.integers(1, 5))
def test_strips_give_the_outlines_of_the_whole(mask, rows):
    strips = [mask[y : y + rows] for y in range(0, len(mask), rows)]
    assert outlines_of_strips(strips, 3, 4) == outlines(mask, 3, 4)


@settings(max_examples=300, deadline=None)
@given(masks)
def test_parts_are_the_connected_ones_with_their_holes(mask):
    parts = parts_of(*outlines(mask))
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    assert len(parts) == count - 1
    whole = Rect(0, 0, mask.shape[1], mask.shape[0])
    for shell, holes in parts:
        filled = fill_rings([shell, *holes], whole)
        number = labels[filled][0]
        assert np.array_equal(filled, labels == number)
        for ring in (shell, *holes):
            assert len(set(ring)) == len(ring) >= 4
            turns = zip(ring, ring[1:] + ring[:1], ring[2:] + ring[:2])
            assert all((a[0] == b[0]) != (b[0] == c[0]) for a, b, c in turns), "a corner that is none"


def test_a_ring_that_touches_itself_is_cut_into_simple_ones():
    mask = np.ones((4, 4), bool)
    mask[1, 1] = mask[2, 2] = False  # two holes that touch at a corner
    ((shell, holes),) = parts_of(*outlines(mask))
    assert len(shell) == 4 and sorted(len(hole) for hole in holes) == [4, 4]
    pocket = np.ones((4, 4), bool)
    pocket[1, 1] = pocket[0, 0] = False  # a pocket open to the outside at one corner only
    ((shell, holes),) = parts_of(*outlines(pocket))
    assert len(holes) == 1 and len(holes[0]) == 4 and len(shell) == 6


@settings(max_examples=100, deadline=None)
@given(masks, st.integers(-3, 8), st.integers(-3, 8), st.integers(1, 9), st.integers(1, 9))
def test_a_window_of_filled_rings(mask, x, y, width, height):
    outer, holes = outlines(mask)
    padded = np.pad(mask, 20)
    expected = padded[y + 20 : y + 20 + height, x + 20 : x + 20 + width]
    assert np.array_equal(fill_rings([*outer, *holes], Rect(x, y, width, height)), expected)
