"""Training patches beside each other, as large as fit, with their labels over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from segstudio.core.classes import PALETTE
from segstudio.gui import theme
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.ml.train_events import PatchPicture, PatchPreview

GAP_PX = 6
IGNORED = 255
OPACITY = 0.5
_STRIPE_PX = 8


def color_of(preview: PatchPreview, index: int) -> QColor:
    """The colour of a class; one of the palette where the data has none."""
    text = preview.colors[index] if index < len(preview.colors) else ""
    return QColor(text or PALETTE[index % len(PALETTE)])


def is_background(preview: PatchPreview, index: int) -> bool:
    """Whether a class is what is around things: nothing is drawn over it."""
    return index < len(preview.classes) and preview.classes[index].casefold() == "background"


class PatchGrid(QWidget):
    """Labels are hidden on the patch that the mouse is pressed on; ignored pixels are striped."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._images: list[QImage] = []
        self._labels: list[QImage] = []
        self._has_labels = True
        self._pressed = -1
        self.setMinimumSize(280, 220)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Patches that the network would see"))

    @property
    def count(self) -> int:
        """How many patches are shown."""
        return len(self._images)

    def show_preview(self, preview: PatchPreview) -> None:
        """Show these patches."""
        self._names = [patch.name for patch in preview.patches]
        self._images = [_rgb(patch.image) for patch in preview.patches]
        lut = _label_lut(preview)
        self._labels = [_labels(patch, lut) for patch in preview.patches]
        self.setAccessibleDescription(", ".join(dict.fromkeys(self._names)))
        self.update()

    def clear(self) -> None:
        """Show none."""
        self._names, self._images, self._labels = [], [], []
        self.update()

    def show_labels(self, is_on: bool) -> None:
        """Draw the labels over the patches, or not."""
        self._has_labels = is_on
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Four by three patches of a hand's size."""
        return QSize(660, 500)

    def cells(self) -> list[QRect]:
        """Where each patch is drawn: in so many columns that they are largest."""
        count = len(self._images)
        if not count:
            return []
        columns, side = max(((c, self._side(c, count)) for c in range(1, count + 1)), key=lambda pair: pair[1])
        rows = -(-count // columns)
        left = (self.width() - columns * side - (columns - 1) * GAP_PX) // 2
        top = max(0, (self.height() - rows * side - (rows - 1) * GAP_PX) // 2)
        step = side + GAP_PX
        return [QRect(left + i % columns * step, top + i // columns * step, side, side) for i in range(count)]

    def patch_at(self, place: QPoint) -> int:
        """The patch under a point; -1 where there is none."""
        return next((i for i, cell in enumerate(self.cells()) if cell.contains(place)), -1)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the patches."""
        painter = QPainter(self)
        for index, cell in enumerate(self.cells()):
            image = self._images[index]
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, image.width() > cell.width() / 2)
            painter.drawImage(cell, image)
            if self._has_labels and index != self._pressed:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
                painter.drawImage(cell, self._labels[index])
            painter.setPen(theme.color("border"))
            painter.drawRect(cell.adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Look at a patch without its labels."""
        self._pressed = self.patch_at(event.position().toPoint())
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The labels come back."""
        self._pressed = -1
        self.update()

    def event(self, event: QEvent) -> bool:
        """Tell which image a patch is of."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self.patch_at(event.pos())
            QToolTip.showText(event.globalPos(), self._names[index] if index >= 0 else "", self)
            return True
        return super().event(event)

    def _side(self, columns: int, count: int) -> int:
        rows = -(-count // columns)
        across = (self.width() - (columns - 1) * GAP_PX) // columns
        return max(8, min(across, (self.height() - (rows - 1) * GAP_PX) // rows))


def _rgb(array: np.ndarray) -> QImage:
    height, width = array.shape[:2]
    return QImage(array.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _label_lut(preview: PatchPreview) -> np.ndarray:
    """(256, 4) uint8 red, green, blue, alpha of each class."""
    lut = np.zeros((256, 4), np.uint8)
    for index in range(len(preview.classes)):
        color = color_of(preview, index)
        alpha = 0 if is_background(preview, index) else round(255 * OPACITY)
        lut[index] = (color.red(), color.green(), color.blue(), alpha)
    return lut


def _labels(patch: PatchPicture, lut: np.ndarray) -> QImage:
    rgba = lut[patch.target]
    ys, xs = np.nonzero(patch.target == IGNORED)
    is_light = (ys + xs) // _STRIPE_PX % 2 == 0
    rgba[ys[is_light], xs[is_light]] = (200, 200, 200, 170)
    rgba[ys[~is_light], xs[~is_light]] = (90, 90, 90, 170)
    height, width = patch.target.shape
    return QImage(rgba.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
