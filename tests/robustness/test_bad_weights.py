"""Bad weights files on the command line: one sentence, no code of theirs is run, and nothing there is lost."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from bad_files import pickle_with_code
from small_projects import contents, offer_bright, run, small_project

from segstudio.ml.cards import ModelCard
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.trainer import Trainer
from segstudio.ml.weights import save_weights

CARD = ModelCard("mine", "Mine", architecture="unet", encoder="efficientnet_lite0", classes=("background", "spot"))
QUICK = [
    "--no-pretrained",
    "--epochs",
    1,
    "--batch",
    2,
    "--size",
    32,
    "--threads",
    1,
    "--device",
    "cpu",
    "--augment",
    "none",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A good weights file, of a run of one step."""
    folder = tmp_path_factory.mktemp("trained")
    project = small_project(folder / "p")
    plan = TrainPlan(
        project=str(project), out=str(folder / "run"), is_pretrained=False, epochs=1, batch=2, patch_px=32, patches_per_image=2, threads=1,
        device="cpu", precision="fp32", augment="none", has_tensorboard=False,
    )  # fmt: skip
    return Trainer.run(plan, lambda event: None).best


@pytest.fixture
def bad(tmp_path, trained, request):
    """The bad weights file that the test asks for, and a folder that its code would make."""
    target = tmp_path / "owned"
    kind = request.param
    if kind == "pickle":
        return pickle_with_code(tmp_path / "evil.pth", target), target
    if kind == "pickle named safetensors":
        return pickle_with_code(tmp_path / "evil.safetensors", target), target
    file = tmp_path / "model.safetensors"
    if kind == "truncated":
        shutil.copyfile(trained, file)
        with file.open("r+b") as stream:
            stream.truncate(file.stat().st_size * 2 // 3)
    elif kind == "empty":
        file.touch()
    elif kind == "another network":
        save_weights(file, {"stem.weight": torch.zeros(3, 3)}, CARD)
    elif kind == "unknown network":
        save_weights(
            file,
            {"stem.weight": torch.zeros(3, 3)},
            ModelCard("x", "X", architecture="swin9000", classes=("background", "x")),
        )
    elif kind == "no card":
        import safetensors.torch

        safetensors.torch.save_file({"a": torch.zeros(2)}, file)
    return file, target


KINDS = (
    "pickle",
    "pickle named safetensors",
    "truncated",
    "empty",
    "another network",
    "unknown network",
    "no card",
    "missing",
)


@pytest.mark.parametrize("bad", KINDS, indirect=True)
def test_bad_weights_are_refused_by_every_command(capsys, bad, tmp_path, monkeypatch):
    file, target = bad
    offer_bright(monkeypatch, tmp_path)
    project = small_project(tmp_path / "p")
    before = contents(project)
    picture = tmp_path / "pictures" / "im0.png"
    commands = (
        ["propose", project, "--model", file, "--device", "cpu"],
        ["predict", picture, "--model", file, "--device", "cpu", "--out", tmp_path / "out"],
        ["evaluate", project, "--model", file, "--device", "cpu"],
        ["train", project, *QUICK, "--from", file, "--out", tmp_path / "run"],
    )
    for command in commands:
        code, out, err = run(capsys, *command, "--json")
        assert (code, out) == (1, ""), (command, out)
        assert err.count("\n") == 1 and str(file) in err and ". " in err and "Error:" not in err, err
    assert not list((tmp_path / "out").glob("*")) and not (tmp_path / "run" / "last.safetensors").exists()
    assert not target.exists(), "code in the file was run"
    assert contents(project) == before


@pytest.mark.parametrize("bad", KINDS[:4], indirect=True)
def test_bad_weights_are_not_installed(capsys, bad, tmp_path, monkeypatch):
    file, target = bad
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    code, out, err = run(capsys, "models", "install", file, "--json")
    assert (code, out) == (1, "") and str(file) in err and err.count("\n") == 1
    assert not target.exists() and not list((tmp_path / "data").rglob("*.safetensors"))


@pytest.mark.parametrize("bad", KINDS[1:7], indirect=True)
def test_a_bad_run_does_not_hide_the_other_models(capsys, bad, tmp_path, monkeypatch):
    """A run of the project whose weights went bad: the list says so, the project works on."""
    file, _ = bad
    offer_bright(monkeypatch, tmp_path)
    project = small_project(tmp_path / "p")
    run_folder = project / "runs" / "broken"
    run_folder.mkdir(parents=True)
    shutil.copyfile(file, run_folder / "best.safetensors")
    code, out, err = run(capsys, "models", "list", "--project", project, "--json")
    models = {m["id"]: m for m in json.loads(out)}
    assert (code, err) == (0, "") and models["bright"]["available"]
    # That the tensors are another network's is found when they are loaded: the list reads headers only.
    assert models["runs/broken"]["available"] or models["runs/broken"]["reason"]
    code, _, err = run(capsys, "propose", project, "--model", "broken", "--device", "cpu")
    assert code == 1 and err.count("\n") == 1 and "broken" in err and "Error:" not in err
    assert run(capsys, "info", project)[0] == 0
    assert run(capsys, "propose", project, "--model", "bright", "--device", "cpu")[0] == 0
