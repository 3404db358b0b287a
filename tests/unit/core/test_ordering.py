"""Which images come next: unsure ones, unlike ones, both; reasons; and what happens without features or figures."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.class_need import ClassNeed
from segstudio.core.looks import Look, class_need, order_looks
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


def test_by_uncertainty_a_second_picture_of_the_same_scene_waits():
    points = clusters()
    unsure = np.full(13, 0.1)
    unsure[[3, 4, 11]] = 0.9, 0.85, 0.8
    picks = order_images(unsure, points, by="uncertainty", labelled=points[[12]])
    assert indices(picks)[:2] == [3, 11]


def test_by_uncertainty_a_picture_of_a_labelled_scene_waits():
    points = clusters()
    unsure = np.full(13, 0.1)
    unsure[[10, 3]] = 0.9, 0.8
    assert indices(order_images(unsure, points, by="uncertainty", labelled=points[[12]]))[0] == 10
    assert indices(order_images(unsure, points, by="uncertainty", labelled=points[[11, 12]]))[0] == 3


def test_by_uncertainty_being_ever_farther_is_worth_nothing():
    """The two beyond the usual distance come by uncertainty, where «both» would take the farther one first."""
    points = np.array([[0], [1], [2], [3], [30], [90]], np.float32)
    unsure = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.8])
    assert indices(order_images(unsure, points, by="uncertainty", labelled=points[[0]]))[0] == 4
    assert indices(order_images(unsure, points, by="both", labelled=points[[0]]))[0] == 5


def test_by_uncertainty_the_first_of_all_is_the_least_sure():
    unsure = np.full(13, 0.1)
    unsure[12] = 0.9
    assert indices(order_images(unsure, clusters(), by="uncertainty"))[0] == 12


def test_with_nothing_before_it_no_image_is_unlike_the_others():
    for by in ("uncertainty", "diversity", "both"):
        first = order_images(np.zeros(13), clusters(), by=by)[0]
        assert (first.reason, first.distance) == ("", 0)


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
    worth = class_need([common, rare]).worth()
    assert worth[1] > 3 * worth[0]
    assert indices(order_looks([common, rare], by="uncertainty")) == [1, 0]
    assert indices(order_looks([common, rare], by="uncertainty", is_balanced=False)) == [0, 1]


def test_a_class_that_labels_hold_much_of_weighs_less():
    """As unsure of the one class as of the other; labels hold the first."""
    first, second = look(0.2, doubt=(0.2, 0.0)), look(0.2, doubt=(0.0, 0.2))
    worth = class_need([first, second], [look(share=(0.9, 0.1))] * 9).worth()
    assert worth[1] == pytest.approx(worth[0] * (9 * 0.9 + 0.5) / (9 * 0.1 + 0.5))
    assert indices(order_looks([first, second], by="uncertainty", labelled=[look(share=(0.9, 0.1))])) == [1, 0]
    assert indices(order_looks([first, second], by="uncertainty", labelled=[look(share=(0.1, 0.9))])) == [0, 1]


def test_a_class_that_was_just_picked_weighs_less():
    """Two images of a rare class and one of another: one of each comes before the second of the first."""
    others = [look(0.1, doubt=(0.1, 0, 0), share=(1, 0, 0))] * 20
    one, two = look(0.2, doubt=(0, 0.2, 0), share=(0.5, 0.5, 0)), look(0.19, doubt=(0, 0.19, 0), share=(0.5, 0.5, 0))
    other = look(0.08, doubt=(0, 0, 0.08), share=(0.5, 0, 0.5))
    looks = [*others, one, two, other]
    assert indices(order_looks(looks, by="uncertainty"))[:3] == [20, 22, 21]


def test_a_class_that_hardly_occurs_does_not_decide_alone():
    need = ClassNeed(np.array([[0.1, 0.0], [0.0, 1e-6]]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert need.worth().tolist() == pytest.approx([0.1, 1e-3])


def test_figures_that_are_no_numbers_count_as_nothing():
    need = ClassNeed(np.array([[np.nan, 0.1], [0.2, 0.1]]), np.array([[0.5, 0.5], [np.nan, 0.5]]))
    assert np.isfinite(need.worth()).all()
    assert need.worth()[1] > need.worth()[0]


def test_looks_of_models_with_other_classes_are_ordered_by_plain_uncertainty():
    looks = [look(0.1), look(0.3, doubt=(0.3,), share=(1.0,))]
    assert class_need(looks) is None
    assert class_need([]) is None
    assert indices(order_looks(looks, by="uncertainty")) == [1, 0]


def test_where_the_model_is_sure_of_everything_the_unlike_come_first():
    """No doubt anywhere: what is left to go by is how different images are."""
    looks = [look(0.0, features=(x, 0.0)) for x in (0.0, 1.0, 9.0)]
    assert indices(order_looks(looks, by="both", labelled=[look(0.0, features=(0.0, 0.0))])) == [2, 1, 0]


def test_looks_of_models_with_other_features_are_ordered_by_uncertainty():
    picks = order_looks([look(0.1, (0.0,), (0.1, 0)), look(0.3, (1.0, 2.0), (0.3, 0))], by="diversity")
    assert indices(picks) == [1, 0]
