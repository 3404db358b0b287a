"""The user guide in the window: by its key, with its pictures, without scrolling sideways, and all seven helps in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.dialogs.guide import PICTURE_PX, GuideDialog, GuidePage
from segstudio.io.resources import resource_path
from tests.gui.window_help import open_project, open_window

DOCS = resource_path("docs")
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")
SEVEN = ("click", "learning", "looked-at", "next", "progress", "memory", "simulation")
"""The pictures of clicks, learning, sources, what next, stop advice, want of memory and simulated labelling."""


def test_the_guide_opens_by_its_key_and_its_pictures_fit(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, 1)
        window.workspace.canvas.setFocus()
        QTest.keyClick(window, Qt.Key.Key_F1)
        qtbot.waitUntil(lambda: any(isinstance(w, GuideDialog) for w in QApplication.topLevelWidgets()))
        dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, GuideDialog))
        page = dialog.findChild(GuidePage)
        qtbot.waitUntil(lambda: page.isVisible() and page.verticalScrollBar().maximum() > 5000)
        qtbot.waitUntil(lambda: page.horizontalScrollBar().maximum() == 0)
        image = page.document().resource(QTextDocument.ResourceType.ImageResource.value, _url("images/learning.png"))
        assert isinstance(image, QImage) and 0 < image.deviceIndependentSize().width() <= PICTURE_PX
        dialog.close()


@pytest.mark.parametrize("guide", ["guide.md", "guide.zh_CN.md"])
def test_each_of_the_seven_has_a_picture_that_is_there_and_small(guide: str) -> None:
    shown = PICTURE.findall((DOCS / guide).read_text(encoding="utf-8"))
    assert {f"images/{name}.png" for name in SEVEN} <= {path for _, path in shown}
    for told, path in shown:
        file: Path = DOCS / path
        assert file.is_file() and not QImage(str(file)).isNull() and len(told) > 8
    for name in SEVEN:
        assert (DOCS / f"images/{name}.png").stat().st_size <= 200_000


def _url(path: str):  # type: ignore[no-untyped-def]
    from PySide6.QtCore import QUrl

    return QUrl.fromLocalFile(str(DOCS / path))
