"""The trainer: learns, repeats itself, goes on where it was killed, keeps what it learnt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone, ValidationPictures
from segstudio.ml.training.losses import SegmentationLoss, dice_loss
from segstudio.ml.training.patches import crop
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.schedule import poly
from segstudio.ml.training.trainer import Trainer
from segstudio.ml.weights import load_network, load_weights


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Discs on noise: 6 training and 2 validation images of 64²."""
    root = tmp_path_factory.mktemp("discs")
    draw = np.random.default_rng(5)
    for split, count in (("train", 6), ("val", 2)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            y, x = np.mgrid[:64, :64]
            cy, cx = draw.integers(16, 48, 2)
            mask = (y - cy) ** 2 + (x - cx) ** 2 < 150
            image = (draw.normal(60, 15, (64, 64, 3)) + mask[..., None] * [110, 90, 60]).clip(0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / split / f"{i}.png")
            index = mask.astype(np.uint8)
            index[:3] = 255
            Image.fromarray(index).save(root / "masks" / split / f"{i}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


def plan_for(dataset, out, **changes):
    base = TrainPlan(
        out=str(out), data=dataset, arch="unet", encoder="efficientnet_lite0", epochs=3, batch=3, patch_px=64, patches_per_image=1, lr=2e-3, seed=3,
        device="cpu", threads=1, precision="fp32", has_tensorboard=False, class_names=("background", "disc"),
    )  # fmt: skip
    return replace(base, **changes)


class Recorder:
    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        return [e for e in self.events if isinstance(e, kind)]


def test_a_run_learns_and_leaves_its_files(data, tmp_path):
    sink = Recorder()
    finished = Trainer.run(plan_for(data, tmp_path / "run", epochs=8, has_tensorboard=True, ema_decay=0.5), sink)
    assert isinstance(finished, RunFinished) and finished.stopped_by == "epochs"
    epochs = sink.of(EpochDone)
    assert len(epochs) == 8
    assert epochs[-1].train_loss < 0.75 * epochs[0].train_loss
    assert finished.metrics["mean_iou"] > 0.7
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert names == {"config.json", "metrics.jsonl", "best.safetensors", "last.safetensors", "state.pt", "tensorboard", "timing.json",
                     "evaluation.json", "pictures"}  # fmt: skip
    assert any((tmp_path / "run" / "tensorboard").iterdir())
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 9))
    network, card = load_network(tmp_path / "run" / "best.safetensors")
    assert card.classes == ("background", "disc") and card.background_index == 0
    assert card.metrics["mean_iou"] == pytest.approx(finished.metrics["mean_iou"])
    assert sink.of(RunStarted)[0].train_images == 6 and sink.of(StepDone)
    picture = sink.of(ValidationPictures)[-1].pictures[0]
    assert picture.image.shape == (64, 64, 3) and set(np.unique(picture.truth)) <= {0, 1, 255}


