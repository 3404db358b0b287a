"""A few images side by side with their labels over them: what an import brings, or an export will write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from segstudio.gui import theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import wrapped

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.io.formats.preview import Picture, Pictures

GAP_PX, CAPTION_PX = 8, 20
IGNORE = 65535
OPACITY = 0.5
_STRIPE_PX = 4


class PictureRow(QWidget):
    """Labels are hidden on the picture that the mouse is pressed on; ignored pixels are striped."""

    def __init__(self, places: int = 3) -> None:
        super().__init__()
        self._places = places
        self._pictures: tuple[Picture, ...] = ()
        self._images: list[QImage] = []
        self._labels: list[QImage] = []
        self._text = ""
        self._pressed = -1
        self.setMinimumSize(360, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Preview"))

    @property
    def count(self) -> int:
        """How many pictures are shown."""
        return len(self._pictures)

    @property
    def text(self) -> str:
        """What is said in place of pictures."""
        return self._text

    def show_pictures(self, found: Pictures) -> None:
        """Show these."""
        self._pictures, self._text = found.pictures, ""
        lut = _label_lut(found.colors)
        self._images = [_rgb(picture.rgb) for picture in found.pictures]
        self._labels = [_labels(picture, lut) for picture in found.pictures]
        self.setAccessibleDescription(", ".join(picture.name for picture in found.pictures))
        self.update()

    def show_text(self, text: str) -> None:
        """Show a sentence and no picture."""
        self._pictures, self._images, self._labels, self._text = (), [], [], text
        self.setAccessibleDescription(text)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Three pictures beside each other."""
        return QSize(720, 210)

    def cells(self) -> list[QRect]:
        """Where each picture and its caption lie."""
        count = max(self._places, self.count)
        width = max(8, (self.width() - (count - 1) * GAP_PX) // count)
        return [QRect(i * (width + GAP_PX), 0, width, self.height()) for i in range(self.count)]

    def picture_at(self, place: QPoint) -> int:
        """The picture under a point; -1 where there is none."""
        return next((i for i, cell in enumerate(self.cells()) if cell.contains(place)), -1)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the pictures, each as large as fits, with its name below."""
        painter = QPainter(self)
        painter.setFont(theme.small_font(self.font()))
        painter.setPen(theme.color("muted"))
        if not self._pictures:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 0, -16, 0), flags, self._text)
        for index, cell in enumerate(self.cells()):
            self._draw(painter, index, cell)
        painter.end()

    def _draw(self, painter: QPainter, index: int, cell: QRect) -> None:
        image = self._images[index]
        room = cell.adjusted(0, 0, 0, -CAPTION_PX)
        place = QRect(QPoint(0, 0), image.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio))
        place.moveCenter(room.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, image.width() > place.width() / 2)
        painter.drawImage(place, image)
        if index != self._pressed:
            painter.drawImage(place, self._labels[index])
        painter.setPen(theme.color("border"))
        painter.drawRect(place.adjusted(0, 0, -1, -1))
        picture = self._pictures[index]
        name = f"{picture.split} · {picture.name}" if picture.split else picture.name
        painter.setPen(theme.color("danger" if picture.note else "muted"))
        line = QRect(cell.left(), place.bottom() + 4, cell.width(), CAPTION_PX - 4)
        text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Look at a picture without its labels."""
        self._pressed = self.picture_at(event.position().toPoint())
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The labels come back."""
        self._pressed = -1
        self.update()

    def event(self, event: QEvent) -> bool:
        """Tell the picture's whole name, and what is amiss with it."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self.picture_at(event.pos())
            text = ""
            if index >= 0:
                text = " · ".join(filter(None, (self._pictures[index].name, self._pictures[index].note)))
            QToolTip.showText(event.globalPos(), wrapped(text), self)
            return True
        return super().event(event)


def _rgb(array: npt.NDArray[np.uint8]) -> QImage:
    height, width = array.shape[:2]
    return QImage(np.ascontiguousarray(array).tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _label_lut(colors: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """(classes + 1, 4) uint8 red, green, blue, alpha of each class; the first row is no label."""
    lut = np.zeros((len(colors) + 1, 4), np.uint8)
    for index, text in enumerate(colors):
        color = QColor(text)
        lut[index + 1] = (color.red(), color.green(), color.blue(), round(255 * OPACITY))
    return lut


def _labels(picture: Picture, lut: npt.NDArray[np.uint8]) -> QImage:
    is_ignored = picture.classes == IGNORE
    rgba = lut[np.where(is_ignored, 0, np.minimum(picture.classes, len(lut) - 1))]
    rgba[picture.edges, 3] = 255
    ys, xs = np.nonzero(is_ignored)
    is_light = (ys + xs) // _STRIPE_PX % 2 == 0
    rgba[ys[is_light], xs[is_light]] = (200, 200, 200, 170)
    rgba[ys[~is_light], xs[~is_light]] = (90, 90, 90, 170)
    height, width = picture.classes.shape
    return QImage(rgba.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
