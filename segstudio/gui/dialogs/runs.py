"""The runs of a project: figures of each, curves of some over each other, what differs; use, report, go on, delete."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QFile, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.runs import RunsPresenter
from segstudio.core.errors import UserError
from segstudio.gui.dialogs.common import PlainDialog, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import plain, swatch
from segstudio.gui.panels.run_curves import RunCurves, run_color
from segstudio.ml.runs.differences import value_text

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace
    from segstudio.ml.runs.record import RunRecord

NAME, STATE, NETWORK, EPOCHS, IOU, DICE, TIME = range(7)
COLUMN_PX = 72


class RunsDialog(PlainDialog):
    """A list with a box to tick before each run; what is shown at the right is of the ticked ones, else of the current one."""

    def __init__(self, workspace: Workspace, project: Any) -> None:
        super().__init__(workspace.window, tr("Runs"), 1120, 640)
        self._workspace, self._jobs = workspace, workspace.jobs
        self.presenter = RunsPresenter(project)
        self._is_closed = False
        self.table = self._make_table()
        self.note = muted(tr("Reading the runs…"))
        self.curves = RunCurves()
        self.figures = _plain_table(tr("Figures and differences"))
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        for side in (self._make_left(), self._make_right()):
            self._split.addWidget(side)
        self._split.setSizes([600, 480])
        self.column.addWidget(self._split, 1)
        self.column.addLayout(self._make_buttons())
        self._jobs.training.state_changed.connect(self.reload)
        self._show_current()
        self.reload()

    # -- building ----------------------------------------------------------------------------------------------------

    def _make_table(self) -> QTableWidget:
        table = _plain_table(tr("Runs of this project"))
        titles = (tr("Run"), tr("State"), tr("Network"), tr("Epochs"), tr("mean IoU"), tr("Dice"), tr("Time"))
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(list(titles))
        table.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in range(len(titles)):
            side = Qt.AlignmentFlag.AlignLeft if column < EPOCHS else Qt.AlignmentFlag.AlignRight
            table.horizontalHeaderItem(column).setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.currentCellChanged.connect(self._on_current)
        table.itemChanged.connect(self._on_ticked)
        return table

    def _make_left(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 8, 0)
        column.addWidget(self.table, 1)
        column.addWidget(self.note)
        return side

    def _make_right(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(8, 0, 0, 0)
        column.addWidget(self.curves, 3)
        column.addWidget(self.figures, 2)
        return side

    def _make_buttons(self) -> QHBoxLayout:
        self.delete_button = self._button(tr("Delete…"), self._on_delete)
        self.folder_button = self._button(tr("Open folder"), self._on_folder)
        self.resume_button = self._button(tr("Resume"), self._on_resume)
        self.report_button = self._button(tr("Report"), self._on_report)
        self.use_button = self._button(tr("Use model"), self._on_use)
        self.close_button = self._button(tr("Close"), self.reject)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.delete_button)
        row.addStretch(1)
        for button in (self.folder_button, self.resume_button, self.report_button, self.use_button, self.close_button):
            row.addWidget(button)
        return row

    def _button(self, text: str, on_click: Any) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda *_: on_click())
        return button

    # -- reading and showing -----------------------------------------------------------------------------------------

    def done(self, result: int) -> None:
        """Close: what is still being read is for nobody."""
        self._is_closed = True
        super().done(result)

    def reload(self) -> None:
        """Read the runs anew, beside the window's thread."""
        if not self._is_closed:
            self._workspace.background.run(self.presenter.refresh, self._on_read)

    def _on_read(self) -> None:
        if self._is_closed:
            return
        ticked, current = {run.name for run in self.ticked()}, self.current()
        self.table.blockSignals(True)
        self.table.setRowCount(len(self.presenter.records))
        for row, run in enumerate(self.presenter.records):
            self._fill_row(row, run, is_ticked=run.name in ticked)
        self.table.blockSignals(False)
        names = [run.name for run in self.presenter.records]
        if names:
            self.table.setCurrentCell(names.index(current.name) if current and current.name in names else 0, NAME)
        self._show_current()

    def _fill_row(self, row: int, run: RunRecord, *, is_ticked: bool) -> None:
        line = run.to_json()
        of = "" if line["planned_epochs"] is None else f" / {line['planned_epochs']}"
        seconds = line["seconds"]
        texts = (
            run.name,
            self._state_text(run),
            line["arch"] or "–",
            f"{line['epochs']}{of}",
            value_text(line["mean_iou"]),
            value_text(line["mean_dice"]),
            "–" if seconds is None else _duration(seconds),
        )
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            if column >= EPOCHS:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(plain(run.problem or run.name))
            self.table.setItem(row, column, item)
        first = self.table.item(row, NAME)
        first.setFlags(first.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        first.setCheckState(Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked)

    def _state_text(self, run: RunRecord) -> str:
        if self._is_running(run):
            return tr("training now")
        return {
            "finished": tr("finished"),
            "unfinished": tr("can be resumed"),
            "stopped": tr("stopped early"),
            "begun": tr("not one epoch yet"),
            "damaged": tr("damaged"),
        }[run.state]

    def _is_running(self, run: RunRecord) -> bool:
        training = self._jobs.training
        return training.is_running and training.run_folder == str(run.folder)

    def current(self) -> RunRecord | None:
        """The run of the current row."""
        row = self.table.currentRow()
        item = self.table.item(row, NAME) if row >= 0 else None
        return None if item is None else self.presenter.record(item.text())

    def ticked(self) -> list[RunRecord]:
        """The ticked runs, from top to bottom."""
        items = [self.table.item(row, NAME) for row in range(self.table.rowCount())]
        names = [item.text() for item in items if item is not None and item.checkState() == Qt.CheckState.Checked]
        found = [self.presenter.record(name) for name in names]
        return [run for run in found if run is not None]

    def shown(self) -> list[RunRecord]:
        """What stands at the right."""
        current = self.current()
        return self.ticked() or ([] if current is None else [current])

    def _on_current(self, *_: object) -> None:
        self._show_current()

    def _on_ticked(self, item: QTableWidgetItem) -> None:
        if item.column() == NAME:
            self._show_current()

    def _show_current(self) -> None:
        runs, current = self.shown(), self.current()
        self._show_swatches(self.ticked())
        self.curves.show_runs(runs)
        self._show_figures(runs)
        self.note.setText(self._note_of(current))
        self.use_button.setEnabled(current is not None and bool(self.presenter.model_id(current)))
        can_train = not self._jobs.training.is_running and not self._workspace.session.is_read_only
        can_resume = current is not None and self.presenter.resume_plan(current) is not None
        self.resume_button.setEnabled(can_train and can_resume)
        self.report_button.setEnabled(bool(runs))
        self.report_button.setText(tr("Report of the comparison") if len(runs) > 1 else tr("Report"))
        self.folder_button.setEnabled(current is not None)
        is_free = current is not None and not self._is_running(current) and not self._workspace.session.is_read_only
        self.delete_button.setEnabled(is_free)

    def _note_of(self, current: RunRecord | None) -> str:
        if current is None:
            return tr("No runs yet. Start training, and each run is listed here.")
        if current.problem:
            return current.problem
        if len(self.ticked()) == 1:
            return tr("Tick another run to compare the two.")
        return tr("Tick runs to lay their curves over each other.")

    def _show_swatches(self, ticked: list[RunRecord]) -> None:
        names = [run.name for run in ticked]
        self.table.blockSignals(True)
        for row in range(self.table.rowCount()):
            item = self.table.item(row, NAME)
            if item is not None:
                place = names.index(item.text()) if item.text() in names else None
                item.setData(Qt.ItemDataRole.DecorationRole, None if place is None else swatch(run_color(place), 12))
        self.table.blockSignals(False)

    def _show_figures(self, runs: list[RunRecord]) -> None:
        rows = self.presenter.differences(runs) if runs else []
        self.figures.setColumnCount(1 + len(runs))
        self.figures.setHorizontalHeaderLabels([tr("Figure"), *(run.name for run in runs)])
        head = self.figures.horizontalHeader()
        head.setMinimumSectionSize(COLUMN_PX)
        for column in range(1 + len(runs)):
            # A path among the values must not push the other runs out of sight; its tooltip has all of it.
            mode = QHeaderView.ResizeMode.Stretch if column else QHeaderView.ResizeMode.ResizeToContents
            head.setSectionResizeMode(column, mode)
        self.figures.setRowCount(len(rows))
        for place, row in enumerate(rows):
            cells = (self._row_title(row), *(value_text(value) for value in row["values"]))
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(plain(text))
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.figures.setItem(place, column, item)

    def _row_title(self, row: dict[str, Any]) -> str:
        titles = {
            "best epoch": tr("best epoch"),
            "mean_iou": tr("mean IoU"),
            "mean_dice": tr("mean Dice"),
            "pixel_accuracy": tr("pixel accuracy"),
            "mean_pixel_accuracy": tr("mean recall"),
            "mean_precision": tr("mean precision"),
            "frequency_weighted_iou": tr("IoU weighted by frequency"),
            "boundary_f1": tr("boundary F1"),
            "seconds": tr("seconds"),
        }
        name = str(row["name"])
        if row["kind"] == "metric":
            return titles.get(name, name)
        from segstudio.app.presenters.training_field_table import FIELDS

        return next((tr(field.title) for field in FIELDS if field.key == name), name.replace("_", " "))

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _on_use(self) -> None:
        current = self.current()
        if current is not None:
            model_id = self.presenter.model_id(current)
            self._jobs.models.refresh_catalog()
            self._jobs.models.choose(model_id)
            text = tr("The model “%1” is the current one.").replace("%1", model_id)
            self._workspace.window.notices.say(text, "info")

    def _on_report(self) -> None:
        runs = self.shown()
        if runs:
            write_and_open(self._workspace, self.presenter, runs)

    def _on_resume(self) -> None:
        current = self.current()
        plan = None if current is None else self.presenter.resume_plan(current)
        if plan is not None and self._jobs.training.start(plan):
            self._workspace.docks.reveal("train")
            self.accept()

    def _on_folder(self) -> None:
        current = self.current()
        if current is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(current.folder)))

    def _on_delete(self) -> None:
        current = self.current()
        if current is None:
            return
        question = QMessageBox(self)
        question.setIcon(QMessageBox.Icon.NoIcon)
        question.setWindowTitle(tr("Delete a run"))
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.setText(tr("Delete the run “%1” with its model?").replace("%1", current.name))
        question.setInformativeText(tr("It goes to the trash where there is one. Labels stay as they are."))
        delete = question.addButton(tr("Delete"), QMessageBox.ButtonRole.AcceptRole)
        keep = question.addButton(tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(keep)
        question.finished.connect(partial(self._on_answered, question, delete, current))
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.open()

    def _on_answered(self, question: QMessageBox, delete: QPushButton, run: RunRecord, _: int) -> None:
        if question.clickedButton() is not delete:
            return
        if not QFile.moveToTrash(str(run.folder))[0]:
            try:
                self.presenter.delete(run)
            except UserError as error:
                self._jobs.fail(str(error))
        self._jobs.models.refresh_catalog()
        self.reload()


def write_and_open(workspace: Workspace, presenter: RunsPresenter, runs: list[RunRecord]) -> None:
    """Write the report of *runs* beside the window's thread, then show it in the browser."""
    pages: list[Any] = []

    def write() -> None:
        try:
            pages.append(presenter.write_report(runs))
        except UserError as error:
            pages.append(error)

    def show() -> None:
        if pages and isinstance(pages[0], UserError):
            workspace.jobs.fail(str(pages[0]))
        elif pages:
            workspace.window.notices.say(tr("The report is %1.").replace("%1", str(pages[0])), "info")
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(pages[0])))

    workspace.background.run(write, show)


def _plain_table(name: str) -> QTableWidget:
    table = QTableWidget()
    table.setAccessibleName(name)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(26)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.setTabKeyNavigation(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setHighlightSections(False)
    return table


def _duration(seconds: float) -> str:
    """12 s, 3 min, 1 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
