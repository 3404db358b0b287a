"""Moving, scaling, rotating, copying and pasting pieces with the real mouse and keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import stack_reader
from canvas_stage import Stage, gradient
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from stack_reader import StackStage
from window_help import open_project, open_window

from segstudio.app.piece_desk import PieceDesk
from segstudio.app.tools.move import MoveTool
from segstudio.core.geometry import Rect
from segstudio.core.pieces import Placement, placed

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
BOUNDS = Rect(0, 0, 500, 300)


@pytest.fixture
def stage(qapp: object, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, gradient(500, 300))
    made.canvas.one_to_one()
    made.canvas.setFocus()
    made.toolbox.select("move")
    yield made
    made.close()


def shape() -> np.ndarray:
    """An L of 40 × 30, so that a turned or mirrored one is another."""
    mask = np.zeros((30, 40), bool)
    mask[:, :12] = True
    mask[18:, :] = True
    return mask


def put(stage: Stage, mask: np.ndarray, x: int, y: int, class_id: int = 1, *, is_object: bool = False) -> int:
    transaction = stage.session.begin("Test")
    assert transaction is not None
    segment_id = transaction.new_object(class_id) if is_object else transaction.ensure_stuff(class_id)
    stage.session.painted(transaction.paint(mask, x, y, segment_id, stage.session.plane))
    stage.session.commit(transaction)
    return segment_id


def at(mask: np.ndarray, x: int, y: int) -> np.ndarray:
    out = np.zeros((300, 500), bool)
    out[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return out


def key(stage: Stage, which: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(stage.canvas, which, modifiers)


def tool_of(stage: Stage) -> MoveTool:
    tool = stage.toolbox.tool("move")
    assert isinstance(tool, MoveTool)
    return tool


def history(stage: Stage) -> int:
    assert stage.session.history is not None
    return stage.session.history.position


def test_a_drag_and_enter_move_an_area_as_one_undo_step(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    put(stage, shape(), 300, 200)  # of the same class, but apart: it stays
    steps = history(stage)
    stage.stroke([(105.0, 110.0), (150.0, 120.0), (165.4, 90.3)])
    assert tool_of(stage).is_busy and history(stage) == steps
    assert not stage.labels()[100:130, 100:112].any()  # lifted off
    key(stage, Qt.Key.Key_Return)
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 160, 80) | at(shape(), 300, 200))
    assert history(stage) == steps + 1 and not tool_of(stage).is_busy
    assert stage.session.history is not None and stage.session.history.undo_label == "Move road"
    assert stage.session.undo()
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 100, 100) | at(shape(), 300, 200))


def test_escape_puts_it_back_without_a_trace(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    before, steps = stage.labels(), history(stage)
    stage.stroke([(105.0, 110.0), (200.0, 150.0)])
    key(stage, Qt.Key.Key_Escape)
    np.testing.assert_array_equal(stage.labels(), before)
    assert history(stage) == steps and not tool_of(stage).is_busy
    stage.stroke([(105.0, 110.0), (200.0, 150.0)], releases=False)
    key(stage, Qt.Key.Key_Escape)
    stage.mouse("release", 200, 150)
    np.testing.assert_array_equal(stage.labels(), before)


def test_putting_it_down_where_it_was_is_no_step(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    steps = history(stage)
    stage.stroke([(105.0, 110.0)])
    key(stage, Qt.Key.Key_Return)
    assert history(stage) == steps
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 100, 100))


def test_arrows_nudge_by_one_and_with_shift_by_ten(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    stage.stroke([(105.0, 110.0)])
    key(stage, Qt.Key.Key_Right)
    key(stage, Qt.Key.Key_Down, SHIFT)
    key(stage, Qt.Key.Key_Left, SHIFT)
    key(stage, Qt.Key.Key_Up)
    key(stage, Qt.Key.Key_Return)
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 91, 109))


def test_a_corner_scales_and_shift_keeps_the_proportions(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    stage.stroke([(105.0, 110.0)])
    stage.stroke([(140.0, 130.0), (180.0, 145.0)])
    assert (tool_of(stage).placement.scale_x, tool_of(stage).placement.scale_y) == (2.0, 1.5)
    stage.stroke([(180.0, 145.0), (180.0, 160.0)])  # again, from the mask as it was: nothing degrades
    key(stage, Qt.Key.Key_Return)
    doubled = shape().repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(stage.labels() == 1, at(doubled, 100, 100))
    assert stage.session.undo()
    stage.stroke([(105.0, 110.0)])
    stage.stroke([(140.0, 130.0), (180.0, 131.0)], SHIFT)
    key(stage, Qt.Key.Key_Return)
    np.testing.assert_array_equal(stage.labels() == 1, at(doubled, 100, 100))


def test_the_handle_above_turns_and_shift_snaps_to_15_degrees(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    stage.stroke([(105.0, 110.0)])
    tool = tool_of(stage)
    rotator = tool.preview().handles_xy[-1]
    assert rotator[0] == pytest.approx(120) and rotator[1] < 90
    stage.stroke([rotator, (160.0, 70.0), (175.0, 116.0)], SHIFT)
    assert tool.placement.angle_deg == 90
    key(stage, Qt.Key.Key_Return)
    expected, rect = placed(shape(), Placement(120, 115, angle_deg=90), BOUNDS)
    np.testing.assert_array_equal(stage.labels() == 1, at(expected, rect.x, rect.y))
    np.testing.assert_array_equal(expected, np.rot90(shape(), -1))


def test_turned_there_and_back_it_is_the_same_again(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    stage.stroke([(105.0, 110.0)])
    tool = tool_of(stage)
    for target in ((150.0, 90.0), (170.0, 130.0), (90.0, 150.0)):
        stage.stroke([tool.preview().handles_xy[-1], target])
    stage.stroke([tool.preview().handles_xy[-1], (120.2, 60.0)], SHIFT)
    assert tool.placement.angle_deg == 0
    key(stage, Qt.Key.Key_Return)
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 100, 100))


def test_an_object_keeps_its_identity_and_all_its_parts_come_along(stage: Stage) -> None:
    segment_id = put(stage, shape(), 100, 100, 2, is_object=True)
    transaction = stage.session.begin("Test")
    assert transaction is not None
    transaction.paint(np.ones((5, 5), bool), 150, 100, segment_id)
    stage.session.commit(transaction)
    stage.stroke([(105.0, 110.0), (115.0, 110.0)])
    key(stage, Qt.Key.Key_Return)
    layer = stage.session.labels
    assert layer is not None
    expected = at(shape(), 110, 100) | at(np.ones((5, 5), bool), 160, 100)
    np.testing.assert_array_equal(layer.read(layer.bounds) == segment_id, expected)
    assert len(stage.session.objects()) == 1


def test_guard_and_locks_hold_where_it_is_put_down(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    put(stage, np.ones((30, 30), bool), 160, 100, 2)
    stage.settings.set("paint.guard", "background")
    stage.stroke([(105.0, 110.0), (155.0, 110.0)])
    key(stage, Qt.Key.Key_Return)
    block = at(np.ones((30, 30), bool), 160, 100)
    np.testing.assert_array_equal(stage.labels() == 2, block)
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 150, 100) & ~block)
    assert stage.session.undo()
    stage.settings.set("paint.guard", "anywhere")
    stage.session.class_editor.set_locked(2, True)
    stage.stroke([(105.0, 110.0), (155.0, 110.0)])
    key(stage, Qt.Key.Key_Return)
    np.testing.assert_array_equal(stage.labels() == 2, block)
    stage.stroke([(175.0, 110.0), (200.0, 110.0)])
    assert not tool_of(stage).is_busy and "locked" in stage.notices[-1]


def test_a_click_beside_it_puts_it_down_and_another_tool_puts_it_back(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    stage.stroke([(105.0, 110.0), (155.0, 110.0)])
    stage.stroke([(300.0, 250.0)])
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 150, 100))
    stage.stroke([(155.0, 110.0), (255.0, 110.0)])
    stage.toolbox.select("brush")
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 150, 100))


def test_undo_while_it_is_in_the_hand_puts_it_back(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    put(stage, shape(), 300, 200, 2)
    stage.stroke([(105.0, 110.0), (155.0, 110.0)])
    stage.session.undo()
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 100, 100))
    assert not (stage.labels() == 2).any() and not tool_of(stage).is_busy


def test_the_preview_shows_it_while_it_is_dragged(stage: Stage) -> None:
    put(stage, shape(), 100, 100)
    before = stage.picture()
    stage.stroke([(105.0, 110.0), (205.0, 160.0)], releases=False)
    during = stage.picture()
    new, old = stage.at(205.5, 155.5), stage.at(105.5, 105.5)
    x, y = int(new.x()), int(new.y())
    assert before[y, x, 1].astype(int) - during[y, x, 1] > 30  # red takes the green away
    x, y = int(old.x()), int(old.y())
    assert during[y, x, 1].astype(int) - before[y, x, 1] > 30
    stage.mouse("release", 205, 160)


# -- copy and paste -----------------------------------------------------------------------------------------------


def test_cut_copy_and_paste_on_one_image(stage: Stage) -> None:
    desk = PieceDesk(stage.session, stage.toolbox)
    assert not desk.paste() and "Nothing was copied" in stage.notices[-1]
    assert not desk.copy((5, 5)) and "nothing to copy" in stage.notices[-1]
    put(stage, shape(), 100, 100)
    put(stage, shape(), 300, 200)
    assert desk.copy((105, 110)) == f"Copied road, one area ({shape().sum():,} px)."
    steps = history(stage)
    assert desk.cut((105, 110)).startswith("Cut road")
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 300, 200))
    assert history(stage) == steps + 1
    assert desk.paste()
    stage.stroke([(105.0, 110.0), (125.0, 130.0)])
    key(stage, Qt.Key.Key_Return)
    np.testing.assert_array_equal(stage.labels() == 1, at(shape(), 300, 200) | at(shape(), 120, 120))
    assert history(stage) == steps + 2
    assert "all of it" in desk.copy(None)
    assert desk.copied is not None and desk.copied.mask.sum() == 2 * shape().sum()


def test_a_pasted_object_is_a_new_object_and_escape_leaves_nothing(stage: Stage) -> None:
    desk = PieceDesk(stage.session, stage.toolbox)
    first = put(stage, shape(), 100, 100, 2, is_object=True)
    stage.session.select_object(first)
    assert f"object {first}" in desk.copy((400, 250))
    before, steps = stage.labels(), history(stage)
    assert desk.paste()
    key(stage, Qt.Key.Key_Escape)
    np.testing.assert_array_equal(stage.labels(), before)
    assert history(stage) == steps and len(stage.session.objects()) == 1
    assert desk.paste()
    for _ in range(5):
        key(stage, Qt.Key.Key_Right, SHIFT)
    key(stage, Qt.Key.Key_Return)
    layer = stage.session.labels
    assert layer is not None and len(stage.session.objects()) == 2
    second = max(s.id for s in stage.session.objects())
    np.testing.assert_array_equal(layer.read(layer.bounds) == second, at(shape(), 150, 100))


def test_paste_goes_to_another_image_by_class_name_and_under_the_pointer_where_it_would_lie_outside(
    stage: Stage, tmp_path: Path
) -> None:
    small = tmp_path / "small.png"
    cv2.imwrite(str(small), gradient(90, 80))
    desk = PieceDesk(stage.session, stage.toolbox)
    put(stage, shape(), 300, 200)
    assert desk.cut((305, 210))
    stage.session.add_images([small])
    stage.session.select_image(stage.session.images[1].id)
    assert desk.paste((50.2, 40.1))
    key(stage, Qt.Key.Key_Return)
    expected = np.zeros((80, 90), bool)
    expected[25:55, 30:70] = shape()
    np.testing.assert_array_equal(stage.labels() == 1, expected)
    stage.session.class_editor.rename(1, "street")
    assert not desk.paste() and "no class “road”" in stage.notices[-1]


def test_paste_on_another_plane_at_the_same_place(
    qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack_reader.enter(monkeypatch)
    stage = StackStage(tmp_path, np.zeros((4, 300, 500), np.uint8))
    try:
        desk = PieceDesk(stage.session, stage.toolbox)
        put(stage, shape(), 100, 100)
        assert desk.copy((105, 110))
        stage.session.set_plane(2)
        assert desk.paste()
        stage.canvas.setFocus()
        key(stage, Qt.Key.Key_Return)
        np.testing.assert_array_equal(stage.plane(2) == 1, at(shape(), 100, 100))
        np.testing.assert_array_equal(stage.plane(0) == 1, at(shape(), 100, 100))
        assert not stage.plane(1).any()
    finally:
        stage.close()


def test_the_keys_of_the_window(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, 2)
        session, canvas = window.session, window.workspace.canvas
        layer = session.labels
        transaction = session.begin("Test")
        transaction.paint(np.ones((10, 12), bool), 5, 6, transaction.ensure_stuff(1))
        session.commit(transaction)
        window.refresh_actions()
        window.activateWindow()
        canvas.setFocus()
        QTest.keyClick(canvas, Qt.Key.Key_C, CONTROL)
        assert "Copied road" in window.status_line.texts()["message"]
        QTest.keyClick(canvas, Qt.Key.Key_X, CONTROL)
        assert not layer.read(layer.bounds).any()
        QTest.keyClick(canvas, Qt.Key.Key_V, CONTROL)
        assert window.workspace.toolbox.chosen_id == "move" and window.workspace.toolbox.current.is_busy
        steps = session.history.position
        QTest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)  # gives up what is in the hand, and no more
        assert not window.workspace.toolbox.current.is_busy and session.history.position == steps
        QTest.keyClick(canvas, Qt.Key.Key_V, CONTROL)
        QTest.keyClick(canvas, Qt.Key.Key_Right)
        QTest.keyClick(canvas, Qt.Key.Key_Return)
        expected = np.zeros((48, 64), bool)
        expected[6:16, 6:18] = True
        np.testing.assert_array_equal(layer.read_classes(layer.bounds) == 1, expected)
        window.workspace.toolbox.select("brush")
        QTest.keyClick(canvas, Qt.Key.Key_V)
        assert window.workspace.toolbox.chosen_id == "move"
