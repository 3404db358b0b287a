"""A narrow window: the options of the click tool stay readable, and its name comes back where there is room."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox

from tests.gui.window_help import open_project, open_window


def test_the_options_of_a_click_keep_their_words_in_a_narrow_window(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, 1)
        window.workspace.canvas.setFocus()
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_M)
        options = window.workspace.tool_options
        window.resize(1080, 720)
        QApplication.processEvents()
        boxes = [box for box in options.findChildren(QComboBox) if box.isVisible()]
        assert len(boxes) == 4 and all(box.width() >= 84 for box in boxes) and not options.name.isVisible()
        places = sorted((w.mapTo(options, w.rect().topLeft()).x(), w.width()) for w in boxes)
        assert all(x + width <= after for (x, width), (after, _) in zip(places, places[1:], strict=False))
        assert places[-1][0] + places[-1][1] <= options.width()
        window.resize(1500, 800)
        QApplication.processEvents()
        assert options.name.isVisible() and options.name.text() == "Click to segment"
