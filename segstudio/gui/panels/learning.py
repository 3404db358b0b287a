"""The learning panel: begin, hold and end; what is done now; what each image gained or lost; versions to go back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.learning import START_FRESH, START_LAST, START_MODEL
from segstudio.gui import icons, theme
from segstudio.gui.dialogs.common import muted
from segstudio.gui.i18n import tr
from segstudio.gui.learning_control import stage_text
from segstudio.gui.panels.learning_tables import ChangeTable, VersionTable
from segstudio.gui.panels.learning_texts import data_text, now_text, verdict_text
from segstudio.gui.panels.parts import combo, hold_height, select_data

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from segstudio.gui.workspace import Workspace

REDRAW_MS = 200
RECOUNT_MS = 400
SCROLL_BAR_PX = 20
"""A width that changes by less: a scroll bar came or went."""
RENEWS = "learn.renews_proposal"
_VERDICT_ICONS = {"good": ("done", "good"), "warning": ("warning", "warning"), "muted": ("info", "muted")}


class LearningPanel(QWidget):
    """Everything of learning while labelling on one page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._control = workspace.jobs.learning
        self._presenter = workspace.jobs.learning.presenter
        self._shown_state = ""
        self._build()
        # The learner speaks faster than anybody can read: drawn at most five times a second, and only while it is seen.
        self._redraw = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._redraw.timeout.connect(self.show_progress)
        self._recount = QTimer(self, singleShot=True, interval=RECOUNT_MS)
        self._recount.timeout.connect(self._on_recount)
        self._connect()
        self._restyle()
        self.show_progress()

    # -- building ----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.state = QLabel()
        self.state.setProperty("heading", True)
        self.state.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("This round"))
        self.details = muted("", small=True)
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.state)
        column.addWidget(self.bar)
        column.addLayout(self._make_buttons())
        column.addWidget(self.details)
        column.addLayout(self._make_verdict())
        column.addWidget(self._make_start())
        column.addLayout(self._make_renewal())
        self._make_changes(column)
        self._make_versions(column)
        column.addStretch(1)

    def _make_buttons(self) -> QGridLayout:
        binder = self._workspace.binder
        self.start_button = QPushButton(tr("Learn while labelling"))
        self.start_button.setProperty("primary", True)
        self.pause_button = QPushButton(tr("Pause"))
        self.pause_button.setCheckable(True)
        self.stop_button = QPushButton(tr("Stop"))
        for button, action_id in (
            (self.start_button, "learn.start"),
            (self.pause_button, "learn.pause"),
            (self.stop_button, "learn.stop"),
        ):
            button.setToolTip(binder.tool_tip(action_id))
            button.setIconSize(QSize(16, 16))
        self.start_button.clicked.connect(lambda: self._workspace.window.trigger("learn.start"))
        self.pause_button.clicked.connect(self._control.set_paused)
        self.stop_button.clicked.connect(self._control.stop)
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.addWidget(self.start_button, 0, 0, 1, 2)
        grid.addWidget(self.pause_button, 1, 0)
        grid.addWidget(self.stop_button, 1, 1)
        return grid

    def _make_verdict(self) -> QHBoxLayout:
        self._verdict_icon = QLabel()
        self._verdict_icon.setFixedSize(16, 16)
        self.verdict = QLabel()
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setWordWrap(True)
        self.verdict.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._verdict_icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.verdict, 1)
        return row

    def _make_start(self) -> QWidget:
        self.start_chooser = combo(
            tr("Begin with"),
            (
                (tr("The version in use"), START_LAST),
                (tr("The model that is chosen"), START_MODEL),
                (tr("Nothing learned yet"), START_FRESH),
            ),
        )
        tips = (
            tr("Goes on from this project's newest version; the first time from ImageNet weights of the encoder"),
            tr("Begins with the weights of the model in the panel Model"),
            tr("Begins anew with ImageNet weights of the encoder; versions that are there stay"),
        )
        for row, tip in enumerate(tips):
            self.start_chooser.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
        self.start_chooser.setToolTip(tr("What learning begins with"))
        self.start_chooser.activated.connect(self._on_start_chosen)
        self._start_row = QWidget()
        row = QHBoxLayout(self._start_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(QLabel(tr("Begin with")))
        row.addWidget(self.start_chooser, 1)
        return self._start_row

    def _make_renewal(self) -> QVBoxLayout:
        self.renews = QCheckBox(tr("Renew the proposal that is shown"))
        self.renews.setToolTip(
            tr("Each new version proposes anew for the image shown, as soon as the hand rests; what you did stays")
        )
        self.renews.toggled.connect(lambda is_on: self._workspace.settings.set(RENEWS, is_on))
        self.newer = QPushButton(tr("Show the newer proposal"))
        self.newer.setProperty("flat-link", True)
        self.newer.setToolTip(
            tr("It waits, because it would replace a proposal that is not settled, or end what undo can bring back")
        )
        self.newer.clicked.connect(lambda: self._control.renewal.now())
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.renews)
        column.addWidget(self.newer, 0, Qt.AlignmentFlag.AlignLeft)
        return column

    def _make_changes(self, column: QVBoxLayout) -> None:
        self._changes_title = QLabel(tr("Images: mean Dice on held-out labels"))
        self._changes_title.setProperty("heading", True)
        self.only_worse = QCheckBox()
        self.only_worse.toggled.connect(lambda: self._show_changes())
        self.changes = ChangeTable()
        self.changes.setToolTip(tr("Double-click or Enter opens the image"))
        self.changes.opened.connect(self._on_opened)
        for widget in (self._changes_title, self.only_worse, self.changes):
            column.addWidget(widget)

    def _make_versions(self, column: QVBoxLayout) -> None:
        self._versions_title = QLabel(tr("Versions"))
        self._versions_title.setProperty("heading", True)
        self.versions = VersionTable()
        self.versions.chosen.connect(self._control.roll_back)
        column.addWidget(self._versions_title)
        column.addWidget(self.versions)

    def _connect(self) -> None:
        session = self._workspace.session
        self._presenter.progressed.connect(self._on_progressed)
        self._presenter.changed.connect(self._on_progressed)
        self._control.state_changed.connect(self.show_progress)
        self._control.renewal.changed.connect(self.show_progress)
        session.history_changed.connect(self._on_history)
        session.images_changed.connect(self._on_history)
        session.classes_changed.connect(self._on_history)
        self._workspace.settings.changed.connect(self._on_setting)
        theme.theme_manager().changed.connect(self._restyle)

    # -- showing -----------------------------------------------------------------------------------------------------

    @property
    def state_text(self) -> str:
        """What is done now, as shown."""
        return self.state.text()

    @property
    def verdict_text(self) -> str:
        """What came of the last round, as shown."""
        return self.verdict.text()

    def show_progress(self) -> None:
        """Draw how it stands."""
        if not self.isVisible():
            return
        presenter, control = self._presenter, self._control
        is_on = control.is_running
        state = presenter.progress.state
        self.state.setText(stage_text(state))
        step = presenter.progress.step if state == "fitting" else None
        self.bar.setVisible(is_on)
        self.bar.setRange(0, 1 if step is None else max(1, step.steps))
        self.bar.setValue(0 if step is None else step.step)
        self._show_buttons()
        data = None if is_on else presenter.data()
        self.details.setText(now_text(presenter) if data is None else data_text(data, presenter))
        self.details.setVisible(bool(self.details.text()))
        self.start_button.setEnabled(data is not None and not data.problem)
        self._show_verdict()
        self._show_changes()
        rows = presenter.version_rows()
        self.versions.show_versions(rows, can_change=not self._workspace.session.is_read_only)
        for widget in (self._versions_title, self.versions):
            widget.setVisible(bool(rows))
        self._hold_still()

    def _hold_still(self) -> None:
        """While it runs nothing moves under the pointer because a sentence above it became shorter."""
        layout = self.layout()
        if self._control.is_running and layout is not None:
            layout.activate()  # a label that was not laid out yet has no width to break its text at
        for label in (self.details, self.verdict):
            if self._control.is_running:
                hold_height(label)
            else:
                label.setMinimumHeight(0)

    def _show_buttons(self) -> None:
        control = self._control
        is_on, is_held = control.is_running, control.is_paused
        self.start_button.setVisible(not is_on)
        for button in (self.pause_button, self.stop_button):
            button.setVisible(is_on)
            button.setEnabled(not control.is_stopping)
        self.pause_button.setChecked(is_held)
        self.pause_button.setText(tr("Go on") if is_held else tr("Pause"))
        self.pause_button.setIcon(icons.icon("play" if is_held else "pause", "text"))
        self._start_row.setVisible(not is_on)
        if not is_on:  # what is kept in the project is read from the disk: not five times a second beside the hand
            select_data(self.start_chooser, self._presenter.start)
        self.renews.blockSignals(True)
        self.renews.setChecked(self._workspace.settings.flag(RENEWS))
        self.renews.blockSignals(False)
        self.newer.setVisible(control.renewal.held_back)

    def _show_verdict(self) -> None:
        text, kind = verdict_text(self._presenter)
        self.verdict.setText(text)
        for widget in (self.verdict, self._verdict_icon):
            widget.setVisible(bool(text))
        if text:
            name, token = _VERDICT_ICONS[kind]
            self._verdict_icon.setPixmap(icons.pixmap(name, 16, token))

    def _show_changes(self) -> None:
        rows = self._presenter.changes()
        worse = [row for row in rows if row.is_worse]
        self.only_worse.setText(tr("Only what got worse (%1)").replace("%1", str(len(worse))))
        self.only_worse.setEnabled(bool(worse) or self.only_worse.isChecked())
        self.changes.show_changes(worse if self.only_worse.isChecked() else rows)
        for widget in (self._changes_title, self.changes, self.only_worse):
            widget.setVisible(bool(rows))

    def showEvent(self, event: object) -> None:  # noqa: N802
        """Draw what came while nobody looked."""
        super().showEvent(event)  # type: ignore[arg-type]
        self.show_progress()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Another width: texts break elsewhere."""
        super().resizeEvent(event)
        if abs(event.size().width() - event.oldSize().width()) > SCROLL_BAR_PX:
            for label in (self.details, self.verdict):
                label.setMinimumHeight(0)
            self._on_progressed()

    def _restyle(self) -> None:
        for button, name, token in (
            (self.start_button, "learn", "accent_text"),
            (self.stop_button, "stop", "text"),
        ):
            button.setIcon(icons.icon(name, token))
        self.show_progress()

    # -- doing -------------------------------------------------------------------------------------------------------

    def _on_progressed(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _on_history(self) -> None:
        if not self._control.is_running:
            self._recount.start()

    def _on_recount(self) -> None:
        self.show_progress()

    def _on_setting(self, key: str, value: object) -> None:
        if key == RENEWS:
            self.show_progress()

    def _on_start_chosen(self) -> None:
        self._presenter.set_start(str(self.start_chooser.currentData()))

    def _on_opened(self, row: object) -> None:
        if isinstance(row, dict):
            self._workspace.session.select_image(int(row["image"]))