def test_same_seed_same_metrics_and_another_seed_another(data, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        Trainer.run(plan_for(data, tmp_path / name, epochs=2, seed=seed), Recorder())
    a, b, c = ((tmp_path / n / "metrics.jsonl").read_bytes() for n in "abc")
    assert a == b
    assert a != c


def test_a_run_killed_and_resumed_equals_an_unbroken_one(data, tmp_path):
    Trainer.run(plan_for(data, tmp_path / "whole", epochs=3, batch=6, ema_decay=0.9), Recorder())
    broken = plan_for(data, tmp_path / "broken", epochs=3, batch=6, ema_decay=0.9)
    code = (
        "import json, sys\nfrom segstudio.ml.plan import TrainPlan\nfrom segstudio.ml.training.trainer import Trainer\n"
        f"Trainer.run(TrainPlan.from_json(json.loads({json.dumps(json.dumps(broken.to_json()))})), lambda e: None)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    lines = tmp_path / "broken" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if (tmp_path / "broken" / "state.pt").exists() and lines.exists() and lines.read_text().count("\n") >= 1:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.005)
    process.wait()
    Trainer.run(replace(broken, is_resumed=True), Recorder())
    assert lines.read_bytes() == (tmp_path / "whole" / "metrics.jsonl").read_bytes()
    whole, _ = load_weights(tmp_path / "whole" / "last.safetensors")
    resumed, _ = load_weights(tmp_path / "broken" / "last.safetensors")
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


class StopAfter:
    def __init__(self, sink, steps):
        self.sink, self.steps = sink, steps

    def is_set(self):
        return len(self.sink.of(StepDone)) >= self.steps

    def is_paused(self):
        return False


def test_stop_keeps_what_was_learnt(data, tmp_path, monkeypatch):
    monkeypatch.setattr("segstudio.ml.training.loop.STEP_EVENT_S", 0.0)
    sink = Recorder()
    finished = Trainer.run(plan_for(data, tmp_path / "run", epochs=50), sink, StopAfter(sink, 3))
    assert finished.stopped_by == "user" and finished.epochs < 50
    load_network(tmp_path / "run" / "last.safetensors")
    again = Trainer.run(
        plan_for(data, tmp_path / "run", epochs=50, is_resumed=True), sink := Recorder(), StopAfter(sink, 2)
    )
    assert again.stopped_by == "user"


def test_stopped_in_the_first_epoch_there_is_a_model_all_the_same(data, tmp_path, monkeypatch):
    monkeypatch.setattr("segstudio.ml.training.loop.STEP_EVENT_S", 0.0)
    sink = Recorder()
    finished = Trainer.run(plan_for(data, tmp_path / "run", batch=1, epochs=50), sink, StopAfter(sink, 2))
    assert (finished.stopped_by, finished.epochs, finished.best_epoch) == ("user", 0, 0)
    _, card = load_network(tmp_path / "run" / "best.safetensors")
    assert "mean_iou" not in card.metrics
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_stopped_while_validating_the_epoch_does_not_count(data, tmp_path, monkeypatch):
    from segstudio.ml.training import setup

    class Stop:
        is_on = False

        def is_set(self):
            return self.is_on

        def is_paused(self):
            return False

    stop = Stop()
    real = setup.RunSetup.validate

    def validate(self, is_stopped):
        result = real(self, is_stopped)
        stop.is_on = len(lines.read_text().splitlines()) == 1 if lines.exists() else False
        return result

    lines = tmp_path / "run" / "metrics.jsonl"
    monkeypatch.setattr(setup.RunSetup, "validate", validate)
    finished = Trainer.run(plan_for(data, tmp_path / "run", epochs=3), Recorder(), stop)
    assert (finished.stopped_by, finished.epochs) == ("user", 1)
    stop.is_on = False
    monkeypatch.setattr(setup.RunSetup, "validate", real)
    Trainer.run(plan_for(data, tmp_path / "run", is_resumed=True), Recorder())
    Trainer.run(plan_for(data, tmp_path / "whole", epochs=3), Recorder())
    assert lines.read_bytes() == (tmp_path / "whole" / "metrics.jsonl").read_bytes()


def test_each_weights_file_tells_its_own_figures(data, tmp_path, monkeypatch):
    from segstudio.ml.training import setup

    real, scores = setup.RunSetup.validate, iter([0.9, 0.4])

    def validate(self, is_stopped):
        result = real(self, is_stopped)
        return replace(result, scores={**result.scores, "mean_iou": next(scores)})

    monkeypatch.setattr(setup.RunSetup, "validate", validate)
    Trainer.run(plan_for(data, tmp_path / "run", epochs=2), Recorder())
    best, last = (load_weights(tmp_path / "run" / f"{n}.safetensors")[1].metrics for n in ("best", "last"))
    assert (best["epoch"], best["mean_iou"]) == (1, 0.9)
    assert (last["epoch"], last["mean_iou"]) == (2, 0.4)


def test_with_loader_processes_the_metrics_are_the_same(data, tmp_path):
    for workers in (0, 1):
        Trainer.run(plan_for(data, tmp_path / str(workers), epochs=1, workers=workers), Recorder())
    assert (tmp_path / "0" / "metrics.jsonl").read_bytes() == (tmp_path / "1" / "metrics.jsonl").read_bytes()


def test_patience_ends_a_run_that_does_not_improve(data, tmp_path, monkeypatch):
    from segstudio.ml.training import setup

    real, scores = setup.RunSetup.validate, iter([0.5, 0.6, 0.6, 0.55, 0.9])

    def validate(self, is_stopped):
        result = real(self, is_stopped)
        return replace(result, scores={**result.scores, "mean_iou": next(scores)})

    monkeypatch.setattr(setup.RunSetup, "validate", validate)
    finished = Trainer.run(plan_for(data, tmp_path / "run", epochs=40, patience=2), Recorder())
    assert (finished.stopped_by, finished.epochs, finished.best_epoch) == ("patience", 4, 2)


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(data, tmp_path, monkeypatch):
    from segstudio.ml.training import engine

    steps = {"n": 0}
    real = engine.Engine.step

    def step(self, batches):
        steps["n"] += 1
        return float("nan") if steps["n"] == 4 else real(self, batches)

    monkeypatch.setattr(engine.Engine, "step", step)
    finished = Trainer.run(plan_for(data, tmp_path / "run", epochs=5), Recorder())
    assert finished.stopped_by == "nan" and "learning rate" in finished.note
    state, _ = load_weights(tmp_path / "run" / "last.safetensors")
    assert all(torch.isfinite(v).all() for v in state.values())


def test_start_from_another_run_carries_its_parameters(data, tmp_path):
    first = Trainer.run(plan_for(data, tmp_path / "first", epochs=6), Recorder())
    sink = Recorder()
    Trainer.run(plan_for(data, tmp_path / "second", epochs=1, lr=1e-9, start_from=first.best, augment="none"), sink)
    assert sink.of(EpochDone)[0].mean_iou == pytest.approx(first.metrics["mean_iou"], abs=0.15)
    assert "parameters start from" in sink.of(RunStarted)[0].note


def test_classes_are_carried_by_name_not_by_place(data, tmp_path):
    from segstudio.ml.training.setup import build_setup

    first = Trainer.run(plan_for(data, tmp_path / "first", epochs=1), Recorder())
    state, _ = load_weights(tmp_path / "first" / "best.safetensors")
    swapped = build_setup(
        plan_for(data, tmp_path / "x", start_from=first.best, class_names=("disc", "Background"), encoder="")
    )
    head = swapped.network.head.weight
    assert torch.equal(head[0], state["head.weight"][1]) and torch.equal(head[1], state["head.weight"][0])
    other = build_setup(plan_for(data, tmp_path / "y", start_from=first.best, class_names=("background", "ring")))
    assert torch.equal(other.network.head.weight[0], state["head.weight"][0])
    assert not torch.equal(other.network.head.weight[1], state["head.weight"][1])
    assert "the classes background." in other.built.note
    deep = next(k for k in state if k.startswith("encoder.body.blocks"))
    assert torch.equal(other.network.state_dict()[deep], state[deep])


def test_a_run_starts_from_its_own_kind_of_network_only(data, tmp_path):
    plain = plan_for(data, tmp_path / "plain", encoder="none", epochs=1)
    with pytest.raises(UserError, match="cannot start a unet"):
        Trainer.run(replace(plain, start_from="torchvision/fcn_resnet50", out=str(tmp_path / "a")), Recorder())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"epochs": 0}, "epochs"),
        ({"lr": 0.0}, "learning rate"),
        ({"data": "folder:/no/such,/place"}, "does not exist"),
        ({"data": "cifar:x"}, "no dataset"),
        ({"data": ""}, "project or on a dataset"),
        ({"class_names": ("a",)}, "class names"),
        ({"encoder": "resnet181"}, "resnet18"),
        ({"class_weights": (1.0,)}, "class weights"),
        ({"ignored_as": "sky"}, "no class .sky."),
    ],
)
def test_what_cannot_work_is_one_sentence(data, tmp_path, changes, says):
    with pytest.raises(UserError, match=says):
        Trainer.run(plan_for(data, tmp_path / "run", **changes), Recorder())


