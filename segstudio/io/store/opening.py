"""What comes before a project is open: an empty file, the lock, and whether it can be written to."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.io.store.locks import FolderLock

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.core.classes import ClassTable


def check_file(folder: Path, path: Path) -> None:
    """Refuse what is no project before anything is written to it.

    Raises
    ------
    UserError
        When the file is missing, or empty: SQLite would take that for a new database and begin one in it.
    """
    if not path.is_file():
        remedy = "choose a project's folder, or make one with: segstudio new DIR"
        raise UserError("There is no segstudio project", path=folder, remedy=remedy)
    if path.stat().st_size == 0:
        raise UserError("The project's file is empty", path=path, remedy="put it back from a copy")


def lock_project(folder: Path, path: Path) -> tuple[FolderLock | None, str]:
    """Take the project's lock: (the lock, "") or (None, why the project can be looked at only)."""
    lock = FolderLock(folder)
    try:
        has_lock = lock.acquire()
    except OSError:
        return None, "Its folder cannot be written to."
    if not has_lock:
        return None, f"It is open in {lock.holder()}; close that one to work here."
    if not os.access(path, os.W_OK) or not _can_begin(path):
        lock.release()
        return None, "Its file cannot be written to."
    return lock, ""


def _can_begin(path: Path) -> bool:
    try:
        raw = sqlite3.connect(path, timeout=2.0, isolation_level=None)
        try:
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("ROLLBACK")
        finally:
            raw.close()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorname.partition("_")[2].partition("_")[0] not in ("READONLY", "CANTOPEN", "PERM")
    except sqlite3.DatabaseError:
        return True
    return True


def write_empty(path: Path, classes: ClassTable) -> None:
    """Write a project's file without images."""
    from segstudio.io.store import schema
    from segstudio.io.store.database import Database
    from segstudio.io.store.state_rows import write_classes

    database = Database(path)
    try:
        with database.transaction() as connection:
            schema.metadata.create_all(connection)
            write_classes(connection, classes)
            connection.exec_driver_sql(f"PRAGMA application_id={schema.APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version={schema.SCHEMA_VERSION}")
    finally:
        database.close()
