"""Precision-recall counts in bins against counting each threshold by hand."""

import numpy as np
import pytest

from segstudio.core.pr_curves import BINS, PrSum


def test_counts_are_those_of_each_threshold():
    draw = np.random.default_rng(3)
    probabilities = draw.dirichlet([1, 1, 1], 700).T
    truth = draw.integers(0, 2, 700)  # nothing of the third class
    total = PrSum(3)
    for part in (slice(0, 300), slice(300, 700)):  # added up in two goes
        total.add(probabilities[:, part], truth[part])
    assert total.curve(2) is None
    for index in (0, 1):
        curve = total.curve(index)
        for i in (0, 1, 40, 100, BINS - 1):
            found = np.floor(probabilities[index] * (BINS - 1)) >= i
            is_it = truth == index
            assert curve.true_positives[i] == (found & is_it).sum()
            assert curve.false_positives[i] == (found & ~is_it).sum()
            assert curve.true_negatives[i] == (~found & ~is_it).sum()
            assert curve.false_negatives[i] == (~found & is_it).sum()
        assert curve.recall[0] == 1.0 and curve.precision[0] == pytest.approx((truth == index).mean())


def test_memory_does_not_grow_and_odd_values_do_no_harm():
    total = PrSum(2)
    total.add(np.array([[np.nan, 2.0, -1.0], [1.0, 0.0, 0.5]]), np.array([0, 0, 1]))
    assert total.counts.shape == (2, BINS, 2) and total.counts.sum() == 6
    with pytest.raises(ValueError, match="probabilities"):
        total.add(np.zeros((3, 4)), np.zeros(4, int))
