"""Entry of the window: ``run(argv)``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

import segstudio
from segstudio.app.keymap import Keymap
from segstudio.app.settings import Settings, config_folder
from segstudio.gui import i18n, icons, theme
from segstudio.gui.crash import CrashLog, left_reports
from segstudio.gui.main_window import MainWindow

if TYPE_CHECKING:
    from segstudio.gui.crash import CrashReport


def run(argv: Sequence[str]) -> int:
    """Open the window on the paths in *argv* (none: the start page) and stay until it closes; the exit code."""
    app = make_application()
    log = CrashLog(config_folder() / "log")
    reports = left_reports(log.folder)
    log.install()
    former_signal = signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends it; nothing is lost.
    try:
        window = open_window(argv, crash_log=log)
        if reports:
            QTimer.singleShot(300, window, lambda: offer_reports(window, reports))
        code = app.exec()
        window.deleteLater()
        app.processEvents()
        return code
    finally:
        signal.signal(signal.SIGINT, former_signal)
        log.close()


def make_application() -> QApplication:
    """The application, with its name and icon; the one that is there already, if any."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication([sys.argv[0] or "segstudio"])
    app.setApplicationName("segstudio")
    app.setApplicationDisplayName("segstudio")
    app.setApplicationVersion(segstudio.__version__)
    app.setDesktopFileName("segstudio")
    return app


def open_window(argv: Sequence[str] = (), *, crash_log: CrashLog | None = None) -> MainWindow:
    """Make and show the window; *argv* is opened once the first frame stands."""
    settings = Settings()
    i18n.install_language(settings.text("look.language"))
    theme.theme_manager().apply(settings.text("look.theme"))
    window = MainWindow(settings, Keymap(), crash_log=crash_log)
    window.setWindowIcon(icons.app_icon())
    paths = [Path(os.path.expanduser(argument)) for argument in argv if not argument.startswith("-")]
    if paths:
        window.first_frame.connect(lambda: window.open_paths(paths))
    elif settings.flag("work.reopens_last"):
        last = next((project for project in window.recent if project.is_there), None)
        if last is not None:
            window.first_frame.connect(lambda: window.open_paths([Path(last.folder)]))
    problems = [text for text in (settings.problem, window.keymap.problem, window.recent.problem) if text]
    for text in problems:
        window.notices.say(text, "warning")
    # Pre-warmed once the first frame stands, so that opening a project feels instant.
    window.first_frame.connect(lambda: QTimer.singleShot(50, window, lambda: window.workspace))
    window.show()
    return window


def offer_reports(window: MainWindow, reports: Sequence[CrashReport]) -> None:
    """Say that the last run ended badly and offer its report."""
    from segstudio.gui.dialogs.crash_report import offer

    offer(window, list(reports))
