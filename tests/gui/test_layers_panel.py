"""The Layers panel in the real window: buttons, eye, names and the canvas below, by real clicks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from window_help import open_project, open_window

from segstudio.core.geometry import Rect
from segstudio.gui.main_window import MainWindow
from segstudio.gui.panels.layers import LayersPanel

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(qtbot, tmp_path: Path) -> Iterator[MainWindow]:  # type: ignore[no-untyped-def]
    with open_window(qtbot) as made:
        open_project(made, tmp_path, qtbot, images=1)
        made.session.select_class(1)
        yield made


def panel_of(window: MainWindow) -> LayersPanel:
    panel = window.workspace.docks.reveal("layers")
    assert isinstance(panel, LayersPanel)
    return panel


def names(panel: LayersPanel) -> list[str]:
    return [panel.view.item(row).text() for row in range(panel.view.count())]


def click_row(panel: LayersPanel, row: int) -> None:
    """On the name, right of the check box."""
    rect = panel.view.visualItemRect(panel.view.item(row))
    QTest.mouseClick(panel.view.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, rect.center())


def click_eye(panel: LayersPanel, row: int) -> None:
    rect = panel.view.visualItemRect(panel.view.item(row))
    at = QPoint(rect.left() + 14, rect.center().y())
    QTest.mouseClick(panel.view.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, at)


def paint(window: MainWindow, rect: Rect, class_id: int) -> None:
    session = window.session
    transaction = session.begin("paint")
    assert transaction is not None
    dirty = transaction.write(rect, transaction.ensure_stuff(class_id))
    session.painted(dirty)
    assert session.commit(transaction)


def pixel(window: MainWindow, qtbot, x: float, y: float) -> tuple[int, int, int]:  # type: ignore[no-untyped-def]
    """The canvas's colour at an image position, once it is drawn."""
    canvas = window.workspace.canvas
    canvas.repaint()
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=20_000)
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    left, top = canvas.view.to_view(x, y)
    color = image.pixelColor(round(left), round(top))
    return color.red(), color.green(), color.blue()


def test_add_paint_choose_and_delete_by_clicks(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel, session = panel_of(window), window.session
    assert names(panel) == ["labels"] and not panel.delete_button.isEnabled()
    QTest.mouseClick(panel.add_button, LEFT)
    assert names(panel) == ["layer 2", "labels"] and panel.view.currentRow() == 0
    upper = session.labels
    window.trigger("tool.brush")
    window.settings.set("brush.size_px", 5.0)
    canvas = window.workspace.canvas
    at = QPoint(*(round(value / canvas.ratio) for value in canvas.view.to_view(40.5, 30.5)))
    QTest.mouseClick(canvas, LEFT, Qt.KeyboardModifier.NoModifier, at)
    assert upper is not None and upper.read_classes(upper.bounds)[30, 40] == 1
    click_row(panel, 1)
    assert session.labels is not upper and panel.view.currentRow() == 1
    assert session.labels is not None and session.labels.is_blank
    click_row(panel, 0)
    assert session.labels is upper
    QTest.mouseClick(panel.delete_button, LEFT)
    assert names(panel) == ["labels"]
    window.trigger("edit.undo")
    assert names(panel) == ["layer 2", "labels"]
    assert upper.read_classes(upper.bounds)[30, 40] == 1


def test_layers_are_drawn_over_each_other_and_the_eye_hides(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel, session = panel_of(window), window.session
    bare = pixel(window, qtbot, 40.5, 30.5)
    paint(window, Rect(35, 25, 12, 12), 1)
    one = pixel(window, qtbot, 40.5, 30.5)
    assert one != bare
    session.layer_editor.add("upper")
    assert pixel(window, qtbot, 40.5, 30.5) == one, "the layer that is not worked on is still drawn"
    paint(window, Rect(38, 28, 5, 5), 2)
    both = pixel(window, qtbot, 40.5, 30.5)
    assert both not in (one, bare)
    assert pixel(window, qtbot, 36.5, 26.5) == one
    click_eye(panel, 1)
    assert not session.layer_editor.rows()[1].is_visible
    assert pixel(window, qtbot, 36.5, 26.5) == bare
    assert pixel(window, qtbot, 40.5, 30.5) not in (both, bare, one), "only the upper one over the picture"
    click_eye(panel, 1)
    assert pixel(window, qtbot, 40.5, 30.5) == both


def test_rename_in_place_and_move(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel, session = panel_of(window), window.session
    QTest.mouseClick(panel.add_button, LEFT)
    panel.view.editItem(panel.view.item(0))
    field = panel.view.viewport().findChild(QLineEdit)
    assert field is not None
    field.selectAll()
    QTest.keyClicks(field, "vessels")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: names(panel) == ["vessels", "labels"], timeout=5000)
    assert session.labels is not None and session.labels.name == "vessels"
    assert not panel.up_button.isEnabled() and panel.down_button.isEnabled()
    QTest.mouseClick(panel.down_button, LEFT)
    assert names(panel) == ["labels", "vessels"] and panel.view.currentRow() == 1
    assert [row.name for row in session.layer_editor.rows()] == ["labels", "vessels"]


def test_read_only_projects_offer_no_changes(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel, session = panel_of(window), window.session
    session.layer_editor.add()
    folder = session.folder
    session.close_project()
    assert names(panel) == []
    assert folder is not None and session.open_project(folder, read_only=True)
    session.select_image(session.images[0].id)
    assert names(panel) == ["layer 2", "labels"]
    assert not panel.add_button.isEnabled() and not panel.delete_button.isEnabled()
