"""The real window for tests: opened on folders of its own, closed and gone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from segstudio.core.classes import ClassTable
from segstudio.gui import theme
from segstudio.gui.main_window import MainWindow


@contextmanager
def open_window(qtbot) -> Iterator[MainWindow]:
    """A window that nobody sees."""
    theme.theme_manager().apply("light")
    window = MainWindow()
    window.resize(1280, 720)
    window.show()
    try:
        yield window
    finally:
        window.shut_down()
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()


def make_images(folder: Path, count: int = 2) -> list[Path]:
    """Small grey PNGs with a bright square."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for index in range(count):
        values = np.full((48, 64, 3), 20 * (index % 12) + index // 12, np.uint8)
        values[10:30, 10:30] = 220
        file = folder / f"im{index}.png"
        Image.fromarray(values).save(file)
        files.append(file)
    return files


def open_project(window: MainWindow, tmp_path: Path, qtbot, images: int = 2) -> None:
    """A project with classes road and tree, the first image decoded."""
    session = window.session
    assert session.create_project(tmp_path / "project", ClassTable().added("road").added("tree"))
    if images:
        session.add_images(make_images(tmp_path / "pictures", images))
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
    window.refresh_actions()
