"""Training patches to look at before a run: made in a process that stays up while somebody looks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from segstudio.gui.threads import TaskThread
    from segstudio.ml.plan import TrainPlan


class PreviewControl(QObject):
    """One question at a time: a new one ends the one before."""

    made = Signal(object)
    """The ``PatchPreview`` that was asked for last."""
    failed = Signal(str)
    """Why there is none, in a sentence."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._thread: TaskThread | None = None
        self._ending: list[TaskThread] = []

    def ask(self, plan: TrainPlan, batch: int = 0) -> None:
        """Make the *batch*-th patches of a run of *plan*."""
        from segstudio.gui.threads import TaskThread
        from segstudio.jobs.specs import PreviewSpec

        if self._thread is None:
            self._thread = TaskThread(self)
            # Loading torch takes longer than the patches do.
            self._thread.is_child_kept = True
            self._thread.finished_job.connect(self.made.emit)
            self._thread.failed.connect(lambda sentence, _: self.failed.emit(sentence))
        self._thread.submit(PreviewSpec(plan, batch))

    def stop(self) -> None:
        """Nobody looks any more: the process ends, without waiting for it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ending.append(thread)
            thread.finished.connect(partial(self._ending.remove, thread))
            thread.retire()

    def shut_down(self) -> None:
        """End the process and wait for it."""
        self.stop()
        for thread in list(self._ending):
            thread.wait()
