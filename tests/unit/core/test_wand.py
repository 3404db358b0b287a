"""The magic wand against a walk pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.core.wand import ValueDistance, wand_connected, wand_everywhere


def placed(mask: np.ndarray, rect: Rect, shape: tuple[int, int]) -> np.ndarray:
    out = np.zeros(shape, bool)
    out[rect.slices] = mask
    return out


def walked(near: np.ndarray, x: int, y: int) -> np.ndarray:
    """Breadth-first, one pixel at a time."""
    seen = np.zeros(near.shape, bool)
    seen[y, x] = True
    edge = [(x, y)]
    while edge:
        cx, cy = edge.pop()
        for nx, ny in ((cx + 1, cy), (cx - 1, cy), (cx, cy + 1), (cx, cy - 1)):
            if 0 <= nx < near.shape[1] and 0 <= ny < near.shape[0] and near[ny, nx] and not seen[ny, nx]:
                seen[ny, nx] = True
                edge.append((nx, ny))
    return seen


def distance_of(values: np.ndarray, xy: tuple[int, int], width: float, **more: object) -> ValueDistance:
    bounds = Rect(0, 0, values.shape[2], values.shape[1])
    return ValueDistance(lambda rect: values[(slice(None), *rect.slices)], xy, bounds, width, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dtype", "top"), [(np.uint8, 255), (np.uint16, 60_000), (np.int16, 3_000), (np.float32, 0.02), (np.float64, 1e12)]
)
def test_connected_area_is_that_of_a_walk_in_any_type(dtype: type, top: float) -> None:
    random = np.random.default_rng(1)
    values = (random.random((3, 60, 80)) * top).astype(dtype)
    x, y = 40, 30
    away = np.abs(values.astype(np.float64) - values[:, y, x].astype(np.float64)[:, None, None]).max(axis=0)
    distance = distance_of(values, (x, y), top, bands=(0, 1, 2))
    for tolerance in (20.317, 60.717, 101.0):
        mask, rect = wand_connected(distance, Rect(0, 0, 80, 60), tolerance)
        near = away * (100 / top) <= tolerance + 1e-3
        np.testing.assert_array_equal(placed(mask, rect, (60, 80)), walked(near, x, y))


def test_everywhere_takes_what_is_not_connected_and_only_inside_the_rectangle() -> None:
    values = np.zeros((1, 50, 50), np.uint16)
    values[0, 5:10, 5:10] = values[0, 30:40, 30:40] = values[0, 5:10, 45:50] = 1000
    distance = distance_of(values, (6, 6), 1000)
    everything, rect = wand_everywhere(distance, Rect(0, 0, 50, 50), 1)
    np.testing.assert_array_equal(placed(everything, rect, (50, 50)), values[0] == 1000)
    part, rect = wand_everywhere(distance, Rect(0, 0, 40, 50), 1)
    assert placed(part, rect, (50, 50)).sum() == 25 + 100
    alone, rect = wand_connected(distance, Rect(0, 0, 50, 50), 1)
    assert rect == Rect(5, 5, 5, 5) and alone.all()


def test_one_band_alone_and_a_band_that_is_not_there() -> None:
    values = np.zeros((2, 20, 20), np.uint8)
    values[0, :, 10:] = 200
    values[1, 10:, :] = 200
    whole = Rect(0, 0, 20, 20)
    assert wand_connected(distance_of(values, (0, 0), 255, bands=(0,)), whole, 5)[1] == Rect(0, 0, 10, 20)
    assert wand_connected(distance_of(values, (0, 0), 255, bands=(1,)), whole, 5)[1] == Rect(0, 0, 20, 10)
    assert wand_connected(distance_of(values, (0, 0), 255, bands=(9,)), whole, 5)[1] == Rect(0, 0, 20, 10)
    assert wand_connected(distance_of(values, (0, 0), 255, bands=(0, 1)), whole, 5)[1] == Rect(0, 0, 10, 10)


def test_the_sample_is_a_median_so_that_one_odd_pixel_does_not_spoil_it() -> None:
    values = np.full((1, 30, 30), 100, np.uint8)
    values[0, 15, 15] = 250
    whole = Rect(0, 0, 30, 30)
    assert wand_connected(distance_of(values, (15, 15), 255), whole, 5)[0].sum() == 1
    assert wand_connected(distance_of(values, (15, 15), 255, sample_px=3), whole, 5)[0].sum() == 900


def test_a_difference_of_just_the_tolerance_belongs() -> None:
    values = np.zeros((1, 4, 4), np.uint8)
    values[0, :, 2] = 51
    values[0, :, 3] = 52
    assert wand_connected(distance_of(values, (0, 0), 255), Rect(0, 0, 4, 4), 20)[1] == Rect(0, 0, 3, 4)


def test_not_a_number_never_belongs() -> None:
    values = np.ones((1, 20, 20), np.float32)
    values[0, 8:12] = np.nan
    mask, rect = wand_connected(distance_of(values, (3, 3), 1.0, sample_px=3), Rect(0, 0, 20, 20), 100)
    assert rect == Rect(0, 0, 20, 8) and mask.all()
    everything, _ = wand_everywhere(distance_of(values, (3, 3), 1.0), Rect(0, 0, 20, 20), 100)
    assert everything.sum() == 16 * 20


def test_a_small_area_of_a_huge_image_reads_little_and_another_tolerance_nothing() -> None:
    asked: list[Rect] = []

    def read(rect: Rect) -> np.ndarray:
        asked.append(rect)
        y, x = np.mgrid[rect.y : rect.bottom, rect.x : rect.right]
        return (np.hypot(x - 50_000, y - 50_000) * 10)[None].astype(np.float32)

    bounds = Rect(0, 0, 100_000, 100_000)
    distance = ValueDistance(read, (50_000, 50_000), bounds, 1000)
    mask, rect = wand_connected(distance, bounds, 80)
    y, x = np.mgrid[rect.y : rect.bottom, rect.x : rect.right]
    np.testing.assert_array_equal(mask, np.hypot(x - 50_000, y - 50_000) <= 80)
    assert sum(one.width * one.height for one in asked) < 600**2
    count = len(asked)
    assert wand_connected(distance, bounds, 40)[1].width == 81
    assert len(asked) == count


def test_limits_are_said_and_a_set_token_ends_it() -> None:
    values = np.zeros((1, 1200, 1200), np.uint8)
    distance = distance_of(values, (600, 600), 255)
    whole = Rect(0, 0, 1200, 1200)
    with pytest.raises(UserError, match=r"larger than 1,000 pixels.*tolerance"):
        wand_connected(distance, whole, 5, 1000)
    with pytest.raises(UserError, match="Zoom in"):
        wand_everywhere(distance, whole, 5, 1000)
    token = CancelToken()
    token.set()
    for call in (wand_connected, wand_everywhere):
        with pytest.raises(Cancelled):
            call(distance, whole, 5, cancel=token)


def test_everywhere_in_strips_is_the_same_as_at_once() -> None:
    values = np.random.default_rng(3).integers(0, 255, (1, 2100, 2100)).astype(np.uint8)
    distance = distance_of(values, (5, 5), 255)
    mask, rect = wand_everywhere(distance, Rect(0, 0, 2100, 2100), 10)
    away = np.abs(values[0].astype(int) - int(values[0, 5, 5])) * (100 / 255)
    np.testing.assert_array_equal(placed(mask, rect, (2100, 2100)), away <= 10)
