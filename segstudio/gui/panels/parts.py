"""Small pieces that the panels share: named buttons, plain tooltips, swatches, sliders with their value."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from segstudio.gui import icons, theme

if TYPE_CHECKING:
    from segstudio.gui.action_binding import ActionBinder

MARGIN_PX = 8
GAP_PX = 4


def plain(text: str) -> str:
    """*text* as a tooltip shows it letter by letter: tooltips take anything that looks like markup for markup."""
    return f"<span>{html.escape(text)}</span>" if "<" in text or "&" in text else text


def wrapped(text: str) -> str:
    """*text* as a tooltip of several lines: only markup is wrapped."""
    return f"<p>{html.escape(text)}</p>" if text else ""


def tip_of(binder: ActionBinder | None, action_id: str, fallback: str) -> str:
    """An action's tooltip with its key; *fallback* where no window is."""
    return fallback if binder is None else binder.tool_tip(action_id)


def tool_button(
    icon_name: str, name: str, tip: str, on_click: Callable[[], object] | None = None, *, checkable: bool = False
) -> QToolButton:
    """A flat button with an icon, named for screen readers; its icon follows the theme."""
    button = QToolButton()
    button.setAutoRaise(True)
    button.setCheckable(checkable)
    button.setIconSize(QSize(20, 20))
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setAccessibleName(name)
    button.setToolTip(tip or name)
    set_icon(button, icon_name)
    if on_click is not None:
        button.clicked.connect(lambda *_: on_click())
    return button


def set_icon(button: QToolButton, icon_name: str) -> None:
    """Show an icon that is drawn anew when the theme changes."""
    button.setProperty("icon-name", icon_name)
    button.setIcon(icons.icon(icon_name))


def refresh_icons(parent: QWidget) -> None:
    """Draw the icons of all buttons in *parent* in the theme's colours."""
    for button in parent.findChildren(QToolButton):
        name = button.property("icon-name")
        if name:
            button.setIcon(icons.icon(str(name)))


class _ThemeFollower(QObject):
    """A child of the panel, so that the connection ends with it."""

    def follow(self) -> None:
        panel = self.parent()
        if isinstance(panel, QWidget):
            refresh_icons(panel)


def follow_theme(panel: QWidget) -> None:
    """Keep the icons of a panel in the theme's colours."""
    theme.theme_manager().changed.connect(_ThemeFollower(panel).follow)


def swatch(color: str, size_px: int = 16, ratio: float = 2.0) -> QIcon:
    """A square of a class's colour with an outline that shows on light and dark."""
    picture = QPixmap(round(size_px * ratio), round(size_px * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("border_strong"), 1))
    painter.setBrush(QColor(color))
    painter.drawRoundedRect(1, 1, size_px - 2, size_px - 2, 3, 3)
    painter.end()
    result = QIcon(picture)
    result.addPixmap(picture, QIcon.Mode.Selected)  # else a selected row tints the class's colour
    return result


def hold_height(label: QLabel) -> None:
    """Let a label whose text changes never become lower, so that what lies below it stays where the pointer is."""
    wanted = label.heightForWidth(label.width())
    if label.isVisible() and wanted > label.minimumHeight():
        label.setMinimumHeight(wanted)


def combo(name: str, items: Iterable[tuple[str, object]]) -> QComboBox:
    """A combo box of (text, data), named for screen readers."""
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    for text, data in items:
        box.addItem(text, data)
    return box


def select_data(box: QComboBox, data: object) -> None:
    """Show the item with this data, telling nobody."""
    index = box.findData(data)
    if index >= 0 and index != box.currentIndex():
        box.blockSignals(True)
        box.setCurrentIndex(index)
        box.blockSignals(False)


class ValueSlider(QWidget):
    """A slider with its value beside it; ``moved(value)`` only for what the person does."""

    moved = Signal(float)

    def __init__(
        self,
        name: str,
        minimum: float,
        maximum: float,
        step: float,
        show: Callable[[float], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._step, self._show = step, show
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(minimum / step), round(maximum / step))
        self.slider.setPageStep(max(1, (self.slider.maximum() - self.slider.minimum()) // 10))
        self.slider.setAccessibleName(name)
        self.slider.setToolTip(name)
        self.value_label = QLabel()
        self.value_label.setMinimumWidth(44)
        self.value_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.value_label.setTextFormat(Qt.TextFormat.PlainText)
        self.setFocusProxy(self.slider)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX)
        row.addWidget(self.slider, 1)
        row.addWidget(self.value_label)
        self.slider.valueChanged.connect(self._on_changed)
        self._on_shown(self.value())

    def value(self) -> float:
        """The value shown."""
        return self.slider.value() * self._step

    def set_value(self, value: float) -> None:
        """Show a value, telling nobody."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(value / self._step))
        self.slider.blockSignals(False)
        self._on_shown(value)

    def _on_shown(self, value: float) -> None:
        self.value_label.setText(self._show(value))

    def _on_changed(self, _: int) -> None:
        self._on_shown(self.value())
        self.moved.emit(self.value())


def percent(value: float) -> str:
    """0.5 → "50 %"."""
    return f"{round(value * 100)} %"
