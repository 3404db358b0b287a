"""Questions that a dialog asks a process while it is open: the newest wins, and the process ends with the dialog."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from segstudio.gui.threads import TaskThread


class Questions(QObject):
    """Makes askers and outlives the dialogs that use them, so that no dialog waits for a process to end."""

    def asker(self) -> Asker:
        """A new one; close it with :meth:`Asker.close`."""
        return Asker(self)

    def shut_down(self) -> None:
        """End all and wait for them."""
        for asker in self.findChildren(Asker):
            asker.shut_down()


class Asker(QObject):
    """One question at a time: a new one ends the one before, whose answer never comes."""

    answered = Signal(object)
    failed = Signal(str)
    """Why there is no answer, in a sentence."""
    progressed = Signal(object)
    """A message of ``segstudio.jobs.protocol``."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._thread: TaskThread | None = None
        self._ending: list[TaskThread] = []
        self._numbers = itertools.count(1)
        self._asked = 0
        self.is_busy = False
        self._is_closed = False

    def ask(self, spec: object) -> None:
        """Ask; the answer comes as ``answered`` or ``failed``."""
        from segstudio.gui.threads import TaskThread

        if self.is_busy:
            self.stop()  # What it answers now would be taken for the answer to this.
        if self._thread is None:
            self._asked = next(self._numbers)
            self._thread = TaskThread(self)
            self._thread.is_child_kept = True
            self._thread.finished_job.connect(partial(self._on_answered, self._asked))
            self._thread.failed.connect(partial(self._on_failed, self._asked))
            self._thread.message_received.connect(self.progressed.emit)
        self.is_busy = True
        self._thread.submit(spec)

    def drop(self) -> None:
        """Forget what was asked; a process that waits for the next question stays."""
        if self.is_busy:
            self.stop()

    def stop(self) -> None:
        """Nobody waits any more: the process ends, without waiting for it."""
        thread, self._thread = self._thread, None
        self.is_busy = False
        self._asked = 0
        if thread is not None:
            self._ending.append(thread)
            thread.finished.connect(partial(self._on_ended, thread))
            thread.retire()

    def close(self) -> None:
        """Stop for good; this object goes once its processes are gone."""
        self._is_closed = True
        self.stop()
        if not self._ending:
            self.deleteLater()

    def shut_down(self) -> None:
        """End the process and wait for it."""
        self.stop()
        for thread in list(self._ending):
            thread.wait()

    def _on_ended(self, thread: TaskThread) -> None:
        if thread in self._ending:
            self._ending.remove(thread)
        if self._is_closed and not self._ending:
            self.deleteLater()

    def _on_answered(self, number: int, answer: object) -> None:
        if number == self._asked:
            self.is_busy = False
            self.answered.emit(answer)

    def _on_failed(self, number: int, sentence: str, details: str) -> None:
        if number == self._asked:
            self.is_busy = False
            self.failed.emit(sentence)
