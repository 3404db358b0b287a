"""Painting by real mouse events: the mask that lands in the layer, and what the screen shows of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from canvas_stage import Stage, gradient
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QImage, QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.core.brush import stroke_mask

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def stage(qapp: object, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, gradient(700, 500))
    made.settings.set("brush.size_px", 20.0)
    made.canvas.one_to_one()
    yield made
    made.close()


def expected(stage: Stage, points: list[tuple[float, float]], size: float = 20.0) -> np.ndarray:
    mask, rect = stroke_mask(points, size)
    out = np.zeros((500, 700), bool)
    out[rect.slices] = mask
    return out


def test_a_stroke_paints_its_mask_and_is_on_disk(stage: Stage) -> None:
    points = [(300.0, 250.0), (340.0, 260.0), (360.0, 290.0)]
    stage.stroke(points)
    np.testing.assert_array_equal(stage.labels() == 1, expected(stage, points))
    assert stage.session.history is not None and stage.session.history.can_undo
    store, image_id = stage.session.store, stage.session.image_id
    assert store is not None and image_id is not None
    assert store.labelled_pixels([image_id])[1] == expected(stage, points).sum()


def test_the_screen_shows_the_stroke_while_it_is_painted_and_not_after_undo(stage: Stage) -> None:
    before = stage.picture()
    stage.stroke([(300.0, 250.0), (340.0, 250.0)], releases=False)
    stage.canvas.toolbox.leave()
    during = stage.picture()
    at = stage.at(310.5, 250.5)
    x, y = int(at.x()), int(at.y())
    red = during[y, x].astype(int) - before[y, x]
    assert during[y, x, 0] == pytest.approx(before[y, x, 0] / 2 + 128, abs=2)
    assert red[1] < 0
    stage.mouse("release", 340, 250)
    stage.canvas.toolbox.leave()
    stage.mouse("move", -500, -500)
    stage.session.undo()
    after = stage.picture()
    ring = np.abs(after.astype(int) - before).max(axis=-1) > 1
    assert not ring[y - 15 : y + 15, x - 30 : x + 60].any()


def test_escape_abandons_the_stroke_without_a_trace(stage: Stage) -> None:
    stage.canvas.setFocus()
    stage.stroke([(300.0, 250.0), (340.0, 260.0)], releases=False)
    assert stage.labels().any()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 340, 260)
    assert not stage.labels().any()
    assert stage.session.history is not None and not stage.session.history.can_undo


def test_control_erases_and_shift_paints_a_straight_line(stage: Stage) -> None:
    stage.stroke([(200.0, 250.0)])
    stage.stroke([(300.0, 250.0)], SHIFT)
    np.testing.assert_array_equal(stage.labels() == 1, expected(stage, [(200, 250), (300, 250)]))
    stage.stroke([(250.0, 250.0)], CONTROL)
    assert stage.labels()[250, 250] == 0
    assert stage.labels()[250, 200] == 1


def test_right_drag_sizes_the_brush(stage: Stage) -> None:
    right = Qt.MouseButton.RightButton
    stage.mouse("press", 300, 250, right)
    stage.mouse("move", 330, 250, right, held=right)
    assert stage.settings.number("brush.size_px") == pytest.approx(80, abs=3)
    stage.mouse("release", 330, 250, right)
    assert not stage.labels().any()


def test_two_quick_dabs_do_not_move_the_view(stage: Stage) -> None:
    view = stage.canvas.view
    stage.stroke([(300.0, 250.0)])
    stage.mouse("double", 300, 250)
    stage.mouse("release", 300, 250)
    assert stage.canvas.view == view


def test_a_lost_release_ends_the_stroke(stage: Stage) -> None:
    stage.stroke([(300.0, 250.0), (340.0, 250.0)], releases=False)
    stage.mouse("move", 400, 300)
    stage.mouse("move", 420, 320)
    np.testing.assert_array_equal(stage.labels()[300:, 380:], 0)
    assert stage.session.history is not None and stage.session.history.can_undo


def test_painting_is_right_at_any_zoom(stage: Stage) -> None:
    for zoom in (0.5, 3.0, 17.0):
        stage.canvas.set_view(stage.canvas.view.centred_at(350, 250, zoom))
        spot = stage.canvas.view.to_image(300, 200)
        stage.stroke([spot])
        layer = stage.session.labels
        assert layer is not None
        np.testing.assert_array_equal(stage.labels() == 1, expected(stage, [spot]))
        stage.session.undo()


def test_a_pen_paints_with_its_pressure(stage: Stage) -> None:
    from PySide6.QtGui import QPointingDevice, QTabletEvent

    pen = QPointingDevice.primaryPointingDevice()

    def send(kind: QTabletEvent.Type, pressure: float, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        at = stage.at(300, 250)
        event = QTabletEvent(
            kind, pen, at, at, pressure, 0, 0, 0, 0, 0, Qt.KeyboardModifier.NoModifier, button, held
        )  # fmt: skip
        QApplication.sendEvent(stage.canvas, event)

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(QTabletEvent.Type.TabletPress, 0.5, left, left)
    send(QTabletEvent.Type.TabletRelease, 0.0, left, none)
    assert stage.labels().any()
    width = np.flatnonzero(stage.labels()[250]).size
    assert width == pytest.approx(10, abs=1)


def test_space_pans_and_lets_go(stage: Stage) -> None:
    stage.canvas.setFocus()
    QTest.keyPress(stage.canvas, Qt.Key.Key_Space)
    assert stage.toolbox.current.id == "pan"
    before = stage.canvas.view.to_view(0, 0)
    at = stage.at(300, 250)
    QTest.mousePress(stage.canvas, Qt.MouseButton.LeftButton, pos=at.toPoint())
    QTest.mouseMove(stage.canvas, (at + QPointF(25, 15)).toPoint())
    QTest.mouseRelease(stage.canvas, Qt.MouseButton.LeftButton, pos=(at + QPointF(25, 15)).toPoint())
    QTest.keyRelease(stage.canvas, Qt.Key.Key_Space)
    after = stage.canvas.view.to_view(0, 0)
    assert (after[0] - before[0], after[1] - before[1]) == (25, 15)
    assert stage.toolbox.current.id == "brush"
    assert not stage.labels().any()


class PaintWatch(QObject):
    """Notes the area of every paint event."""

    def __init__(self, watched: QObject) -> None:
        super().__init__()
        self.areas: list[int] = []
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.areas.append(event.rect().width() * event.rect().height())
        return False


def test_painting_redraws_only_round_the_stroke(stage: Stage) -> None:
    stage.stroke([(290.0, 250.0)])
    stage.picture()
    watch = PaintWatch(stage.canvas)
    for x in range(300, 340, 4):
        stage.stroke([(x, 250.0), (x + 2.0, 251.0)], releases=False)
        QApplication.processEvents()
        stage.mouse("release", x + 2, 251)
        QApplication.processEvents()
    stage.canvas.removeEventFilter(watch)
    assert watch.areas
    assert max(watch.areas) < 80 * 80


def test_a_tool_that_is_busy_gets_enter_before_the_window(stage: Stage) -> None:
    stage.toolbox.select("polygon")
    for x, y in ((200, 200), (300, 200), (300, 300)):
        stage.mouse("press", x, y)
        stage.mouse("release", x, y)
    stage.canvas.setFocus()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert stage.labels()[220, 280] == 1
    assert stage.labels()[290, 210] == 0


def test_outside_the_image_a_brush_does_no_harm(stage: Stage) -> None:
    stage.canvas.fit()
    stage.stroke([(-40.0, -40.0), (5.0, 5.0), (900.0, 600.0)])
    assert stage.labels()[2, 2] == 1
    assert isinstance(stage.canvas.grab().toImage(), QImage)


def test_shift_shows_the_straight_line_before_it_is_painted(stage: Stage) -> None:
    stage.stroke([(200.0, 250.0)])
    stage.mouse("move", 300, 250)
    assert stage.toolbox.preview().path_xy == ()
    stage.canvas.setFocus()
    QTest.keyPress(stage.canvas, Qt.Key.Key_Shift)
    assert stage.toolbox.preview().path_xy == ((200, 250), (300, 250))
    QTest.keyRelease(stage.canvas, Qt.Key.Key_Shift)
    assert stage.toolbox.preview().path_xy == ()
    QTest.keyPress(stage.canvas, Qt.Key.Key_Control)
    ring = stage.toolbox.preview().ring
    assert ring is not None and ring.is_erasing
    QTest.keyRelease(stage.canvas, Qt.Key.Key_Control)
