"""A format's options as boxes to tick, fields to type in and lists to choose from, made from their defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QLabel, QLineEdit, QSpinBox, QWidget

from segstudio.gui.panels.parts import combo

NUMBER_PX = 120


class OptionBoxes(QWidget):
    """``show_options`` replaces what is there; ``values`` is what was chosen."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self.fields: dict[str, QWidget] = {}
        self._read: dict[str, Callable[[], Any]] = {}

    def show_options(
        self,
        defaults: Mapping[str, Any],
        title: Callable[[str], str],
        choices: Callable[[str], Sequence[tuple[str, str]]] = lambda _: (),
    ) -> None:
        """One field an option: its kind is that of its default; what is no bool, number or text is left to the command line."""
        while self._grid.count():
            taken = self._grid.takeAt(0)
            widget = taken.widget() if taken is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.fields, self._read = {}, {}
        for row, (name, default) in enumerate(defaults.items()):
            field = self._list(name, choices(name)) if choices(name) else self._field(name, default)
            if field is None:
                continue
            field.setAccessibleName(title(name))
            if isinstance(field, QCheckBox):
                field.setText(title(name))
                self._grid.addWidget(field, row, 0, 1, 2)
            else:
                label = QLabel(title(name))
                label.setBuddy(field)
                self._grid.addWidget(label, row, 0)
                self._grid.addWidget(field, row, 1)
            self.fields[name] = field
        self.setVisible(bool(self.fields))

    def values(self) -> dict[str, Any]:
        """Option → what was chosen."""
        return {name: read() for name, read in self._read.items()}

    def _list(self, name: str, rows: Sequence[tuple[str, str]]) -> QWidget:
        box = combo(name, rows)
        box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self._read[name] = box.currentData
        return box

    def _field(self, name: str, default: object) -> QWidget | None:
        if isinstance(default, bool):
            box = QCheckBox()
            box.setChecked(default)
            box.toggled.connect(lambda _: self.changed.emit())
            self._read[name] = box.isChecked
            return box
        if isinstance(default, (int, float)):
            number = QSpinBox() if isinstance(default, int) else QDoubleSpinBox()
            number.setRange(-1, 1_000_000)
            number.setValue(default)  # type: ignore[arg-type]
            number.setKeyboardTracking(False)
            number.setMaximumWidth(NUMBER_PX)
            number.valueChanged.connect(lambda _: self.changed.emit())
            self._read[name] = number.value
            return number
        if isinstance(default, str):
            text = QLineEdit(default)
            text.editingFinished.connect(self.changed.emit)
            self._read[name] = lambda: text.text().strip()
            return text
        return None
