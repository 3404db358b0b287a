"""Short pieces of work in another thread, with an answer in the window's."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

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
