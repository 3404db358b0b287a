"""Typed options (:class:`~segstudio.ml.classic.options.Option`) as a form: one field each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dialogs.common import form_grid
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtWidgets import QLayout

    from segstudio.ml.classic.options import Option

MOST = 1 << 30


class OptionForm(QWidget):
    """``changed(key, value)`` for what the person sets; other options make the fields anew."""

    changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None, *, labels_px: int = 0) -> None:
        super().__init__(parent)
        self._labels_px = labels_px
        self._options: tuple[Option, ...] = ()
        self._body: QWidget | None = None
        self.fields: dict[str, QWidget] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def show_options(self, options: Sequence[Option], values: Mapping[str, object]) -> None:
        """Show these options with these values, telling nobody."""
        if tuple(options) != self._options:
            self._options = tuple(options)
            self._make()
        for option in self._options:
            self._show_value(option, values[option.key])

    def _make(self) -> None:
        if self._body is not None:
            self._body.hide()
            self._body.deleteLater()
        self.fields = {}
        self._body = QWidget(self)
        rows: list[tuple[str, QWidget | QLayout]] = []
        for option in self._options:
            field = self._field(option)
            field.setAccessibleName(tr(option.title))
            field.setToolTip(tr(option.help) if option.help else "")
            self.fields[option.key] = field
            title = "" if option.kind == "switch" else tr(option.title)
            rows.append((title, self._with_button(option, field) if option.kind == "file" else field))
        grid: QGridLayout = form_grid(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnMinimumWidth(0, self._labels_px)
        self._body.setLayout(grid)
        self._column.addWidget(self._body)

    def _field(self, option: Option) -> QWidget:
        key = option.key
        if option.kind == "switch":
            check = QCheckBox(tr(option.title))
            check.toggled.connect(lambda is_on: self.changed.emit(key, is_on))
            return check
        if option.kind == "choice":
            combo = QComboBox()
            for choice in option.choices:
                combo.addItem(tr(choice), choice)
            combo.activated.connect(lambda row: self.changed.emit(key, combo.itemData(row)))
            return combo
        if option.kind == "file":
            line = QLineEdit()
            line.setPlaceholderText(tr("beside the image"))
            line.editingFinished.connect(lambda: self.changed.emit(key, line.text()))
            return line
        spin = _number(option)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda value: self.changed.emit(key, value))
        return spin

    def _with_button(self, option: Option, line: QWidget) -> QHBoxLayout:
        button = QToolButton()
        button.setText("…")
        button.setAccessibleName(tr("Choose a file"))
        button.clicked.connect(lambda: self._choose(option))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(line, 1)
        row.addWidget(button)
        return row

    def _choose(self, option: Option) -> None:
        file, _ = QFileDialog.getOpenFileName(self, tr(option.title))
        if file:
            self.changed.emit(option.key, file)

    def _show_value(self, option: Option, value: object) -> None:
        field = self.fields[option.key]
        field.blockSignals(True)
        if isinstance(field, QCheckBox):
            field.setChecked(bool(value))
        elif isinstance(field, QComboBox):
            field.setCurrentIndex(max(0, field.findData(value)))
        elif isinstance(field, QLineEdit):
            field.setText(str(value))
        elif isinstance(field, QSpinBox):
            field.setValue(int(str(value)))
        elif isinstance(field, QDoubleSpinBox):
            field.setValue(float(str(value)))
        field.blockSignals(False)


def _number(option: Option) -> QSpinBox | QDoubleSpinBox:
    high = MOST if math.isinf(option.high) else option.high
    if option.kind == "integer":
        whole = QSpinBox()
        whole.setRange(int(option.low), int(high))
        whole.setSingleStep(max(1, int(option.step)))
        return whole
    number = QDoubleSpinBox()
    number.setDecimals(max(1, -math.floor(math.log10(option.step))))
    number.setRange(option.low, high)
    number.setSingleStep(option.step)
    return number
