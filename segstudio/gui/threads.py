"""The background worker threads: each owns a child process and brings what it says to the GUI thread."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import queue
import threading
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Qt, QThread, Signal

from segstudio.jobs.protocol import Failed, Finished, Message, WasCancelled
from segstudio.jobs.specs import TrainSpec
from segstudio.jobs.supervisor import ChildProcess

if TYPE_CHECKING:
    from segstudio.ml.plan import TrainPlan

BUSY_POLL_S = 0.2
TRAINER_GRACE_S = 20.0
"""A trainer that is told to stop saves its weights first."""
MAX_IN_FLIGHT = 2
"""Messages on their way to the GUI thread. With more the pipe fills and the child waits: a flood cannot starve the window."""
SHUT_DOWN_MS = 6000
"""How long an orderly end may take; then the child is killed."""


class ChildThread(QThread):
    """Runs jobs of a child process one after another. All signals are emitted in the thread that made this object."""

    message_received = Signal(object)
    """A message of ``segstudio.jobs.protocol`` that does not end the job."""
    finished_job = Signal(object)
    """The job is done: its result."""
    failed = Signal(str, str)
    """The job failed: a sentence for the user, and details."""
    cancelled = Signal()
    """The job ended because it was cancelled."""
    _arrived = Signal(object)

    child_name = "worker"
    target = ""
    cancel_grace_s = 5.0
    is_child_kept = False
    """Whether the child stays up between jobs (a model host keeps its model)."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._orders: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._lock = threading.Lock()
        self._in_flight = 0
        self._child: ChildProcess | None = None
        self._arrived.connect(self._on_arrived, Qt.ConnectionType.QueuedConnection)
        self._is_closed = False

    # -- called in the GUI thread ----------------------------------------------------------------------------------

    def submit(self, spec: object) -> None:
        """Do this job; one that is under way is cancelled and superseded."""
        self._order("submit", spec)

    def cancel(self) -> None:
        """End the job that is under way."""
        self._order("cancel", None)

    def set_paused(self, is_paused: bool) -> None:
        """Let the job wait, or go on."""
        self._order("pause", is_paused)

    def shut_down(self) -> None:
        """End the child and this thread, and wait for both; a few seconds at most. Nothing is emitted afterwards."""
        if self._stop() and not self.wait(SHUT_DOWN_MS):
            # It hangs in the middle of a message of a child that neither writes on nor dies.
            if self._child is not None:
                self._child.kill()
            self.wait()
        self._close_pipe()

    def retire(self) -> None:
        """End like :meth:`shut_down`, but without waiting: the object deletes itself once the thread is through."""
        if self._is_closed:
            return
        self.finished.connect(self._on_retired)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.wait)  # A thread must not outlive the program.
        if not self._stop():
            self._on_retired()

    def _stop(self) -> bool:
        """Tell the thread to stop; False when it does not run. Nothing is emitted from here on."""
        if not self._is_closed:
            self._is_closed = True
            self._arrived.disconnect(self._on_arrived)
            if self.isRunning():
                self._put("stop", None)
        return self.isRunning()

    def _on_retired(self) -> None:
        self._close_pipe()
        self.deleteLater()

    def _close_pipe(self) -> None:
        self._wake_reader.close()
        self._wake_writer.close()

    def _order(self, what: str, value: object) -> None:
        if self._is_closed:
            return
        self._put(what, value)
        if not self.isRunning():
            self.start()

    def _put(self, what: str, value: object) -> None:
        self._orders.put((what, value))
        self._wake()

    def _wake(self) -> None:
        self._wake_writer.send_bytes(b"!")

    def _on_arrived(self, message: object) -> None:
        if self._is_closed:
            return
        try:
            if isinstance(message, Finished):
                self.finished_job.emit(message.result)
            elif isinstance(message, Failed):
                self.failed.emit(message.sentence, message.details)
            elif isinstance(message, WasCancelled):
                self.cancelled.emit()
            else:
                self.message_received.emit(message)
        finally:
            self._acknowledge()

    def _acknowledge(self) -> None:
        with self._lock:
            was_full = self._in_flight >= MAX_IN_FLIGHT
            self._in_flight -= 1
        if was_full and not self._is_closed:
            self._wake()

    # -- the thread itself -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Wait for orders and messages until told to stop."""
        child = self._child = ChildProcess(self.child_name, self.target, cancel_grace_s=self.cancel_grace_s)
        waiting: list[object] = []
        try:
            while self._obey(child, waiting):
                if waiting and not child.is_busy:
                    self._submit(child, waiting.pop(0))
                self._tell(child.poll(0.0, self._room()) if self._room() > 0 else ())
                if not child.is_busy and not waiting and not self.is_child_kept:
                    child.shut_down()
                # The end of a job may have come just now: what waits for it goes first.
                if child.is_busy or not waiting:
                    self._rest(child)
        finally:
            child.shut_down()

    def _room(self) -> int:
        with self._lock:
            return MAX_IN_FLIGHT - self._in_flight

    def _submit(self, child: ChildProcess, spec: object) -> None:
        try:
            child.submit(spec)
        except OSError as error:
            sentence = f"The {self.child_name} cannot be started ({error.strerror}). Close other programs and try again."
            self._tell([Failed(sentence=sentence, details=traceback.format_exc())])
        except Exception as error:  # noqa: BLE001 - a job that cannot be pickled must not end the thread
            sentence = f"The {self.child_name} cannot be given this job ({type(error).__name__}: {error})."
            self._tell([Failed(sentence=sentence, details=traceback.format_exc())])

    def _obey(self, child: ChildProcess, waiting: list[object]) -> bool:
        """Carry out what was ordered; False to stop."""
        while True:
            try:
                what, value = self._orders.get_nowait()
            except queue.Empty:
                return True
            if what == "stop":
                return False
            if what in ("submit", "cancel"):
                child.cancel()
                self._tell(WasCancelled() for _ in waiting)
                waiting[:] = [value] if what == "submit" else []
            elif what == "pause":
                child.set_paused(bool(value))

    def _tell(self, messages: Iterable[Message]) -> None:
        for message in messages:
            with self._lock:
                self._in_flight += 1
            self._arrived.emit(message)

    def _rest(self, child: ChildProcess) -> None:
        """Sleep until the child or the window says something."""
        handles: list[object] = [self._wake_reader]
        if self._room() > 0:
            handles += child.wait_handles
        timeout_s = BUSY_POLL_S if child.is_busy else None
        ready = multiprocessing.connection.wait(handles, timeout=timeout_s)  # type: ignore[arg-type]
        if self._wake_reader in ready:
            with contextlib.suppress(EOFError, OSError):
                while self._wake_reader.poll():
                    self._wake_reader.recv_bytes()


class ModelThread(ChildThread):
    """Proposals. Its child, the model host, stays up with the model loaded."""

    child_name = "model host"
    target = "segstudio.jobs.model_host:serve"
    is_child_kept = True


class PromptThread(ModelThread):
    """Clicks. A model host of its own: a click neither waits for proposals nor ends them."""

    child_name = "click model"


class TrainingThread(ChildThread):
    """The background worker thread that retrains: it owns the job from start to end; the loop itself runs in the trainer process.

    Cancelling a run means: stop now and keep what was learnt.
    """

    child_name = "trainer"
    target = "segstudio.jobs.trainer_host:serve"
    cancel_grace_s = TRAINER_GRACE_S

    def train(self, plan: TrainPlan) -> None:
        """Start a run."""
        self.submit(TrainSpec(plan))


class LearningThread(ChildThread):
    """Learning beside the hand: its child trains in rounds until it is cancelled, and keeps every version that passed."""

    child_name = "learner"
    target = "segstudio.jobs.continuous_host:serve"
    cancel_grace_s = TRAINER_GRACE_S


class TaskThread(ChildThread):
    """Exports and downloads."""

    child_name = "task"
    target = "segstudio.jobs.task_host:serve"
