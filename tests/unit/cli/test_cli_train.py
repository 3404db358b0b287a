"""``train`` and ``evaluate`` through the real ``main``, and stopping a run by signals."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from small_projects import contents, offer_bright, run, small_project

from segstudio.io.store.project import ProjectStore
from segstudio.ml.plan import TrainPlan

QUICK = ["--arch", "unet", "--no-pretrained", "--epochs", 2, "--batch", 2, "--size", 32, "--threads", 1, "--device", "cpu", "--augment", "none"]  # fmt: skip


@pytest.fixture
def project(tmp_path):
    folder = small_project(tmp_path / "p", images=3)
    with ProjectStore.open(folder) as store:
        store.set_status([1, 2, 3], "done")
    return folder


def test_a_run_of_a_project_is_a_model_at_once(capsys, project, tmp_path):
    before = contents(project)
    out = project / "runs" / "first"
    code, text, err = run(capsys, "train", project, *QUICK, "--out", out, "--json")
    assert code == 0, err
    document = json.loads(text)
    assert (document["run"], document["epochs"], document["stopped_by"]) == (str(out), 2, "epochs")
    assert document["best"] == str(out / "best.safetensors") and 0 <= document["metrics"]["mean_iou"] <= 1
    assert "epoch 2 of 2" in err and "Traceback" not in err
    assert {"config.json", "metrics.jsonl", "best.safetensors", "last.safetensors", "state.pt"} <= {p.name for p in out.iterdir()}
    models = {m["id"]: m for m in json.loads(run(capsys, "models", "list", "--project", project, "--json")[1])}
    assert models["runs/first"]["weights"] == "project" and models["runs/first"]["available"] is True
    assert models["runs/first"]["classes"] == ["spot"]
    assert json.loads(run(capsys, "info", project, "--json")[1])["models"] == ["runs/first"]
    for name in ("first", "runs/first", str(out), str(out / "last.safetensors")):
        code, text, err = run(capsys, "propose", project, "--model", name, "--device", "cpu", "--json")
        assert code == 0, err
        assert [image["error"] for image in json.loads(text)["images"]] == ["", "", ""]
    assert {k: v for k, v in contents(project).items() if k in before and "history" not in k and "image 1 " in k and "labels" in k}.items() <= before.items()


def test_a_run_stays_as_it_is_and_an_unfinished_one_goes_on(capsys, project, tmp_path, monkeypatch):
    out = tmp_path / "run"
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "train", "p", *QUICK, "--out", "run")[0] == 0
    before = (out / "best.safetensors").read_bytes()
    code, text, err = run(capsys, "train", project, *QUICK, "--out", out)
    assert (code, text) == (1, "") and str(out) in err and "--resume" in err and err.count("\n") == 1
    assert (out / "best.safetensors").read_bytes() == before
    # As if it had been killed in the second epoch: its plan says three.
    plan = TrainPlan.load(out).to_json()
    (out / "config.json").write_text(json.dumps({**plan, "epochs": 3}))
    code, text, err = run(capsys, "train", "--out", out, "--resume", "--threads", 1, "--device", "cpu", "--json")
    assert code == 0, err
    assert json.loads(text)["epochs"] == 3
    assert [json.loads(line)["epoch"] for line in (out / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_a_run_that_never_began_does_not_block_its_folder(capsys, project, tmp_path):
    out = tmp_path / "run"
    code, _, err = run(capsys, "train", project, *QUICK, "--class-weights", "1,2,3,4", "--out", out)
    assert code == 1 and "4 class weights for 2 classes" in err and err.count("\n") == 1
    code, _, err = run(capsys, "train", project, *QUICK, "--out", out, "--resume")
    assert code == 1 and "no checkpoint" in err and "start without --resume" in err.lower()
    assert run(capsys, "train", project, *QUICK, "--out", out)[0] == 0


def test_changed_classes_are_said_on_resume(capsys, project, tmp_path):
    out = tmp_path / "run"
    assert run(capsys, "train", project, *QUICK, "--out", out)[0] == 0
    with ProjectStore.open(project) as store:
        from small_projects import paint

        from segstudio.core.geometry import Rect

        paint(store, 1, 2, Rect(0, 0, 8, 8))
    code, _, err = run(capsys, "train", project, "--out", out, "--resume", "--threads", 1, "--device", "cpu")
    assert code == 1 and err.count("\n") == 1 and "background, spot, other" in err and "state.pt" in err


def test_a_damaged_checkpoint_is_named(capsys, project, tmp_path):
    out = tmp_path / "run"
    assert run(capsys, "train", project, *QUICK, "--out", out)[0] == 0
    (out / "state.pt").write_bytes((out / "state.pt").read_bytes()[:1000])
    code, _, err = run(capsys, "train", project, "--out", out, "--resume", "--threads", 1, "--device", "cpu")
    assert code == 1 and err.count("\n") == 1 and str(out / "state.pt") in err and "damaged" in err
    (out / "config.json").write_text("{")
    code, _, err = run(capsys, "train", project, "--out", out, "--resume")
    assert code == 1 and err.count("\n") == 1 and str(out / "config.json") in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{tmp}/nothing"], "no segstudio project"),
        (["--data", "voc:{tmp}/nothing"], "does not exist"),
        (["{tmp}/p", "--arch", "unett"], "Did you mean unet"),
        (["{tmp}/p", "--from", "nucleii"], "no model"),
        (["{tmp}/p", "--device", "cuda:99"], "cuda"),
        (["{tmp}/p", "--batch", "1"], "too little to learn from"),
        (["{tmp}/p", "--classes", "a,b,c"], "3 class names for 2 classes"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(capsys, project, tmp_path, arguments, words):
    out = tmp_path / "run"
    arguments = [a.format(tmp=tmp_path) for a in arguments]
    code, text, err = run(capsys, "train", *QUICK[2:], *arguments, "--out", out, "--json")
    lines = [line for line in err.splitlines() if "training and" not in line]
    assert (code, text) == (1, "") and len(lines) == 1 and words in err, err


def test_evaluate_prints_the_scores(capsys, project, tmp_path, monkeypatch):
    offer_bright(monkeypatch, tmp_path)
    code, out, err = run(capsys, "evaluate", project, "--model", "bright", "--device", "cpu", "--boundary-tolerance", 2, "--json")
    assert (code, err) == (0, "")
    scores = json.loads(out)
    assert scores["mean_iou"] == 1.0 and scores["boundary_f1"] == 1.0 and scores["split"] == "val"
    assert [row["name"] for row in scores["per_class"]] == ["background", "spot"]
    code, out, err = run(capsys, "evaluate", project, "--model", "bright", "--split", "train", "--device", "cpu")
    assert code == 0 and "mean iou: 1.0000" in out and "spot" in out
    code, out, err = run(capsys, "evaluate", project, "--model", "bright", "--split", "exam")
    assert (code, out) == (1, "") and "train, val" in err and err.count("\n") == 1


# -- signals -------------------------------------------------------------------------------------------------------


def started(project, out, *, epochs=500):
    """A run in a process of its own, past its first epoch."""
    options = [str(o) for o in QUICK]
    options[options.index("--epochs") + 1] = str(epochs)
    command = [sys.executable, "-m", "segstudio", "train", str(project), *options, "--out", str(out), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_for(process, is_there):
    deadline = time.monotonic() + 120
    while not is_there() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None and is_there(), process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_learnt_and_says_how_to_go_on(capsys, project, tmp_path, number):
    out = tmp_path / "run"
    process = started(project, out)
    try:
        wait_for(process, lambda: (out / "state.pt").exists())
        process.send_signal(number)
        text, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1 and "Traceback" not in err
    document = json.loads(text)
    assert document["stopped_by"] == "user" and document["epochs"] >= 1
    last = err.strip().splitlines()[-1]
    assert str(out / "last.safetensors") in last and f"segstudio train --out {out} --resume" in last
    assert (out / "last.safetensors").is_file() and not list(out.glob(".segstudio-tmp-*"))
    plan = TrainPlan.load(out).to_json()
    (out / "config.json").write_text(json.dumps({**plan, "epochs": document["epochs"] + 1}))
    code, text, err = run(capsys, "train", "--out", out, "--resume", "--threads", 1, "--device", "cpu", "--json")
    assert code == 0 and json.loads(text)["epochs"] == document["epochs"] + 1
