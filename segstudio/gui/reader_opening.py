"""Opens image files in a worker thread, so that a big or slow file never holds up the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from segstudio.app.session import Session


class ReaderOpener(QObject):
    """The session's ``open_reader``: answers with ``set_reader`` or ``reader_failed`` on the window's thread."""

    _opened = Signal(int, object, str)  # image id, reader or None, sentence; from the worker

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._opened.connect(self._on_opened)
        self._is_closed = False

    def request(self, record: object, file: Path) -> None:
        """Open *file* for the image *record*; what waits for another image is dropped."""
        self._pool.clear()
        if not self._is_closed:
            self._pool.start(_Open(self, int(record.id), file))  # type: ignore[attr-defined]

    def shut_down(self) -> None:
        """Wait for what runs; nothing is delivered any more."""
        self._is_closed = True
        self._pool.clear()
        self._pool.waitForDone(10_000)

    def deliver(self, image_id: int, reader: object, sentence: str) -> None:
        """Called in the worker: hand over to the window's thread."""
        try:
            self._opened.emit(image_id, reader, sentence)
        except RuntimeError:
            _close(reader)

    def _on_opened(self, image_id: int, reader: object, sentence: str) -> None:
        if self._is_closed:
            _close(reader)
        elif reader is None:
            self._session.reader_failed(image_id, sentence)
        else:
            self._session.set_reader(image_id, reader)  # type: ignore[arg-type]


class _Open(QRunnable):
    def __init__(self, opener: ReaderOpener, image_id: int, file: Path) -> None:
        super().__init__()
        self._opener, self._image_id, self._file = opener, image_id, file

    def run(self) -> None:
        from segstudio.io.readers.registry import open_image

        try:
            reader = open_image(self._file)
        except UserError as error:
            self._opener.deliver(self._image_id, None, str(error))
        except Exception as error:  # noqa: BLE001 - any exception type can come out of a decoder
            kind = type(error).__name__
            sentence = f"{self._file}: the image can't be read ({kind}). Convert it with another program."
            self._opener.deliver(self._image_id, None, sentence)
        else:
            self._opener.deliver(self._image_id, reader, "")


def _close(reader: object) -> None:
    if reader is not None:
        reader.close()  # type: ignore[attr-defined]
