"""Rand and pixel error against loops over pairs of pixels, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.cell_metrics import THRESHOLDS, CellSum, cells_between, rand_counts, thinned


def looped(truth, pred):
    """V, split and merge over all ordered pairs of foreground pixels; one that is in no predicted cell is with itself only."""
    pixels = [(t, p) for t, p in zip(truth.ravel(), pred.ravel(), strict=True) if t]
    both = of_truth = of_pred = 0
    for i, (t, p) in enumerate(pixels):
        for j, (u, q) in enumerate(pixels):
            same_truth, same_pred = t == u, i == j or (p == q and p != 0)
            of_truth, of_pred, both = of_truth + same_truth, of_pred + same_pred, both + (same_truth and same_pred)
    return (both / (of_truth / 2 + of_pred / 2), both / of_truth, both / of_pred) if pixels else (None,) * 3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 5))
def test_pairs_are_counted_as_the_formula_says(seed, most):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, most + 1, (7, 6))
    pred = np.where(rng.random(truth.shape) < 0.3, rng.integers(0, 4, truth.shape), truth * 3)
    assert rand_counts(truth, pred).scores() == pytest.approx(looped(truth, pred))


@pytest.mark.parametrize("seed", range(5))
def test_without_pairs_of_a_pixel_with_itself_it_is_the_one_of_scikit_image(seed):
    from skimage.metrics import adapted_rand_error

    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 6, (5, 7)), np.ones((4, 4), int))
    pred = np.where(rng.random(truth.shape) < 0.2, rng.integers(1, 5, truth.shape), truth + 1)
    counts, own = rand_counts(truth, pred), float((truth > 0).sum())
    error, precision, recall = adapted_rand_error(truth, pred, ignore_labels=(0,))
    both, of_truth, of_pred = counts.both - own, counts.truth - own, counts.pred - own
    assert 1 - error == pytest.approx(2 * both / (of_truth + of_pred))
    assert sorted((precision, recall)) == pytest.approx(sorted((both / of_truth, both / of_pred)))


def rooms(walls_at, width=3):
    """A picture of rooms in a row with walls of this width."""
    picture = np.zeros((24, 60), bool)
    for x in walls_at:
        picture[:, x : x + width] = True
    return picture


def test_a_missing_wall_merges_and_one_too_many_splits():
    truth = rooms((18, 39))
    merged, cut = CellSum((0.5,)), CellSum((0.5,))
    merged.add(truth, rooms((18,)))
    cut.add(truth, rooms((8, 18, 39)))
    of_merged, of_cut = merged.scores(), cut.scores()
    assert of_merged["rand_merge"] < 0.7 < 0.95 < of_merged["rand_split"]
    assert of_cut["rand_split"] < 0.85 < 0.95 < of_cut["rand_merge"]
    assert of_merged["pixel_error"] == of_cut["pixel_error"] == 3 * 24 / (24 * 60)


def test_thin_and_thick_walls_are_alike_to_rand():
    truth = rooms((18, 39), width=1)
    thick = CellSum((0.5,))
    thick.add(truth, rooms((17, 38)))
    assert thick.scores()["rand_f1"] == pytest.approx(1.0), "thinned, they lie on each other"
    assert thick.scores()["pixel_error"] == pytest.approx(4 * 24 / (24 * 60))


def test_thinning_parts_the_same_cells_up_to_the_edge():
    rng = np.random.default_rng(0)
    for _ in range(20):
        border = np.zeros((40, 50), bool)
        for _ in range(4):
            y, x = int(rng.integers(0, 36)), int(rng.integers(0, 46))
            border[y : y + int(rng.integers(2, 5))] = True
            border[:, x : x + int(rng.integers(2, 5))] = True
        lines = thinned(border)
        assert not (lines & ~border).any() and lines.sum() < border.sum()
        assert cells_between(lines).max() == cells_between(border).max()


def test_the_best_threshold_counts_each_for_itself():
    truth = rooms((18, 39))
    probability = np.where(truth, 0.62, 0.1)
    probability[:, 5] = 0.42  # a false wall below the true ones
    total = CellSum()
    total.add(truth, probability)
    scores = total.scores()
    assert scores["rand_f1"] > 0.98 and scores["pixel_error"] == 0.0
    assert 0.42 <= scores["rand_threshold"] < 0.62 and 0.42 <= scores["pixel_error_threshold"] < 0.62
    low = CellSum((0.3,))
    low.add(truth, probability)
    assert low.scores()["rand_f1"] < scores["rand_f1"] and low.scores()["pixel_error"] == 24 / (24 * 60)
    assert len(THRESHOLDS) == 19


def test_what_is_not_known_counts_for_nothing():
    truth = rooms((18, 39))
    known = np.ones(truth.shape, bool)
    known[:, :18] = False
    wrong = rooms((5, 18, 39))
    total = CellSum((0.5,))
    total.add(truth, wrong, known)
    assert total.scores()["pixel_error"] == 0.0 and total.scores()["rand_f1"] > 0.9
    none = CellSum((0.5,))
    none.add(truth, wrong, np.zeros(truth.shape, bool))
    assert set(none.scores().values()) == {None}
    with pytest.raises(ValueError, match="border is"):
        none.add(truth, wrong[:4])
