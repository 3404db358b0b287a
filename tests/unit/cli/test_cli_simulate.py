"""``segstudio simulate`` on a real small dataset."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from small_projects import offer_bright, run


@pytest.fixture
def spec(tmp_path, monkeypatch):
    offer_bright(monkeypatch, tmp_path)
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for index in range(3):
        truth = np.zeros((64, 64), np.uint8)
        truth[16:44, 12 + 4 * index : 40 + 4 * index] = 1
        Image.fromarray(np.repeat(truth[..., None] * 200 + 20, 3, axis=2)).save(images / f"{index}.png")
        Image.fromarray(truth).save(masks / f"{index}.png")
    return f"folder:{images},{masks}"


def simulate(capsys, spec, *more):
    common = ("simulate", "--data", spec, "--classes", "background,spot", "--loop", "none", "--test-images", 1)
    return run(capsys, *common, "--device", "cpu", *more)


def test_the_curve_is_printed_and_written(capsys, spec, tmp_path):
    out, project = tmp_path / "out", tmp_path / "project"
    code, text, err = simulate(capsys, spec, "--budget", "2images", "--out", out, "--project", project)
    assert code == 0, err
    assert "2 of 2 images labelled" in text and "labels Dice" in text
    assert "1 images, " in err  # each point as it comes
    assert sorted(file.name for file in out.iterdir()) == ["simulation.csv", "simulation.html", "simulation.json"]
    assert run(capsys, "info", project)[0] == 0


def test_json_is_one_document_and_dense_costs_more(capsys, spec):
    code, text, _ = simulate(capsys, spec, "--budget", "2images", "--model", "bright", "--json")
    assert code == 0
    helped = json.loads(text)
    assert helped["ended_by"] == "budget" and helped["points"][-1]["proposal_dice"] > 0.99
    _, text, _ = simulate(capsys, spec, "--budget", "2images", "--model", "bright", "--dense", "--json")
    assert json.loads(text)["points"][-1]["pixels"] > helped["points"][-1]["pixels"] == 0


def test_the_options_reach_the_plan(capsys, spec):
    _, text, _ = simulate(
        capsys, spec, "--budget", "40px", "--steady", "--jitter", "0.5", "--overlook", "30", "--tolerance", "1", "--seed", "7",
        "--strokes-per-image", "3", "--order", "random", "--json",
    )  # fmt: skip
    plan = json.loads(text)["plan"]
    assert plan["budget"] == {"amount": 40, "unit": "pixels"}
    hand = plan["hand"]
    assert (hand["jitter_px"], hand["late_px"], hand["overlooked_px"], hand["tolerance_px"]) == (0.5, 0.0, 30, 1.0)
    assert (plan["seed"], plan["strokes_per_image"], plan["order"]) == (7, 3, "random")


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (("--budget", "soon"), 2, "budget"),
        (("--budget", "5", "--order", "uncertainty"), 2, "uncertain"),
        (("--budget", "5", "--model", "nobody"), 1, "nobody"),
        (("--budget", "5", "--test-images", "3"), 1, "test-images"),
        (("--budget", "5", "--annotator", "robot"), 2, "robot"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(capsys, spec, more, code, says):
    found, text, err = simulate(capsys, spec, *more)
    assert (found, text) == (code, "")
    assert says in err and "Traceback" not in err


def test_a_project_that_is_there_is_not_written_over(capsys, spec, tmp_path):
    project = tmp_path / "project"
    assert run(capsys, "new", project, "--classes", "mine")[0] == 0
    code, _, err = simulate(capsys, spec, "--budget", "5", "--project", project)
    assert code == 1 and str(project) in err
