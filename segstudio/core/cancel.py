"""Cancel tokens: how long work learns that nobody waits for it any more."""

from __future__ import annotations

import threading
from typing import Protocol

from segstudio.core.errors import Cancelled


class Cancel(Protocol):
    """What long work asks between two steps; an Event of threading or multiprocessing serves."""

    def is_set(self) -> bool:
        """Whether the work should end now."""
        ...


class CancelToken:
    """A cancel flag for work in this process."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to end at its next check."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether :meth:`set` was called."""
        return self._event.is_set()


class _Never:
    def is_set(self) -> bool:
        return False


NEVER: Cancel = _Never()


def check(cancel: Cancel) -> None:
    """Raise :class:`Cancelled` if *cancel* is set."""
    if cancel.is_set():
        raise Cancelled
