"""Several label layers of an image: adding, naming, order, deleting with undo, reopening, exports, combinations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segstudio.app.presenters.regions import area_rows
from segstudio.app.region_desk import RegionDesk
from segstudio.app.region_requests import AreaChoice
from segstudio.app.session import Session
from segstudio.core.geometry import Rect


def paint(session: Session, rect: Rect, class_id: int) -> None:
    session.select_class(class_id)
    transaction = session.begin("test")
    assert transaction is not None
    transaction.write(rect, transaction.ensure_stuff(class_id))
    assert session.commit(transaction)


def names(session: Session) -> list[str]:
    return [row.name for row in session.layer_editor.rows()]


def active(session: Session) -> str:
    return next(row.name for row in session.layer_editor.rows() if row.is_active)


def classes(session: Session) -> np.ndarray:
    assert session.labels is not None
    return session.labels.read_classes(session.labels.bounds)


def test_tools_paint_on_the_chosen_layer_and_undo_reaches_all(session: Session) -> None:
    paint(session, Rect(10, 10, 20, 20), 1)
    assert session.layer_editor.add("vessels")
    assert names(session) == ["vessels", "labels"] and active(session) == "vessels"
    paint(session, Rect(15, 15, 30, 30), 2)
    upper, lower = session.layer_editor.rows()
    assert (classes(session)[15:45, 15:45] == 2).all()
    session.layer_editor.choose(lower.id)
    assert (classes(session)[10:30, 10:30] == 1).all(), "the layer below kept what lies under the other"
    session.undo()
    session.layer_editor.choose(upper.id)
    assert not classes(session).any(), "undo reaches the layer that is not worked on"


def test_layers_are_as_before_when_the_project_is_opened_again(session: Session) -> None:
    paint(session, Rect(10, 10, 20, 20), 1)
    editor = session.layer_editor
    one = editor.add("one")
    two = editor.add()
    assert one is not None and two is not None
    paint(session, Rect(0, 0, 5, 5), 2)
    assert editor.rename(one, "cells") and not editor.rename(one, "labels")
    assert editor.move(two, -2)
    assert names(session) == ["cells", "labels", "layer 2"]
    folder, image_id = session.folder, session.image_id
    session.close_project()
    assert folder is not None and session.open_project(folder) and image_id is not None
    session.select_image(image_id)
    assert names(session) == ["cells", "labels", "layer 2"] and active(session) == "layer 2"
    assert (classes(session)[:5, :5] == 2).all()


def test_deleting_a_layer_is_taken_back_by_undo(session: Session, said: list[str]) -> None:
    editor = session.layer_editor
    paint(session, Rect(10, 10, 20, 20), 1)
    assert not editor.delete(editor.rows()[0].id) and "only layer" in said[-1]
    second = editor.add("second")
    assert second is not None
    paint(session, Rect(50, 50, 20, 20), 2)
    assert editor.delete(second)
    assert names(session) == ["labels"] and active(session) == "labels"
    session.undo()
    assert names(session) == ["second", "labels"]
    editor.choose(second)
    assert (classes(session)[50:70, 50:70] == 2).all()
    session.redo()
    assert names(session) == ["labels"] and active(session) == "labels"
    folder, image_id = session.folder, session.image_id
    session.close_project()
    assert folder is not None and session.open_project(folder) and image_id is not None
    session.select_image(image_id)
    assert names(session) == ["labels"]


def test_a_locked_class_keeps_its_layer(session: Session, said: list[str]) -> None:
    second = session.layer_editor.add()
    assert second is not None
    paint(session, Rect(50, 50, 20, 20), 2)
    session.class_editor.set_locked(2, True)
    assert not session.layer_editor.delete(second) and "locked" in said[-1]
    assert len(names(session)) == 2


def test_combining_layers_into_the_active_one(session: Session) -> None:
    paint(session, Rect(10, 10, 20, 20), 1)
    lower = session.labels
    second = session.layer_editor.add("second")
    assert lower is not None and second is not None
    paint(session, Rect(20, 10, 20, 20), 2)
    desk = RegionDesk(session)
    keys = [key for _, _, key in area_rows(session, desk.label_layers())]
    assert f"{lower.id}:0" in keys and f"{second}:2" in keys
    session.select_class(2)
    session.settings.set("regions.boolean_op", "intersection")
    assert desk.apply("boolean", areas=(AreaChoice(lower.id), AreaChoice(second)))
    truth = np.zeros_like(classes(session))
    truth[10:30, 20:30] = 2
    assert (classes(session) == truth).all()


def test_other_images_have_their_own(session: Session, make_session: Callable[[], Session]) -> None:
    assert session.layer_editor.add("only here")
    first = session.image_id
    session.select_image(next(record.id for record in session.images if record.id != first))
    assert names(session) == ["labels"]
    assert first is not None
    session.select_image(first)
    assert names(session) == ["only here", "labels"] and active(session) == "only here"
