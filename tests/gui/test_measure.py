"""The measure tool under the real mouse, and the size line of the objects panel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import stack_reader
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from stack_reader import StackStage
from window_help import open_window

from segstudio.app.tools.measure import MeasureTool
from segstudio.core.classes import ClassTable
from segstudio.gui.panels.objects import ObjectsPanel

SPACING = {"spacing": (0.5, 0.5, 2.0), "spacing_unit": "mm"}


@pytest.fixture
def stage(qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackStage]:
    stack_reader.enter(monkeypatch, SPACING)
    made = StackStage(tmp_path, np.zeros((3, 300, 500), np.uint8))
    made.canvas.one_to_one()
    made.canvas.setFocus()
    made.toolbox.select("measure")
    yield made
    made.close()


def tool_of(stage: StackStage) -> MeasureTool:
    tool = stage.toolbox.tool("measure")
    assert isinstance(tool, MeasureTool)
    return tool


def click(stage: StackStage, x: float, y: float) -> None:
    stage.stroke([(x, y)])


def test_clicks_and_a_double_click_measure_a_line(stage: StackStage) -> None:
    tool = tool_of(stage)
    click(stage, 100, 100)
    stage.mouse("move", 130, 140)
    assert tool.figures() == "50.0 px · 25 mm"
    click(stage, 130, 140)
    click(stage, 130, 240)
    stage.mouse("double", 130, 240)
    stage.mouse("release", 130, 240)
    stage.mouse("move", 300, 50)
    assert tool.figures() == tool.copied_text() == "150.0 px · 75 mm"
    assert not tool.is_area and not stage.plane(0).any()
    assert stage.session.history is not None and not stage.session.history.can_undo
    stage.stroke([(130.0, 240.0), (130.0, 200.0), (130.0, 190.0)])  # a point of a finished line can be moved
    assert tool.figures() == "100.0 px · 50 mm"


def test_a_drag_measures_a_box_and_a_closed_line_an_area(stage: StackStage) -> None:
    tool = tool_of(stage)
    stage.stroke([(50.0, 60.0), (100.0, 100.0), (150.0, 110.0)])
    assert tool.is_area and tool.figures() == "5,000 px · 1,250 mm², outline 150 mm"
    for x, y in ((50, 60), (350, 60), (350, 160)):
        click(stage, x, y) if (x, y) != (50, 60) else click(stage, 51.0, 250.0)
    click(stage, 51.0, 250.0)
    assert tool.is_area and len(tool.points_xy) == 3
    assert tool.figures().startswith(f"{abs((350 - 51) * (160 - 250) - (350 - 51) * (60 - 250)) / 2:,.0f} px")


def test_backspace_enter_and_escape(stage: StackStage) -> None:
    tool = tool_of(stage)
    for x in (100, 200, 300):
        click(stage, x, 100)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Backspace)
    assert len(tool.points_xy) == 2
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert tool.figures() == "100.0 px · 50 mm"
    assert not tool.wants_key("enter")
    stage.session.set_plane(1)
    assert tool.figures()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    assert tool.points_xy == () and tool.copied_text() == ""


def test_the_figures_are_seen_beside_the_line(stage: StackStage) -> None:
    before = stage.picture()
    click(stage, 100, 100)
    click(stage, 200, 100)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert [line.text for line in tool_of(stage).preview().lines] == ["100.0 px · 50 mm"]
    after = stage.picture()
    at = stage.at(150.5, 100)
    assert tuple(after[int(at.y()), int(at.x())]) == pytest.approx((255, 214, 10), abs=30)
    beside = stage.at(215, 120)
    y, x = int(beside.y()), int(beside.x())
    assert np.abs(after[y - 8 : y + 8, x : x + 60].astype(int) - before[y - 8 : y + 8, x : x + 60]).max() > 100


def test_without_units_there_are_pixels(stage: StackStage, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = stage.session.reader
    assert reader is not None
    reader.info.metadata.clear()
    stage.stroke([(50.0, 60.0), (100.0, 100.0), (150.0, 110.0)])
    assert tool_of(stage).figures() == "5,000 px, outline 300.0 px"


def test_the_objects_panel_says_the_size_of_the_active_object(stage: StackStage) -> None:
    panel = ObjectsPanel(stage.session)
    panel.show()
    assert panel.size_line.isHidden()
    transaction = stage.session.begin("Test")
    assert transaction is not None
    segment_id = transaction.new_object(1)
    transaction.paint(np.ones((10, 20), bool), 250, 100, segment_id, 0)  # over a seam of tiles
    transaction.paint(np.ones((10, 10), bool), 250, 100, segment_id, 1)
    stage.session.commit(transaction)
    stage.session.select_object(segment_id)
    assert panel.size_line.text() == "200 px · 50 mm²; all planes 300 px · 150 mm³"
    stage.session.set_plane(1)
    assert panel.size_line.text().startswith("100 px · 25 mm²;")
    stage.session.undo()
    assert panel.size_line.isHidden()
    panel.close()


def test_control_c_copies_the_figure_as_text(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack_reader.enter(monkeypatch, SPACING)
    np.save(tmp_path / "a.npy", np.zeros((2, 60, 60), np.uint8))
    with open_window(qtbot) as window:
        session, canvas = window.session, window.workspace.canvas
        assert session.create_project(tmp_path / "project", ClassTable().added("road"))
        session.add_images([tmp_path / "a.npy"])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        window.refresh_actions()
        window.activateWindow()
        canvas.setFocus()
        QTest.keyClick(canvas, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
        assert window.workspace.toolbox.chosen_id == "measure"
        view, ratio = canvas.view, canvas.ratio
        for x in (10, 50):
            at = view.to_view(x, 20)
            point = canvas.rect().topLeft()
            point.setX(round(at[0] / ratio))
            point.setY(round(at[1] / ratio))
            QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point)
        QTest.keyClick(canvas, Qt.Key.Key_Return)
        QTest.keyClick(canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert QApplication.clipboard().text().endswith("px · 20 mm")