def test_a_folder_with_a_run_is_not_overwritten(data, tmp_path):
    Trainer.run(plan_for(data, tmp_path / "run", epochs=1), Recorder())
    before = (tmp_path / "run" / "last.safetensors").read_bytes()
    with pytest.raises(UserError, match="holds a run already"):
        Trainer.run(plan_for(data, tmp_path / "run", epochs=1), Recorder())
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == before


def test_dice_equals_a_loop_over_the_formula():
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 5, 7), torch.randint(0, 3, (2, 5, 7))
    target[0, :2] = 255
    p = logits.softmax(1)
    total, count = 0.0, 0
    for k in range(3):
        both = sums = truth = 0.0
        for n in range(2):
            for y in range(5):
                for x in range(7):
                    if target[n, y, x] != 255:
                        is_k = float(target[n, y, x] == k)
                        both += float(p[n, k, y, x]) * is_k
                        sums += float(p[n, k, y, x]) + is_k
                        truth += is_k
        if truth:
            total += 1 - (2 * both + 1) / (sums + 1)
            count += 1
    assert float(dice_loss(logits, target)) == pytest.approx(total / count, abs=1e-5)


def test_ignored_pixels_give_no_gradient_and_an_empty_patch_no_nan():
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    target = torch.zeros(1, 4, 4, dtype=torch.int64)
    target[0, :2] = 255
    loss = SegmentationLoss("ce+dice")(NetworkOutput(logits), target)
    loss.backward()
    assert logits.grad[0, :, :2].abs().max() == 0 and logits.grad[0, :, 2:].abs().max() > 0
    empty = SegmentationLoss("ce+dice")(NetworkOutput(logits), torch.full((1, 4, 4), 255))
    assert float(empty.detach()) == 0.0


