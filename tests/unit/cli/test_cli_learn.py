"""``segstudio learn``: a version from labels, the list of versions, going back, and what is refused."""

from __future__ import annotations

import json

import pytest

from segstudio.ml.continuous import versions
from tests.continuous_help import spotted_project
from tests.small_projects import run

QUICK = ["--arch", "enet", "--encoder", "", "--no-pretrained", "--size", "64", "--lr", "5e-3", "--round-steps", "12",
         "--threads", "1", "--augment", "none", "--device", "cpu"]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return spotted_project(tmp_path_factory.mktemp("learn") / "p")


def test_labels_become_a_version_and_versions_are_listed_changed_and_removed(project, capsys):
    code, out, err = run(capsys, "learn", project, *QUICK, "--rounds", 4, "--json")
    document = json.loads(out)
    assert code == 0 and document["stopped_by"] == "rounds" and document["version"]["is_current"], err
    assert "Learning background, spot" in err and "held out" in err and "Dice" in err
    number = document["version"]["number"]
    code, out, _ = run(capsys, "learn", project, "--list", "--json")
    assert code == 0 and json.loads(out)[0]["number"] == number
    code, out, _ = run(capsys, "learn", project, "--list")
    assert "in use" in out and "mean IoU" in out
    versions.add_version(project, versions.weights_path(project, number).read_bytes(), versions.current(project))
    code, out, _ = run(capsys, "learn", project, "--roll-back", number)
    assert code == 0 and f"learn/v{number}" in out and versions.current(project).source == "rolled back"
    code, out, err = run(capsys, "learn", project, "--delete", number)
    assert code == 1 and "in use" in err
    code, out, _ = run(capsys, "learn", project, "--delete", number + 1)
    assert code == 0 and versions.list_versions(project)[0].number == number
    code, out, err = run(
        capsys, "propose", project, "--model", "learn/current", "--images", "im1.png", "--device", "cpu"
    )
    assert code == 0, err


def test_what_cannot_be_done_is_said_in_one_sentence(project, tmp_path, capsys):
    for options, code, words in (
        ((project, "--held-out", "0.9"), 2, "held out"),
        ((project, "--loss", "guess"), 2, "guess"),
        ((project, "--roll-back", "77"), 1, "no version 77"),
        ((tmp_path / "none",), 1, "no segstudio project"),
        ((project, "--from", "nobody"), 1, "no model"),
    ):
        found = run(capsys, "learn", *options)
        assert (found[0], found[1]) == (code, "") and words in found[2] and len(found[2].splitlines()) == 1


def test_without_labels_it_says_what_to_do(tmp_path, capsys):
    empty = spotted_project(tmp_path / "p", labelled=0)
    code, out, _ = run(capsys, "learn", empty, "--once")
    assert code == 1 and "Nothing is labelled" in out
