"""Entry of the window: ``run(argv)``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

import segstudio
from segstudio.app.settings import Settings, config_folder
from segstudio.gui.imports import calm_imports
from segstudio.gui.main_window import MainWindow

if TYPE_CHECKING:
    pass

GROUNDS = {"light": "#f3f4f6", "dark": "#1d2025"}
"""What the bare window is filled with before the theme's tables are read: the same as their "window"."""


def run(argv: Sequence[str]) -> int:
    """Open the window on the paths in *argv* (none: the start page) and stay until it closes; the exit code."""
    app = make_application()
    former_signal = signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends it; nothing is lost.
    window = open_window(argv, is_deferred=True)
    try:
        code = app.exec()
        window.shut_down()  # The session may have ended without closing the window.
        log = window.crash_log
        window.deleteLater()
        app.processEvents()
        if log is not None:
            log.close()
        return code
    finally:
        signal.signal(signal.SIGINT, former_signal)


def make_application() -> QApplication:
    """The application, with its name and icon; the one that is there already, if any."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication([sys.argv[0] or "segstudio"])
    calm_imports()
    app.setApplicationName("segstudio")
    app.setApplicationDisplayName("segstudio")
    app.setApplicationVersion(segstudio.__version__)
    app.setDesktopFileName("segstudio")
    return app


def open_window(argv: Sequence[str] = (), *, is_deferred: bool = False) -> MainWindow:
    """Make and show the window; *argv* is opened once the first frame stands.

    ``is_deferred`` leaves menus and start page until after the first frame, too.
    """
    settings = Settings()
    _fill_ground(settings.text("look.theme"))
    if not is_deferred:
        _install_language(settings)
    window = MainWindow(settings, is_deferred=False) if not is_deferred else _DeferredWindow(settings)
    paths = [Path(os.path.expanduser(argument)) for argument in argv if not argument.startswith("-")]
    window.first_frame.connect(lambda: QTimer.singleShot(0, window, lambda: _go_on(window, paths)))
    window.show()
    return window


class _DeferredWindow(MainWindow):
    """The window of :func:`run`: its language is read when it is filled."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, is_deferred=True)

    def fill(self, keymap: object = None, recent: object = None) -> None:
        """Put the language in force first: every text is asked for once."""
        _install_language(self.settings)
        super().fill()


def _install_language(settings: Settings) -> None:
    from segstudio.gui import i18n

    i18n.install_language(settings.text("look.language"))


def _fill_ground(choice: str) -> None:
    """Give the bare window the theme's ground, so that nothing flashes when the theme itself follows."""
    app = QApplication.instance()
    if isinstance(app, QApplication) and not app.styleSheet():
        is_dark = choice == "dark" or (choice != "light" and app.palette().window().color().lightness() < 128)
        app.setPalette(QPalette(QColor(GROUNDS["dark" if is_dark else "light"])))


def _go_on(window: MainWindow, paths: list[Path]) -> None:
    """What follows the first frame: crash log, icon, complaints about settings, what is to be opened."""
    from segstudio.gui import icons
    from segstudio.gui.crash import CrashLog, left_reports

    window.setWindowIcon(icons.app_icon())
    log = CrashLog(config_folder() / "log")
    reports = left_reports(log.folder)
    log.install()
    log.listen(lambda sentence, details: _say_fault(window, sentence, details))
    window.crash_log = log
    window.destroyed.connect(log.close)
    for problem in (window.settings.problem, window.keymap.problem, window.recent.problem):
        if problem:
            window.notices.say(problem, "warning")
    if reports:
        from segstudio.gui.dialogs.crash_report import offer

        offer(window, reports)
    if not paths and window.settings.flag("work.reopens_last"):
        paths = [Path(project.folder) for project in window.recent if project.is_there][:1]
    if paths:
        window.open_paths(paths)
    else:
        # Built in the first idle moment, so that opening a project feels instant.
        QTimer.singleShot(100, window, lambda: window.workspace)


def _say_fault(window: MainWindow, sentence: str, details: str) -> None:
    """An exception that nobody caught: a bug, said as one; the window goes on."""
    from segstudio.gui.i18n import tr

    if window.has_workspace:
        text = tr("Something went wrong inside segstudio (%1). Your work is on disk; you can go on.")
        window.workspace.jobs.fail(text.replace("%1", sentence), details)
