"""The keyboard sheet (`?`): every key at a glance, with a field that narrows it."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.actions import MENUS
from segstudio.gui import theme
from segstudio.gui.action_binding import ActionBinder, native_key
from segstudio.gui.fuzzy import fuzzy_match
from segstudio.gui.i18n import tr, tr_table

COLUMNS = 3


def mouse_rows() -> list[tuple[str, str]]:
    """What the mouse and held keys do: (gesture, what it does)."""
    return [
        (tr("Wheel"), tr("Zoom at the cursor")),
        (tr("Space + drag, middle drag"), tr("Move the picture")),
        (tr("Double click"), tr("Fit the image")),
        (tr("Right drag"), tr("Size the brush")),
        (tr("Shift + click"), tr("Straight line from the last stroke")),
        (tr("Ctrl while painting"), tr("Erase")),
        (tr("Alt held"), tr("Pick the class under the cursor")),
        (tr("Enter · Esc"), tr("Finish · abandon a polygon")),
    ]


class KeyboardSheet(QDialog):
    """All keys in three columns, by menu."""

    def __init__(self, parent: QWidget, binder: ActionBinder) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard sheet"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._rows: list[tuple[str, list[QWidget]]] = []
        self._boxes: list[tuple[QFrame, list[int]]] = []
        self._field = QLineEdit(self)
        self._field.setPlaceholderText(tr("Narrow: brush, class, Ctrl …"))
        self._field.setAccessibleName(tr("Narrow the sheet"))
        self._field.setClearButtonEnabled(True)
        self._field.textChanged.connect(self._narrow)
        inner = QWidget()
        columns = QHBoxLayout(inner)
        columns.setContentsMargins(0, 0, 8, 0)
        columns.setSpacing(16)
        groups = self._groups(binder)
        stacks: list[QVBoxLayout] = []
        for _ in range(COLUMNS):
            stack = QVBoxLayout()
            stack.setSpacing(12)
            columns.addLayout(stack, 1)
            stacks.append(stack)
        heights = [0] * COLUMNS
        for title, rows in groups:
            shortest = heights.index(min(heights))
            stacks[shortest].addWidget(self._box(title, rows))
            heights[shortest] += len(rows) + 3
        for stack in stacks:
            stack.addStretch(1)
        area = QScrollArea(self)
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        hint = QLabel(tr("Any key can be changed: Edit, Keyboard shortcuts."), self)
        hint.setProperty("muted", True)
        foot = QHBoxLayout()
        foot.addWidget(hint)
        foot.addStretch(1)
        foot.addWidget(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(12)
        column.addWidget(self._field)
        column.addWidget(area, 1)
        column.addLayout(foot)
        self.resize(min(1120, parent.width() - 40), min(720, parent.height() - 40))
        self._field.setFocus()

    def _groups(self, binder: ActionBinder) -> list[tuple[str, list[tuple[str, str]]]]:
        groups: list[tuple[str, list[tuple[str, str]]]] = [(tr("Mouse and held keys"), mouse_rows())]
        for name in (*MENUS, ""):
            rows = []
            for action_id, spec in binder.specs.items():
                if spec.menu != name or not spec.shortcuts:
                    continue
                if action_id.startswith("class.select_"):
                    continue
                keys = "   ".join(native_key(key) for key in spec.shortcuts)
                rows.append((keys, binder.title(action_id).rstrip("…")))
            if name == "Label":
                rows.append(("1 … 9", tr("Choose a class")))
            if rows:
                groups.append((tr_table("actions", name) if name else tr("More"), rows))
        return groups

    def _box(self, title: str, rows: list[tuple[str, str]]) -> QFrame:
        box = QFrame()
        box.setProperty("card", True)
        grid = QGridLayout(box)
        grid.setContentsMargins(12, 8, 12, 12)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        heading = QLabel(title)
        heading.setProperty("heading", True)
        grid.addWidget(heading, 0, 0, 1, 2)
        indices = []
        for row, (keys, text) in enumerate(rows, start=1):
            name = QLabel(text)
            name.setTextFormat(Qt.TextFormat.PlainText)
            name.setWordWrap(True)
            key = QLabel(keys)
            key.setTextFormat(Qt.TextFormat.PlainText)
            key.setFont(theme.small_font(key.font()))
            key.setProperty("muted", True)
            key.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            name.setAccessibleDescription(html.escape(keys))
            grid.addWidget(name, row, 0)
            grid.addWidget(key, row, 1)
            indices.append(len(self._rows))
            self._rows.append((f"{text} {keys} {title}", [name, key]))
        grid.setColumnStretch(0, 1)
        self._boxes.append((box, indices))
        return box

    def shown_rows(self) -> int:
        """How many rows the field lets through."""
        return sum(not widgets[0].isHidden() for _, widgets in self._rows)

    def _narrow(self, query: str) -> None:
        needle = query.casefold().strip()
        for text, widgets in self._rows:
            is_shown = not needle or needle in text.casefold() or (len(needle) > 3 and fuzzy_match(needle, text))
            for widget in widgets:
                widget.setVisible(bool(is_shown))
        for box, indices in self._boxes:
            box.setVisible(any(not self._rows[index][1][0].isHidden() for index in indices))
