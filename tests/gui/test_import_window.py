"""Importing labels in the window: wizard, classes, what comes, drops, undo; with real clicks, keys and processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPushButton

from segstudio.app.session import data_folder
from segstudio.core.geometry import Rect
from segstudio.gui.dialogs import format_texts
from segstudio.gui.dialogs.import_tables import BECOMES
from segstudio.gui.import_control import details_text
from segstudio.io.formats.base import Problem
from segstudio.io.formats.preview import Picture, Pictures
from segstudio.io.formats.table import formats
from segstudio.io.importing.plan import (
    ImportPlan,
    ImportReport,
    ImportRequest,
    ImportRow,
    PlannedClass,
    StagedImport,
)
from segstudio.jobs.exchange_looks import ImportPicturesSpec
from segstudio.jobs.specs import PlanImportSpec, StageImportSpec
from tests.gui.fake_threads import fake_threads
from tests.gui.window_help import make_images, open_project, open_window

LEFT = Qt.MouseButton.LeftButton
REAL_MS = 180_000
"""For what another process does on a busy machine."""


def dataset(folder: Path, images: int = 2, *, square: int = 20) -> Path:
    """The masks format: grey pictures, a square of class 3 «street», ignored on top, and a class nothing is of."""
    (folder / "masks").mkdir(parents=True)
    make_images(folder / "images", images)
    for index in range(images):
        mask = np.zeros((48, 64), np.uint8)
        mask[10 : 10 + square, 10:30] = 3
        mask[:2] = 255
        Image.fromarray(mask).save(folder / "masks" / f"im{index}.png")
    rows = [{"value": 3, "name": "Roads", "color": "#ff0000"}, {"value": 7, "name": "kerb", "color": "#00ff00"}]
    (folder / "classes.json").write_text(json.dumps(rows))
    return folder


def drop(widget, *paths: Path) -> None:
    """Drag files over a widget and let go."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    modifiers = Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(20, 20), action, data, LEFT, modifiers))
    QApplication.sendEvent(widget, QDropEvent(QPointF(20, 20), action, data, LEFT, modifiers))


def plan_of(request: ImportRequest, **changes) -> ImportPlan:
    """Two images of the project and one that is missing; a class like the project's road, and one that is not."""
    rows = (
        ImportRow("comes", "im0.png", image_id=1, objects=3, pixels=400),
        ImportRow("conflict", "im1.png", "The image is 64 × 48 pixels but its labels are 10 × 10."),
        ImportRow("missing", "gone.png", "The image is not in the project."),
    )
    classes = (
        PlannedClass("Roads", "#ff0000", 3, "road", False, ("road", "tree")),
        PlannedClass("kerb", "#00ff00", 7, "kerb", True),
    )
    problems = (Problem("x.json", "A polygon has fewer than three points.", 4),)
    values = {"format": "coco", "guesses": (("coco", 95),), "rows": rows, "classes": classes, "problems": problems}
    return ImportPlan(request, **{**values, **changes})


@contextmanager
def wizard(qtbot, tmp_path: Path, made: list, **changes) -> Iterator[tuple]:
    """(window, dialog) on a plan of fakes, its first page filled."""
    source = tmp_path / "set"
    source.mkdir()
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        assert window.trigger("file.import")
        dialog = window.workspace.importing.dialog
        assert dialog.focusWidget() is dialog.first.source
        QTest.keyClicks(dialog.first.source, str(source))
        qtbot.waitUntil(lambda: bool(made and made[-1].specs))  # without Enter: when the hand rests
        spec = made[-1].specs[-1]
        assert isinstance(spec, PlanImportSpec) and spec.request.source == source and not spec.reads_labels
        made[-1].finished_job.emit(plan_of(spec.request, **changes))
        yield window, dialog
        if window.workspace.importing.dialog is not None:
            dialog.reject()


# -- the whole way ------------------------------------------------------------------------------------------------


