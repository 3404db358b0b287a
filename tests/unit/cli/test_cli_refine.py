"""Refining from the command line: proposals of a project, with a proposal, and masks of files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.cli.main import main
from segstudio.io.store.project import ProjectStore


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors gain nothing from more, and lose much where cores are few."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def picture(folder: Path, name: str = "a.png", seed: int = 0) -> tuple[Path, np.ndarray]:
    """A bright disc in strong noise, which a threshold sees as specks; and where the disc is."""
    y, x = np.mgrid[:70, :90]
    disc = (y - 35) ** 2 + (x - 45) ** 2 < 22**2
    values = np.where(disc, 150, 100) + np.random.default_rng(seed).normal(0, 18, disc.shape)
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(folder / name)
    return folder / name, disc


# The noise is as strong as the edge: pixels are compared over many, coarsely.
COARSE = ["theta_beta=40", "theta_gamma_px=2", "smoothness_weight=4"]


@pytest.fixture
def project(tmp_path, capsys):
    folder = tmp_path / "project"
    assert main(["new", str(folder)]) == 0
    for name in ("a.png", "b.png"):
        image, _ = picture(tmp_path, name)
        assert main(["add", str(folder), str(image)]) == 0
    capsys.readouterr()
    return folder


def proposed(project: Path, name: str = "a.png") -> np.ndarray:
    with ProjectStore.open(project) as store:
        image = next(i for i in store.images() if i.name == name)
        layer = store.proposal_layer(image.id)
        return layer.read_classes(layer.bounds) > 0


def options(flag: str) -> list[str]:
    return [part for text in COARSE for part in (flag, text)]


def test_proposals_of_a_project_are_refined_each_as_one_edit(project, tmp_path, capsys):
    _, disc = picture(tmp_path)
    assert main(["refine", str(project)]) == 0
    assert "no proposal to refine" in capsys.readouterr().err
    assert main(["propose", str(project), "--model", "classic/otsu"]) == 0
    before = proposed(project)
    capsys.readouterr()
    call = ["refine", str(project), "--method", "crf", "--images", "a.*", *options("--option"), "--json"]
    assert main(call) == 0
    document = json.loads(capsys.readouterr().out)
    (report,) = document["images"]
    after = proposed(project)
    assert document["method"] == "refine/crf" and document["options"]["theta_beta"] == 40
    assert report["changed"] == int((before != after).sum()) > 100 and not report["error"]
    assert (before == disc).mean() < 0.93 and (after == disc).mean() > 0.97
    assert np.array_equal(proposed(project, "b.png"), before)  # the same picture, not asked for
    with ProjectStore.open(project) as store:
        image = next(i for i in store.images() if i.name == "a.png")
        history = store.history(image.id)
        assert history.undo_label == "Refine by Fully connected CRF" and len(history.entries()) == 2
    assert main(["refine", str(project), "--method", "mrf"]) == 0
    assert "2 proposals refined" in capsys.readouterr().out


def test_a_proposal_can_be_refined_as_it_is_made(project, tmp_path, capsys):
    _, disc = picture(tmp_path)
    assert (
        main(["propose", str(project), "--model", "classic/otsu", "--refine", "crf", *options("--refine-option")]) == 0
    )
    assert (proposed(project) == disc).mean() > 0.97
    # Superpixels are objects: they stay themselves.
    assert main(["propose", str(project), "--model", "classic/slic", "--option", "size_px=16"]) == 0
    with ProjectStore.open(project) as store:
        count = len(store.proposal_layer(store.images()[0].id).segments)
    assert main(["propose", str(project), "--model", "classic/slic", "--option", "size_px=16", "--refine", "mrf"]) == 0
    with ProjectStore.open(project) as store:
        assert len(store.proposal_layer(store.images()[0].id).segments) == count > 10


def test_masks_of_files_are_refined_with_the_models_own_probabilities(tmp_path, capsys):
    image, _ = picture(tmp_path)
    masks = {}
    for name, more in (("plain", []), ("refined", ["--refine", "crf", "--refine-option", "iterations=3"])):
        out = tmp_path / name
        assert (
            main(
                [
                    "predict",
                    str(image),
                    "--model",
                    "nuclei",
                    "--device",
                    "cpu",
                    "--probabilities",
                    "--out",
                    str(out),
                    *more,
                ]
            )
            == 0
        )
        masks[name] = np.asarray(Image.open(out / "a.png")), np.load(out / "a.probabilities.npy").astype(np.float32)
    assert masks["plain"][1].shape == masks["refined"][1].shape == (2, 70, 90)
    assert np.abs(masks["plain"][1] - masks["refined"][1]).max() > 0.01
    for mask, probabilities in masks.values():
        assert np.array_equal(mask, probabilities.argmax(0)) and np.abs(probabilities.sum(0) - 1).max() < 0.01
    _, disc = picture(tmp_path)
    out = tmp_path / "classic"
    assert (
        main(
            [
                "predict",
                str(image),
                "--model",
                "classic/otsu",
                "--out",
                str(out),
                "--refine",
                "crf",
                *options("--refine-option"),
            ]
        )
        == 0
    )
    assert ((np.asarray(Image.open(out / "a.png")) == 1) == disc).mean() > 0.97


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--method", "crff"], "id you mean crf"),
        (["--method", "mfr"], "id you mean mrf"),
        (["--option", "theta_bta=3"], "id you mean theta_beta"),
        (["--option", "theta_beta"], "KEY=VALUE"),
        (["--option", "iterations=99"], "from 1 to 50"),
    ],
)
def test_wrong_methods_and_options_are_the_command_lines_fault(project, capsys, arguments, says):
    assert main(["refine", str(project), *arguments]) == 2
    assert says in capsys.readouterr().err


def test_an_option_without_a_method_is_refused(project, capsys):
    assert main(["propose", str(project), "--model", "classic/otsu", "--refine-option", "iterations=3"]) == 2
    assert "--refine is missing" in capsys.readouterr().err


def test_a_missing_image_does_not_stop_the_others(project, tmp_path, capsys):
    assert main(["propose", str(project), "--model", "classic/otsu"]) == 0
    (tmp_path / "a.png").unlink()
    capsys.readouterr()
    assert main(["refine", str(project), "--json"]) == 1
    said = capsys.readouterr()
    assert [bool(r["error"]) for r in json.loads(said.out)["images"]] == [True, False] and "a.png" in said.err


def test_they_are_listed_and_described(capsys):
    assert main(["models", "list", "--json"]) == 0
    found = {e["id"]: e for e in json.loads(capsys.readouterr().out) if e["task"] == "refine"}
    assert set(found) == {"refine/crf", "refine/crfrnn", "refine/mrf"} and all(e["available"] for e in found.values())
    assert main(["models", "info", "refine/crf"]) == 0
    assert "theta_beta" in capsys.readouterr().out
