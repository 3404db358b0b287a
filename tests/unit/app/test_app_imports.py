"""Imports in the session: staged beside it, taken in as one step, undone and redone from any image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.app.session import Session
from segstudio.core.geometry import Rect
from segstudio.io.importing.plan import ImportRequest
from segstudio.io.importing.staging import stage_import
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def dataset(tmp_path: Path, pictures: list[Path]) -> Path:
    """Index masks: the car of ``im0`` and ``im1``, and a picture ``new`` that no project has."""
    folder = tmp_path / "dataset"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for stem in ("im0", "im1", "new"):
        mask = np.zeros((300, 400), np.uint8)
        mask[10:30, 20:60] = 7
        Image.fromarray(mask).save(folder / "masks" / f"{stem}.png")
    for file in pictures[:2]:
        (folder / "images" / file.name).write_bytes(file.read_bytes())
    shades = np.arange(300 * 400 * 3, dtype=np.uint32).reshape(300, 400, 3) % 251
    Image.fromarray(shades.astype(np.uint8)).save(folder / "images" / "new.png")
    classes = [{"value": 7, "name": "car", "color": "#123456"}]
    (folder / "classes.json").write_text(json.dumps(classes), encoding="utf-8")
    return folder


def staged(session: Session, dataset: Path, **options):
    assert session.folder is not None
    with ProjectStore.open(session.folder, read_only=True) as looking:
        return stage_import(looking, ImportRequest(dataset, "masks", **options))


def cars(session: Session) -> int:
    assert session.labels is not None
    item = session.classes.by_name("car")
    return 0 if item is None else int((session.labels.read_classes(session.labels.bounds) == item.id).sum())


def test_a_staged_import_comes_in_as_one_step(session: Session, dataset: Path, said) -> None:
    heard: list[str] = []
    session.layers_changed.connect(lambda: heard.append("layers"))
    session.images_changed.connect(lambda: heard.append("images"))
    session.classes_changed.connect(lambda: heard.append("classes"))
    before = session.classes
    waiting = staged(session, dataset)
    assert cars(session) == 0 and not heard, "nothing is seen before it is taken in"
    report = session.imports.take(waiting)
    assert report is not None and (report.added, report.layers) == (1, 3) and report.seq
    assert {"layers", "images", "classes"} <= set(heard)
    assert cars(session) == 800
    assert [record.status for record in session.images] == ["in_progress", "in_progress", "unlabelled", "in_progress"]
    assert session.history is not None and session.history.undo_label == "Import dataset"
    session.select_image(session.images[1].id)
    assert cars(session) == 800
    assert session.undo()
    assert cars(session) == 0
    assert session.classes.names == before.names
    assert [record.status for record in session.images] == ["unlabelled"] * 4
    session.select_image(session.images[0].id)
    assert cars(session) == 0
    session.select_image(session.images[1].id)
    assert session.redo()
    assert cars(session) == 800
    session.select_image(session.images[0].id)
    assert cars(session) == 800
    assert not said


def test_painting_goes_on_in_the_imported_layer_and_undo_there_comes_first(
    session: Session, dataset: Path, said
) -> None:
    session.imports.take(staged(session, dataset))
    item = session.classes.by_name("car")
    assert item is not None
    session.select_class(item.id)
    transaction = session.begin("more")
    assert transaction is not None
    transaction.write(Rect(100, 100, 10, 10), transaction.ensure_stuff(item.id))
    assert session.commit(transaction)
    assert cars(session) == 900
    session.select_image(session.images[1].id)
    assert not session.undo()
    assert "im0.png" in said[-1]
    session.select_image(session.images[0].id)
    assert session.undo() and cars(session) == 800
    assert session.undo() and cars(session) == 0


def test_it_comes_beside_what_was_painted_and_that_layer_stays_the_active_one(session: Session, dataset: Path) -> None:
    transaction = session.begin("mine")
    assert transaction is not None and session.labels is not None
    transaction.write(Rect(0, 0, 5, 5), transaction.ensure_stuff(session.classes[0].id))
    session.commit(transaction)
    mine = session.labels
    session.imports.take(staged(session, dataset))
    assert session.labels is mine
    assert [row.name for row in session.layer_editor.rows()] == ["imported", "labels"]
    session.undo()
    assert [row.name for row in session.layer_editor.rows()] == ["labels"]


def test_one_that_is_not_wanted_leaves_nothing(session: Session, dataset: Path) -> None:
    assert session.store is not None
    staged(session, dataset, copies_images=True)
    session.imports.drop()
    assert len(session.store.images()) == 3
    assert not list((session.store.folder / "images").iterdir())


def test_changed_classes_refuse_it_in_a_sentence(session: Session, dataset: Path, said) -> None:
    waiting = staged(session, dataset)
    session.class_editor.add("bus")
    assert session.imports.take(waiting) is None
    assert "import them again" in said[-1].lower()
    assert session.store is not None and len(session.store.images()) == 3


def test_twice_is_once(session: Session, dataset: Path) -> None:
    session.imports.take(staged(session, dataset))
    report = session.imports.take(staged(session, dataset))
    assert report is not None and (report.seq, report.layers, report.added) == (0, 0, 0)
    assert session.history is not None and len(session.history.entries()) == 1


def test_undone_import_is_there_again_after_a_restart(session: Session, dataset: Path, tmp_path: Path) -> None:
    session.imports.take(staged(session, dataset))
    session.undo()
    folder = session.folder
    assert folder is not None
    session.close_project()
    assert session.open_project(folder)
    assert session.redo() and cars(session) == 800
