"""What may befall a run: a loss that is no number, a lost device, a full disk, other classes, other versions, a stop in mid-epoch."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import RunStarted, StepDone, TrainNote
from segstudio.ml.training import loop
from segstudio.ml.training.engine import Engine
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.trainer import Trainer
from segstudio.ml.weights import load_weights

IMAGES, BATCH = 8, 2
STEPS = IMAGES // BATCH


def make_data(root):
    """Discs on noise: 8 training images of 32² and 2 for validation; what to train on."""
    draw = np.random.default_rng(5)
    for split, count in (("train", IMAGES), ("val", 2)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            y, x = np.mgrid[:32, :32]
            mask = (y - draw.integers(8, 24)) ** 2 + (x - draw.integers(8, 24)) ** 2 < 40
            image = (draw.normal(60, 15, (32, 32, 3)) + mask[..., None] * [110, 90, 60]).clip(0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / split / f"{split}{i}.png")
            Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / split / f"{split}{i}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("discs"))


def plan_for(dataset, out, **changes):
    base = TrainPlan(
        out=str(out), data=dataset, arch="enet", is_pretrained=False, epochs=2, batch=BATCH, patch_px=32, patches_per_image=1, seed=3, device="cpu",
        threads=1, precision="fp32", has_tensorboard=False, checkpoint_minutes=0,
    )  # fmt: skip
    return replace(base, **changes)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The metrics of an unbroken run."""
    out = tmp_path_factory.mktemp("whole") / "run"
    Trainer.run(plan_for(data, out), lambda _: None)
    return (out / "metrics.jsonl").read_bytes()


@pytest.fixture
def at_step(monkeypatch):
    """``at_step(n, what)``: *what* is done in place of the n-th step of the optimiser; what it returns is the loss."""
    real = Engine.step

    def arrange(number, what):
        done = {"n": 0}

        def step(self, batches):
            done["n"] += 1
            return what() if done["n"] == number else real(self, batches)

        monkeypatch.setattr(Engine, "step", step)
        return lambda: monkeypatch.setattr(Engine, "step", real)

    return arrange


def failing(error):
    def fail():
        raise error

    return fail


class Recorder(list):
    def __call__(self, event):
        self.append(event)

    def of(self, kind):
        return [event for event in self if isinstance(event, kind)]


def test_a_loss_that_is_no_number_names_its_images(data, tmp_path, at_step):
    at_step(STEPS + 2, lambda: float("nan"))
    finished = Trainer.run(plan_for(data, tmp_path / "run", epochs=4), lambda _: None)
    sampler = EpochSampler(IMAGES, 3)
    sampler.epoch = 2
    wanted = [f"train/train{index}.png" for _, index in sampler.keys()[BATCH : 2 * BATCH]]
    assert finished.stopped_by == "nan" and finished.epochs == 1
    assert f"in epoch 2, step {STEPS + 2}, on patches of {wanted[0]} and {wanted[1]};" in finished.note
    assert load_weights(tmp_path / "run" / "last.safetensors")[1].metrics["epoch"] == 1


def test_a_loss_that_is_no_number_in_the_first_epoch_keeps_what_was_learnt(data, tmp_path, at_step):
    at_step(3, lambda: float("nan"))
    finished = Trainer.run(plan_for(data, tmp_path / "run"), lambda _: None)
    assert finished.stopped_by == "nan" and "the last good weights are kept" in finished.note
    state, card = load_weights(tmp_path / "run" / "last.safetensors")
    assert all(torch.isfinite(v).all() for v in state.values() if v.is_floating_point()) and card.metrics["epoch"] == 0
    at_step(1, lambda: float("nan"))
    with pytest.raises(UserError, match=r"no number in epoch 1, step 1, on patches of train.* Try a smaller learning"):
        Trainer.run(plan_for(data, tmp_path / "other"), lambda _: None)


LOST = torch.AcceleratorError("CUDA error: unspecified launch failure\nCUDA kernel errors might be reported later.")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (LOST, r"was lost \(CUDA error: unspecified launch failure\) in epoch 2"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), r"was lost \(cuDNN error: CUDNN_STATUS"),
        (torch.OutOfMemoryError("CUDA out of memory."), "ran out of memory in epoch 2"),
    ],
)
def test_a_lost_device_loses_no_epoch(data, tmp_path, whole, at_step, error, says):
    plan = plan_for(data, tmp_path / "run")
    mend = at_step(STEPS + 3, failing(error))
    with pytest.raises(UserError, match=says + r".* is kept\. Go on with --resume.*--device cpu"):
        Trainer.run(plan, lambda _: None)
    assert load_weights(tmp_path / "run" / "last.safetensors")[1].metrics["epoch"] == 1
    mend()
    Trainer.run(replace(plan, is_resumed=True), lambda _: None)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == whole


def test_a_device_lost_in_the_first_epoch_leaves_the_checkpoints_weights(data, tmp_path, whole, at_step):
    plan = plan_for(data, tmp_path / "run", checkpoint_minutes=1e-9, ema_decay=0.0)
    mend = at_step(3, failing(LOST))
    with pytest.raises(UserError, match="until the last checkpoint is kept"):
        Trainer.run(plan, lambda _: None)
    assert load_weights(tmp_path / "run" / "last.safetensors")[1].metrics["epoch"] == 0
    mend()
    sink = Recorder()
    Trainer.run(replace(plan, is_resumed=True), sink)
    assert sink.of(StepDone)[0].step == 3, "it goes on at that very batch"
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == whole
    at_step(1, failing(LOST))
    with pytest.raises(UserError, match="nothing was learnt yet. Start again with the same command"):
        Trainer.run(plan_for(data, tmp_path / "other"), lambda _: None)


