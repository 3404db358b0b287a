"""Refining in the window: the process that does it, the line in the job strip, and the card over the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.app.refine_desk import RefineDesk
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.panels.refine_popover import RefinePopover
    from segstudio.gui.threads import ModelThread
    from segstudio.jobs.specs import RefineSpec

REST_MS = 60_000
"""So long after its last job the process that refines is kept, for the next change of an option."""


class RefineControl(QObject):
    """The desk's host. It has a model host of its own: a preview neither waits for a proposal nor holds one up.

    Desk, card and process are made when they are first asked for.
    """

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self._desk: RefineDesk | None = None
        self._card: RefinePopover | None = None
        self._thread: ModelThread | None = None
        self._awaited, self._generation = 0, 0
        self._job_id = ""
        self._eta = Eta()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._end_process)

    @property
    def desk(self) -> RefineDesk:
        """What refines, without a window."""
        if self._desk is None:
            from segstudio.app.refine_desk import RefineDesk

            self._desk = RefineDesk(self._jobs.workspace.session, self._jobs.workspace.tool_work)
            self._desk.host = self
            self._desk.changed.connect(self._on_changed)
        return self._desk

    @property
    def obstacle(self) -> str:
        """Why refining is not possible now, in the user's language; "" where it is."""
        return tr(self.desk.obstacle)

    # -- the card --------------------------------------------------------------------------------------------------

    @property
    def card(self) -> RefinePopover:
        """The card with method and options."""
        if self._card is None:
            from segstudio.gui.panels.refine_popover import RefinePopover

            self._card = RefinePopover(self.desk, self._jobs.workspace.canvas)
        return self._card

    @property
    def is_on(self) -> bool:
        """Whether the card is open, or what was chosen in it is being applied."""
        is_open = self._card is not None and not self._card.isHidden()
        return is_open or (self._desk is not None and self._desk.is_applying)

    def open_card(self) -> None:
        """Show the card, and a preview with it."""
        regions = self._jobs.workspace.regions
        if regions is not None:
            regions.close_card()
        self.card.open_card()

    def close_card(self) -> bool:
        """Leave the card without changing anything; False when it was not open."""
        if self._card is None or self._card.isHidden():
            return False
        self._card.close_card()
        return True

    # -- the desk's host -------------------------------------------------------------------------------------------

    def submit(self, spec: RefineSpec) -> None:
        """Begin a job in place of the one under way."""
        self._rest.stop()
        self._awaited += 1
        self._generation = spec.generation
        self._ensure_thread().submit(spec)

    def cancel(self) -> None:
        """End the job under way."""
        if self._thread is not None and self._awaited:
            self._thread.cancel()

    def _ensure_thread(self) -> ModelThread:
        if self._thread is None:
            from segstudio.gui.threads import ModelThread

            self._thread = ModelThread(self)
            self._thread.message_received.connect(self._on_message)
            self._thread.finished_job.connect(lambda _: self._on_job_over())
            self._thread.cancelled.connect(lambda: self._on_job_over(was_cancelled=True))
            self._thread.failed.connect(self._on_failed)
        return self._thread

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        desk = self.desk
        if isinstance(message, protocol.WindowReady):
            desk.on_piece(message.generation, message.result, message.z)  # type: ignore[arg-type]
        elif self._awaited > 1:
            return  # of a job that another one has superseded
        elif isinstance(message, protocol.StageChanged):
            desk.on_stage(message.text)
        elif isinstance(message, protocol.Progress):
            desk.on_progress(message.done, message.total)

    def _on_job_over(self, *, was_cancelled: bool = False) -> None:
        """Every job ends with one word, the newest last."""
        self._awaited = max(0, self._awaited - 1)
        if self._awaited == 0:
            self._rest.start()
            if not was_cancelled:
                self.desk.on_ended(self._generation)

    def _on_failed(self, sentence: str, details: str) -> None:
        self._awaited = max(0, self._awaited - 1)
        if self._awaited:
            return
        self._rest.start()
        was_applying = self.desk.is_applying
        self.desk.on_failed(self._generation)
        if was_applying:
            self._jobs.fail(sentence, details, [Offer(tr("Try again"), self.open_card)])
        elif self._card is not None:
            self._card.stop_looking(sentence)

    # -- the job strip ---------------------------------------------------------------------------------------------

    def _on_changed(self) -> None:
        if not self.desk.is_applying:
            if self._job_id:
                self._jobs.end(self._job_id)
                self._job_id = ""
            return
        if not self._job_id:
            self._eta = Eta()
            self._job_id = self._jobs.begin(tr("Refining the proposal"), self.desk.stop)
        done, total = self.desk.progress
        left = self._eta.seconds_left(done, total) if total else None
        self._jobs.report(self._job_id, done, total, seconds_left=left, detail=tr(self.desk.stage))

    # -- the window's life -----------------------------------------------------------------------------------------

    def _end_process(self) -> None:
        """Nobody refines: its memory is better used elsewhere."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.retire()

    def shut_down(self) -> None:
        """End the process and wait for it."""
        self._rest.stop()
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None
        self._awaited = 0
