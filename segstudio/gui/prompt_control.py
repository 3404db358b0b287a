"""The process that answers clicks, and which model it answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from segstudio.app.prompt_desk import PromptDesk
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import PromptThread
    from segstudio.jobs.specs import PromptSpec
    from segstudio.ml.catalog_entry import CatalogEntry

OUT_OF_MEMORY = "Out of memory"


class PromptControl(QObject):
    """Between the desk that the click tool asks and the model host that answers; the process starts with the first question."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._thread: PromptThread | None = None
        self.desk = PromptDesk(jobs.models.presenter, jobs.workspace.settings, self._submit, self._cancel)
        self.desk.offer_download = self._offer_download
        self.desk.changed.connect(jobs.workspace.toolbox.context.preview_changed.emit)

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

    def shut_down(self) -> None:
        """End the process."""
        self.desk.stop()
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None

    def _submit(self, spec: PromptSpec) -> None:
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
