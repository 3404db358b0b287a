"""What next in the window: N by the real key, the Next panel by real clicks, a model's process that answers or fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.core.geometry import Rect
from segstudio.core.label_errors import Suspect, pack_mask
from segstudio.core.looks import Look
from segstudio.core.touched import is_touched
from segstudio.gui.panels.next_ import NextPanel
from segstudio.jobs import protocol
from segstudio.jobs.specs import LookSpec
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.registry import Catalog
from tests.gui.fake_threads import FakeThread, fake_threads
from tests.gui.window_help import open_project, open_window

LEFT = Qt.MouseButton.LeftButton
CARD = ModelCard("net", "Net", classes=("background", "road", "car"), weights=WeightsSource("built-in"))


@contextmanager
def window_with_panel(qtbot, tmp_path: Path, monkeypatch) -> Iterator[tuple]:
    """(window, panel, fake threads): three images of 64 × 48, a model «Net» chosen, the Next panel in front."""
    threads = fake_threads(monkeypatch)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=3)
        models = window.workspace.jobs.models
        monkeypatch.setattr(models, "current_entry", lambda: CatalogEntry(CARD))
        panel = window.workspace.docks.reveal("next")
        assert isinstance(panel, NextPanel)
        qtbot.waitUntil(panel.isVisible, timeout=5000)
        yield window, panel, threads


def cells_with(*spots: tuple[int, int, int]) -> np.ndarray:
    cells = np.zeros((1, 3, 4), np.uint8)
    for row, column, value in spots:
        cells[0, row, column] = value
    return cells


def look(uncertainty: float, cells: np.ndarray | None = None, features=(0.0,), suspects=()) -> Look:
    half = np.full(3, 1 / 3, np.float32)
    found = cells_with((1, 1, 200)) if cells is None else cells
    return Look(uncertainty, found, 16, np.array(features, np.float32), half * uncertainty, half, tuple(suspects))


def suspect(rect: Rect, label: int, model: int) -> Suspect:
    mask = np.ones((rect.height, rect.width), bool)
    return Suspect(rect, 0, label, model, 0.96, int(mask.sum()), pack_mask(mask))


def answer(thread: FakeThread, **looks: Look) -> None:
    """The model's process says what it found of the images im0, im1 …"""
    spec = thread.specs[-1]
    ids = {Path(task.path).stem: task.image_id for task in spec.tasks}
    for name, one in looks.items():
        thread.message_received.emit(protocol.ImageLooked(image_id=ids[name], look=one))


def put_looks(window, qtbot, **looks: Look) -> None:
    ids = {Path(record.name).stem: record.id for record in window.session.images}
    desk = window.session.what_next
    for name, one in looks.items():
        assert desk.receive(ids[name], one, ("net", "entropy", ""))
    desk.refresh()
    qtbot.waitUntil(lambda: len(desk.looked) == len(looks), timeout=5000)


def status_text(window) -> str:
    return " ".join(window.status_line.texts().values())


def click_row(view, row: int) -> None:
    QTest.mouseClick(view.viewport(), LEFT, pos=view.visualRect(view.model().index(row, 0)).center())


def test_a_click_lets_the_model_look_and_the_order_appears(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, threads):
        assert "let it look" in panel.status.text() and panel.images_model.rowCount() == 0
        QTest.mouseClick(panel.look_button, LEFT)
        (thread,) = threads
        spec = thread.specs[-1]
        assert isinstance(spec, LookSpec) and (spec.model, spec.measure) == ("net", "entropy")
        assert [task.size_px for task in spec.tasks] == [(64, 48)] * 3
        # «car» is no class of the project, and a look adds none.
        assert dict(spec.class_map) == {0: 0, 1: window.session.classes.by_name("road").id}
        assert panel.look_button.text() == "Stop looking"
        answer(thread, im0=look(0.1), im1=look(0.5), im2=look(0.3))
        thread.finished_job.emit({"images": 3, "failed": []})
        qtbot.waitUntil(lambda: panel.images_model.rowCount() == 3, timeout=5000)
        assert panel.images_model.index(0, 0).data().startswith("1.  im1.png\n50.0 % unsure")
        assert (
            panel.status.text() == "net looked at 3 of 3 images." and panel.look_button.text() == "Look at all images"
        )
        click_row(panel.images, 0)
        QTest.keyClick(panel.images, Qt.Key.Key_Return)
        assert window.session.image.name == "im1.png"
        QTest.mouseClick(panel.open_button, LEFT)  # the first that is not open already
        assert window.session.image.name == "im2.png"
        images = window.workspace.docks.reveal("images")
        images.sort.setFocus()
        QTest.keyClick(images.sort, Qt.Key.Key_End)
        assert [images.presenter.record(row).name for row in range(3)] == ["im1.png", "im2.png", "im0.png"]


