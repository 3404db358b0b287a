"""Imports from the window: labels are staged by a process beside it, then come in as one step of undo."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import TaskThread
    from segstudio.io.importing.plan import ImportReport, ImportRequest

MOST_LINES = 200


class ImportControl(QObject):
    """One import at a time."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._thread: TaskThread | None = None
        self._job_id = ""
        self._eta = Eta()

    @property
    def is_running(self) -> bool:
        """Whether an import is under way."""
        return bool(self._job_id)

    def start(self, request: ImportRequest, expected: int = 0) -> bool:
        """Begin an import of about *expected* images into the open project; False while another is under way."""
        from segstudio.gui.threads import TaskThread
        from segstudio.jobs.specs import StageImportSpec

        session = self._jobs.workspace.session
        if self.is_running or session.folder is None:
            return False
        thread = self._thread = TaskThread(self)
        self._eta = Eta()
        self._job_id = self._jobs.begin(tr("Importing %1").replace("%1", request.source.name), thread.cancel)
        thread.message_received.connect(self._on_message)
        thread.finished_job.connect(self._on_finished)
        thread.cancelled.connect(self._on_cancelled)
        thread.failed.connect(partial(self._on_failed, request, expected))
        thread.submit(StageImportSpec(str(session.folder), request, expected))
        return True

    def on_project_changed(self) -> None:
        """What was on its way belongs to another project."""
        self.shut_down()

    def shut_down(self) -> None:
        """Stop what runs and wait for it."""
        if self._thread is not None:
            self._end()

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        if isinstance(message, protocol.Progress):
            left = self._eta.seconds_left(message.done, message.total)
            self._jobs.report(self._job_id, message.done, message.total, seconds_left=left)
        elif isinstance(message, protocol.StageChanged):
            self._jobs.report(self._job_id, detail=message.text)

    def _on_finished(self, staged: object) -> None:
        from segstudio.io.importing.plan import StagedImport

        self._end()
        session = self._jobs.workspace.session
        report = session.imports.take(staged) if isinstance(staged, StagedImport) else None
        if report is None:
            session.imports.drop()
            return
        self._say(report)

    def _say(self, report: ImportReport) -> None:
        window = self._jobs.workspace.window
        offers = [Offer(tr("What came"), partial(self.show_report, report), keeps=True)]
        if not report.seq and not report.added:
            window.notices.say(
                tr("Nothing was changed: these labels are in the project already."), "info", tuple(offers)
            )
            return
        if report.seq:
            offers.insert(0, Offer(tr("Undo"), partial(window.trigger, "edit.undo")))
        left = sum(report.plan.counts[kind] for kind in ("missing", "conflict", "skipped"))
        said = report_text(report)
        if left:
            said += " " + tr("%n image(s) left out.", left)
        window.notices.say(said, "warning" if left else "info", tuple(offers), stays=True)

    def show_report(self, report: ImportReport) -> None:
        """What came and what did not, image by image."""
        from segstudio.gui.dialogs.details import DetailsDialog

        DetailsDialog(self._jobs.workspace.window, report_text(report), details_text(report)).show()

    def _on_cancelled(self) -> None:
        self._end()
        self._jobs.workspace.session.imports.drop()

    def _on_failed(self, request: ImportRequest, expected: int, sentence: str, details: str) -> None:
        self._end()
        self._jobs.workspace.session.imports.drop()
        self._jobs.fail(sentence, details, [Offer(tr("Try again"), partial(self.start, request, expected))])

    def _end(self) -> None:
        self._jobs.end(self._job_id)
        self._job_id = ""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shut_down()
            thread.deleteLater()


def report_text(report: ImportReport) -> str:
    """One sentence about what an import did."""
    counts = report.plan.counts
    images = counts["comes"] + counts["new image"]
    said = tr("Labels of %n image(s) came from %1.", images).replace("%1", Path(report.plan.request.source).name)
    if report.added:
        said += " " + tr("%n image(s) were added.", report.added)
    return said


def details_text(report: ImportReport) -> str:
    """What did not come, or not as it was: a line each."""
    rows = [row for row in report.plan.rows if row.sentence or row.kind not in ("comes", "new image", "unchanged")]
    lines = [f"{row.name}: {row.sentence or row.kind}" for row in rows]
    lines += [
        f"{problem.where}: {problem.sentence}" + (f" ({problem.count} ×)" if problem.count > 1 else "")
        for problem in report.plan.problems
    ]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… {len(lines) - MOST_LINES} more"]
    return "\n".join(lines) or tr("All came as it is.")
