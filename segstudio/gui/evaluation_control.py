"""Evaluating models: a task in a process of its own, with progress in the job strip; and the window that shows what came of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.dialogs.evaluate import EvaluateDialog
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import TaskThread
    from segstudio.jobs.specs import EvaluateSpec

Done = Callable[[dict[str, Any] | None], object]
"""Called with the scores; None when it failed (and that was said) or was cancelled."""


class EvaluationControl(QObject):
    """One evaluation at a time; its process ends with it, the thread waits for the next."""

    progressed = Signal(float, float, str)
    """(images done, in all, what)."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._thread: TaskThread | None = None
        self._job_id = ""
        self._done: Done | None = None
        self._is_said = True
        self._eta = Eta()
        self._dialog: EvaluateDialog | None = None

    @property
    def is_running(self) -> bool:
        """Whether an evaluation is under way."""
        return bool(self._job_id)

    def ask(self, model_id: str = "") -> EvaluateDialog:
        """Open the window, or bring it to the front; *model_id* is chosen in it."""
        from segstudio.gui.dialogs.evaluate import EvaluateDialog

        if self._dialog is None:
            self._dialog = EvaluateDialog(self._jobs.workspace)
            self._dialog.destroyed.connect(self._on_dialog_gone)
        if model_id:
            self._dialog.choose_model(model_id)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()
        return self._dialog

    def start(self, spec: EvaluateSpec, done: Done, *, is_said: bool = True) -> bool:
        """Evaluate; False while another is under way. With *is_said* a failure is told in the notice bar."""
        if self.is_running:
            return False
        self._eta, self._done, self._is_said = Eta(), done, is_said
        self._job_id = self._jobs.begin(tr("Evaluating"), self.cancel)
        self._ensure_thread().submit(spec)
        return True

    def _ensure_thread(self) -> TaskThread:
        if self._thread is None:
            from segstudio.gui.threads import TaskThread

            self._thread = TaskThread(self)
            self._thread.message_received.connect(self._on_message)
            self._thread.finished_job.connect(self._end)
            self._thread.cancelled.connect(partial(self._end, None))
            self._thread.failed.connect(self._on_failed)
        return self._thread

    def cancel(self) -> None:
        """End what is under way."""
        if self._thread is not None and self.is_running:
            self._thread.cancel()
            self._jobs.report(self._job_id, is_ending=True)

    def on_project_changed(self) -> None:
        """What is shown is about another project."""
        self.cancel()
        if self._dialog is not None:
            self._dialog.close()

    def shut_down(self) -> None:
        """End the process and wait for it."""
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None
        self._done, self._job_id = None, ""

    def _on_dialog_gone(self) -> None:
        self._dialog = None

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        if isinstance(message, protocol.Progress):
            left = self._eta.seconds_left(message.done, message.total)
            self._jobs.report(self._job_id, message.done, message.total, seconds_left=left)
            self.progressed.emit(message.done, message.total, message.what)
        elif isinstance(message, protocol.StageChanged):
            self._jobs.report(self._job_id, detail=tr(message.text))
            self.progressed.emit(0.0, 0.0, tr(message.text))

    def _on_failed(self, sentence: str, details: str) -> None:
        from segstudio.app.presenters.training_faults import in_the_window

        self._end(None)
        if self._is_said:
            self._jobs.fail(in_the_window(sentence), details)

    def _end(self, result: object) -> None:
        if not self.is_running:
            return
        job_id, self._job_id = self._job_id, ""
        self._jobs.end(job_id)
        done, self._done = self._done, None
        if done is not None:
            done(result if isinstance(result, dict) else None)
