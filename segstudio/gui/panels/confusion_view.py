"""A confusion matrix on screen: rows are truth, columns prediction; each cell says itself in words."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QToolTip, QWidget

from segstudio.core.confusion_picture import ConfusionTable, confusion_table
from segstudio.core.errors import UserError
from segstudio.gui import theme
from segstudio.gui.i18n import tr

LEAST_CELL_PX, MOST_CELL_PX = 20, 52
NAME_PX = 150
GAP_PX = 6
_LIGHT_TEXT_FROM = 0.5


class ConfusionView(QScrollArea):
    """The matrix, as large as fits; it scrolls where the classes are many."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.matrix = ConfusionMatrix()
        self.setWidget(self.matrix)
        self.setAccessibleName(tr("Confusion matrix"))
        theme.theme_manager().changed.connect(self.matrix.update)

    def show_confusion(self, names: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
        """Show (n, n) *counts* of pixels, rows truth; what is no such matrix is said in its place."""
        self.matrix.show_confusion(names, counts)


class ConfusionMatrix(QWidget):
    """Draws the matrix; hovering a cell, or moving to it with the arrow keys, says what it means."""

    def __init__(self) -> None:
        super().__init__()
        self.table: ConfusionTable | None = None
        self.problem = ""
        self._current: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Confusion matrix: rows are truth, columns prediction"))

    def show_confusion(self, names: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
        """Show these counts."""
        self._current = None
        try:
            self.table, self.problem = confusion_table(counts, names), ""
        except UserError as error:
            self.table, self.problem = None, str(error)
        self.setMinimumSize(self._least_size())
        self.setAccessibleDescription(self.problem or self._worst_text())
        self.updateGeometry()
        self.update()

    # -- places ------------------------------------------------------------------------------------------------------

    def cell_px(self) -> int:
        """The side of a cell in the room there is."""
        if self.table is None:
            return 0
        left, top, right, bottom = self._margins()
        count = len(self.table.names)
        room = min((self.width() - left - right) // count, (self.height() - top - bottom) // count)
        return max(LEAST_CELL_PX, min(MOST_CELL_PX, room))

    def cell_rect(self, row: int, column: int) -> QRect:
        """Where a cell is drawn."""
        left, top, _, _ = self._margins()
        cell = self.cell_px()
        return QRect(left + column * cell, top + row * cell, cell, cell)

    def cell_at(self, place: QPoint) -> tuple[int, int] | None:
        """(row, column) of the cell under *place*."""
        if self.table is None:
            return None
        left, top, _, _ = self._margins()
        cell, count = self.cell_px(), len(self.table.names)
        row, column = (place.y() - top) // cell, (place.x() - left) // cell
        return (row, column) if 0 <= row < count and 0 <= column < count else None

    def sizeHint(self) -> QSize:  # noqa: N802
        """Comfortable cells."""
        return self._size_for(40)

    def _least_size(self) -> QSize:
        return self._size_for(LEAST_CELL_PX)

    def _size_for(self, cell: int) -> QSize:
        if self.table is None:
            return QSize(200, 60)
        left, top, right, bottom = self._margins()
        side = cell * len(self.table.names)
        return QSize(left + side + right, top + side + bottom)

    def _margins(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in pixels."""
        metrics = self.fontMetrics()
        assert self.table is not None
        name = min(NAME_PX, max(metrics.horizontalAdvance(one) for one in self.table.names))
        line = metrics.height()
        right = max(metrics.horizontalAdvance(self.table.row_text(i)) for i in range(len(self.table.names)))
        return name + line + 3 * GAP_PX, name + line + 3 * GAP_PX, right + 2 * GAP_PX, line + 2 * GAP_PX

    # -- drawing -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw names, cells and numbers."""
        painter = QPainter(self)
        if self.table is None:
            painter.setPen(theme.color("danger"))
            painter.drawText(self.rect(), Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignCenter, self.problem)
            painter.end()
            return
        count = len(self.table.names)
        for row in range(count):
            for column in range(count):
                self._draw_cell(painter, row, column)
        self._draw_names(painter, count)
        frame = self.cell_rect(0, 0).united(self.cell_rect(count - 1, count - 1))
        painter.setPen(QPen(theme.color("border_strong"), 1))
        painter.drawRect(frame)
        if self._current is not None and self.hasFocus():
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawRect(self.cell_rect(*self._current))
        painter.end()

    def _draw_cell(self, painter: QPainter, row: int, column: int) -> None:
        assert self.table is not None
        share = float(self.table.shares[row, column])
        if not share > 0:  # also where the truth has nothing (NaN)
            return
        rect = self.cell_rect(row, column)
        color = QColor(theme.color("accent" if row == column else "warning"))
        color.setAlphaF(min(1.0, share))
        painter.fillRect(rect, color)
        number = self.table.cell_text(row, column)
        if number:
            painter.setFont(theme.small_font(self.font()))
            painter.setPen(theme.color("accent_text" if share > _LIGHT_TEXT_FROM else "text"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, number)

    def _draw_names(self, painter: QPainter, count: int) -> None:
        assert self.table is not None
        left, top, _, _ = self._margins()
        cell, line = self.cell_px(), self.fontMetrics().height()
        painter.setFont(self.font())
        middle = Qt.AlignmentFlag.AlignVCenter
        for index, name in enumerate(self.table.names):
            text = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, NAME_PX)
            painter.setPen(theme.color("text"))
            beside = QRect(line + GAP_PX, top + index * cell, left - line - 2 * GAP_PX, cell)
            painter.drawText(beside, middle | Qt.AlignmentFlag.AlignRight, text)
            self._draw_upright(painter, text, left + index * cell, cell, top - GAP_PX)
            painter.setPen(theme.color("muted"))
            behind = QRect(left + count * cell + GAP_PX, top + index * cell, self.width(), cell)
            painter.drawText(behind, middle | Qt.AlignmentFlag.AlignLeft, self.table.row_text(index))
        painter.setPen(theme.color("muted"))
        across = QRect(left, 0, count * cell, line + GAP_PX)
        painter.drawText(across, Qt.AlignmentFlag.AlignCenter, tr("prediction"))
        foot = top + (count * cell + self.fontMetrics().horizontalAdvance(tr("truth"))) // 2
        self._draw_upright(painter, tr("truth"), 0, line + GAP_PX, foot)
        below = QRect(left, top + count * cell + GAP_PX, self.width() - left, line + GAP_PX)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, tr("% of the truth; at the right its pixels"))

    def _draw_upright(self, painter: QPainter, text: str, x: int, width: int, foot: int) -> None:
        """*text* upwards from *foot*, in the middle of a column."""
        painter.save()
        painter.translate(x, foot)
        painter.rotate(-90)
        painter.drawText(QRect(0, 0, foot, width), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()

    # -- words ---------------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """A cell's tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self.cell_at(event.pos())
            if cell is None or self.table is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), f"<p>{html.escape(self.table.hint(*cell))}</p>", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        """Take the cell under the mouse."""
        self._go_to(self.cell_at(event.position().toPoint()))

    def mouseReleaseEvent(self, event: Any) -> None:  # noqa: N802
        """The press has done it already."""
        event.accept()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Arrow keys go from cell to cell."""
        steps = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
        step = steps.get(event.key())
        if step is None or self.table is None:
            super().keyPressEvent(event)
            return
        row, column = self._current or (0, 0)
        last = len(self.table.names) - 1
        if self._current is not None:
            row, column = max(0, min(last, row + step[0])), max(0, min(last, column + step[1]))
        self._go_to((row, column))

    def current_hint(self) -> str:
        """The chosen cell in words; "" when none is."""
        return "" if self._current is None or self.table is None else self.table.hint(*self._current)

    def _go_to(self, cell: tuple[int, int] | None) -> None:
        self._current = cell
        self.setAccessibleDescription(self.current_hint() or self._worst_text())
        if cell is not None:
            QToolTip.showText(self.mapToGlobal(self.cell_rect(*cell).bottomLeft()), f"<p>{html.escape(self.current_hint())}</p>", self)  # fmt: skip
        self.update()

    def _worst_text(self) -> str:
        """The most frequent mistakes, for screen readers."""
        if self.table is None:
            return ""
        shares, count = self.table.shares, len(self.table.names)
        wrong = [(float(shares[r, c]), r, c) for r in range(count) for c in range(count) if r != c and shares[r, c] > 0]
        return "; ".join(self.table.hint(r, c) for _, r, c in sorted(wrong, reverse=True)[:5])
