"""The panels come back as high as they were, however often the window is opened."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtTest import QTest

from tests.gui.window_help import open_project, open_window


def heights(window) -> list[int]:
    return [dock.height() for dock in window.workspace.docks._seen_of_groups()]


def test_the_panels_keep_their_heights_over_restarts(qtbot, tmp_path: Path) -> None:
    seen = []
    for number in range(3):
        with open_window(qtbot) as window:
            window.resize(1366, 768)
            folder = tmp_path / str(number)
            folder.mkdir()
            open_project(window, folder, qtbot)
            window.workspace.docks.reveal("train")
            # Until the event loop has laid the panels out.
            qtbot.waitUntil(lambda: len(heights(window)) == 2)
            QTest.qWait(50)
            if seen:
                qtbot.waitUntil(lambda: abs(heights(window)[1] - seen[0]) <= 2)
            seen.append(heights(window)[1])
            window.close()
    assert max(seen) - min(seen) <= 2, seen
