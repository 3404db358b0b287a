"""The strip at the bottom: running jobs with progress, time left and cancel."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from segstudio.gui import icons, theme
from segstudio.gui.i18n import tr

STEPS = 1000


@dataclass(frozen=True, slots=True)
class JobView:
    """One line of the strip. ``total`` 0 = unknown; ``seconds_left`` None = nothing can be said."""

    id: str
    title: str
    done: float = 0.0
    total: float = 0.0
    seconds_left: float | None = None
    detail: str = ""
    can_cancel: bool = True
    is_ending: bool = False


class JobStrip(QFrame):
    """A line a job; hidden while there is none."""

    cancel_requested = Signal(str)
    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Jobs"))
        self._rows: dict[str, _JobRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 2, 8, 2)
        self._column.setSpacing(0)
        self.hide()
        theme.theme_manager().changed.connect(self._on_theme_changed)

    def show_job(self, job: JobView) -> None:
        """Add a line, or bring it up to date."""
        row = self._rows.get(job.id)
        if row is None:
            row = _JobRow(self, job.id)
            self._rows[job.id] = row
            self._column.addWidget(row)
        row.show_job(job)
        if self.isHidden():
            self.show()
            self.shown_changed.emit()

    def drop_job(self, job_id: str) -> None:
        """Take a line away; one that is gone already does nothing."""
        row = self._rows.pop(job_id, None)
        if row is not None:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        if not self._rows and not self.isHidden():
            self.hide()
            self.shown_changed.emit()

    def job_ids(self) -> list[str]:
        """What is shown."""
        return list(self._rows)

    def text_of(self, job_id: str) -> str:
        """Title and time left of a line, as shown."""
        return self._rows[job_id].text()

    def _on_theme_changed(self) -> None:
        for row in self._rows.values():
            row.restyle()


class _JobRow(QWidget):
    def __init__(self, strip: JobStrip, job_id: str) -> None:
        super().__init__(strip)
        self._strip, self._job_id = strip, job_id
        self._title = QLabel()
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setMinimumWidth(160)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._left = QLabel()
        self._left.setProperty("muted", True)
        self._left.setFont(theme.small_font(self._left.font()))
        self._left.setMinimumWidth(self._left.fontMetrics().horizontalAdvance("00 min 00 s left  "))
        self._cancel = QToolButton()
        self._cancel.setIconSize(QSize(16, 16))
        self._cancel.clicked.connect(self._on_cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self._title, 2)
        row.addWidget(self._bar, 3)
        row.addWidget(self._left, 0)
        row.addWidget(self._cancel)
        self.restyle()

    def show_job(self, job: JobView) -> None:
        title = f"{job.title} · {job.detail}" if job.detail else job.title
        self._title.setText(title)
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
    """"41 s left", "3 min left", "1 h 20 min left"."""
    whole = round(seconds)
    if whole < 90:
        return tr("%n s left", whole)
    minutes = round(whole / 60)
    if minutes < 90:
        return tr("%n min left", minutes)
    return tr("%1 h %2 min left").replace("%1", str(minutes // 60)).replace("%2", str(minutes % 60))
