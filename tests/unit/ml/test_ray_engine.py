"""The engine ray: the files of one process from two, also when one of them dies; and nothing of Ray where it is not asked for."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.cli.main import main
from segstudio.core.errors import UserError
from segstudio.ml import cluster
from segstudio.ml.inference.bands import BAND_ROWS, band_classes, bands_of
from segstudio.ml.inference.loading import load_segmenter
from segstudio.ml.inference.predict import predict_file
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.trainer import Trainer

with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs the extra [cluster]: ray is not installed"
)
TILE, OVERLAP = 64, 16
FIELDS = {
    "arch": "unet", "encoder": "none", "arch_options": {"width": 4}, "epochs": 2, "batch": 4, "patch_px": 64, "patches_per_image": 1,
    "optimiser": "sgd", "lr": 1e-3, "seed": 3, "device": "cpu", "threads": 1, "precision": "fp32", "has_tensorboard": False,
    "class_names": ("background", "disc"),
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("discs")
    draw = np.random.default_rng(5)
    for split, count in (("train", 8), ("val", 3)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            y, x = np.mgrid[:64, :64]
            cy, cx = draw.integers(16, 48, 2)
            mask = (y - cy) ** 2 + (x - cx) ** 2 < 150
            image = (draw.normal(60, 15, (64, 64, 3)) + mask[..., None] * [110, 90, 60]).clip(0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / split / f"{i}.png")
            Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / split / f"{i}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A run of one process."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    Trainer.run(TrainPlan(out=str(folder), data=data, **FIELDS), lambda _: None)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Four small images and a tall one, of many rows of windows."""
    folder = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(8)
    for name, height, width in (("a", 70, 90), ("b", 64, 64), ("tall", 1300, 150), ("x", 80, 61), ("y", 90, 130)):
        coarse = draw.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
        Image.fromarray(np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width]).save(folder / f"{name}.png")
    return folder


def test_bands_together_are_the_image_to_the_last_bit(run, pictures, tmp_path):
    segmenter = load_segmenter_of(run)
    image = pictures / "tall.png"
    predict_file(segmenter, image, tmp_path / "whole.png", window_px=TILE, overlap_px=OVERLAP)
    whole = np.asarray(Image.open(tmp_path / "whole.png"))
    assert len(np.unique(whole)) > 1
    bands = bands_of(segmenter, image, TILE, OVERLAP)
    assert len(bands) > 2 and all(len(band) <= BAND_ROWS for band in bands)
    row = 0
    for band in bands:
        top, found = band_classes(segmenter, image, band, TILE, OVERLAP)
        assert top == row
        assert np.array_equal(found, whole[top : top + len(found)])
        row += len(found)
    assert row == len(whole)
    assert bands_of(segmenter, pictures / "a.png", TILE, OVERLAP) == []


def load_segmenter_of(run):
    from segstudio.ml.registry import Catalog

    return load_segmenter(Catalog().find(str(run / "last.safetensors")), "cpu")


