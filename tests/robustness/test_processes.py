"""Children outlive no parent, and the real hosts propose, train, export and stop when told to."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.jobs.protocol import (
    END,
    Failed,
    Finished,
    ImageDone,
    ImageFailed,
    Progress,
    StageChanged,
    TrainEvent,
    WasCancelled,
    WindowReady,
)
from segstudio.jobs.specs import ExportSpec, ImageTask, PrefetchSpec, ProposeSpec, TrainSpec
from segstudio.jobs.supervisor import ChildProcess
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone

HERE = Path(__file__).parent
LIMIT_S = 120.0
posix = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"SEGSTUDIO_{name}_DIR", str(tmp_path / name.lower()))


@pytest.fixture
def host():
    """Makes a child of a real host; nothing is left of it afterwards."""
    made = []

    def make(name):
        made.append(ChildProcess(name.replace("_", " "), f"segstudio.jobs.{name}:serve"))
        return made[-1]

    yield make
    for child in made:
        child.shut_down()
    assert not multiprocessing.active_children()


def to_end(child, until=END, limit_s=LIMIT_S):
    """Messages up to the first of the kind *until*."""
    messages = []
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        messages += child.poll(0.2)
        if any(isinstance(m, until) for m in messages):
            return messages
        if messages and isinstance(messages[-1], Failed):
            raise AssertionError(f"{messages[-1].sentence}\n{messages[-1].details}")
    raise AssertionError(f"no end within {limit_s} s; so far {messages}")


def is_running(pid):
    """Whether a process of that number runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc").is_dir()


def seconds_to_death(name, limit_s):
    """Kill -9 the parent of a child at work; how long the child lives on, or None when it outlives the limit."""
    parent = subprocess.Popen(
        [sys.executable, str(HERE / "process_parent.py"), name], stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    try:
        pid = int(parent.stdout.readline())
        assert is_running(pid)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    began = time.monotonic()
    try:
        while time.monotonic() - began < limit_s:
            if not is_running(pid):
                return time.monotonic() - began
            time.sleep(0.02)
        return None
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


@posix
@pytest.mark.parametrize(
    "name",
    [
        "hang",
        "load",
        pytest.param(
            "hold_lock", marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends such a child")
        ),
    ],
)
def test_child_is_gone_three_seconds_after_its_parent(name):
    seconds = seconds_to_death(name, 6.0)
    assert seconds is not None and seconds <= 3.0


@posix
def test_without_the_watch_the_child_lives_on():
    """The control: nothing else ends such a child."""
    assert seconds_to_death("unwatched", 4.0) is None


# -- the model host --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small U-Net of three classes with random parameters."""
    import torch

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.networks.build import build_network
    from segstudio.ml.weights import save_weights

    torch.manual_seed(1)
    card = ModelCard(
        id="tiny", name="Tiny", architecture="unet", encoder="none", classes=("background", "a", "b"),
        window_px=64, overlap_px=16, options={"width": 4},
    )  # fmt: skip
    network = build_network("unet", "none", bands=3, classes=3, options=card.options)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(file, network.state_dict(), card)
    return file


def picture(file, height, width, seed=0):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)).save(file)
    return str(file)


