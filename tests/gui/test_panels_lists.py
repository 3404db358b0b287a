"""The panels of images, classes, objects and history, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from panel_help import paint, project
from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtWidgets import QLineEdit, QWidget

from segstudio.app.session import Session
from segstudio.core.geometry import Rect
from segstudio.gui.panels.class_list import EYE, LOCK, MIME, NAME
from segstudio.gui.panels.classes import ClassesPanel
from segstudio.gui.panels.history import HistoryPanel
from segstudio.gui.panels.images import ImagesPanel
from segstudio.gui.panels.objects import ObjectsPanel


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = project(tmp_path)
    yield session
    session.close_project(discard=True)


@pytest.fixture
def images(session: Session, qtbot) -> Iterator[ImagesPanel]:  # type: ignore[no-untyped-def]
    panel = ImagesPanel(session)
    qtbot.addWidget(panel)
    panel.resize(300, 500)
    panel.show()
    yield panel
    panel.shut_down()


@pytest.fixture
def classes(session: Session, qtbot) -> ClassesPanel:  # type: ignore[no-untyped-def]
    panel = ClassesPanel(session)
    qtbot.addWidget(panel)
    panel.resize(300, 400)
    panel.show()
    return panel


def click(qtbot, view, index) -> None:  # type: ignore[no-untyped-def]
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())


def test_images_follow_the_session_and_the_mouse(session: Session, images: ImagesPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    click(qtbot, images.list, images.model.index(2))
    assert session.image_id == 3 and images.selected_ids() == [3]
    session.previous_image()
    assert images.selected_ids() == [2]
    qtbot.keyClick(images.list, Qt.Key.Key_Up)
    assert session.image_id == 1


def test_images_filter_by_typing(session: Session, images: ImagesPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    qtbot.keyClicks(images.filter, "im2")
    assert images.model.rowCount() == 1 and "1 of 3" in images.count.text()
    images.status.setCurrentIndex(images.status.findData("done"))
    assert images.model.rowCount() == 0
    session.set_status([3], "done")
    assert images.model.rowCount() == 1


def test_thumbnails_come_from_a_worker(images: ImagesPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    def has_all() -> bool:
        images.list.viewport().repaint()
        kept = images.pictures._kept
        return len(kept) == 3 and not any(picture.isNull() for picture in kept.values())

    qtbot.waitUntil(has_all, timeout=10_000)


def test_images_context_menu_acts_on_the_selection(session: Session, images: ImagesPanel) -> None:
    images.list.selectAll()
    menu = images.context_menu()
    next(action for action in menu.actions() if "done" in action.text()).trigger()
    assert {record.status for record in session.images} == {"done"}
    menu.deleteLater()


def test_removing_images_asks_first(session: Session, images: ImagesPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(images, "confirm", lambda count: asked.append(count))
    images.remove([0, 1])
    assert asked == [2] and len(session.images) == 3
    monkeypatch.setattr(images, "confirm", lambda count: True)
    images.remove([0, 1])
    assert [record.id for record in session.images] == [3] and images.model.rowCount() == 1


def test_file_names_are_no_markup(session: Session, images: ImagesPanel) -> None:
    from dataclasses import replace

    record = session.images[0]
    session._records[1] = replace(record, name="<b>x</b>.png", path="<img src=x>")
    tip = images.model.data(images.model.index(0), Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip and "&lt;img" in tip


def test_classes_click_chooses_eye_and_lock(session: Session, classes: ClassesPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    click(qtbot, classes.view, classes.model.index(1, NAME))
    assert session.current_class_id == 2
    click(qtbot, classes.view, classes.model.index(0, EYE))
    click(qtbot, classes.view, classes.model.index(1, LOCK))
    assert not session.classes[0].is_visible and session.classes[1].is_locked
    assert session.current_class_id == 2, "eye and lock choose no class"
    session.select_class(1)
    assert classes.selected_rows() == [0]


def test_classes_by_keyboard(session: Session, classes: ClassesPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    classes.view.setFocus()
    classes.view.setCurrentIndex(classes.model.index(0, EYE))
    qtbot.keyClick(classes.view, Qt.Key.Key_Space)
    assert not session.classes[0].is_visible
    classes.view.setCurrentIndex(classes.model.index(0, NAME))
    qtbot.keyClick(classes.view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert [item.name for item in session.classes] == ["tree", "road"] and classes.selected_rows() == [1]


def test_adding_a_class_lets_its_name_be_typed(session: Session, classes: ClassesPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    qtbot.mouseClick(classes.add_button, Qt.MouseButton.LeftButton)
    editor = classes.view.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    qtbot.keyClicks(editor, "sky")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.classes.by_name("sky") is not None)  # the view commits when it is idle
    assert session.current_class_id == 3


def test_deleting_says_where_it_is_used(
    session: Session, classes: ClassesPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(session, Rect(0, 0, 10, 10))
    asked: list[tuple[list[str], int, int]] = []
    monkeypatch.setattr(classes, "confirm", lambda *what: asked.append(what))
    classes.view.setCurrentIndex(classes.model.index(0, NAME))
    classes.delete()
    assert asked == [(["road"], 1, 100)] and len(session.classes) == 2
    classes.view.setCurrentIndex(classes.model.index(1, NAME))
    classes.delete()  # used nowhere: no question
    assert len(asked) == 1 and [item.name for item in session.classes] == ["road"]


def test_merging_and_colours(session: Session, classes: ClassesPanel) -> None:
    paint(session, Rect(0, 0, 10, 10))
    colors = classes.color_menu(0)
    colors.actions()[3].trigger()
    assert session.classes[0].color == colors.actions()[3].text()
    classes.view.setCurrentIndex(classes.model.index(0, NAME))
    merge = classes.merge_menu()
    assert [action.text() for action in merge.actions()] == ["tree"]
    merge.actions()[0].trigger()
    assert [item.name for item in session.classes] == ["tree"]
    assert session.labels is not None and session.labels.pixel_counts() == {2: 100}
    colors.deleteLater()
    merge.deleteLater()


def test_dropping_a_row_reorders(session: Session, classes: ClassesPanel) -> None:
    session.class_editor.add("sky")
    data = classes.model.mimeData([classes.model.index(0, NAME)])
    assert isinstance(data, QMimeData) and data.hasFormat(MIME)
    classes.model.dropMimeData(data, Qt.DropAction.MoveAction, 3, 0, classes.model.index(-1, -1))
    assert [item.name for item in session.classes] == ["tree", "sky", "road"]


def test_objects_panel(session: Session, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel = ObjectsPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.hint.isVisible()
    qtbot.mouseClick(panel.mode_button, Qt.MouseButton.LeftButton)
    assert session.is_object_mode
    paint(session, Rect(0, 0, 10, 10))
    paint(session, Rect(30, 30, 10, 12), 2)
    assert panel.model.rowCount() == 2 and not panel.hint.isVisible()
    click(qtbot, panel.view, panel.model.index(1))
    assert session.active_object is not None and session.current_class_id == 1
    with qtbot.waitSignal(panel.reveal_requested) as asked:
        panel.view.doubleClicked.emit(panel.model.index(0))
    assert asked.args == [Rect(30, 30, 10, 12)]
    qtbot.mouseClick(panel.delete_button, Qt.MouseButton.LeftButton)
    assert panel.model.rowCount() == 1


def test_history_click_jumps(session: Session, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel = HistoryPanel(session)
    qtbot.addWidget(panel)
    panel.resize(300, 400)
    panel.show()
    paint(session, Rect(0, 0, 10, 10))
    paint(session, Rect(20, 0, 10, 10))
    assert panel.model.rowCount() == 3
    click(qtbot, panel.view, panel.model.index(0))
    assert session.labels is not None and session.labels.pixel_counts() == {}
    assert panel.redo_button.isEnabled() and not panel.undo_button.isEnabled()
    qtbot.mouseClick(panel.redo_button, Qt.MouseButton.LeftButton)
    assert session.labels.pixel_counts() == {1: 100}
    assert panel.view.currentIndex().row() == 1


@pytest.mark.parametrize("kind", [ImagesPanel, ClassesPanel, ObjectsPanel, HistoryPanel])
def test_every_control_has_a_name_and_can_be_reached(session: Session, qtbot, kind: type[QWidget]) -> None:  # type: ignore[no-untyped-def]
    from PySide6.QtWidgets import QAbstractItemView, QAbstractSpinBox, QComboBox, QToolButton

    panel = kind(session)  # type: ignore[call-arg]
    qtbot.addWidget(panel)
    found = [w for t in (QToolButton, QComboBox, QAbstractItemView, QAbstractSpinBox) for w in panel.findChildren(t)]
    # Qt's own parts (the clear button of a field, the list of a combo box) name themselves.
    own = [w for w in found if not w.objectName().startswith("qt_") and w.parent() is panel]
    assert own
    for widget in own:
        assert widget.accessibleName(), widget
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget
    if isinstance(panel, ImagesPanel):
        panel.shut_down()


def test_panels_survive_closing_the_project(session: Session, images: ImagesPanel, classes: ClassesPanel) -> None:
    session.close_project()
    assert images.model.rowCount() == 0 and classes.model.rowCount() == 0 and not images.add.isEnabled()
    assert images.list.indexAt(QPoint(5, 5)).row() == -1
