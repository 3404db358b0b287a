"""The process that answers clicks, and which model it answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from segstudio.app.prompt_desk import PromptDesk
from segstudio.app.tools.prompt import PromptTool
from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.app.everything_desk import EverythingDesk
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import PromptThread
    from segstudio.jobs.specs import PromptSpec, SweepSpec
    from segstudio.ml.catalog_entry import CatalogEntry

OUT_OF_MEMORY = "Out of memory"


class PromptControl(QObject):
    """Between the desk that the click tool asks and the model host that answers; the process starts with the first question."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._thread: PromptThread | None = None
        self.desk: PromptDesk = PromptDesk(jobs.models.presenter, jobs.workspace.settings, self._submit, self._cancel)
        self.desk.offer_download = self._offer_download
        self.desk.changed.connect(jobs.workspace.toolbox.context.preview_changed.emit)
        self._everything: EverythingDesk | None = None
        self._job_id = ""
        self._eta = Eta()

    def choose(self, model_id: str) -> None:
        """Take a click model; one that is not here yet is offered for download."""
        self.desk.choose(model_id)
        entry = self.desk.current
        if entry is not None and entry.needs_download:
            self._offer_download(tr("“%1” must be downloaded first.").replace("%1", entry.card.name), entry)

    def on_installed(self, entry: CatalogEntry) -> None:
        """A weights file of a click model was added: it is the one that answers now."""
        self.desk.choose(entry.card.id)
        said = tr("“%1” answers the clicks of the tool “Click to segment” now.").replace("%1", entry.card.name)
        self._jobs.workspace.window.say(said if entry.is_available else entry.reason)

    def _offer_download(self, sentence: str, entry: CatalogEntry) -> None:
        window, models = self._jobs.workspace.window, self._jobs.models
        if models.is_downloading(entry):
            window.say(tr("The model is still being downloaded."))
            return

        def fetch() -> None:
            self.desk.choose(entry.card.id)
            models.download(entry)

        text = tr("Download %1").replace("%1", entry.card.name)
        window.notices.say(tr(sentence), "warning", (Offer(text, fetch),), key="download")

    # -- everything in view ----------------------------------------------------------------------------------------

    @property
    def everything(self) -> EverythingDesk:
        """What segments everything in view; made when it is first asked for."""
        if self._everything is None:
            from segstudio.app.everything_desk import EverythingDesk

            tool = self._jobs.workspace.toolbox.tool("prompt")
            assert isinstance(tool, PromptTool)
            self._everything = EverythingDesk(tool, self.desk)
            self._everything.changed.connect(self._on_swept)
            self._everything.ended.connect(self._on_sweep_ended)
        return self._everything

    def segment_everything(self) -> None:
        """Propose every object in view; its line in the job strip shows how far it is and stops it."""
        self.everything.begin()

    def _on_swept(self) -> None:
        if not self._job_id:
            self._job_id = self._jobs.begin(tr("Segmenting everything in view"), self.everything.stop)
            self._eta = Eta()
        done, total = self.everything.progress
        left = self._eta.seconds_left(done, total) if total else None
        self._jobs.report(self._job_id, done, total, seconds_left=left, detail=tr(self.desk.status))

    def _on_sweep_ended(self, _: int) -> None:
        if self._job_id:
            self._jobs.end(self._job_id)
            self._job_id = ""

    def shut_down(self) -> None:
        """End the process."""
        if self._everything is not None:
            self._everything.drop()
        self.desk.stop()
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None

    def _submit(self, spec: PromptSpec | SweepSpec) -> None:
        if self._thread is None:
            from segstudio.gui.threads import PromptThread

            self._thread = PromptThread(self)
            self._thread.message_received.connect(self._on_message)
            self._thread.finished_job.connect(self.desk.on_finished)
            self._thread.cancelled.connect(self.desk.on_cancelled)
            self._thread.failed.connect(self._on_failed)
        self._thread.submit(spec)

    def _cancel(self) -> None:
        if self._thread is not None:
            self._thread.cancel()

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        if isinstance(message, protocol.StageChanged):
            self.desk.on_stage(message.text)
            if message.text.startswith(OUT_OF_MEMORY):
                self._jobs.workspace.window.say(tr(message.text))

    def _on_failed(self, sentence: str, details: str) -> None:
        # With details it is said below, where they can be read.
        self.desk.on_failed("" if details.strip() else sentence)
        if details.strip():
            self._jobs.fail(sentence, details)
