"""The command palette (Ctrl+K): any command, found by typing some letters of its name."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui import icons, theme
from segstudio.gui.action_binding import ActionBinder, native_key
from segstudio.gui.fuzzy import fuzzy_match
from segstudio.gui.i18n import tr, tr_table

ROW_PX = 36
WIDTH_PX = 560
MAX_ROWS = 10

Index = QModelIndex | QPersistentModelIndex
ID_ROLE = int(Qt.ItemDataRole.UserRole)
MENU_ROLE, KEYS_ROLE, ICON_ROLE, HITS_ROLE, ENABLED_ROLE = (ID_ROLE + step for step in range(1, 6))


class CommandModel(QAbstractListModel):
    """The commands that match the query, best first; those that can't be done now come last, greyed."""

    def __init__(self, binder: ActionBinder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._binder = binder
        self._rows: list[tuple[str, tuple[int, ...]]] = []
        self._recent: list[str] = []
        self.set_query("")

    def set_query(self, query: str) -> None:
        """Match again."""
        ranked = []
        for order, action_id in enumerate(self._binder.bound_ids()):
            if action_id == "help.palette":
                continue
            spec = self._binder.specs[action_id]
            title = self._binder.title(action_id)
            match = fuzzy_match(query, title)
            if match is None and query:
                # Also by the English name, the menu and the id: what tutorials and colleagues say.
                others = [fuzzy_match(query, other) for other in (spec.text, f"{spec.menu} {spec.text}", spec.id)]
                scores = [found[0] for found in others if found is not None]
                match = (max(scores) - 5.0, ()) if scores else None
            if match is None:
                continue
            is_off = not self._binder.is_enabled(action_id)
            recent = self._recent.index(action_id) if action_id in self._recent else len(self._recent)
            ranked.append(((is_off, -match[0], recent, order), action_id, match[1]))
        ranked.sort(key=lambda row: row[0])
        self.beginResetModel()
        self._rows = [(action_id, hits) for _, action_id, hits in ranked]
        self.endResetModel()

    def remember(self, action_id: str) -> None:
        """Put a command first among equals next time."""
        self._recent = [action_id, *(other for other in self._recent if other != action_id)][:8]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """How many match."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        """What a row shows."""
        if not index.isValid():
            return None
        action_id, hits = self._rows[index.row()]
        spec = self._binder.specs[action_id]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._binder.title(action_id)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return tr_table("actions", spec.tip)
        return {
            ID_ROLE: action_id,
            MENU_ROLE: tr_table("actions", spec.menu) if spec.menu else "",
            KEYS_ROLE: "   ".join(native_key(key) for key in spec.shortcuts),
            ICON_ROLE: spec.icon,
            HITS_ROLE: hits,
            ENABLED_ROLE: self._binder.is_enabled(action_id),
        }.get(role)


class _RowPainter(QStyledItemDelegate):
    """Icon, name with the typed letters bold, menu and key."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        return QSize(WIDTH_PX - 24, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect: QRect = option.rect
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        is_enabled = bool(index.data(ENABLED_ROLE))
        painter.save()
        if is_selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selected"))
            painter.drawRoundedRect(rect.adjusted(4, 1, -4, -1), 6, 6)
        token = ("selected_text" if is_selected else "text") if is_enabled else "muted"
        icon_name = str(index.data(ICON_ROLE))
        if icon_name:
            painter.drawPixmap(rect.x() + 14, rect.y() + (rect.height() - 16) // 2, icons.pixmap(icon_name, 16, token))
        painter.setPen(theme.color(token))
        x = self._draw_title(painter, option.font, rect, str(index.data()), index.data(HITS_ROLE) or ())
        painter.setFont(theme.small_font(option.font))
        painter.setPen(theme.color("selected_text" if is_selected else "muted"))
        keys = str(index.data(KEYS_ROLE))
        right = rect.adjusted(0, 0, -16, 0)
        align_right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(right, align_right, keys)
        menu = str(index.data(MENU_ROLE))
        painter.drawText(QRect(x + 12, rect.y(), 160, rect.height()), Qt.AlignmentFlag.AlignVCenter, menu)
        painter.restore()

    def _draw_title(self, painter: QPainter, font: QFont, rect: QRect, title: str, hits: tuple[int, ...]) -> int:
        bold = QFont(font)
        bold.setBold(True)
        x = rect.x() + 40
        start = 0
        while start < len(title):
            is_hit = start in hits
            end = start + 1
            while end < len(title) and (end in hits) == is_hit:
                end += 1
            painter.setFont(bold if is_hit else font)
            part = title[start:end]
            width = painter.fontMetrics().horizontalAdvance(part)
            painter.drawText(QRect(x, rect.y(), width + 8, rect.height()), Qt.AlignmentFlag.AlignVCenter, part)
            x += width
            start = end
        return x


class CommandPalette(QFrame):
    """A field and a list over the window; Enter runs, Esc leaves."""

    def __init__(self, window: QWidget, binder: ActionBinder) -> None:
        super().__init__(window, Qt.WindowType.Popup)
        self._binder = binder
        self._window = window
        self._model = CommandModel(binder, self)
        self.setObjectName("palette")
        self.setAccessibleName(tr("Find a command"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._field = QLineEdit(self)
        self._field.setPlaceholderText(tr("Type a command: undo, propose, export, brush …"))
        self._field.setAccessibleName(tr("Command"))
        self._field.setClearButtonEnabled(True)
        self._field.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._list = QListView(self)
        self._list.setModel(self._model)
        self._list.setItemDelegate(_RowPainter(self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setUniformItemSizes(True)
        self._list.setAccessibleName(tr("Commands"))
        self._nothing = QLabel(tr("No command matches. Fewer letters find more."), self)
        self._nothing.setProperty("muted", True)
        self._nothing.setContentsMargins(16, 8, 16, 8)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self._field)
        column.addWidget(self._nothing)
        column.addWidget(self._list)
        self._field.textChanged.connect(self._on_text_changed)
        self._list.clicked.connect(self._on_clicked)
        self._field.installEventFilter(self)
        self._on_text_changed("")

    def open(self) -> None:
        """Show it at the window's upper middle with an empty field."""
        window = self._window
        self.setStyleSheet(
            f"#palette {{ background: {theme.color('raised').name()};"
            f" border: 1px solid {theme.color('border').name()}; }}"
            f"#palette QListView {{ background: transparent; border: 0; }}"
        )
        self._field.clear()
        self._on_text_changed("")
        self._field.setMinimumHeight(28)
        width = min(WIDTH_PX, window.width() - 32)
        self.setFixedWidth(width)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + max(48, window.height() // 8))
        self.show()
        self._field.setFocus()

    @property
    def field(self) -> QLineEdit:
        """Where the letters are typed."""
        return self._field

    def shown_ids(self) -> list[str]:
        """The ids listed now, best first."""
        return [str(self._model.index(row).data(ID_ROLE)) for row in range(self._model.rowCount())]

    def run_current(self) -> bool:
        """Close and run the highlighted command; False when there is none or it can't be done now."""
        index = self._list.currentIndex()
        if not index.isValid() or not index.data(ENABLED_ROLE):
            return False
        action_id = str(index.data(ID_ROLE))
        self._model.remember(action_id)
        self.hide()
        return self._binder.trigger(action_id)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Arrow keys move in the list while the field keeps the focus."""
        if watched is self._field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: MAX_ROWS - 1,
                Qt.Key.Key_PageUp: 1 - MAX_ROWS,
            }.get(Qt.Key(event.key()))
            if step is not None:
                self._move(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run_current()
                return True
        return super().eventFilter(watched, event)

    def _move(self, step: int) -> None:
        rows = self._model.rowCount()
        if rows:
            row = self._list.currentIndex().row()
            target = (row + step) % rows if abs(step) == 1 else min(max(row + step, 0), rows - 1)
            self._list.setCurrentIndex(self._model.index(target))

    def _on_text_changed(self, text: str) -> None:
        self._model.set_query(text)
        rows = self._model.rowCount()
        self._nothing.setVisible(rows == 0)
        self._list.setVisible(rows > 0)
        self._list.setFixedHeight(ROW_PX * min(rows, MAX_ROWS) + 2)
        self._list.setCurrentIndex(self._model.index(0))
        self.adjustSize()

    def _on_clicked(self, index: QModelIndex) -> None:
        self._list.setCurrentIndex(index)
        self.run_current()
