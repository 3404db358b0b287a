"""The example plug-in, installed for real and used by the real command in a process of its own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from plugin_install import EXAMPLE, installed, installed_by_hand

from segstudio.ml import registry
from segstudio.ml.cards import ModelCard

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def plug_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("plug") / "site")


def segstudio(plug_in: Path, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user types it, with the plug-in's folder where Python looks."""
    path = os.pathsep.join([str(plug_in), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    own = {"SEGSTUDIO_CONFIG_DIR": str(tmp_path / "config"), "SEGSTUDIO_DATA_DIR": str(tmp_path / "data")}
    return subprocess.run(
        [sys.executable, "-m", "segstudio", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **own, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        timeout=240,
    )


def test_its_models_are_listed_and_the_broken_one_says_why(plug_in: Path, tmp_path: Path) -> None:
    done = segstudio(plug_in, tmp_path, "models", "list", "--json")
    assert done.returncode == 0, done.stderr
    found = {row["id"]: row for row in json.loads(done.stdout)}
    for model_id in ("bright", "bright-25", "bright-75"):
        row = found[model_id]
        assert row["available"] and row["classes"] == ["bright"] and row["parameters"] == 10, row
    broken = found["broken"]
    assert not broken["available"] and "RuntimeError: it needs a licence key" in broken["reason"]
    assert {"nuclei", "classic/otsu"} <= found.keys(), "the others are still there"


def test_predict_uses_its_network(plug_in: Path, tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (300, 1))
    Image.fromarray(grey).save(tmp_path / "ramp.png")
    for model_id, threshold in (("bright", 0.5), ("bright-75", 0.75)):
        out = tmp_path / model_id
        done = segstudio(
            plug_in, tmp_path, "predict", str(tmp_path / "ramp.png"), "--model", model_id, "--out", str(out),
            "--device", "cpu",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (file,) = out.glob("*.png")
        with Image.open(file) as opened:
            mask = np.asarray(opened)
        padded = np.pad(grey / 255.0, 1, mode="edge")
        smooth = sum(padded[y : y + 300, x : x + 200] for y in range(3) for x in range(3)) / 9
        sure = np.abs(smooth - threshold) > 1e-3
        assert ((mask == 1) == (smooth > threshold))[sure].all() and sure.mean() > 0.9


def test_using_the_broken_one_is_refused_with_its_reason(plug_in: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "dark.png")
    done = segstudio(
        plug_in, tmp_path, "predict", str(tmp_path / "dark.png"), "--model", "broken", "--out", str(tmp_path / "out")
    )
    assert done.returncode == 1 and "licence key" in done.stderr and "Traceback" not in done.stderr


def test_by_hand_it_registers_the_same(plug_in: Path, tmp_path: Path) -> None:
    def points(folder: Path) -> set[tuple[str, str]]:
        found = importlib.metadata.distributions(path=[str(folder)])
        return {(p.name, p.value) for one in found for p in one.entry_points if p.group == "segstudio.models"}

    assert points(installed_by_hand(tmp_path / "site")) == points(plug_in) and len(points(plug_in)) == 3


def test_a_task_that_no_plug_in_can_bring_is_shown_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    card = ModelCard("plug-method", "A method", task="classic", loader="somewhere:load")
    point = importlib.metadata.EntryPoint("plug-method", "nowhere", registry.ENTRY_POINTS)
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: card)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: (point,))
    (found,) = [entry for entry in registry.Catalog().entries() if entry.card.id == "plug-method"]
    assert not found.is_available and "task classic" in found.reason


def test_its_cards_need_no_torch(plug_in: Path, tmp_path: Path) -> None:
    code = "import segstudio_bright, sys; segstudio_bright.level_cards(); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(plug_in)}, timeout=60
    )
    assert done.returncode == 0


def test_the_documented_plug_in_is_the_example() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Write a plug-in")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)```", section, re.DOTALL))
    files = {
        file.relative_to(EXAMPLE).as_posix(): file for file in EXAMPLE.rglob("*") if file.suffix in (".py", ".toml")
    }
    assert shown.keys() == files.keys()
    for name, block in shown.items():
        assert block == files[name].read_text(encoding="utf-8"), name
