"""The list of runs: ticked, compared, reported, resumed, deleted with real clicks; the confusion matrix on screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import QFile, QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QStyle, QStyleOptionViewItem
from run_folders import make_run
from window_help import open_project, open_window

from segstudio.gui import theme
from segstudio.gui.dialogs.run_report import RunReportDialog
from segstudio.gui.dialogs.runs import IOU, NAME, STATE, RunsDialog
from segstudio.gui.main_window import MainWindow
from segstudio.gui.panels.confusion_view import ConfusionView

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """What was handed to the browser or the file manager."""
    shown: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: shown.append(QUrl(url).toLocalFile()))
    return shown


@pytest.fixture
def window(qtbot, tmp_path) -> Iterator[MainWindow]:
    with open_window(qtbot) as made:
        open_project(made, tmp_path, qtbot, images=1)
        runs = tmp_path / "project" / "runs"
        make_run(runs / "first", lr=1e-3)
        make_run(runs / "second", (0.1, 0.7, 0.8, 0.75), lr=5e-4, start_from="long-" * 60)
        make_run(runs / "early", epochs=9)
        (make_run(runs / "bad") / "config.json").write_text("{")
        yield made


def shown_dialog(window: MainWindow, qtbot, action: str, kind: type):
    window.trigger(action)
    qtbot.waitUntil(
        lambda: bool([w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]),
        timeout=10_000,
    )
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())


@pytest.fixture
def dialog(window: MainWindow, qtbot) -> Iterator[RunsDialog]:
    made = shown_dialog(window, qtbot, "train.runs", RunsDialog)
    qtbot.waitUntil(lambda: made.table.rowCount() == 4, timeout=10_000)
    yield made
    if shiboken6.isValid(made):
        made.reject()
    qtbot.waitUntil(
        lambda: not [w for w in QApplication.topLevelWidgets() if isinstance(w, RunsDialog)], timeout=10_000
    )


def row_of(dialog: RunsDialog, name: str) -> int:
    return next(row for row in range(dialog.table.rowCount()) if dialog.table.item(row, NAME).text() == name)


def click_row(dialog: RunsDialog, name: str) -> None:
    item = dialog.table.item(row_of(dialog, name), STATE)
    QTest.mouseClick(dialog.table.viewport(), LEFT, pos=dialog.table.visualItemRect(item).center())


def tick(dialog: RunsDialog, name: str) -> None:
    """Click into the box before the name."""
    table, index = dialog.table, dialog.table.model().index(row_of(dialog, name), NAME)
    option = QStyleOptionViewItem()
    option.rect = table.visualRect(index)
    option.features |= QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
    option.widget = table
    box = table.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, table)
    QTest.mouseClick(table.viewport(), LEFT, pos=box.center())


def figures(dialog: RunsDialog) -> dict[str, list[str]]:
    table = dialog.figures
    return {
        table.item(r, 0).text(): [table.item(r, c).text() for c in range(1, table.columnCount())]
        for r in range(table.rowCount())
    }


def test_ticked_runs_lie_over_each_other_and_their_differences_are_listed(dialog: RunsDialog, qtbot) -> None:
    click_row(dialog, "second")
    qtbot.waitUntil(lambda: list(dialog.curves.drawn) == ["second"], timeout=10_000)
    assert (
        "Learning rate" not in figures(dialog) and dialog.table.item(row_of(dialog, "second"), IOU).text() == "0.8000"
    )
    tick(dialog, "first")
    tick(dialog, "second")
    qtbot.waitUntil(lambda: len(dialog.curves.drawn) == 2, timeout=10_000)
    assert dialog.curves.drawn == {"first": [0.2, 0.6, 0.5], "second": [0.1, 0.7, 0.8, 0.75]}
    rows = figures(dialog)
    by_head = [dialog.figures.horizontalHeaderItem(c).text() for c in (1, 2)]
    assert set(by_head) == {"first", "second"}
    assert dict(zip(by_head, rows["IoU road"], strict=True)) == {"first": "0.6000", "second": "0.8000"}
    assert sorted(next(values for title, values in rows.items() if set(values) == {"0.0010", "0.0005"})) == [
        "0.0005",
        "0.0010",
    ]
    dialog.resize(1120, 640)
    qtbot.waitUntil(lambda: dialog.figures.width() > 400, timeout=10_000)
    assert dialog.figures.horizontalScrollBar().maximum() == 0  # long values are cut, and said whole by their tooltips
    tick(dialog, "first")
    qtbot.waitUntil(lambda: list(dialog.curves.drawn) == ["second"], timeout=10_000)


def test_a_damaged_run_says_why_and_can_only_be_deleted(dialog: RunsDialog) -> None:
    click_row(dialog, "bad")
    assert dialog.table.item(row_of(dialog, "bad"), STATE).text() == "damaged" and "no JSON" in dialog.note.text()
    assert (
        not dialog.use_button.isEnabled() and not dialog.resume_button.isEnabled() and dialog.delete_button.isEnabled()
    )


def test_reports_are_written_and_opened(
    dialog: RunsDialog, window: MainWindow, qtbot, tmp_path, opened: list[str]
) -> None:
    click_row(dialog, "first")
    QTest.mouseClick(dialog.report_button, LEFT)
    page = tmp_path / "project" / "runs" / "first" / "report.html"
    qtbot.waitUntil(lambda: opened == [str(page)], timeout=10_000)
    assert "Run first" in page.read_text()
    tick(dialog, "first")
    tick(dialog, "second")
    assert dialog.report_button.text() == "Report of the comparison"
    QTest.mouseClick(dialog.report_button, LEFT)
    qtbot.waitUntil(lambda: len(opened) == 2, timeout=10_000)
    assert "2 runs compared" in (tmp_path / "project" / "runs" / "comparison.html").read_text()
    QTest.mouseClick(dialog.folder_button, LEFT)
    assert opened[2].startswith(str(tmp_path / "project" / "runs"))


def test_going_on_with_a_run_takes_its_own_plan(dialog: RunsDialog, window: MainWindow, tmp_path, monkeypatch) -> None:
    plans = []
    monkeypatch.setattr(window.workspace.jobs.training, "start", lambda plan: not plans.append(plan))
    click_row(dialog, "first")
    assert not dialog.resume_button.isEnabled()  # it is finished
    click_row(dialog, "early")
    QTest.mouseClick(dialog.resume_button, LEFT)
    assert len(plans) == 1 and plans[0].is_resumed and plans[0].out == str(tmp_path / "project" / "runs" / "early")
    assert not dialog.isVisible()


def test_using_a_run_makes_its_model_the_current_one(dialog: RunsDialog, window: MainWindow, monkeypatch) -> None:
    chosen = []
    monkeypatch.setattr(window.workspace.jobs.models, "choose", chosen.append)
    click_row(dialog, "second")
    QTest.mouseClick(dialog.use_button, LEFT)
    assert chosen == ["runs/second"]


@pytest.mark.parametrize("has_trash", [False, True])
def test_deleting_asks_and_then_the_run_is_gone(
    dialog: RunsDialog, qtbot, tmp_path, monkeypatch, has_trash: bool
) -> None:
    folder = tmp_path / "project" / "runs" / "second"
    binned = []

    def move(path: str) -> tuple[bool, str]:
        binned.append(path)
        if has_trash:
            folder.rename(tmp_path / "trash")
        return has_trash, ""

    monkeypatch.setattr(QFile, "moveToTrash", move)

    def answer(text: str) -> None:
        click_row(dialog, "second")
        QTest.mouseClick(dialog.delete_button, LEFT)
        box = next(w for w in dialog.findChildren(QMessageBox) if w.isVisible())
        assert "second" in box.text()
        button = next(b for b in box.findChildren(QPushButton) if b.text() == text)
        QTest.mouseClick(button, LEFT)
        qtbot.waitUntil(lambda: not dialog.findChildren(QMessageBox), timeout=10_000)

    answer("Keep")
    assert folder.is_dir() and not binned and dialog.table.rowCount() == 4
    answer("Delete")
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 3, timeout=10_000)
    assert not folder.exists() and binned == [str(folder)] and (tmp_path / "project" / "runs" / "first").is_dir()


def test_the_report_of_a_run_from_the_menu(window: MainWindow, qtbot, tmp_path, opened: list[str]) -> None:
    dialog = shown_dialog(window, qtbot, "train.report", RunReportDialog)
    dialog.runs.setCurrentIndex(dialog.runs.findData("first"))
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(opened), timeout=10_000)
    assert opened == [str(tmp_path / "project" / "runs" / "first" / "report.html")]


def test_without_runs_it_says_so(qtbot, tmp_path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        dialog = shown_dialog(window, qtbot, "train.runs", RunsDialog)
        qtbot.waitUntil(lambda: "No runs yet" in dialog.note.text(), timeout=10_000)
        assert not any(
            b.isEnabled() for b in (dialog.use_button, dialog.report_button, dialog.delete_button, dialog.folder_button)
        )
        dialog.reject()


def view_of(qtbot, names, counts) -> ConfusionView:
    theme.theme_manager().apply("light")
    view = ConfusionView()
    qtbot.addWidget(view)
    view.resize(600, 420)
    view.show_confusion(names, counts)
    view.show()
    return view


def test_the_matrix_draws_its_cells_and_each_says_itself(qtbot) -> None:
    view = view_of(qtbot, ["ground", "road"], [[90, 10], [0, 100]])
    matrix = view.matrix
    image = matrix.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)

    def color(row: int, column: int):
        return image.pixelColor(matrix.cell_rect(row, column).topLeft() + QPoint(3, 3))

    assert color(1, 1) == theme.color("accent") and color(1, 0) == image.pixelColor(2, 2)  # nothing is drawn there
    assert color(0, 1) != color(1, 0)
    QTest.mouseClick(matrix, LEFT, pos=matrix.cell_rect(0, 1).center())
    assert matrix.current_hint() == "ground → road: 10.00 % (10 px)" == matrix.accessibleDescription()
    QTest.keyClick(matrix, Qt.Key.Key_Down)
    assert matrix.current_hint() == "road → road: 100.00 % (100 px)"
    QTest.keyClick(matrix, Qt.Key.Key_Down)
    assert matrix.current_hint().startswith("road → road")  # the last row


def test_forty_classes_scroll_and_no_matrix_is_said(qtbot) -> None:
    count = 40
    view = view_of(
        qtbot, [f"class {i}" for i in range(count)], [[int(r == c) for c in range(count)] for r in range(count)]
    )
    assert view.matrix.cell_px() >= 20 and view.matrix.height() > view.viewport().height()
    assert view.verticalScrollBar().maximum() > 0 and view.horizontalScrollBar().maximum() > 0
    view.show_confusion(["a"], [[1, 2]])
    assert "no square" in view.matrix.problem and view.matrix.cell_at(QPoint(5, 5)) is None
