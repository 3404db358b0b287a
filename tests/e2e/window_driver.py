"""Drives the real window from inside its own event loop: a script yields what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.cli.main import main

if TYPE_CHECKING:
    from segstudio.gui.canvas.widget import CanvasWidget
    from segstudio.gui.main_window import MainWindow

Script = Callable[["MainWindow"], Iterator[Callable[[], object]]]
POLL_MS = 5


class Driver(QObject):
    """Runs a script beside the window; its failure ends the window and is raised by :func:`drive`."""

    def __init__(self, script: Script, limit_s: float) -> None:
        super().__init__()
        self._script = script
        self._limit_s = limit_s
        self._steps: Iterator[Callable[[], object]] | None = None
        self._condition: Callable[[], object] | None = None
        self._deadline = time.monotonic() + limit_s
        self._window: MainWindow | None = None
        self.error: BaseException | None = None
        self.is_done = False
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        try:
            self._advance()
        except BaseException as error:  # noqa: BLE001 - handed to the test by drive()
            self.error = error
            self._finish()

    def _advance(self) -> None:
        if self._steps is None:
            self._window = _main_window()
            if self._window is not None:
                self._steps = self._script(self._window)
        elif self._condition is None or self._condition():
            self._condition = next(self._steps, None)
            self._deadline = time.monotonic() + self._limit_s
            if self._condition is None:
                self.is_done = True
                self._finish()
                return
        if time.monotonic() > self._deadline:
            raise AssertionError(f"waited {self._limit_s:g} s in vain for {self._condition}")

    def _finish(self) -> None:
        self._timer.stop()
        if self._window is not None:
            self._window.close()
        app = QApplication.instance()
        if app is not None and self.error is not None:
            app.quit()


def _main_window() -> MainWindow | None:
    from segstudio.gui.main_window import MainWindow

    shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible()]
    return shown[0] if shown else None


def drive(arguments: list[str], script: Script, *, limit_s: float = 60.0) -> int:
    """``segstudio ARGUMENTS`` with *script* at the mouse; the exit code. Every wait may take *limit_s*."""
    driver = Driver(script, limit_s)
    try:
        code = main(arguments)
    finally:
        driver._timer.stop()
    if driver.error is not None:
        raise driver.error
    assert driver.is_done, "the window closed before the script was through"
    driver.deleteLater()
    return code


def drag(canvas: CanvasWidget, points_xy: list[tuple[float, float]]) -> None:
    """Press, move and release the left button along image positions."""
    places = []
    for x, y in points_xy:
        left, top = canvas.view.to_view(x, y)
        places.append(QPoint(round(left / canvas.ratio), round(top / canvas.ratio)))
    QTest.mouseMove(canvas, places[0])
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, places[0])
    for place in places[1:]:
        QTest.mouseMove(canvas, place)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, places[-1])
