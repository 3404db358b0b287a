"""Which images come next: unsure ones, unlike ones, both; reasons; and what happens without features or figures."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.looks import Look, order_looks, worth
from segstudio.core.ordering import order_images


def indices(picks):
    return [pick.index for pick in picks]


def look(uncertainty=0.1, features=(0.0, 0.0), doubt=(0.0, 0.0), share=(0.5, 0.5)):
    cells = np.zeros((1, 1, 1), np.uint8)
    return Look(uncertainty, cells, 16, *(np.array(v, np.float32) for v in (features, doubt, share)))


def test_the_least_sure_come_first_and_equals_keep_their_order():
    picks = order_images(np.array([0.1, 0.4, 0.2, 0.4]))
    assert indices(picks) == [1, 3, 2, 0]
    assert [pick.reason for pick in picks] == ["unsure", "unsure", "", ""]
    assert picks[0].uncertainty == 0.4


def test_nothing_to_order_is_an_empty_order():
    assert order_images(np.zeros(0)) == []
    assert order_looks([]) == []


def test_what_is_unknown_counts_as_the_middle():
    assert indices(order_images(np.array([0.1, np.nan, 0.9]))) == [2, 1, 0]


def clusters():
    """Three groups far apart; ten images, two, one."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0]] * 10 + [[20, 0]] * 2 + [[0, 20]], np.float32)
    return centres + rng.normal(0, 0.1, centres.shape).astype(np.float32)


def test_diversity_takes_one_of_each_group_before_a_second_of_any():
    points = clusters()
    first = indices(order_images(np.zeros(13), points, by="diversity"))[:3]
    groups = [0 if i < 10 else 1 if i < 12 else 2 for i in first]
    assert sorted(groups) == [0, 1, 2]
    # The most typical image tells most about the others: it comes before any outlier.
    assert groups[0] == 0


def test_diversity_keeps_away_from_what_is_labelled():
    points = clusters()
    picks = order_images(np.zeros(13), points, by="diversity", labelled=points[[0, 10]])
    assert picks[0].index == 12
    assert picks[0].reason == "different"
    assert picks[0].distance == pytest.approx(1.0)


def test_both_takes_the_unsure_one_of_a_group_and_not_two_alike():
    points = clusters()
    unsure = np.full(13, 0.1)
    unsure[[3, 4, 11]] = 0.9, 0.85, 0.8
    labelled = points[[12]]
    assert set(indices(order_images(unsure, points, by="both", labelled=labelled))[:2]) == {3, 11}
    assert indices(order_images(unsure, points, by="uncertainty", labelled=labelled))[:2] == [3, 4]


def test_with_nothing_before_it_no_image_is_unlike_the_others():
    points = clusters()
    assert {pick.reason for pick in order_images(np.zeros(13), points, by="uncertainty")} == {""}
    assert order_images(np.zeros(13), points, by="diversity")[0].distance == 0


def test_every_image_comes_once_whatever_the_basis():
    rng = np.random.default_rng(1)
    for by in ("uncertainty", "diversity", "both"):
        picks = order_images(rng.random(50), rng.random((50, 8)).astype(np.float32), by=by)
        assert sorted(indices(picks)) == list(range(50))


def test_more_images_than_are_picked_apart_all_have_a_place(monkeypatch):
    monkeypatch.setattr("segstudio.core.ordering.PICKED_APART", 5)
    rng = np.random.default_rng(1)
    picks = order_images(rng.random(20), rng.random((20, 3)).astype(np.float32), by="both")
    assert sorted(indices(picks)) == list(range(20))


def test_images_that_are_all_alike_are_ordered_by_uncertainty_alone():
    assert indices(order_images(np.array([0.1, 0.5, 0.3]), np.ones((3, 4), np.float32), by="both")) == [1, 2, 0]


def test_a_rare_class_weighs_more():
    """Two images equally unsure: the one that is unsure of the rare class tells more about a mean over classes."""
    common = look(0.2, doubt=(0.2, 0.0), share=(0.99, 0.01))
    rare = look(0.2, doubt=(0.0, 0.2), share=(0.99, 0.01))
    balanced, plain = worth([common, rare]), worth([common, rare], is_balanced=False)
    assert balanced[1] > 3 * balanced[0]
    assert plain[0] == plain[1]


def test_looks_of_models_with_other_features_are_ordered_by_uncertainty():
    picks = order_looks([look(0.1, (0.0,), (0.1, 0)), look(0.3, (1.0, 2.0), (0.3, 0))], by="diversity")
    assert indices(picks) == [1, 0]
