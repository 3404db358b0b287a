"""Disks that are full, read-only or held: said once, nothing lost, written later in order."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError
from store_help import blank_image, pixels, stroke

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction, apply_edit
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore, WritePendingError


@pytest.fixture
def store(tmp_path):
    made = ProjectStore.create(tmp_path / "project", ClassTable.from_names("cell, gland"))
    yield made
    made.discard()


def set_pages(store, count):
    store._database._connection.exec_driver_sql(f"PRAGMA max_page_count={count}").scalar()
    store._database._connection.rollback()


def noise(layer, seed):
    """An edit that needs several pages."""
    transaction = Transaction(layer, f"Noise {seed}")
    transaction.ensure_stuff(1)
    values = np.random.default_rng(seed).integers(0, 2, (256, 256), dtype=np.uint16)
    transaction.write(Rect(0, 0, 256, 256), values)
    return transaction.commit()


def fill_up(store, layer, first=0):
    set_pages(store, 1)  # SQLite sets it to the present size
    edits = []
    with pytest.raises(WritePendingError) as caught:
        for seed in range(first, first + 100):
            edits.append(store.commit(noise(layer, seed)))
    edits.append(caught.value.edit)
    return caught.value, edits


def test_full_disk_is_said_once_and_work_waits_in_order(store):
    image = blank_image(store)
    layer = store.labels_layer(image)
    stack = store.history(image)
    error, edits = fill_up(store, layer)
    assert "disk is full" in str(error) and "project.db" in str(error)
    assert error.edit.seq == len(edits) and store.pending_count == 1
    for edit in edits:
        stack.push(edit)
    stack.push(store.commit(noise(layer, 1001)))
    undo = stack.undo()
    apply_edit(undo, {layer.id: layer})
    store.mark_undone(undo, True)
    store.set_classes(store.classes.added("vessel"))
    stack.push(store.commit(noise(layer, 1002)))
    assert store.pending_count == 5
    with pytest.raises(UserError, match="disk is full"):
        store.retry()
    shown = pixels(layer)
    # Asked for anew, the layer has what is not on the disk yet.
    history = [entry.seq for entry in store.history(image).entries()]
    del layer
    assert np.array_equal(pixels(store.labels_layer(image)), shown)
    assert history == [entry.seq for entry in stack.entries()]
    set_pages(store, 1_000_000)
    store.commit(stroke(store.labels_layer(image), 2, 400, 300))
    assert store.pending_count == 0
    shown = pixels(store.labels_layer(image))
    store.close()
    with ProjectStore.open(store.folder) as again:
        layer = again.labels_layer(image)
        assert np.array_equal(pixels(layer), shown)
        assert again.classes.by_name("vessel") is not None
        assert again.labelled_pixels() == layer.pixel_counts()
        stack = again.history(image)
        assert [entry.seq for entry in stack.entries()] == [*history, history[-1] + 1]
        while (edit := stack.undo()) is not None:
            apply_edit(edit, {layer.id: layer})
        assert not pixels(layer).any()


def test_a_failure_after_a_success_is_said_again(store):
    layer = store.labels_layer(blank_image(store))
    fill_up(store, layer)
    set_pages(store, 1_000_000)
    store.retry()
    assert store.pending_count == 0
    fill_up(store, layer, 500)


def test_closing_with_unwritten_work_refuses_and_keeps_it(store):
    layer = store.labels_layer(blank_image(store))
    fill_up(store, layer)
    with pytest.raises(UserError, match="disk is full"):
        store.close()
    assert store.pending_count == 1
    set_pages(store, 1_000_000)
    store.close()
    with ProjectStore.open(store.folder) as again:
        assert np.array_equal(pixels(again.labels_layer(layer.image_id)), pixels(layer))


def test_a_file_held_by_another_program(store):
    layer = store.labels_layer(blank_image(store))
    store._database._connection.exec_driver_sql("PRAGMA busy_timeout=1").scalar()
    store._database._connection.rollback()
    other = sqlite3.connect(store.folder / "project.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(WritePendingError, match="Another program holds"):
        store.commit(stroke(layer, 1, 100, 100))
    other.execute("ROLLBACK")
    other.close()
    store.commit(stroke(layer, 1, 200, 200))
    assert store.pending_count == 0
    assert len(store.history(layer.image_id).entries()) == 2


def test_an_edit_that_can_never_be_written_blocks_no_other(store):
    layer = store.labels_layer(blank_image(store))
    orphan = replace(stroke(layer, 1, 100, 100), image_id=999)
    with pytest.raises(IntegrityError):
        store.commit(orphan)
    assert store.pending_count == 0
    assert store.commit(stroke(layer, 2, 300, 300)).seq == 2


def test_a_full_real_disk(tmp_path):
    """The same on a file system of 2 MB."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        with ProjectStore.create(disk / "p", ClassTable.from_names("cell")) as store:
            image = blank_image(store)
            layer = store.labels_layer(image)
            filler = disk / "filler"
            filler.write_bytes(bytes(1 << 20))
            with pytest.raises(WritePendingError, match="disk is full"):
                for seed in range(400):
                    store.commit(noise(layer, seed))
            store.commit(noise(layer, 9999))
            assert store.pending_count == 2
            filler.unlink()
            store.retry()
            assert store.pending_count == 0
            shown = pixels(layer)
        with ProjectStore.open(disk / "p") as store:
            assert store._database.pragma("integrity_check") == "ok"
            assert np.array_equal(pixels(store.labels_layer(image)), shown)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


_LOOK = """
import os, sys
from segstudio.core.errors import UserError
from segstudio.io.store.project import ProjectStore

def look(folder):
    with ProjectStore.open(folder, read_only=folder == sys.argv[2]) as store:
        layer = store.labels_layer(1)
        print(store.is_read_only, store.read_only_reason, layer.pixel_counts(), sep="|")
        try:
            store.set_meta("a", 1)
        except UserError as error:
            print(error)

look(sys.argv[2])  # so that everything is imported while the modules may be read
if os.geteuid() == 0:  # root may write anywhere, so go on as somebody else
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
look(sys.argv[1])
"""


@pytest.mark.skipif(os.name == "nt", reason="folders of Windows have no such permission bits")
@pytest.mark.parametrize("has_log", [False, True])
def test_a_read_only_folder_opens_to_be_looked_at(store, has_log):
    image = blank_image(store)
    store.commit(stroke(store.labels_layer(image), 1, 100, 100))
    wanted = store.labelled_pixels()
    with tempfile.TemporaryDirectory(prefix="segstudio-test-") as name:
        folder = Path(name)
        # With the log: as a crash leaves it, the last stroke only in the write-ahead log.
        names = ["project.db", "project.db-wal"] if has_log else ["project.db"]
        if not has_log:
            store.close()
        for name in names:
            (folder / name).write_bytes((store.folder / name).read_bytes())
            (folder / name).chmod(0o444)
        assert not has_log or (folder / "project.db-wal").stat().st_size
        folder.chmod(0o555)
        try:
            command = [sys.executable, "-c", _LOOK, str(folder), str(store.folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            first, second = done.stdout.splitlines()[2:]
            assert first == f"True|Its folder cannot be written to.|{wanted}"
            assert "read-only" in second and str(folder) in second
            assert sorted(os.listdir(folder)) == names
        finally:
            folder.chmod(0o755)
