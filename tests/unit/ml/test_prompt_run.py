"""Prompts answered by a model: lines for models that know points only, masks to correct, many points at once."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.ml.api import PromptAnswer, Prompts, Scribble
from segstudio.ml.interactive.run import MASK_LOGIT, MOST_POINTS, Clicks, as_points

IMAGE = np.zeros((20, 30, 3), np.uint8)
NONE = np.zeros((0, 2), np.float32)


def line(*points, is_positive=True):
    return Scribble(np.array(points, np.float32), is_positive)


def test_of_a_line_points_are_taken_in_the_middle_of_equal_stretches():
    found = as_points(Prompts(NONE, np.zeros(0, bool), scribbles=(line((0, 0), (100, 0)),)))
    np.testing.assert_allclose(found.points_xy, [(100 / 6, 0), (50, 0), (500 / 6, 0)], rtol=1e-5)
    assert found.is_positive.tolist() == [True] * 3 and not found.scribbles and not found.is_ambiguous
    bent = as_points(Prompts(NONE, np.zeros(0, bool), scribbles=(line((0, 0), (30, 0), (30, 30)),)))
    np.testing.assert_allclose(bent.points_xy, [(15, 0), (30, 15)])
    long = as_points(Prompts(NONE, np.zeros(0, bool), scribbles=(line((0, 0), (5000, 0)),)))
    assert len(long.points_xy) == MOST_POINTS


def test_points_and_lines_of_both_kinds_keep_their_signs_and_a_dot_is_a_point():
    given = Prompts(
        np.array([[1, 2]], np.float32),
        np.array([True]),
        scribbles=(line((9, 9), is_positive=False), line((4, 4), (4, 4))),
    )
    found = as_points(given)
    assert found.points_xy.tolist() == [[1, 2], [9, 9], [4, 4]] and found.is_positive.tolist() == [True, False, True]
    plain = Prompts(np.array([[1, 2]], np.float32), np.array([True]), is_ambiguous=True)
    assert as_points(plain) is plain


class Model:
    """Answers with one mask, and keeps what it was given."""

    card, device = None, "cpu"

    def __init__(self):
        self.given = []

    def embed(self, image):
        return image

    def predict(self, embedding, prompts):
        self.given.append(prompts)
        shape = embedding.shape[:2]
        return PromptAnswer(np.ones((1, *shape), np.float32), np.ones(1, np.float32), np.ones((1, 4, 4), np.float32))

    def to(self, device):
        self.device = device


class Lines(Model):
    """Takes lines as they are, masks in a form of its own, and many points at once."""

    takes_scribbles = True

    def mask_logits(self, embedding, mask):
        return mask[::2, ::2].astype(np.float32)

    def predict_points(self, embedding, points_xy):
        self.given.append(points_xy)
        return np.full((len(points_xy), *embedding.shape[:2]), 0.7, np.float32), np.arange(len(points_xy)) / 10


@pytest.mark.parametrize(("model", "count"), [(Model(), 0), (Lines(), 1)])
def test_lines_reach_the_models_that_take_them(model, count):
    prompts = Prompts(NONE, np.zeros(0, bool), scribbles=(line((0, 0), (20, 0)),))
    Clicks(model).answer("k", IMAGE, prompts)
    assert len(model.given[0].scribbles) == count and len(model.given[0].points_xy) == 1 - count


def test_a_mask_is_given_as_the_model_likes_it():
    mask = np.zeros((20, 30), bool)
    mask[4:8] = True
    assert set(np.unique(Clicks(Model()).mask_logits("k", IMAGE, mask))) == {-MASK_LOGIT, MASK_LOGIT}
    assert Clicks(Lines()).mask_logits("k", IMAGE, mask).shape == (10, 15)


def test_many_points_are_asked_at_once_where_the_model_can():
    points = np.array([[1, 1], [5, 5], [9, 9]], np.float32)
    several, single = Lines(), Model()
    found = list(Clicks(several).answers_to_points("k", IMAGE, points))
    assert [float(scores[0]) for _, scores in found] == pytest.approx([0, 0.1, 0.2]) and len(several.given) == 1
    assert all(probabilities.shape == (1, 20, 30) for probabilities, _ in found)
    assert len(list(Clicks(single).answers_to_points("k", IMAGE, points))) == 3
    assert [prompts.points_xy.tolist() for prompts in single.given] == [[[1, 1]], [[5, 5]], [[9, 9]]]
    assert all(prompts.is_ambiguous for prompts in single.given)
    assert list(Clicks(several).answers_to_points("k", IMAGE, points[:0])) == []
