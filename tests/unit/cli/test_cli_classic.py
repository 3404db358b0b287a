"""Classic methods from the command line: listed, described, run with options, refused with a sentence; no torch needed to list."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

from segstudio.cli.main import main
from segstudio.io.store.project import ProjectStore


def picture(folder: Path) -> Path:
    values = np.full((40, 60), 30, np.uint8)
    values[10:30, 5:25] = 120
    values[10:30, 35:55] = 230
    Image.fromarray(values).save(folder / "a.png")
    return folder / "a.png"


def test_all_are_listed_as_available_built_in_classic(capsys):
    assert main(["models", "list", "--json"]) == 0
    listed = [e for e in json.loads(capsys.readouterr().out) if e["id"].startswith("classic/")]
    assert {e["id"].removeprefix("classic/") for e in listed} == {
        "otsu", "local-threshold", "slic", "felzenszwalb", "watershed", "edges", "spectral-residual", "fine-grained",
        "depth", "stereo",
    }  # fmt: skip
    assert all(e["task"] == "classic" and e["weights"] == "built-in" and e["available"] for e in listed)
    assert main(["models", "info", "classic/otsu"]) == 0
    assert "classes=2, objects=bright" in capsys.readouterr().out


def test_propose_and_predict_with_options(tmp_path, capsys):
    image = picture(tmp_path)
    project = tmp_path / "project"
    assert main(["new", str(project), "--classes", "thing"]) == 0
    assert main(["add", str(project), str(image)]) == 0
    capsys.readouterr()
    assert main(["propose", str(project), "--model", "classic/otsu", "--option", "classes=3", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["images"]
    assert report["pixels"] == {"level 2": 400, "level 3": 400} and not report["objects"]
    assert main(["propose", str(project), "--model", "classic/slic", "--option", "size_px=10", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["images"]
    assert report["objects"] > 10 and report["pixels"] == {"superpixel": 2400}
    with ProjectStore.open(project) as store:
        assert store.classes.by_name("superpixel") is not None
    out = tmp_path / "out"
    options = ["--option", "classes=3", "--option", "objects=dark"]
    assert main(["predict", str(image), "--model", "classic/otsu", "--out", str(out), *options]) == 0
    mask = np.asarray(Image.open(out / "a.png"))
    assert (mask[0, 0], mask[15, 10], mask[15, 40]) == (2, 1, 0)
    assert main(["predict", str(image), "--model", "classic/watershed", "--out", str(out)]) == 0
    assert (np.asarray(Image.open(out / "a.png")) == 1).all()


def test_what_was_predicted_is_written_as_text(tmp_path):
    image = picture(tmp_path).rename(tmp_path / "=a.png")
    table = tmp_path / "found.csv"
    options = ["--option", "classes=3", "--option", "objects=dark", "--table", str(table)]
    assert main(["predict", str(image), "--model", "classic/otsu", "--out", str(tmp_path / "out"), *options]) == 0
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["class"]: int(row["pixels"]) for row in rows} == {"level 1": 400, "level 2": 400, "level 3": 1600}
    mask = np.asarray(Image.open(tmp_path / "out" / "=a.png"))
    assert sum(int(row["pixels"]) for row in rows) == mask.size
    assert all(float(row["share"]) == int(row["pixels"]) / mask.size and row["image"].endswith("=a.png") for row in rows)


def test_wrong_options_and_missing_maps_are_said(tmp_path, capsys):
    image = picture(tmp_path)
    call = ["predict", str(image), "--out", str(tmp_path / "out"), "--model"]
    assert main([*call, "classic/otsu", "--option", "classes"]) == 2
    assert "KEY=VALUE" in capsys.readouterr().err
    assert main([*call, "classic/otsu", "--option", "clases=3"]) == 1
    assert "Did you mean classes" in capsys.readouterr().err
    assert main([*call, "classic/depth"]) == 1
    said = capsys.readouterr().err
    assert "a.png" in said and "a_depth" in said
    assert main([*call, "classic/otsu", "--probabilities"]) == 1
    assert "no probabilities" in capsys.readouterr().err
