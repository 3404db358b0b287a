"""Clicks go where a person would: into the middle of the largest mistake."""

from __future__ import annotations

import numpy as np

from segstudio.core.simulated_clicks import Click, iou, next_click


def disc(shape: tuple[int, int], x: int, y: int, radius: int) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return (xx - x) ** 2 + (yy - y) ** 2 <= radius**2


def test_the_first_click_is_the_middle_of_the_object() -> None:
    truth = disc((60, 80), 30, 25, 12)
    assert next_click(truth, np.zeros_like(truth)) == Click(30, 25, True)


def test_the_largest_mistake_is_corrected_and_its_side_told() -> None:
    truth = disc((60, 80), 20, 30, 12)
    predicted = truth | disc((60, 80), 60, 30, 6)
    predicted[28:33, 18:23] = False
    found = next_click(truth, predicted)
    assert found == Click(60, 30, False)
    assert next_click(truth, predicted, ignore=disc((60, 80), 60, 30, 8)) == Click(20, 30, True)
    assert next_click(truth, truth) is None


def test_a_pixel_is_clicked_once() -> None:
    truth = np.zeros((9, 9), bool)
    truth[4, 4] = True
    nothing = np.zeros_like(truth)
    first = next_click(truth, nothing)
    assert first == Click(4, 4, True) and next_click(truth, nothing, [first]) is None


def test_the_border_of_the_image_is_an_edge() -> None:
    truth = np.zeros((20, 20), bool)
    truth[:, :9] = True
    assert next_click(truth, np.zeros_like(truth)).x == 4


def test_careless_clicks_stay_inside_and_vary() -> None:
    truth = disc((60, 80), 30, 25, 12)
    rng = np.random.default_rng(0)
    found = {next_click(truth, np.zeros_like(truth), rng=rng) for _ in range(40)}
    assert len(found) > 20 and all((c.x - 30) ** 2 + (c.y - 25) ** 2 <= 7.5**2 for c in found)


def test_iou_leaves_ignored_pixels_out() -> None:
    truth, predicted = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    truth[:2] = predicted[1:3] = True
    assert iou(truth, predicted) == 4 / 12
    assert iou(truth, predicted, ignore=np.arange(4)[:, None].repeat(4, 1) == 2) == 4 / 8
    assert iou(np.zeros_like(truth), np.zeros_like(truth)) == 1
