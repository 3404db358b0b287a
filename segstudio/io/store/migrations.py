"""Bringing project.db of an older segstudio up to date, after a backup copy."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.io.atomic import disk_error, temp_sibling
from segstudio.io.store import schema
from segstudio.io.store.pixels import count_tile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import sqlalchemy as sa

    from segstudio.io.store.database import Database


def _from_1(connection: sa.Connection) -> None:
    """Version 2 knows splits, where an outside image lay from the project, and how many pixels a segment has."""
    run = connection.exec_driver_sql
    run("ALTER TABLE images ADD COLUMN path_hint VARCHAR NOT NULL DEFAULT ''")
    run("ALTER TABLE images ADD COLUMN split VARCHAR")
    run("ALTER TABLE segments ADD COLUMN pixels INTEGER NOT NULL DEFAULT 0")
    sizes = {row[0]: (row[1], row[2]) for row in run(
        "SELECT layers.id, images.width, images.height FROM layers JOIN images ON images.id = layers.image_id"
    )}  # fmt: skip
    counts: dict[tuple[int, int], int] = {}
    for layer_id, ty, tx, data in run("SELECT layer_id, ty, tx, data FROM tiles WHERE plane = 0"):
        width, height = sizes[layer_id]
        for segment_id, pixels in count_tile(data, ty, tx, width, height).items():
            key = (layer_id, segment_id)
            counts[key] = counts.get(key, 0) + pixels
    for (layer_id, segment_id), pixels in counts.items():
        run("UPDATE segments SET pixels = ? WHERE layer_id = ? AND id = ?", (pixels, layer_id, segment_id))


def _from_2(connection: sa.Connection) -> None:
    """Version 3 knows the length of the files, so that one that was moved is found without reading every other."""
    connection.exec_driver_sql("ALTER TABLE images ADD COLUMN file_bytes INTEGER NOT NULL DEFAULT 0")


def _from_3(connection: sa.Connection) -> None:
    """Version 4 keeps what is known of images beside their labels, and the effort they took."""
    for table in (schema.image_facts, schema.efforts):
        table.create(connection)


_STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _from_1, 2: _from_2, 3: _from_3}
"""By the version they start from."""


def backup(path: Path, version: int) -> Path:
    """Copy project.db (with what its WAL holds) beside itself, whole or not at all; the copy."""
    target = path.with_name(f"{path.stem}-version-{version}-backup{path.suffix}")
    temp = temp_sibling(target)
    try:
        source = sqlite3.connect(path)
        try:
            copy = sqlite3.connect(temp)
            try:
                source.backup(copy)
            finally:
                copy.close()
        finally:
            source.close()
        with temp.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temp, target)
    except OSError as error:
        temp.unlink(missing_ok=True)
        raise disk_error(error, target) from error
    except sqlite3.Error as error:
        temp.unlink(missing_ok=True)
        raise UserError(
            "The project must be brought up to date, but no backup of it could be written",
            path=target,
            remedy="free some space and open it again",
        ) from error
    return target


def migrate(database: Database) -> Path | None:
    """Bring the file to :data:`schema.SCHEMA_VERSION`; the backup that was made, None when nothing was to do.

    Raises
    ------
    UserError
        When the file is no project, was made by a newer segstudio, or needs a migration but is read-only.
    """
    version = int(database.pragma("user_version"))
    if version == schema.SCHEMA_VERSION:
        return None
    path = database.path
    if version > schema.SCHEMA_VERSION:
        raise UserError("The project was made by a newer segstudio", path=path, remedy="install the newest segstudio")
    if version not in _STEPS:
        raise UserError("The file is no segstudio project", path=path, remedy="choose a project's folder")
    if database.read_only:
        raise UserError(
            "The project was made by an older segstudio and must be brought up to date first",
            path=path,
            remedy="close other windows on it and make its folder writable, then open it again",
        )
    copy = backup(path, version)
    with database.transaction() as connection:
        while version < schema.SCHEMA_VERSION:
            _STEPS[version](connection)
            version += 1
        connection.exec_driver_sql(f"PRAGMA user_version={version}")
    return copy