def test_stopping_keeps_what_came_and_the_next_look_asks_for_the_rest(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, threads):
        QTest.mouseClick(panel.look_button, LEFT)
        answer(threads[-1], im0=look(0.1))
        QTest.mouseClick(panel.look_button, LEFT)
        assert threads[-1].calls == ["cancel"]
        threads[-1].cancelled.emit()
        qtbot.waitUntil(lambda: panel.images_model.rowCount() == 1, timeout=5000)
        QTest.mouseClick(panel.look_button, LEFT)
        assert [Path(task.path).stem for task in threads[-1].specs[-1].tasks] == ["im1", "im2"]
        threads[-1].cancelled.emit()


def test_a_process_that_dies_is_said_and_images_that_fail_are_named(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, threads):
        QTest.mouseClick(panel.look_button, LEFT)
        threads[-1].failed.emit("The model host died (signal 9).", "log")
        assert any("died" in message.sentence for message in window.notices.messages)
        assert not panel.control.is_looking
        window.notices.clear()
        QTest.mouseClick(panel.look_button, LEFT)
        task = threads[-1].specs[-1].tasks[0]
        threads[-1].message_received.emit(protocol.ImageFailed(image_id=task.image_id, sentence="im0 is damaged."))
        threads[-1].finished_job.emit({"images": 2, "failed": []})
        assert any("im0 is damaged" in message.sentence for message in window.notices.messages)


def test_n_goes_from_place_to_place_with_a_counter(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, _):
        canvas, places = window.workspace.canvas, window.session.what_next.places
        monkeypatch.setattr("segstudio.core.worst_places.SMALLEST_PX", 16)
        put_looks(window, qtbot, im0=look(0.2, cells_with((0, 0, 120), (2, 3, 250))))
        canvas.setFocus()
        QTest.keyClick(canvas, Qt.Key.Key_N)
        assert places.current.rect == Rect(48, 32, 16, 16)
        assert canvas.view.centre_xy == (56, 40)
        assert "place 1 of 2" in status_text(window)
        marked = canvas.grab().toImage()
        QTest.keyClick(canvas, Qt.Key.Key_N)
        assert places.current.rect == Rect(0, 0, 16, 16) and "place 2 of 2" in status_text(window)
        QTest.keyClick(canvas, Qt.Key.Key_N)
        assert places.current is None and "place" not in status_text(window)
        (message,) = window.notices.messages
        assert "All 2 uncertain" in message.sentence
        assert canvas.grab().toImage() != marked  # corners and number are gone
        QTest.mouseClick(message.buttons[0], LEFT)
        assert places.current.rect == Rect(48, 32, 16, 16)