def test_cross_entropy_equals_torch_and_auxiliary_logits_are_weighed():
    torch.manual_seed(1)
    logits, small = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4)
    target = torch.randint(0, 3, (2, 8, 8))
    weights = torch.tensor([1.0, 2.0, 0.5])
    plain = torch.nn.functional.cross_entropy(logits, target, weight=weights)
    assert torch.allclose(SegmentationLoss("ce", weights)(NetworkOutput(logits), target), plain)
    resized = torch.nn.functional.interpolate(small, size=(8, 8), mode="bilinear", align_corners=False)
    both = SegmentationLoss("ce")(NetworkOutput(logits, ((0.4, small),)), target)
    expected = torch.nn.functional.cross_entropy(logits, target) + 0.4 * torch.nn.functional.cross_entropy(
        resized, target
    )
    assert torch.allclose(both, expected)


def test_poly_warms_up_then_falls_to_nought():
    factor = poly(100, 0.1, 0.9)
    assert factor(0) == pytest.approx(0.1) and factor(9) == pytest.approx(1.0)
    assert factor(55) == pytest.approx(0.5**0.9) and factor(100) == 0.0


def test_epochs_are_drawn_anew_yet_repeatable():
    sampler = EpochSampler(20, seed=1)
    first = list(sampler)
    assert first == list(sampler) and sorted(i for _, i in first) == list(range(20))
    sampler.epoch = 2
    assert [i for _, i in sampler] != [i for _, i in first]


def test_crop_finds_the_labels_and_never_moves_them():
    target = np.full((300, 400), 255, np.uint8)
    target[250:260, 370:380] = 1
    values = np.repeat(np.where(target == 1, 1.0, 0.0)[None].astype(np.float16), 3, 0)
    for seed in range(20):
        image, mask = crop(values, target, 64, (1, 1), np.random.default_rng(seed))
        assert image.shape == (3, 64, 64) and mask.shape == (64, 64)
        assert (mask == 1).any()
        assert np.array_equal(image[0] > 0.5, mask == 1)
