"""The Progress panel: what labelling took, what is left, and one sentence of advice."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from segstudio.app.presenters.progress import ADVICE, Progress, curve, read_progress, sentence, version_starts
from segstudio.gui import theme
from segstudio.gui.dialogs.common import muted
from segstudio.gui.i18n import tr, tr_table
from segstudio.gui.panels.effort_curve import CurvePoint, EffortCurve, time_unit
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, combo, percent, plain
from segstudio.ml.step_times import span

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.core.effort import ImageEffort
    from segstudio.gui.workspace import Workspace

REFRESH_MS = 300
"""What changes in quick succession is shown once."""
LIVE_MS = 10_000
"""While the panel is in front, what was worked since is shown so often."""
TRAINABLE = frozenset({"train", "retrain", "retrain_doubled"})
"""Advice that the button beneath it follows."""


def short_count(value: float) -> str:
    """A number of pixels as an axis has room for it: "850", "12 k", "3.4 M"."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.0f}"


def short_time(seconds: float, unit: float = 1.0) -> str:
    """A time as an axis has room for it, in seconds, minutes (60) or hours (3600): "0", "30 s", "1.5 min", "2 h"."""
    name = {1.0: "s", 60.0: "min", 3600.0: "h"}[unit]
    return f"{seconds / unit:.3g} {name}" if seconds else "0"


