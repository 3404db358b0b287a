"""Window and level: which of an image's values are black and white, gamma, inversion, bands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QPushButton, QSpinBox, QWidget

from segstudio.core.display import DisplaySettings
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from segstudio.app.session import Session

RANGES = {"uint8": (0.0, 255.0), "int8": (-128.0, 127.0), "uint16": (0.0, 65535.0), "int16": (-32768.0, 32767.0)}


class DisplayControls(QWidget):
    """Changing anything leaves the automatic range; the button goes back to it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.low = self._number(tr("Value shown black"))
        self.high = self._number(tr("Value shown white"))
        self.gamma = self._number(tr("Gamma"))
        self.gamma.setRange(0.1, 10.0)
        self.gamma.setSingleStep(0.1)
        self.gamma.setDecimals(2)
        self.inverted = QCheckBox(tr("Inverted"))
        self.inverted.setAccessibleName(tr("Show the image inverted"))
        self.auto = QPushButton(tr("Automatic"))
        self.auto.setAccessibleName(tr("Automatic brightness"))
        self.auto.setToolTip(tr("Choose the range of values from the image"))
        self.bands = [
            self._band(name) for name in (tr("Band shown red"), tr("Band shown green"), tr("Band shown blue"))
        ]
        self._band_row = QWidget()
        row = QHBoxLayout(self._band_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX)
        for box in self.bands:
            row.addWidget(box)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(MARGIN_PX)
        self._form.setVerticalSpacing(GAP_PX)
        self._form.addRow(tr("Black"), self.low)
        self._form.addRow(tr("White"), self.high)
        self._form.addRow(tr("Gamma"), self.gamma)
        self._form.addRow(tr("Bands"), self._band_row)
        self._form.addRow("", self.inverted)
        self._form.addRow("", self.auto)
        self.setFocusProxy(self.low)
        for box in (self.low, self.high, self.gamma):
            box.valueChanged.connect(self._on_edited)
        for band in self.bands:
            band.valueChanged.connect(self._on_edited)
        self.inverted.toggled.connect(self._on_edited)
        self.auto.clicked.connect(lambda: session.set_display(None))
        session.display_changed.connect(self._refresh)
        session.image_changed.connect(self._refresh)
        session.reader_changed.connect(self._refresh)
        self._is_showing = False
        self._refresh()

    def _number(self, name: str) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setRange(-1e12, 1e12)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setKeyboardTracking(False)
        return box

    def _band(self, name: str) -> QSpinBox:
        box = QSpinBox()
        box.setMinimum(1)
        box.setAccessibleName(name)
        box.setToolTip(name)
        return box

    def _shown(self) -> DisplaySettings:
        session = self.session
        known = session.display or session.auto_display
        if known is not None:
            return known
        record = session.image
        low, high = RANGES.get(record.dtype if record is not None else "uint8", (0.0, 1.0))
        bands = (0, 1, 2) if record is None or record.bands >= 3 else (0, 0, 0)
        return DisplaySettings(low, high, bands=bands)

    def _refresh(self) -> None:
        record = self.session.image
        settings = self._shown()
        count = 1 if record is None else max(record.bands, 1)
        is_float = record is not None and record.dtype.startswith("float")
        self._is_showing = True
        for box in (self.low, self.high):
            box.setDecimals(4 if is_float else 0)
            box.setSingleStep(max((settings.high - settings.low) / 50, 1e-4 if is_float else 1.0))
        self.low.setValue(settings.low)
        self.high.setValue(settings.high)
        self.gamma.setValue(settings.gamma)
        self.inverted.setChecked(settings.invert)
        for box, band in zip(self.bands, settings.bands):
            box.setMaximum(count)
            box.setValue(band + 1)
        self._is_showing = False
        self._form.setRowVisible(self._band_row, count > 1)
        self.setEnabled(record is not None)
        self.auto.setEnabled(self.session.display is not None)

    def _on_edited(self, *_: object) -> None:
        if self._is_showing or self.session.image is None:
            return
        low, high = self.low.value(), self.high.value()
        if high <= low:
            # The value being edited wins, the other one makes room.
            least = 1e-4 if self.low.decimals() else 1.0
            low, high = (low, low + least) if self.sender() is self.low else (high - least, high)
        first, second, third = (box.value() - 1 for box in self.bands)
        self.session.set_display(
            replace(
                self._shown(),
                low=low,
                high=high,
                gamma=self.gamma.value(),
                invert=self.inverted.isChecked(),
                bands=(first, second, third),
            )
        )
