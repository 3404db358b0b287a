"""Large edits are written from another thread: nothing waits for them but what needs them, and nothing is lost."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from store_help import blank_image, pixels, stroke

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Edit
from segstudio.core.errors import UserError
from segstudio.io.store import journal_apart
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    with ProjectStore.create(tmp_path / "project", ClassTable.from_names("cell")) as store:
        yield store


def written(store: ProjectStore) -> int:
    """Edits in the file, as another program sees it."""
    with sqlite3.connect(store.folder / "project.db") as other:
        found = other.execute("SELECT count(*) FROM edits").fetchone()[0]
    other.close()
    return found


def edit_of(store: ProjectStore, x: float) -> tuple[Edit, int]:
    image_id = next((record.id for record in store.images()), None) or blank_image(store)
    layer = store.labels_layer(image_id)
    return stroke(layer, list(store.classes)[0].id, x, 100), image_id


def in_thread(work) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_it_is_on_the_disk_when_the_other_thread_has_ended(store):
    edit, image_id = edit_of(store, 100)
    done = store.commit(edit, is_written_apart=True)
    assert done.seq == 1 and written(store) == 0
    work = store.write_apart()
    in_thread(work)
    assert written(store) == 1
    store.retry()
    assert store.pending_count == 0
    kept = pixels(store.labels_layer(image_id)).copy()
    folder = store.folder
    store.close()
    with ProjectStore.open(folder) as again:
        assert (pixels(again.labels_layer(image_id)) == kept).all() and kept.any()
        assert again.labelled_pixels()[list(again.classes)[0].id] == int((kept > 0).sum())
        assert again.history(image_id).undo().label == "Brush"


def test_a_stroke_meanwhile_waits_for_it_and_comes_after_it(store, monkeypatch):
    go, begun = threading.Event(), threading.Event()
    open_database = journal_apart.Database

    def slowly(path):
        begun.set()
        assert go.wait(20)
        return open_database(path)

    monkeypatch.setattr(journal_apart, "Database", slowly)
    first, image_id = edit_of(store, 100)
    store.commit(first, is_written_apart=True)
    thread = threading.Thread(target=store.write_apart())
    thread.start()
    assert begun.wait(20)
    # Reading does not wait for it.
    assert len(store.images()) == 1 and written(store) == 0
    threading.Timer(0.05, go.set).start()
    second, _ = edit_of(store, 300)
    assert store.commit(second).seq == 2
    thread.join()
    assert written(store) == 2 and store.pending_count == 0
    undone = store.history(image_id).undo()
    store.mark_undone(undone, True)
    assert undone.seq == 2


def test_what_nobody_began_is_written_in_its_turn(store):
    edit, _ = edit_of(store, 100)
    store.commit(edit, is_written_apart=True)
    work = store.write_apart()
    assert store.write_apart() is None  # it is promised already
    store.retry()
    assert written(store) == 1
    in_thread(work)  # too late: it must not be written twice
    assert written(store) == 1


def test_a_disk_that_refuses_keeps_it_in_memory(store, monkeypatch):
    edit, image_id = edit_of(store, 100)
    store.commit(edit, is_written_apart=True)

    def full(_):
        raise UserError("The disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(journal_apart, "Database", full)
        in_thread(store.write_apart())
    assert store.pending_count == 1 and written(store) == 0
    store.retry()  # there is room again
    assert store.pending_count == 0 and written(store) == 1


def test_a_bug_of_ours_is_not_hidden(store, monkeypatch):
    edit, _ = edit_of(store, 100)
    store.commit(edit, is_written_apart=True)

    def broken(_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(journal_apart, "Database", broken)
        in_thread(store.write_apart())
    with pytest.raises(ZeroDivisionError):
        store.retry()
    store.retry()
    assert written(store) == 1
