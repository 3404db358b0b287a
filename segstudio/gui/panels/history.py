"""The history panel: every edit of the image; a click goes back or forward to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QListView, QVBoxLayout, QWidget

from segstudio.app.presenters.history import HistoryPresenter, HistoryRow
from segstudio.gui import icons, theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, follow_theme, plain, tip_of, tool_button

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.action_binding import ActionBinder

Index = QModelIndex | QPersistentModelIndex


class HistoryListModel(QAbstractListModel):
    """Rows of the presenter, oldest first."""

    def __init__(self, presenter: HistoryPresenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.presenter = presenter
        self.rows: list[HistoryRow] = presenter.rows

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """How many states there are."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What was done, and when."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        label = row.label or tr("Beginning")
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{label}   {row.time_text}" if row.time_text else label
        if role == Qt.ItemDataRole.DecorationRole:
            return icons.icon("class" if row.is_project_wide else "edit", "muted" if row.is_undone else "text")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(tr("All images: %1").replace("%1", label) if row.is_project_wide else label)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return tr("%1, undone").replace("%1", label) if row.is_undone else label
        if role == Qt.ItemDataRole.ForegroundRole and row.is_undone:
            return theme.color("muted")
        if role == Qt.ItemDataRole.FontRole and (row.is_undone or row.is_current):
            font = QFont()
            font.setItalic(row.is_undone)
            font.setBold(row.is_current)
            return font
        return None

    def refresh(self) -> None:
        """Read the rows again."""
        self.beginResetModel()
        self.rows = self.presenter.rows
        self.endResetModel()


class HistoryPanel(QWidget):
    """Undone edits are grey; the state in force is bold."""

    def __init__(self, session: Session, binder: ActionBinder | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.presenter = HistoryPresenter(session)
        self.model = HistoryListModel(self.presenter, self)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setUniformItemSizes(True)
        self.view.setAccessibleName(tr("History"))
        self.undo_button = tool_button(
            "undo", tr("Undo"), tip_of(binder, "edit.undo", tr("Take back the last edit")), session.undo
        )
        self.redo_button = tool_button(
            "redo", tr("Redo"), tip_of(binder, "edit.redo", tr("Do the edit again")), session.redo
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_PX)
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.redo_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self.view, 1)
        column.addLayout(buttons)
        self.view.clicked.connect(lambda index: self._go(index.row()))
        self.view.activated.connect(lambda index: self._go(index.row()))
        self.presenter.changed.connect(self._refresh)
        follow_theme(self)
        self._refresh()

    def _refresh(self) -> None:
        self.model.refresh()
        rows = self.model.rows
        current = next((i for i, row in enumerate(rows) if row.is_current), -1)
        if current >= 0:
            index = self.model.index(current)
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        stack = self.session.history
        can_edit = not self.session.is_read_only
        self.undo_button.setEnabled(can_edit and stack is not None and stack.can_undo)
        self.redo_button.setEnabled(can_edit and stack is not None and stack.can_redo)

    def _go(self, row: int) -> None:
        if 0 <= row < len(self.model.rows):
            self.presenter.go(self.model.rows[row].position)
