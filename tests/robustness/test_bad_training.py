"""Bad data and bad luck in training, by the real command on dataset folders: one sentence, and nothing learnt is lost."""

from __future__ import annotations

import json
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from bad_files import filled, small_disk
from PIL import Image
from small_projects import run

from segstudio.ml.training.engine import Engine
from segstudio.ml.weights import load_weights

QUICK = [
    "--arch",
    "enet",
    "--epochs",
    3,
    "--batch",
    2,
    "--size",
    64,
    "--threads",
    1,
    "--device",
    "cpu",
    "--augment",
    "none",
    "--no-tensorboard",
]
STEPS = 4
"""Steps an epoch of what :func:`dataset` makes: eight training patches, two a step."""


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))


def dataset(folder, values=(0, 1), splits=("train", "val"), bands=3, classes=("background", "spot")):
    """Folders of eight pictures and masks for training and two for each other split; its ``--data``."""
    draw = np.random.default_rng(5)
    for split in splits:
        for number in range(8 if split == "train" else 2):
            cells = draw.choice(values, (4, 4)).astype(np.uint8)
            mask = np.kron(cells, np.ones((16, 16), np.uint8))
            picture = (mask[..., None] * 90 + draw.integers(0, 60, (64, 64, bands))).astype(np.uint8)
            for kind, pixels in (("images", picture.squeeze()), ("masks", mask)):
                path = folder / kind / split / f"{split}{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    rows = [{"value": i, "name": name, "color": "#00ff00"} for i, name in enumerate(classes)]
    if classes:
        (folder / "masks" / "classes.json").write_text(json.dumps(rows))
    return f"folder:{folder / 'images'},{folder / 'masks'}"


def refused(capsys, *arguments, words):
    """The one sentence of a command that fails with exit code 1."""
    code, text, err = run(capsys, *arguments)
    line = err.splitlines()[-1]
    assert code == 1 and text == "", err
    assert line.startswith("segstudio: ") and "Traceback" not in err and ". " in line, err
    for word in words:
        assert word in line, err
    return line


def at_step(monkeypatch, number, act):
    """Have *act* happen before the step of this *number*, counted over the process; what *act* gives is the step's loss."""
    steps, real = [], Engine.step

    def step(self, batches):
        steps.append(1)
        happened = act(self) if len(steps) == number else None
        return real(self, batches) if happened is None else happened

    monkeypatch.setattr(Engine, "step", step)
    return steps


def is_finite(file):
    return all(torch.isfinite(value).all() for value in load_weights(file)[0].values() if value.is_floating_point())


# -- data --------------------------------------------------------------------------------------------------------------


def test_one_class_only(capsys, tmp_path):
    spec = dataset(tmp_path / "d", values=(1,), classes=("background", "spot"))
    line = refused(capsys, "train", "--data", spec, *QUICK, "--out", tmp_path / "run", words=["spot"])
    assert "class" in line and not (tmp_path / "run" / "last.safetensors").exists()
    alone = dataset(tmp_path / "e", values=(0,), classes=("background",))
    refused(capsys, "train", "--data", alone, *QUICK, "--out", tmp_path / "run2", words=["fewer than two classes"])


def test_no_labelled_pixel(capsys, tmp_path):
    spec = dataset(tmp_path / "d", values=(255,))
    line = refused(capsys, "train", "--data", spec, *QUICK, "--out", tmp_path / "run", words=[])
    assert "label" in line


@pytest.mark.parametrize(("splits", "words"), [(("val",), "training"), (("test",), "training")])
def test_a_split_with_an_empty_part(capsys, tmp_path, splits, words):
    spec = dataset(tmp_path / "d", splits=splits)
    refused(capsys, "train", "--data", spec, *QUICK, "--out", tmp_path / "run", words=[words])


def test_measuring_on_an_empty_part_names_the_others(capsys, tmp_path):
    spec = dataset(tmp_path / "d")
    assert run(capsys, "train", "--data", spec, *QUICK, "--epochs", 1, "--out", tmp_path / "run")[0] == 0
    refused(
        capsys,
        "evaluate",
        "--data",
        spec,
        "--split",
        "test",
        "--model",
        tmp_path / "run",
        words=["test is empty", "train, val"],
    )


def test_images_of_different_band_counts(capsys, tmp_path):
    """Grey and RGB go together; five bands do not go with three: the fewer are left out, by name."""
    import tifffile

    spec = dataset(tmp_path / "d")
    grey = tmp_path / "d" / "images" / "train" / "train0.png"
    Image.fromarray(np.asarray(Image.open(grey))[..., 0]).save(grey)
    assert run(capsys, "train", "--data", spec, *QUICK, "--epochs", 1, "--out", tmp_path / "run")[0] == 0
    odd = tmp_path / "d" / "images" / "train" / "train7.tif"
    odd.with_suffix(".png").unlink()
    tifffile.imwrite(
        odd,
        np.random.default_rng(0).integers(0, 255, (5, 64, 64)).astype(np.uint8),
        photometric="minisblack",
        planarconfig="separate",
    )
    code, _, err = run(capsys, "train", "--data", spec, *QUICK, "--epochs", 1, "--out", tmp_path / "run2")
    first = err.splitlines()[0]
    assert code == 0 and "7 training" in first and "left out" in first and "train7.tif has 5" in first, err


