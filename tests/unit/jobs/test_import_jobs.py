"""An import runs in a process of its own beside the one that has the project open."""

from __future__ import annotations

import json

import numpy as np
import pytest
from jobs_help import to_end
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.io.importing.finishing import finish_import
from segstudio.io.importing.plan import ImportRequest
from segstudio.io.store.project import ProjectStore
from segstudio.jobs.protocol import Failed, Finished, Progress
from segstudio.jobs.specs import PlanImportSpec, StageImportSpec
from segstudio.jobs.supervisor import ChildProcess


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((30, 40, 3), 50 * number, np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(np.full((30, 40), 3, np.uint8)).save(folder / "masks" / f"{number}.png")
    (folder / "classes.json").write_text(json.dumps([{"value": 3, "name": "sky"}]), encoding="utf-8")
    return folder


@pytest.fixture
def tasks():
    child = ChildProcess("tasks", "segstudio.jobs.task_host:serve")
    yield child
    child.shut_down()


def test_planned_and_staged_beside_the_owner(tmp_path, dataset, tasks):
    with ProjectStore.create(tmp_path / "p", ClassTable.from_names("Sky")) as store:
        tasks.submit(PlanImportSpec(str(store.folder), ImportRequest(dataset), expected=3))
        messages = to_end(tasks)
        assert isinstance(messages[-1], Finished), messages[-1]
        plan = messages[-1].result
        assert (plan.format, plan.counts["new image"]) == ("masks", 3)
        assert plan.classes[0].target == "Sky"
        assert [(m.done, m.total) for m in messages if isinstance(m, Progress)][-1] == (3, 3)
        tasks.submit(StageImportSpec(str(store.folder), ImportRequest(dataset)))
        staged = to_end(tasks)[-1].result
        assert store.labelled_pixels() == {}
        assert finish_import(store, staged).layers == 3
        assert store.labelled_pixels() == {1: 3 * 1200}


def test_a_source_that_cannot_be_read_is_a_sentence(tmp_path, dataset, tasks):
    (dataset / "empty").mkdir()
    with ProjectStore.create(tmp_path / "p", ClassTable()) as store:
        tasks.submit(PlanImportSpec(str(store.folder), ImportRequest(dataset / "empty")))
        end = to_end(tasks)[-1]
        assert isinstance(end, Failed) and end.is_user_error
        assert "The folder is empty" in end.sentence
