"""The train panel: what to train, on what; start, pause, stop and keep; curves and validation pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from segstudio.gui import icons, theme
from segstudio.gui.dialogs.common import muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.train_choices import TrainChoices
from segstudio.gui.panels.train_curves import Curves
from segstudio.gui.panels.train_texts import started_text
from segstudio.gui.panels.train_views import ClassBars, Pictures
from segstudio.gui.training_verdict import verdict_text

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

REDRAW_MS = 200
RECOUNT_MS = 400


class TrainPanel(QWidget):
    """Everything of a run on one page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._control = workspace.jobs.training
        self._presenter = workspace.jobs.training.presenter
        self._binder = workspace.binder
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.choices_box = TrainChoices(self._presenter, workspace.jobs.models)
        self.choices_box.asked.connect(workspace.window.trigger)
        column.addWidget(self.choices_box)
        column.addWidget(self._make_data())
        column.addLayout(self._make_buttons())
        column.addLayout(self._make_links())
        # Below the buttons: on a small screen those are in sight without scrolling.
        column.addWidget(self.bars)
        self._state = muted("")
        self._network = muted("", small=True)
        self.verdict = muted("")
        self.verdict.hide()
        self.judge_button = QPushButton(tr("Compare with the model it started from"))
        self.judge_button.setToolTip(tr("Evaluates both on the validation images, which takes a while"))
        self.judge_button.clicked.connect(self._on_judge)
        self.judge_button.hide()
        column.addWidget(self._state)
        column.addWidget(self.verdict)
        column.addWidget(self.judge_button)
        column.addWidget(self._network)
        self.curves = Curves()
        self.pictures = Pictures()
        column.addWidget(self.curves)
        column.addWidget(self.pictures)
        column.addStretch(1)
        # Steps come faster than anybody can look: drawn at most five times a second.
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self.show_progress)
        self._recount = QTimer(self)
        self._recount.setSingleShot(True)
        self._recount.setInterval(RECOUNT_MS)
        self._recount.timeout.connect(self._on_recount)
        workspace.session.history_changed.connect(self._on_history_changed)
        workspace.session.image_record_changed.connect(self._on_record_changed)
        self._presenter.changed.connect(self.show_choices)
        self._presenter.progressed.connect(self._on_progressed)
        self._control.state_changed.connect(self._show_state)
        self._control.stage_changed.connect(self._state.setText)
        workspace.jobs.models.changed.connect(self.show_choices)
        theme.theme_manager().changed.connect(self._restyle)
        self._restyle()
        self.show_choices()
        self._show_state()

    # -- building --------------------------------------------------------------------------------------------------

    def _make_data(self) -> QLabel:
        self._data = QLabel()
        self._data.setWordWrap(True)
        self._data.setTextFormat(Qt.TextFormat.PlainText)
        self.bars = ClassBars()
        return self._data

    def _make_buttons(self) -> QGridLayout:
        self.start_button = QPushButton(tr("Start"))
        self.start_button.setProperty("primary", True)
        self.start_button.setToolTip(self._binder.tool_tip("train.start"))
        self.start_button.clicked.connect(self._on_start)
        self.pause_button = QPushButton(tr("Pause"))
        self.pause_button.setCheckable(True)
        self.pause_button.setToolTip(self._binder.tool_tip("train.pause"))
        self.pause_button.clicked.connect(self._control.set_paused)
        self.stop_button = QPushButton(tr("Stop and keep"))
        self.stop_button.setToolTip(self._binder.tool_tip("train.stop"))
        self.stop_button.clicked.connect(self._control.stop_and_keep)
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.addWidget(self.start_button, 0, 0, 1, 2)
        grid.addWidget(self.pause_button, 1, 0)
        grid.addWidget(self.stop_button, 1, 1)
        return grid

    def _make_links(self) -> QHBoxLayout:
        """What is looked at before and after a run."""
        titles = {
            "train.preview_patches": tr("Preview patches…"),
            "train.runs": tr("Runs…"),
            "model.evaluate": tr("Evaluate…"),
        }
        row = QHBoxLayout()
        row.setSpacing(4)
        self.links: dict[str, QPushButton] = {}
        for action_id, title in titles.items():
            if action_id not in self._binder.specs:
                continue
            button = self.links[action_id] = QPushButton(title)
            button.setProperty("flat-link", True)
            button.setToolTip(self._binder.tool_tip(action_id))
            button.clicked.connect(lambda _=False, wanted=action_id: self._workspace.window.trigger(wanted))
            row.addWidget(button)
        row.addStretch(1)
        return row

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_choices(self) -> None:
        """Fill the fields from what is chosen, and the data summary from the project."""
        self.choices_box.show_choices()
        if self.isVisible():
            self.show_data()

    def show_data(self) -> None:
        """Count what there is to train on."""
        summary = self._presenter.summary()
        self.bars.show_amounts(summary.classes)
        if summary.problem:
            text = tr(summary.problem)
        else:
            text = tr("%n labelled image(s)", summary.images)
            if summary.planes:
                text += " (" + tr("%n labelled plane(s) of volumes", summary.planes) + ")"
            if summary.val:
                text += ", " + tr("%1 for training, %2 for validation").replace("%1", str(summary.train)).replace(
                    "%2", str(summary.val)
                )
            elif summary.images == 1 and summary.planes > 1:
                text += ", " + tr("a run of planes kept for validation")
            elif summary.images == 1:
                text += ", " + tr("a part of it kept for validation")
            else:
                share = f"{self._presenter.choices.val_fraction:.0%}"
                text += ", " + tr("%1 of them kept for validation").replace("%1", share)
        self._data.setText(text)
        self._data.setProperty("muted", not summary.problem)
        self.start_button.setEnabled(not summary.problem and not self._control.is_running)

    @property
    def data_text(self) -> str:
        """The data summary, as shown."""
        return self._data.text()

    @property
    def state_text(self) -> str:
        """How the run stands, as shown."""
        return self._state.text()

    @property
    def network_text(self) -> str:
        """What is trained and on what, as shown."""
        return self._network.text()

    def show_progress(self) -> None:
        """Draw what the run has said so far."""
        progress = self._presenter.progress
        self.curves.show_progress(progress)
        if progress.started is not None:
            self.pictures.show_pictures(progress.pictures, progress.started.colors)
        self._network.setText("\n".join(filter(None, (started_text(progress.started), *progress.notes[-3:]))))
        self._network.setVisible(progress.started is not None)
        parts = []
        if progress.step is not None and progress.started is not None:
            epoch = f"{min(progress.step.epoch, progress.started.epochs)} / {progress.started.epochs}"
            parts.append(f"{tr('epoch')} {epoch}")
            parts.append(f"{tr('loss')} {progress.step.loss:.3f}")
        if progress.best is not None and progress.best.mean_iou is not None:
            parts.append(f"{tr('best mIoU')} {progress.best.mean_iou:.3f} ({tr('epoch')} {progress.best.epoch})")
        if progress.state == "finished":
            parts.insert(0, tr("Finished"))
        elif progress.state == "failed":
            parts.insert(0, tr("Failed"))
        elif self._control.is_paused:
            parts.insert(0, tr("Paused"))
        if parts:
            self._state.setText(" · ".join(parts))
        self._show_verdict()

    def _show_verdict(self) -> None:
        progress = self._presenter.progress
        found = progress.verdict
        self.judge_button.setVisible(progress.can_be_judged)
        self.verdict.setVisible(found is not None)
        if found is not None:
            self.verdict.setText(verdict_text(found))
            self.verdict.setProperty("muted", not found.is_worse)
            self.verdict.setProperty("danger", found.is_worse)
            self.verdict.style().polish(self.verdict)

    def start(self) -> bool:
        """Start with what is chosen."""
        self.curves.clear()
        return self._control.start()

    def showEvent(self, event: object) -> None:  # noqa: N802
        """Count when it is looked at."""
        super().showEvent(event)  # type: ignore[arg-type]
        self.show_data()

    def _show_state(self) -> None:
        is_running = self._control.is_running
        self.pause_button.setEnabled(is_running and not self._control.is_stopping)
        self.pause_button.setChecked(self._control.is_paused)
        self.pause_button.setText(tr("Go on") if self._control.is_paused else tr("Pause"))
        self.pause_button.setIcon(icons.icon("play" if self._control.is_paused else "pause", "text"))
        self.stop_button.setEnabled(is_running and not self._control.is_stopping)
        # Nothing can be chosen during a run: the room goes to the curves.
        for part in (self.choices_box, self.start_button, self.bars):
            part.setVisible(not is_running)
        if self.isVisible():
            self.show_data()
        else:
            self.start_button.setEnabled(not is_running)
        self.show_progress()

    def _restyle(self) -> None:
        for button, name, token in (
            (self.start_button, "play", "accent_text"),
            (self.pause_button, "play" if self._control.is_paused else "pause", "text"),
            (self.stop_button, "stop", "text"),
        ):
            button.setIcon(icons.icon(name, token))
            button.setIconSize(QSize(16, 16))
        self.curves.restyle()
        self.bars.update()
        self.show_progress()

    # -- doing -----------------------------------------------------------------------------------------------------

    def _on_progressed(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _on_history_changed(self) -> None:
        self._recount.start()

    def _on_record_changed(self, image_id: int) -> None:
        self._recount.start()

    def _on_recount(self) -> None:
        if self.isVisible():
            self.show_data()

    def _on_judge(self) -> None:
        self.judge_button.hide()
        self._presenter.progress.can_be_judged = False
        self._control.judge.go()

    def _on_start(self) -> None:
        self._workspace.window.trigger("train.start")
