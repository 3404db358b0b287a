"""kill -9 in the middle of an import leaves the project as it was before it, at whatever image it comes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.io.store.project import ProjectStore

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")

CHILD = Path(__file__).with_name("import_child.py")
COUNT = 80


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(COUNT):
        shade = np.full((30, 40), number, np.uint8)
        Image.fromarray(shade).save(folder / "images" / f"{number:02d}.png")
        Image.fromarray(np.uint8(shade % 5)).save(folder / "masks" / f"{number:02d}.png")
    classes = [{"value": value, "name": f"class {value}"} for value in range(5)]
    (folder / "classes.json").write_text(json.dumps(classes), encoding="utf-8")
    return folder


def rows(project):
    with sqlite3.connect(project / "project.db") as raw:
        found = {
            name: raw.execute(f"SELECT * FROM {name}").fetchall()
            for name in ("images", "layers", "segments", "tiles", "edits", "classes")
        }
    raw.close()
    return found


def run_child(project, dataset, last):
    return subprocess.run(
        [sys.executable, str(CHILD), str(project), str(dataset), str(last)], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("last", [1, 33, 70, COUNT])
def test_a_killed_import_leaves_nothing(tmp_path, dataset, last):
    project = tmp_path / "p"
    ProjectStore.create(project, ClassTable.from_names("class 1")).close()
    before = rows(project)
    done = run_child(project, dataset, last)
    assert done.returncode == -9, done.stderr
    if last > 32:
        assert rows(project)["layers"], "the test would not notice what is left"
        assert list((project / "images").iterdir())
    ProjectStore.open(project).close()
    assert rows(project) == before
    assert not (project / "images").exists() or not list((project / "images").iterdir())


def test_after_a_kill_the_same_import_brings_all(tmp_path, dataset):
    project = tmp_path / "p"
    ProjectStore.create(project, ClassTable()).close()
    assert run_child(project, dataset, 50).returncode == -9
    done = run_child(project, dataset, -1)
    assert done.returncode == 0, done.stderr
    with ProjectStore.open(project) as store:
        assert len(store.images()) == COUNT
        assert sum(store.labelled_pixels().values()) == COUNT * 1200
