"""Outlines give back the very pixels, by our own rasteriser and by pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from segstudio.core.polygons import outlines, rasterise, to_coco

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
