"""The model at hand: the catalog, which one is chosen, class mapping, proposing, downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from segstudio.core.errors import UserError
from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import ModelThread, TaskThread
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.registry import Catalog, CatalogEntry

SMALLEST_WINDOW_PX = 128
MAPS_KEY = "class_maps"


@dataclass
class _Request:
    """A proposal under way."""

    job_id: str
    generation: int
    image_ids: tuple[int, ...]
    eta: Eta
    stage: str = ""
    images_done: int = 0
    is_cancelled: bool = False


class ModelControl(QObject):
    """Between the model panel, the session and the model's process."""

    catalog_changed = Signal()
    """Models came or went."""
    current_changed = Signal()
    """Another model is chosen, or its availability changed."""
    activity_changed = Signal()
    """Proposing or downloading began or ended."""
    download_progressed = Signal(str, float, float)
    """(model id, bytes done, bytes in all)."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._catalog: Catalog | None = None
        self._entries: list[CatalogEntry] | None = None
        self._files: list[str] = []
        self._thread: ModelThread | None = None
        self._downloads: dict[str, tuple[TaskThread, str]] = {}
        self._request: _Request | None = None
        self._last_ids: tuple[int, ...] = ()

    # -- the catalog -----------------------------------------------------------------------------------------------

    @property
    def catalog(self) -> Catalog:
        """The catalog of this project's models and all others; read when first asked."""
        if self._catalog is None:
            from segstudio.ml.registry import Catalog

            self._catalog = Catalog(self._session.folder)
        return self._catalog

    def entries(self) -> list[CatalogEntry]:
        """Every model that can be offered, files chosen by hand included."""
        if self._entries is not None:
            return self._entries
        found = [entry for entry in self.catalog.entries() if entry.card.weights.kind != "untrained"]
        for file in self._files:
            try:
                found.append(self.catalog.find(file))
            except UserError:
                continue
        self._entries = found
        return found

    def refresh_catalog(self) -> None:
        """Look again: a run ended, a download came, another project."""
        self._catalog = self._entries = None
        self.catalog_changed.emit()
        self.current_changed.emit()

    def current_entry(self) -> CatalogEntry | None:
        """The chosen model; the first available one when the chosen is not there."""
        wanted = self._settings.text("model.current")
        entries = self.entries()
        for entry in entries:
            if wanted in (entry.card.id, entry.card.weights.path):
                return entry
        return next((entry for entry in entries if entry.is_available), entries[0] if entries else None)

    def choose(self, model_id: str) -> None:
        """Make a model the current one."""
        self._settings.set("model.current", model_id)
        self.current_changed.emit()
        self._jobs.workspace.window.schedule_refresh()

    def use_file(self, file: str) -> bool:
        """Make a weights file the current model; what is wrong with it is said."""
        try:
            entry = self.catalog.find(file)
        except UserError as error:
            self._jobs.fail(str(error))
            return False
        if not entry.is_available:
            self._jobs.fail(entry.reason)
            return False
        if file not in self._files:
            self._files.append(file)
        self._entries = None
        self.catalog_changed.emit()
        self.choose(file if entry.card.weights.path != file else entry.card.weights.path)
        return True

    def model_ref(self, entry: CatalogEntry) -> str:
        """What names a model to another process: its id, or its file's path."""
        source = entry.card.weights
        return source.path if source.kind == "file" and source.path else entry.card.id

    # -- class mapping ---------------------------------------------------------------------------------------------

    def class_map(self, card: ModelCard) -> dict[int, int]:
        """What the user chose for this model: model class → class id (0 drops it); the rest goes by name."""
        kept = self._session.meta(MAPS_KEY, {}).get(card.id, {})
        known = {entry.id for entry in self._session.classes}
        return {int(index): int(wanted) for index, wanted in kept.items() if wanted == 0 or wanted in known}

    def set_class_map(self, card: ModelCard, chosen: dict[int, int]) -> None:
        """Remember the mapping with the project."""
        maps = dict(self._session.meta(MAPS_KEY, {}))
        maps[card.id] = {str(index): wanted for index, wanted in chosen.items()}
        self._session.set_meta(MAPS_KEY, maps)
        self.current_changed.emit()

    def _complete_map(self, card: ModelCard) -> dict[int, int] | None:
        """The whole map; classes that are missing are added to the project. None when that was refused."""
        from segstudio.ml.class_mapping import map_classes

        session = self._session
        chosen = self.class_map(card)
        mapping, table = map_classes(card, session.classes, chosen)
        known = {entry.id for entry in session.classes}
        missing = [entry for entry in table if entry.id not in known]
        if not missing:
            return mapping
        former = session.current_class_id
        for entry in missing:
            if session.class_editor.add(entry.name, color=entry.color) is None:
                return None
        session.select_class(former or session.current_class_id)
        mapping, _ = map_classes(card, session.classes, chosen)
        return mapping

    # -- proposing -------------------------------------------------------------------------------------------------

    @property
    def is_proposing(self) -> bool:
        """Whether a proposal is under way."""
        return self._request is not None

    def propose(self, image_ids: Sequence[int]) -> bool:
        """Let the chosen model propose for these images; False when it can't begin (and why is said)."""
        session = self._session
        entry = self.current_entry()
        records = [record for record in map(session.image_record, image_ids) if record is not None]
        if self._request is not None:
            self._jobs.workspace.window.say(tr("The model is at work already. Stop it first, or wait."))
            return False
        if entry is None or session.store is None or not records:
            self._jobs.workspace.window.say(tr("There is nothing to propose for."))
            return False
        if not entry.is_available:
            offers = [Offer(tr("Download"), lambda: self.download(entry))] if self.can_download(entry) else []
            self._jobs.fail(entry.reason or tr("This model can't be used."), offers=offers)
            return False
        mapping = self._complete_map(entry.card)
        if mapping is None:
            return False
        self._submit(entry, mapping, records)
        return True

    def cancel_propose(self) -> None:
        """Stop; what came so far stays as the proposal."""
        request = self._request
        if request is None or request.is_cancelled:
            return
        request.is_cancelled = True
        self._session.proposals.cancel()
        if self._thread is not None:
            self._thread.cancel()
        self._jobs.report(request.job_id, is_ending=True)

    def _submit(self, entry: CatalogEntry, mapping: dict[int, int], records: Sequence[Any]) -> None:
        from segstudio.jobs.specs import ImageTask, ProposeSpec

        session, settings = self._session, self._settings
        store = session.store
        assert store is not None
        generation = session.proposals.begin(mapping, entry.card.id)
        tasks = tuple(ImageTask(record.id, str(store.image_file(record)), session.plane) for record in records)
        spec = ProposeSpec(
            model=self.model_ref(entry),
            project_folder=str(session.folder),
            device=settings.text("model.device"),
            tasks=tasks,
            window_px=settings.integer("model.window_px") or None,
            overlap_px=settings.integer("model.overlap_px") or None,
            generation=generation,
        )
        ids = tuple(record.id for record in records)
        job_id = self._jobs.begin(self._title(0, len(ids)), self.cancel_propose)
        self._request = _Request(job_id, generation, ids, Eta())
        self._last_ids = ids
        self._ensure_thread().submit(spec)
        self.activity_changed.emit()
        self._jobs.workspace.window.schedule_refresh()

    def _ensure_thread(self) -> ModelThread:
        if self._thread is None:
            from segstudio.gui.threads import ModelThread

            self._thread = ModelThread(self)
            self._thread.message_received.connect(self._on_message)
            self._thread.finished_job.connect(self._on_finished)
            self._thread.failed.connect(self._on_failed)
            self._thread.cancelled.connect(self._on_cancelled)
        return self._thread

    def _title(self, done: int, total: int) -> str:
        if total == 1:
            return tr("Proposing")
        return tr("Proposing %1 of %2").replace("%1", str(min(done + 1, total))).replace("%2", str(total))

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        request = self._request
        if request is None or request.is_cancelled:
            return
        if isinstance(message, protocol.WindowReady):
            self._session.proposals.receive_window(message.image_id, message.generation, message.result)
        elif isinstance(message, protocol.ImageDone):
            self._session.proposals.finish_proposal(message.image_id, request.generation)
            request.images_done += 1
        elif isinstance(message, protocol.StageChanged):
            request.stage = message.text
            self._jobs.report(request.job_id, detail=tr(message.text))
        elif isinstance(message, protocol.Progress):
            request.stage = ""
            self._jobs.report(
                request.job_id,
                message.done,
                message.total,
                seconds_left=request.eta.seconds_left(message.done, message.total),
                title=self._title(request.images_done, len(request.image_ids)),
            )

    def _on_finished(self, result: object) -> None:
        request = self._end_request()
        if request is not None and not request.is_cancelled and len(request.image_ids) > 1:
            self._jobs.workspace.window.say(tr("Proposed for %n image(s).", request.images_done))

    def _on_cancelled(self) -> None:
        self._end_request()

    def _on_failed(self, sentence: str, details: str) -> None:
        request = self._end_request()
        if request is None:
            return
        if not request.is_cancelled:
            self._session.proposals.abandon()
        self._jobs.fail(sentence, details, self._next_steps(sentence + details))

    def _end_request(self) -> _Request | None:
        request, self._request = self._request, None
        if request is not None:
            self._jobs.end(request.job_id)
            self.activity_changed.emit()
        return request

    def _next_steps(self, text: str) -> list[Offer]:
        offers = [Offer(tr("Try again"), lambda: self.propose(self._last_ids))]
        entry = self.current_entry()
        window_px = self._settings.integer("model.window_px") or (entry.card.window_px if entry else 512)
        lowered = text.casefold()
        is_memory = "memory" in lowered or "killed" in lowered or "signal 9" in lowered
        if is_memory and window_px // 2 >= SMALLEST_WINDOW_PX:
            offers.insert(0, Offer(tr("Try smaller tiles"), lambda: self._retry("model.window_px", window_px // 2)))
        if self._settings.text("model.device") != "cpu" and ("cuda" in lowered or "mps" in lowered or is_memory):
            offers.insert(0, Offer(tr("Try on the CPU"), lambda: self._retry("model.device", "cpu")))
        return offers

    def _retry(self, key: str, value: object) -> None:
        self._settings.set(key, value)
        self.propose(self._last_ids)

    # -- downloads -------------------------------------------------------------------------------------------------

    def can_download(self, entry: CatalogEntry) -> bool:
        """Whether its weights are fetched on demand and not there yet."""
        return entry.needs_download and not entry.is_available and not self.is_downloading(entry)

    def is_downloading(self, entry: CatalogEntry) -> bool:
        """Whether its weights are being fetched."""
        return entry.card.id in self._downloads

    def download(self, entry: CatalogEntry) -> None:
        """Fetch a model's weights in the background."""
        from segstudio.gui.threads import TaskThread
        from segstudio.jobs import protocol
        from segstudio.jobs.specs import DownloadSpec

        model_id = entry.card.id
        if model_id in self._downloads:
            return
        thread = TaskThread(self)
        eta = Eta()
        job_id = self._jobs.begin(tr("Downloading %1").replace("%1", entry.card.name), thread.cancel)
        self._downloads[model_id] = (thread, job_id)

        def on_message(message: object) -> None:
            if isinstance(message, protocol.Progress):
                left = eta.seconds_left(message.done, message.total)
                self._jobs.report(job_id, message.done, message.total, seconds_left=left)
                self.download_progressed.emit(model_id, message.done, message.total)

        def end() -> None:
            self._downloads.pop(model_id, None)
            self._jobs.end(job_id)
            thread.shut_down()
            thread.deleteLater()
            self.refresh_catalog()
            self.activity_changed.emit()

        def on_failed(sentence: str, details: str) -> None:
            end()
            self._jobs.fail(sentence, details, [Offer(tr("Try again"), lambda: self.download(entry))])

        thread.message_received.connect(on_message)
        thread.finished_job.connect(lambda _result: end())
        thread.cancelled.connect(end)
        thread.failed.connect(on_failed)
        thread.submit(DownloadSpec(entry.card))
        self.activity_changed.emit()

    # -- the window's life -----------------------------------------------------------------------------------------

    def on_project_changed(self) -> None:
        """What is under way for the former project ends."""
        if self._request is not None:
            self.cancel_propose()
        self.refresh_catalog()

    def shut_down(self) -> None:
        """End the model's process and downloads."""
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None
        for thread, _ in list(self._downloads.values()):
            thread.shut_down()
        self._downloads.clear()
        self._request = None

    @property
    def _session(self) -> Any:
        return self._jobs.workspace.session

    @property
    def _settings(self) -> Any:
        return self._jobs.workspace.settings

    @property
    def file_folder(self) -> Path:
        """Where the last weights file came from."""
        return Path(self._files[-1]).parent if self._files else Path.home()
