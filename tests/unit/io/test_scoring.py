"""Scoring two folders of masks, through the command line too."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_files import picture, save

from segstudio.cli.main import main
from segstudio.core.errors import UserError
from segstudio.io.scoring import score_folders


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "sub/b"):
        for side in ("pred", "truth"):
            (tmp_path / side / name).parent.mkdir(parents=True, exist_ok=True)
        truth = rng.integers(0, 3, (30, 40)).astype(np.uint8)
        pred = np.where(rng.random(truth.shape) < 0.2, 1, truth).astype(np.uint8)
        truth[:3] = 255
        save(tmp_path / "truth" / f"{name}.png", truth)
        save(tmp_path / "pred" / f"{name}.png", pred)
    return tmp_path / "pred", tmp_path / "truth"


def test_the_command_line_prints_the_document(folders, capsys):
    assert main(["score", *map(str, folders), "--boundary-tolerance", "2", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert set(scores) == {
        "pixel_accuracy", "mean_pixel_accuracy", "mean_iou", "frequency_weighted_iou", "mean_dice", "boundary_f1",
        "per_class", "confusion", "mean_precision",
    }  # fmt: skip
    assert set(scores["per_class"][0]) == {
        "name",
        "iou",
        "dice",
        "accuracy",
        "precision",
        "recall",
        "boundary_f1",
        "pixels",
    }
    assert np.sum(scores["confusion"]) == 2 * 27 * 40 and len(scores["confusion"]) == 3
    assert main(["score", *map(str, folders)]) == 0
    assert "IoU" in capsys.readouterr().out


def test_the_images_are_listed_worst_first(folders, capsys):
    pred = np.asarray(picture(30, 40, 1) % 3)
    save(folders[0] / "a.png", pred)
    assert main(["score", *map(str, folders), "--per-image", "--boundary-tolerance", "4%", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    rows = scores["per_image"]
    assert [row["image"] for row in rows] == ["a.png", "sub/b.png"] and rows[0]["mean_iou"] < rows[1]["mean_iou"]
    # 4 % of the diagonal of 50 px are 2 px.
    assert scores["boundary_f1"] == score_folders(*folders, boundary_tolerance_px=2.0)["boundary_f1"]
    assert scores["boundary_f1"] == pytest.approx(np.mean([c["boundary_f1"] for c in scores["per_class"]]))
    assert main(["score", *map(str, folders), "--per-image"]) == 0
    text = capsys.readouterr().out
    assert text.index("a.png") < text.index("sub/b.png") and "mean IoU" in text


@pytest.mark.parametrize("value", ["-1", "101", "11%", "wide", "nan", "%"])
def test_a_tolerance_that_is_none_is_a_wrong_command_line(folders, capsys, value):
    assert main(["score", *map(str, folders), f"--boundary-tolerance={value}"]) == 2
    assert value in capsys.readouterr().err


def test_more_classes_than_occur_are_null(folders):
    scores = score_folders(*folders, classes=5)
    assert len(scores["per_class"]) == 5 and scores["per_class"][4]["iou"] is None
    assert scores["mean_iou"] == score_folders(*folders)["mean_iou"]


def test_a_class_seen_late_changes_nothing_before(folders):
    pred, truth = folders
    values = np.asarray(picture(30, 40, 1) % 9)
    for folder in folders:
        save(folder / "z.png", values)
    scores = score_folders(pred, truth)
    assert len(scores["per_class"]) == 9
    assert scores["confusion"] == score_folders(pred, truth, classes=9)["confusion"]


def test_names_come_from_the_class_list(folders):
    (folders[1] / "classes.json").write_text(
        json.dumps([{"value": v, "name": f"n{v}", "color": "#000000"} for v in (1, 2)])
    )
    assert [row["name"] for row in score_folders(*folders)["per_class"]] == ["background", "n1", "n2"]


def test_deep_masks_ignore_65535(tmp_path):
    for side in ("pred", "truth"):
        (tmp_path / side).mkdir()
    values = np.array([[0, 300, 65535, 255]], np.uint16)
    save(tmp_path / "truth" / "a.png", values)
    save(tmp_path / "pred" / "a.png", np.array([[0, 300, 1, 255]], np.uint16))
    scores = score_folders(tmp_path / "pred", tmp_path / "truth")
    assert scores["pixel_accuracy"] == 1.0 and scores["per_class"][255]["pixels"] == 1


def fails(folders, *options):
    with pytest.raises(UserError) as caught:
        score_folders(*folders, **dict(options))
    return str(caught.value)


def test_everything_wrong_is_one_sentence(folders, capsys):
    pred, truth = folders
    save(pred / "a.png", picture(31, 40, 1) % 3)
    assert "40 × 31" in fails(folders) and "40 × 30" in fails(folders)
    save(pred / "a.png", picture(30, 40))
    assert "colours" in fails(folders)
    (pred / "a.png").write_bytes(b"not an image")
    assert "a.png" in fails(folders)
    (pred / "a.png").unlink()
    assert "no prediction for a.png" in fails(folders)
    save(pred / "a.png", picture(30, 40, 1) % 7)
    assert "which is no class (those are 0 to 2 and 255" in fails(folders, ("classes", 3))
    save(pred / "extra.png", picture(30, 40, 1) % 3)
    assert "no truth for extra.png" in fails(folders)
    assert "no such folder" in fails((pred, truth / "none"))
    assert main(["score", str(pred), str(truth)]) == 1
    errors = capsys.readouterr().err.strip()
    assert errors.count("\n") == 0 and "Traceback" not in errors
