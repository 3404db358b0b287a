"""A histogram of the bands shown, with the values drawn black and white as handles to drag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.app.presenters.display import histogram
from segstudio.gui import theme
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    import numpy as np
    from PySide6.QtGui import QMouseEvent, QPaintEvent

HEIGHT_PX, FOOT_PX, SIDE_PX = 76, 12, 7
GRAB_PX = 9
BAND_COLORS = ("#e05252", "#3fa34d", "#4a7fe0")


class Histogram(QWidget):
    """``moved(low, high)`` while a handle, or the range between them, is dragged; ``dropped()`` when it is let go."""

    moved = Signal(float, float)
    dropped = Signal()
    reset = Signal()
    """A double click: back to automatic."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT_PX)
        self.setMinimumWidth(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Histogram"))
        self.setToolTip(tr("Drag the marks for black and white, or the range between them; double-click: automatic"))
        self.setMouseTracking(True)
        self._counts: list[np.ndarray] = []
        self._first, self._end = 0.0, 255.0
        self._low, self._high = 0.0, 255.0
        self._colors: tuple[str, ...] = BAND_COLORS
        self._sample: np.ndarray | None = None
        self._bands = (-1, -1, -1)
        self._held = ""
        self._grabbed_at = 0.0
        self._grabbed = (0.0, 0.0)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the panel."""
        return QSize(240, HEIGHT_PX)

    def show_range(
        self, sample: np.ndarray | None, bands: tuple[int, int, int], low: float, high: float
    ) -> None:
        """Show the histogram of these bands of a (band, n) sample, and the handles; nothing is told."""
        self._low, self._high = low, high
        if sample is not self._sample or bands != self._bands:
            # Not for every step of a drag: the axis stays, or it would run away from under the hand.
            self._sample, self._bands = sample, bands
            self._counts = []
            if sample is not None:
                self._counts, self._first, self._end = histogram(sample, bands, low, high)
            is_grey = bands[0] == bands[1] == bands[2]
            self._colors = () if is_grey else tuple(BAND_COLORS[bands.index(band)] for band in dict.fromkeys(bands))
        if sample is None:
            self._first, self._end = low, max(high, low + 1e-9)
        self.update()

    @property
    def has_values(self) -> bool:
        """Whether there is something to show."""
        return bool(self._counts)

    def x_of(self, value: float) -> float:
        """Where a value stands, inside the widget even where it is off the axis."""
        span = max(self._end - self._first, 1e-12)
        place = (value - self._first) / span
        return SIDE_PX + min(max(place, 0.0), 1.0) * (self.width() - 2 * SIDE_PX)

    def _value_at(self, x: float) -> float:
        return self._first + (x - SIDE_PX) / max(self.width() - 2 * SIDE_PX, 1) * (self._end - self._first)

    # -- the hand ------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take the nearer handle, or the range between them."""
        if event.button() != Qt.MouseButton.LeftButton or not self.isEnabled():
            return super().mousePressEvent(event)
        self._held = self._part_at(event.position().x())
        self._grabbed_at, self._grabbed = self._value_at(event.position().x()), (self._low, self._high)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The values follow."""
        x = event.position().x()
        if not self._held:
            is_middle = self._part_at(x) == "both"
            self.setCursor(Qt.CursorShape.OpenHandCursor if is_middle else Qt.CursorShape.SplitHCursor)
            return
        by = self._value_at(x) - self._grabbed_at
        low, high = self._grabbed
        least = (self._end - self._first) / 1000
        if self._held == "low":
            low = min(low + by, high - least)
        elif self._held == "high":
            high = max(high + by, low + least)
        else:
            low, high = low + by, high + by
        self.moved.emit(low, high)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """What is shown stays."""
        if self._held and event.button() == Qt.MouseButton.LeftButton:
            self._held = ""
            self.dropped.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Back to automatic."""
        self._held = ""
        self.reset.emit()

    def _part_at(self, x: float) -> str:
        low, high = self.x_of(self._low), self.x_of(self._high)
        nearer = "low" if abs(x - low) <= abs(x - high) else "high"
        if min(abs(x - low), abs(x - high)) <= GRAB_PX or not low < x < high:
            return nearer
        return "both"

    # -- drawing -------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground, curves, what is cut off, handles."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(SIDE_PX, 1, self.width() - 2 * SIDE_PX, HEIGHT_PX - FOOT_PX - 1)
        painter.fillRect(area, theme.color("canvas"))
        for number, counts in enumerate(self._counts):
            color = QColor(self._colors[number]) if number < len(self._colors) else theme.color("text")
            self._draw_curve(painter, area, counts, color)
        low, high = self.x_of(self._low), self.x_of(self._high)
        veil = QColor(theme.color("canvas"))
        veil.setAlphaF(0.65)
        painter.fillRect(QRectF(area.left(), area.top(), low - area.left(), area.height()), veil)
        painter.fillRect(QRectF(high, area.top(), area.right() - high, area.height()), veil)
        painter.setPen(QPen(theme.color("border_strong"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area)
        for x, fill in ((low, QColor("#000000")), (high, QColor("#ffffff"))):
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(QPen(theme.color("border_strong"), 1.2))
            painter.setBrush(fill)
            foot = area.bottom()
            painter.drawPolygon(
                QPolygonF([QPointF(x, foot - 1), QPointF(x - 6, foot + FOOT_PX - 2), QPointF(x + 6, foot + FOOT_PX - 2)])
            )
        painter.end()

    def _draw_curve(self, painter: QPainter, area: QRectF, counts: np.ndarray, color: QColor) -> None:
        path = QPainterPath(area.bottomLeft())
        step = area.width() / len(counts)
        for index, count in enumerate(counts.tolist()):
            y = area.bottom() - count**0.5 * (area.height() - 2)
            path.lineTo(area.left() + index * step, y)
            path.lineTo(area.left() + (index + 1) * step, y)
        path.lineTo(area.bottomRight())
        path.closeSubpath()
        painter.setPen(Qt.PenStyle.NoPen)
        color = QColor(color)
        color.setAlphaF(0.55)
        painter.setBrush(color)
        painter.drawPath(path)
