"""Class operations: each undoable, in every image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import Said, classes_of, paint

from segstudio.app.class_editor import WhereUsed
from segstudio.app.presenters.classes import ClassesPresenter
from segstudio.app.session import Session
from segstudio.core.geometry import Rect

BOX = Rect(10, 20, 30, 40)


def test_each_operation_is_undone(session: Session) -> None:
    editor, start = session.class_editor, session.classes
    steps = [
        lambda: editor.add("sky"),
        lambda: editor.rename(1, "street"),
        lambda: editor.recolour(1, "#123456"),
        lambda: editor.set_mask_value(1, 7),
        lambda: editor.move(2, 0),
        lambda: editor.set_visible(1, False),
        lambda: editor.set_locked(2, True),
        lambda: editor.show_only(2),
    ]
    tables = [start]
    for step in steps:
        assert step()
        tables.append(session.classes)
    assert len({str(list(table)) for table in tables}) == len(tables)
    for table in reversed(tables[:-1]):
        assert session.undo() and list(session.classes) == list(table)
    for table in tables[1:]:
        assert session.redo() and list(session.classes) == list(table)


def test_duplicate_name_is_refused_with_a_sentence(session: Session, said: Said) -> None:
    assert session.class_editor.add("ROAD") is None
    assert not session.class_editor.rename(2, "road")
    assert len(said) == 2 and [item.name for item in session.classes] == ["road", "tree"]


def test_added_class_is_chosen_and_gets_a_free_name(session: Session) -> None:
    first = session.class_editor.add()
    assert first == session.current_class_id and session.class_editor.add() != first
    assert len({item.name for item in session.classes}) == 4


def test_where_used_delete_and_undo_in_every_image(
    session: Session, make_session: Callable[[], Session], tmp_path: Path
) -> None:
    paint(session, BOX, 1)
    session.select_image(2)
    paint(session, BOX, 1)
    assert session.class_editor.where_used(1) == WhereUsed(2, 2 * BOX.width * BOX.height)
    assert session.class_editor.where_used(2) == WhereUsed(0, 0)
    assert session.class_editor.delete(1)
    assert session.current_class_id == 2 and not classes_of(session).any()
    session.select_image(1)
    assert not classes_of(session).any()
    session.close_project()
    other = make_session()
    other.open_project(tmp_path / "project")
    assert other.undo()
    assert [item.name for item in other.classes] == ["road", "tree"] and classes_of(other)[20, 10] == 1
    other.select_image(2)
    assert classes_of(other)[20, 10] == 1


def test_merge_gives_all_to_one(session: Session) -> None:
    paint(session, BOX, 1)
    paint(session, BOX.moved(100, 0), 2)
    assert session.class_editor.merge([1], 2)
    assert [item.id for item in session.classes] == [2]
    assert classes_of(session)[20, 10] == 2 and classes_of(session)[20, 110] == 2
    session.undo()
    assert classes_of(session)[20, 10] == 1


def test_class_ids_are_never_used_again(session: Session) -> None:
    added = session.class_editor.add("sky")
    assert added is not None and session.class_editor.delete(added)
    assert session.class_editor.add("sea") != added


def test_undoing_an_added_class_that_is_in_use_is_refused(session: Session, said: Said) -> None:
    session.class_editor.add("sky")
    session.select_image(2)
    paint(session, BOX)
    session.select_image(1)
    assert not session.undo()
    assert "sky" in said[-1] and session.classes.by_name("sky") is not None
    assert session.history is not None and session.history.can_undo


def test_presenter_rows_follow(session: Session) -> None:
    presenter = ClassesPresenter(session)
    changes: list[int] = []
    presenter.changed.connect(lambda: changes.append(1))
    session.class_editor.rename(1, "street")
    row = presenter.rows[0]
    assert (row.name, row.key, row.is_current) == ("street", "1", True) and changes
    assert presenter.move(0, 1) and presenter.rows[1].name == "street" and presenter.rows[1].key == "2"
    presenter.select(0)
    assert presenter.current_row == 0
    paint(session, BOX)
    assert presenter.where_used([0]) == WhereUsed(1, BOX.width * BOX.height)
    assert presenter.delete([0, 1]) is True and presenter.rows == ()
