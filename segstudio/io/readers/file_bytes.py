"""Random access to an open image file from several threads, noticing when another program changes the file."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_LOOK_S = 0.5


class FileBytes:
    """Byte ranges of a file that stays open; each call takes a lock no longer than it reads.

    A file that was deleted goes on being read where the system allows it; one that was written anew is refused, since
    what was known of it no longer holds (unless *is_watched* is False: nobody else writes to our own files).
    """

    def __init__(self, path: Path, *, is_watched: bool = True) -> None:
        self.path = path
        self._is_watched = is_watched
        self._lock = threading.Lock()
        self._file: int | None = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        status = os.fstat(self._file)
        self.size = status.st_size
        self._identity = (status.st_size, status.st_mtime_ns)
        self._looked_s = time.monotonic()

    def read(self, offset: int, count: int) -> bytes:
        """At most *count* bytes from *offset* on; fewer at the end of the file.

        Raises
        ------
        UserError
            When the file was changed since it was opened, or can't be read any more.
        """
        try:
            self._check()
            if self._file is None:
                raise ValueError("the reader is closed")
            if hasattr(os, "pread"):
                return os.pread(self._file, count, offset)
            with self._lock:
                os.lseek(self._file, offset, os.SEEK_SET)
                return os.read(self._file, count)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UserError(
                f"The image can no longer be read ({reason})",
                path=self.path,
                remedy="put the file or its disk back, then open it again",
            ) from error

    def _check(self) -> None:
        now = time.monotonic()
        if not self._is_watched or now - self._looked_s < _LOOK_S:
            return
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return  # what is open can still be read
        if (status.st_size, status.st_mtime_ns) != self._identity:
            raise UserError(
                "The image was changed by another program while it was open", path=self.path, remedy="open it again"
            )
        self._looked_s = now

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
