"""The views across a volume's planes: right side up, in proportion, linked to the canvas by real clicks."""

from __future__ import annotations

import numpy as np
import pytest
from medical_files import write_nifti, write_series
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_help import make_images, open_window

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.ml.api import WindowResult

WIDTH, HEIGHT, DEPTH = 60, 50, 20
SPACING = (1.0, 1.0, 1.8)
RED = ClassTable().added("organ", color="#ff0000")


def voxels():
    """(x, y, z) in RAS order: dark, with a bright block at the patient's right, front and top."""
    values = np.full((WIDTH, HEIGHT, DEPTH), 40, np.uint8)
    values[45:55, 35:45, 14:18] = 220
    return values


@pytest.fixture
def window(qtbot, tmp_path):
    file = write_nifti(tmp_path / "scan.nii", voxels(), np.diag([*SPACING, 1.0]))
    with open_window(qtbot) as window:
        assert window.session.create_project(tmp_path / "project", RED)
        window.session.add_images([file])
        qtbot.waitUntil(lambda: window.session.reader is not None, timeout=10_000)
        window.panel = window.workspace.docks.panel("views")
        qtbot.waitUntil(lambda: window.panel.is_settled, timeout=10_000)
        yield window


def picture(view):
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def settle(window, qtbot):
    qtbot.waitUntil(lambda: window.panel.is_settled, timeout=10_000)


def test_sides_and_proportions(window, qtbot):
    session = window.session
    # Shown: x towards left, y towards back, z towards the top.
    session.crosshair.move_to(WIDTH - 1 - 50, HEIGHT - 1 - 40, 16)
    settle(window, qtbot)
    coronal, sagittal = window.panel.views
    assert coronal.frame.marks.name == "coronal" and sagittal.frame.marks.name == "sagittal"
    assert (coronal.frame.marks.left, coronal.frame.marks.right, coronal.frame.marks.top) == ("R", "L", "S")
    assert (sagittal.frame.marks.left, sagittal.frame.marks.right, sagittal.frame.marks.bottom) == ("A", "P", "I")
    window.settings.set("views.crosshair", False)
    for view, (centre, length) in ((coronal, (50, WIDTH)), (sagittal, (40, HEIGHT))):
        area = view.picture_rect()
        assert area.width() / area.height() == pytest.approx(length / (DEPTH * 1.8), rel=1e-6)
        rows, columns = np.nonzero(picture(view)[..., 0] == picture(view)[..., 0].max())
        drawn = picture(view)[..., 0]
        rows, columns = np.nonzero(drawn > 150)
        inside = (rows > area.top() + 25) & (rows < area.bottom() - 25) & (columns > area.left() + 20)
        across = (np.median(columns[inside]) - area.left()) / area.width()
        down = (np.median(rows[inside]) - area.top()) / area.height()
        assert across == pytest.approx(1 - centre / length, abs=0.04), "the patient's right or front lies at the left"
        assert down == pytest.approx(1 - 16 / DEPTH, abs=0.05), "the top lies at the top"


def test_click_and_drag_move_the_cross_hair_and_the_plane(window, qtbot):
    session = window.session
    coronal, sagittal = window.panel.views
    target = (12, session.crosshair.position[1], 4)
    QTest.mouseClick(coronal, Qt.MouseButton.LeftButton, pos=coronal.widget_point(*target).toPoint())
    assert session.crosshair.position == target and session.plane == 4
    assert window.workspace.plane_bar.number.value() == 5
    settle(window, qtbot)
    assert sagittal.index == 12
    start, end = (sagittal.widget_point(12, y, z).toPoint() for y, z in ((10, 4), (30, 15)))
    QTest.mousePress(sagittal, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(sagittal, end)
    QTest.mouseRelease(sagittal, Qt.MouseButton.LeftButton, pos=end)
    assert session.crosshair.position == (12, 30, 15) and session.plane == 15
    QTest.mouseClick(sagittal, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))  # outside: the nearest voxel
    assert session.crosshair.position == (12, 0, DEPTH - 1)


def test_scrolling_and_arrows_step(window, qtbot):
    session = window.session
    coronal = window.panel.views[0]
    before = session.crosshair.position
    at = QPointF(coronal.rect().center())
    for delta in (120, 60, 60):
        event = QWheelEvent(
            at, coronal.mapToGlobal(at), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(coronal, event)
    assert session.crosshair.position == (before[0], before[1] + 2, before[2])
    coronal.setFocus()
    QTest.keyClick(coronal, Qt.Key.Key_Left)
    QTest.keyClick(coronal, Qt.Key.Key_Up)
    assert session.crosshair.position == (before[0] - 1, before[1] + 2, before[2] + 1)


def test_cross_hair_tool_on_the_canvas(window, qtbot):
    canvas, session = window.workspace.canvas, window.session
    window.trigger("tool.crosshair")
    x, y = canvas.view.to_view(20.5, 31.5)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPointF(x / canvas.ratio, y / canvas.ratio).toPoint())
    assert session.crosshair.position == (20, 31, session.plane)
    assert session.labels.is_blank and not session.undo()
    settle(window, qtbot)
    assert [view.index for view in window.panel.views] == [31, 20]


