"""Settings: a page a group, drawn from the table in ``segstudio.app.settings``; changes are in force at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QScrollArea,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.keymap import Keymap
from segstudio.app.settings import SETTINGS, Setting, Settings
from segstudio.core.errors import UserError
from segstudio.gui.dialogs.common import PlainDialog, heading, muted
from segstudio.gui.dialogs.key_page import KeyPage
from segstudio.gui.i18n import available_languages, tr, tr_table

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

KEYS_PAGE = "keys"


class SettingsDialog(PlainDialog):
    """Pages at the left, fields at the right, no OK: what is changed counts."""

    def __init__(self, parent: QWidget | None, settings: Settings, keymap: Keymap) -> None:
        super().__init__(parent, tr("Settings"), 760, 560)
        self._settings = settings
        self.editors: dict[str, QWidget] = {}
        self._list = QListWidget()
        self._list.setFixedWidth(160)
        self._list.setObjectName("settings_pages")
        self._list.setAccessibleName(tr("Pages"))
        self._pages = QStackedWidget()
        self._names: list[str] = []
        for group in dict.fromkeys(setting.group for setting in SETTINGS if setting.group):
            self._add_page(group, tr_table("settings", group), self._make_page(group))
        self.key_page = KeyPage(keymap)
        self._add_page(KEYS_PAGE, tr("Keyboard"), self.key_page)
        self._list.currentRowChanged.connect(self._pages.setCurrentIndex)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self._list)
        row.addWidget(self._pages, 1)
        self.column.addLayout(row, 1)
        buttons = self.add_buttons()
        reset = buttons.addButton(tr("Reset all"), QDialogButtonBox.ButtonRole.ResetRole)
        reset.clicked.connect(self._on_reset)
        self._list.setCurrentRow(0)
        settings.changed.connect(self._on_changed)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Rows were measured before the style sheet was there."""
        super().showEvent(event)
        self._list.doItemsLayout()

    def show_page(self, name: str) -> None:
        """Go to a page: a group of the table, or "keys"."""
        if name in self._names:
            self._list.setCurrentRow(self._names.index(name))
            if name == KEYS_PAGE:
                self.key_page.begin_search()

    def _add_page(self, name: str, title: str, page: QWidget) -> None:
        self._names.append(name)
        self._list.addItem(title)
        self._pages.addWidget(page)

    def _make_page(self, group: str) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(12)
        column.addWidget(heading(tr_table("settings", group)))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        row = 0
        for setting in SETTINGS:
            if setting.group != group:
                continue
            editor = self._make_editor(setting)
            self.editors[setting.key] = editor
            title = tr_table("settings", setting.title)
            editor.setAccessibleName(title)
            label = QLabel(title)
            label.setWordWrap(True)
            label.setBuddy(editor)
            grid.addWidget(label, row, 0)
            grid.addWidget(editor, row, 1)
            row += 1
            if setting.help:
                text = tr_table("settings", setting.help)
                editor.setToolTip(text)
                grid.addWidget(muted(text, small=True), row, 0, 1, 2)
                row += 1
            grid.setRowMinimumHeight(row, 8)
            row += 1
        column.addLayout(grid)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        return area

    def _make_editor(self, setting: Setting) -> QWidget:
        value = self._settings[setting.key]
        if isinstance(setting.default, bool):
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(lambda on: self._set(setting.key, on))
            return box
        if isinstance(setting.default, str):
            return self._make_choice(setting)
        spin: QSpinBox | QDoubleSpinBox
        if isinstance(setting.default, int):
            spin = QSpinBox()
            spin.setRange(int(setting.minimum), int(min(setting.maximum, 2**31 - 1)))
            spin.setSingleStep(max(1, int(setting.step)))
            spin.setValue(int(value))
        else:
            spin = QDoubleSpinBox()
            spin.setDecimals(2 if setting.step < 1 else 0)
            spin.setRange(setting.minimum, setting.maximum)
            spin.setSingleStep(setting.step)
            spin.setValue(float(value))
        spin.setSuffix(f" {setting.unit}" if setting.unit else "")
        spin.setFixedWidth(160)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda number: self._set(setting.key, number))
        return spin

    def _make_choice(self, setting: Setting) -> QComboBox:
        box = QComboBox()
        box.setFixedWidth(160)
        languages = available_languages()
        choices = list(setting.choices) or device_choices(str(self._settings[setting.key]))
        for choice in choices:
            if setting.key == "look.language" and choice in languages:
                box.addItem(languages[choice], choice)
            else:
                box.addItem(tr_table("settings", choice), choice)
        box.setCurrentIndex(max(0, box.findData(self._settings[setting.key])))
        box.activated.connect(lambda index: self._set(setting.key, box.itemData(index)))
        return box

    def _set(self, key: str, value: object) -> None:
        try:
            self._settings.set(key, value)
        except UserError as error:
            self.setToolTip(str(error))

    def _on_changed(self, key: str, value: object) -> None:
        editor = self.editors.get(key)
        if editor is None:
            return
        editor.blockSignals(True)
        if isinstance(editor, QCheckBox):
            editor.setChecked(bool(value))
        elif isinstance(editor, QComboBox):
            editor.setCurrentIndex(max(0, editor.findData(value)))
        elif isinstance(editor, QSpinBox):
            editor.setValue(int(value))  # type: ignore[call-overload]
        elif isinstance(editor, QDoubleSpinBox):
            editor.setValue(float(value))  # type: ignore[arg-type]
        editor.blockSignals(False)

    def _on_reset(self) -> None:
        if self._names[self._list.currentRow()] == KEYS_PAGE:
            self.key_page.reset_all()
        else:
            self._settings.reset_all()

    def done(self, result: int) -> None:
        """Stop listening."""
        self._settings.changed.disconnect(self._on_changed)
        self.key_page.stop()
        super().done(result)

    def keyPressEvent(self, event: object) -> None:  # noqa: N802
        """Enter in a field must not close the dialog."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):  # type: ignore[attr-defined]
            return
        super().keyPressEvent(event)  # type: ignore[arg-type]


def device_choices(current: str) -> list[str]:
    """What can be asked of the model's process; it says which there are when it starts."""
    return list(dict.fromkeys(["auto", "cpu", "cuda", "mps", current]))
