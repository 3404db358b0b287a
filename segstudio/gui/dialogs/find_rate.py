"""Find a learning rate: the loss over rising rates, the suggested one marked, taken by a button."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QProgressBar, QPushButton, QSizePolicy, QWidget

from segstudio.app.presenters.training_faults import in_the_window
from segstudio.gui import theme
from segstudio.gui.dialogs.common import PlainDialog, muted
from segstudio.gui.i18n import tr
from segstudio.jobs import protocol
from segstudio.jobs.specs import FindRateSpec
from segstudio.ml.train_events import LrFound, LrPoint

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace
    from segstudio.ml.plan import TrainPlan

LEFT_PX, BOTTOM_PX, TOP_PX, RIGHT_PX = 52, 36, 12, 12


class RateCurve(QWidget):
    """The loss over the logarithm of the rate."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[LrPoint] = []
        self.suggested = 0.0
        self.setMinimumHeight(220)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Loss over the learning rate"))

    def add(self, point: LrPoint) -> None:
        """One step more."""
        if math.isfinite(point.loss) and point.lr > 0:
            self.points.append(point)
            self.update()

    def suggest(self, lr: float) -> None:
        """Mark a rate."""
        self.suggested = lr
        self.setAccessibleDescription(tr("Suggested rate: %1").replace("%1", f"{lr:.2g}") if lr else "")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw axes, curve and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.small_font(self.font()))
        room = QRectF(LEFT_PX, TOP_PX, self.width() - LEFT_PX - RIGHT_PX, self.height() - TOP_PX - BOTTOM_PX)
        low, high = self._decades()
        self._paint_axes(painter, room, low, high)
        if len(self.points) > 1:
            bottom, top = self._losses()
            painter.setClipRect(room)
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawPolyline(
                QPolygonF(
                    [
                        QPointF(_along(math.log10(p.lr), low, high, room), _up(p.loss, bottom, top, room))
                        for p in self.points
                    ]
                )
            )
            painter.setClipping(False)
        if self.suggested > 0:
            x = _along(math.log10(self.suggested), low, high, room)
            painter.setPen(QPen(theme.color("good"), 2, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom()))
        painter.end()

    def _paint_axes(self, painter: QPainter, room: QRectF, low: float, high: float) -> None:
        for decade in range(math.ceil(low), math.floor(high) + 1):
            x = _along(decade, low, high, room)
            painter.setPen(theme.color("border"))
            painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom()))
            painter.setPen(theme.color("muted"))
            place = QRectF(x - 30, room.bottom() + 2, 60, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, f"{10.0**decade:.0e}".replace("e-0", "e-"))
        painter.setPen(theme.color("muted"))
        if len(self.points) > 1:
            bottom, top = self._losses()
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            for loss in (bottom, (bottom + top) / 2, top):
                y = min(_up(loss, bottom, top, room), room.bottom() - 6)
                painter.drawText(QRectF(0, y - 8, LEFT_PX - 6, 16), right, f"{loss:.3g}")
        painter.drawText(
            QRectF(room.left(), room.bottom() + 18, room.width(), 16),
            Qt.AlignmentFlag.AlignHCenter,
            tr("learning rate"),
        )
        painter.setPen(theme.color("border_strong"))
        painter.drawRect(room)

    def _decades(self) -> tuple[float, float]:
        if len(self.points) < 2:
            return -7.0, 1.0
        return math.log10(self.points[0].lr), max(math.log10(self.points[-1].lr), math.log10(self.points[0].lr) + 1)

    def _losses(self) -> tuple[float, float]:
        """The range shown: where the loss explodes at the end, the rest must still be seen."""
        losses = [point.loss for point in self.points]
        bottom = min(losses)
        top = min(max(losses), 2 * max(losses[: max(1, len(losses) // 2)]) - bottom)
        return bottom, max(top, bottom + 1e-6)


def _along(value: float, low: float, high: float, room: QRectF) -> float:
    return room.left() + room.width() * (value - low) / (high - low)


def _up(value: float, low: float, high: float, room: QRectF) -> float:
    return room.bottom() - room.height() * (min(value, 2 * high) - low) / (high - low)


class FindRateDialog(PlainDialog):
    """Searches in the trainer's process as soon as it opens; closing it ends the search."""

    def __init__(self, workspace: Workspace, plan: TrainPlan) -> None:
        super().__init__(workspace.window, tr("Find a learning rate"), 560, 440)
        self._control = workspace.jobs.training
        self._presenter = self._control.presenter
        self.found = 0.0
        self.column.addWidget(
            muted(
                tr(
                    "Some steps are tried with rising rates. A good one lies where the loss falls fastest, well before it "
                    "rises. Nothing is kept of it."
                )
            )
        )
        self.curve = RateCurve()
        self.column.addWidget(self.curve, 1)
        self.state = muted(tr("Reading the labels"))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.state)
        buttons = self.add_buttons(tr("Use it"))
        self.use_button = next(
            button
            for button in buttons.findChildren(QPushButton)
            if buttons.buttonRole(button) == buttons.ButtonRole.AcceptRole
        )
        self.use_button.setEnabled(False)
        thread = self._control.lend()
        thread.message_received.connect(self._on_message)
        thread.finished_job.connect(self._on_finished)
        thread.failed.connect(self._on_failed)
        thread.submit(FindRateSpec(plan))

    def _on_message(self, message: object) -> None:
        if isinstance(message, protocol.TrainEvent) and isinstance(message.event, LrPoint):
            point = message.event
            self.curve.add(point)
            self.bar.setRange(0, point.steps)
            self.bar.setValue(point.step)
            self.state.setText(tr("Step %1 of %2").replace("%1", str(point.step)).replace("%2", str(point.steps)))
        elif isinstance(message, protocol.StageChanged):
            self.state.setText(tr(message.text))

    def _on_finished(self, result: object) -> None:
        self.bar.hide()
        self.found = result.lr if isinstance(result, LrFound) else 0.0
        note = result.note if isinstance(result, LrFound) else ""
        if self.found > 0:
            text = tr("Suggested rate: %1").replace("%1", f"{self.found:.2g}")
            now = tr("now: %1").replace("%1", f"{self._presenter.choices.lr:.2g}")
            self.state.setText(f"{text} ({now}). {note}".strip())
        else:
            self.state.setText(note or tr("No rate stands out. Keep the one there is."))
        self.curve.suggest(self.found)
        self.use_button.setEnabled(self.found > 0)
        if self.found > 0:
            self.use_button.setFocus()

    def _on_failed(self, sentence: str, _details: str) -> None:
        self.bar.hide()
        self.state.setText(in_the_window(sentence))

    def accept(self) -> None:
        """Take the suggested rate."""
        self._presenter.choose(lr=float(f"{self.found:.2g}"))
        super().accept()

    def done(self, result: int) -> None:
        """End the search."""
        self._control.take_back()
        super().done(result)
