"""One setting in the tool options bar: a check box, a choice or a number, made from its row of the setting table."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QSpinBox, QWidget

from segstudio.app.setting_table import Setting
from segstudio.app.settings import Settings
from segstudio.gui.i18n import tr_table
from segstudio.gui.panels.number_box import NumberBox
from segstudio.gui.panels.parts import GAP_PX, combo, select_data

NUMBER_PX = 84
LEAST_CHOICE_PX = 84
"""In a narrow window a list of short words gives way first."""
ANY_STEP = 0.001
"""Numbers with so fine a step are values of images, of any size."""


class OptionField(QWidget):
    """Title and field; changing either the field or the setting changes the other."""

    def __init__(self, settings: Settings, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings, self.setting = settings, setting
        self.setObjectName(f"option.{setting.key}")
        title = tr_table("settings", setting.title)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX)
        self.field = self._make(title)
        self.field.setAccessibleName(title)
        self.field.setToolTip(tr_table("settings", setting.help) if setting.help else title)
        if not isinstance(self.field, QCheckBox):
            label = QLabel(title)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setBuddy(self.field)
            row.addWidget(label)
        row.addWidget(self.field)
        settings.changed.connect(self._on_setting)
        self._show()

    def _make(self, title: str) -> QCheckBox | QComboBox | QSpinBox | QDoubleSpinBox:
        setting, key = self.setting, self.setting.key
        if isinstance(setting.default, bool):
            check = QCheckBox(title)
            check.toggled.connect(lambda is_on: self.settings.set(key, is_on))
            return check
        if setting.choices:
            box = combo(title, [(tr_table("settings", choice), choice) for choice in setting.choices])
            box.setMinimumWidth(LEAST_CHOICE_PX)
            box.currentIndexChanged.connect(lambda _: self.settings.set(key, box.currentData()))
            return box
        number: QSpinBox | QDoubleSpinBox
        if isinstance(setting.default, int):
            number = QSpinBox()
            number.setRange(round(max(setting.minimum, -(2**31))), round(min(setting.maximum, 2**31 - 1)))
            number.setSingleStep(max(1, round(setting.step)))
        elif setting.step <= ANY_STEP:
            number = NumberBox()
            number.setRange(setting.minimum, setting.maximum)
        else:
            number = QDoubleSpinBox()
            number.setRange(setting.minimum, setting.maximum)
            number.setDecimals(0 if setting.step >= 1 else 1 if setting.step >= 0.1 else 3)
            number.setSingleStep(setting.step)
        number.setSuffix(f" {setting.unit}" if setting.unit else "")
        number.setKeyboardTracking(False)
        number.setMaximumWidth(NUMBER_PX + 8 * len(setting.unit))
        number.valueChanged.connect(lambda value: self.settings.set(key, value))
        return number

    def _on_setting(self, key: str, _: object) -> None:
        if key == self.setting.key:
            self._show()

    def _show(self) -> None:
        value = self.settings[self.setting.key]
        field = self.field
        field.blockSignals(True)
        if isinstance(field, QCheckBox):
            field.setChecked(bool(value))
        elif isinstance(field, QComboBox):
            select_data(field, value)
        elif isinstance(field, QSpinBox):
            field.setValue(int(value))
        else:
            field.setValue(float(value))
        field.blockSignals(False)
