"""The strip at the bottom: running jobs with progress, time left and cancel."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QWidget

from segstudio.gui import icons, theme
from segstudio.gui.i18n import tr

STEPS = 1000
PER_LINE = 3
"""Jobs beside each other: a second one that comes or goes must not move the picture and the tools above."""
LEAST_TITLE_PX, LEAST_BAR_PX = 72, 40
ROW_PX, EDGE_PX = 24, 2


@dataclass(frozen=True, slots=True)
class JobView:
    """One job of the strip. ``total`` 0 = unknown; ``seconds_left`` None = nothing can be said."""

    id: str
    title: str
    done: float = 0.0
    total: float = 0.0
    seconds_left: float | None = None
    detail: str = ""
    can_cancel: bool = True
    is_ending: bool = False


class JobStrip(QFrame):
    """Up to three jobs a line; hidden while there is none."""

    cancel_requested = Signal(str)
    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Jobs"))
        self._rows: dict[str, _JobRow] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, EDGE_PX, 8, EDGE_PX)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(0)
        self.hide()
        theme.theme_manager().changed.connect(self._on_theme_changed)

    def show_job(self, job: JobView) -> None:
        """Add a job, or bring it up to date."""
        row = self._rows.get(job.id)
        if row is None:
            row = _JobRow(self, job.id)
            self._rows[job.id] = row
            self._place()
        row.show_job(job)
        if self.isHidden():
            self.show()
            self.shown_changed.emit()

    def drop_job(self, job_id: str) -> None:
        """Take a job away; one that is gone already does nothing."""
        row = self._rows.pop(job_id, None)
        if row is not None:
            row.hide()
            row.deleteLater()
            self._place()
        if not self._rows and not self.isHidden():
            self.hide()
            self.shown_changed.emit()

    def _place(self) -> None:
        for row in self.findChildren(_JobRow):
            self._grid.removeWidget(row)
        for index, row in enumerate(self._rows.values()):
            self._grid.addWidget(row, index // PER_LINE, index % PER_LINE)
        for column in range(PER_LINE):
            self._grid.setColumnStretch(column, int(column < len(self._rows)))

    def room_px(self) -> int:
        """The height that a first job would take from what lies above; 0 while there is one."""
        return 0 if self._rows else ROW_PX + 2 * EDGE_PX

    def job_ids(self) -> list[str]:
        """What is shown."""
        return list(self._rows)

    def text_of(self, job_id: str) -> str:
        """Title and time left of a job, as shown."""
        return self._rows[job_id].text()

    def _on_theme_changed(self) -> None:
        for row in self._rows.values():
            row.restyle()


class _Title(QLabel):
    """A text that gives way to what stands beside it: it ends with … where it has no room."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(LEAST_TITLE_PX, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.style().drawItemText(
            painter, self.rect(), int(flags), self.palette(), self.isEnabled(), shown, self.foregroundRole()
        )
        painter.end()


class _JobRow(QWidget):
    def __init__(self, strip: JobStrip, job_id: str) -> None:
        super().__init__(strip)
        self._strip, self._job_id = strip, job_id
        self._title = _Title()
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setMinimumWidth(LEAST_BAR_PX)
        self._bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._left = QLabel()
        self._left.setProperty("muted", True)
        self._left.setFont(theme.small_font(self._left.font()))
        self._left.setMinimumWidth(self._left.fontMetrics().horizontalAdvance("00 min left "))
        self._cancel = QToolButton()
        self._cancel.setIconSize(QSize(16, 16))
        self._cancel.setFixedSize(ROW_PX, ROW_PX)
        self._cancel.setStyleSheet("QToolButton { padding: 3px; }")  # else its cross would have no room
        self._cancel.clicked.connect(self._on_cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._title, 3)
        row.addWidget(self._bar, 2)
        row.addWidget(self._left, 0)
        row.addWidget(self._cancel)
        self.restyle()

    def show_job(self, job: JobView) -> None:
        title = f"{job.title} · {job.detail}" if job.detail else job.title
        self._title.setText(title)
        self._title.setToolTip(title)
        self._bar.setAccessibleName(job.title)
        if job.total > 0:
            self._bar.setRange(0, STEPS)
            self._bar.setValue(round(STEPS * min(1.0, max(0.0, job.done / job.total))))
        else:
            self._bar.setRange(0, 0)
        if job.is_ending:
            self._left.setText(tr("stopping…"))
        else:
            self._left.setText("" if job.seconds_left is None else time_left_text(job.seconds_left))
        self._cancel.setVisible(job.can_cancel)
        self._cancel.setEnabled(not job.is_ending)
        label = tr("Cancel: %1").replace("%1", job.title)
        self._cancel.setAccessibleName(label)
        self._cancel.setToolTip(label)

    def text(self) -> str:
        return f"{self._title.text()} {self._left.text()}".strip()

    def restyle(self) -> None:
        self._cancel.setIcon(icons.icon("close", "muted"))

    def _on_cancel(self) -> None:
        self._strip.cancel_requested.emit(self._job_id)


def time_left_text(seconds: float) -> str:
    """Such as "41 s left", "3 min left", "1 h 20 min left"."""
    whole = round(seconds)
    if whole < 90:
        return tr("%n s left", whole)
    minutes = round(whole / 60)
    if minutes < 90:
        return tr("%n min left", minutes)
    return tr("%1 h %2 min left").replace("%1", str(minutes // 60)).replace("%2", str(minutes % 60))
