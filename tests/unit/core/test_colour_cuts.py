"""Cuts on reduced pictures: masks known by hand, rims at full size, and the time limit's means."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.colour_cuts import box_cut, stroke_cut
from segstudio.core.geometry import Rect
from segstudio.core.reduced import marked, reduced, reduced_size, refined_rim, solved_reduced, without_specks


def ellipse(shape: tuple[int, int], x: float, y: float, rx: float, ry: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((columns + 0.5 - x) / rx) ** 2 + ((rows + 0.5 - y) / ry) ** 2 <= 1


def scene(shape: tuple[int, int], *objects: np.ndarray, noise: float = 8.0) -> np.ndarray:
    """(h, w, 3) uint8: bright noisy objects on a dark noisy ground."""
    random = np.random.default_rng(4)
    pixels = np.full((*shape, 3), (60, 70, 90), float)
    for index, one in enumerate(objects):
        pixels[one] = ((180, 150, 120), (120, 200, 150))[index % 2]
    return np.clip(pixels + random.normal(0, noise, pixels.shape), 0, 255).astype(np.uint8)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def rim_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Wrong pixels a pixel of the truth's outline."""
    inner = truth[1:-1, 1:-1] & truth[2:, 1:-1] & truth[:-2, 1:-1] & truth[1:-1, 2:] & truth[1:-1, :-2]
    return float((found ^ truth).sum() / (truth.sum() - inner.sum()))


def test_reduced_size_never_grows_and_keeps_the_shape() -> None:
    assert reduced_size(100, 50, 10_000) == (100, 50)
    width, height = reduced_size(4000, 1000, 65_536)
    assert width / height == pytest.approx(4, rel=0.02) and width * height == pytest.approx(65_536, rel=0.02)
    assert reduced_size(100_000, 1, 100) == (3162, 1) or min(reduced_size(100_000, 1, 100)) == 1


def test_marks_reach_the_reduced_picture_and_are_never_lost() -> None:
    found = marked([(((100.0, 40.0), (300.0, 40.0)), 1.0)], (20, 40), (200, 400))
    wanted = np.zeros((20, 40), bool)
    wanted[4, 10:31] = True
    np.testing.assert_array_equal(found, wanted)
    assert not marked([(((900.0, 900.0),), 5.0)], (20, 40), (200, 400)).any()


def test_the_rim_is_that_of_the_full_picture_not_of_the_reduced_one() -> None:
    truth = ellipse((900, 1200), 600, 450, 400, 300)
    rgb = scene((900, 1200), truth)
    blocky = np.kron(reduced(np.dstack([truth.astype(np.uint8) * 255] * 3), 75 * 100)[..., 0] > 127, np.ones((12, 12)))
    assert rim_error(blocky > 0, truth) > 1.5
    small = reduced(rgb, 75 * 100)
    found = refined_rim((small[..., 0] > 120).astype(np.float32), small, rgb)
    assert rim_error(found, truth) < 0.1


def test_a_refined_rim_changes_nothing_far_from_it() -> None:
    truth = ellipse((600, 600), 300, 300, 150, 150)
    other = ellipse((600, 600), 80, 80, 40, 40)
    rgb = scene((600, 600), truth, other)
    small = reduced(rgb, 60 * 60)
    found = refined_rim(reduced(np.dstack([truth * np.uint8(255)] * 3), 60 * 60)[..., 0] / np.float32(255), small, rgb)
    assert not found[other].any() and iou(found, truth) > 0.99


def test_no_reduction_gives_the_answer_as_it_is_and_all_or_nothing_stays() -> None:
    rgb = scene((40, 50), ellipse((40, 50), 25, 20, 10, 10))
    sure = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    np.testing.assert_array_equal(solved_reduced(rgb, 10_000, lambda small: sure), sure > 0.5)
    for value in (0, 1):
        found = solved_reduced(rgb, 500, lambda small, value=value: np.full(small.shape[:2], value, np.float32))
        assert found.shape == (40, 50) and found.all() == bool(value) and found.any() == bool(value)


def test_specks_go_and_holes_close_unless_marked() -> None:
    mask = ellipse((100, 100), 50, 50, 40, 40)
    hole, second_hole = ellipse((100, 100), 40, 50, 3, 3), ellipse((100, 100), 60, 50, 3, 3)
    speck, second_speck = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    speck[2:4, 2:4] = second_speck[96:98, 2:4] = True
    spotted = (mask & ~hole & ~second_hole) | speck | second_speck
    keeps, keeps_out = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    keeps[2, 2] = keeps_out[50, 40] = True
    found = without_specks(spotted, 0.02, keeps, keeps_out)
    np.testing.assert_array_equal(found, (mask & ~hole) | speck)