def test_errors_of_ours_are_no_lost_device(data, tmp_path, at_step):
    at_step(2, failing(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        Trainer.run(plan_for(data, tmp_path / "run"), lambda _: None)


class StopAt:
    def __init__(self, sink, step):
        self.sink, self.step = sink, step

    def is_set(self):
        return any(event.step >= self.step for event in self.sink.of(StepDone))

    def is_paused(self):
        return False


def test_a_stop_in_mid_epoch_goes_on_at_that_batch(data, tmp_path, whole, monkeypatch):
    monkeypatch.setattr(loop, "STEP_EVENT_S", 0.0)
    plan, sink = plan_for(data, tmp_path / "run"), Recorder()
    Trainer.run(plan, sink, StopAt(sink, STEPS + 2))
    again = Recorder()
    Trainer.run(replace(plan, is_resumed=True), again)
    assert [event.step for event in again.of(StepDone)] == list(range(STEPS + 3, 2 * STEPS + 1))
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == whole


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limits on the size of files")
def test_a_full_disk_in_a_checkpoint_leaves_the_one_before(data, tmp_path, whole, monkeypatch):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    state, kept = tmp_path / "run" / "state.pt", {}
    real, done = Engine.step, {"n": 0}

    def step(self, batches):
        done["n"] += 1
        if done["n"] == STEPS + 2:
            kept["state"] = state.read_bytes()
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        return real(self, batches)

    plan, sink = plan_for(data, tmp_path / "run", checkpoint_minutes=1e-9), Recorder()
    try:
        monkeypatch.setattr(Engine, "step", step)
        with pytest.raises(UserError, match=r"safetensors: It could not be written"):
            Trainer.run(plan, sink)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert state.read_bytes() == kept["state"] and not list((tmp_path / "run").glob(".segstudio-tmp-*"))
    notes = [event.text for event in sink.of(TrainNote)]
    assert len(notes) == 1 and "state.pt" in notes[0] and "goes on" in notes[0], "said once, not at every step"
    monkeypatch.setattr(Engine, "step", real)
    Trainer.run(replace(plan, is_resumed=True), lambda _: None)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == whole


@pytest.fixture
def begun(data, tmp_path, monkeypatch):
    """A run that was stopped in its second epoch, and its plan to go on with."""
    monkeypatch.setattr(loop, "STEP_EVENT_S", 0.0)
    plan, sink = plan_for(data, tmp_path / "run"), Recorder()
    Trainer.run(plan, sink, StopAt(sink, STEPS + 1))
    return replace(plan, is_resumed=True)


def changed(path, **values):
    """Write the checkpoint again with other entries."""
    document = torch.load(path, weights_only=True)
    for name, value in values.items():
        document[name] = value(document[name])
    torch.save(document, path)


def test_a_checkpoint_or_run_of_a_later_version_says_so(begun, tmp_path):
    changed(tmp_path / "run" / "state.pt", format=lambda _: 99)
    with pytest.raises(UserError, match=r"state\.pt: the checkpoint is of a later version .*format 99"):
        Trainer.run(begun, lambda _: None)
    config = tmp_path / "run" / "config.json"
    document = json.loads(config.read_text())
    config.write_text(json.dumps({**document, "about": {"format": 99, "segstudio": "7.0"}}))
    with pytest.raises(UserError, match=r"begun with a later version of segstudio \(7\.0\)\. Go on with that version"):
        Trainer.run(begun, lambda _: None)


def test_a_checkpoint_of_the_version_before_is_gone_on_from(data, tmp_path, whole):
    plan = plan_for(data, tmp_path / "run", max_minutes=1e-9)
    Trainer.run(replace(plan, max_minutes=0, epochs=1, schedule="constant", warmup_share=0.0), lambda _: None)
    old = ("epoch", "step", "best_epoch", "best_score", "best_metrics")
    changed(
        tmp_path / "run" / "state.pt", format=lambda _: 1, progress=lambda p: {name: p[name] for name in old}
    )  # as it was written until 0.2
    finished = Trainer.run(
        plan_for(data, tmp_path / "run", epochs=1, schedule="constant", warmup_share=0.0, is_resumed=True),
        lambda _: None,
    )
    assert finished.epochs == 1 and finished.stopped_by == "epochs"


def test_classes_that_changed_since_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "STEP_EVENT_S", 0.0)
    plan, sink = plan_for(make_data(tmp_path / "discs"), tmp_path / "run"), Recorder()
    Trainer.run(plan, sink, StopAt(sink, STEPS + 1))
    path = tmp_path / "discs" / "masks" / "train" / "train0.png"
    mask = np.asarray(Image.open(path)).copy()
    mask[:4, :4] = 2
    Image.fromarray(mask).save(path)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()}
    with pytest.raises(
        UserError, match="now hold background, class 1, class 2.* start a new run, with --from this one"
    ):
        Trainer.run(replace(plan, is_resumed=True), lambda _: None)
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()} == kept


def test_a_line_of_metrics_that_was_not_finished_is_written_anew(begun, tmp_path, whole):
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "train_lo')
    Trainer.run(begun, lambda _: None)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == whole


def test_neither_loader_processes_nor_tensorboard_change_the_metrics(data, tmp_path, whole):
    Trainer.run(plan_for(data, tmp_path / "run", workers=2, has_tensorboard=True), lambda _: None)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == whole


def test_batches_left_over_make_a_step_of_their_own(data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "STEP_EVENT_S", 0.0)
    sink = Recorder()
    Trainer.run(plan_for(data, tmp_path / "run", accumulate=3, epochs=1), sink)
    assert sink.of(RunStarted)[0].steps_per_epoch == 2 and [e.step for e in sink.of(StepDone)] == [1, 2]
