"""Threads of the window that do nothing by themselves: a test says what their process would say."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject, Signal

from segstudio.gui import threads


class FakeThread(QObject):
    """Answers as a thread of ``segstudio.gui.threads`` does, but only when told to."""

    message_received = Signal(object)
    finished_job = Signal(object)
    failed = Signal(str, str)
    cancelled = Signal()
    finished = Signal()
    made: list[FakeThread] = []

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.specs: list[object] = []
        self.calls: list[str] = []
        FakeThread.made.append(self)

    def submit(self, spec: object) -> None:
        """Keep what is asked for."""
        self.specs.append(spec)

    def cancel(self) -> None:
        """Keep that it was asked to stop."""
        self.calls.append("cancel")

    def set_paused(self, is_paused: bool) -> None:
        """Keep that it was held, or let go on."""
        self.calls.append("pause" if is_paused else "go on")

    def retire(self) -> None:
        """Keep that it is not needed any more."""
        self.calls.append("retire")
        self.finished.emit()

    def shut_down(self) -> None:
        """Keep that it was ended."""
        self.calls.append("shut down")


def fake_threads(monkeypatch: pytest.MonkeyPatch) -> list[FakeThread]:
    """Put fakes in place of the window's threads; the list of those made."""
    FakeThread.made = []
    for name in ("ModelThread", "TrainingThread", "TaskThread"):
        monkeypatch.setattr(threads, name, FakeThread)
    return FakeThread.made
