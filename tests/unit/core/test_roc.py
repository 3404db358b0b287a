"""The area under the ROC curve against a loop over all pairs, a sort, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.roc import RocSum


def looped(scores, is_class):
    """The chance that one of the class scores higher than another: over all pairs, ties half."""
    own, others = scores[is_class], scores[~is_class]
    if not own.size or not others.size:
        return np.nan
    return np.mean((own[:, None] > others[None]) + 0.5 * (own[:, None] == others[None]))


def by_sorting(scores, is_class):
    """Mann and Whitney's U from ranks, those of ties averaged."""
    from scipy.stats import rankdata

    own = int(is_class.sum())
    u = rankdata(scores)[is_class].sum() - own * (own + 1) / 2
    return u / (own * (is_class.size - own))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_the_area_is_that_of_all_pairs(seed, n):
    rng = np.random.default_rng(seed)
    total = RocSum(n)
    every_p, every_t = [], []
    for _ in range(2):
        truth = rng.integers(0, n + 1, (9, 11)).astype(np.uint8)
        truth[rng.random(truth.shape) < 0.2] = 255
        # Tenths, so that there are ties, which one bin holds too.
        probabilities = np.round(rng.random((n, *truth.shape)), 1).astype(np.float32)
        total.add(probabilities, truth, 255)
        every_p.append(probabilities.reshape(n, -1))
        every_t.append(truth.ravel())
    p, t = np.concatenate(every_p, axis=1), np.concatenate(every_t)
    known = t < n
    wanted = [looped(p[i, known], t[known] == i) for i in range(n)]
    assert np.allclose(total.areas, wanted, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 6.0])
def test_bins_cost_less_than_a_millionth(sharpness):
    """Sureness from faint to nearly 0 and 1, where equal steps of the probability would tie what a sort tells apart."""
    rng = np.random.default_rng(4)
    truth = (rng.random((300, 400)) < 0.1).astype(np.uint8)
    odds = sharpness * (rng.normal(-2.0, 1.5, truth.shape) + 3.0 * truth)
    chance = (1 / (1 + np.exp(-odds))).astype(np.float32)
    total = RocSum(2)
    total.add(np.stack([1 - chance, chance]), truth)
    assert total.areas[1] == pytest.approx(by_sorting(chance.ravel(), truth.ravel() == 1), abs=2e-6)
    by_odds = RocSum(2)
    by_odds.add_odds((-odds, odds), truth)
    assert by_odds.areas[0] == pytest.approx(by_odds.areas[1], abs=1e-9), "of two classes one area is the other's"
    assert by_odds.areas[1] == pytest.approx(by_sorting(odds.ravel(), truth.ravel() == 1), abs=2e-6)


def test_the_area_is_that_of_torchmetrics():
    tm = pytest.importorskip("torchmetrics.functional.classification")
    import torch

    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4, (40, 50)).astype(np.uint8)
    logits = rng.normal(size=(4, 40, 50)) + 1.5 * (truth == np.arange(4)[:, None, None])
    chances = (np.exp(logits) / np.exp(logits).sum(0)).astype(np.float32)
    total = RocSum(4)
    total.add(chances, truth)
    theirs = tm.multiclass_auroc(
        torch.from_numpy(chances.reshape(4, -1).T.copy()), torch.from_numpy(truth.ravel()).long(), 4, average=None
    )
    assert np.allclose(total.areas, theirs.numpy(), atol=2e-6)


def test_perfect_reversed_and_alike():
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    for chances, area in (((0.0, 0.1, 0.9, 1.0), 1.0), ((0.9, 0.8, 0.1, 0.2), 0.0), ((0.5,) * 4, 0.5)):
        total = RocSum(2)
        own = np.array([chances])
        total.add(np.stack([1 - own, own]), truth)
        assert total.areas.tolist() == [area, area]


def test_a_class_that_is_nowhere_or_everywhere_has_no_area():
    total = RocSum(3)
    total.add(np.full((3, 2, 2), 1 / 3), np.zeros((2, 2), np.uint8))
    assert total.scores() == [None, None, None]


@pytest.mark.parametrize("bad", [np.full((2, 3, 3), 0.5), np.full((2, 2, 2), np.nan), np.full((2, 2, 2), -0.5)])
def test_what_is_no_probability_of_each_pixel_is_refused(bad):
    with pytest.raises(ValueError, match=r"probabilit"), np.errstate(invalid="ignore"):
        RocSum(2).add(bad, np.zeros((2, 2), np.uint8))