def test_painting_reviews_a_place_and_shift_n_begins_an_object(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, _):
        session, canvas = window.session, window.workspace.canvas
        monkeypatch.setattr("segstudio.core.worst_places.SMALLEST_PX", 16)
        put_looks(window, qtbot, im0=look(0.2, cells_with((0, 0, 120), (2, 3, 250))))
        session.select_class(session.classes.by_name("road").id)
        canvas.setFocus()
        QTest.keyClick(canvas, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
        session.settings.set("brush.size_px", 60.0)
        window.workspace.toolbox.select("brush")
        at = canvas.view.to_view(56, 40)
        ratio = canvas.ratio
        QTest.mouseClick(canvas, LEFT, pos=QPoint(round(at[0] / ratio), round(at[1] / ratio)))
        assert session.active_object is not None  # Shift+N: the stroke made an object
        QTest.keyClick(canvas, Qt.Key.Key_N)
        assert session.what_next.places.current.rect == Rect(0, 0, 16, 16)
        assert "place 2 of 2" in status_text(window)


def test_shift_y_confirms_the_place_and_goes_on_to_the_next(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, _):
        session, canvas = window.session, window.workspace.canvas
        monkeypatch.setattr("segstudio.core.worst_places.SMALLEST_PX", 16)
        put_looks(window, qtbot, im0=look(0.2, cells_with((0, 0, 120), (2, 3, 250))))
        canvas.setFocus()
        QTest.keyClick(canvas, Qt.Key.Key_N)
        QTest.keyClick(canvas, Qt.Key.Key_Y, Qt.KeyboardModifier.ShiftModifier)
        touched = is_touched(session.labels, session.labels.bounds)
        assert touched[32:48, 48:64].all() and touched.sum() == 256
        assert "place 2 of 2" in status_text(window)
        session.undo()
        assert not is_touched(session.labels, session.labels.bounds).any()
        # Without a place it is what is in view.
        session.what_next.places.leave()
        canvas.show_rect(Rect(0, 0, 64, 48))
        QTest.keyClick(canvas, Qt.Key.Key_Y, Qt.KeyboardModifier.ShiftModifier)
        assert is_touched(session.labels, session.labels.bounds).all()


def test_n_where_no_model_looked_offers_to_look_here_and_goes_on_by_itself(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, threads):
        canvas = window.workspace.canvas
        canvas.setFocus()
        QTest.keyClick(canvas, Qt.Key.Key_N)
        (message,) = window.notices.messages
        assert "No model has looked" in message.sentence
        QTest.mouseClick(message.buttons[0], LEFT)
        assert [Path(task.path).stem for task in threads[-1].specs[-1].tasks] == ["im0"]
        answer(threads[-1], im0=look(0.3))
        threads[-1].finished_job.emit({"images": 1, "failed": []})
        assert window.session.what_next.places.current is not None


def test_a_suspect_is_shown_corrected_and_another_dismissed(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, _):
        session = window.session
        road, tree = (session.classes.by_name(name).id for name in ("road", "tree"))
        transaction = session.begin("paint")
        transaction.write(Rect(10, 10, 20, 20), transaction.ensure_stuff(road))
        session.commit(transaction)
        session.select_image(session.images[2].id)
        found = [suspect(Rect(10, 10, 20, 20), road, tree), suspect(Rect(40, 30, 8, 8), road, 0)]
        put_looks(window, qtbot, im0=look(0.2, suspects=found))
        QTest.mouseClick(panel.tabs, LEFT, pos=panel.tabs.tabRect(1).center())
        assert panel.tabs.tabText(1) == "Label errors (2)" and not panel.accept_button.isEnabled()
        assert panel.suspects_model.index(0, 0).data() == "road → tree\n96 % sure · 400 px · im0.png"
        click_row(panel.suspects, 0)
        assert session.image.name == "im0.png"
        qtbot.waitUntil(lambda: session.reader is not None, timeout=5000)
        assert window.workspace.canvas.visible_rect().contains(20, 20)
        QTest.mouseClick(panel.accept_button, LEFT)
        assert session.labels.pixel_counts() == {tree: 400}
        assert panel.suspects_model.rowCount() == 1
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert session.labels.pixel_counts() == {road: 400}
        click_row(panel.suspects, 0)
        QTest.mouseClick(panel.dismiss_button, LEFT)
        assert panel.suspects_model.rowCount() == 0 and session.labels.pixel_counts() == {road: 400}


def test_the_choices_are_kept_and_reach_the_model(qtbot, tmp_path, monkeypatch):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, threads):
        panel.measure.setFocus()
        QTest.keyClick(panel.measure, Qt.Key.Key_Down)
        QTest.keyClick(panel.basis, Qt.Key.Key_Down)
        settings = window.settings
        assert (settings.text("next.measure"), settings.text("next.basis")) == ("margin", "uncertainty")
        QTest.mouseClick(panel.look_button, LEFT)
        assert threads[-1].specs[-1].measure == "margin"
        threads[-1].cancelled.emit()
        settings.set("next.measure", "models")
        QTest.mouseClick(panel.look_button, LEFT)
        assert "no earlier model" in window.notices.messages[-1].sentence


@pytest.mark.parametrize("task", ["classic", "semantic"])
def test_what_stands_in_the_way_of_looking_is_said(qtbot, tmp_path, monkeypatch, task):
    with window_with_panel(qtbot, tmp_path, monkeypatch) as (window, panel, threads):
        if task == "classic":
            classic = Catalog(None).find("classic/otsu")
            monkeypatch.setattr(window.workspace.jobs.models, "current_entry", lambda: classic)
        else:
            put_looks(window, qtbot, im0=look(0.1), im1=look(0.2), im2=look(0.3))
        QTest.mouseClick(panel.look_button, LEFT)
        words = "classic method" if task == "classic" else "has looked at every image"
        assert words in window.notices.messages[-1].sentence and not threads
