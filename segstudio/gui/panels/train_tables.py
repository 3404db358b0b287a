"""Tables of scores: numbers right-aligned and sorted by a click on the head, rows opened by double-click or Enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

VALUE_ROLE = int(Qt.ItemDataRole.UserRole)


class _Cell(QTableWidgetItem):
    """Sorts by its value, not its text; nothing comes last either way up."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.data(VALUE_ROLE), other.data(VALUE_ROLE)
        if mine is None or theirs is None:
            return mine is not None
        return bool(mine < theirs)


class ScoreTable(QTableWidget):
    """Rows of (key → value); ``opened(row)`` gives the row as it was shown."""

    opened = Signal(object)

    def __init__(self, columns: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(0, len(columns), parent)
        self._columns = list(columns)
        self.setHorizontalHeaderLabels([title for _, title in columns])
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(26)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head.setHighlightSections(False)
        for column in range(len(columns)):
            side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            self.horizontalHeaderItem(column).setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self.cellDoubleClicked.connect(lambda row, _: self._open(row))

    def show_rows(self, rows: Sequence[dict[str, Any]], text_of: Callable[[object], str]) -> None:
        """Show these in this order, until a head is clicked."""
        self.setSortingEnabled(False)
        self.setRowCount(len(rows))
        for place, values in enumerate(rows):
            for column, (key, _) in enumerate(self._columns):
                value = values.get(key)
                item = _Cell(text_of(value))
                item.setData(VALUE_ROLE, value)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                else:
                    item.setToolTip(str(values.get("file", "")))
                    item.setData(VALUE_ROLE + 1, values)
                self.setItem(place, column, item)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        if rows:
            self.setCurrentCell(0, 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter opens the row."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self._open(self.currentRow())
            return
        super().keyPressEvent(event)

    def _open(self, row: int) -> None:
        item = self.item(row, 0)
        if item is not None:
            self.opened.emit(item.data(VALUE_ROLE + 1))
