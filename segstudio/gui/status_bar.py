"""The status line: position, value and class under the cursor, zoom, device."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from segstudio.gui import theme
from segstudio.gui.i18n import tr

TIP_MS = 6000


class StatusLine(QFrame):
    """One line of facts, each with a place of its own so that nothing jumps while the cursor moves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(26)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(16)
        font = theme.small_font(self.font())
        self._position = self._label(font, tr("Position"), "x 00000  y 00000")
        self._map = self._label(font, tr("Place"), "")
        self._place: Callable[[int, int], str] | None = None
        self._value = self._label(font, tr("Value"), tr("value") + " 65535 65535 65535")
        self._class = self._label(font, tr("Class under the cursor"), "")
        self._message = self._label(font, tr("Hint"), "")
        self._image = self._label(font, tr("Image"), "")
        self._plane = self._label(font, tr("Plane"), "")
        self._zoom = self._label(font, tr("Zoom"), tr("zoom") + " 00000 %")
        self._device = self._label(font, tr("Device"), "")
        for label in (self._position, self._map, self._value, self._class):
            row.addWidget(label)
        self._map.hide()
        row.addWidget(self._message, 1)
        for label in (self._image, self._plane, self._zoom, self._device):
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            row.addWidget(label)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._message.clear)

    def show_cursor(self, x: int, y: int, values: tuple[float, ...], class_name: str) -> None:
        """What lies under the cursor, in image pixels and the file's own values."""
        self._position.setText(f"x {x}  y {y}")
        if self._place is not None:
            self._map.setText(self._place(x, y))
        shown = " ".join(format_value(value) for value in values[:6])
        self._value.setText(f"{tr('value')} {shown}" if values else "")
        self._class.setText(f"{tr('class')} {class_name}" if class_name else "")

    def clear_cursor(self) -> None:
        """The cursor left the image."""
        for label in (self._position, self._map, self._value, self._class):
            label.clear()

    def set_place(self, place: Callable[[int, int], str] | None, width: int = 0, height: int = 0) -> None:
        """What tells of a pixel (x, y) where it lies in the world; None, or nothing told: that is not shown.

        *width* and *height* of the image say how much room it takes.
        """
        self._map.clear()
        corners = () if place is None else tuple(place(x, y) for x in (0, width) for y in (0, height))
        self._place = place if any(corners) else None
        self._map.setVisible(self._place is not None)
        if self._place is not None:
            measure = self._map.fontMetrics().horizontalAdvance
            self._map.setMinimumWidth(max(measure(text) for text in corners))

    def show_zoom(self, zoom: float) -> None:
        """1.0 = one image pixel a physical screen pixel."""
        percent = zoom * 100
        self._zoom.setText(f"{tr('zoom')} {percent:.0f} %" if percent >= 10 else f"{tr('zoom')} {percent:.1f} %")

    def show_device(self, device: str) -> None:
        """Where models run."""
        self._device.setText(device)

    def show_image(self, text: str) -> None:
        """Size and type of the image."""
        self._image.setText(text)

    def show_plane(self, z: int, count: int) -> None:
        """Which plane of a volume is shown (*z* from 0); nothing for a flat image."""
        text = tr("plane {number} of {count}").format(number=z + 1, count=count) if count > 1 else ""
        self._plane.setText(text)
        self._plane.setVisible(bool(text))

    def show_message(self, text: str) -> None:
        """A hint for some seconds, such as the tip of the menu entry under the cursor."""
        self._message.setText(text)
        self._timer.start(TIP_MS)

    def texts(self) -> dict[str, str]:
        """What stands there, by place."""
        return {
            "position": self._position.text(),
            "place": self._map.text(),
            "value": self._value.text(),
            "class": self._class.text(),
            "zoom": self._zoom.text(),
            "device": self._device.text(),
            "image": self._image.text(),
            "plane": self._plane.text(),
            "message": self._message.text(),
        }

    def _label(self, font: object, name: str, widest: str) -> QLabel:
        label = QLabel(self)
        label.setFont(font)  # type: ignore[arg-type]
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAccessibleName(name)
        label.setProperty("muted", True)
        if widest:
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance(widest))
        return label


def format_value(value: float) -> str:
    """A pixel value with no needless digits."""
    return str(int(value)) if float(value).is_integer() else f"{value:.4g}"
