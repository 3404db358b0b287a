"""Writing edits that take long from another thread, over a connection of its own, while the document goes on."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.io.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import sqlalchemy as sa

    Write = Callable[[sa.Connection], None]


class Apart:
    """One transaction for another thread. :meth:`run` is called there, once; :meth:`settle` by whoever needs it done.

    Where nobody has begun it when it is needed, it is taken back: its edits then wait as before and are written in their turn.
    """

    def __init__(self, path: Path, count: int, write: Write) -> None:
        self.count = count
        """How many of the edits that wait are in it, from the first on."""
        self._path, self._write = path, write
        self._lock = threading.Lock()
        self._state = "waiting"
        self._ended = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Write; what goes wrong is told by :meth:`settle`."""
        with self._lock:
            if self._state != "waiting":
                return
            self._state = "writing"
        try:
            with closing(Database(self._path)) as database, database.transaction() as connection:
                self._write(connection)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the document is
            self._error = error
        finally:
            self._ended.set()

    @property
    def has_ended(self) -> bool:
        """Whether :meth:`settle` would not wait."""
        return self._ended.is_set()

    def settle(self) -> bool:
        """Wait for its end; whether all of it is written. False where it was not begun, or the disk refused it.

        Raises
        ------
        Exception
            What went wrong besides: a bug of ours.
        """
        with self._lock:
            if self._state == "waiting":
                self._state = "taken back"
                return False
        self._ended.wait()
        if self._error is not None and not isinstance(self._error, UserError):
            raise self._error
        return self._error is None
