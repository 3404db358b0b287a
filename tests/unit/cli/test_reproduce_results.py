"""The script that reproduces the table of published figures: its commands, its going on, its table."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def script():
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("reproduce_results", ROOT / "packaging" / "reproduce_results.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


@pytest.fixture
def rows(script):
    return {row.id: row for row in script.ROWS}


def test_every_row_is_a_command_that_segstudio_understands(script, rows):
    from segstudio.cli import evaluate, train

    learn, measure = argparse.ArgumentParser(), argparse.ArgumentParser()
    train.add_arguments(learn)
    evaluate.add_arguments(measure)
    assert {"camvid-segnet", "camvid-best", "isbi", "dsb-unet", "dsb-unetplusplus", "drive"} <= set(rows)
    for row in rows.values():
        if not row.train:
            assert row.note, f"{row.id} says why it cannot be run"
            continue
        words = script.filled(row.train, Path("d"), Path("r"), "2/5")
        assert words[0] == "train" and not {"DATA", "RUN", "FOLD"} & {w for word in words for w in word.split("/")}
        assert len({w for w in words if w.startswith("--")}) == sum(w.startswith("--") for w in words), (
            "no option twice"
        )
        plan = train.plan_of(learn.parse_args(words[1:])).checked()
        assert plan.out == "r" and (plan.fold == (2, 5)) == bool(row.folds)
        assert measure.parse_args(script.filled(row.evaluate, Path("d"), Path("r"), "")[1:]).model.startswith("r/")
        assert row.aims and row.aims[0].limit


def test_a_dry_run_goes_through_training_and_measuring(script, tmp_path, capsys):
    assert script.main(["--dry-run", "--runs", str(tmp_path), "camvid-enet", "drive"]) == 0
    out = capsys.readouterr().out
    assert "camvid-enet: {'mean IoU': 0." in out and "'AUC': 0." in out
    assert (tmp_path / "drive" / "best.safetensors").is_file()


def test_a_figure_is_found_and_judged(script, rows):
    document = {"mean_iou": 0.5, "cells": None, "per_class": [{"name": "nucleus", "iou": 0.91}]}
    assert script.figure_at(document, ("per_class", "nucleus", "iou")) == 0.91
    assert script.figure_at(document, ("per_class", "dog", "iou")) is None
    assert script.figure_at(document, ("cells", "pixel_error")) is None
    error = rows["isbi"].aims[0]
    assert error.is_reached(0.06) and not error.is_reached(0.061) and not error.is_reached(None)
    above = rows["dsb-unetplusplus"].aims[0]
    assert above.is_reached(0.92, 0.91) and not above.is_reached(0.91, 0.91) and not above.is_reached(0.92, None)
    assert above.limit == "≥ 0.9, above dsb-unet"
    folds = [{"cells": {"pixel_error": e, "rand_f1": 0.9}} for e in (0.05, 0.07)]
    assert script.figures(rows["isbi"], folds) == pytest.approx({"pixel error": 0.06, "Rand": 0.9})
    assert script.figures(rows["isbi"], [*folds, {"cells": None}])["pixel error"] is None


class Studio:
    """Stands in for the command: notes what it was told, and can break off."""

    def __init__(self, monkeypatch, script, tmp_path):
        self.calls, self.breaks = [], False
        self.figures, self.page = tmp_path / "results.json", tmp_path / "page.md"
        self.page.write_text(f"before\n<!-- {script.SECTION} -->\nstale\n<!-- end of {script.SECTION} -->\nafter\n")
        monkeypatch.setattr(script, "segstudio", self)
        monkeypatch.setattr(script, "FIGURES", self.figures)
        monkeypatch.setattr(script, "PAGE", self.page)

    def __call__(self, words):
        self.calls.append(words)
        if words[0] == "train":
            run = Path(words[words.index("--out") + 1])
            run.mkdir(parents=True, exist_ok=True)
            if self.breaks:
                (run / "state.pt").write_text("")
                raise SystemExit("broken off")
            return {"stopped_by": "time", "epochs": 7}
        return {
            "cells": {"pixel_error": 0.05, "rand_f1": 0.95},
            "mean_iou": 0.6,
            "per_class": [{"name": "vessel", "dice": 0.84, "auc": 0.98}],
        }


def test_what_is_done_is_not_done_again_and_what_broke_off_goes_on(script, monkeypatch, tmp_path):
    studio = Studio(monkeypatch, script, tmp_path)
    command = [
        "--data",
        str(tmp_path),
        "--runs",
        str(tmp_path / "runs"),
        "--minutes",
        "30",
        "--device",
        "cpu",
        "drive",
        "isbi",
    ]
    studio.breaks = True
    with pytest.raises(SystemExit, match="broken off"):
        script.main(command)
    assert len(studio.calls) == 1 and "--resume" not in studio.calls[0]
    studio.breaks = False
    assert script.main(command) == 0
    trained = [words for words in studio.calls[1:] if words[0] == "train"]
    assert [words[words.index("--out") + 1].rpartition("/")[2] for words in trained] == [
        "drive",
        *(f"isbi-{k}" for k in range(1, 6)),
    ]
    assert (
        "--resume" in trained[0]
        and "--resume" not in trained[1]
        and trained[1][trained[1].index("--fold") + 1] == "1/5"
    )
    # 30 minutes, of which DRIVE has one share and ISBI two, which its folds part.
    assert [words[words.index("--max-minutes") + 1] for words in trained] == ["10.00", *["4.00"] * 5]
    before = len(studio.calls)
    assert script.main(command) == 0
    assert [words[0] for words in studio.calls[before:]] == ["evaluate"] * 6, "nothing is trained twice"
    kept = json.loads(studio.figures.read_text())
    assert list(kept) == ["isbi", "drive"] and kept["isbi"]["figures"] == pytest.approx(
        {"pixel error": 0.05, "Rand": 0.95}
    )
    text = studio.page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "stale" not in text
    line = next(line for line in text.splitlines() if line.startswith("| `drive`"))
    assert "Dice 0.840; AUC 0.980 (see below) | yes, no |" in line
    assert "stopped by --max-minutes after 7 epochs" in text and "not run yet" in text
    assert str(tmp_path) not in text, "no path of this machine"
    for row in script.ROWS:
        assert f"| `{row.id}` |" in text


def test_a_run_that_was_made_otherwise_is_measured_and_told(script, monkeypatch, tmp_path):
    studio = Studio(monkeypatch, script, tmp_path)
    run = tmp_path / "mine"
    run.mkdir()
    plan = {"command": f"segstudio train --data camvid:{tmp_path}/camvid --out {run}", "out": str(run)}
    (run / "config.json").write_text(json.dumps(plan))
    (run / "last.safetensors").write_text("")
    assert (
        script.main(
            ["--data", str(tmp_path), "--record", f"drive={run}", "--note", "a CPU for an hour", "--device", "cpu"]
        )
        == 0
    )
    kept = json.loads(studio.figures.read_text())["drive"]
    assert kept["commands"][0] == "segstudio train --data camvid:DATA/camvid --out RUN" and kept["notes"] == [
        "a CPU for an hour"
    ]
    assert studio.calls[0][studio.calls[0].index("--model") + 1] == f"{run}/best.safetensors"


def test_offline_leaves_out_weights_that_would_be_fetched(script, monkeypatch, tmp_path):
    from segstudio.ml.encoders import availability

    studio = Studio(monkeypatch, script, tmp_path)
    monkeypatch.setattr(
        availability, "imagenet_state", lambda name: "installed" if name == "efficientnet_lite0" else "fetched"
    )
    args = ["--data", str(tmp_path), "--runs", str(tmp_path / "runs"), "--device", "cpu", "--offline"]
    assert script.main([*args, "camvid-segnet", "camvid-enet", "drive"]) == 0
    flags = {
        words[words.index("--out") + 1].rpartition("/")[2]: "--no-pretrained" in words
        for words in studio.calls
        if words[0] == "train"
    }
    assert flags == {"camvid-segnet": True, "camvid-enet": False, "drive": False}
    assert "ImageNet weights were not at hand" in studio.page.read_text()


def test_wrong_rows_and_missing_data_are_told(script, capsys, monkeypatch):
    monkeypatch.delenv("SEGSTUDIO_SHARED_DATA", raising=False)
    for arguments, words in ((["drvie"], "no row drvie"), (["drive"], "give --data")):
        with pytest.raises(SystemExit):
            script.main(arguments)
        assert words in capsys.readouterr().err


def test_the_page_of_results_is_what_the_figures_make_of_it(script):
    """Nobody writes the table by hand."""
    text = script.PAGE.read_text(encoding="utf-8")
    inside = text.partition(f"<!-- {script.SECTION} -->")[2].partition("<!-- end")[0]
    assert inside.strip() == "\n".join(script.page_lines(script.known_figures())).strip()
