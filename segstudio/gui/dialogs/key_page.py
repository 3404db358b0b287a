"""The settings' page of keys: find a command, press the key it should have."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.actions import ACTIONS, BY_ID
from segstudio.app.keymap import Keymap
from segstudio.core.errors import UserError
from segstudio.gui.action_binding import native_key
from segstudio.gui.dialogs.common import heading
from segstudio.gui.i18n import tr, tr_table


class KeyPage(QWidget):
    """A list of commands with their keys and a field to press a new one."""

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap
        self._rows: dict[str, QTreeWidgetItem] = {}
        self._find = QLineEdit()
        self._find.setPlaceholderText(tr("Find a command or key"))
        self._find.setAccessibleName(tr("Find a command or key"))
        self._find.setClearButtonEnabled(True)
        self._find.textChanged.connect(self._narrow)
        self._list = QTreeWidget()
        self._list.setRootIsDecorated(False)
        self._list.setUniformRowHeights(True)
        self._list.setHeaderLabels([tr("Command"), tr("Keys")])
        self._list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._list.header().setStretchLastSection(False)
        self._list.setAccessibleName(tr("Commands"))
        for spec in ACTIONS:
            menu = f"{tr_table('actions', spec.menu)}: " if spec.menu else ""
            row = QTreeWidgetItem([menu + tr_table("actions", spec.text).rstrip("…"), ""])
            row.setData(0, Qt.ItemDataRole.UserRole, spec.id)
            self._rows[spec.id] = row
            self._list.addTopLevelItem(row)
            self._show_keys(spec.id)
        self._list.currentItemChanged.connect(self._on_current_changed)
        self._field = QKeySequenceEdit()
        self._field.setMaximumSequenceLength(1)
        self._field.setClearButtonEnabled(True)
        self._field.setAccessibleName(tr("Press the new key"))
        self._set = QPushButton(tr("Set"))
        self._set.clicked.connect(self.bind_current)
        self._take = QPushButton(tr("Take it over"))
        self._take.clicked.connect(self._on_take)
        self._take.hide()
        self._reset = QPushButton(tr("Default"))
        self._reset.clicked.connect(self._on_reset)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setProperty("danger", True)
        row_box = QHBoxLayout()
        row_box.addWidget(QLabel(tr("New key")))
        row_box.addWidget(self._field, 1)
        row_box.addWidget(self._set)
        row_box.addWidget(self._take)
        row_box.addWidget(self._reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(heading(tr("Keyboard")))
        column.addWidget(self._find)
        column.addWidget(self._list, 1)
        column.addLayout(row_box)
        column.addWidget(self._problem)
        keymap.changed.connect(self._on_keys_changed)
        self._list.setCurrentItem(self._rows[ACTIONS[0].id])

    def stop(self) -> None:
        """Stop listening to the keymap."""
        self._keymap.changed.disconnect(self._on_keys_changed)

    def choose(self, action_id: str) -> None:
        """Go to a command."""
        self._list.setCurrentItem(self._rows[action_id])

    def set_key(self, text: str) -> None:
        """Fill the field, as if the key was pressed."""
        self._field.setKeySequence(QKeySequence(text, QKeySequence.SequenceFormat.PortableText))

    @property
    def problem(self) -> str:
        """Why the key was not set, or ""."""
        return self._problem.text()

    def begin_search(self) -> None:
        """Let a command's name be typed."""
        self._find.setFocus()

    def bind_current(self, *, takes_over: bool = False) -> None:
        """Give the command the key in the field; none unbinds it."""
        action_id = self._current_id()
        key = self._field.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        try:
            self._keymap.set(action_id, [key] if key else [], takes_over=takes_over is True)
        except UserError as error:
            self._problem.setText(str(error))
            owner = self._keymap.owner(key) if key else None
            self._take.setVisible(owner is not None and owner in BY_ID)
            return
        self._problem.setText(self._keymap.problem)
        self._take.hide()

    def reset_all(self) -> None:
        """All keys as delivered."""
        self._keymap.reset_all()

    def _current_id(self) -> str:
        item = self._list.currentItem()
        return ACTIONS[0].id if item is None else str(item.data(0, Qt.ItemDataRole.UserRole))

    def _show_keys(self, action_id: str) -> None:
        keys = "   ".join(native_key(key) for key in self._keymap.shortcuts(action_id))
        row = self._rows[action_id]
        row.setText(1, keys)
        font = row.font(1)
        font.setBold(self._keymap.is_overridden(action_id))
        row.setFont(1, font)

    def _narrow(self, text: str) -> None:
        needle = text.casefold().strip()
        for row in self._rows.values():
            row.setHidden(bool(needle) and needle not in f"{row.text(0)} {row.text(1)}".casefold())

    def _on_current_changed(self) -> None:
        if self._list.currentItem() is not None:
            self.set_key(self._keymap.shortcut_text(self._current_id()))
            self._problem.clear()
            self._take.hide()

    def _on_keys_changed(self, action_id: str) -> None:
        self._show_keys(action_id)

    def _on_take(self) -> None:
        self.bind_current(takes_over=True)

    def _on_reset(self) -> None:
        self._keymap.reset(self._current_id())
        self._on_current_changed()