def test_a_dropped_dataset_comes_in_is_undone_and_comes_only_once(qtbot, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "pictures")  # the project's own images, and masks beside them
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        session, importing = window.session, window.workspace.importing
        session.add_images([folder / "images" / "im0.png"])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)
        drop(window, folder)
        qtbot.waitUntil(lambda: importing.dialog is not None, timeout=REAL_MS)
        dialog = importing.dialog
        qtbot.waitUntil(lambda: dialog.plan is not None, timeout=REAL_MS)
        assert dialog.first.format_id == "masks" and "2 images" in dialog.first.state.text()
        qtbot.waitUntil(lambda: dialog.first.row.count == 2, timeout=REAL_MS)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert dict(dialog.classes.mapping()) == {"Roads": "road", "kerb": "kerb"}
        assert "1 matched, 1 new" in dialog.class_state.text()
        QTest.mouseClick(dialog.next_button, LEFT)
        qtbot.waitUntil(lambda: dialog.plan.has_counts, timeout=REAL_MS)
        assert dialog.last.rows.kinds() == {"comes": 1, "new image": 1}
        QTest.mouseClick(dialog.next_button, LEFT)
        qtbot.waitUntil(lambda: not window.workspace.jobs.imports.is_running, timeout=REAL_MS)
        assert importing.dialog is None and "2 images" in window.notices.messages[-1].sentence

        def classes() -> list[str]:
            ids = session.labels.read_classes(Rect(0, 0, 64, 48))
            return sorted({getattr(session.classes.by_id(int(i)), "name", str(i)) for i in np.unique(ids)})

        assert len(session.images) == 2 and classes() == ["0", "65535", "road"]
        said = window.notices.messages[-1]
        QTest.mouseClick(next(b for b in said.findChildren(QPushButton) if b.text() == "Undo"), LEFT)
        assert classes() == ["0"] and session.classes.by_name("kerb") is None
        assert window.trigger("edit.redo") and classes() == ["0", "65535", "road"]
        # The same once more changes nothing, and there is nothing to press.
        drop(window.workspace.canvas, folder)
        qtbot.waitUntil(lambda: importing.dialog is not None, timeout=REAL_MS)
        again = importing.dialog
        qtbot.waitUntil(lambda: again.plan is not None, timeout=REAL_MS)
        QTest.mouseClick(again.next_button, LEFT)
        QTest.mouseClick(again.next_button, LEFT)
        qtbot.waitUntil(lambda: again.plan.has_counts, timeout=REAL_MS)
        assert again.last.rows.kinds() == {"unchanged": 2} and not again.next_button.isEnabled()
        QTest.keyClick(again, Qt.Key.Key_Escape)
        assert importing.dialog is None


# -- dropping -----------------------------------------------------------------------------------------------------


def test_images_are_opened_as_before(qtbot, tmp_path: Path) -> None:
    files = make_images(tmp_path / "plain", 2)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        drop(window, files[0])
        assert len(window.session.images) == 3
        drop(window, tmp_path / "plain")
        qtbot.waitUntil(lambda: len(window.session.images) == 4, timeout=REAL_MS)
        assert window.workspace.importing.dialog is None


def test_a_dataset_dropped_on_the_start_page_makes_a_project_that_goes_with_cancel(
    qtbot, tmp_path: Path, monkeypatch
) -> None:
    fake_threads(monkeypatch)
    folder = dataset(tmp_path / "masks of mine")
    with open_window(qtbot) as window:
        importing = window.workspace.importing
        drop(window, folder)
        qtbot.waitUntil(lambda: importing.dialog is not None, timeout=REAL_MS)
        project = window.session.folder
        assert project.parent == data_folder() / "projects" and project.is_dir()
        assert importing.dialog.first.path == folder
        QTest.mouseClick(importing.dialog.cancel_button, LEFT)
        assert not window.session.is_open and not project.exists() and not list(window.recent)
        # Only its images: then the project stays.
        drop(window, folder)
        qtbot.waitUntil(lambda: importing.dialog is not None, timeout=REAL_MS)
        QTest.mouseClick(importing.dialog.images_button, LEFT)
        qtbot.waitUntil(lambda: len(window.session.images) > 0, timeout=REAL_MS)
        assert window.session.folder == project