def test_model_host_proposes_whole_images_and_keeps_its_model(host, weights, tmp_path):
    child = host("model_host")
    tasks = (
        ImageTask(7, picture(tmp_path / "a.png", 150, 200)),
        ImageTask(9, picture(tmp_path / "b.png", 64, 80), rects=(Rect(10, 20, 30, 40),)),
    )
    spec = ProposeSpec(str(weights), None, "cpu", tasks, generation=5)
    child.submit(spec)
    messages = to_end(child)
    assert isinstance(messages[-1], Finished), messages[-1]
    assert messages[-1].result["images"] == 2 and messages[-1].result["failed"] == []
    assert isinstance(messages[0], StageChanged)
    covered = {7: np.zeros((150, 200), int), 9: np.zeros((64, 80), int)}
    for message in messages:
        if isinstance(message, WindowReady):
            assert message.generation == 5
            result = message.result
            covered[message.image_id][result.rect.slices] += 1
            assert result.class_index.shape == result.confidence.shape == (result.rect.height, result.rect.width)
            assert int(result.class_index.max()) < 3
    assert (covered[7] == 1).all(), "each pixel exactly once"
    assert (covered[9][20:60, 10:40] == 1).all() and covered[9].sum() == 30 * 40
    assert [m.image_id for m in messages if isinstance(m, ImageDone)] == [7, 9]
    done = [m.done / m.total for m in messages if isinstance(m, Progress)]
    assert done == sorted(done)
    pid = child.pid
    child.submit(spec)
    again = to_end(child)
    assert child.pid == pid
    first = [m.result.class_index for m in messages if isinstance(m, WindowReady)]
    second = [m.result.class_index for m in again if isinstance(m, WindowReady)]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_prefetch_loads_and_names_the_model(host, weights):
    child = host("model_host")
    child.submit(PrefetchSpec(str(weights), None, "cpu"))
    assert to_end(child)[-1].result == "tiny"


def test_one_bad_image_of_several_is_named_and_the_others_go_on(host, weights, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    tasks = (ImageTask(1, str(bad)), ImageTask(2, picture(tmp_path / "good.png", 40, 40)))
    child = host("model_host")
    child.submit(ProposeSpec(str(weights), None, "cpu", tasks))
    messages = to_end(child)
    failed = [m for m in messages if isinstance(m, ImageFailed)]
    assert [m.image_id for m in failed] == [1] and "bad.png" in failed[0].sentence
    assert [m.image_id for m in messages if isinstance(m, ImageDone)] == [2]
    child.submit(ProposeSpec(str(weights), None, "cpu", tasks[:1]))
    end = to_end(child)[-1]
    assert isinstance(end, Failed) and end.is_user_error and "bad.png" in end.sentence


def test_unknown_model_is_a_sentence(host):
    child = host("model_host")
    child.submit(ProposeSpec("no such model", None, "cpu", ()))
    end = to_end(child)[-1]
    assert isinstance(end, Failed) and end.is_user_error and "no such model" in end.sentence


def test_proposing_is_cancelled_within_a_second(host, weights, tmp_path):
    child = host("model_host")
    task = ImageTask(1, picture(tmp_path / "big.png", 3000, 3000))
    taken_s = []
    # The best of three: a machine busy with something else may hold up one.
    while len(taken_s) < 3 and min(taken_s, default=9.0) >= 1.0:
        child.submit(ProposeSpec(str(weights), None, "cpu", (task,)))
        to_end(child, WindowReady)
        began = time.monotonic()
        child.cancel()
        assert isinstance(to_end(child)[-1], WasCancelled)
        taken_s.append(time.monotonic() - began)
        assert child.is_alive
    assert min(taken_s) < 1.0


# -- the trainer -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """Discs on noise: 6 training and 2 validation images of 64²."""
    root = tmp_path_factory.mktemp("discs")
    dice = np.random.default_rng(5)
    y, x = np.mgrid[:64, :64]
    for split, count in (("train", 6), ("val", 2)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for index in range(count):
            mask = (y - dice.integers(16, 48)) ** 2 + (x - dice.integers(16, 48)) ** 2 < 150
            image = (dice.normal(60, 15, (64, 64, 3)) + mask[..., None] * 100).clip(0, 255).astype(np.uint8)
            Image.fromarray(image).save(root / "images" / split / f"{index}.png")
            Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / split / f"{index}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


def plan_of(data, out, **more):
    values = {
        "epochs": 1, "batch": 3, "patch_px": 64, "patches_per_image": 1, "device": "cpu", "precision": "fp32",
        "has_tensorboard": False, "arch": "unet", "encoder": "none", "threads": 1,
        "class_names": ("background", "disc"),
    }  # fmt: skip
    return TrainPlan(out=str(out), data=data, **{**values, **more})


def test_trainer_host_trains_two_steps_and_tells_of_them(host, discs, tmp_path):
    child = host("trainer_host")
    child.submit(TrainSpec(plan_of(discs, tmp_path / "run")))
    messages = to_end(child)
    assert isinstance(messages[-1], Finished), messages[-1]
    finished = messages[-1].result
    assert isinstance(finished, RunFinished) and finished.stopped_by == "epochs"
    assert Path(finished.best).is_file() and Path(finished.last).is_file()
    events = [m.event for m in messages if isinstance(m, TrainEvent)]
    started = next(e for e in events if isinstance(e, RunStarted))
    assert started.classes == ("background", "disc") and (started.train_images, started.val_images) == (6, 2)
    assert [e.step for e in events if isinstance(e, StepDone)][-1] == 2
    assert [e.epoch for e in events if isinstance(e, EpochDone)] == [1]


def test_cancelling_a_run_stops_it_and_keeps_what_was_learnt(host, discs, tmp_path):
    child = host("trainer_host")
    child.submit(TrainSpec(plan_of(discs, tmp_path / "run", epochs=10_000)))
    deadline = time.monotonic() + LIMIT_S
    while not any(isinstance(getattr(m, "event", None), EpochDone) for m in child.poll(0.2)):
        assert time.monotonic() < deadline and child.is_busy
    began = time.monotonic()
    child.cancel()
    end = to_end(child)[-1]
    assert time.monotonic() - began < 10.0
    assert isinstance(end, Finished) and end.result.stopped_by == "user"
    from segstudio.ml.weights_header import read_card

    assert read_card(Path(end.result.last)).classes == ("background", "disc")


@posix
def test_killed_trainer_is_told_of_and_its_run_can_be_resumed(host, discs, tmp_path):
    child = host("trainer_host")
    plan = plan_of(discs, tmp_path / "run", epochs=10_000)
    child.submit(TrainSpec(plan))
    deadline = time.monotonic() + LIMIT_S
    while not (tmp_path / "run" / "metrics.jsonl").is_file():
        child.poll(0.1)
        assert time.monotonic() < deadline and child.is_busy
    os.kill(child.pid, signal.SIGKILL)
    end = to_end(child)[-1]
    assert isinstance(end, Failed) and end.sentence.startswith("The trainer host died (signal 9)")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, len(lines) + 1))
    child.submit(TrainSpec(replace(plan, is_resumed=True)))
    started = next(
        m.event for m in to_end(child, TrainEvent) if isinstance(m, TrainEvent) and isinstance(m.event, RunStarted)
    )
    assert started.first_epoch in (len(lines), len(lines) + 1)
    child.cancel()
    to_end(child)


