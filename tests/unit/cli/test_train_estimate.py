"""``segstudio train --estimate``: time and memory before a run, nothing written; and the line when a run begins."""

from __future__ import annotations

import json
import subprocess
import sys

from segstudio.ml.step_times import remembered
from tests.small_projects import run, small_project

BARE = """
import sys
for name in ("sqlalchemy", "platformdirs", "PySide6"):
    sys.modules[name] = None
from segstudio.cli import estimate
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import RunStarted
estimate.say(TrainPlan(out="run", data="d"), RunStarted(("a", "b"), (), 3, 1, 4, 2, 1, "cpu", 10))
"""


def test_what_a_run_will_cost_is_said_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    project = small_project(tmp_path / "project", images=5)
    options = ("--size", "64", "--batch", "2", "--epochs", "3", "--device", "cpu")
    code, out, _ = run(capsys, "train", project, "--estimate", *options)
    assert (
        code == 0 and "4 patches an epoch, 6 steps in 3 epochs" in out and "on the cpu" in out and "M parameters" in out
    )
    code, out, err = run(capsys, "train", project, "--estimate", "--json", *options)
    document = json.loads(out)
    assert code == 0 and err == "" and (document["steps"], document["patches_an_epoch"]) == (6, 4)
    assert (
        0 < document["seconds_low"] < document["seconds"] < document["seconds_high"]
        and document["judged_by"] == "rough"
    )
    assert document["parameters"] > 1e6 and 0 < document["training_bytes"] < document["available_bytes"]
    assert not (project / "runs").exists()


def test_an_option_that_is_wrong_is_refused_before(tmp_path, capsys):
    project = small_project(tmp_path / "project")
    code, _, err = run(capsys, "train", project, "--estimate", "--epochs", "0")
    assert code == 2 and "epochs" in err


def test_a_run_says_its_time_when_it_begins_and_teaches_the_next(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    project = small_project(tmp_path / "project", images=4)
    options = "--size 64 --batch 1 --epochs 2 --device cpu --threads 1 --arch enet --no-tensorboard".split()
    code, _, err = run(capsys, "train", project, *options, "--out", tmp_path / "run", "--augment", "none")
    assert code == 0 and "this will take about" in err and "a rough guess" in err
    assert [one.arch for one in remembered()] == ["enet"]
    code, out, _ = run(capsys, "train", project, "--estimate", *options, "--json")
    assert json.loads(out)["judged_by"] == "same"


def test_the_line_needs_neither_projects_nor_window():
    child = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=False, timeout=60)
    assert child.returncode == 0, child.stderr[-1000:]
    assert "this will take about" in child.stderr