def descendants(pid):
    """(id, command line) of the processes below *pid*."""
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return found
    for child in children:
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [(int(child), line), *descendants(int(child))]
    return found


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@with_ray
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ray_predicts_what_one_process_does_though_a_worker_dies(run, pictures, tmp_path, capsys):
    options = [
        "--model",
        str(run / "last.safetensors"),
        "--device",
        "cpu",
        "--tile",
        str(TILE),
        "--overlap",
        str(OVERLAP),
    ]
    assert main(["predict", str(pictures), "--out", str(tmp_path / "local"), *options]) == 0
    capsys.readouterr()
    command = [sys.executable, "-m", "segstudio", "predict", str(pictures), "--out", str(tmp_path / "ray"), *options]
    process = subprocess.Popen(
        [*command, "--engine", "ray", "--processes", "2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen, killed = {}, 0
    try:
        until = time.monotonic() + 200
        while process.poll() is None and time.monotonic() < until and not killed:
            seen |= dict(descendants(process.pid))
            # The first mask is there: a worker of Ray Data is in the midst of the others.
            if any((tmp_path / "ray").glob("*.png")):
                workers = [pid for pid, line in descendants(process.pid) if line.startswith("ray::MapWorker")]
                if workers:
                    os.kill(killed := workers[0], signal.SIGKILL)
            time.sleep(0.005)
        seen |= dict(descendants(process.pid))
        out, text = process.communicate(timeout=200)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0, text
    assert killed
    assert text.strip() == ""
    assert json.loads(out)["device"] == "ray, 2 processes"
    names = sorted(p.name for p in (tmp_path / "local").iterdir())
    assert len(names) == 5 and sorted(p.name for p in (tmp_path / "ray").iterdir()) == names
    for name in names:
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes(), name
    until = time.monotonic() + 20
    while not all(is_gone(pid) for pid in seen) and time.monotonic() < until:
        time.sleep(0.1)
    assert [line for pid, line in seen.items() if not is_gone(pid)] == []


@with_ray
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ray_trains_with_the_metrics_of_one_process_and_goes_on_when_one_dies(data, tmp_path):
    epochs = 25
    Trainer.run(
        TrainPlan(out=str(tmp_path / "one"), data=data, **{**FIELDS, "epochs": epochs, "lr": 1e-4}), lambda _: None
    )
    fields = "--arch unet --encoder none --arch-option width=4 --batch 4 --size 64 --patches-per-image 1 --device cpu --threads 1"
    names = "--precision fp32 --no-tensorboard --classes background,disc --optimiser sgd --seed 3 --lr 0.0001 --engine ray --processes 2"
    process = subprocess.Popen(
        [sys.executable, "-m", "segstudio", "train", "--data", data, "--out", str(tmp_path / "run"), "--epochs", str(epochs),
         *fields.split(), *names.split()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 200
        while (
            not (tmp_path / "run" / "metrics.jsonl").is_file() and process.poll() is None and time.monotonic() < until
        ):
            time.sleep(0.01)
        workers = [pid for pid, line in descendants(process.pid) if line.startswith("ray::RayTrainWorker")]
        assert len(workers) == 2
        os.kill(workers[1], signal.SIGKILL)
        _, text = process.communicate(timeout=250)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0, text
    assert all(line.startswith("segstudio: ") for line in text.splitlines()), text
    assert "A process ended; the run goes on from its last checkpoint." in text
    one, two = (
        [json.loads(line) for line in (tmp_path / f / "metrics.jsonl").read_text().splitlines()] for f in ("one", "run")
    )
    assert [line["epoch"] for line in two] == list(range(1, epochs + 1))
    # Before the process died; rounding grows with the steps.
    for left, right in list(zip(one, two, strict=True))[:1]:
        for key in ("train_loss", "val_loss", "mean_iou", "mean_dice", "pixel_accuracy", "lr"):
            assert right[key] == pytest.approx(left[key], abs=1e-6)
    assert not (tmp_path / "run" / "ray").exists()


def test_without_ray_the_sentence_names_the_extra(monkeypatch, capsys, pictures, run, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'segstudio\[cluster\]'"):
        cluster.the_ray()
    model = str(run / "last.safetensors")
    assert (
        main(
            [
                "predict",
                str(pictures),
                "--model",
                model,
                "--out",
                str(tmp_path / "o"),
                "--device",
                "cpu",
                "--engine",
                "ray",
            ]
        )
        == 1
    )
    assert "needs the extra [cluster]" in capsys.readouterr().err


def test_nothing_else_imports_ray():
    code = (
        "import sys\nimport segstudio.cli.predict, segstudio.cli.train, segstudio.ml.training.trainer, segstudio.ml.inference.ray_predict\n"
        "import segstudio.ml.training.ray_train\nassert 'ray' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