def test_a_zip_is_taken_for_a_dataset_without_looking(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    (tmp_path / "set.zip").write_bytes(b"PK")
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        drop(window, tmp_path / "set.zip")
        dialog = window.workspace.importing.dialog
        made[-1].failed.emit("The archive is damaged: set.zip. Get it again.", "")
        assert "damaged" in dialog.first.state.text() and not dialog.next_button.isEnabled()
        dialog.reject()


# -- the pages ----------------------------------------------------------------------------------------------------


def test_classes_are_matched_by_hand(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with wizard(qtbot, tmp_path, made) as (window, dialog):
        QTest.mouseClick(dialog.next_button, LEFT)
        view = dialog.class_view
        place = view.visualRect(dialog.classes.index(1, BECOMES)).center()
        QTest.mouseClick(view.viewport(), LEFT, pos=place)
        box = view.viewport().findChild(QComboBox)
        assert [box.itemText(row) for row in range(box.count())] == ["road", "tree", "kerb (new class)", "left out"]
        QTest.keyClick(box, Qt.Key.Key_Up)
        assert dict(dialog.classes.mapping()) == {"Roads": "road", "kerb": "tree"}
        QTest.mouseClick(dialog.class_buttons[2], LEFT)
        assert dict(dialog.classes.mapping()) == {"Roads": "", "kerb": ""} and "2 left out" in dialog.class_state.text()
        QTest.mouseClick(dialog.class_buttons[1], LEFT)
        assert dict(dialog.classes.mapping()) == {"Roads": "Roads", "kerb": "kerb"}
        QTest.mouseClick(dialog.class_buttons[0], LEFT)
        dialog.classes.choose(1, "")
        QTest.mouseClick(dialog.next_button, LEFT)
        spec = next(thread.specs[-1] for thread in made if isinstance(thread.specs[-1], PlanImportSpec))
        assert spec.reads_labels and spec.expected == 3 and spec.request.mapping == (("Roads", "road"), ("kerb", ""))


def test_what_comes_is_told_by_kind_and_the_request_carries_every_choice(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with wizard(qtbot, tmp_path, made) as (window, dialog):
        looks = next(thread for thread in made if isinstance(thread.specs[-1], ImportPicturesSpec))
        picture = Picture(
            "im0.png", np.zeros((9, 12, 3), np.uint8), np.ones((9, 12), np.uint16), np.zeros((9, 12), bool)
        )
        looks.finished_job.emit(Pictures((picture,), ("Roads",), ("#ff0000",)))
        assert dialog.first.row.count == 1
        QTest.mouseClick(dialog.next_button, LEFT)
        QTest.mouseClick(dialog.next_button, LEFT)
        last = dialog.last
        assert last.rows.kinds() == {"comes": 1, "missing": 1, "conflict": 1, "note": 1}
        assert "Labels for 1 image, 2 left out." in last.summary.text()
        last.kinds.setFocus()
        for _ in range(last.kinds.findData("note")):
            QTest.keyClick(last.kinds, Qt.Key.Key_Down)
        assert last.rows.rowCount() == 1 and "4 ×" in last.rows.index(0, 3).data()
        QTest.mouseClick(last.own_layer, LEFT, pos=QPoint(8, 8))
        last.name.selectAll()
        QTest.keyClicks(last.name, "second reader")
        QTest.mouseClick(last.copies_images, LEFT, pos=QPoint(8, 8))
        QTest.mouseClick(dialog.next_button, LEFT)
        spec = made[-1].specs[-1]
        assert isinstance(spec, StageImportSpec)
        request = spec.request
        assert request.into_new_layer and request.layer_name == "second reader" and request.copies_images
        window.refresh_actions()
        assert request.format == "coco" and not window.binder.is_enabled("file.import")
        made[-1].cancelled.emit()
        assert not window.workspace.jobs.imports.is_running and window.binder.action("file.import") is not None


def test_nothing_that_comes_is_nothing_to_press(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    rows = (ImportRow("unchanged", "im0.png", image_id=1),)
    with wizard(qtbot, tmp_path, made, rows=rows) as (_, dialog):
        QTest.mouseClick(dialog.next_button, LEFT)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert not dialog.next_button.isEnabled() and "1 there already" in dialog.last.summary.text()


def test_a_format_that_is_not_recognised_is_chosen(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    (tmp_path / "odd").mkdir()
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.workspace.importing.ask(tmp_path / "odd")
        dialog = window.workspace.importing.dialog
        made[-1].failed.emit("odd: No known format of labels. Say which it is with --format.", "")
        assert dialog.first.state.property("danger") and "Choose the format." in dialog.first.state.text()
        assert not dialog.next_button.isEnabled()
        dialog.first.format.setFocus()
        row = dialog.first.format.findData("labelme")
        for _ in range(row):
            QTest.keyClick(dialog.first.format, Qt.Key.Key_Down)
        assert made[-1].specs[-1].request.format == "labelme"
        assert "line_width" in dict(made[-1].specs[-1].request.options)
        made[-1].finished_job.emit(plan_of(made[-1].specs[-1].request, format="labelme", guesses=()))
        assert dialog.next_button.isEnabled()
        dialog.reject()


def test_a_failed_import_leaves_nothing_and_can_be_tried_again(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        dropped = []
        monkeypatch.setattr(window.session.imports, "drop", lambda: dropped.append(1))
        imports = window.workspace.jobs.imports
        request = ImportRequest(tmp_path / "set", "coco")
        assert imports.start(request, 2) and not imports.start(request)
        made[-1].failed.emit("The disk is full. Make room.", "details")
        message = window.notices.messages[-1]
        assert message.sentence == "The disk is full. Make room." and dropped and not imports.is_running
        QTest.mouseClick(next(b for b in message.findChildren(QPushButton) if b.text() == "Try again"), LEFT)
        assert imports.is_running and made[-1].specs[-1].request == request
        made[-1].cancelled.emit()
        assert not imports.is_running and len(dropped) == 2


def test_what_is_refused_is_dropped_and_what_was_left_out_is_told(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        plan = plan_of(ImportRequest(tmp_path / "set"))
        monkeypatch.setattr(window.session.imports, "take", lambda staged: ImportReport(staged.plan, 0, 1, 5))
        window.workspace.jobs.imports.start(plan.request)
        made[-1].finished_job.emit(StagedImport(plan))
        message = window.notices.messages[-1]
        assert "1 image" in message.sentence and "2 images left out" in message.sentence
        text = details_text(ImportReport(plan, 0, 1, 5))
        assert "gone.png: The image is not in the project." in text and "(4 ×)" in text


# -- texts --------------------------------------------------------------------------------------------------------


def test_every_format_and_option_has_its_words() -> None:
    for entry in formats().values():
        assert format_texts.title_of(entry) and format_texts.about(entry), entry.id
        for is_reading, options in ((False, entry.options), (True, entry.reader_options)):
            table = format_texts.READER_OPTIONS if is_reading else format_texts.OPTIONS
            named = {row[0] for row in table.get(entry.id, ())}
            assert set(options) <= named, f"{entry.id}: {set(options) - named} has no title in format_texts"


@pytest.mark.parametrize("format_id", list(formats()))
def test_what_a_format_holds_is_said_in_words(qtbot, format_id: str) -> None:
    held, lacks = format_texts.holds(formats()[format_id])
    assert held and not set(held) & set(lacks)
