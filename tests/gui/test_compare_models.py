"""Comparing two models by swiping: the real window, real mouse and keys, real methods in the model's process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_help import open_window

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.gui.comparison import Comparison
from segstudio.gui.dialogs.class_mapping import ClassMappingDialog
from segstudio.gui.dialogs.compare_models import CompareModelsDialog
from segstudio.gui.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton
OTSU, LOCAL = "classic/otsu", "classic/local-threshold"
SIDE = 256


def spots() -> np.ndarray:
    """(y, x, 3) uint8: bright squares on a ground that brightens, so that one threshold and local ones differ."""
    y, x = np.mgrid[:SIDE, :SIDE]
    values = (20 + x * 0.5).astype(np.uint8)
    values[(y % 64 > 20) & (y % 64 < 44) & (x % 64 > 20) & (x % 64 < 44)] += 60
    return np.repeat(values[..., None], 3, axis=2)


@pytest.fixture
def window(qtbot, tmp_path: Path) -> Iterator[MainWindow]:  # type: ignore[no-untyped-def]
    with open_window(qtbot) as made:
        files = []
        for name in ("spots", "other"):
            files.append(tmp_path / f"{name}.png")
            Image.fromarray(spots()).save(files[-1])
        session = made.session
        assert session.create_project(tmp_path / "project", ClassTable().added("Foreground", color="#ff0000"))
        session.add_images(files)
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        made.refresh_actions()
        settled(made, qtbot)
        yield made


def comparison(window: MainWindow) -> Comparison:
    return window.workspace.jobs.compare.comparison


def settled(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    canvas = window.workspace.canvas
    canvas.repaint()
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=20_000)


def started(window: MainWindow, qtbot, left: str = OTSU, right: str = LOCAL) -> Comparison:  # type: ignore[no-untyped-def]
    """Compared, answered, counted and drawn."""
    assert window.workspace.jobs.compare.start(left, right)
    made = comparison(window)
    qtbot.waitUntil(lambda: not made.is_busy, timeout=60_000)
    settled(window, qtbot)
    return made


def picture(window: MainWindow, qtbot) -> np.ndarray:  # type: ignore[no-untyped-def]
    """(h, w, 3) uint8 of the canvas without what lies over it."""
    settled(window, qtbot)
    made, canvas = comparison(window), window.workspace.canvas
    parts = [part for part in (made.handle, made.card, *made.labels.values()) if not part.isHidden()]
    for part in parts:
        part.hide()
    settled(window, qtbot)
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    for part in parts:
        part.show()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def alone(window: MainWindow, qtbot, position: float) -> np.ndarray:  # type: ignore[no-untyped-def]
    """The picture with the line at one end: one side alone."""
    comparison(window).handle.set_position(position)
    return picture(window, qtbot)


def document(window: MainWindow) -> tuple[object, ...]:
    """Everything of the document that a comparison must leave alone."""
    session = window.session
    layers = session.documents.open(session.image_id).layers.values()
    held = tuple((layer.id, layer.revision, tuple(layer.tiles.keys())) for layer in layers)
    return held, session.classes, session.history.position, session.labels.pixel_counts()


def drag(window: MainWindow, to_x: int) -> None:
    """Take the grip and carry it to a column of the canvas, step by step."""
    handle = comparison(window).handle
    from_x = handle.line_x
    middle = handle.height() // 2
    QTest.mousePress(handle, LEFT, pos=QPoint(handle.width() // 2, middle))
    for step in range(1, 6):
        at = from_x + (to_x - from_x) * step // 5
        QTest.mouseMove(handle, handle.mapFromParent(QPoint(at, middle)))
        QApplication.processEvents()
    QTest.mouseRelease(handle, LEFT, pos=handle.mapFromParent(QPoint(to_x, middle)))


def test_both_answers_are_shown_and_dragging_the_line_parts_them_elsewhere(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    before, loaded = document(window), set(sys.modules)
    made = started(window, qtbot)
    left, right = (made.desk.side(side) for side in ("left", "right"))
    assert left.state == right.state == "done" and left.seconds is not None
    assert made.labels["left"].text.startswith("Otsu") and made.labels["left"].text.endswith(" s")
    only_right, only_left = alone(window, qtbot, 0.0), alone(window, qtbot, 1.0)
    assert (only_left != only_right).any(axis=2).mean() > 0.01, "the two methods find other things"
    made.handle.set_position(0.5)
    width = window.workspace.canvas.width()
    for to_x in (width * 3 // 4, width // 4):
        drag(window, to_x)
        assert made.handle.line_x == to_x
        seen = picture(window, qtbot)
        assert (seen[:, :to_x] == only_left[:, :to_x]).all() and (seen[:, to_x:] == only_right[:, to_x:]).all()
    assert document(window) == before
    assert "torch" not in sys.modules.keys() - loaded


def test_keys_move_the_line_and_swap_the_sides_while_held(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    made = started(window, qtbot)
    canvas = window.workspace.canvas
    only_right, only_left = alone(window, qtbot, 0.0), alone(window, qtbot, 1.0)
    made.handle.set_position(0.5)
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert made.handle.position == pytest.approx(0.52)
    QTest.keyClick(canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert made.handle.position == pytest.approx(0.516)
    names = [made.labels[side].text for side in ("left", "right")]
    QTest.keyPress(canvas, Qt.Key.Key_Up)
    assert [made.labels[side].text for side in ("right", "left")] == names
    line = made.handle.line_x
    seen = picture(window, qtbot)
    assert (seen[:, :line] == only_right[:, :line]).all() and (seen[:, line:] == only_left[:, line:]).all()
    QTest.keyRelease(canvas, Qt.Key.Key_Up)
    assert [made.labels[side].text for side in ("left", "right")] == names


def test_the_card_tells_agreement_and_the_labels_score(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    made = started(window, qtbot)
    left, right = (made.desk.read_classes(side, Rect(0, 0, SIDE, SIDE)) for side in ("left", "right"))
    share = float((left == right).mean())
    assert made.figures.agreement == pytest.approx(share)
    assert f"{share * 100:.1f} %" in made.card.agreement.text() and made.card.against.isHidden()
    iou = ((left == 1) & (right == 1)).sum() / ((left == 1) | (right == 1)).sum()
    assert made.figures.classes[0].iou == pytest.approx(iou)
    transaction = window.session.begin("truth")
    transaction.write(Rect(0, 0, SIDE, SIDE), np.where(left == 1, transaction.ensure_stuff(1), 0).astype(np.uint16))
    assert window.session.commit(transaction)
    window.session.painted(Rect(0, 0, SIDE, SIDE))
    qtbot.waitUntil(lambda: not made.is_busy and made.figures.has_labels, timeout=20_000)
    assert made.figures.labels_iou == (pytest.approx(1.0), pytest.approx(iou))
    assert "left 1.000" in made.card.against.text() and made.card.against.isVisible()


def test_keep_makes_one_undoable_proposal_of_that_side(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    session = window.session
    made = started(window, qtbot)
    whole = Rect(0, 0, SIDE, SIDE)
    layer = made.desk.side("right").layer
    expected, sure = made.desk.read_classes("right", whole), layer.read_confidence(whole)
    steps = session.history.position
    QTest.mouseClick(made.card.keep_right, LEFT)
    qtbot.waitUntil(lambda: not made.is_on, timeout=20_000)
    assert (session.proposal.read_classes(whole) == expected).all()
    assert (session.proposal.read_confidence(whole)[expected > 0] == sure[expected > 0]).all()
    assert {segment.model_id for segment in session.proposal.segments.values()} == {LOCAL}
    qtbot.waitUntil(lambda: session.history.position == steps + 1, timeout=20_000)
    assert window.trigger("edit.undo")
    assert session.proposal.is_blank
    assert window.trigger("edit.redo")
    assert (session.proposal.read_classes(whole) == expected).all()


def test_escape_another_image_and_a_drawing_tool_close_it(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    session, toolbox, canvas = window.session, window.workspace.toolbox, window.workspace.canvas
    toolbox.select("brush")
    before = document(window)
    made = started(window, qtbot)
    assert toolbox.chosen_id == "pan", "a press moves the picture, it does not paint beneath"
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not made.is_on and toolbox.chosen_id == "brush" and document(window) == before
    assert made.handle.isHidden() and made.card.isHidden()

    started(window, qtbot)
    session.select_image(session.images[1].id)
    assert not made.is_on

    qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
    started(window, qtbot)
    assert window.trigger("tool.polygon")
    assert not made.is_on and toolbox.chosen_id == "polygon"
    assert canvas.isVisible()


def test_a_side_that_cannot_answer_says_why_and_the_other_stays(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    made = started(window, qtbot, "gone", OTSU)
    assert made.desk.side("left").state == "failed" and made.desk.side("right").state == "done"
    assert "gone" in made.labels["left"].text
    assert made.card.keep_right.isEnabled() and not made.card.keep_left.isEnabled()
    made = started(window, qtbot, OTSU, "classic/depth")
    assert made.desk.side("left").state == "done" and made.desk.side("right").state == "failed"
    assert made.labels["right"].text, "the depth method says what it misses"


def test_zoom_and_pan_go_on_while_comparing(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    made = started(window, qtbot)
    canvas = window.workspace.canvas
    line, view = made.handle.line_x, canvas.view
    canvas.zoom_in()
    assert canvas.view.zoom > view.zoom and made.handle.line_x == line
    settled(window, qtbot)
    at = QPoint(60, canvas.height() // 2)
    before = canvas.view.to_view(0, 0)
    QTest.mousePress(canvas, LEFT, pos=at)
    QTest.mouseMove(canvas, at + QPoint(30, 12))
    QTest.mouseRelease(canvas, LEFT, pos=at + QPoint(30, 12))
    assert canvas.view.to_view(0, 0) != before
    assert made.is_on


def test_the_dialog_asks_for_two_and_starts(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    window.workspace.jobs.models.choose(OTSU)
    assert window.trigger("model.compare")
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, CompareModelsDialog))
    assert dialog.left.currentData() == OTSU and dialog.right.currentData() not in (OTSU, None)
    dialog.right.setCurrentIndex(dialog.right.findData(OTSU))
    assert not dialog.accept_button.isEnabled() and "different" in dialog.note.text()
    dialog.right.setCurrentIndex(dialog.right.findData(LOCAL))
    dialog.part.setCurrentIndex(dialog.part.findData(True))
    QTest.mouseClick(dialog.accept_button, LEFT)
    made = comparison(window)
    assert made.is_on and made.desk.is_whole
    qtbot.waitUntil(lambda: not made.is_busy, timeout=60_000)
    assert [made.desk.side(side).model_id for side in ("left", "right")] == [OTSU, LOCAL]
    assert made.close()
    assert window.trigger("model.compare")
    again = next(w for w in QApplication.topLevelWidgets() if isinstance(w, CompareModelsDialog) and w.isVisible())
    assert again.right.currentData() == LOCAL, "the last one compared"
    again.reject()


def test_closing_while_a_model_is_at_work_stops_it_and_a_new_proposal_can_begin(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    models = window.workspace.jobs.models
    assert window.workspace.jobs.compare.start(OTSU, LOCAL)
    made = comparison(window)
    models.choose(OTSU)
    assert not models.propose([window.session.image_id]), "one thing at a time"
    assert window.job_strip.job_ids()
    QTest.mouseClick(made.card.close_button, LEFT)
    assert not made.is_on and window.job_strip.job_ids() == []
    qtbot.waitUntil(lambda: not made.is_busy, timeout=60_000)
    assert models.propose([window.session.image_id])
    qtbot.waitUntil(lambda: not models.is_proposing, timeout=60_000)
    assert window.session.proposals.has_proposal


def test_matching_classes_from_the_card_counts_anew(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    models = window.workspace.jobs.models
    models.presenter.set_mapping(models.presenter.entry(LOCAL).card, {1: None})
    assert window.session.class_editor.add("spot")
    spot = window.session.classes.by_name("spot").id
    models.presenter.set_mapping(models.presenter.entry(LOCAL).card, {1: spot})
    made = started(window, qtbot)
    assert "no class in common" in made.card.agreement.text() and made.card.match.isVisible()
    whole = Rect(0, 0, SIDE, SIDE)
    assert set(np.unique(made.desk.read_classes("right", whole))) == {0, spot}
    QTest.mouseClick(made.card.match, LEFT)
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, ClassMappingDialog) and w.isVisible())
    assert list(dialog.boxes) == [1]
    dialog.boxes[1].setCurrentIndex(dialog.boxes[1].findData(1))
    dialog.accept()
    qtbot.waitUntil(lambda: not made.is_busy and made.card.match.isHidden(), timeout=20_000)
    left, right = (made.desk.read_classes(side, whole) for side in ("left", "right"))
    assert set(np.unique(right)) == {0, 1}
    assert made.figures.agreement == pytest.approx(float((left == right).mean()))
