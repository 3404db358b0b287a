"""A model's look at an image: what each measure says of it, features, suspect labels, and models that cannot tell."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from ml_help import ArrayReader

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.ml.api import ObjectResult
from segstudio.ml.cards import ModelCard
from segstudio.ml.inference import doubt
from segstudio.ml.inference.features import MOST_FEATURES, shortened
from segstudio.ml.inference.loading import TorchSegmenter
from segstudio.ml.inference.looking import Labelled, look_at, rank_images

CARD = ModelCard(
    "t", "T", architecture="unet", classes=("background", "spot"), mean=(0.0,) * 3, std=(1.0,) * 3, window_px=64,
    overlap_px=16, stride_px=8,
)  # fmt: skip


class Bright(torch.nn.Module):
    """Logit of a spot grows with brightness; 0.5 is undecided."""

    def __init__(self, gain=20.0):
        super().__init__()
        self.gain = gain
        self.encoder = torch.nn.AvgPool2d(8)

    def forward(self, x):
        self.encoder(x)
        return torch.cat([(0.5 - x[:, :1]) * self.gain, (x[:, :1] - 0.5) * self.gain], dim=1)


class LeftRight(torch.nn.Module):
    """Says spot in the left half of whatever it sees: mirrored views contradict each other."""

    def forward(self, x):
        spot = torch.full_like(x[:, :1], -10.0)
        spot[..., : x.shape[-1] // 2] = 10.0
        return torch.cat([-spot, spot], dim=1)


def reader_of(values):
    """(band, y, x), or (z, band, y, x), as an open image."""
    reader = ArrayReader(values)
    reader.info.depth = values.shape[0] if values.ndim == 4 else 1
    reader.info.metadata = {}
    return reader


def model(module=None, card=CARD):
    return TorchSegmenter(module or Bright(), card)


def picture(width=160, height=130):
    """Dark, a bright half, and a square of mid-grey that the model cannot decide about."""
    values = np.zeros((3, height, width), np.uint8)
    values[:, : height // 2] = 255
    values[(slice(None), *Rect(96, 64, 32, 32).slices)] = 127
    return reader_of(values)


@pytest.mark.parametrize("measure", ["entropy", "margin"])
def test_the_map_shows_where_the_model_cannot_decide(measure):
    look = look_at(model(), picture(), measure=measure)
    assert look.cells.shape == (1, 9, 10) and look.cell_px == 16
    assert look.cells[0, 4:6, 6:8].min() > 240
    rest = look.cells.copy()
    rest[0, 4:6, 6:8] = 0
    assert rest.max() < 5
    assert look.uncertainty == pytest.approx(1024 / (160 * 130), abs=0.002)
    assert look.class_share.sum() == pytest.approx(1.0)


def test_entropy_and_margin_are_as_their_formulas():
    logits = torch.tensor([[[2.0]], [[1.0]], [[0.0]]])
    p = np.exp([2.0, 1.0, 0.0]) / np.exp([2.0, 1.0, 0.0]).sum()
    assert float(doubt.entropy(logits)) == pytest.approx(-(p * np.log(p)).sum() / math.log(3))
    assert float(doubt.margin(logits)) == pytest.approx(1 - (p[0] - p[1]))
    assert float(doubt.entropy(torch.zeros(1, 2, 2)).sum()) == 0


def test_views_that_contradict_each_other_are_doubt_and_those_that_agree_are_none():
    reader = picture(width=64, height=64)
    assert look_at(model(), reader, measure="flips").uncertainty < 0.001
    # One view says one thing, its mirror image the other, each surely: the divergence is ln 2.
    look = look_at(model(LeftRight()), reader, measure="flips")
    assert look.uncertainty == pytest.approx(1.0, abs=0.01)
    assert look_at(model(LeftRight()), reader, measure="entropy").uncertainty < 0.001


def test_two_models_disagree_where_they_say_different_things():
    other = model(card=ModelCard(**{**CARD.__dict__, "classes": ("spot", "background")}))  # names swapped
    same = look_at(model(), picture(), measure="models", other=model())
    assert same.uncertainty == 0
    look = look_at(model(), picture(), measure="models", other=other)
    assert look.cells[0, 0, 0] > 250
    # Two coins that were never tossed agree.
    assert look.cells[0, 4, 6] < 10


def test_disagreement_is_the_least_distance_that_two_distributions_can_have():
    held = doubt.HeldAnswer(1, 1, 3)
    rect = Rect(0, 0, 3, 1)
    held.put(0, rect, np.array([[0, 0, 1]], np.uint8), np.array([[255, 204, 153]], np.uint8))
    found = held.disagreement(0, rect, np.array([[1, 0, 0]], np.uint8), np.array([[255, 102, 204]], np.uint8))
    np.testing.assert_allclose(found, [[1.0, 0.4, 0.4]], atol=1e-6)


def test_features_tell_bright_from_dark_and_long_ones_keep_their_distances():
    def flat(value):
        return look_at(model(), reader_of(np.full((3, 64, 64), value, np.uint8))).features

    dark, grey, bright = flat(0), flat(120), flat(250)
    assert np.linalg.norm(bright - dark) > np.linalg.norm(grey - dark) > 0.1
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4000))
    assert len(shortened(a)) == MOST_FEATURES
    short = np.linalg.norm(shortened(a) - shortened(b))
    assert short == pytest.approx(np.linalg.norm(a - b), rel=0.15)


def test_a_model_without_an_encoder_is_told_by_its_classes():
    reader = picture(width=64, height=64)
    features = look_at(model(LeftRight()), reader).features
    assert len(features) == 4 and features[:2].tolist() == pytest.approx([0.5**0.5] * 2, abs=1e-3)


def test_labels_that_a_sure_model_contradicts_are_suspect_and_unknown_classes_are_not():
    labels = np.zeros((130, 160), np.uint16)
    labels[100:125, 20:60] = 7  # spot, where it is dark
    labels[100:125, 90:150] = 9  # a class that the model does not know

    def read(z, rect):
        return labels[rect.slices]

    held = Labelled(read, np.array([0, 7], np.uint16))
    (suspect,) = look_at(model(), picture(), labelled=held).suspects
    assert (suspect.label_class, suspect.model_class) == (7, 0)
    assert suspect.rect == Rect(20, 100, 40, 25) and suspect.pixels == 1000
    done = look_at(model(), picture(), labelled=Labelled(read, np.array([0, 7], np.uint16), is_done=True)).suspects
    assert {(s.label_class, s.model_class) for s in done} == {(7, 0), (0, 7)}


def test_planes_of_a_stack_have_a_map_each():
    values = np.zeros((3, 64, 64), np.uint8)
    stack = np.stack([values, np.full_like(values, 127)])
    look = look_at(model(), reader_of(stack))
    assert look.cells.shape == (2, 4, 4)
    assert look.cells[0].max() < 5 and look.cells[1].min() > 240


class Objects:
    card = ModelCard("o", "O", task="instance", classes=("nothing", "thing"))
    device = "cpu"

    def find_objects(self, image, width, height):
        mask = np.ones((16, 16), bool)
        return [ObjectResult(Rect(0, 0, 16, 16), mask, 1, 0.5), ObjectResult(Rect(32, 0, 16, 16), mask, 1, 1.0)]

    def to(self, device):
        pass


def test_an_object_is_as_unsure_as_its_score():
    look = look_at(Objects(), reader_of(np.zeros((3, 32, 64), np.uint8)))
    assert look.cells[0, 0].tolist() == [255, 0, 0, 0]


@pytest.mark.parametrize(
    ("segmenter", "measure", "words"),
    [
        (Objects(), "flips", "model of objects"),
        (model(), "models", "no second model"),
        (type("C", (), {"card": ModelCard("c", "C", task="classic"), "device": "cpu"})(), "entropy", "classic method"),
    ],
)
def test_what_a_model_cannot_tell_is_said(segmenter, measure, words):
    with pytest.raises(UserError, match=words):
        look_at(segmenter, picture(), measure=measure)


def test_a_look_is_cancelled():
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        look_at(model(), picture(), cancel=token)


def test_files_are_ranked_in_one_call(tmp_path):
    from PIL import Image

    files = {}
    for number, value in ((5, 0), (6, 127), (7, 250)):
        files[number] = tmp_path / f"{number}.png"
        Image.fromarray(np.full((64, 64, 3), value, np.uint8)).save(files[number])
    places = rank_images(model(), files, by="uncertainty")
    assert places[6] == 0 and sorted(places.values()) == [0, 1, 2]
    done = {6: files.pop(6)}
    assert set(rank_images(model(), files, done=done, by="diversity")) == {5, 7}
