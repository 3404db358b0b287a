"""The background worker threads: each owns a child process and brings what it says to the GUI thread."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import queue
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QThread, Signal

from segstudio.jobs.protocol import Failed, Finished, WasCancelled
from segstudio.jobs.specs import TrainSpec
from segstudio.jobs.supervisor import ChildProcess

if TYPE_CHECKING:
    from segstudio.ml.plan import TrainPlan

IDLE_S = 1.0
TRAINER_GRACE_S = 20.0
"""A trainer that is told to stop saves its weights first."""


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
        if self._is_closed:
            return
        self._is_closed = True
        self._arrived.disconnect(self._on_arrived)
        if self.isRunning():
            self._put("stop", None)
            self.wait()
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
        self._wake_writer.send_bytes(b"!")

    def _on_arrived(self, message: object) -> None:
        if self._is_closed:
            return
        if isinstance(message, Finished):
            self.finished_job.emit(message.result)
        elif isinstance(message, Failed):
            self.failed.emit(message.sentence, message.details)
        elif isinstance(message, WasCancelled):
            self.cancelled.emit()
        else:
            self.message_received.emit(message)

    # -- the thread itself -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Wait for orders and messages until told to stop."""
        child = ChildProcess(self.child_name, self.target, cancel_grace_s=self.cancel_grace_s)
        waiting: list[object] = []
        try:
            while self._obey(child, waiting):
                if waiting and not child.is_busy:
                    self._submit(child, waiting.pop(0))
                for message in child.poll(0.0):
                    self._arrived.emit(message)
                if not child.is_busy and not waiting and not self.is_child_kept:
                    child.shut_down()
                self._rest(child)
        finally:
            child.shut_down()

    def _submit(self, child: ChildProcess, spec: object) -> None:
        try:
            child.submit(spec)
        except OSError as error:
            self._arrived.emit(
                Failed(sentence=f"The {self.child_name} cannot be started ({error.strerror}).", details=str(error))
            )

    def _obey(self, child: ChildProcess, waiting: list[object]) -> bool:
        """Carry out what was ordered; False to stop."""
        while True:
            try:
                what, value = self._orders.get_nowait()
            except queue.Empty:
                return True
            if what == "stop":
                return False
            if what == "submit":
                child.cancel()
                self._arrived_all(WasCancelled() for _ in waiting)
                waiting[:] = [value]
            elif what == "cancel":
                child.cancel()
                self._arrived_all(WasCancelled() for _ in waiting)
                waiting.clear()
            elif what == "pause":
                child.set_paused(bool(value))

    def _arrived_all(self, messages: object) -> None:
        for message in messages:  # type: ignore[attr-defined]
            self._arrived.emit(message)

    def _rest(self, child: ChildProcess) -> None:
        """Sleep until the child or the window says something."""
        ready = multiprocessing.connection.wait(
            [self._wake_reader, *child.wait_handles], timeout=0.2 if child.is_busy else IDLE_S
        )
        if self._wake_reader in ready:
            while self._wake_reader.poll():
                self._wake_reader.recv_bytes()


class ModelThread(ChildThread):
    """Proposals. Its child, the model host, stays up with the model loaded."""

    child_name = "model host"
    target = "segstudio.jobs.model_host:serve"
    is_child_kept = True


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


class TaskThread(ChildThread):
    """Exports and downloads."""

    child_name = "task"
    target = "segstudio.jobs.task_host:serve"
