"""Editors for the fields of a training plan: one widget a kind, each with ``edited(value)`` for what the person does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.i18n import tr
from segstudio.gui.panels.number_box import NumberBox
from segstudio.gui.panels.option_form import OptionForm
from segstudio.gui.panels.parts import tool_button, wrapped
from segstudio.ml.loss_table import LOSS_IDS, LOSS_SPECS, parse_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from segstudio.app.presenters.training_fields import PlanField

WIDTH_PX = 200
PART_TITLES = {
    "ce": "cross-entropy", "dice": "Dice", "bce": "binary cross-entropy", "focal": "focal", "ohem": "hard pixels (OHEM)",
    "lovasz": "Lovász", "tversky": "Tversky", "boundary": "boundary",
}  # fmt: skip
"""Single losses; the sums that the panel offers have titles of their own."""


class Editor(QWidget):
    """``edited(value)`` for a change by the person; ``refused(sentence)`` for a text that means no value, "" when it does again."""

    edited = Signal(object)
    refused = Signal(str)
    is_wide = False
    """Whether it stands below its title instead of beside it."""

    def show_value(self, value: Any) -> None:
        """Show a value, telling nobody."""
        raise NotImplementedError

    def _take(self, field: QWidget, width_px: int = WIDTH_PX) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        field.setFixedWidth(width_px)
        row.addWidget(field, 0, Qt.AlignmentFlag.AlignRight)
        self.field = field
        self.setFocusProxy(field)


class NumberEditor(Editor):
    """A whole number or any; 0 may have a word of its own."""

    def __init__(self, field: PlanField) -> None:
        super().__init__()
        box: QSpinBox | NumberBox
        if field.kind == "integer":
            box = QSpinBox()
            box.setRange(int(field.low), int(field.high))
            box.setSingleStep(max(1, int(field.step)))
        else:
            box = NumberBox()
            box.setRange(field.low, field.high)
            if field.step >= 0.01:
                box.setStepType(NumberBox.StepType.DefaultStepType)
                box.setSingleStep(field.step)
        box.setSuffix(f" {tr(field.unit)}" if field.unit else "")
        if field.zero and field.low == 0:
            box.setSpecialValueText(tr(field.zero))
        box.setKeyboardTracking(False)
        box.valueChanged.connect(self.edited.emit)
        self._take(box)

    def show_value(self, value: Any) -> None:
        """Show a number."""
        self.field.blockSignals(True)
        self.field.setValue(value)  # type: ignore[attr-defined]
        self.field.blockSignals(False)


class SwitchEditor(Editor):
    """On or off."""

    def __init__(self, field: PlanField) -> None:
        super().__init__()
        box = QCheckBox()
        box.toggled.connect(self.edited.emit)
        self._take(box, 24)

    def show_value(self, value: Any) -> None:
        """Show on or off."""
        self.field.blockSignals(True)
        self.field.setChecked(bool(value))  # type: ignore[attr-defined]
        self.field.blockSignals(False)


class ChoiceEditor(Editor):
    """One of several; a value that is none of them is shown as it is."""

    def __init__(self, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.box = QComboBox()
        for value, title in choices:
            self.box.addItem(title, value)
            self.box.setItemData(self.box.count() - 1, wrapped(title), Qt.ItemDataRole.ToolTipRole)
        self.box.setMaxVisibleItems(24)
        self.box.activated.connect(lambda row: self.edited.emit(self.box.itemData(row)))
        self._take(self.box)

    def show_value(self, value: Any) -> None:
        """Show the row of this value."""
        row = self.box.findData(value)
        if row < 0:
            self.box.addItem(str(value), value)
            row = self.box.count() - 1
        self.box.setCurrentIndex(row)


class LineEditor(Editor):
    """A line of text that may have to be read as numbers."""

    def __init__(self, field: PlanField) -> None:
        super().__init__()
        self._plan_field = field
        self.line = QLineEdit()
        self.line.setPlaceholderText(field.example)
        self.line.editingFinished.connect(self._on_edited)
        self._shown = ""
        self._take(self.line)

    def show_value(self, value: Any) -> None:
        """Show the text of a value, unless another one is being typed."""
        text = self._plan_field.text_of(value)
        if text != self._shown or not self.line.hasFocus():
            self.line.setText(text)
        self._shown = text

    def _on_edited(self) -> None:
        if self.line.text() == self._shown:
            self.refused.emit("")
            return
        try:
            value = self._plan_field.read(self.line.text())
        except UserError as error:
            self.refused.emit(str(error))
            return
        self._shown = self.line.text()
        self.refused.emit("")
        self.edited.emit(value)


class LossEditor(Editor):
    """Which losses are summed, and how much each counts."""

    is_wide = True

    def __init__(self, field: PlanField) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        self.checks: dict[str, QCheckBox] = {}
        self.factors: dict[str, NumberBox] = {}
        half = (len(LOSS_IDS) + 1) // 2
        for place, spec in enumerate(LOSS_SPECS):
            check, factor = QCheckBox(tr(PART_TITLES[spec.id])), NumberBox()
            factor.setRange(0.0001, 1000)
            factor.setFixedWidth(68)
            factor.setPrefix("× ")
            factor.setKeyboardTracking(False)
            factor.setAccessibleName(tr("Factor of %1").replace("%1", tr(PART_TITLES[spec.id])))
            check.toggled.connect(self._on_changed)
            factor.valueChanged.connect(self._on_changed)
            self.checks[spec.id], self.factors[spec.id] = check, factor
            column = 0 if place < half else 3
            grid.addWidget(check, place % half, column)
            grid.addWidget(factor, place % half, column + 1)
        grid.setColumnMinimumWidth(2, 8)
        grid.setColumnStretch(5, 1)
        self.setFocusProxy(self.checks["ce"])

    def show_value(self, value: Any) -> None:
        """Tick the parts of a sum."""
        try:
            parts = {part.id: part.factor for part in parse_loss(str(value))}
        except UserError:
            parts = {}
        for spec in LOSS_SPECS:
            check, factor = self.checks[spec.id], self.factors[spec.id]
            for widget in (check, factor):
                widget.blockSignals(True)
            check.setChecked(spec.id in parts)
            factor.setValue(parts.get(spec.id, spec.factor))
            factor.setEnabled(spec.id in parts)
            for widget in (check, factor):
                widget.blockSignals(False)

    def _on_changed(self) -> None:
        parts = []
        for spec in LOSS_SPECS:
            is_on, factor = self.checks[spec.id].isChecked(), self.factors[spec.id].value()
            self.factors[spec.id].setEnabled(is_on)
            if is_on:
                parts.append(spec.id if factor == spec.factor else f"{factor:g}*{spec.id}")
        if not parts:
            self.refused.emit(tr("Tick at least one loss."))
            return
        self.refused.emit("")
        self.edited.emit("+".join(parts))


class AugmentationEditor(Editor):
    """The steps of the augmentation, behind a button: what is kept are those that differ from the preset's."""

    is_wide = True

    def __init__(self, preset: Callable[[], str]) -> None:
        super().__init__()
        self._preset = preset
        self.button = tool_button("more", tr("Show the steps"), tr("Show the steps"), checkable=True)
        self.button.setText(tr("Show the steps"))
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.form = OptionForm(labels_px=WIDTH_PX)
        self.form.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.button)
        column.addWidget(self.form)
        self.button.toggled.connect(self.form.setVisible)
        self.form.changed.connect(self._on_changed)
        self._given: dict[str, object] = {}
        self.setFocusProxy(self.button)

    def show_value(self, value: Any) -> None:
        """Show the preset's steps with these in place of some."""
        from segstudio.ml.training.augment_table import OPTIONS, checked_options, defaults

        self._given = dict(value)
        try:
            values = checked_options(self._preset(), self._given)
        except UserError:
            values = defaults(self._preset())
        self.form.show_options(OPTIONS, values)

    def _on_changed(self, key: str, value: object) -> None:
        from segstudio.ml.training.augment_table import changed_options

        try:
            self.edited.emit(changed_options(self._preset(), {**self._given, key: value}))
        except UserError as error:
            self.refused.emit(str(error))


def make_editor(field: PlanField, classes: Sequence[str], value_of: Callable[[str], Any]) -> Editor:
    """The editor of a field; *classes* are the names to choose from, *value_of* asks for other fields."""
    if field.kind in ("integer", "number"):
        return NumberEditor(field)
    if field.kind == "switch":
        return SwitchEditor(field)
    if field.kind == "choice":
        return ChoiceEditor([(value, tr(title)) for value, title in field.choices])
    if field.kind == "class":
        return ChoiceEditor([("", tr("left out")), *((name, name) for name in classes)])
    if field.kind == "loss":
        return LossEditor(field)
    if field.kind == "augment_options":
        return AugmentationEditor(lambda: str(value_of("augment")))
    return LineEditor(field)
