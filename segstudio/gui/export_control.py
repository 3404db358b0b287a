"""Exports from the window: a task in a process of its own, with progress and a link to the result."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import TaskThread
    from segstudio.io.formats.base import ExportReport
    from segstudio.jobs.specs import AugmentSpec, ExportSpec


class ExportControl(QObject):
    """Starts exports; several may run one beside the other."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._threads: list[TaskThread] = []

    @property
    def running(self) -> int:
        """How many are under way."""
        return len(self._threads)

    def start(self, spec: ExportSpec | AugmentSpec) -> None:
        """Begin an export."""
        from segstudio.gui.threads import TaskThread

        thread = TaskThread(self)
        job_id = self._jobs.begin(tr("Exporting to %1").replace("%1", Path(spec.out).name), thread.cancel)
        self._threads.append(thread)
        eta = Eta()
        thread.message_received.connect(partial(self._on_message, job_id, eta))
        thread.finished_job.connect(partial(self._on_finished, thread, job_id, spec))
        thread.cancelled.connect(partial(self._end, thread, job_id))
        thread.failed.connect(partial(self._on_failed, thread, job_id, spec))
        thread.submit(spec)

    def shut_down(self) -> None:
        """Stop what runs and wait for it."""
        for thread in self._threads:
            thread.shut_down()
        self._threads.clear()

    def _on_message(self, job_id: str, eta: Eta, message: object) -> None:
        from segstudio.jobs import protocol

        if isinstance(message, protocol.Progress):
            left = eta.seconds_left(message.done, message.total)
            self._jobs.report(job_id, message.done, message.total, seconds_left=left)
        elif isinstance(message, protocol.StageChanged):
            self._jobs.report(job_id, detail=message.text)

    def show_report(self, report: ExportReport) -> None:
        """What was written, lost and checked."""
        from segstudio.gui.dialogs.export_report import ExportReportDialog

        ExportReportDialog(self._jobs.workspace.window, report).show()

    def _on_finished(self, thread: TaskThread, job_id: str, spec: ExportSpec | AugmentSpec, result: object) -> None:
        from segstudio.io.formats.base import ExportReport
        from segstudio.jobs.specs import ExportSpec

        self._end(thread, job_id)
        offers = [Offer(tr("Open the folder"), partial(open_folder, spec.out), keeps=True)]
        if isinstance(spec, ExportSpec) and isinstance(result, ExportReport):
            offers.insert(0, Offer(tr("Report"), partial(self.show_report, result), keeps=True))
        skipped = [str(sentence) for _, sentence in getattr(result, "skipped", ())]
        said = [tr("The export is in %1.").replace("%1", spec.out), *getattr(result, "notes", ())]
        if skipped:
            said.append(tr("%n image(s) left out; the first: %1", len(skipped)).replace("%1", skipped[0]))
            self._jobs.workspace.window.notices.say(" ".join(said), "warning", tuple(offers))
        else:
            self._jobs.workspace.window.notices.say(" ".join(said), "info", tuple(offers), stays=True)

    def _on_failed(
        self, thread: TaskThread, job_id: str, spec: ExportSpec | AugmentSpec, sentence: str, details: str
    ) -> None:
        self._end(thread, job_id)
        self._jobs.fail(sentence, details, [Offer(tr("Try again"), partial(self.start, spec))])

    def _end(self, thread: TaskThread, job_id: str) -> None:
        self._jobs.end(job_id)
        if thread in self._threads:
            self._threads.remove(thread)
            thread.shut_down()
            thread.deleteLater()


def open_folder(folder: str) -> None:
    """Show a folder in the file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(folder))
