"""Rectangles and ellipses against the definition, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.brush import polygon_mask
from segstudio.core.geometry import Rect
from segstudio.core.shapes import Box, dragged_box, ellipse_mask, ellipse_outline, rectangle_mask

SIZE = (40, 30)
coordinate = st.floats(-15, 50, allow_nan=False).map(lambda value: round(value, 2))


def full(made: tuple[np.ndarray, Rect]) -> np.ndarray:
    out = np.zeros(SIZE[::-1], bool)
    out[made[1].slices] = made[0]
    return out


@given(coordinate, coordinate, coordinate, coordinate)
def test_masks_are_the_pixels_whose_centres_are_inside(x0: float, y0: float, x1: float, y1: float) -> None:
    box = dragged_box((x0, y0), (x1, y1))
    np.testing.assert_array_equal(full(rectangle_mask(box, SIZE)), full(polygon_mask(box.corners_xy, SIZE)))
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    if box.width > 0.01 and box.height > 0.01:
        away = ((x - (x0 + x1) / 2) / (box.width / 2)) ** 2 + ((y - (y0 + y1) / 2) / (box.height / 2)) ** 2
        found = full(ellipse_mask(box, SIZE))
        clear = np.abs(away - 1) > 1e-9
        np.testing.assert_array_equal(found[clear], (away <= 1)[clear])


def test_a_huge_rectangle_takes_no_memory() -> None:
    mask, rect = rectangle_mask(Box(0, 0, 1e6, 1e6), (1_000_000, 1_000_000))
    assert rect == Rect(0, 0, 1_000_000, 1_000_000) and mask.strides == (0, 0)


@pytest.mark.parametrize(
    ("end", "is_even", "from_centre", "wanted"),
    [
        ((16, 14), False, False, Box(10, 10, 16, 14)),
        ((16, 14), True, False, Box(10, 10, 16, 16)),
        ((4, 12), True, False, Box(4, 10, 10, 16)),
        ((16, 14), False, True, Box(4, 6, 16, 14)),
        ((7, 9), True, True, Box(7, 7, 13, 13)),
        ((10, 10), True, True, Box(10, 10, 10, 10)),
    ],
)
def test_drags(end: tuple[float, float], is_even: bool, from_centre: bool, wanted: Box) -> None:
    assert dragged_box((10, 10), end, is_even=is_even, from_centre=from_centre) == wanted


def test_a_box_without_a_pixel_centre_is_empty() -> None:
    for box in (Box(3, 3, 3, 9), Box(3.6, 3.6, 4.4, 4.4)):
        assert rectangle_mask(box, SIZE)[1].is_empty and ellipse_mask(box, SIZE)[1].is_empty


def test_the_outline_lies_on_the_rim() -> None:
    points = np.array(ellipse_outline(Box(2, 4, 12, 8)))
    np.testing.assert_allclose(((points[:, 0] - 7) / 5) ** 2 + ((points[:, 1] - 6) / 2) ** 2, 1)
