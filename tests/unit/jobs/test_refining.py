"""Refining as a job: pieces come with their generation, the loaded model stays, bad requests end in a sentence."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.proposals import ProposalWriter
from segstudio.jobs import model_host
from segstudio.jobs.protocol import ImageDone, WindowReady
from segstudio.jobs.specs import ImageTask, RefineSpec
from segstudio.ml.refine.proposal import ProposalData


class FakePort:
    """What a host sends, and when it is told to end."""

    def __init__(self, ends_after=10**9):
        self.sent, self.told, self.left = [], [], ends_after

    def send(self, message):
        self.sent.append(message)

    def progress(self, done, total, what):
        self.told.append((done, total))

    def is_set(self):
        self.left -= 1
        return self.left < 0


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def request_(tmp_path):
    y, x = np.mgrid[:80, :100]
    disc = (y - 40) ** 2 + (x - 50) ** 2 < 25**2
    image = np.where(disc, 190, 60) + np.random.default_rng(0).normal(0, 8, (80, 100))
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    layer = LabelLayer(1, 1, "proposal", "proposal", 100, 80)
    writer = ProposalWriter(layer, {0: 0, 1: 1}, "model")
    noisy = disc ^ (np.random.default_rng(1).random(disc.shape) < 0.1)
    writer.write_window(layer.bounds, noisy.astype(np.uint8), np.full(disc.shape, 200, np.uint8))
    writer.finish()

    def make(method="refine/crf", rects=None, level=0, size_px=None, options=()):
        task = ImageTask(7, str(tmp_path / "a.png"), (0,), rects, size_px)
        spec = RefineSpec(method, task, ProposalData.of(layer), "cpu", options, 3, level)
        return pickle.loads(pickle.dumps(spec))

    return make, disc


def test_pieces_come_and_the_loaded_model_stays(request_, monkeypatch):
    make, disc = request_
    loaded = {("street",): object()}
    monkeypatch.setattr(model_host, "_loaded", loaded)
    port = FakePort()
    assert model_host.serve(make(size_px=(100, 80)), port) == {"images": 1, "failed": []}
    pieces = [m for m in port.sent if isinstance(m, WindowReady)]
    assert all((m.image_id, m.generation, m.z) == (7, 3, 0) for m in pieces)
    assert isinstance(port.sent[-1], ImageDone) and port.told[-1] == (1, 1)
    found = np.zeros(disc.shape, np.uint16)
    for message in pieces:
        found[message.result.rect.slices] = pickle.loads(pickle.dumps(message.result)).segment_ids
    assert ((found > 0) == disc).mean() > 0.99
    assert model_host._loaded is loaded and list(loaded) == [("street",)]


def test_a_reduced_look_is_in_reduced_pixels(request_):
    make, disc = request_
    spec = make(rects=(Rect(0, 0, 50, 40),), level=1)
    layer = LabelLayer(1, 1, "proposal", "proposal", 50, 40)
    writer = ProposalWriter(layer, {0: 0, 1: 1}, "model")
    writer.write_window(layer.bounds, disc[::2, ::2].astype(np.uint8), None)
    writer.finish()
    port = FakePort()
    model_host.serve(RefineSpec(spec.method, spec.task, ProposalData.of(layer), "cpu", level=1), port)
    (message,) = [m for m in port.sent if isinstance(m, WindowReady)]
    assert message.result.rect == Rect(0, 0, 50, 40)
    assert ((message.result.segment_ids > 0) == disc[::2, ::2]).mean() > 0.98


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"method": "refine/crff"}, "[Dd]id you mean crf"),
        ({"options": (("iterations", 0),)}, "from 1 to 50"),
        ({"size_px": (99, 80)}, "the file is now 100×80"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(request_, changes, says):
    make, _ = request_
    with pytest.raises(UserError, match=says):
        model_host.serve(make(**changes), FakePort())


def test_it_ends_when_told(request_):
    make, _ = request_
    port = FakePort(ends_after=5)
    with pytest.raises(Cancelled):
        model_host.serve(make(), port)
    assert not any(isinstance(m, ImageDone) for m in port.sent)
