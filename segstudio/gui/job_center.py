"""Jobs of a window: their lines in the strip, their failures in a sentence with next steps, their end."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess
from PySide6.QtWidgets import QMessageBox

from segstudio.gui.asking import Questions
from segstudio.gui.compare_control import CompareControl
from segstudio.gui.evaluation_control import EvaluationControl
from segstudio.gui.export_control import ExportControl
from segstudio.gui.i18n import tr
from segstudio.gui.import_control import ImportControl
from segstudio.gui.job_strip import JobView
from segstudio.gui.learning_control import LearningControl
from segstudio.gui.model_control import ModelControl
from segstudio.gui.model_files import ModelFiles
from segstudio.gui.next_control import NextControl
from segstudio.gui.notice_bar import Offer
from segstudio.gui.preview_control import PreviewControl
from segstudio.gui.prompt_control import PromptControl
from segstudio.gui.refine_control import RefineControl
from segstudio.gui.training_control import TrainingControl

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


class JobCenter(QObject):
    """Starts, shows, cancels and ends what takes long. The work itself runs in other processes."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self._strip = workspace.window.job_strip
        self._strip.cancel_requested.connect(self._on_cancel_requested)
        self._cancels: dict[str, Callable[[], object]] = {}
        self._titles: dict[str, str] = {}
        self._unasked: set[str] = set()
        self._is_quiet = False
        self._numbers = itertools.count(1)
        self._processes: list[QProcess] = []
        self.models = ModelControl(self)
        self.prompts = PromptControl(self)
        self.training = TrainingControl(self)
        self.exports = ExportControl(self)
        self.imports = ImportControl(self)
        self.questions = Questions(self)
        self.model_files = ModelFiles(self)
        self.compare = CompareControl(self)
        self.evaluations = EvaluationControl(self)
        self.previews = PreviewControl(self)
        self.refine = RefineControl(self)
        self.learning = LearningControl(self)
        self.what_next = NextControl(self)

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """A job that begins in here has no line: what comes by itself now and then must not move the canvas each time."""
        self._is_quiet = True
        try:
            yield
        finally:
            self._is_quiet = False

    # -- the strip -------------------------------------------------------------------------------------------------

    def begin(self, title: str, cancel: Callable[[], object] | None = None, *, loses_nothing: bool = False) -> str:
        """A job begins: its line appears; the job's id. One that *loses_nothing* ends unasked when the window closes."""
        if self._is_quiet:
            return ""
        job_id = f"job-{next(self._numbers)}"
        self._titles[job_id] = title
        if loses_nothing:
            self._unasked.add(job_id)
        if cancel is not None:
            self._cancels[job_id] = cancel
        self._strip.show_job(JobView(job_id, title, can_cancel=cancel is not None))
        self.workspace.window.schedule_refresh()
        return job_id

    def report(
        self,
        job_id: str,
        done: float = 0.0,
        total: float = 0.0,
        *,
        seconds_left: float | None = None,
        detail: str = "",
        title: str | None = None,
        is_ending: bool = False,
    ) -> None:
        """How far a job is; one that is over already is ignored."""
        if job_id not in self._titles:
            return
        if title is not None:
            self._titles[job_id] = title
        self._strip.show_job(
            JobView(
                job_id,
                self._titles[job_id],
                done,
                total,
                seconds_left,
                detail,
                can_cancel=job_id in self._cancels,
                is_ending=is_ending,
            )
        )

    def end(self, job_id: str) -> None:
        """A job is over, one way or another."""
        self._titles.pop(job_id, None)
        self._unasked.discard(job_id)
        self._cancels.pop(job_id, None)
        self._strip.drop_job(job_id)
        self.workspace.window.schedule_refresh()

    def running_titles(self) -> list[str]:
        """What is under way."""
        return list(self._titles.values())

    def fail(self, sentence: str, details: str = "", offers: Sequence[Offer] = ()) -> None:
        """Say in one sentence what failed, with next steps; details behind a link."""
        window = self.workspace.window
        buttons = list(offers)
        if details.strip():

            def show_details() -> None:
                from segstudio.gui.dialogs.details import DetailsDialog

                DetailsDialog(window, sentence, details).show()

            buttons.append(Offer(tr("Details"), show_details, keeps=True))
        window.notices.say(sentence, "failure", tuple(buttons))

    # -- the window's life -----------------------------------------------------------------------------------------

    def may_stop_all(self) -> bool:
        """Ask, when leaving now would stop something; True = go on leaving."""
        titles = [title for job_id, title in self._titles.items() if job_id not in self._unasked]
        if not titles:
            return True
        question = QMessageBox(self.workspace.window)
        question.setIcon(QMessageBox.Icon.NoIcon)
        question.setWindowTitle("segstudio")
        question.setText(tr("Work is still running: %1.").replace("%1", ", ".join(titles)))
        question.setInformativeText(tr("Leaving stops it. Labels are on disk; training keeps its best model."))
        leave = question.addButton(tr("Stop and leave"), QMessageBox.ButtonRole.AcceptRole)
        stay = question.addButton(tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(stay)
        question.exec()
        return question.clickedButton() is leave

    def on_project_changed(self) -> None:
        """Another project, or none: what worked on the former one ends."""
        self.models.on_project_changed()
        self.prompts.desk.stop()
        self.what_next.on_project_changed()
        self.training.on_project_changed()
        self.learning.on_project_changed()
        self.evaluations.on_project_changed()
        self.imports.on_project_changed()

    def shut_down(self) -> None:
        """Stop everything and wait for it."""
        self.compare.shut_down()
        self.what_next.shut_down()
        self.evaluations.shut_down()
        self.previews.shut_down()
        self.refine.shut_down()
        self.models.shut_down()
        self.prompts.shut_down()
        self.training.shut_down()
        self.learning.shut_down()
        self.exports.shut_down()
        self.imports.shut_down()
        self.questions.shut_down()
        self.model_files.shut_down()
        for process in self._processes:
            process.kill()
            process.waitForFinished(3000)
        self._processes.clear()
        for job_id in list(self._titles):
            self.end(job_id)

    def show_device(self) -> None:
        """Write the chosen device on the status line."""
        self.workspace.window.status_line.show_device(self.workspace.settings.text("model.device"))

    # -- our own command line in a process ---------------------------------------------------------------------------

    def run_command(
        self,
        arguments: Sequence[str],
        title: str,
        on_done: Callable[[int, str, str], object],
    ) -> QProcess:
        """Run ``segstudio …`` beside the window; *on_done* gets (exit code, stdout, stderr); -1 when cancelled."""
        process = QProcess(self)
        own = [] if getattr(sys, "frozen", False) else ["-m", "segstudio"]
        job_id = self.begin(title, process.kill)

        def finish(code: int, status: QProcess.ExitStatus) -> None:
            self.end(job_id)
            if process in self._processes:
                self._processes.remove(process)
                out = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace")
                err = bytes(process.readAllStandardError().data()).decode("utf-8", "replace")
                on_done(code if status == QProcess.ExitStatus.NormalExit else -1, out, err)
            process.deleteLater()

        process.finished.connect(finish)
        self._processes.append(process)
        process.start(sys.executable, [*own, *arguments])
        return process

    def make_sample(self, folder: Path) -> None:
        """Make the sample project in *folder* and open it."""

        def done(code: int, out: str, err: str) -> None:
            if code == 0:
                self.workspace.session.open_project(folder)
            elif code > 0:
                last = (err.strip().splitlines() or [tr("The sample could not be made.")])[-1]
                self.fail(last.removeprefix("segstudio: "), err)

        self.run_command(["demo", "--project", str(folder), "--no-window"], tr("Making the sample project"), done)

    def _on_cancel_requested(self, job_id: str) -> None:
        cancel = self._cancels.get(job_id)
        if cancel is not None:
            self.report(job_id, is_ending=True)
            cancel()