def test_trainer_with_nothing_to_read_is_a_sentence(host, tmp_path):
    child = host("trainer_host")
    child.submit(TrainSpec(plan_of(f"folder:{tmp_path / 'none'},{tmp_path / 'neither'}", tmp_path / "run")))
    end = to_end(child)[-1]
    assert isinstance(end, Failed) and end.is_user_error and "none" in end.sentence


# -- the task host ---------------------------------------------------------------------------------------------------


def test_task_host_exports_a_project(host, tmp_path):
    with ProjectStore.create(tmp_path / "project", ClassTable.from_names("a,b")) as store:
        store.add_images([Path(picture(tmp_path / "one.png", 60, 90))])
        labels = store.labels_layer(store.images()[0].id)
        transaction = Transaction(labels, "Brush")
        transaction.paint(np.ones((20, 30), bool), 5, 7, transaction.ensure_stuff(store.classes[0].id))
        store.commit(transaction.commit())
    child = host("task_host")
    child.submit(ExportSpec(str(tmp_path / "project"), "masks", str(tmp_path / "out"), split="train=1,val=0,test=0"))
    messages = to_end(child)
    assert isinstance(messages[-1], Finished), messages[-1]
    assert messages[-1].result.images == 1
    assert [m for m in messages if isinstance(m, Progress)]
    masks = [p for p in (tmp_path / "out").rglob("*.png") if np.asarray(Image.open(p)).ndim == 2]
    assert any(int((np.asarray(Image.open(p)) > 0).sum()) == 600 for p in masks)
    child.submit(ExportSpec(str(tmp_path / "project"), "masks", str(tmp_path / "out")))
    end = to_end(child)[-1]
    assert isinstance(end, Failed) and end.is_user_error and "out" in end.sentence
