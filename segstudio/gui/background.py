"""Short pieces of work in another thread, with an answer in the window's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError

Work = Callable[[], None]


class Background(QObject):
    """One worker thread. *done* runs in the window's thread, also when *work* failed (the failure is raised there)."""

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)

    def run(self, work: Work, done: Work) -> None:
        """Run *work* soon, *done* after it."""
        self._pool.start(_Task(self._finished.emit, work, done))

    def shut_down(self) -> None:
        """Drop what has not begun and wait for what has."""
        self._pool.clear()
        self._pool.waitForDone(10_000)

    def _on_finished(self, done: Work, error: BaseException | None) -> None:
        done()
        if error is not None:
            raise error


class SlotBackground(QObject):
    """The tools' :class:`segstudio.app.tools.background.ToolBackground`: one worker thread, the newest work of a slot wins."""

    _finished = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool: ThreadPoolExecutor | None = None
        self._latest: dict[str, _Piece] = {}
        self._finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)

    @property
    def is_idle(self) -> bool:
        """Whether no answer is awaited."""
        return not self._latest

    def run(
        self,
        slot: str,
        work: Callable[[CancelToken], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Begin *work*; what ran in *slot* is dropped."""
        self.drop(slot)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="tool")
        piece = _Piece(slot, CancelToken(), done, failed)
        self._latest[slot] = piece
        piece.future = self._pool.submit(_worked, work, piece.cancel)
        piece.future.add_done_callback(partial(self._tell, piece))

    def drop(self, slot: str) -> None:
        """Abandon what runs in *slot*."""
        piece = self._latest.pop(slot, None)
        if piece is not None:
            piece.cancel.set()

    def shut_down(self) -> None:
        """Drop everything and wait for the thread."""
        for slot in list(self._latest):
            self.drop(slot)
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _tell(self, piece: _Piece, _: object) -> None:
        with suppress(RuntimeError):  # the window is gone
            self._finished.emit(piece)

    def _on_finished(self, piece: _Piece) -> None:
        if self._latest.get(piece.slot) is not piece or piece.future is None or piece.future.cancelled():
            return
        del self._latest[piece.slot]
        error = piece.future.exception()
        if error is None:
            piece.done(piece.future.result())
        elif isinstance(error, UserError):
            piece.failed(str(error))
        elif not isinstance(error, Cancelled):
            raise error


@dataclass(eq=False)
class _Piece:
    slot: str
    cancel: CancelToken
    done: Callable[[Any], None]
    failed: Callable[[str], None]
    future: Future[Any] | None = None


def _worked(work: Callable[[CancelToken], Any], cancel: CancelToken) -> Any:
    if cancel.is_set():
        raise Cancelled
    return work(cancel)


class _Task(QRunnable):
    def __init__(self, tell: Callable[[object, object], None], work: Work, done: Work) -> None:
        super().__init__()
        self._tell, self._work, self._done = tell, work, done

    def run(self) -> None:
        error: Exception | None = None
        try:
            self._work()
        except Exception as failure:  # noqa: BLE001 - carried to the window's thread and raised there
            error = failure
        self._tell(self._done, error)
