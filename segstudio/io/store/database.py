"""The SQLite file of a project: opening it in every way that can be needed, transactions, and failures in words."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from segstudio.core.errors import UserError
from segstudio.io.store.locks import is_network_path

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT_S = 2.0

_FULL, _READONLY, _BUSY, _LOCKED, _IOERR, _CANTOPEN, _CORRUPT, _NOTADB, _PERM, _TOOBIG = (
    13, 8, 5, 6, 10, 14, 11, 26, 3, 18,
)  # fmt: skip


def in_words(error: sqlite3.Error, path: Path) -> UserError | None:
    """The sentence for a failure that the user can mend; None for a bug of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == _FULL:
        return UserError("The disk is full", path=path, remedy="free some space; segstudio then writes what is waiting")
    if code in (_READONLY, _PERM, _CANTOPEN):
        return UserError(
            "The project cannot be written to", path=path, remedy="make its folder writable, or copy the project"
        )
    if code in (_BUSY, _LOCKED):
        return UserError("Another program holds the project's file", path=path, remedy="close that program, then go on")
    if code in (_CORRUPT, _NOTADB):
        return UserError(
            "The project's file is damaged or no project", path=path, remedy="go back to a copy or a backup of it"
        )
    if code == _IOERR:
        return UserError("The disk failed or has gone", path=path, remedy="check the disk or the connection to it")
    return None


class Database:
    """One connection to project.db, shared by the threads of this process one at a time."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.notices: list[str] = []
        """Sentences for the user about how it was opened."""
        self._lock = threading.RLock()
        self._is_reading = False
        self.is_shared = False
        """Whether other connections may read and write it beside this one (SQLite's WAL)."""
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        try:
            raw = self._connect_to_read() if read_only else self._connect_to_write()
        except sqlite3.Error as error:
            self._drop_copy()
            raise (in_words(error, path) or error) from error
        self.engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        sa.event.listen(self.engine, "begin", self._on_begin)
        self._connection = self.engine.connect()

    def _on_begin(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if self.read_only or self._is_reading else "BEGIN IMMEDIATE")

    def _connect(self, path: Path, query: str) -> sqlite3.Connection:
        uri = f"file:{quote(path.absolute().as_posix())}?{query}"
        raw = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            raw.execute("PRAGMA foreign_keys=ON")
            raw.execute("PRAGMA cache_size=-16000")
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:
            raw.close()
            raise
        return raw

    def _connect_to_write(self) -> sqlite3.Connection:
        raw = self._connect(self.path, "mode=rwc")
        try:
            mode = ""
            if not is_network_path(self.path.parent):
                mode = str(raw.execute("PRAGMA journal_mode=WAL").fetchone()[0]).lower()
            self.is_shared = mode == "wal"
            if self.is_shared:
                # A killed program loses nothing; a power cut may lose the last strokes, never the file.
                raw.execute("PRAGMA synchronous=NORMAL")
                raw.execute("PRAGMA wal_autocheckpoint=2000")
                raw.execute("PRAGMA journal_size_limit=67108864")
            else:
                raw.execute("PRAGMA journal_mode=DELETE")
                raw.execute("PRAGMA synchronous=FULL")
                self.notices.append(
                    "The project lies on a network share, so each stroke takes a little longer to be written."
                )
        except sqlite3.Error:
            raw.close()
            raise
        return raw

    def _connect_to_read(self) -> sqlite3.Connection:
        try:
            return self._connect(self.path, "mode=ro")
        except sqlite3.OperationalError:
            # In a folder that cannot be written to, SQLite has no place for the WAL's index.
            log = self.path.with_name(self.path.name + "-wal")
            if not log.exists() or log.stat().st_size == 0:
                return self._connect(self.path, "mode=ro&immutable=1")
        self._copy = tempfile.TemporaryDirectory(prefix="segstudio-")
        copy = Path(self._copy.name) / self.path.name
        shutil.copyfile(self.path, copy)
        shutil.copyfile(log, copy.with_name(log.name))
        return self._connect(copy, "mode=rw")

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """All of the block or nothing of it.

        Raises
        ------
        UserError
            For a full disk, a read-only or locked file, a damaged one; nothing was written.
        """
        with self._lock:
            try:
                with self._connection.begin():
                    yield self._connection
            except sa.exc.DBAPIError as error:
                words = in_words(error.orig, self.path) if isinstance(error.orig, sqlite3.Error) else None
                if words is None:
                    raise
                raise words from error
            except sqlite3.Error as error:
                raise (in_words(error, self.path) or error) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One state of the file, not waiting for another connection that writes; UserError as :meth:`transaction`."""
        with self._lock:
            self._is_reading = True
            try:
                with self.transaction() as connection:
                    yield connection
            finally:
                self._is_reading = False

    def pragma(self, name: str) -> Any:
        """The value of a SQLite setting."""
        with self._lock:
            value = self._connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            self._connection.rollback()
            return value

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._connection.closed

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            if not self._connection.closed:
                self._connection.close()
                self.engine.dispose()
            self._drop_copy()

    def _drop_copy(self) -> None:
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None
