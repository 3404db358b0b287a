"""The bar below the canvas: the current tool's name, size, shape and guard."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QSlider, QWidget

from segstudio.app.actions import BY_ID
from segstudio.app.prompt_desk import MODEL
from segstudio.app.setting_table import BY_KEY
from segstudio.gui.i18n import tr, tr_table
from segstudio.gui.panels.option_field import OptionField
from segstudio.gui.panels.parts import (
    GAP_PX,
    MARGIN_PX,
    combo,
    follow_theme,
    select_data,
    swatch,
    tip_of,
    tool_button,
)
from segstudio.gui.panels.prompt_model import PromptModelField

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from segstudio.app.session import Session
    from segstudio.app.tools.toolbox import ToolBox
    from segstudio.gui.action_binding import ActionBinder
    from segstudio.gui.job_center import JobCenter

STEPS = 400
"""Notches of the size slider; it is logarithmic, from 1 to 2000 px."""
LARGEST_PX = 2000.0
SLIDER_PX = (56, 160)
"""The slider is as wide as the other fields let it be."""


class ToolOptions(QWidget):
    """What can be set for the current tool; each tool keeps its own."""

    def __init__(
        self,
        session: Session,
        toolbox: ToolBox,
        binder: ActionBinder | None = None,
        parent: QWidget | None = None,
        jobs: JobCenter | None = None,
    ) -> None:
        super().__init__(parent)
        self.jobs, self.binder = jobs, binder
        self.session, self.toolbox, self.settings = session, toolbox, session.settings
        self.setObjectName("tool-options")
        self.name = QLabel()
        self.name.setProperty("heading", True)
        self.size_label = QLabel(tr("Size"))
        self.size = QDoubleSpinBox()
        self.size.setRange(1, LARGEST_PX)
        self.size.setDecimals(0)
        self.size.setSuffix(tr(" px"))
        self.size.setAccessibleName(tr("Size of the brush"))
        keys = f"{tip_of(binder, 'tool.smaller', '[')}\n{tip_of(binder, 'tool.larger', ']')}"
        self.size.setToolTip(f"{tr('Drag with the right button on the canvas to size the brush')}\n{keys}")
        self.size.setKeyboardTracking(False)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setMinimumWidth(SLIDER_PX[0])
        self.slider.setMaximumWidth(SLIDER_PX[1])
        self.slider.setAccessibleName(tr("Size of the brush"))
        tip = tip_of(binder, "tool.toggle_shape", tr("Round or square brush"))
        self.round = tool_button("circle", tr("Round brush"), tip, lambda: self._set_shape("round"), checkable=True)
        self.square = tool_button("square", tr("Square brush"), tip, lambda: self._set_shape("square"), checkable=True)
        self.guard_label = QLabel(tr("Paint over"))
        self.guard = combo(
            tr("Where painting may go"),
            [
                (tr("everything"), "anywhere"),
                (tr("background only"), "background"),
                (tr("one class only"), "class"),
            ],
        )
        self.guard.setToolTip(tr("Locked classes are never painted over"))
        self.guard.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.guard_class = combo(tr("The class that may be painted over"), [])
        self._fields: dict[str, QWidget] = {}
        self.hint = QLabel()
        self.hint.setProperty("muted", True)
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN_PX, GAP_PX, MARGIN_PX, GAP_PX)
        row.setSpacing(MARGIN_PX)
        row.addWidget(self.name)
        for widget in (self.size_label, self.slider, self.size, self.round, self.square):
            row.addWidget(widget, 100 if widget is self.slider else 0)
        for widget in (self.guard_label, self.guard, self.guard_class):
            row.addWidget(widget)
        self._option_row = row
        self._options_at = row.count()
        row.addWidget(self.hint, 1)
        for label in (self.name, self.hint, self.size_label, self.guard_label):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setMinimumWidth(0)
        # One height for every tool: else the picture would move when another tool is taken.
        self.setFixedHeight(max(self.size.sizeHint().height(), self.guard.sizeHint().height()) + 2 * GAP_PX + 4)
        self.size_label.setBuddy(self.size)
        self.guard_label.setBuddy(self.guard)

    def _connect(self) -> None:
        self.size.valueChanged.connect(self._set_size)
        self.slider.valueChanged.connect(lambda step: self._set_size(_size_of(step)))
        self.guard.currentIndexChanged.connect(lambda _: self.settings.set("paint.guard", self.guard.currentData()))
        self.guard_class.currentIndexChanged.connect(self._on_guard_class)
        self.toolbox.tool_changed.connect(self._on_tool)
        self.settings.changed.connect(self._on_setting)
        self.session.classes_changed.connect(self._refresh)
        self.session.project_changed.connect(self._refresh)
        follow_theme(self)

    def _on_tool(self, _: str) -> None:
        self._refresh()

    def _on_setting(self, key: str, _: object) -> None:
        if key.startswith("paint.") or key in (self.toolbox.current.size_key, self.toolbox.current.shape_key):
            self._refresh()

    def _set_size(self, size_px: float) -> None:
        key = self.toolbox.current.size_key
        if key:
            self.settings.set(key, float(round(size_px)))

    def _set_shape(self, shape: str) -> None:
        key = self.toolbox.current.shape_key
        if key:
            self.settings.set(key, shape)
        self._refresh()

    def _on_guard_class(self, _: int) -> None:
        chosen = self.guard_class.currentData()
        if chosen:
            self.session.set_guard_class(int(chosen))

    def _refresh(self) -> None:
        tool = self.toolbox.current
        spec = BY_ID.get(f"tool.{tool.id}")
        self.name.setText(tr_table("actions", spec.text) if spec is not None else tool.id)
        self.hint.setText(tr_table("actions", spec.tip) if spec is not None and not tool.is_brush else "")
        for widget in (self.size_label, self.slider, self.size):
            widget.setVisible(tool.is_brush)
        for widget in (self.round, self.square):
            widget.setVisible(bool(tool.shape_key))
        has_guard = tool.has_guard
        self.guard_label.setVisible(has_guard)
        self.guard.setVisible(has_guard)
        mode = self.settings.text("paint.guard")
        self.guard_class.setVisible(has_guard and mode == "class")
        select_data(self.guard, mode)
        if tool.is_brush:
            for widget, value in ((self.size, tool.size_px), (self.slider, _step_of(tool.size_px))):
                widget.blockSignals(True)
                widget.setValue(value)  # type: ignore[arg-type]
                widget.blockSignals(False)
        self.round.setChecked(tool.shape == "round")
        self.square.setChecked(tool.shape == "square")
        self._fill_guard_classes()
        self._show_options(tool.options)

    def _show_options(self, keys: tuple[str, ...]) -> None:
        """The tool's further settings; each is made when it is first shown."""
        for key in keys:
            if key not in self._fields:
                field = self._field(key)
                self._fields[key] = field
                self._option_row.insertWidget(self._options_at + len(self._fields) - 1, field)
        for key, field in self._fields.items():
            field.setVisible(key in keys)
        if len(keys) > 1:
            self.hint.setText("")  # there is no room for both
        self._make_room()

    def _make_room(self) -> None:
        """In a narrow window the name gives way, which the pressed button tells as well, before the fields shrink."""
        name_px = self.name.sizeHint().width() + MARGIN_PX if self.name.isHidden() else 0
        is_wide = self._option_row.sizeHint().width() + name_px <= self.width()
        self.name.setVisible(bool(self.hint.text()) or is_wide)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Another width may have room for the name."""
        super().resizeEvent(event)
        self._make_room()

    def _field(self, key: str) -> QWidget:
        if key == MODEL and self.jobs is not None:
            return PromptModelField(self.jobs.prompts, self.binder)
        return OptionField(self.settings, BY_KEY[key])

    def _fill_guard_classes(self) -> None:
        box = self.guard_class
        box.blockSignals(True)
        box.clear()
        box.addItem(tr("choose a class"), 0)
        for item in self.session.classes:
            box.addItem(swatch(item.color), item.name, item.id)
        index = box.findData(self.session.guard_class_id)
        box.setCurrentIndex(max(index, 0))
        box.blockSignals(False)


def _size_of(step: int) -> float:
    return float(round(math.exp(step / STEPS * math.log(LARGEST_PX))))


def _step_of(size_px: float) -> int:
    return round(math.log(max(size_px, 1.0)) / math.log(LARGEST_PX) * STEPS)
