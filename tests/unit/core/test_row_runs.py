"""Runs row by row: masks and layers as runs, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer, Segment
from segstudio.core.row_runs import RowRuns, runs_of_layer, runs_of_mask, united

masks = st.tuples(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**32 - 1)).map(
    lambda given_: np.random.default_rng(given_[3]).random(given_[:2]) < given_[2]
)


@settings(max_examples=60, deadline=None)
@given(masks, st.integers(-5, 50), st.integers(-5, 50), st.integers(1, 9))
def test_runs_are_the_mask(mask: np.ndarray, x: int, y: int, rows: int) -> None:
    runs = runs_of_mask(mask, x, y)
    rect = Rect(x, y, mask.shape[1], mask.shape[0])
    assert np.array_equal(runs.mask(rect), mask)
    assert np.array_equal(np.concatenate(list(runs.strips(rect, rows))), mask)
    assert runs.area == int(mask.sum())
    if mask.any():
        ys, xs = np.nonzero(mask)
        assert runs.rect == Rect(int(xs.min()) + x, int(ys.min()) + y, int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)
    starts, ends = runs_of_mask(mask).flat(mask.shape[1])
    flat = np.zeros(mask.size, np.bool_)
    for start, end in zip(starts, ends, strict=True):
        flat[start:end] = True
    assert np.array_equal(flat.reshape(mask.shape), mask) and (starts[1:] > ends[:-1]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_parts_are_united(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.random((17, 23)) < rng.random() ** 2 for _ in range(count)]
    whole = np.any(parts, axis=0) if parts else np.zeros((17, 23), np.bool_)
    assert united([runs_of_mask(part) for part in parts]).same(runs_of_mask(whole))


@pytest.mark.parametrize("size", [(10, 7), (256, 256), (600, 300)])
def test_a_layer_has_the_runs_of_each_segment(size: tuple[int, int]) -> None:
    width, height = size
    layer = LabelLayer(1, 0, "Labels", "labels", width, height)
    ids = np.random.default_rng(1).choice(np.array([0, 1, 2, 3, 65535], np.uint16), (height, width))
    ids[:, : width // 3] = 2
    layer.tiles.write(Rect(0, 0, width, height), ids, ids != 0)
    for number, class_id in ((1, 5), (2, 6), (3, 0)):
        layer.put_segment(number, Segment(number, class_id))
    found = runs_of_layer(layer)
    assert set(found) == {1, 2, 65535}  # the class of 3 was deleted
    for number, runs in found.items():
        assert runs.same(runs_of_mask(ids == number))
    assert runs_of_layer(layer, 1) == {} and runs_of_layer(LabelLayer(1, 0, "", "labels", 5, 5)) == {}


def test_nothing_has_no_runs() -> None:
    empty = runs_of_mask(np.zeros((0, 0)))
    assert empty.area == 0 and empty.rect.is_empty and isinstance(empty, RowRuns)
    assert empty.same(united([])) and empty.mask(Rect(0, 0, 4, 0)).shape == (0, 4)
