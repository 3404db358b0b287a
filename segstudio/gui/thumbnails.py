"""Small pictures of image files, made in a worker thread and handed to the window as they come."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal
from PySide6.QtGui import QImage

from segstudio.core.errors import UserError


class ThumbnailLoader(QObject):
    """Ask with :meth:`request`; ``loaded(path, QImage)`` answers, with a null image when there is none to show."""

    loaded = Signal(str, QImage)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._is_closing = False

    def request(self, path: str, side_px: int) -> None:
        """Make a picture of at most *side_px* a side."""
        if not self._is_closing:
            self._pool.start(_Work(self, path, side_px))

    def shut_down(self) -> None:
        """Drop what waits and wait for what runs."""
        self._is_closing = True
        self._pool.clear()
        self._pool.waitForDone(5000)


class _Work(QRunnable):
    def __init__(self, loader: ThumbnailLoader, path: str, side_px: int) -> None:
        super().__init__()
        self._loader, self._path, self._side_px = loader, path, side_px

    def run(self) -> None:
        image = QImage()
        try:
            from segstudio.io.readers.registry import thumbnail

            array = thumbnail(Path(self._path), self._side_px)
            height, width = array.shape[:2]
            image = QImage(array.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        except (UserError, OSError, ValueError):
            pass  # No picture is no failure here: the row shows the folder icon.
        try:
            self._loader.loaded.emit(self._path, image)
        except RuntimeError:
            pass  # The window is gone.
