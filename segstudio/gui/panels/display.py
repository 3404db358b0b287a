"""How the image's values are shown: bands, range, gamma, colours, for this image or for all of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.display import STRETCHES, DisplayPresenter
from segstudio.core.colormaps import COLOR_MAPS
from segstudio.gui.i18n import tr
from segstudio.gui.panels.histogram import Histogram
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, combo, select_data

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QShowEvent

    from segstudio.app.session import Session


class DisplayControls(QWidget):
    """Changing anything leaves the automatic range; the button goes back to it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.presenter = DisplayPresenter(session)
        self._is_showing = False
        self._is_watching = False
        self._make()
        self._lay_out()
        self._connect()
        self._refresh()

    def _make(self) -> None:
        self.histogram = Histogram()
        self.preset = combo(tr("What the bands show"), [])
        self.bands = [
            self._band(name) for name in (tr("Band shown red"), tr("Band shown green"), tr("Band shown blue"))
        ]
        items: list[tuple[str, object]] = [(tr("As set"), None)]
        for low, high in STRETCHES:
            items.append((tr("All values") if (low, high) == (0.0, 100.0) else f"{low:g} – {high:g} %", (low, high)))
        self.stretch = combo(tr("Range found by percentiles"), items)
        self.per_band = QCheckBox(tr("Each band by itself"))
        self.per_band.setToolTip(tr("A range of its own for each band: takes away a tint of haze"))
        self.low = self._number(tr("Value shown black"))
        self.high = self._number(tr("Value shown white"))
        self.window_preset = combo(tr("Window and level"), [])
        self.gamma = self._number(tr("Gamma"))
        self.gamma.setRange(0.1, 10.0)
        self.gamma.setSingleStep(0.1)
        self.gamma.setDecimals(2)
        self.colormap = combo(tr("Colours of one band"), [(_map_title(name), name) for name in COLOR_MAPS])
        self.inverted = QCheckBox(tr("Inverted"))
        self.inverted.setAccessibleName(tr("Show the image inverted"))
        self.shared = QCheckBox(tr("For all images like this"))
        self.shared.setToolTip(tr("Show all images of the project with the same type and number of bands alike"))
        self.auto = QPushButton(tr("Automatic"))
        self.auto.setAccessibleName(tr("Automatic brightness"))
        self.auto.setToolTip(tr("Choose the range of values from the image"))

    def _lay_out(self) -> None:
        self._band_row = QWidget()
        row = QHBoxLayout(self._band_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX)
        for box in self.bands:
            row.addWidget(box)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_PX)
        column.addWidget(self.histogram)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(MARGIN_PX)
        self._form.setVerticalSpacing(GAP_PX)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column.addLayout(self._form)
        self._form.addRow(tr("Shows"), self.preset)
        self._form.addRow(tr("Bands"), self._band_row)
        self._form.addRow(tr("Range"), self.stretch)
        self._form.addRow("", self.per_band)
        self._form.addRow(tr("Black"), self.low)
        self._form.addRow(tr("White"), self.high)
        self._form.addRow(tr("Window"), self.window_preset)
        self._form.addRow(tr("Gamma"), self.gamma)
        self._form.addRow(tr("Colours"), self.colormap)
        self._form.addRow("", self.inverted)
        self._form.addRow("", self.shared)
        self._form.addRow("", self.auto)
        self.setFocusProxy(self.low)

    def _connect(self) -> None:
        session, presenter = self.session, self.presenter
        for box in (self.low, self.high):
            box.valueChanged.connect(self._on_range)
        for band in self.bands:
            band.valueChanged.connect(self._on_bands)
        self.preset.activated.connect(lambda _: presenter.set_preset(str(self.preset.currentData())))
        self.stretch.activated.connect(lambda _: presenter.set_stretch(self.stretch.currentData()))
        self.per_band.clicked.connect(self._on_per_band)
        self.window_preset.activated.connect(self._on_window)
        self.gamma.valueChanged.connect(lambda value: self._is_showing or presenter.set_gamma(value))
        self.colormap.activated.connect(lambda _: presenter.set_colormap(str(self.colormap.currentData())))
        self.inverted.clicked.connect(presenter.set_inverted)
        self.shared.clicked.connect(presenter.set_shared)
        self.auto.clicked.connect(presenter.set_automatic)
        self.histogram.moved.connect(lambda low, high: presenter.set_range(low, high, remembers=False))
        self.histogram.dropped.connect(lambda: session.set_display(session.display))
        self.histogram.reset.connect(presenter.set_automatic)
        presenter.changed.connect(self._refresh)
        session.sample_changed.connect(self._show_histogram)

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

    # -- showing -------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """From now on the histogram is looked at."""
        super().showEvent(event)
        self._watch(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Nobody looks any more."""
        super().hideEvent(event)
        self._watch(False)

    def _watch(self, is_on: bool) -> None:
        if is_on != self._is_watching:
            self._is_watching = is_on
            self.session.watch_sample(is_on)
            self._refresh()

    def _refresh(self) -> None:
        presenter, settings = self.presenter, self.presenter.shown
        has_image = self.session.image is not None
        count = presenter.band_count
        self._is_showing = True
        self._show_range()
        self.gamma.setValue(settings.gamma)
        self.inverted.setChecked(settings.invert)
        self.per_band.setChecked(settings.is_per_band)
        self.shared.setChecked(self.session.is_display_shared)
        for box, band in zip(self.bands, settings.bands):
            box.setMaximum(count)
            box.setValue(band + 1)
        self._is_showing = False
        self._show_presets()
        self.stretch.setCurrentIndex(max(_index_of(self.stretch, presenter.stretch), 0))
        select_data(self.colormap, settings.colormap)
        self._form.setRowVisible(self._band_row, count > 1)
        self._form.setRowVisible(self.preset, count > 1)
        self._form.setRowVisible(self.per_band, count > 1 and not settings.is_grey)
        self._form.setRowVisible(self.colormap, settings.is_grey)
        self.setEnabled(has_image)
        self.auto.setEnabled(self.session.display is not None)
        self._show_histogram()

    def _show_range(self) -> None:
        settings, is_float = self.presenter.shown, self.presenter.is_float
        for box in (self.low, self.high):
            box.setDecimals(4 if is_float else 0)
            box.setSingleStep(max((settings.high - settings.low) / 50, 1e-4 if is_float else 1.0))
        self.low.setValue(settings.low)
        self.high.setValue(settings.high)

    def _show_presets(self) -> None:
        presenter = self.presenter
        presets = presenter.presets
        _fill(self.preset, [(_preset_title(preset.id, preset.title), preset.id) for preset in presets])
        index = self.preset.findData(presenter.preset_id)
        if index < 0:  # bands of the person's own choice
            self.preset.addItem(tr("Own choice"), "")
            index = self.preset.count() - 1
        self.preset.setCurrentIndex(index)
        windows = presenter.windows
        items: list[tuple[str, object]] = [(tr("As set"), None)]
        items += [(_window_title(*row), (row[1], row[2])) for row in windows]
        _fill(self.window_preset, items)
        shown = presenter.shown
        index = _index_of(self.window_preset, (shown.window, shown.level))
        self.window_preset.setCurrentIndex(max(index, 0))
        self._form.setRowVisible(self.window_preset, bool(windows))

    def _show_histogram(self) -> None:
        if self._is_watching:
            shown = self.presenter.shown
            self.histogram.show_range(self.session.sample, shown.bands, shown.low, shown.high)

    # -- doing ---------------------------------------------------------------------------------------------------

    def _on_range(self, *_: object) -> None:
        if self._is_showing or self.session.image is None:
            return
        low, high = self.low.value(), self.high.value()
        if high <= low:
            # The value being edited wins, the other one makes room.
            least = 1e-4 if self.low.decimals() else 1.0
            low, high = (low, low + least) if self.sender() is self.low else (high - least, high)
        self.presenter.set_range(low, high)

    def _on_bands(self, *_: object) -> None:
        if not self._is_showing:
            red, green, blue = (box.value() - 1 for box in self.bands)
            self.presenter.set_bands((red, green, blue))

    def _on_per_band(self, is_on: bool) -> None:
        percentiles = self.presenter.stretch or STRETCHES[2]
        self.presenter.set_stretch(percentiles, is_per_band=is_on)

    def _on_window(self, *_: object) -> None:
        chosen = self.window_preset.currentData()
        if chosen is not None:
            self.presenter.set_window(*chosen)


def _fill(box: QComboBox, items: list[tuple[str, object]]) -> None:
    """Put other items into a box, unless they are there already."""
    if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] != items:
        box.clear()
        for text, data in items:
            box.addItem(text, data)


def _index_of(box: QComboBox, data: object) -> int:
    """As findData, which does not find pairs of numbers; -1 where there is none."""
    return next((index for index in range(box.count()) if box.itemData(index) == data), -1)


def _map_title(name: str) -> str:
    titles = {"grey": tr("Grey"), "terrain": tr("Terrain")}
    return titles.get(name, name.capitalize())


def _preset_title(preset_id: str, title: str) -> str:
    if preset_id.startswith("band:"):
        is_named = not title.startswith("band ")
        number = int(preset_id.partition(":")[2]) + 1
        return title if is_named else tr("Band {number} alone").format(number=number)
    titles = {
        "natural": tr("Natural colours"),
        "false_nir": tr("False colour, near infrared"),
        "false_swir": tr("Short-wave infrared"),
        "crops": tr("Crops"),
        "first": tr("First three bands"),
    }
    return titles.get(preset_id, title)


def _window_title(name: str, window: float, level: float) -> str:
    titles = {
        "Lung": tr("Lung"),
        "Bone": tr("Bone"),
        "Brain": tr("Brain"),
        "Soft tissue": tr("Soft tissue"),
        "Liver": tr("Liver"),
    }
    return f"{titles.get(name, name)}  {window:g} / {level:g}"