# -- the loss, the disk, the device --------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights(capsys, tmp_path, monkeypatch):
    spec, out = dataset(tmp_path / "d"), tmp_path / "run"

    def poison(engine):
        next(engine.module.parameters()).data.fill_(float("nan"))

    at_step(monkeypatch, 2 * STEPS + 3, poison)
    code, text, err = run(capsys, "train", "--data", spec, *QUICK, "--out", out, "--json")
    document = json.loads(text)
    assert code == 0 and document["stopped_by"] == "nan" and document["epochs"] == 2, err
    assert "no number in epoch 3, step 11" in document["note"] and "train" in document["note"], "says which batch"
    assert is_finite(out / "last.safetensors") and is_finite(out / "best.safetensors")
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 2
    monkeypatch.undo()
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))
    code, text, err = run(capsys, "train", "--out", out, "--resume", "--json")
    assert code == 0 and json.loads(text)["epochs"] == 3, err


def test_a_loss_that_is_no_number_at_once_names_the_images(capsys, tmp_path, monkeypatch):
    spec = dataset(tmp_path / "d")
    at_step(monkeypatch, 1, lambda engine: float("nan"))
    refused(
        capsys,
        "train",
        "--data",
        spec,
        *QUICK,
        "--out",
        tmp_path / "run",
        words=["no number", "step 1", ".png", "rate"],
    )


def test_a_disk_that_is_full_at_a_checkpoint(capsys, tmp_path, monkeypatch):
    """The second epoch's files find no room: the first one's are whole, and with room the run goes on."""
    spec = dataset(tmp_path / "d")
    with small_disk(tmp_path / "disk", 40) as disk, ExitStack() as stack:
        out = disk / "run"
        at_step(monkeypatch, STEPS + 1, lambda engine: stack.enter_context(filled(disk, left_bytes=4096)))
        line = refused(capsys, "train", "--data", spec, *QUICK, "--out", out, words=[str(out)])
        assert "full" in line or "space" in line
        assert is_finite(out / "last.safetensors") and is_finite(out / "best.safetensors")
        assert not [p.name for p in out.iterdir() if "tmp" in p.name], "no half a file is left"
        assert len((out / "metrics.jsonl").read_text().splitlines()) == 1
        stack.close()
        monkeypatch.undo()
        monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))
        code, text, err = run(capsys, "train", "--out", out, "--resume", "--json")
        assert code == 0 and json.loads(text)["epochs"] == 3, err


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_gpu_that_is_lost_in_mid_run(capsys, tmp_path, monkeypatch, epoch):
    spec, out = dataset(tmp_path / "d"), tmp_path / "run"

    def lose(engine):
        raise RuntimeError(
            "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported"
        )

    at_step(monkeypatch, (epoch - 1) * STEPS + 2, lose)
    line = refused(capsys, "train", "--data", spec, *QUICK, "--out", out, words=["lost", "unspecified launch failure"])
    assert ("--resume" in line) == (epoch == 2) or "anew" in line or "again" in line
    monkeypatch.undo()
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))
    if epoch == 2:
        code, text, err = run(capsys, "train", "--out", out, "--resume", "--json")
        assert code == 0 and json.loads(text)["epochs"] == 3, err


# -- going on with a run ---------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(capsys, tmp_path):
    """(its ``--data``, a run of one epoch whose plan says three)."""
    spec, out = dataset(tmp_path / "d"), tmp_path / "run"
    assert run(capsys, "train", "--data", spec, *QUICK, "--epochs", 1, "--out", out)[0] == 0
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**config, "epochs": 3}))
    return spec, out


def test_a_class_list_that_changed_since_the_run(capsys, tmp_path, begun):
    _, out = begun
    before = (out / "last.safetensors").read_bytes()
    rows = [{"value": i, "name": name} for i, name in enumerate(("background", "nucleus"))]
    (tmp_path / "d" / "masks" / "classes.json").write_text(json.dumps(rows))
    refused(capsys, "train", "--out", out, "--resume", words=["background, nucleus", "background, spot", "new run"])
    assert (out / "last.safetensors").read_bytes() == before


def test_a_run_folder_from_a_later_version(capsys, begun):
    _, out = begun
    config = json.loads((out / "config.json").read_text())
    later = {**config, "about": {**config.get("about", {}), "format": 99, "segstudio": "9.9"}, "field_of_tomorrow": 7}
    (out / "config.json").write_text(json.dumps(later))
    refused(capsys, "train", "--out", out, "--resume", words=["later version", "9.9", "--from"])
    (out / "config.json").write_text(json.dumps({**config, "field_of_tomorrow": 7}))
    code, text, err = run(capsys, "train", "--out", out, "--resume", "--json")
    assert code == 0 and json.loads(text)["epochs"] == 3, err


def test_a_run_folder_from_an_earlier_version(capsys, begun):
    """Its config says less: what is missing is as it was by default."""
    _, out = begun
    config = json.loads((out / "config.json").read_text())
    for name in ("about", "precision", "fold", "mix", "schedule", "processes", "slices"):
        config.pop(name, None)
    (out / "config.json").write_text(json.dumps(config))
    code, text, err = run(capsys, "train", "--out", out, "--resume", "--json")
    assert code == 0 and json.loads(text)["epochs"] == 3, err
