"""What is taken hold of to compare: the line with its grip over the canvas, and the names of the two sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from segstudio.gui.faults import told
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent

WIDTH_PX = 28
GRIP_PX = 26
STEP = 0.02
"""How far an arrow key moves the line, as a share of the canvas; with Shift a fifth of it."""
MARGIN_PX = 12
_DARK = QColor(0, 0, 0, 170)
_LIGHT = QColor(255, 255, 255)
_GROUND = QColor(20, 22, 26, 225)
_INK = QColor(245, 247, 250)


class SwipeHandle(QWidget):
    """An upright line with a grip: dragged, or moved by the arrow keys; Up held swaps the sides."""

    moved = Signal(float)
    """The line was moved to this share 0 … 1 of the canvas."""
    swapped = Signal(bool)
    """The key that swaps the sides went down or up."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._position = 0.5
        self._grabbed_at: float | None = None
        self._is_swapped = False
        self.setObjectName("swipe-handle")
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Line between the two models"))
        self.setToolTip(tr("Drag, or press ← and →. Hold ↑ to swap the sides."))
        self.hide()

    @property
    def position(self) -> float:
        """Where the line stands, 0 … 1 across the canvas."""
        return self._position

    @property
    def line_x(self) -> int:
        """Where the line stands, in pixels of the canvas."""
        return round(self._position * self._room)

    @property
    def _room(self) -> int:
        canvas = self.parentWidget()
        return max(1, canvas.width() if canvas is not None else 1)

    def place(self) -> None:
        """Stand where the line is, as high as the canvas."""
        canvas = self.parentWidget()
        if canvas is not None:
            self.setGeometry(self.line_x - WIDTH_PX // 2, 0, WIDTH_PX, canvas.height())

    def set_position(self, position: float) -> None:
        """Move the line to this share of the canvas."""
        position = min(max(position, 0.0), 1.0)
        if position != self._position:
            self._position = position
            self.place()
            self.moved.emit(position)

    # -- the hand ------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold of the line."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed_at = self.mapToParent(event.position()).x() - self.line_x
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The line follows."""
        if self._grabbed_at is not None:
            self.set_position((self.mapToParent(event.position()).x() - self._grabbed_at) / self._room)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Let go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed_at = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Back to the middle."""
        self.set_position(0.5)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrow keys move the line, Up held swaps the sides."""
        if not self.take_key(event, is_down=True):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Up let go: the sides are as they were."""
        if not self.take_key(event, is_down=False):
            super().keyReleaseEvent(event)

    def take_key(self, event: QKeyEvent, *, is_down: bool) -> bool:
        """Use a key of the canvas or of the line itself; False for one that means nothing here."""
        if event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
            return False
        if event.key() == Qt.Key.Key_Up:
            if not event.isAutoRepeat():
                self._swap(is_down)
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = STEP / 5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP
            if is_down:
                self.set_position(self._position + (step if event.key() == Qt.Key.Key_Right else -step))
        else:
            return False
        event.accept()
        return True

    def _swap(self, is_swapped: bool) -> None:
        if is_swapped != self._is_swapped:
            self._is_swapped = is_swapped
            self.swapped.emit(is_swapped)

    def release(self) -> None:
        """Nothing is held any more, as far as we can know."""
        self._grabbed_at = None
        self._swap(False)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show that keys go here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Another widget, or another window, has the keys."""
        super().focusOutEvent(event)
        self.release()
        self.update()

    # -- drawing -------------------------------------------------------------------------------------------------

    @told
    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """A light line with a dark rim, seen on everything, and the grip with its two arrows."""
        painter = QPainter(self)
        middle = self.line_x - self.x()
        painter.fillRect(QRect(middle - 2, 0, 4, self.height()), _DARK)
        painter.fillRect(QRect(middle - 1, 0, 2, self.height()), _LIGHT)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        centre = QPointF(middle, self.height() / 2)
        painter.setPen(QPen(self.palette().highlight().color() if self.hasFocus() else _DARK, 2))
        painter.setBrush(_LIGHT)
        painter.drawEllipse(centre, GRIP_PX / 2, GRIP_PX / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(30, 33, 38))
        for sign in (-1, 1):
            near, far = centre.x() + sign * 3, centre.x() + sign * 9
            painter.drawPolygon(
                QPolygonF([QPointF(far, centre.y()), QPointF(near, centre.y() - 5), QPointF(near, centre.y() + 5)])
            )
        painter.end()


class SideLabel(QWidget):
    """The name of one side at the top of the canvas, what came of it, or why nothing does."""

    def __init__(self, canvas: QWidget, *, is_left: bool) -> None:
        super().__init__(canvas)
        self._is_left = is_left
        self._text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setObjectName("swipe-left" if is_left else "swipe-right")
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text

    def show_text(self, text: str, room_px: int) -> None:
        """Say this, in lines that fit into so many pixels."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.update()
        self.place(room_px)

    def place(self, room_px: int) -> None:
        """At its corner of the canvas, not wider than *room_px*."""
        canvas = self.parentWidget()
        if canvas is None:
            return
        size = self._size_within(max(80, room_px))
        x = MARGIN_PX if self._is_left else canvas.width() - MARGIN_PX - size.width()
        self.setGeometry(x, MARGIN_PX, size.width(), size.height())

    def _size_within(self, room_px: int) -> QSize:
        metrics = QFontMetrics(self.font())
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft
        found = metrics.boundingRect(QRect(0, 0, room_px - 20, 10_000), flags, self._text)
        return QSize(found.width() + 22, found.height() + 10)

    @told
    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Light letters on a dark ground, like the hints of the canvas."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_GROUND)
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setPen(_INK)
        inside = self.rect().adjusted(10, 5, -10, -5)
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inside, flags, self._text)
        painter.end()
