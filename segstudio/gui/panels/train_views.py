"""What the train panel draws: data by class, validation pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.gui import theme
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.app.presenters.training import ClassAmount
    from segstudio.ml.train_events import ValidationPicture

ROW_PX = 18
PICTURE_GAP_PX = 4
IGNORED = 255


class ClassBars(QWidget):
    """A line a class: its colour, name, share of the labelled pixels."""

    def __init__(self) -> None:
        super().__init__()
        self._amounts: tuple[ClassAmount, ...] = ()
        self.setAccessibleName(tr("Labelled pixels by class"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_amounts(self, amounts: Sequence[ClassAmount]) -> None:
        """Show these."""
        self._amounts = tuple(amounts)
        self.setFixedHeight(ROW_PX * len(self._amounts))
        self.setAccessibleDescription(", ".join(f"{one.name} {one.share:.0%}" for one in self._amounts))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the lines."""
        painter = QPainter(self)
        painter.setFont(theme.small_font(self.font()))
        metrics = painter.fontMetrics()
        percent_px = metrics.horizontalAdvance("100.0 %") + 4
        name_px = max(60, (self.width() - percent_px) // 2)
        for row, amount in enumerate(self._amounts):
            top = row * ROW_PX
            painter.fillRect(QRect(0, top + 4, 10, 10), QColor(amount.color))
            name = metrics.elidedText(amount.name, Qt.TextElideMode.ElideRight, name_px - 20)
            painter.setPen(theme.color("text"))
            painter.drawText(QRect(16, top, name_px - 16, ROW_PX), Qt.AlignmentFlag.AlignVCenter, name)
            room = QRect(name_px, top + 6, self.width() - name_px - percent_px - 4, 6)
            painter.fillRect(room, theme.color("border"))
            filled = QRect(room)
            filled.setWidth(max(1 if amount.pixels else 0, round(room.width() * amount.share)))
            painter.fillRect(filled, theme.color("accent"))
            painter.setPen(theme.color("muted"))
            where = QRect(self.width() - percent_px, top, percent_px, ROW_PX)
            align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(where, align, f"{100 * amount.share:.1f} %")
        painter.end()


class Pictures(QWidget):
    """Validation images: the image, the truth beside it, the prediction beside that."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, tuple[QImage, QImage, QImage]]] = []
        self._shown: object = None
        self.setAccessibleName(tr("Validation images: image, truth, prediction"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_pictures(self, pictures: Sequence[ValidationPicture], colors: Sequence[str]) -> None:
        """Show these; *colors* are "#rrggbb" by class index."""
        if pictures is self._shown:
            return
        self._shown = pictures
        lut = _colors_lut(colors)
        self._rows = [
            (one.name, (_rgb_image(one.image), _rgb_image(lut[one.truth]), _rgb_image(lut[one.prediction])))
            for one in pictures
        ]
        self.setToolTip("\n".join(name for name, _ in self._rows))
        self.updateGeometry()
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Three pictures across, rows of their own heights."""
        return QSize(
            240, self._head_px() + sum(self._height_of(images[0]) + PICTURE_GAP_PX for _, images in self._rows)
        )

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        """The height follows the width."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self.setFixedHeight(self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the rows."""
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setFont(theme.small_font(self.font()))
        painter.setPen(theme.color("muted"))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell_px = self._cell_px()
        for column, title in enumerate((tr("image"), tr("truth"), tr("prediction"))):
            x = column * (cell_px + PICTURE_GAP_PX)
            painter.drawText(QRect(x, 0, cell_px, self._head_px()), Qt.AlignmentFlag.AlignVCenter, title)
        y = self._head_px()
        for _, images in self._rows:
            height = self._height_of(images[0])
            for column, image in enumerate(images):
                painter.drawImage(QRect(column * (cell_px + PICTURE_GAP_PX), y, cell_px, height), image)
            y += height + PICTURE_GAP_PX
        painter.end()

    def _head_px(self) -> int:
        return 18 if self._rows else 0

    def _cell_px(self) -> int:
        return max(16, (self.width() - 2 * PICTURE_GAP_PX) // 3)

    def _height_of(self, image: QImage) -> int:
        return max(8, round(self._cell_px() * image.height() / max(1, image.width())))


def _rgb_image(array: Any) -> QImage:
    height, width = array.shape[:2]
    return QImage(array.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _colors_lut(colors: Sequence[str]) -> Any:
    import numpy as np

    lut = np.zeros((256, 3), np.uint8)
    for index, text in enumerate(colors[:256]):
        one = QColor(text)
        lut[index] = (one.red(), one.green(), one.blue())
    lut[IGNORED] = 128
    return lut
