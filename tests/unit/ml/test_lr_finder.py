"""The learning-rate finder: the rate it reads off a curve, and that it writes nothing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from segstudio.cli.main import main
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import LrFound, LrPoint
from segstudio.ml.training import lr_finder
from segstudio.ml.training.lr_finder import find_rate, suggested

RATES = [10 ** (-6 + 6 * i / 99) for i in range(100)]


def curve(steepest, smallest):
    """A loss that falls fastest at 10^*steepest* and rises again beyond 10^*smallest*."""
    xs = [math.log10(rate) for rate in RATES]
    return [1 - 0.8 / (1 + math.exp(-6 * (x - steepest))) + max(0.0, x - smallest) ** 2 * 5 for x in xs]


@pytest.mark.parametrize(("steepest", "smallest", "wanted"), [(-3.0, -1.5, 1e-3), (-2.0, -1.8, 10**-2.6)])
def test_the_rate_is_where_the_loss_falls_fastest_but_well_below_where_it_rises(steepest, smallest, wanted):
    found = suggested(RATES, curve(steepest, smallest))
    assert found.lr == pytest.approx(wanted, rel=0.45) and "falls fastest" in found.note


def test_noise_moves_it_little():
    draw = np.random.default_rng(0)
    for _ in range(10):
        noisy = [loss + draw.normal(0, 0.004) for loss in curve(-3.0, -1.0)]
        assert 3e-4 < suggested(RATES, noisy).lr < 3e-3


def test_no_rate_is_made_up():
    assert suggested(RATES, [1.0 + i / 100 for i in range(100)]).lr == 0
    assert suggested(RATES, [1.0] * 100).lr == 0
    assert suggested(RATES[:5], [1.0, 0.9, 0.8, 0.7, 0.6]).lr == 0


@pytest.fixture
def data(tmp_path):
    root, draw = tmp_path / "discs", np.random.default_rng(5)
    for split, count in (("train", 4), ("val", 1)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            y, x = np.mgrid[:32, :32]
            mask = (y - draw.integers(8, 24)) ** 2 + (x - draw.integers(8, 24)) ** 2 < 60
            image = (draw.normal(60, 15, (32, 32, 3)) + mask[..., None] * [110, 90, 60]).clip(0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / split / f"{i}.png")
            Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / split / f"{i}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


def plan_for(data, out):
    return TrainPlan(
        out=str(out), data=data, arch="enet", is_pretrained=False, batch=4, patch_px=32, patches_per_image=1, device="cpu", threads=1,
        precision="fp32", augment="none",
    )  # fmt: skip


def test_it_tells_of_each_rate_and_writes_nothing(data, tmp_path):
    told = []
    found = find_rate(plan_for(data, tmp_path / "run"), told.append)
    points = [event for event in told if isinstance(event, LrPoint)]
    assert told[-1] is found and isinstance(found, LrFound) and not (tmp_path / "run").exists()
    assert [point.step for point in points] == list(range(1, len(points) + 1)) and len(points) > 30
    ratios = [b.lr / a.lr for a, b in zip(points, points[1:])]
    assert points[0].lr == 1e-6 and max(ratios) == pytest.approx(min(ratios))
    assert found.lr == suggested([p.lr for p in points], [p.loss for p in points]).lr
    assert 1e-4 < found.lr < 1e-1, "a small network with batch norm learns at rates of this order"
    assert find_rate(plan_for(data, tmp_path / "run"), lambda _: None) == found


def test_a_stop_ends_it(data, tmp_path):
    class Stop:
        def is_set(self):
            return len(told) >= 3

        def is_paused(self):
            return False

    told = []
    assert find_rate(plan_for(data, ""), told.append, Stop()).lr == 0 and len(told) == 4


def test_the_command_prints_a_table_and_a_rate(data, capsys, monkeypatch):
    monkeypatch.setattr(lr_finder, "STEPS", 40)
    options = "--arch enet --no-pretrained --batch 4 --size 32 --patches-per-image 1 --threads 1 --device cpu --find-lr"
    assert main(["train", "--data", data, *options.split(), "--json"]) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    assert len(document["points"]) > 10 and set(document["points"][0]) == {"lr", "loss"} and "suggested" in document
    assert main(["train", "--data", data, "--arch", "enet"]) == 2
    assert "give --out RUN" in capsys.readouterr().err.replace("Give", "give")
