"""Exporting in the window: format, subset, splits and tiles, what is lost before it is, a look, the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QDate, QDateTime, QPoint, Qt, QTime, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from segstudio.core.errors import UserError
from segstudio.gui.dialogs.export import ExportDialog
from segstudio.gui.dialogs.export_report import ExportReportDialog
from segstudio.io.formats.base import REPORT_NAME, Checks, ExportReport, Loss, Selection, Tiling
from segstudio.io.formats.preview import Picture, Pictures
from segstudio.jobs.exchange_looks import ExportLook, ExportPicturesSpec
from segstudio.jobs.specs import ExportSpec, LossesSpec
from tests.gui.fake_threads import fake_threads
from tests.gui.window_help import open_project, open_window

LEFT = Qt.MouseButton.LeftButton
REAL_MS = 180_000


@contextmanager
def exporting(qtbot, tmp_path: Path, *, is_labelled: bool = False) -> Iterator[tuple]:
    """(window, dialog) of a project of two images."""
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        for record in window.session.images if is_labelled else ():
            window.session.select_image(record.id)
            transaction = window.session.begin("test")
            mask = np.ones((20, 20), bool)
            mask[5:9, 5:9] = False
            transaction.paint(mask, 10, 10, transaction.new_object(window.session.classes[0].id))
            window.session.commit(transaction)
        assert window.trigger("file.export")
        dialog = window.findChild(ExportDialog)
        dialog.first.folder.setText(str(tmp_path / "out"))
        yield window, dialog
        if window.findChild(ExportDialog) is not None:  # It goes once it is closed.
            dialog.reject()


def specs(made: list, kind: type) -> list:
    return [spec for thread in made for spec in thread.specs if isinstance(spec, kind)]


def answering(made: list, kind: type):
    """The thread that was asked this last."""
    return next(thread for thread in reversed(made) if thread.specs and isinstance(thread.specs[-1], kind))


def test_the_pages_make_the_spec(qtbot, tmp_path: Path) -> None:
    with exporting(qtbot, tmp_path) as (window, dialog):
        window.session.set_status([window.session.images[1].id], "done")
        first, second = dialog.first, dialog.second
        first.formats.setFocus()
        first.choose("masks")
        QTest.keyClick(first.formats, Qt.Key.Key_Down)
        QTest.keyClick(first.formats, Qt.Key.Key_Down)
        assert first.entry.id == "coco" and "COCO" in first.title.text() and "objects" in first.holds.text()
        QTest.mouseClick(first.options.fields["polygons"], LEFT, pos=QPoint(8, 8))
        QTest.mouseClick(dialog.next_button, LEFT)
        second.images.setCurrentIndex(second.images.findData("done"))
        second.classes.item(1).setCheckState(Qt.CheckState.Checked)
        QTest.mouseClick(second.only_classes, LEFT, pos=QPoint(8, 8))
        QTest.mouseClick(second.has_dates, LEFT, pos=QPoint(8, 8))
        second.since.setDate(QDate(2026, 1, 2))
        second.until.setDate(QDate(2026, 1, 3))
        second.split.setCurrentIndex(1)
        second.together.setCurrentIndex(1)
        second.seed.setValue(7)
        QTest.mouseClick(second.has_tiles, LEFT, pos=QPoint(8, 8))
        second.tile.setValue(256)
        second.overlap.setValue(32)
        spec = dialog.spec()
        assert (spec.format, spec.out, spec.seed) == ("coco", str(tmp_path / "out"), 7)
        assert spec.split == "train=0.7,val=0.15,test=0.15" and spec.split_by == "folder"
        assert spec.options == (("polygons", True), ("stuff", True))
        begin = QDateTime(QDate(2026, 1, 2), QTime(0, 0)).toSecsSinceEpoch()
        wanted = Selection(("done",), (), ("tree",), begin, begin + 2 * 86400 - 0.001, only_classes=True)
        assert spec.select == wanted and spec.tiles == Tiling(256, 32, True)
        assert spec.image_ids == tuple(record.id for record in window.session.images)


def test_all_labelled_as_they_are_is_the_plain_export(qtbot, tmp_path: Path) -> None:
    with exporting(qtbot, tmp_path) as (_, dialog):
        spec = dialog.spec()
        assert spec.image_ids is None and spec.select == Selection() and spec.split == "" and spec.tiles is None
        dialog.second.split.setCurrentIndex(dialog.second.split.findData("project"))
        assert dialog.spec().split == "project" and dialog.spec().split_by == "file"


def test_what_stands_in_the_way_is_said_and_the_page_stays(qtbot, tmp_path: Path, monkeypatch) -> None:
    fake_threads(monkeypatch)
    with exporting(qtbot, tmp_path) as (_, dialog):
        dialog.first.folder.setText(str(tmp_path / "pictures"))
        QTest.mouseClick(dialog.next_button, LEFT)
        assert dialog.page == 0 and "already" in dialog.problem
        dialog.first.folder.setText(str(tmp_path / "out"))
        assert not dialog.problem
        QTest.mouseClick(dialog.next_button, LEFT)
        second = dialog.second
        second.split.setCurrentIndex(1)
        second.shares["test"].setValue(50)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert dialog.page == 1 and "add up" in dialog.problem
        second.shares["test"].setValue(15)
        second.together.setCurrentIndex(2)
        for text, word in (("", "pattern"), ("(", "cannot be read")):
            second.pattern.setText(text)
            QTest.mouseClick(dialog.next_button, LEFT)
            assert dialog.page == 1 and word in dialog.problem
        second.pattern.setText(r"^(\w)")
        second.has_tiles.setChecked(True)
        second.overlap.setValue(512)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert dialog.page == 1 and "overlap" in dialog.problem
        second.overlap.setValue(0)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert dialog.page == 2 and not dialog.problem


def test_what_is_lost_is_told_before_anything_is_written(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with exporting(qtbot, tmp_path) as (window, dialog):
        dialog.first.choose("yolo-seg")
        assert "holes" in dialog.first.lacks.text()
        QTest.mouseClick(dialog.next_button, LEFT)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert not dialog.next_button.isEnabled()
        picture = Picture("im0", np.zeros((9, 12, 3), np.uint8), np.ones((9, 12), np.uint16), np.zeros((9, 12), bool))
        look = ExportLook(2, 2, Pictures((picture,) * 2, ("road",), ("#ff0000",)))
        answering(made, ExportPicturesSpec).finished_job.emit(look)
        assert dialog.row.count == 2 and dialog.summary.text() == "2 of 2 images as YOLO segmentation"
        losses = (Loss("holes", "2 objects in 2 images have holes that are filled.", 2, 2),)
        answering(made, LossesSpec).finished_job.emit(losses)
        assert dialog.table.rowCount() == 1 and "holes" in dialog.table.item(0, 0).text()
        assert dialog.next_button.text() == "Export all the same" and dialog.next_button.isEnabled()
        # Back, another format: counted anew, and then nothing is lost.
        QTest.mouseClick(dialog.back_button, LEFT)
        QTest.mouseClick(dialog.back_button, LEFT)
        dialog.first.choose("coco")
        QTest.mouseClick(dialog.next_button, LEFT)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert not dialog.next_button.isEnabled() and specs(made, LossesSpec)[-1].export.format == "coco"
        answering(made, LossesSpec).finished_job.emit(())
        assert dialog.next_button.text() == "Export" and "Nothing is lost" in dialog.state.text()
        assert not specs(made, ExportSpec)
        QTest.mouseClick(dialog.next_button, LEFT)
        assert specs(made, ExportSpec)[-1].format == "coco" and not dialog.isVisible()
        assert window.session.meta("export")["format"] == "coco"


def test_nothing_to_export_is_a_sentence(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with exporting(qtbot, tmp_path) as (_, dialog):
        QTest.mouseClick(dialog.next_button, LEFT)
        QTest.mouseClick(dialog.next_button, LEFT)
        answering(made, LossesSpec).failed.emit("No image of the project has labels yet.", "")
        assert "labels yet" in dialog.problem and not dialog.next_button.isEnabled()


def test_an_export_is_looked_at_written_checked_and_reported(qtbot, tmp_path: Path, monkeypatch) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    with exporting(qtbot, tmp_path, is_labelled=True) as (window, dialog):
        dialog.first.choose("masks")
        QTest.mouseClick(dialog.next_button, LEFT)
        QTest.mouseClick(dialog.next_button, LEFT)
        qtbot.waitUntil(lambda: dialog.losses is not None and dialog.row.count == 2, timeout=REAL_MS)
        assert [loss.kind for loss in dialog.losses] == ["objects"]
        assert not (tmp_path / "out").exists()
        QTest.mouseClick(dialog.next_button, LEFT)
        qtbot.waitUntil(lambda: not window.workspace.jobs.exports.running, timeout=REAL_MS)
        assert (tmp_path / "out" / "masks" / "im0.png").is_file()
        assert json.loads((tmp_path / "out" / REPORT_NAME).read_text())["images"] == 2
        message = window.notices.messages[-1]
        QTest.mouseClick(next(b for b in message.findChildren(QPushButton) if b.text() == "Report"), LEFT)
        report = window.findChild(ExportReportDialog)
        assert "2 objects" in report.text.toPlainText()
        QTest.mouseClick(report.open_button, LEFT)
        assert opened == [QUrl.fromLocalFile(str(tmp_path / "out"))]
        report.close()


@pytest.mark.parametrize("skipped", [(), (("im1.png", "The image is gone."),)])
def test_the_report_says_all(qtbot, skipped) -> None:
    losses = (Loss("ignore", "4 ignored pixels in 1 image are written as unlabelled.", 1, 4),) if skipped else ()
    report = ExportReport(
        "voc",
        Path("/data/out"),
        3,
        {"train": 2, "val": 1},
        skipped,
        (),
        losses,
        Checks("importer", 3, 9216, 5),
        1 if skipped else 0,
    )
    dialog = ExportReportDialog(None, report)
    qtbot.addWidget(dialog)
    text = dialog.text.toPlainText()
    assert ("gone" in text and "4 ignored" in text and "stopped" in text) == bool(skipped)
    dialog.close()


def test_a_spec_of_nothing_is_refused(qtbot, tmp_path: Path) -> None:
    with exporting(qtbot, tmp_path) as (_, dialog):
        dialog.first.folder.setText(" ")
        with pytest.raises(UserError, match="No folder"):
            dialog.spec()
