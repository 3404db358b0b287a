"""Training in several processes: the metrics of one process with the same batches, and an end in good order."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rank_help import in_ranks

from segstudio.core.errors import UserError
from segstudio.ml.launched import Launch, launched
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import EpochDone, RunStarted, StepDone
from segstudio.ml.training.distributed import ONE, Ranks
from segstudio.ml.training.process_group import own_device
from segstudio.ml.training.sampler import EpochSampler, RankSampler
from segstudio.ml.training.trainer import Trainer
from segstudio.ml.weights import load_weights

VAL_IMAGES = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Discs on noise: 10 training and 3 validation images of 64²."""
    root = tmp_path_factory.mktemp("discs")
    draw = np.random.default_rng(5)
    for split, count in (("train", 10), ("val", VAL_IMAGES)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            y, x = np.mgrid[:64, :64]
            cy, cx = draw.integers(16, 48, 2)
            mask = (y - cy) ** 2 + (x - cx) ** 2 < 150
            image = (draw.normal(60, 15, (64, 64, 3)) + mask[..., None] * [110, 90, 60]).clip(0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / split / f"{i}.png")
            index = mask.astype(np.uint8)
            # Images differ in what they leave out, so a mean of the processes' means would be another number.
            index[: 3 + 4 * i] = 255
            Image.fromarray(index).save(root / "masks" / split / f"{i}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


def plan_for(data, out, **changes):
    base = TrainPlan(
        out=str(out), data=data, arch="unet", encoder="none", arch_options={"width": 4}, epochs=2, batch=4, patch_px=64, patches_per_image=1,
        optimiser="sgd", lr=1e-3, seed=3, device="cpu", threads=1, precision="fp32", has_tensorboard=False,
        class_names=("background", "disc"),
    )  # fmt: skip
    return replace(base, **changes)


OTHER = {"batch": 5, "accumulate": 2, "loss": "focal+lovasz+0.1*ohem", "ema_decay": 0.5, "epochs": 2}
"""Five patches over two processes, two batches a step, losses whose pixels are one set, averaged weights."""


class Recorder:
    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        return [e for e in self.events if isinstance(e, kind)]


class Told:
    """A control that stops its own process only, at the fourth question."""

    def __init__(self, is_told):
        self.is_told, self.asked = is_told, 0

    def is_set(self):
        self.asked += 1
        return self.is_told and self.asked > 3

    def is_paused(self):
        return False


class Runs:
    """What two processes do one after the other; pickled into them."""

    def __init__(self, data, folder):
        self.data, self.folder = data, folder

    def __call__(self, ranks):
        said = {}
        sink = Recorder()
        Trainer.run(plan_for(self.data, self.folder / "a"), sink)
        said["events"] = [len(sink.of(kind)) for kind in (RunStarted, EpochDone)]
        Trainer.run(plan_for(self.data, self.folder / "b", **OTHER), Recorder())
        broken = plan_for(self.data, self.folder / "c")
        said["stopped"] = Trainer.run(broken, Recorder(), Told(ranks.rank == 1)).stopped_by
        said["resumed"] = Trainer.run(replace(broken, is_resumed=True), Recorder()).stopped_by
        said["refused"] = []
        for plan in (plan_for(self.data, self.folder / "a"), plan_for(self.data, self.folder / "d", batch=1)):
            try:
                Trainer.run(plan, Recorder())
            except UserError as error:
                said["refused"].append(error.message)
        nan = plan_for(self.data, self.folder / "e", lr=1e30, clip_norm=0, epochs=20, warmup_share=0, validate_every=9)
        try:
            said["nan"] = Trainer.run(nan, Recorder()).stopped_by
        except UserError as error:
            said["nan"] = error.message
        return said


@pytest.fixture(scope="module")
def two(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return in_ranks(Runs(data, folder), 2, folder), folder


def lines_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def furthest(a, b):
    """The largest difference of two runs' metrics."""
    most = 0.0
    assert len(a) == len(b) > 0
    for one, other in zip(a, b, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            pairs = zip(value, other[key], strict=True) if isinstance(value, list) else [(value, other[key])]
            for left, right in pairs:
                assert (left is None) == (right is None), key
                most = max(most, 0.0 if left is None else abs(left - right))
    return most


@pytest.mark.parametrize(("name", "changes"), (("a", {}), ("b", OTHER)))
def test_two_processes_write_the_metrics_of_one(two, data, tmp_path, name, changes):
    Trainer.run(plan_for(data, tmp_path / "one", **changes), Recorder())
    _, folder = two
    assert furthest(lines_of(tmp_path / "one"), lines_of(folder / name)) < 1e-6
    one, _ = load_weights(tmp_path / "one" / "last.safetensors")
    shared, card = load_weights(folder / name / "last.safetensors")
    assert one.keys() == shared.keys()
    for key, value in one.items():
        torch.testing.assert_close(shared[key], value, atol=1e-5, rtol=1e-4)
    # Each validation image was counted once: the pixels of the metrics are those that are labelled.
    assert card.split == f"10 train, {VAL_IMAGES} val images"


def test_the_first_process_alone_speaks(two):
    said, _ = two
    assert [answer["events"] for answer in said] == [[1, 2], [0, 0]]


def test_one_process_told_to_stop_stops_all_and_they_go_on_as_if_unbroken(two):
    said, folder = two
    assert [answer["stopped"] for answer in said] == ["user", "user"]
    assert [answer["resumed"] for answer in said] == ["epochs", "epochs"]
    assert (folder / "c" / "metrics.jsonl").read_bytes() == (folder / "a" / "metrics.jsonl").read_bytes()


def test_what_one_process_cannot_do_all_refuse(two):
    for answer in two[0]:
        assert answer["refused"] == ["this folder holds a run already", "2 processes cannot share a batch of 1"]
    assert "the loss is no number" in two[0][0]["nan"] or two[0][0]["nan"] == "nan"
    assert two[0][1]["nan"] == "nan"


def test_the_shares_of_all_processes_are_the_batches_of_one():
    for length, batch, size in ((10, 4, 2), (23, 5, 3), (3, 8, 2)):
        sampler = EpochSampler(length, seed=1)
        whole = min(batch, length)
        for epoch, skipped in ((1, 0), (2, whole)):
            sampler.epoch, sampler.skipped = epoch, skipped
            keys = list(sampler)
            parts = [list(part := RankSampler(sampler, batch, Ranks(rank, size))) for rank in range(size)]
            assert [len(part) for part in parts] == [
                len(RankSampler(sampler, batch, Ranks(r, size))) for r in range(size)
            ]
            rebuilt = []
            for begin in range(0, len(keys) // whole):
                for rank, part in enumerate(parts):
                    share = len(Ranks(rank, size).share(range(whole)))
                    rebuilt += part[begin * share : (begin + 1) * share]
            assert rebuilt == keys[: len(keys) // whole * whole]


def test_processes_draw_otherwise_and_a_step_draws_the_same_again():
    def drawn(ranks, step):
        ranks.seed_step(3, step)
        return torch.rand(4)

    state = torch.get_rng_state()
    try:
        a, b = Ranks(0, 2), Ranks(1, 2)
        assert not torch.equal(drawn(a, 5), drawn(b, 5)) and not torch.equal(drawn(a, 5), drawn(a, 6))
        assert torch.equal(drawn(b, 5), drawn(b, 5))
        torch.manual_seed(1)
        before = torch.get_rng_state()
        ONE.seed_step(3, 5)
        assert torch.equal(before, torch.get_rng_state())
    finally:
        torch.set_rng_state(state)


def test_how_a_process_was_started_is_read_from_the_environment(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert launched() == Launch()
    for name, value in (("RANK", "5"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1"), ("LOCAL_WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    assert launched() == Launch(5, 8, 1, 4)
    monkeypatch.setenv("RANK", "8")
    with pytest.raises(UserError, match="RANK is 8 of WORLD_SIZE 8"):
        launched()
    monkeypatch.setenv("RANK", "one")
    with pytest.raises(UserError, match="no numbers"):
        launched()


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    chosen = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    device, backend = own_device("auto", Launch(3, 4, 1, 2))
    assert device == "cuda:1" and chosen == [1] and backend.startswith("cpu:gloo")
    assert own_device("cuda:0", Launch(1, 2, 1, 2)) == ("cuda:0", "gloo")
    assert own_device("cpu", Launch(1, 2, 1, 2)) == ("cpu", "gloo")
    with pytest.raises(UserError, match="3 processes but 2 GPUs"):
        own_device("auto", Launch(0, 3, 0, 3))
    with pytest.raises(UserError, match="Apple"):
        own_device("mps", Launch(0, 2, 0, 2))


def command(data, out, *more):
    fields = "--arch unet --encoder none --arch-option width=4 --batch 4 --size 64 --patches-per-image 1 --device cpu --threads 1"
    names = "--precision fp32 --no-tensorboard --classes background,disc --optimiser sgd --seed 3"
    return ["train", "--data", data, "--out", str(out), *fields.split(), *names.split(), *more]


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "segstudio"]


def environment():
    kept = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}


def test_torchrun_trains(two, data, tmp_path):
    done = subprocess.run(
        [*TORCHRUN, *command(data, tmp_path / "run", "--epochs", "2", "--lr", "0.001", "--json")],
        capture_output=True, text=True, env=environment(), timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 2
    assert "Warning" not in done.stderr
    assert len(re.findall("^segstudio: epoch", done.stderr, re.MULTILINE)) == 2
    assert furthest(lines_of(two[1] / "a"), lines_of(tmp_path / "run")) < 1e-6


def children_of(pid):
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_trainer(pid):
    """Whether this is a process that trains, not a resource tracker."""
    line = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"segstudio" in line or b"spawn_main" in line


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("start", (TORCHRUN, [sys.executable, "-m", "segstudio"]), ids=("torchrun", "processes"))
def test_a_process_that_dies_ends_all_with_one_sentence(data, tmp_path, start):
    run = tmp_path / "run"
    more = ("--epochs", "5000") if start is TORCHRUN else ("--epochs", "5000", "--processes", "2")
    process = subprocess.Popen(
        [*start, *command(data, run, *more)], stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        until = time.monotonic() + 120
        while not (run / "metrics.jsonl").is_file() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert process.poll() is None
        trainers = [pid for pid in children_of(process.pid) if is_trainer(pid)]
        assert len(trainers) == (2 if start is TORCHRUN else 1)
        os.kill(trainers[-1], signal.SIGKILL)
        killed = time.monotonic()
        _, text = process.communicate(timeout=60)
        assert time.monotonic() - killed < 15
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 1
    sentences = [line for line in text.splitlines() if line.startswith("segstudio: ") and "ended" in line]
    assert (
        len(sentences) == 1
        and "one of the 2 processes of this run ended" in sentences[0]
        and "--resume" in sentences[0]
    )
    assert 'Traceback (most recent call last):\n  File "' + str(Path(__file__).parents[3] / "segstudio") not in text
    begun = len(lines_of(run))
    last = replace(TrainPlan.load(run), epochs=begun + 1)
    (run / "config.json").write_text(json.dumps(last.to_json()))
    sink = Recorder()
    Trainer.run(replace(last, is_resumed=True, processes=1), sink)
    assert len(lines_of(run)) == begun + 1 and sink.of(StepDone)
