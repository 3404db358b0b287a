"""The model of the class list: number key, colour, name, eye and lock; rows can be dragged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QFont

from segstudio.app.presenters.classes import ClassesPresenter
from segstudio.gui import icons, theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import plain, swatch

Index = QModelIndex | QPersistentModelIndex
KEY, COLOR, NAME, EYE, LOCK = range(5)
ROW_PX = 28
MIME = "application/x-segstudio-class-row"


class ClassListModel(QAbstractTableModel):
    """Rows of the presenter; names are edited in place."""

    def __init__(self, presenter: ClassesPresenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.presenter = presenter
        self._count = len(presenter.rows)
        presenter.changed.connect(self.refresh)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """How many classes there are."""
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """Key, colour, name, eye, lock."""
        return 0 if parent.isValid() else 5

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows and says."""
        if not index.isValid() or index.row() >= len(self.presenter.rows):
            return None
        row, column = self.presenter.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return {KEY: row.key, NAME: row.name}.get(column)
        if role == Qt.ItemDataRole.DecorationRole:
            if column == COLOR:
                return swatch(row.color)
            if column == EYE:
                return icons.icon("eye" if row.is_visible else "eye-off", "text" if row.is_visible else "muted")
            if column == LOCK:
                return icons.icon("lock" if row.is_locked else "lock-open", "accent" if row.is_locked else "muted")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._words(index.row(), column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._words(index.row(), column))
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(24, ROW_PX)
        if role == Qt.ItemDataRole.TextAlignmentRole and column == KEY:
            return Qt.AlignmentFlag.AlignCenter
        if role == Qt.ItemDataRole.FontRole and row.is_current:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ForegroundRole and (column == KEY or not row.is_visible):
            return theme.color("muted")
        return None

    def _words(self, index: int, column: int) -> str:
        row = self.presenter.rows[index]
        if column == KEY:
            return tr("Key %1 chooses %2").replace("%1", row.key).replace("%2", row.name) if row.key else row.name
        if column == COLOR:
            return tr("Colour of %1").replace("%1", row.name)
        if column == EYE:
            return (tr("Hide %1") if row.is_visible else tr("Show %1")).replace("%1", row.name)
        if column == LOCK:
            text = tr("Unlock %1") if row.is_locked else tr("Lock %1: painting never goes over it")
            return text.replace("%1", row.name)
        return tr("%1 (value %2 in masks)").replace("%1", row.name).replace("%2", str(row.mask_value))

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Names can be edited, rows dragged."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        if self.presenter.can_edit:
            flags |= Qt.ItemFlag.ItemIsDragEnabled
            if index.column() == NAME:
                flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Rename."""
        if role != Qt.ItemDataRole.EditRole or index.column() != NAME or not str(value).strip():
            return False
        return self.presenter.rename(index.row(), str(value).strip())

    # -- dragging ------------------------------------------------------------------------------------------------

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        """Rows move."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """Our own kind only."""
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """The dragged row."""
        data = QMimeData()
        data.setData(MIME, str(indexes[0].row() if indexes else -1).encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:  # noqa: N802
        """Move the class; False always, as the table itself tells the view what changed."""
        if action == Qt.DropAction.MoveAction and data.hasFormat(MIME):
            source = int(bytes(data.data(MIME).data()).decode())
            target = row if row >= 0 else (parent.row() if parent.isValid() else self._count)
            self.presenter.move(source, target - 1 if target > source else target)
        return False

    def refresh(self) -> None:
        """Show the presenter's rows; the selection stays where rows stay."""
        count = len(self.presenter.rows)
        if count != self._count:
            self.beginResetModel()
            self._count = count
            self.endResetModel()
        elif count:
            self.dataChanged.emit(self.index(0, 0), self.index(count - 1, LOCK))
