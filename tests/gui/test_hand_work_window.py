"""Hand work stays, by mouse and keys; what nobody looked at is veiled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_help import open_window

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.gui.main_window import MainWindow
from segstudio.gui.origins import origin_text
from segstudio.gui.panels.objects import ObjectsPanel
from segstudio.ml.api import ObjectResult, WindowResult

LEFT = Qt.MouseButton.LeftButton
WIDTH, HEIGHT = 2400, 1600
WHOLE = Rect(0, 0, WIDTH, HEIGHT)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def window(qtbot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot) as made:
        made.workspace.looks.shut_down()  # the tests count the time
        made.workspace.looks.clock = Clock()
        picture = np.random.default_rng(0).integers(90, 110, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / "a.png")
        session = made.session
        assert session.create_project(tmp_path / "project", ClassTable.from_names("road,tree"))
        session.add_images([tmp_path / "a.png"])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        canvas = made.workspace.canvas
        made.activateWindow()
        canvas.setFocus()
        qtbot.waitUntil(lambda: made.isActiveWindow() and canvas.is_settled, timeout=10_000)
        yield made


def press(window: MainWindow, key: Qt.Key, *, ctrl: bool = False, alt: bool = False) -> None:
    held = Qt.KeyboardModifier.NoModifier
    if ctrl:
        held |= Qt.KeyboardModifier.ControlModifier
    if alt:
        held |= Qt.KeyboardModifier.AltModifier
    QTest.keyClick(window.workspace.canvas, key, held)


def drag(window: MainWindow, *points: tuple[float, float]) -> None:
    canvas = window.workspace.canvas
    spots = [QPoint(*(round(value) for value in canvas.view.to_view(x, y))) for x, y in points]
    QTest.mousePress(canvas, LEFT, pos=spots[0])
    for spot in spots[1:]:
        QTest.mouseMove(canvas, spot)
    QTest.mouseRelease(canvas, LEFT, pos=spots[-1])


def propose(window: MainWindow, index: int) -> np.ndarray:
    """What a model that finds one class everywhere leaves as a proposal."""
    session = window.session
    generation = session.proposals.begin({1: 1, 2: 2}, "runs/roads", "v2")
    values = np.full((HEIGHT, WIDTH), index, np.uint8)
    session.proposals.receive_window(1, generation, WindowResult(WHOLE, values, np.full_like(values, 200)))
    session.proposals.finish_proposal(1, generation)
    session.proposals.cancel()
    window.refresh_actions()
    assert session.proposal is not None
    return session.proposal.read_classes(WHOLE)


def classes_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.read_classes(WHOLE)


def test_what_the_eraser_took_stays_away_until_the_person_lets_models_propose_there(window: MainWindow, qtbot) -> None:
    propose(window, 1)
    press(window, Qt.Key.Key_Return)
    assert (classes_of(window) == 1).all()
    window.workspace.toolbox.select("eraser")
    drag(window, (600, 600), (1200, 600))
    gone = classes_of(window) == 0
    assert gone.sum() > 5000
    shown = propose(window, 2)
    assert (shown[gone] == 0).all() and (shown[~gone] == 2).all()
    press(window, Qt.Key.Key_Return)
    assert (classes_of(window)[gone] == 0).all() and (classes_of(window)[~gone] == 2).all()
    assert window.trigger("model.forget_touched")
    assert (propose(window, 1) == 1).all()
    for _ in range(2):  # that proposal, and the forgetting
        press(window, Qt.Key.Key_Z, ctrl=True)
    assert (propose(window, 1)[gone] == 0).all()


def test_the_objects_panel_tells_who_made_each(window: MainWindow, qtbot) -> None:
    session = window.session
    session.set_object_mode(True)
    drag(window, (300, 1200), (500, 1200))
    session.set_object_mode(False)
    generation = session.proposals.begin({1: 1}, "runs/roads", "v2")
    mask = np.ones((200, 200), bool)
    session.proposals.receive_window(1, generation, ObjectResult(Rect(1000, 200, 200, 200), mask, 1, 0.87))
    session.proposals.finish_proposal(1, generation)
    session.proposals.cancel()
    window.refresh_actions()
    press(window, Qt.Key.Key_Return)
    panel = window.workspace.docks.reveal("objects")
    assert isinstance(panel, ObjectsPanel)
    texts = [panel.model.index(row).data() for row in range(2)]
    assert "accepted · runs/roads@v2  87 %" in texts[0] and "by hand" in texts[1]
    tip = panel.model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "Found by runs/roads, version v2, accepted by you, 87 % sure." in tip
    assert (
        origin_text("accepted", "click-base@click", None, False)
        == "Found by click-base from your clicks, accepted by you."
    )
    assert origin_text("model", "", 0.5, False) == "Found by a model, 50 % sure."
    assert origin_text("accepted", "net", None, True).endswith("Checked by hand, so no model changes it.")
    assert (origin_text("hand", "", None, False), origin_text("import", "", None, False)) == (
        "Made by hand.",
        "Imported.",
    )


def look(window: MainWindow, seconds: float, *, step: float = 0.25) -> None:
    """Somebody sits before the window."""
    clock = window.workspace.looks.clock
    assert isinstance(clock, Clock)
    window.workspace.looks.tick()
    for _ in range(round(seconds / step)):
        clock.now += step
        window.workspace.looks.tick()


def at(window: MainWindow, x: float, y: float) -> np.ndarray:
    """Red, green and blue of the canvas at an image position."""
    canvas = window.workspace.canvas
    image = canvas.grab().toImage()
    px, py = canvas.view.to_view(x, y)
    return np.array(image.pixelColor(round(px), round(py)).getRgb()[:3], int)


def test_what_nobody_looked_at_is_veiled_told_and_gone_to(window: MainWindow, qtbot, tmp_path: Path) -> None:
    canvas, session, looking = window.workspace.canvas, window.session, window.session.looking
    assert canvas.zoom < 0.5
    look(window, 3)
    assert looking.map is not None and looking.map.share() == 0, "too small to tell anything"
    canvas.set_view(canvas.view.centred_at(600, 400, 1.0))
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=5_000)
    look(window, 0.5)
    assert looking.map.share() == 0, "not long enough"
    look(window, 1.0)
    share = looking.map.share()
    seen = canvas.visible_rect()
    assert share == pytest.approx(seen.width * seen.height / (WIDTH * HEIGHT), rel=0.06)
    press(window, Qt.Key.Key_0, ctrl=True)
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=5_000)
    plain = at(window, 600, 400), at(window, 2200, 1400)
    press(window, Qt.Key.Key_5, ctrl=True, alt=True)
    assert session.overlay.shows_unseen
    veiled = at(window, 600, 400), at(window, 2200, 1400)
    assert np.abs(veiled[0] - plain[0]).max() <= 2 and (veiled[1] - plain[1])[2] > (veiled[1] - plain[1])[0] + 20
    press(window, Qt.Key.Key_U, ctrl=True, alt=True)
    place = canvas.visible_rect()
    assert canvas.zoom >= 0.5 and not (place.x >= seen.x and place.right <= seen.right)
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=5_000)
    look(window, 1.5)
    more = looking.map.share()
    assert more > share
    press(window, Qt.Key.Key_5, ctrl=True, alt=True)
    assert not session.overlay.shows_unseen
    folder = session.folder
    session.close_project()
    assert folder is not None and session.open_project(folder)
    assert session.looking.map is not None and session.looking.map.share() == pytest.approx(more)
    assert session.looking.forget() and session.looking.map.share() == 0


def test_nobody_looks_at_a_window_that_is_hidden(window: MainWindow, qtbot) -> None:
    canvas, looking = window.workspace.canvas, window.session.looking
    canvas.set_view(canvas.view.centred_at(600, 400, 1.0))
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=5_000)
    window.hide()
    QApplication.processEvents()
    look(window, 3)
    assert looking.map is not None and looking.map.share() == 0


def test_nobody_looks_after_half_a_minute_without_a_movement(window: MainWindow, qtbot) -> None:
    canvas, looking = window.workspace.canvas, window.session.looking
    canvas.set_view(canvas.view.centred_at(600, 400, 1.0))
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=5_000)
    clock = window.workspace.looks.clock
    assert isinstance(clock, Clock)
    window.workspace.looks.tick()
    clock.now += 31
    look(window, 3)  # nothing moves: nobody is there
    assert looking.map is not None and looking.map.share() == 0
    canvas.set_view(canvas.view.panned(-20, 0))
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=5_000)
    look(window, 1.5)
    assert looking.map.share() > 0
