"""A real version-1 project is brought up to date, with a backup first; newer and foreign files are refused."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from store_help import stroke
from v1_project import labels_array, write_v1_project

from segstudio.core.edits import apply_edit
from segstudio.core.errors import UserError
from segstudio.core.layers import LabelLayer
from segstudio.io.store import migrations, schema
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def old(tmp_path):
    layer = LabelLayer(1, 1, "labels", "labels", 600, 500)
    edits = [stroke(layer, 1 + index % 2, 80 + 90 * index, 230) for index in range(5)]
    write_v1_project(tmp_path / "old", layer, edits)
    return tmp_path / "old", layer


def test_version_1_keeps_everything(old):
    folder, layer = old
    with ProjectStore.open(folder) as store:
        assert store._database.pragma("user_version") == schema.SCHEMA_VERSION
        assert "project-version-1-backup.db" in store.notices[0]
        labels = store.labels_layer(1)
        assert np.array_equal(labels_array(labels), labels_array(layer))
        assert store.labelled_pixels() == layer.pixel_counts() != {}
        assert store.classes.names == ["cell", "gland"] and store.classes.locked_ids == {2}
        assert store.get_meta("current") == 1
        assert store.image(1).split is None
        stack = store.history(1)
        while (edit := stack.undo()) is not None:
            apply_edit(edit, {labels.id: labels})
            store.mark_undone(edit, True)
        assert not labels_array(labels).any() and store.labelled_pixels() == {}
    with ProjectStore.open(folder) as store:
        assert store.notices == []
        assert not store.history(1).can_undo and store.history(1).can_redo


def test_the_backup_is_the_old_file(old):
    folder, layer = old
    ProjectStore.open(folder).close()
    backup = sqlite3.connect(folder / "project-version-1-backup.db")
    assert backup.execute("PRAGMA user_version").fetchone() == (1,)
    assert backup.execute("SELECT count(*) FROM edits").fetchone() == (5,)
    assert backup.execute("SELECT count(*) FROM tiles").fetchone() == (len(layer.tiles.keys()),)
    backup.close()


def test_a_migrated_file_has_the_tables_of_a_new_one(old, tmp_path):
    folder, _ = old
    ProjectStore.open(folder).close()
    ProjectStore.create(tmp_path / "new").close()
    described = []
    for path in (folder, tmp_path / "new"):
        file = sqlite3.connect(path / "project.db")
        tables = [row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        described.append(
            {name: sorted(row[1:4] for row in file.execute(f"PRAGMA table_info({name})")) for name in tables}
        )
        file.close()
    assert described[0] == described[1]


def test_a_failed_migration_changes_nothing(old, monkeypatch):
    folder, layer = old

    def fails(connection):
        connection.exec_driver_sql("ALTER TABLE images ADD COLUMN half VARCHAR")
        raise sqlite3.OperationalError("out of luck")

    monkeypatch.setitem(migrations._STEPS, 1, fails)
    with pytest.raises(sqlite3.OperationalError):
        ProjectStore.open(folder)
    monkeypatch.undo()
    with ProjectStore.open(folder) as store:
        assert np.array_equal(labels_array(store.labels_layer(1)), labels_array(layer))


def test_no_migration_without_a_backup(old, monkeypatch):
    folder, _ = old

    def full(path, version):
        raise UserError("The disk is full", path=path, remedy="free some space")

    monkeypatch.setattr(migrations, "backup", full)
    with pytest.raises(UserError, match="disk is full"):
        ProjectStore.open(folder)
    file = sqlite3.connect(folder / "project.db")
    assert file.execute("PRAGMA user_version").fetchone() == (1,)
    file.close()


def test_an_old_project_is_not_migrated_when_only_looked_at(old):
    folder, _ = old
    with pytest.raises(UserError, match="older segstudio"):
        ProjectStore.open(folder, read_only=True)


def test_a_newer_project_is_refused(tmp_path):
    ProjectStore.create(tmp_path / "p").close()
    file = sqlite3.connect(tmp_path / "p" / "project.db")
    file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(UserError, match="newer segstudio"):
        ProjectStore.open(tmp_path / "p")
