"""The veil over what nobody looked at, and how much was looked at, in a corner of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPixmap

from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.core.looked import LookMap
    from segstudio.gui.canvas.view_transform import ViewTransform

VEIL = (64, 76, 140, 128)
"""Red, green, blue and opacity of the veil: bluish, so that it is told from dark pictures as from bright ones."""
_MARGIN_PX = 10


class UnseenVeil:
    """Draws the cells of the session's plane that were not seen yet. The picture of the cells is made when they change."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._key: tuple[object, ...] = ()
        self._pixmap = QPixmap()

    def draw(self, painter: QPainter, view: ViewTransform, ratio: float) -> None:
        """Draw it, in physical pixels, as far as the painter's clip lets."""
        style, found = self._session.overlay, self._session.looking.map
        if not style.shows_unseen or style.is_hidden or found is None:
            return
        left, top = view.to_view(0, 0)
        side = found.cell_px * view.zoom
        target = QRectF(left, top, found.columns * side, found.rows * side)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawPixmap(target, self._cells(found), QRectF(self._pixmap.rect()))
        painter.restore()
        self._draw_words(painter, found, view, ratio)

    def _cells(self, found: LookMap) -> QPixmap:
        """One pixel a cell, clear where it was seen."""
        z = self._session.plane
        key = (found, found.revision, z)
        if key != self._key:
            self._key = key
            rgba = np.zeros((found.rows, found.columns, 4), np.uint8)
            rgba[~found.seen(z)] = VEIL
            image = QImage(rgba.data, found.columns, found.rows, 4 * found.columns, QImage.Format.Format_RGBA8888)
            self._pixmap = QPixmap.fromImage(image.copy())
        return self._pixmap

    def _draw_words(self, painter: QPainter, found: LookMap, view: ViewTransform, ratio: float) -> None:
        text = share_text(found, self._session.plane)
        font = QFont(painter.font())
        font.setPixelSize(round(13 * ratio))
        metrics = QFontMetrics(font)
        image = view.image_rect_px().clipped(view.view_width_px, view.view_height_px)
        pad = 6 * ratio
        box = QRectF(
            image.x + _MARGIN_PX * ratio,
            image.y + _MARGIN_PX * ratio,
            metrics.horizontalAdvance(text) + 2 * pad,
            metrics.height() + pad,
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 22, 26, 225))
        painter.drawRoundedRect(box, 4 * ratio, 4 * ratio)
        painter.setPen(QColor(245, 247, 250))
        painter.setFont(font)
        painter.drawText(QPointF(box.x() + pad, box.y() + pad / 2 + metrics.ascent()), text)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def share_text(found: LookMap, z: int) -> str:
    """How much was looked at, of a volume on this plane and in all."""
    if found.depth > 1:
        text = tr("Looked at: %1 of this plane, %2 of all")
        return text.replace("%1", percent_text(found.share(z))).replace("%2", percent_text(found.share()))
    return tr("Looked at: %1").replace("%1", percent_text(found.share()))


def percent_text(share: float) -> str:
    """A share in per cent; 100 % only when nothing is left."""
    return f"{int(share * 100 + 1e-9)} %"


def ratio_of(painter: QPainter) -> float:
    """Physical pixels per logical pixel of what is painted on."""
    device = painter.device()
    return 1.0 if device is None else device.devicePixelRatioF()
