"""The session: projects, images, edits, undo, failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Said, classes_of, paint

from segstudio.app.session import Session
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.records import WritePendingError

BOX = Rect(10, 20, 30, 40)


def test_a_stroke_is_on_disk_and_undo_survives_reopening(
    session: Session, make_session: Callable[[], Session], tmp_path: Path
) -> None:
    paint(session, BOX, 2)
    before = classes_of(session).copy()
    session.close_project()
    other = make_session()
    assert other.open_project(tmp_path / "project")
    assert np.array_equal(classes_of(other), before) and before[20, 10] == 2
    assert other.undo() and not classes_of(other).any()
    assert other.redo() and np.array_equal(classes_of(other), before)


def test_project_opens_where_it_was_left(session: Session, make_session: Callable[[], Session], tmp_path: Path) -> None:
    session.select_image(2)
    session.select_class(2)
    session.remember_view(2, {"x": 5.0, "zoom": 3.0})
    session.close_project()
    other = make_session()
    other.open_project(tmp_path / "project")
    assert other.image_id == 2 and other.current_class_id == 2 and other.view_of(2) == {"x": 5.0, "zoom": 3.0}
    assert other.reader is not None


def test_layer_changed_says_where(session: Session) -> None:
    heard: list[tuple[int, Rect]] = []
    session.layer_changed.connect(lambda layer_id, rect: heard.append((layer_id, rect)))
    transaction = session.begin("x")
    assert transaction is not None and session.labels is not None
    dirty = transaction.paint(np.ones((5, 6), bool), 1, 2, session.paint_segment(transaction))
    session.painted(dirty)
    session.commit(transaction)
    assert heard == [(session.labels.id, Rect(1, 2, 6, 5))]
    session.undo()
    assert heard[-1][1] == session.labels.bounds  # a row of the segment table went too


def test_status_follows_the_first_stroke_and_done_is_toggled(session: Session) -> None:
    changed: list[int] = []
    session.image_record_changed.connect(changed.append)
    paint(session, BOX)
    paint(session, BOX.moved(5, 0))
    assert session.image is not None and session.image.status == "in_progress" and changed == [1]
    session.settings.set("work.advances_when_done", False)
    session.toggle_done()
    assert session.image.status == "done"
    session.toggle_done()
    assert session.image.status == "in_progress"
    assert session.store is not None and session.store.images()[0].status == "in_progress"


def test_undoing_the_only_stroke_leaves_the_image_unlabelled_again(session: Session) -> None:
    paint(session, BOX)
    paint(session, BOX.moved(20, 0))
    session.undo()
    assert session.image is not None and session.image.status == "in_progress"
    session.undo()
    assert session.image.status == "unlabelled"
    session.redo()
    assert session.image.status == "in_progress"


def test_done_goes_on_to_the_next_image(session: Session) -> None:
    session.toggle_done()
    assert session.image_id == 2 and session.image_record(1).status == "done"  # type: ignore[union-attr]


def test_next_and_previous_follow_the_shown_order(session: Session) -> None:
    session.set_order([3, 1])
    session.select_image(3)
    assert session.next_image() and session.image_id == 1
    assert not session.next_image() and session.image_id == 1
    assert session.previous_image() and session.image_id == 3
    session.set_order([1, 2, 3])
    session.set_status([1], "done")
    assert session.next_image(unlabelled=True) and session.image_id == 2  # 3 was last: it goes round


def test_undo_is_per_image(session: Session) -> None:
    paint(session, BOX)
    session.select_image(2)
    assert not session.undo()
    session.select_image(1)
    assert classes_of(session).any() and session.undo() and not classes_of(session).any()


def test_history_jumps(session: Session) -> None:
    for step in range(4):
        paint(session, BOX.moved(50 * step, 0))
    session.go_to_history(1)
    assert session.history is not None and session.history.position == 1
    assert np.count_nonzero(classes_of(session)) == BOX.width * BOX.height
    session.go_to_history(4)
    assert np.count_nonzero(classes_of(session)) == 4 * BOX.width * BOX.height


def test_abort_leaves_no_trace(session: Session) -> None:
    transaction = session.begin("x")
    assert transaction is not None
    transaction.paint(np.ones((5, 6), bool), 1, 2, session.paint_segment(transaction))
    session.abort(transaction)
    session.abort(transaction)
    assert not classes_of(session).any() and not session.history.can_undo  # type: ignore[union-attr]


def test_beginning_twice_abandons_the_first(session: Session) -> None:
    first = session.begin("x")
    assert first is not None
    first.paint(np.ones((5, 6), bool), 1, 2, session.paint_segment(first))
    assert session.begin("y") is not None and not first.is_open and not classes_of(session).any()


def test_a_failing_disk_is_said_once_and_nothing_is_lost(
    session: Session, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = session.store
    assert store is not None
    paint(session, BOX)
    journal = store._journal
    real = journal._write

    def full(*args: object) -> int:
        raise UserError("The disk is full", path=store.folder, remedy="make room")

    monkeypatch.setattr(journal, "_write", full)
    paint(session, BOX.moved(50, 0))
    paint(session, BOX.moved(100, 0))
    assert len(said) == 1 and "disk is full" in said[0] and session.has_unsaved
    assert np.count_nonzero(classes_of(session)) == 3 * BOX.width * BOX.height
    session.select_image(2)
    session.select_image(3)
    session.select_image(1)
    assert np.count_nonzero(classes_of(session)) == 3 * BOX.width * BOX.height
    assert not session.close_project() and session.is_open
    assert session.undo() and session.redo()
    monkeypatch.setattr(journal, "_write", real)
    assert session.retry_writing() and not session.has_unsaved
    assert "on disk again" in said[-1]
    folder = session.folder
    assert folder is not None and session.close_project() and session.open_project(folder)
    assert np.count_nonzero(classes_of(session)) == 3 * BOX.width * BOX.height


def test_failure_is_a_user_error() -> None:
    assert issubclass(WritePendingError, UserError)


def test_read_only_project_refuses_with_one_notice(
    session: Session, make_session: Callable[[], Session], tmp_path: Path, said: Said
) -> None:
    paint(session, BOX)
    second = make_session()
    assert second.open_project(tmp_path / "project") and second.is_read_only
    assert second.begin("x") is None and second.begin("y") is None
    assert not second.undo() and second.class_editor.add("new") is None
    second.set_status([1], "done")
    second.toggle_done()
    assert len([text for text in said if "read-only" in text]) == 1
    assert classes_of(second)[20, 10] == 1


def test_asynchronous_reader_and_stale_answers(session: Session) -> None:
    asked: list[int] = []
    session.open_reader = lambda record, file: asked.append(record.id)
    closed: list[object] = []
    session.close_reader = closed.append
    session.select_image(2)
    session.select_image(3)
    from segstudio.io.readers.registry import open_image

    assert asked == [2, 3] and session.reader is None
    stale = open_image(session.store.image_file(session.image_record(2)))  # type: ignore[union-attr, arg-type]
    session.set_reader(2, stale)
    assert session.reader is None and stale in closed
    session.reader_failed(2, "late")
    assert session.reader_error == ""
    fresh = open_image(session.store.image_file(session.image_record(3)))  # type: ignore[union-attr, arg-type]
    session.set_reader(3, fresh)
    assert session.reader is fresh
    stale.close()


def test_a_missing_file_is_said_and_labels_stay(session: Session, said: Said, pictures: list[Path]) -> None:
    session.select_image(2)
    paint(session, BOX)
    session.select_image(1)
    pictures[1].unlink()
    session.select_image(2)
    assert session.reader is None and "im1.png" in session.reader_error and session.reader_error in said
    assert classes_of(session)[20, 10] == 1


def test_an_image_that_changed_its_size_is_refused(session: Session, said: Said, pictures: list[Path]) -> None:
    from PIL import Image

    Image.new("RGB", (100, 50)).save(pictures[2])
    session.select_image(3)
    assert session.reader is None and "100×50" in said[-1] and "im2.png" in said[-1]


def test_open_paths_makes_a_project_for_loose_images(
    make_session: Callable[[], Session], pictures: list[Path], tmp_path: Path, said: Said
) -> None:
    session = make_session()
    assert session.open_paths([pictures[0].parent])
    assert len(session.images) == 3 and session.folder is not None and session.folder.is_relative_to(tmp_path / "data")
    assert any(str(session.folder) in text for text in said)
    session.close_project()
    assert session.open_paths(pictures[:1]) and len(session.images) == 3  # the same project again


def test_open_paths_with_nothing_there(make_session: Callable[[], Session], tmp_path: Path, said: Said) -> None:
    session = make_session()
    assert not session.open_paths([tmp_path / "nothing.png"])
    assert not session.is_open and "nothing.png" in said[-1]


def test_opening_no_project_is_one_sentence(make_session: Callable[[], Session], tmp_path: Path, said: Said) -> None:
    session = make_session()
    assert not session.open_project(tmp_path) and len(said) == 1


def test_removing_the_current_image_goes_on(session: Session) -> None:
    session.remove_images([1])
    assert session.image_id == 2 and [record.id for record in session.images] == [2, 3]
    session.remove_images([2, 3])
    assert session.image_id is None and session.images == ()


def test_objects_new_active_deleted(session: Session) -> None:
    session.new_object()
    paint(session, BOX)
    first = session.active_object
    assert first is not None and [segment.id for segment in session.objects()] == [first]
    paint(session, BOX.moved(100, 0))
    assert len(session.objects()) == 1  # strokes go on into the active object
    session.select_object(None)
    paint(session, BOX.moved(200, 0))
    assert len(session.objects()) == 1
    assert session.set_object_class(first, 2) and classes_of(session)[20, 10] == 2
    assert session.delete_object(first) and classes_of(session)[20, 10] == 0 and session.objects() == []
    assert session.undo() and classes_of(session)[20, 10] == 2


def test_all_selected_objects_are_deleted_as_one_step(session: Session) -> None:
    session.set_object_mode(True)
    for step in range(3):
        paint(session, BOX.moved(100 * step, 0))
    ids = [segment.id for segment in session.objects()]
    session.select_objects(ids[:2])
    assert session.delete_object() and [s.id for s in session.objects()] == ids[2:]
    assert session.undo() and [s.id for s in session.objects()] == ids


def test_object_mode_makes_one_each(session: Session) -> None:
    session.set_object_mode(True)
    paint(session, BOX)
    paint(session, BOX.moved(100, 0))
    assert len(session.objects()) == 2


def test_aborting_a_new_object_keeps_the_wish(session: Session) -> None:
    session.new_object()
    transaction = session.begin("x")
    assert transaction is not None
    session.paint_segment(transaction)
    session.abort(transaction)
    assert session.active_object is None and session.wants_new_object


def test_swap_and_number_keys(session: Session) -> None:
    session.select_class_number(2)
    session.swap_classes()
    assert session.current_class_id == 1
    session.swap_classes()
    assert session.current_class_id == 2
    session.select_class_number(9)
    assert session.current_class_id == 2


def test_clear_labels_keeps_locked_classes(session: Session) -> None:
    paint(session, BOX, 1)
    paint(session, BOX.moved(100, 0), 2)
    session.class_editor.set_locked(1, True)
    assert session.clear_labels()
    assert classes_of(session)[20, 10] == 1 and classes_of(session)[20, 110] == 0
    session.undo()
    assert classes_of(session)[20, 110] == 2


def test_threshold_and_overlay_are_settings(session: Session) -> None:
    heard: list[float] = []
    session.threshold_changed.connect(heard.append)
    session.set_min_confidence(0.4)
    session.settings.set("proposal.min_confidence", 0.6)
    assert heard == [0.4, 0.6] and session.min_confidence == 0.6
    changes: list[int] = []
    session.overlay_changed.connect(lambda: changes.append(1))
    session.settings.set("overlay.opacity", 0.2)
    assert session.overlay.opacity == 0.2 and changes == [1]


def test_display_is_remembered_with_the_image(session: Session) -> None:
    from segstudio.core.display import DisplaySettings

    session.set_display(DisplaySettings(low=3, high=9, bands=(2, 1, 0)))
    session.select_image(2)
    assert session.display is None
    session.select_image(1)
    assert session.display == DisplaySettings(low=3, high=9, bands=(2, 1, 0))
