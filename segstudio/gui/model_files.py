"""Models as files, from the window: those of other makers kept, ours written as ONNX; both in a process of their own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from segstudio.core.progress import Eta
from segstudio.gui.export_control import open_folder
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import TaskThread
    from segstudio.ml.catalog_entry import CatalogEntry

SUFFIXES = "*.safetensors *.onnx *.pth *.pt *.ckpt *.bin"


class ModelFiles(QObject):
    """Starts the jobs and says what came of them."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._threads: list[TaskThread] = []

    @property
    def is_busy(self) -> bool:
        """Whether a file is being read or written."""
        return bool(self._threads)

    def ask_and_install(self) -> None:
        """Choose a weights file and make it the current model."""
        window = self._jobs.workspace.window
        filters = f"{tr('Weights')} ({SUFFIXES});;{tr('All files')} (*)"
        file, _ = QFileDialog.getOpenFileName(window, tr("Use a weights file"), "", filters)
        if file:
            self._jobs.models.use_file(file)

    def install(self, file: Path) -> None:
        """Keep a file of another maker among the user's models and choose it."""
        from segstudio.jobs.specs import InstallSpec

        title = tr("Reading %1").replace("%1", file.name)
        self._start(InstallSpec(str(file)), title, self._on_installed, tr("Try again"), partial(self.install, file))

    def ask_and_export(self, entry: CatalogEntry) -> None:
        """Choose where, and write the model as ONNX."""
        name = entry.card.id.rpartition("/")[2] + ".onnx"
        file, _ = QFileDialog.getSaveFileName(
            self._jobs.workspace.window, tr("Export model as ONNX"), name, f"{tr('ONNX model')} (*.onnx)"
        )
        if file:
            path = Path(file)
            self.export(entry, path if path.suffix.lower() == ".onnx" else path.with_name(path.name + ".onnx"))

    def export(self, entry: CatalogEntry, target: Path) -> None:
        """Write the model as ONNX."""
        from segstudio.jobs.specs import OnnxSpec

        folder = self._jobs.workspace.session.folder
        spec = OnnxSpec(entry.card.id, None if folder is None else str(folder), str(target))
        title = tr("Writing %1").replace("%1", target.name)
        self._start(spec, title, self._on_exported, tr("Try again"), partial(self.export, entry, target))

    def shut_down(self) -> None:
        """Stop what runs and wait for it."""
        for thread in self._threads:
            thread.shut_down()
        self._threads.clear()

    def _start(
        self, spec: object, title: str, done: Callable[[object], None], again: str, retry: Callable[[], None]
    ) -> None:
        from segstudio.gui.threads import TaskThread

        thread = TaskThread(self)
        job_id = self._jobs.begin(title, thread.cancel)
        self._threads.append(thread)
        eta = Eta()

        def on_message(message: object) -> None:
            from segstudio.jobs import protocol

            if isinstance(message, protocol.Progress):
                left = eta.seconds_left(message.done, message.total)
                what = tr(message.what)
                self._jobs.report(job_id, message.done, message.total, seconds_left=left, detail=what)

        def end() -> None:
            self._jobs.end(job_id)
            if thread in self._threads:
                self._threads.remove(thread)
                thread.shut_down()
                thread.deleteLater()

        def on_finished(result: object) -> None:
            end()
            done(result)

        def on_failed(sentence: str, details: str) -> None:
            end()
            self._jobs.fail(sentence, details, [Offer(again, retry)])

        thread.message_received.connect(on_message)
        thread.finished_job.connect(on_finished)
        thread.cancelled.connect(end)
        thread.failed.connect(on_failed)
        thread.submit(spec)

    def _on_installed(self, result: object) -> None:
        from segstudio.jobs.specs import Installed

        if not isinstance(result, Installed):
            return
        if result.problem:
            # What the file holds stands behind the link: names and shapes tell whose network it is.
            self._jobs.fail(result.problem, result.tensors)
            return
        models = self._jobs.models
        models.presenter.refresh()
        clicks = [entry for entry in models.presenter.click_models if entry.card.weights.path == result.path]
        if clicks:
            self._jobs.prompts.on_installed(clicks[0])
        listed = [entry for entry in models.presenter.entries if entry.card.weights.path == result.path]
        if not listed:
            return
        models.presenter.select(listed[0].card.id)
        if not listed[0].is_available:
            self._jobs.fail(listed[0].reason)
            return
        said = tr("“%1” was added to your models.").replace("%1", listed[0].card.name)
        offers: tuple[Offer, ...] = ()
        if any(name.startswith("class ") or name == "object" for name in listed[0].card.classes):
            said += " " + tr("Its file does not name its classes: say which of yours they are.")
            binder = self._jobs.workspace.binder
            offers = (Offer(tr("Match classes…"), partial(binder.trigger, "model.map_classes"), keeps=True),)
        self._jobs.workspace.window.notices.say(said, "info", offers, stays=bool(offers))

    def _on_exported(self, result: object) -> None:
        path, size_px = Path(str(getattr(result, "path", ""))), int(getattr(result, "size_px", 0))
        said = tr("The model is in %1.").replace("%1", str(path))
        if size_px:
            said += " " + tr("It takes windows of %1 px only.").replace("%1", str(size_px))
        offer = Offer(tr("Open the folder"), partial(open_folder, str(path.parent)), keeps=True)
        self._jobs.workspace.window.notices.say(said, "info", (offer,), stays=True)
