"""Full and read-only disks: one sentence, exit code 1, and nothing already there is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from bad_files import filled, read_only, small_disk
from small_projects import contents, offer_bright, propose_rect, run, small_project, spot_picture

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore

QUICK = ["--no-pretrained", "--epochs", 1, "--batch", 1, "--size", 64, "--threads", 1, "--device", "cpu", "--augment", "none"]


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CONFIG_DIR", str(tmp_path / "config"))
    offer_bright(monkeypatch, tmp_path)


@pytest.fixture
def disk(tmp_path):
    """A disk of 6 MB with a project on it: labels, and a proposal to accept."""
    with small_disk(tmp_path / "disk", 6) as folder:
        project = small_project(folder / "p")
        with ProjectStore.open(project) as store:
            propose_rect(store, 1, 2, Rect(0, 0, 10, 10))
        yield folder


def writing_commands(disk, tmp_path):
    """Every command that writes to the disk, with the path it must name."""
    project = disk / "p"
    big = spot_picture(tmp_path / "big.png", width=300, height=300)
    return {
        "new": (["new", disk / "q", "--classes", "a"], disk / "q"),
        "add": (["add", project, big], project),
        "add --copy": (["add", project, big, "--copy"], project),
        "propose": (["propose", project, "--model", "bright", "--device", "cpu"], project),
        "refine": (["refine", project, "--device", "cpu"], project),
        "accept": (["accept", project], project),
        "predict": (["predict", big, "--model", "bright", "--device", "cpu", "--out", disk / "masks"], disk / "masks"),
        "export": (["export", project, "--format", "coco", "--out", disk / "out"], disk / "out"),
        "train": (["train", project, *QUICK, "--out", disk / "run"], disk / "run"),
    }


NAMES = ("new", "add", "add --copy", "propose", "refine", "accept", "predict", "export", "train")


def one_line(err, path, *words):
    line = err.splitlines()[-1]
    assert line.startswith("segstudio: ") and str(path) in line and any(w in line for w in words) and ". " in line, err
    assert "Traceback" not in err and "Error:" not in err, err


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk(capsys, disk, tmp_path, name):
    arguments, path = writing_commands(disk, tmp_path)[name]
    before = contents(disk / "p")
    with filled(disk):
        code, out, err = run(capsys, *arguments)
        there = sorted(p.name for p in disk.iterdir() if p.name != "filler")
    assert code == 1, (out, err)
    one_line(err, path, "disk is full", "could not be written")
    assert contents(disk / "p") == before
    assert not any(p.startswith(".segstudio-tmp-") for p in there), there
    code, out, err = run(capsys, *arguments)
    if name == "train":  # its weights are bigger than this disk
        one_line(err, path, "disk is full")
        assert not list(path.glob(".segstudio-tmp-*")) and contents(disk / "p") == before
    else:
        assert code == 0, f"with room again it works: {err}"


@pytest.mark.parametrize("name", NAMES)
def test_a_read_only_disk(capsys, disk, tmp_path, name):
    arguments, path = writing_commands(disk, tmp_path)[name]
    before = contents(disk / "p")
    with read_only(disk):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (1, ""), (out, err)
        one_line(err, path, "cannot be written", "read-only", "Read-only")
        code, out, err = run(capsys, "info", disk / "p", "--json")
        assert (code, err) == (0, "") and len(json.loads(out)["images"]) == 2, "it can still be looked at"
    assert contents(disk / "p") == before


def test_a_session_on_a_full_disk_keeps_the_work_until_there_is_room(disk):
    session, said = Session(Settings()), []
    session.notice.connect(said_append := said.append)
    assert session.open_project(disk / "p") and said_append is not None
    import numpy as np

    with filled(disk):
        draw = np.random.default_rng(0)
        for _ in range(300):
            transaction = session.begin("test")
            transaction.paint(draw.random((64, 64)) < 0.5, 0, 0, session.paint_segment(transaction))
            session.commit(transaction)
            if session.has_unsaved:
                break
        assert session.has_unsaved and len(said) == 1 and "disk is full" in said[0] and "project.db" in said[0]
        wanted = session.labels.pixel_counts()
        assert not session.close_project(), "it stays open, so that nothing is lost"
    session.retry_writing()
    assert not session.has_unsaved and session.close_project()
    with ProjectStore.open(disk / "p") as store:
        assert store.labels_layer(1).pixel_counts() == wanted


_LIMITED = """
import resource, sys
from segstudio.cli.main import main
import segstudio.io.formats.registry, segstudio.io.store.project, sqlalchemy
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limits on the size of files")
@pytest.mark.parametrize("command", ["export", "accept", "add"])
def test_files_that_may_not_grow(tmp_path, command):
    """The same as a full disk where nobody may mount one: every file is limited to 1000 bytes."""
    project = small_project(tmp_path / "p")
    with ProjectStore.open(project) as store:
        propose_rect(store, 1, 2, Rect(0, 0, 10, 10))
    before = contents(project)
    big = spot_picture(tmp_path / "big.png")
    arguments = {"export": ["--format", "masks", "--out", tmp_path / "out"], "accept": [], "add": [big, "--copy"]}[command]
    done = subprocess.run(
        [sys.executable, "-B", "-c", _LIMITED, "1000", command, str(project), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done
    one_line(done.stderr, tmp_path, "written", "disk failed")
    assert contents(project) == before and not (tmp_path / "out").exists()
    assert not list(tmp_path.rglob(".segstudio-tmp-*"))
