"""Opens image files in a worker thread, so that a big or slow file never holds up the window."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError

if TYPE_CHECKING:
    from segstudio.app.session import Session


class ReaderOpener(QObject):
    """The session's ``open_reader``: answers with ``set_reader`` or ``reader_failed`` on the window's thread.

    What a reader has to say (damage, a full disk) becomes notices, for as long as it is the one that is shown.
    """

    refined = Signal()
    """The reader that is shown has a better picture now."""

    _news = Signal(object, str)  # reader, sentence or ""; from any thread
    _opened = Signal(int, object, str)  # image id, reader or None, sentence; from the worker

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._cancel = CancelToken()
        self._opened.connect(self._on_opened)
        self._news.connect(self._on_news)
        self._is_closed = False

    def request(self, record: object, file: Path) -> None:
        """Open *file* for the image *record*; what waits for another image is dropped, what is under way given up."""
        self._pool.clear()
        self._cancel.set()
        self._cancel = CancelToken()
        if not self._is_closed:
            self._pool.start(_Open(self, int(record.id), file, self._cancel))  # type: ignore[attr-defined]

    def shut_down(self) -> None:
        """Wait for what runs; nothing is delivered any more."""
        self._is_closed = True
        self._cancel.set()
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
            # What comes once it is shown comes as news: asked for afterwards it would be said twice.
            notices = tuple(getattr(reader, "notices", ()))
            self._session.set_reader(image_id, reader)  # type: ignore[arg-type]
            if self._session.reader is reader:
                for sentence in notices:
                    self._session.say(sentence)

    def tell(self, reader: object, sentence: str) -> None:
        """Called by a reader, in any thread: a sentence for the user, or "" for a better picture."""
        try:
            self._news.emit(reader, sentence)
        except RuntimeError:
            return  # the window is gone

    def _on_news(self, reader: object, sentence: str) -> None:
        if self._is_closed or reader is not self._session.reader:
            return
        if sentence:
            self._session.say(sentence)
        else:
            self.refined.emit()


class _Open(QRunnable):
    def __init__(self, opener: ReaderOpener, image_id: int, file: Path, cancel: CancelToken) -> None:
        super().__init__()
        self._opener, self._image_id, self._file, self._cancel = opener, image_id, file, cancel

    def run(self) -> None:
        from segstudio.core.threads import yield_cores
        from segstudio.io.readers.registry import open_image

        yield_cores()
        try:
            reader = open_image(self._file, self._cancel)
        except Cancelled:
            return
        except UserError as error:
            self._opener.deliver(self._image_id, None, str(error))
        except Exception as error:  # noqa: BLE001 - any exception type can come out of a decoder
            kind = type(error).__name__
            sentence = f"{self._file}: the image can't be read ({kind}). Convert it with another program."
            self._opener.deliver(self._image_id, None, sentence)
        else:
            watch = getattr(reader, "watch", None)
            if watch is not None:
                watch(partial(self._opener.tell, reader))
            self._opener.deliver(self._image_id, reader, "")


def _close(reader: object) -> None:
    if reader is not None:
        reader.close()  # type: ignore[attr-defined]
