"""The slim bar below the canvas of a volume: which plane is shown, and a slider through all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QSpinBox, QWidget

from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, follow_theme, tip_of, tool_button

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.action_binding import ActionBinder


class PlaneBar(QWidget):
    """Shown only while the image has more than one plane. Planes are counted from 1 here, from 0 in the session."""

    def __init__(self, session: Session, binder: ActionBinder | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setObjectName("plane-bar")
        label = QLabel(tr("Plane"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Plane shown"))
        self.slider.setToolTip(
            f"{tip_of(binder, 'plane.previous', ',')}\n{tip_of(binder, 'plane.next', '.')}\n"
            + tr("Alt and the wheel on the canvas go through the planes, too")
        )
        self.number = QSpinBox()
        self.number.setAccessibleName(tr("Plane shown"))
        self.number.setKeyboardTracking(False)
        self.count = QLabel()
        self.count.setProperty("muted", True)
        previous = tool_button(
            "previous", tr("Previous plane"), tip_of(binder, "plane.previous", ","), lambda: session.step_plane(-1)
        )
        following = tool_button(
            "next", tr("Next plane"), tip_of(binder, "plane.next", "."), lambda: session.step_plane(1)
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN_PX, GAP_PX, MARGIN_PX, 0)
        row.setSpacing(GAP_PX)
        for widget in (label, previous, self.slider, following, self.number, self.count):
            row.addWidget(widget, 1 if widget is self.slider else 0)
        label.setBuddy(self.number)
        self.slider.valueChanged.connect(session.set_plane)
        self.number.valueChanged.connect(lambda number: session.set_plane(number - 1))
        session.image_changed.connect(self._refresh)
        session.plane_changed.connect(self._on_plane)
        follow_theme(self)
        self._refresh()

    def _refresh(self) -> None:
        count = self.session.plane_count
        self.setVisible(count > 1)
        if count > 1:
            for widget in (self.slider, self.number):
                widget.blockSignals(True)
            self.slider.setRange(0, count - 1)
            self.slider.setPageStep(max(1, count // 10))
            self.number.setRange(1, count)
            self.count.setText(tr("of {count}").format(count=count))
            for widget in (self.slider, self.number):
                widget.blockSignals(False)
            self._on_plane(self.session.plane)

    def _on_plane(self, z: int) -> None:
        for widget, value in ((self.slider, z), (self.number, z + 1)):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
