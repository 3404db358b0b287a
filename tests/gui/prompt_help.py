"""A window with a picture of two discs, a click model from a plug-in in a process of its own, and a hand with the mouse."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.gui.main_window import MainWindow
from tests.gui.window_help import open_window

PLUG_IN = Path(__file__).parent / "click_plug_in"
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
ALT = Qt.KeyboardModifier.AltModifier
NONE = Qt.KeyboardModifier.NoModifier
SHAPE = (160, 240)


def discs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(picture (160, 240, 3) uint8, a red disc and a blue one as masks)."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    red = np.hypot(columns - 70, rows - 80) <= 40
    blue = np.hypot(columns - 180, rows - 80) <= 30
    picture = np.full((*SHAPE, 3), 30, np.uint8)
    picture[red], picture[blue] = (220, 60, 50), (60, 90, 220)
    picture[60:100, 90:108][red[60:100, 90:108]] = (190, 100, 50)  # a stain that looks alike, almost
    return picture, red, blue


BEFORE = frozenset(sys.modules)
PICTURE, RED, BLUE = discs()
STAIN = np.zeros(SHAPE, bool)
STAIN[60:100, 90:108] = RED[60:100, 90:108]


class Hand:
    """The window with a project of one picture, and a hand on its canvas."""

    def __init__(self, window: MainWindow, qtbot, log: Path) -> None:  # type: ignore[no-untyped-def]
        self.window, self.qtbot, self.log_file = window, qtbot, log
        self.session, self.canvas = window.session, window.workspace.canvas
        self.tool = window.workspace.toolbox.tool("prompt")
        self.desk = window.workspace.jobs.prompts.desk
        self.notices: list[str] = []
        self.session.notice.connect(self.notices.append)

    def at(self, x: float, y: float) -> QPoint:
        left, top = self.canvas.view.to_view(x, y)
        return QPoint(round(left / self.canvas.ratio), round(top / self.canvas.ratio))

    def click(self, x: float, y: float, button: Qt.MouseButton = LEFT, modifiers: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseMove(self.canvas, self.at(x, y))
        QTest.mouseClick(self.canvas, button, modifiers, self.at(x, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        QTest.mousePress(self.canvas, LEFT, NONE, self.at(*start))
        QTest.mouseMove(self.canvas, self.at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        QTest.mouseMove(self.canvas, self.at(*end))
        QTest.mouseRelease(self.canvas, LEFT, NONE, self.at(*end))

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.canvas, key, modifiers)

    def until(self, what: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(what, timeout=60_000)

    def shown(self) -> np.ndarray:
        """What the proposal layer holds."""
        layer = self.session.proposal
        return np.zeros(SHAPE, bool) if layer is None else layer.read_classes(Rect(0, 0, SHAPE[1], SHAPE[0])) > 0

    def labels(self) -> np.ndarray:
        layer = self.session.labels
        return layer.read_classes(Rect(0, 0, SHAPE[1], SHAPE[0]))

    def history(self) -> list[str]:
        return [entry.label for entry in self.session.history.entries() if not entry.is_undone]

    def log(self) -> list[str]:
        return self.log_file.read_text().splitlines() if self.log_file.exists() else []


@contextmanager
def hand_at_work(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    """The window, with the click model that the plug-in brings."""
    log = tmp_path / "toy.log"
    monkeypatch.syspath_prepend(str(PLUG_IN))
    monkeypatch.setenv("TOY_CLICKS_LOG", str(log))
    file = tmp_path / "discs.png"
    Image.fromarray(PICTURE).save(file)
    with open_window(qtbot) as window:
        window.settings.set("model.device", "cpu")
        window.settings.set("prompt.model", "toy-clicks")
        session = window.session
        assert session.create_project(tmp_path / "project", ClassTable().added("road").added("tree"))
        session.add_images([file])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        session.select_class(session.classes[0].id)
        window.refresh_actions()
        made = Hand(window, qtbot, log)
        window.workspace.canvas.setFocus()
        yield made


def take(hand: Hand) -> Hand:
    """The tool by its key."""
    hand.key(Qt.Key.Key_M)
    assert hand.window.workspace.toolbox.chosen_id == "prompt"
    return hand


def shown_notices(window: MainWindow) -> list[str]:
    from PySide6.QtWidgets import QLabel

    return [label.text() for label in window.notices.findChildren(QLabel)]
