"""The options of a classic method, as a small form in the model panel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
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
    from PySide6.QtWidgets import QLayout

    from segstudio.app.presenters.models import ModelsPresenter
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.classic.options import Option

MOST = 1 << 30


class ModelOptions(QWidget):
    """A field for each option of the current model; hidden for a model that has none."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._card: ModelCard | None = None
        self._body: QWidget | None = None
        self.fields: dict[str, QWidget] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_card(self, card: ModelCard | None) -> None:
        """Show the options of a model; only another model makes the fields anew."""
        options = () if card is None else tuple(o for o in self._presenter.options_of(card) if not o.is_minor)
        is_same = card is not None and self._card is not None and card.id == self._card.id
        self._card = card
        if not is_same:
            self._make(options)
        if card is not None:
            for option in options:
                self._show_value(option, card.options[option.key])
        self.setVisible(bool(options))

    def _make(self, options: tuple[Option, ...]) -> None:
        if self._body is not None:
            self._body.hide()
            self._body.deleteLater()
        self.fields = {}
        self._body = QWidget(self)
        rows: list[tuple[str, QWidget | QLayout]] = []
        for option in options:
            field = self._field(option)
            field.setAccessibleName(tr(option.title))
            field.setToolTip(tr(option.help) if option.help else "")
            self.fields[option.key] = field
            rows.append((tr(option.title), self._with_button(option, field) if option.kind == "file" else field))
        grid: QGridLayout = form_grid(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        self._body.setLayout(grid)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self._body)

    def _field(self, option: Option) -> QWidget:
        key = option.key
        if option.kind == "choice":
            combo = QComboBox()
            for choice in option.choices:
                combo.addItem(tr(choice), choice)
            combo.activated.connect(lambda row: self._set(key, combo.itemData(row)))
            return combo
        if option.kind == "file":
            line = QLineEdit()
            line.setPlaceholderText(tr("beside the image"))
            line.editingFinished.connect(lambda: self._set(key, line.text()))
            return line
        spin: QSpinBox | QDoubleSpinBox
        if option.kind == "integer":
            spin = QSpinBox()
            spin.setRange(int(option.low), MOST if math.isinf(option.high) else int(option.high))
            spin.setSingleStep(max(1, int(option.step)))
        else:
            spin = QDoubleSpinBox()
            spin.setDecimals(max(1, -math.floor(math.log10(option.step))))
            spin.setRange(option.low, MOST if math.isinf(option.high) else option.high)
            spin.setSingleStep(option.step)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda value: self._set(key, value))
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
            self._set(option.key, file)

    def _show_value(self, option: Option, value: object) -> None:
        field = self.fields[option.key]
        field.blockSignals(True)
        if isinstance(field, QComboBox):
            field.setCurrentIndex(max(0, field.findData(value)))
        elif isinstance(field, QLineEdit):
            field.setText(str(value))
        elif isinstance(field, QSpinBox):
            field.setValue(int(str(value)))
        elif isinstance(field, QDoubleSpinBox):
            field.setValue(float(str(value)))
        field.blockSignals(False)

    def _set(self, key: str, value: object) -> None:
        if self._card is not None:
            self._presenter.set_option(self._card, key, value)
