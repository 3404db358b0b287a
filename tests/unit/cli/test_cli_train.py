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
from segstudio.ml.weights_header import read_card

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


def test_losses_and_weights_reach_the_plan(capsys, project, tmp_path):
    out = tmp_path / "run"
    chosen = ["--loss", "ce+0.5*lovasz", "--class-weights", "effective", "--border-weight", "10"]
    code, _, err = run(capsys, "train", project, *QUICK, *chosen, "--out", out)
    assert code == 0 and "Class weights: background" in err, err
    plan = TrainPlan.load(out)
    assert (plan.loss, plan.class_balance, plan.border_weight) == ("ce+0.5*lovasz", "effective", (10.0, 5.0))
    assert len(plan.class_weights) == 2 and plan.class_weights[1] > plan.class_weights[0]
    code, _, err = run(capsys, "train", project, *QUICK, "--loss", "ce+lovas", "--out", tmp_path / "other")
    assert code == 2 and "Did you mean lovasz?" in err and not (tmp_path / "other").exists()


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
    assert code == 1 and err.count("\n") == 1 and "background, spot, other" in err and str(out) in err and "--from" in err


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--arch", "unett"], "Did you mean unet"),
        (["--encoder", "resnet999"], "Did you mean resnet"),
        (["--arch", "segnet", "--encoder", "convnext_tiny"], "Choose one of vgg16_bn, vgg16."),
        (["--arch", "enet", "--encoder", "resnet18"], "it brings its own"),
        (["--encoder", "timm:nonsense"], "timm has no network 'nonsense'"),
        (["--encoder", "timm:regnety_02"], "timm:regnety_002"),
        (["--encoder", "timm:"], "timm has no network"),
        (["--arch", "segnet", "--encoder", "timm:regnety_002"], "does not take the encoder"),
        (["--freeze", "1.5"], "from 0 to 1"),
        (["--freeze", "0.5", "--no-pretrained"], "cannot be frozen"),
        (["--arch", "enet", "--freeze", "0.5"], "brings its own encoder"),
        (["--arch-option", "depth=2"], "no option 'depth'"),
        (["--arch", "segnet", "--arch-option", "depth=2"], "segnet has no option 'depth'"),
        (["--arch", "unetplusplus", "--arch-option", "dept=2"], "did you mean depth"),
        (["--arch", "unetplusplus", "--arch-option", "depth=9"], "from 1 to 4"),
        (["--arch", "deeplabv3", "--arch-option", "cascade=perhaps"], "give yes or no"),
        (["--arch-option", "slim"], "KEY=VALUE"),
    ],
)
def test_a_network_that_cannot_be_is_refused_before_anything_is_read(capsys, tmp_path, arguments, words):
    code, text, err = run(capsys, "train", tmp_path / "p", *arguments, "--out", tmp_path / "run", "--json")
    assert (code, text, err.count("\n")) == (2, "", 1) and words.casefold() in err.casefold(), err
    assert not (tmp_path / "run").exists()


def test_networks_of_timm_that_are_no_encoders_are_one_sentence(capsys, project, tmp_path):
    for name in ("timm:vit_tiny_patch16_224", "timm:mixer_s16_224"):
        code, _, err = run(capsys, "train", project, *QUICK, "--encoder", name, "--out", tmp_path / "run")
        assert code == 1 and err.count("\n") == 1 and "cannot be an encoder" in err, err


def test_frozen_layers_and_options_are_told_and_kept(capsys, project, tmp_path):
    out = tmp_path / "run"
    choices = ["--arch", "deeplabv3", "--arch-option", "cascade=yes", "--arch-option", "output_stride=16", "--freeze", "0.5"]
    quick = [a for a in QUICK[2:] if a != "--no-pretrained"]
    code, _, err = run(capsys, "train", project, *choices, *quick, "--size", 64, "--out", out)
    assert code == 0 and "M of them frozen" in err, err
    card = read_card(out / "best.safetensors")
    assert card.options == {"output_stride": "16", "cascade": True}
    # What it is may not change when it goes on; what it was begun with may be said again.
    again = ["--out", out, "--resume", "--threads", 1, "--device", "cpu"]
    for option, words in ((["--arch", "segnet"], "arch deeplabv3"), (["--epochs", "7"], "epochs 2"), (["--freeze", "0.2"], "freeze 0.5")):
        code, _, err = run(capsys, "train", *option, *again)
        assert code == 1 and err.count("\n") == 1 and words in err and "--from" in err, err
    assert run(capsys, "train", *choices, *again)[0] == 0
    code, _, err = run(capsys, "train", project, "--arch", "deeplabv3", "--from", out / "best.safetensors", *quick, "--size", 64, "--out", tmp_path / "next")
    assert code == 0 and read_card(tmp_path / "next" / "best.safetensors").options["cascade"] is True, err


def test_evaluate_prints_the_scores(capsys, project, tmp_path, monkeypatch):
    offer_bright(monkeypatch, tmp_path)
    code, out, err = run(capsys, "evaluate", project, "--model", "bright", "--device", "cpu", "--boundary-tolerance", 2, "--json")
    assert (code, err) == (0, "")
    scores = json.loads(out)
    assert scores["mean_iou"] == 1.0 and scores["boundary_f1"] == 1.0 and scores["split"] == "val"
    assert [row["name"] for row in scores["per_class"]] == ["background", "spot"]
    code, out, err = run(capsys, "evaluate", project, "--model", "bright", "--split", "train", "--device", "cpu")
    assert code == 0 and "mean iou: 1.0000" in out and "spot" in out and "expected calibration error: 0." in out
    code, out, err = run(capsys, "evaluate", project, "--model", "bright", "--per-image", "--device", "cpu")
    assert code == 0 and "mean IoU" in out and ".png" in out
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
        wait_for(process, lambda: (out / "metrics.jsonl").exists())  # an epoch is over
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