def test_labels_show_in_all_views_as_they_are_painted(window, qtbot):
    session, canvas = window.session, window.workspace.canvas
    session.crosshair.move_to(30, 25, 10)
    settle(window, qtbot)
    window.settings.set("views.crosshair", False)
    coronal = window.panel.views[0]
    spot = coronal.widget_point(30, 25, 10).toPoint()
    before = picture(coronal)[spot.y(), spot.x()]
    assert before[0] == before[1]
    window.settings.set("brush.size_px", 9.0)
    window.trigger("tool.brush")
    x, y = canvas.view.to_view(30.5, 25.5)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPointF(x / canvas.ratio, y / canvas.ratio).toPoint())
    assert session.labels.read_classes(Rect(30, 25, 1, 1), 10)[0, 0] == RED[0].id
    qtbot.waitUntil(lambda: picture(coronal)[spot.y(), spot.x()][0] > before[0] + 60, timeout=5000)
    beside = coronal.widget_point(30, 25, 13).toPoint()
    red, green, _ = picture(coronal)[beside.y(), beside.x()]
    assert red == green, "only the plane painted has the label"
    assert session.undo()
    qtbot.waitUntil(lambda: picture(coronal)[spot.y(), spot.x()][0] == before[0], timeout=5000)


def test_a_proposal_for_all_planes_shows_in_the_views_hatched(window, qtbot):
    session = window.session
    session.crosshair.move_to(30, 25, 10)
    settle(window, qtbot)
    window.settings.set("views.crosshair", False)
    coronal = window.panel.views[0]

    def reds(z):
        """How much more red than green the cut is around the middle of plane *z*."""
        found = [
            picture(coronal)[at.y(), at.x()] for at in (coronal.widget_point(x, 25, z).toPoint() for x in range(26, 34))
        ]
        return [int(red - green) for red, green, _ in found]

    assert reds(10) == [0] * 8
    generation = session.proposals.begin({1: RED[0].id}, "model", planes={session.image_id: range(DEPTH)})
    for z in (9, 10, 11):
        result = WindowResult(Rect(20, 20, 20, 10), np.ones((10, 20), np.uint8), np.full((10, 20), 200, np.uint8))
        assert session.proposals.receive_window(session.image_id, generation, result, z)
    qtbot.waitUntil(lambda: min(reds(10)) > 5, timeout=5000)
    assert max(reds(10)) > min(reds(10)) + 20, "hatched, not filled as labels are"
    assert reds(13) == [0] * 8, "another plane has none"
    window.settings.set("proposal.min_confidence", 0.9)
    qtbot.waitUntil(lambda: reds(10) == [0] * 8, timeout=5000)
    window.settings.set("proposal.min_confidence", 0.0)
    qtbot.waitUntil(lambda: min(reds(10)) > 5, timeout=5000)


def test_panel_comes_and_goes_with_volumes(window, qtbot, tmp_path):
    session, dock = window.session, window.workspace.docks.dock("views")
    assert dock.isVisible()
    window.trigger("view.slice_views")
    assert not dock.isVisible() and not window.binder.action("view.slice_views").isChecked()
    window.trigger("view.slice_views")
    assert dock.isVisible()
    session.add_images(make_images(tmp_path / "flat", 1))
    volume, flat = session.images[0].id, session.images[-1].id
    session.select_image(flat)
    assert not dock.isVisible()
    qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
    window.trigger("view.panels")
    window.trigger("view.panels")
    assert not dock.isVisible()
    session.select_image(volume)
    assert dock.isVisible()
    qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
    settle(window, qtbot)


def test_series_with_a_broken_slice_shows_the_rest(window, qtbot, tmp_path):
    values = np.full((9, 40, 30), 100, np.int16)
    values[:, :, :5] = -900
    paths = write_series(tmp_path / "ct", values)
    paths[7].write_bytes(paths[7].read_bytes()[:-500])
    session = window.session
    session.add_images([tmp_path / "ct"])
    session.select_image(session.images[-1].id)
    qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
    settle(window, qtbot)
    view = window.panel.views[0]
    assert session.image.depth == 9 and session.plane == 4
    window.settings.set("views.crosshair", False)
    good, bad = (view.widget_point(20, session.crosshair.position[1], z).toPoint() for z in (3, 7))
    drawn = picture(view)
    assert drawn[good.y(), good.x(), 0] > 150 and drawn[bad.y(), bad.x(), 0] == 0