@pytest.mark.parametrize("shape", [(300, 400), (1024, 1365)])
def test_box_cut_finds_the_object_in_its_box_only(shape: tuple[int, int]) -> None:
    size = shape[0] / 300
    truth = ellipse(shape, 150 * size, 150 * size, 80 * size, 60 * size)
    other = ellipse(shape, 330 * size, 150 * size, 40 * size, 40 * size)
    rgb = scene(shape, truth, other)
    box = Rect(int(60 * size), int(80 * size), int(180 * size), int(140 * size))
    found = box_cut(rgb, box)
    assert iou(found, truth) > 0.99 and not found[other].any()
    assert rim_error(found, truth) < 0.3
    np.testing.assert_array_equal(found, box_cut(rgb, box))


def test_strokes_correct_a_box_cut() -> None:
    shape = (300, 400)
    left, right = ellipse(shape, 120, 150, 60, 60), ellipse(shape, 290, 150, 50, 50)
    rgb = scene(shape, left, right)
    box = Rect(40, 70, 320, 160)
    assert iou(box_cut(rgb, box), left | right) > 0.99
    found = box_cut(rgb, box, [], [(((270.0, 150.0), (310.0, 150.0)), 20.0)])
    assert iou(found, left) > 0.97
    outside = box_cut(rgb, Rect(40, 70, 160, 160), [(((290.0, 130.0), (290.0, 170.0)), 8.0)])
    assert outside[150, 290] and iou(outside & left, left) > 0.99


def test_a_box_over_the_whole_picture_and_a_tiny_one_are_no_harm() -> None:
    shape = (120, 160)
    truth = ellipse(shape, 80, 60, 40, 30)
    assert iou(box_cut(scene(shape, truth), Rect(0, 0, 160, 120)), truth) > 0.97
    assert box_cut(scene(shape, truth), Rect(80, 60, 1, 1)).shape == shape


def test_where_the_box_looks_like_its_surroundings_its_middle_is_meant() -> None:
    shape = (200, 260)
    truth = ellipse(shape, 130, 100, 45, 35)
    twins = [ellipse(shape, x, 100, 45, 100) for x in (20, 240)]  # outside the box are the same colours
    rgb = scene(shape, truth | twins[0] | twins[1])
    found = box_cut(rgb, Rect(75, 55, 110, 90))
    assert found[100, 130] and iou(found, truth) > 0.8


@pytest.mark.parametrize("method", ["random walker", "graph cut"])
@pytest.mark.parametrize("shape", [(240, 320), (960, 1280)])
def test_strokes_cut_out_what_they_are_on(method: str, shape: tuple[int, int]) -> None:
    size = shape[0] / 240
    truth = ellipse(shape, 110 * size, 120 * size, 60 * size, 60 * size)
    other = ellipse(shape, 240 * size, 120 * size, 45 * size, 45 * size)
    rgb = scene(shape, truth, other)
    fg = [(((80 * size, 120 * size), (140 * size, 120 * size)), 8 * size)]
    bg = [(((200 * size, 120 * size), (280 * size, 120 * size)), 8 * size), (((20 * size, 20 * size),), 8 * size)]
    found = stroke_cut(rgb, fg, bg, method=method, frame=(True, True, True, True))
    assert iou(found, truth) > 0.985 and not found[other].any()


def test_graph_cut_takes_only_what_a_stroke_is_tied_to() -> None:
    shape = (240, 320)
    truth = ellipse(shape, 90, 120, 50, 50)
    twin = ellipse(shape, 230, 120, 50, 50)
    rgb = scene(shape, truth | twin)
    fg = [(((70.0, 120.0), (110.0, 120.0)), 6.0)]
    found = stroke_cut(rgb, fg, [], method="graph cut", frame=(True, True, True, True))
    assert iou(found, truth) > 0.985 and not found[twin].any()


def test_an_object_cut_off_by_the_image_is_taken_to_its_edge() -> None:
    shape = (200, 300)
    truth = ellipse(shape, 0, 100, 80, 70)
    rgb = scene(shape, truth)
    fg = [(((10.0, 100.0), (50.0, 100.0)), 6.0)]
    found = stroke_cut(rgb, fg, [], frame=(False, True, True, True))
    assert iou(found, truth) > 0.98 and found[100, 0]
    for method in ("random walker", "graph cut"):
        assert stroke_cut(rgb, fg, [], method=method).all()
        assert not stroke_cut(rgb, [], fg, method=method).any()
        assert not stroke_cut(rgb, fg, fg, method=method).any()
