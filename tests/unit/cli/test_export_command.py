"""``segstudio export`` from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "io"))

from image_files import labelled_project

from segstudio.cli.main import main


@pytest.fixture
def project(tmp_path):
    labelled_project(tmp_path).close()
    return str(tmp_path / "project")


def test_it_prints_what_it_wrote(project, tmp_path, capsys):
    out = tmp_path / "out"
    split = "train=.34,val=.33,test=.33"
    assert (
        main(["export", project, "--format", "masks", "--out", str(out), "--split", split, "--seed", "3", "--json"])
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert document["images"] == 3 and document["splits"] == {"train": 1, "val": 1, "test": 1}
    first = sorted(path.relative_to(out) for path in out.rglob("*.png"))
    again = tmp_path / "again"
    assert main(["export", project, "--format", "masks", "--out", str(again), "--split", split, "--seed", "3"]) == 0
    assert sorted(path.relative_to(again) for path in again.rglob("*.png")) == first
    assert "Wrote 3 images as masks" in capsys.readouterr().out


def test_polygons_and_only_some_images(project, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert (
        main(["export", project, "--format", "coco", "--out", out, "--polygons", "--objects-only", "--images", "im 1*"])
        == 0
    )
    document = json.loads((tmp_path / "out" / "annotations" / "instances.json").read_text())
    assert len(document["images"]) == 1 and all(row["is_object"] for row in document["annotations"])
    assert "run lengths" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--format", "masks", "--split", "train=2"], 2),
        (["--format", "voc", "--polygons"], 2),
        (["--format", "masks", "--images", "none*"], 1),
    ],
)
def test_what_is_wrong_is_one_line(project, tmp_path, capsys, options, code):
    assert main(["export", project, "--out", str(tmp_path / "out"), *options]) == code
    errors = capsys.readouterr().err.strip()
    assert errors and "\n" not in errors and "Traceback" not in errors
    assert not (tmp_path / "out").exists()


def test_a_second_export_to_the_same_place_is_refused(project, tmp_path, capsys):
    arguments = ["export", project, "--format", "masks", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert main(arguments) == 1
    assert "not empty" in capsys.readouterr().err


def test_an_unknown_format_is_a_wrong_command_line(project, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["export", project, "--format", "bogus", "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    capsys.readouterr()
