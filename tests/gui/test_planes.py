"""Planes of a stack: going through them, what the canvas shows, where tools paint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import stack_reader
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from stack_reader import StackStage
from window_help import open_window

from segstudio.core.brush import stroke_mask
from segstudio.core.classes import ClassTable

ALT = Qt.KeyboardModifier.AltModifier
DEPTH = 12


def stack(depth: int = DEPTH, height: int = 120, width: int = 160) -> np.ndarray:
    """Plane z is z·20 grey, with one bright corner so that every plane has a range."""
    values = np.zeros((depth, height, width), np.uint8) + np.arange(depth, dtype=np.uint8)[:, None, None] * 20
    values[:, :4, :4] = 255
    return values


@pytest.fixture
def stage(qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackStage]:
    stack_reader.enter(monkeypatch)
    made = StackStage(tmp_path, stack(), stack(3))
    made.settings.set("brush.size_px", 20.0)
    made.canvas.one_to_one()
    yield made
    made.close()


def grey(stage: StackStage) -> int:
    at = stage.at(80.5, 60.5)
    return int(stage.picture()[int(at.y()), int(at.x())].mean())


def test_the_canvas_shows_the_chosen_plane(stage: StackStage) -> None:
    assert stage.session.plane_count == DEPTH
    for z in (0, 5, 11, 5, 0):
        stage.session.set_plane(z)
        assert grey(stage) == pytest.approx(20 * z, abs=1)


def test_strokes_go_to_the_plane_shown_and_are_seen_only_there(stage: StackStage) -> None:
    stage.session.set_plane(4)
    points = [(60.0, 60.0), (100.0, 70.0)]
    stage.stroke(points)
    mask, rect = stroke_mask(points, 20.0)
    expected = np.zeros((120, 160), np.uint16)
    expected[rect.slices] = mask
    np.testing.assert_array_equal(stage.plane(4), expected)
    assert not stage.plane(3).any() and not stage.plane(5).any()
    stage.toolbox.leave()
    tinted = stage.picture()
    at = stage.at(80.5, 65.5)
    x, y = int(at.x()), int(at.y())
    assert tinted[y, x, 0] > tinted[y, x, 1] + 50
    assert stage.session.segment_at(80, 65) is not None
    stage.session.set_plane(5)
    bare = stage.picture()
    assert bare[y, x, 0] == bare[y, x, 1] == pytest.approx(100, abs=1)
    assert stage.session.segment_at(80, 65) is None
    assert stage.session.undo()
    assert not stage.plane(4).any()


def test_fill_takes_the_area_of_its_plane(stage: StackStage) -> None:
    stage.session.set_plane(2)
    stage.toolbox.select("fill")
    stage.stroke([(80.0, 60.0)])
    assert (stage.plane(2) == 1).all()
    assert not stage.plane(1).any() and not stage.plane(3).any()


def test_a_stroke_under_way_is_ended_by_another_plane_and_nothing_lands_there(stage: StackStage) -> None:
    stage.stroke([(60.0, 60.0), (100.0, 60.0)], releases=False)
    stage.session.set_plane(1)
    stage.mouse("move", 60, 90, held=Qt.MouseButton.LeftButton)
    stage.mouse("release", 60, 90)
    assert not stage.plane(1).any()
    stage.toolbox.select("polygon")
    for x, y in ((20, 20), (60, 20), (60, 60)):
        stage.stroke([(x, y)])
    stage.session.set_plane(2)
    stage.canvas.setFocus()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert not stage.plane(1).any() and not stage.plane(2).any()


def test_alt_and_the_wheel_go_through_the_planes_and_the_zoom_stays(stage: StackStage) -> None:
    zoom = stage.canvas.zoom
    stage.wheel(1, ALT)
    stage.wheel(2, ALT)
    assert stage.session.plane == 3
    stage.wheel(-0.5, ALT)
    assert stage.session.plane == 3
    stage.wheel(-0.5, ALT)
    assert stage.session.plane == 2
    stage.wheel(99, ALT)
    assert stage.session.plane == DEPTH - 1
    assert stage.canvas.zoom == zoom


def test_each_image_is_found_at_the_plane_it_was_left_at_also_after_reopening(stage: StackStage) -> None:
    session = stage.session
    first, second = (record.id for record in session.images)
    session.set_plane(7)
    session.select_image(second)
    assert session.plane == 0 and session.plane_count == 3
    session.set_plane(99)
    assert session.plane == 2
    session.select_image(first)
    assert session.plane == 7
    assert grey(stage) == pytest.approx(140, abs=1)
    folder = session.folder
    assert folder is not None and session.close_project()
    assert session.plane == 0 and not session.set_plane(3)
    assert session.open_project(folder)
    assert session.image_id == first and session.plane == 7


def test_planes_left_are_shown_again_without_being_read(stage: StackStage, monkeypatch: pytest.MonkeyPatch) -> None:
    for z in (0, 1, 2):
        stage.session.set_plane(z)
        stage.settled()
    read: list[int] = []
    original = stack_reader.StackReader.read

    def spy(self: stack_reader.StackReader, level: int, z: int, window: object) -> np.ndarray:
        read.append(z)
        return original(self, level, z, window)  # type: ignore[arg-type]

    monkeypatch.setattr(stack_reader.StackReader, "read", spy)
    for z in (1, 0, 2):
        stage.session.set_plane(z)
        assert grey(stage) == pytest.approx(20 * z, abs=1)
    assert read == []


def test_pictures_of_all_planes_stay_within_the_budget(stage: StackStage) -> None:
    tiles = stage.canvas._image
    tiles._budget_bytes = 3 * 120 * 160 * 4
    for z in range(DEPTH):
        stage.session.set_plane(z)
        assert grey(stage) == pytest.approx(20 * z, abs=1)
    assert 0 < tiles.nbytes <= tiles._budget_bytes
    held = [*tiles._tiles.values(), *(entry for plane in tiles._planes.values() for entry in plane.values())]
    assert sum(pixels.nbytes for _, pixels in held) == tiles.nbytes


def test_the_window_has_a_slider_keys_and_a_word_in_the_status_line(
    qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack_reader.enter(monkeypatch)
    np.save(tmp_path / "a.npy", stack(40, 50, 60)[:40])
    np.save(tmp_path / "b.npy", stack(1, 50, 60))
    with open_window(qtbot) as window:
        session = window.session
        assert session.create_project(tmp_path / "project", ClassTable().added("road"))
        session.add_images([tmp_path / "a.npy", tmp_path / "b.npy"])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        window.refresh_actions()
        bar = window.workspace.plane_bar
        assert bar.isVisible() and bar.slider.maximum() == 39
        bar.slider.setValue(11)
        assert session.plane == 11
        assert window.status_line.texts()["plane"] == "plane 12 of 40"
        canvas = window.workspace.canvas
        canvas.setFocus()
        window.activateWindow()
        QTest.keyClick(canvas, Qt.Key.Key_Period)
        QTest.keyClick(canvas, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
        assert session.plane == 13 and bar.slider.value() == 13 and bar.number.value() == 14
        QTest.keyClick(canvas, Qt.Key.Key_Comma)
        assert session.plane == 12
        assert window.trigger("plane.last") and session.plane == 39
        assert window.trigger("plane.ten_back") and session.plane == 29
        bar.number.setValue(1)
        assert session.plane == 0
        session.select_image(session.images[1].id)
        window.refresh_actions()
        assert not bar.isVisible() and window.status_line.texts()["plane"] == ""
        assert not window.trigger("plane.next")


def test_keys_interpolate_and_carry_labels_on(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack_reader.enter(monkeypatch)
    np.save(tmp_path / "a.npy", stack(5, 50, 60))
    control = Qt.KeyboardModifier.ControlModifier
    with open_window(qtbot) as window:
        session = window.session
        assert session.create_project(tmp_path / "project", ClassTable().added("road"))
        session.add_images([tmp_path / "a.npy"])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        window.refresh_actions()
        mask = np.zeros((50, 60), bool)
        mask[10:30, 10:30] = True
        layer = session.labels
        for z in (0, 2):
            transaction = session.begin("Test")
            transaction.paint(mask, 0, 0, transaction.ensure_stuff(1), z)
            session.commit(transaction)
        canvas = window.workspace.canvas
        canvas.setFocus()
        window.activateWindow()
        session.set_plane(1)
        QTest.keyClick(canvas, Qt.Key.Key_J)
        qtbot.waitUntil(lambda: bool(layer.read(layer.bounds, 1).any()), timeout=10_000)
        np.testing.assert_array_equal(layer.read_classes(layer.bounds, 1) == 1, mask)
        session.set_plane(2)
        QTest.keyClick(canvas, Qt.Key.Key_Up, control | Qt.KeyboardModifier.ShiftModifier)
        qtbot.waitUntil(lambda: session.plane == 3, timeout=10_000)
        np.testing.assert_array_equal(layer.read_classes(layer.bounds, 3) == 1, mask)
        QTest.keyClick(canvas, Qt.Key.Key_Z, control)
        assert not layer.read(layer.bounds, 3).any() and layer.read(layer.bounds, 1).any()
        assert window.binder.action("plane.only_background").isChecked()
        assert window.trigger("plane.only_background")
        assert not window.settings.flag("planes.only_background")


def test_a_multi_page_tiff_is_gone_through_and_labelled_plane_by_plane(qapp: object, tmp_path: Path) -> None:
    import tifffile

    values = stack(5)
    tifffile.imwrite(tmp_path / "stack.tif", values, photometric="minisblack", compression="zlib")
    made = StackStage(tmp_path)
    try:
        made.session.add_images([tmp_path / "stack.tif"])
        assert made.session.plane_count == 5, made.notices
        made.settings.set("brush.size_px", 20.0)
        made.canvas.one_to_one()
        shown = []
        for z in range(5):
            made.session.set_plane(z)
            shown.append(grey(made))
        assert shown == sorted(shown) and len(set(shown)) == 5
        made.stroke([(60.0, 60.0), (100.0, 70.0)])
        assert made.plane(4).any() and not made.plane(3).any()
        folder = made.session.folder
        assert folder is not None and made.session.close_project() and made.session.open_project(folder)
        assert made.session.plane == 4 and made.plane(4).any() and not made.plane(3).any()
    finally:
        made.close()