class ProgressPanel(QWidget):
    """Advice, figures, and a curve over the images; read in another thread while the panel is in front."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.session = workspace.session
        self.progress = Progress()
        self._is_reading = False
        self._is_stale = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._read)
        self._live = QTimer(self)
        self._live.setInterval(LIVE_MS)
        self._live.timeout.connect(self._on_live)
        self._live.start()
        self._build()
        session = self.session
        for signal in (session.project_changed, session.images_changed, workspace.effort.recorder.changed):
            signal.connect(self._on_changed)
        session.image_record_changed.connect(self._on_record_changed)
        session.image_records_changed.connect(self._on_record_changed)
        self._show()

    # -- parts -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.advice = QLabel()
        self.advice.setWordWrap(True)
        self.advice.setFont(theme.title_font(self.advice.font(), 1.05))
        self.advice.setAccessibleName(tr("Advice"))
        self.train_button = QPushButton(tr("Train…"))
        self.train_button.setToolTip(tr("Open the Train panel, where the run can be started"))
        self.train_button.clicked.connect(self._on_train)
        self._figures = QGridLayout()
        self._figures.setHorizontalSpacing(MARGIN_PX)
        self._figures.setVerticalSpacing(GAP_PX)
        self._figures.setColumnStretch(1, 1)
        self._figures.setColumnStretch(3, 1)
        self.values: dict[str, QLabel] = {}
        for place, (key, name, tip) in enumerate(self._rows()):
            row, column = place // 2, 2 * (place % 2)
            label, value = muted(name), QLabel("–")
            for part in (label, value):
                part.setToolTip(tip)
            label.setWordWrap(False)
            value.setAccessibleName(name)
            self._figures.addWidget(label, row, column)
            self._figures.addWidget(value, row, column + 1)
            self.values[key] = value
        self.choice = combo(
            tr("Curve over the images"),
            (
                (tr("Time of each image"), "seconds"),
                (tr("Pixels corrected by hand"), "pixels"),
                (tr("Strokes of each image"), "strokes"),
                (tr("Corrective Dice"), "dice"),
            ),
        )
        self.choice.currentIndexChanged.connect(lambda _: self._show_curve())
        self.curve = EffortCurve()
        self.curve.setAccessibleName(tr("Curve over the images, in the order they were worked on"))
        self.curve.opened.connect(self.session.select_image)
        self.note = muted(
            tr("Images in the order of work; the line is the mean of five, dashed: another version of the model. "
               "Double click opens an image."), small=True,
        )  # fmt: skip
        button_row = QHBoxLayout()
        button_row.addWidget(self.train_button)
        button_row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX + 2)
        column.addWidget(self.advice)
        column.addLayout(button_row)
        column.addLayout(self._figures)
        column.addWidget(self.choice)
        column.addWidget(self.curve, 1)
        column.addWidget(self.note)

    def _rows(self) -> tuple[tuple[str, str, str], ...]:
        return (
            ("done", tr("Done"), tr("Images that are marked as done, of all")),
            ("worked", tr("Worked"), tr("Only while somebody works: pauses of more than 15 s do not count")),
            ("left", tr("Time left"), tr("Without another training, at the pace of the last five images that are done")),
            (
                "left_retrained",
                tr("After training"),
                tr("What would be left after another training, by the law that the versions of the model followed so far; "
                   "known from two of them on"),
            ),
            (
                "dice",
                tr("Kept"),
                tr("Corrective Dice: how well proposals, as you accepted them, agree with your labels afterwards"),
            ),
            ("training", tr("A training"), tr("How long the last runs took, beside your work")),
        )  # fmt: skip

    # -- reading ---------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """In front again: what is not written yet is wanted, too."""
        super().showEvent(event)
        self.workspace.effort.recorder.flush_soon()
        if self._is_stale:
            self._timer.start(0)

    def _on_live(self) -> None:
        if self.isVisible():
            self.workspace.effort.recorder.flush_soon()

    def _on_record_changed(self, _: object) -> None:
        self._on_changed()

    def _on_changed(self) -> None:
        self._is_stale = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start(REFRESH_MS)

    def _read(self) -> None:
        store = self.session.store
        if self._is_reading:
            self._is_stale = True  # read again after this
            return
        self._is_stale = False
        if store is None:
            self.progress = Progress()
            self._show()
            return
        self._is_reading = True
        records, found = self.session.images, list[Progress]()

        def done() -> None:
            self._is_reading = False
            if self.session.store is store and found:
                self.progress = found[0]
                self._show()
            if self._is_stale:
                self._on_changed()

        self.workspace.background.run(lambda: found.append(read_progress(store, records)), done)

    # -- showing ---------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        progress, found = self.progress, self.progress.found
        advice = progress.advice
        self.advice.setText(plain(sentence(advice, tr_table("app", ADVICE[advice.kind]))))
        self.train_button.setVisible(advice.kind in TRAINABLE)
        texts = {
            "done": f"{found.done} / {found.images}" if found.images else "–",
            "worked": span(found.worked_s) if found.worked_s else "–",
            "left": "–" if found.left_s is None else span(found.left_s),
            "left_retrained": "–" if found.left_retrained_s is None else span(found.left_retrained_s),
            "training": span(progress.training_s) if progress.training_s else "–",
            "dice": "–" if found.dice is None else percent(found.dice),
        }
        for key, text in texts.items():
            self.values[key].setText(text)
        self._show_curve()

    def _show_curve(self) -> None:
        key = str(self.choice.currentData())
        worked = self.progress.worked
        values = curve(worked, key)
        unit = time_unit(max((value for _, value in values), default=0.0))
        told: dict[str, Callable[[float], str]] = {"seconds": span, "dice": percent}
        show = partial(short_time, unit=unit) if key == "seconds" else told.get(key, short_count)
        points = [self._point(worked[place - 1], place, value, told.get(key, show)) for place, value in values]
        empty = (
            tr("No proposal was accepted yet.")
            if key == "dice" and worked
            else tr("The curve begins with the first image you work on.")
        )
        top = 1.0 if key == "dice" else 0.0
        starts = version_starts(worked)
        self.curve.show_points(points, starts, len(worked), show, top=top, is_time=key == "seconds", empty=empty)

    def _point(self, image: ImageEffort, place: int, value: float, show: Callable[[float], str]) -> CurvePoint:
        parts = [
            f"{image.name}: {show(value)}",
            image.model_id or tr("no model"),
            "" if image.is_done else tr("not done"),
        ]
        return CurvePoint(place, value, image.image_id, ", ".join(filter(None, parts)))

    def _on_train(self) -> None:
        self.workspace.docks.reveal("train")
