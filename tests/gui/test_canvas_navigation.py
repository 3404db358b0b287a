"""Zoom, pan, fit, drops and what the status bar is told, by real events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_stage import Stage, gradient
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QEnterEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

NO_BUTTON, NO_MODIFIER = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def stage(qapp: object, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, gradient(1300, 900))
    yield made
    made.close()


def wheel(stage: Stage, at: QPointF, angle: int, pixel: int = 0, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    event = QWheelEvent(
        at,
        QPointF(stage.canvas.mapToGlobal(at.toPoint())),
        QPoint(0, pixel),
        QPoint(0, angle),
        NO_BUTTON,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(stage.canvas, event)


def test_an_image_opens_fitted(stage: Stage) -> None:
    view = stage.canvas.view
    assert view.is_fitted
    seen = view.visible_rect()
    assert (seen.x, seen.y, seen.width, seen.height) == (0, 0, 1300, 900)


def test_the_wheel_keeps_the_pixel_under_the_pointer(stage: Stage) -> None:
    at = QPointF(211, 137)
    before = stage.canvas.view.to_image(at.x(), at.y())
    for _ in range(9):
        wheel(stage, at, 120)
        after = stage.canvas.view.to_image(at.x(), at.y())
        assert after == pytest.approx(before, abs=1.5 / min(1.0, stage.canvas.zoom))
    assert stage.canvas.zoom > 3
    for _ in range(9):
        wheel(stage, at, -120)
    assert stage.canvas.zoom == pytest.approx(stage.canvas.view.fit_zoom, rel=0.03)


def test_touchpad_deltas_and_fine_angles_zoom_too(stage: Stage) -> None:
    start = stage.canvas.zoom
    for _ in range(12):
        wheel(stage, QPointF(300, 200), 10)
    assert stage.canvas.zoom == pytest.approx(start * 1.25, rel=0.02)
    for _ in range(12):
        wheel(stage, QPointF(300, 200), 0, pixel=-10)
    assert stage.canvas.zoom == pytest.approx(start, rel=0.02)


def test_pinching_zooms_at_the_fingers(stage: Stage) -> None:
    from PySide6.QtGui import QNativeGestureEvent, QPointingDevice

    at = QPointF(150, 100)
    before = stage.canvas.view.to_image(at.x(), at.y())
    start = stage.canvas.zoom
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QPointingDevice.primaryPointingDevice(),
        2,
        at,
        at,
        QPointF(stage.canvas.mapToGlobal(at.toPoint())),
        0.5,
        QPointF(),
    )
    QApplication.sendEvent(stage.canvas, event)
    assert stage.canvas.zoom == pytest.approx(start * 1.5, rel=0.02)
    assert stage.canvas.view.to_image(at.x(), at.y()) == pytest.approx(before, abs=3)


def test_middle_drag_pans(stage: Stage) -> None:
    stage.canvas.one_to_one()
    before = stage.canvas.view.to_view(0, 0)
    middle = Qt.MouseButton.MiddleButton
    QTest.mousePress(stage.canvas, middle, pos=QPoint(300, 200))
    QTest.mouseMove(stage.canvas, QPoint(330, 190))
    QTest.mouseRelease(stage.canvas, middle, pos=QPoint(330, 190))
    after = stage.canvas.view.to_view(0, 0)
    assert (after[0] - before[0], after[1] - before[1]) == (30, -10)
    assert not stage.labels().any()


def test_double_click_fits_where_the_tool_has_no_use_for_it(stage: Stage) -> None:
    stage.toolbox.select("pan")
    stage.canvas.one_to_one()
    assert not stage.canvas.view.is_fitted
    QTest.mouseDClick(stage.canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 200))
    assert stage.canvas.view.is_fitted


def test_one_to_one_shows_each_image_pixel_on_one_screen_pixel(stage: Stage) -> None:
    stage.canvas.one_to_one()
    assert stage.canvas.zoom == 1.0
    shown = stage.picture()
    seen = stage.canvas.view.visible_rect()
    expected = gradient(1300, 900)[seen.slices][..., ::-1]
    left, top = stage.canvas.view.to_view(seen.x, seen.y)
    part = shown[int(top) : int(top) + seen.height, int(left) : int(left) + seen.width]
    np.testing.assert_array_equal(part, expected[: part.shape[0], : part.shape[1]])


def test_magnified_pixels_are_square_and_crisp(stage: Stage) -> None:
    stage.canvas.set_view(stage.canvas.view.centred_at(650, 450, 6.0))
    shown = stage.picture()
    view = stage.canvas.view
    image = gradient(1300, 900)[..., ::-1]
    for x, y in ((640, 440), (655, 455)):
        left, top = (int(value) for value in view.to_view(x, y))
        block = shown[top : top + 6, left : left + 6]
        assert (block == image[y, x]).all()


def test_reduced_pictures_are_smooth(qapp: object, tmp_path: Path) -> None:
    checks = np.zeros((2048, 2048, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 255
    stage = Stage(tmp_path / "checks", checks, (512, 512))
    try:
        shown = stage.picture()
        assert shown.astype(int).min() > 120 and shown.max() < 136
    finally:
        stage.close()


def test_the_view_of_each_image_is_remembered(stage: Stage) -> None:
    stage.canvas.set_view(stage.canvas.view.centred_at(300, 200, 3.0))
    image_id = stage.session.image_id
    assert image_id is not None
    stage.session.select_image(None)
    stage.settled()
    stage.session.select_image(image_id)
    assert stage.canvas.zoom == 3.0
    assert stage.canvas.view.centre_xy == pytest.approx((300, 200), abs=1)


def test_the_status_bar_learns_position_values_and_class(stage: Stage, qtbot: Any) -> None:
    stage.canvas.one_to_one()
    stage.settings.set("brush.size_px", 20.0)
    stage.stroke([(650.0, 450.0)])
    told: list[tuple[int, int, object, str]] = []
    stage.canvas.cursor_moved.connect(lambda *args: told.append(args))
    stage.mouse("move", 652.5, 451.5)
    qtbot.waitUntil(lambda: bool(told) and bool(told[-1][2]), timeout=5000)
    blue, green, red = gradient(1300, 900)[451, 652].tolist()
    assert told[-1] == (652, 451, (red, green, blue), "road")
    with qtbot.waitSignal(stage.canvas.cursor_left, timeout=2000):
        stage.mouse("move", -30, -30)


def test_zoom_is_told(stage: Stage, qtbot: Any) -> None:
    with qtbot.waitSignal(stage.canvas.zoom_changed, timeout=2000) as told:
        stage.canvas.zoom_in()
    assert told.args == [stage.canvas.zoom]


def test_dropped_files_are_told(stage: Stage, qtbot: Any, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a b.png")), QUrl("https://example.org/x.png")])
    event = QDropEvent(QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, NO_MODIFIER)
    with qtbot.waitSignal(stage.canvas.files_dropped, timeout=2000) as told:
        stage.canvas.dropEvent(event)
    assert told.args == [[tmp_path / "a b.png"]]


def test_a_resized_window_keeps_a_fitted_image_fitted(stage: Stage) -> None:
    stage.canvas.resize(900, 300)
    QApplication.processEvents()
    seen = stage.canvas.view.visible_rect()
    assert (seen.width, seen.height) == (1300, 900)


def test_a_bar_below_comes_and_goes_without_moving_the_picture(stage: Stage, qtbot: Any) -> None:
    window, bar, canvas = QWidget(), QLabel("Proposing"), stage.canvas
    home = canvas.parentWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    column.addWidget(canvas, 1)
    column.addWidget(bar)
    bar.setFixedHeight(30)
    window.resize(600, 400)
    window.show()
    QApplication.processEvents()
    before = canvas.view.to_image(100, 100), canvas.zoom
    for is_shown in (False, True, False):
        bar.setVisible(is_shown)
        QApplication.processEvents()
        assert (canvas.view.to_image(100, 100), canvas.zoom) == before
    window.resize(600, 340)
    QApplication.processEvents()
    seen = canvas.view.visible_rect()
    assert (seen.width, seen.height) == (1300, 900) and canvas.zoom < before[1]
    canvas.setParent(home)


def test_keys_follow_the_pointer_unless_one_types(stage: Stage, qtbot: Any) -> None:
    field, button = QLineEdit(), QPushButton("Propose")
    row = QWidget()
    qtbot.addWidget(row)
    layout = QHBoxLayout(row)
    canvas = stage.canvas
    home = canvas.parentWidget()
    for widget in (field, button, canvas):
        layout.addWidget(widget)
    row.show()
    row.activateWindow()
    place = QPointF(5, 5)
    for widget, is_taken in ((button, True), (field, False)):
        widget.setFocus()
        qtbot.waitUntil(widget.hasFocus, timeout=5000)
        QApplication.sendEvent(canvas, QEnterEvent(place, place, place))
        assert canvas.hasFocus() == is_taken
    canvas.setParent(home)


def test_it_has_a_name_and_takes_the_focus(stage: Stage) -> None:
    assert stage.canvas.accessibleName()
    assert stage.canvas.focusPolicy() == Qt.FocusPolicy.StrongFocus
