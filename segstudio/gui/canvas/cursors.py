"""Mouse cursors of the tools, made when first shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPen, QPixmap

if TYPE_CHECKING:
    from segstudio.app.tools.base import CursorShape

_PLAIN = {
    "arrow": Qt.CursorShape.ArrowCursor,
    "open_hand": Qt.CursorShape.OpenHandCursor,
    "closed_hand": Qt.CursorShape.ClosedHandCursor,
    "move": Qt.CursorShape.SizeAllCursor,
}
_ICONS = {
    "pick": "picker",
    "fill": "fill",
    "accept": "accept",
    "reject": "reject",
    "wand": "wand",
    "superpixel": "superpixel",
    "scissors": "scissors",
    "lasso": "lasso",
    "rectangle": "rectangle",
    "ellipse": "ellipse",
    "click": "prompt",
}
_SIDE = 32
_HOT = 9

_made: dict[tuple[str, float], QCursor] = {}


def cursor_for(shape: CursorShape, ratio: float = 1.0) -> QCursor:
    """The cursor of a tool on a screen of device pixel ratio *ratio*."""
    plain = _PLAIN.get(shape)
    if plain is not None:
        return QCursor(plain)
    if shape == "none":
        return QCursor(Qt.CursorShape.BlankCursor)
    key = (shape, ratio)
    if key not in _made:
        _made[key] = _drawn(shape, ratio)
    return _made[key]


def _drawn(shape: CursorShape, ratio: float) -> QCursor:
    """A fine cross that leaves its middle free, light on dark so that it is seen on everything, and a small sign."""
    picture = QPixmap(round(_SIDE * ratio), round(_SIDE * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(QColor(0, 0, 0, 0))
    painter = QPainter(picture)
    middle = _HOT + 0.5
    lines = [
        (QPointF(middle, 0), QPointF(middle, middle - 3)),
        (QPointF(middle, middle + 3), QPointF(middle, middle + 9)),
        (QPointF(0, middle), QPointF(middle - 3, middle)),
        (QPointF(middle + 3, middle), QPointF(middle + 9, middle)),
    ]
    for color, width in ((QColor(0, 0, 0, 190), 3.0), (QColor(255, 255, 255), 1.0)):
        painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        for start, end in lines:
            painter.drawLine(start, end)
    sign = _ICONS.get(shape)
    if sign:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 170))
        painter.drawRoundedRect(_HOT + 5, _HOT + 5, 17, 17, 4, 4)
        painter.drawPixmap(_HOT + 7, _HOT + 7, _white_sign(sign, ratio))
    painter.end()
    return QCursor(picture, _HOT, _HOT)


def _white_sign(name: str, ratio: float) -> QPixmap:
    from segstudio.gui import icons

    sign = icons.pixmap(name, 13, ratio=ratio)
    painter = QPainter(sign)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(sign.rect(), QColor(255, 255, 255))
    painter.end()
    return sign
