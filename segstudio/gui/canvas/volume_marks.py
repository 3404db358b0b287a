"""What stands over a picture: an uncertain place, a suspect label; of a volume the cross-hair, and the letters of the patient's sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF

from segstudio.app.sections import PlaneMarks, plane_marks

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.canvas.view_transform import ViewTransform

_DARK = QColor(0, 0, 0, 190)
_LIGHT = QColor(255, 255, 255, 235)
_CROSS = QColor(0, 200, 255, 230)
_PLACE = QColor(255, 196, 0, 245)
_ARM_PX = 22.0
_GAP_PX = 6.0
_EDGE_PX = 6


def draw_volume_marks(painter: QPainter, session: Session, view: ViewTransform, font: QFont, ratio: float) -> None:
    """The uncertain place, suspect label, cross-hair and letters on the canvas, in physical pixels; nothing where there are none."""
    draw_place(painter, session, view, font, ratio)
    draw_suspect(painter, session, view, ratio)
    reader = session.reader
    if reader is None:
        return
    whole = QRectF(0, 0, view.view_width_px, view.view_height_px)
    left, top = view.to_view(0, 0)
    right, bottom = view.to_view(view.image_width, view.image_height)
    area = QRectF(left, top, right - left, bottom - top).intersected(whole)
    if session.is_volume and session.settings.flag("views.crosshair") and session.settings.flag("views.shown"):
        x, y, _ = session.crosshair.position
        at = QPointF(*view.to_view(x + 0.5, y + 0.5))
        if area.contains(at):
            draw_crosshair(painter, at, area, ratio)
    marks = plane_marks(reader.info)
    if marks.left:
        draw_letters(painter, marks, area, font, ratio)


def draw_place(painter: QPainter, session: Session, view: ViewTransform, font: QFont, ratio: float) -> None:
    """Corners around the uncertain place that is shown, and its number."""
    step = session.what_next.places.shown
    if step is None or step.place.z != session.plane:
        return
    rect = step.place.rect
    left, top = view.to_view(rect.x, rect.y)
    right, bottom = view.to_view(rect.right, rect.bottom)
    arm = min(_ARM_PX * ratio, (right - left) / 3, (bottom - top) / 3)
    corners = [(left, top, 1, 1), (right, top, -1, 1), (left, bottom, 1, -1), (right, bottom, -1, -1)]
    lines = [QLineF(x, y, x + dx * arm, y) for x, y, dx, _ in corners]
    lines += [QLineF(x, y, x, y + dy * arm) for x, y, _, dy in corners]
    for color, width in ((_DARK, 5.0), (_PLACE, 2.5)):
        painter.setPen(QPen(color, width * ratio, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
        painter.drawLines(lines)
    small = QFont(font)
    small.setPixelSize(round(12 * ratio))
    small.setWeight(QFont.Weight.DemiBold)
    painter.setFont(small)
    draw_text(painter, f"{step.number} / {step.total}", QPointF(left, top - 7 * ratio), ratio)


def draw_suspect(painter: QPainter, session: Session, view: ViewTransform, ratio: float) -> None:
    """A line around the label that is likely wrong and was chosen in the list."""
    shown = session.what_next.suspects.shown
    if shown is None or shown[0].suspect.z != session.plane:
        return
    paths = [QPolygonF([QPointF(*view.to_view(float(x), float(y))) for x, y in line]) for line in shown[1]]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width, style in ((_DARK, 4.0, Qt.PenStyle.SolidLine), (_PLACE, 2.0, Qt.PenStyle.DashLine)):
        painter.setPen(QPen(color, width * ratio, style, Qt.PenCapStyle.FlatCap))
        for path in paths:
            painter.drawPolygon(path)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_crosshair(painter: QPainter, at: QPointF, area: QRectF, ratio: float = 1.0) -> None:
    """Two fine lines through *at* across *area*, open in the middle so that the voxel is seen."""
    gap = _GAP_PX * ratio
    x, y = at.x(), at.y()
    lines = [
        QLineF(area.left(), y, x - gap, y),
        QLineF(x + gap, y, area.right(), y),
        QLineF(x, area.top(), x, y - gap),
        QLineF(x, y + gap, x, area.bottom()),
    ]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for color, width in ((QColor(0, 0, 0, 120), 3.0), (_CROSS, 1.0)):
        painter.setPen(QPen(color, width * ratio, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawLines(lines)


def draw_letters(painter: QPainter, marks: PlaneMarks, area: QRectF, font: QFont, ratio: float = 1.0) -> None:
    """R, L, A, P, S, I in the middles of the edges of *area*."""
    bold = QFont(font)
    bold.setPixelSize(round(14 * ratio))
    bold.setWeight(QFont.Weight.DemiBold)
    painter.setFont(bold)
    metrics = QFontMetrics(bold)
    height, edge = metrics.height(), _EDGE_PX * ratio
    middle = area.center()
    for text, x, y in (
        (marks.left, area.left() + edge, middle.y()),
        (marks.right, area.right() - edge - metrics.horizontalAdvance(marks.right), middle.y()),
        (marks.top, middle.x() + 2 * edge, area.top() + edge + height / 2),
        (marks.bottom, middle.x() + 2 * edge, area.bottom() - edge - height / 2),
    ):
        if text:
            draw_text(painter, text, QPointF(x, y + metrics.ascent() / 2 - metrics.descent() / 2), ratio)


def draw_text(painter: QPainter, text: str, at: QPointF, ratio: float = 1.0) -> None:
    """Light letters with a dark rim, readable on any picture; *at* is the left end of the baseline."""
    painter.setPen(_DARK)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (1, 1)):
        painter.drawText(at + QPointF(dx * ratio, dy * ratio), text)
    painter.setPen(_LIGHT)
    painter.drawText(at, text)
