"""The model at hand: the catalog, which one is chosen, class mapping, proposing, downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, Signal

from segstudio.app.presenters.models import ModelsPresenter
from segstudio.core.errors import UserError
from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.core.geometry import Rect
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import ModelThread, TaskThread
    from segstudio.ml.catalog_entry import CatalogEntry

SMALLEST_WINDOW_PX = 128


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


class HostGuest(Protocol):
    """Who has borrowed the model's process for one job; see :meth:`ModelControl.lend`."""

    def on_message(self, message: object) -> None:
        """A message of :mod:`segstudio.jobs.protocol` came."""

    def on_ended(self, result: object, sentence: str, details: str) -> None:
        """The job is over; *sentence* says what failed, "" where nothing did; a cancelled one has no result."""


class ModelControl(QObject):
    """Between the model panel, the session and the model's process."""

    changed = Signal()
    """Models came or went, another one is chosen, or its class mapping changed."""
    activity_changed = Signal()
    """Proposing or downloading began or ended."""
    download_progressed = Signal(str, float, float)
    """(model id, bytes done, bytes in all)."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self.presenter = ModelsPresenter(jobs.workspace.session)
        self.presenter.changed.connect(self._on_presenter_changed)
        self._thread: ModelThread | None = None
        self._downloads: dict[str, tuple[TaskThread, str]] = {}
        self._request: _Request | None = None
        self._guest: HostGuest | None = None
        self._is_prefetching, self._prefetched = False, ""
        self._held: object = None
        self._last_ids: tuple[int, ...] = ()
        self._last_only_shown = False

    # -- the catalog -----------------------------------------------------------------------------------------------

    def entries(self) -> list[CatalogEntry]:
        """Every model that can be offered."""
        return self.presenter.entries

    def refresh_catalog(self) -> None:
        """Look again: a run ended, a download came, a file was installed."""
        self.presenter.refresh()

    def current_entry(self) -> CatalogEntry | None:
        """The chosen model; the first available one when the chosen is not there."""
        return self.presenter.current

    def choose(self, model_id: str) -> None:
        """Make a model the current one."""
        self.presenter.select(model_id)

    def use_file(self, file: str) -> bool:
        """Install a weights file and make it the current model; what is wrong with it is said.

        Files of other makers are read in another process, and chosen when that is done.
        """
        from segstudio.ml.foreign.sniff import is_foreign
        from segstudio.ml.registry import install

        if is_foreign(Path(file)):
            self._jobs.model_files.install(Path(file))
            return True
        try:
            entry = install(Path(file))
        except UserError as error:
            self._jobs.fail(str(error))
            return False
        self.presenter.refresh()
        for listed in self.presenter.entries:
            if listed.card.weights.path == entry.card.weights.path:
                entry = listed
        self.presenter.select(entry.card.id)
        if not entry.is_available:
            self._jobs.fail(entry.reason)
        return entry.is_available

    def _on_presenter_changed(self) -> None:
        self.changed.emit()
        self._jobs.workspace.window.schedule_refresh()

    # -- proposing -------------------------------------------------------------------------------------------------

    @property
    def is_proposing(self) -> bool:
        """Whether a proposal is under way."""
        return self._request is not None

    def propose(self, image_ids: Sequence[int], *, only_shown_plane: bool = False, rects: Sequence[Rect] = ()) -> bool:
        """Let the chosen model propose for these images; False when it can't begin (and why is said).

        Of a volume all planes, or with *only_shown_plane* the one that is shown; only in *rects* where there are any.
        """
        entry = self.current_entry()
        if self._is_at_work():
            return False
        if entry is not None and entry.needs_download:
            if self.is_downloading(entry):
                self._jobs.workspace.window.say(tr("The model is still being downloaded."))
                return False
            offer = Offer(tr("Download"), lambda: self.download(entry))
            self._jobs.workspace.window.notices.say(
                tr("“%1” must be downloaded first.").replace("%1", entry.card.name), "warning", (offer,), key="download"
            )
            return False
        parts = dict.fromkeys(image_ids, rects)
        spec = self.presenter.request(image_ids, rects=parts, only_shown_plane=only_shown_plane)
        if spec is None:
            return False
        ids = tuple(task.image_id for task in spec.tasks)
        job_id = self._jobs.begin(self._title(0, len(ids)), self.cancel_propose)
        self._request = _Request(job_id, spec.generation, ids, Eta())
        self._last_ids, self._last_only_shown = ids, only_shown_plane
        thread = self._ensure_thread()
        self._prefetched = ""
        if self._is_prefetching:
            self._held = spec  # a model that is being loaded is not given up for a proposal with it
        else:
            thread.submit(spec)
        self.activity_changed.emit()
        self._jobs.workspace.window.schedule_refresh()
        return True

    def prefetch(self, model_id: str, *, replaces: bool = False) -> bool:
        """Load a model where none is loaded yet but one that was loaded so, so that the first proposal need not wait for it.

        The same model again loads weights that were written since. False where a model is there that a person chose,
        unless this one *replaces* it.
        """
        from segstudio.jobs.specs import PrefetchSpec

        is_kept = self._thread is not None and self._prefetched != model_id and not replaces
        if self.is_busy or is_kept:
            return False
        folder = self._session.folder
        spec = PrefetchSpec(model_id, None if folder is None else str(folder), self._settings.text("model.device"))
        if self._is_prefetching:
            self._held = spec
            return True
        self._is_prefetching, self._prefetched = True, model_id
        self._ensure_thread().submit(spec)
        return True

    def _end_prefetch(self) -> bool:
        """Whether what ended was loading ahead; what waited for it begins."""
        from segstudio.jobs.specs import PrefetchSpec

        was, held, self._held = self._is_prefetching, self._held, None
        self._is_prefetching = isinstance(held, PrefetchSpec)
        if held is not None and self._thread is not None:
            self._thread.submit(held)
        return was

    def cancel_propose(self) -> None:
        """Stop; what came so far stays as the proposal."""
        request = self._request
        if request is None or request.is_cancelled:
            return
        request.is_cancelled = True
        self._session.proposals.end()
        if self._held is not None:
            self._held = None
            self._end_request()
            return
        if self._thread is not None:
            self._thread.cancel()
        self._jobs.report(request.job_id, is_ending=True)

    @property
    def is_busy(self) -> bool:
        """Whether the model's process has a job: a proposal, or a borrower's."""
        return self._request is not None or self._guest is not None

    def _is_at_work(self) -> bool:
        is_busy = self.is_busy
        if is_busy:
            self._jobs.workspace.window.say(tr("The model is at work already. Stop it first, or wait."))
        return is_busy

    def lend(self, guest: HostGuest) -> ModelThread | None:
        """The model's process for one job other than proposing; None (and it is said) while it is at work.

        The borrower submits one spec; it alone hears of that job, and gives the process back by its end.
        """
        if self._is_at_work():
            return None
        self._guest, self._prefetched, self._held = guest, "", None
        return self._ensure_thread()

    def cancel_guest(self) -> None:
        """Stop the borrowed process's job; its end is told as any other."""
        if self._guest is not None and self._thread is not None:
            self._thread.cancel()

    def _end_guest(self, result: object = None, sentence: str = "", details: str = "") -> bool:
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.on_ended(result, sentence, details)
        return guest is not None

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
        if self._guest is not None:
            self._guest.on_message(message)
        if request is None or request.is_cancelled:
            return
        if isinstance(message, protocol.WindowReady):
            self._session.proposals.receive_window(message.image_id, message.generation, message.result, message.z)
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
        if self._end_prefetch() or self._end_guest(result):
            return
        request = self._end_request()
        self._session.proposals.end()  # Nothing more is awaited; what came is kept.
        if request is not None and not request.is_cancelled and len(request.image_ids) > 1:
            self._jobs.workspace.window.say(tr("Proposed for %n image(s).", request.images_done))
        if isinstance(result, dict) and result.get("note"):
            self._jobs.workspace.window.say(result["note"])

    def _on_cancelled(self) -> None:
        if not self._end_prefetch() and not self._end_guest():
            self._end_request()

    def _on_failed(self, sentence: str, details: str) -> None:
        if self._end_prefetch() or self._end_guest(None, sentence, details):
            return
        request = self._end_request()
        if request is not None:
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
        offers = [Offer(tr("Try again"), lambda: self.propose(self._last_ids, only_shown_plane=self._last_only_shown))]
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
        self.propose(self._last_ids, only_shown_plane=self._last_only_shown)

    # -- downloads -------------------------------------------------------------------------------------------------

    def can_download(self, entry: CatalogEntry) -> bool:
        """Whether its weights are fetched on demand and not there yet."""
        return entry.needs_download and not self.is_downloading(entry)

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

    def shut_down(self) -> None:
        """End the model's process and downloads."""
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None
        for thread, _ in list(self._downloads.values()):
            thread.shut_down()
        self._downloads.clear()
        self._request = self._guest = None

    @property
    def _session(self) -> Any:
        return self._jobs.workspace.session

    @property
    def _settings(self) -> Any:
        return self._jobs.workspace.settings
