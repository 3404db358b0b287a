"""``models install``, ``export`` and ``info`` with files of other makers, ``--model FILE``, through the real ``main``."""

import json
import shutil

import numpy as np
import pytest
import torch
from onnx_files import write_onnx
from PIL import Image
from shared_data import ROOT, find_shared
from skimage import data
from small_projects import run, small_project

from segstudio.io.store.project import ProjectStore
from segstudio.ml.cards import ModelCard
from segstudio.ml.networks.build import build_network
from segstudio.ml.weights import save_weights


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))


BRIGHT = np.array([[-9.0] * 3, [9.0] * 3]) / 3
"""Weights of a graph for which brighter than the mean is class 1."""


def shared_weights(name):
    base = find_shared()
    file = (base.parent if base else ROOT.parent / "shared") / "weights" / name
    if not file.is_file():
        pytest.skip(f"needs {name} of the shared weights (../shared/weights)")
    return file


def test_a_strangers_onnx_is_installed_listed_and_proposes(tmp_path, capsys):
    file = write_onnx(tmp_path / "net.onnx", weight=BRIGHT)
    said = ("--name", "spots", "--classes", "background,spot", "--mean", "0.5", "--std", "0.25")
    code, out, err = run(capsys, "models", "install", str(file), *said, "--json")
    assert code == 0, err
    assert json.loads(out)["classes"] == ["background", "spot"]
    code, out, _ = run(capsys, "models", "info", "spots", "--json")
    card = json.loads(out)["card"]
    assert (card["mean"], card["std"], card["architecture"]) == ([0.5] * 3, [0.25] * 3, "onnx")
    project = small_project(tmp_path / "p", is_labelled=False, images=1)
    code, _, err = run(capsys, "propose", str(project), "--model", "spots")
    assert code == 0, err
    with ProjectStore.open(project, read_only=True) as store:
        assert "spot" in {c.name for c in store.classes}


def test_predict_takes_the_file_itself(tmp_path, capsys):
    file = write_onnx(tmp_path / "net.onnx", weight=BRIGHT, height=64, width=64)
    picture = np.zeros((90, 110, 3), np.uint8)
    picture[20:60, 30:80] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    code, _, err = run(capsys, "predict", str(tmp_path / "a.png"), "--model", str(file), "--out", str(tmp_path / "out"))
    assert code == 0, err
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/a.png")), (picture[..., 0] > 0).astype(np.uint8))


def test_info_of_files_of_other_makers(tmp_path, capsys):
    theirs = tmp_path / "theirs.pth"
    torch.save({"state_dict": {"stem.weight": torch.ones(8, 3, 3, 3), "stem.bias": torch.ones(8)}}, theirs)
    code, out, _ = run(capsys, "models", "info", str(theirs), "--json")
    held = json.loads(out)["file"]
    assert code == 0 and (held["place"], held["parameters"], len(held["tensors"])) == ("state_dict", 224, 2)
    assert held["tensors"][0] == {"name": "stem.weight", "shape": [8, 3, 3, 3], "dtype": "float32"}
    assert "none of the networks" in held["problem"] and not held["network"]
    code, out, _ = run(capsys, "models", "info", str(theirs))
    assert code == 0 and "stem.weight  8×3×3×3  float32" in out
    code, out, _ = run(capsys, "models", "info", str(write_onnx(tmp_path / "net.onnx")), "--json")
    document = json.loads(out)
    assert code == 0 and document["card"]["bands"] == 3 and document["file"]["tensors"][0]["name"] == "input image"


@pytest.mark.parametrize("name", ["lwnet_wnet_drive.pth", "espnetv2_s_2.0_pascal_384x384.pth"])
def test_real_strangers_are_listed_and_refused_in_one_sentence(name, capsys):
    file = shared_weights(name)
    code, out, _ = run(capsys, "models", "info", str(file), "--json")
    held = json.loads(out)["file"]
    assert code == 0 and len(held["tensors"]) > 200 and held["parameters"] > 50_000
    code, out, err = run(capsys, "models", "install", str(file))
    assert code == 1 and not out and "Traceback" not in err
    assert len(err.strip().splitlines()) == 1 and f"has these {len(held['tensors'])} tensors; the first is" in err


def test_a_model_is_exported_and_comes_back_the_same(tmp_path, capsys):
    torch.manual_seed(0)
    network = build_network("unet", "none", bands=3, classes=2, options={"width": 4})
    network.train()(torch.randn(4, 3, 64, 64))
    card = ModelCard(
        "mine",
        "Mine",
        architecture="unet",
        encoder="none",
        classes=("background", "x"),
        options={"width": 4},
        window_px=64,
        overlap_px=16,
    )
    save_weights(tmp_path / "mine.safetensors", network.state_dict(), card)
    target = tmp_path / "mine.onnx"
    code, out, err = run(
        capsys, "models", "export", str(tmp_path / "mine.safetensors"), "--onnx", str(target), "--size", "64"
    )
    assert code == 0, err
    assert "for windows of 64×64 px" in out and "onnxruntime gives the same logits" in out and target.is_file()
    Image.fromarray(data.coffee()[:150, :200]).save(tmp_path / "a.png")
    masks = []
    for model in ("mine.safetensors", "mine.onnx"):
        out_dir = tmp_path / f"of-{model}"
        arguments = ("--model", str(tmp_path / model), "--out", str(out_dir), "--tile", "64", "--overlap", "16")
        code, _, err = run(capsys, "predict", str(tmp_path / "a.png"), *arguments)
        assert code == 0, err
        masks.append(np.asarray(Image.open(out_dir / "a.png")))
    assert masks[0].shape == (150, 200) and (masks[0] == masks[1]).mean() > 0.999


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("export", "nuclei", "--onnx", "x.txt"), "ends in .onnx"),
        (("export", "classic/otsu", "--onnx", "x.onnx"), "no network of semantic segmentation"),
        (("export", "nucleii", "--onnx", "x.onnx"), "Did you mean nuclei"),
        (("install", "none.onnx"), "cannot be read"),
        (("install", "FILE", "--classes", "a"), "tells 3 classes apart, but 1 names"),
        (("install", "FILE", "--mean", "a,b"), "--mean holds 'a,b'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    file = write_onnx(tmp_path / "net.onnx")
    code, out, err = run(capsys, "models", *(str(file) if a == "FILE" else a for a in arguments))
    assert code == 1 and not out and words in err and "Traceback" not in err


def test_u2netp_cuts_out_what_is_salient(tmp_path, capsys):
    (tmp_path / "cache/models").mkdir(parents=True)
    shutil.copyfile(shared_weights("u2netp.onnx"), tmp_path / "cache/models/u2netp.onnx")
    Image.fromarray(data.coffee()).save(tmp_path / "coffee.png")
    for arguments in (("new", "p"), ("add", "p", "coffee.png"), ("propose", "p", "--model", "u2netp"), ("accept", "p")):
        code, _, err = run(
            capsys,
            arguments[0],
            str(tmp_path / "p"),
            *(str(tmp_path / a) if a.endswith("png") else a for a in arguments[2:]),
        )
        assert code == 0, err
    code, out, _ = run(capsys, "info", str(tmp_path / "p"), "--json")
    pixels = next(c["pixels"] for c in json.loads(out)["classes"] if c["name"] == "salient object")
    assert 0.4 < pixels / (600 * 400) < 0.55
