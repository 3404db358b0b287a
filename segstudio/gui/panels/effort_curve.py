"""A curve over the images in the order they were worked on, with the versions of the model that came into use."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from segstudio.gui import theme
from segstudio.gui.panels.parts import plain

HEIGHT_PX = 124
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 50, 10, 10, 22
POINT_PX = 3.0
REACH_PX = 12.0
"""A point is meant by a click so near."""
SMOOTHED = 5
"""The thick line is the mean of so many images, those before and the image itself."""


@dataclass(frozen=True)
class CurvePoint:
    """One image: its place (from 1), value, and what a tooltip says."""

    place: int
    value: float
    image_id: int
    tip: str


def time_unit(seconds: float) -> float:
    """The seconds of the unit that an axis up to so many seconds is written in."""
    return next((unit for unit in (3600.0, 60.0) if seconds >= 2 * unit), 1.0)


def nice_steps(top: float, count: int = 3, unit_of: Callable[[float], float] = lambda _: 1.0) -> list[float]:
    """Round numbers from 0 to at least *top*, about *count* of them; round in units that *unit_of* names for *top*."""
    if top <= 0 or not math.isfinite(top):
        return [0.0, 1.0]
    whole = unit_of(top)
    if whole != 1.0:
        return [whole * value for value in nice_steps(top / whole, count)]
    rough = top / count
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


class EffortCurve(QWidget):
    """Points, their running mean, and a dashed line where another version of the model came into use.

    ``opened(image_id)``: somebody double-clicked an image's point.
    """

    opened = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.points: tuple[CurvePoint, ...] = ()
        self.starts: tuple[tuple[int, str], ...] = ()
        self._total = 0
        self._top = 0.0
        self._show: Callable[[float], str] = str
        self._unit_of: Callable[[float], float] = lambda _: 1.0
        self._empty = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(HEIGHT_PX)
        self.setFont(theme.small_font(self.font()))
        theme.theme_manager().changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as panels are."""
        return QSize(300, HEIGHT_PX)

    def show_points(
        self,
        points: Sequence[CurvePoint],
        starts: Sequence[tuple[int, str]],
        total: int,
        show: Callable[[float], str],
        *,
        top: float = 0.0,
        is_time: bool = False,
        empty: str = "",
    ) -> None:
        """Draw *points* among *total* places; *show* writes a value of the axis, whose end is *top* (0: from the values)."""
        self.points, self.starts, self._total = tuple(points), tuple(starts), total
        self._show, self._top, self._empty = show, top, empty
        self._unit_of = time_unit if is_time else lambda _: 1.0
        self.setAccessibleDescription("; ".join(point.tip for point in self.points[-12:]))
        self.update()

    # -- geometry --------------------------------------------------------------------------------------------------

    def place_of(self, point: CurvePoint) -> QPointF:
        """Where a point is drawn."""
        return QPointF(self._x(point.place), self._y(point.value))

    def _plot(self) -> QRectF:
        size = self.size()
        return QRectF(
            LEFT_PX, TOP_PX, max(1, size.width() - LEFT_PX - RIGHT_PX), max(1, size.height() - TOP_PX - BOTTOM_PX)
        )

    def _steps(self) -> list[float]:
        top = self._top or max((point.value for point in self.points), default=0.0)
        return nice_steps(top, unit_of=self._unit_of)

    def _x(self, place: float) -> float:
        plot = self._plot()
        return plot.left() + plot.width() * (place - 0.5) / max(1, self._total)

    def _y(self, value: float) -> float:
        plot = self._plot()
        return plot.bottom() - plot.height() * value / self._steps()[-1]

    def _nearest(self, at: QPointF) -> CurvePoint | None:
        best = min(self.points, key=lambda p: math.hypot(*(self.place_of(p) - at).toTuple()), default=None)
        if best is None or math.hypot(*(self.place_of(best) - at).toTuple()) > REACH_PX:
            return None
        return best

    # -- Qt's own --------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Tooltips of points."""
        if isinstance(event, QHelpEvent):
            point = self._nearest(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), plain(point.tip) if point else self.toolTip(), self)
            return True
        return super().event(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Open the image of the point."""
        point = self._nearest(event.position())
        if point is not None:
            self.opened.emit(point.image_id)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Axes, versions, mean, points."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.points:
            painter.setPen(theme.color("muted"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        self._draw_axes(painter)
        self._draw_starts(painter)
        self._draw_curve(painter)

    def _draw_axes(self, painter: QPainter) -> None:
        plot = self._plot()
        for value in self._steps():
            y = self._y(value)
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.color("muted"))
            box = QRectF(0, y - 10, LEFT_PX - 6, 20)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), self._show(value))
        every = max(1, math.ceil(self._total / 8))
        for place in (p for p in range(1, self._total + 1) if p == 1 or p % every == 0):
            box = QRectF(self._x(place) - 20, plot.bottom() + 3, 40, BOTTOM_PX - 4)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop), str(place))

    def _draw_starts(self, painter: QPainter) -> None:
        plot = self._plot()
        painter.setPen(QPen(theme.color("border_strong"), 1, Qt.PenStyle.DashLine))
        for place, _ in self.starts:
            x = self._x(place - 0.5)
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))

    def _draw_curve(self, painter: QPainter) -> None:
        means = []
        for index, point in enumerate(self.points):
            part = self.points[max(0, index - SMOOTHED + 1) : index + 1]
            means.append(QPointF(self._x(point.place), self._y(sum(p.value for p in part) / len(part))))
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawPolyline(QPolygonF(means))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("muted"))
        for point in self.points:
            painter.drawEllipse(self.place_of(point), POINT_PX, POINT_PX)
