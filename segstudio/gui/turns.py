"""Work of the window's thread in pieces, so that the event loop gets its turn between them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


def in_turns(owner: QObject, *steps: Callable[[], object]) -> None:
    """Do *steps* one after the other, each in a turn of the event loop of its own; no more once *owner* is gone."""
    if not steps:
        return

    def go_on() -> None:
        steps[0]()
        in_turns(owner, *steps[1:])

    QTimer.singleShot(0, owner, go_on)
