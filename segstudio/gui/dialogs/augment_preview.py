"""Preview of training patches: what the augmentation makes of them, with its steps beside to change at once."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.training_faults import in_the_window
from segstudio.app.presenters.training_field_table import BY_KEY
from segstudio.gui.dialogs.common import PlainDialog, form_grid, heading, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.option_form import OptionForm
from segstudio.gui.panels.parts import combo, follow_theme, select_data, tool_button
from segstudio.gui.panels.patch_grid import IGNORED, PatchGrid, color_of, is_background
from segstudio.ml.train_events import PatchPreview
from segstudio.ml.training.augment_table import OPTIONS, PRESETS, changed_options, checked_options

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

SIDE_PX, LABELS_PX = 316, 128
WAIT_MS = 250
"""Changes that follow each other so quickly are one."""
MOST_NAMES = 12


class AugmentPreviewDialog(PlainDialog):
    """Begins with what the train panel has; "Use these" is the only thing that changes it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.window, tr("Preview patches"), 1080, 700)
        self._workspace = workspace
        self._presenter, self._control = workspace.jobs.training.presenter, workspace.jobs.previews
        value = self._presenter.value
        self.preset, self.mix = str(value("augment")), str(value("mix"))
        self.options = dict(value("augment_options"))
        self.batch = 0
        self.is_busy = False
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MS)
        self._wait.timeout.connect(self._ask)
        columns = QHBoxLayout()
        columns.setSpacing(20)
        columns.addWidget(self._make_side(float(value("mix_share"))))
        columns.addLayout(self._make_view(), 1)
        self.column.addLayout(columns, 1)
        self._make_buttons()
        self._control.made.connect(self._on_made)
        self._control.failed.connect(self._on_failed)
        follow_theme(self)
        self._show_choices()
        self._ask()

    # -- building --------------------------------------------------------------------------------------------------

    def _make_side(self, share: float) -> QWidget:
        self.preset_box = combo(tr("Augmentation"), [(tr(title), key) for key, title, _ in PRESETS])
        self.preset_box.activated.connect(lambda _: self._on_preset())
        self.about = muted("", small=True)
        self.mix_box = combo(tr("Paste from other patches"), [(tr(t), key) for key, t in BY_KEY["mix"].choices])
        self.mix_box.activated.connect(lambda _: self._on_mix())
        self.share = QDoubleSpinBox()
        self.share.setRange(0.0, 1.0)
        self.share.setSingleStep(0.1)
        self.share.setValue(share)
        self.share.setKeyboardTracking(False)
        self.share.setAccessibleName(tr("Part of the patches pasted into"))
        self.share.setToolTip(tr("Part of the patches pasted into"))
        self.share.valueChanged.connect(lambda _: self._wait.start())
        self.form = OptionForm(labels_px=LABELS_PX)
        self.form.changed.connect(self._on_option)
        scroll = QScrollArea()
        scroll.setWidget(self.form)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.reset_button = tool_button(
            "undo", tr("Steps as in the preset"), tr("Steps as in the preset"), self._on_reset
        )
        head = QHBoxLayout()
        head.addWidget(heading(tr("Steps"), 1.0), 1)
        head.addWidget(self.reset_button)
        side = QWidget()
        side.setFixedWidth(SIDE_PX)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = form_grid([(tr("Augmentation"), self.preset_box)])
        below = form_grid([(tr("Paste"), self.mix_box), (tr("Share pasted"), self.share)])
        for grid in (top, below):
            grid.setColumnMinimumWidth(0, LABELS_PX)
        column.addLayout(top)
        column.addWidget(self.about)
        column.addLayout(below)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        return side

    def _make_view(self) -> QVBoxLayout:
        self.state = QLabel()
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.state.setWordWrap(True)
        self.labels_check = QCheckBox(tr("Show labels"))
        self.labels_check.setChecked(True)
        self.labels_check.setToolTip(tr("Press the mouse on a patch to see it without labels"))
        self.grid = PatchGrid()
        self.labels_check.toggled.connect(self.grid.show_labels)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        head = QHBoxLayout()
        head.addWidget(self.state, 1)
        head.addWidget(self.labels_check)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.grid, 1)
        column.addWidget(self.bar)
        column.addWidget(self.legend)
        return column

    def _make_buttons(self) -> None:
        buttons = self.add_buttons(tr("Use these"), tr("Close"))
        self.use_button, self.close_button = (
            next(b for b in buttons.findChildren(QPushButton) if buttons.buttonRole(b) == role)
            for role in (buttons.ButtonRole.AcceptRole, buttons.ButtonRole.RejectRole)
        )
        self.use_button.setToolTip(tr("The next run is augmented so"))
        self.more_button = QPushButton(tr("Another batch"))
        buttons.addButton(self.more_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.more_button.clicked.connect(self._on_more)
        self.write_button = QPushButton(tr("Write copies…"))
        self.write_button.setToolTip(
            tr("Write augmented copies of the training images to a folder, for another program")
        )
        buttons.addButton(self.write_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.write_button.clicked.connect(self._on_write)

    # -- showing ---------------------------------------------------------------------------------------------------

    def _show_choices(self) -> None:
        select_data(self.preset_box, self.preset)
        select_data(self.mix_box, self.mix)
        self.about.setText(tr(next(text for key, _, text in PRESETS if key == self.preset)))
        self.form.show_options(OPTIONS, checked_options(self.preset, self.options))
        self.reset_button.setEnabled(bool(self.options))
        self.share.setEnabled(self.mix != "none")

    def _say(self, text: str, *, is_failure: bool = False) -> None:
        self.state.setText(text)
        self.state.setProperty("danger", is_failure)
        self.state.setProperty("muted", not is_failure)
        self.state.style().polish(self.state)

    def _set_busy(self, is_busy: bool) -> None:
        self.is_busy = is_busy
        self.bar.setVisible(is_busy)
        self.more_button.setEnabled(not is_busy)

    # -- doing -----------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._wait.stop()
        problem = self._presenter.summary().problem
        if problem:
            self._set_busy(False)
            self.more_button.setEnabled(False)
            self.write_button.setEnabled(False)
            self._say(tr(problem), is_failure=True)
            return
        plan = replace(
            self._presenter.draft(),
            augment=self.preset,
            augment_options=dict(self.options),
            mix=self.mix,
            mix_share=self.share.value(),
        )
        self._set_busy(True)
        self._say(tr("Making patches…"))
        self._control.ask(plan, self.batch)

    def _on_made(self, preview: object) -> None:
        if self._wait.isActive() or not isinstance(preview, PatchPreview):
            return
        self._set_busy(False)
        self.grid.show_preview(preview)
        self.legend.setText(_legend(preview))
        side = self._presenter.draft().patch_px
        text = tr("%1 of %2 patches an epoch, %3 × %3 px")
        parts = (("%1", str(len(preview.patches))), ("%2", str(preview.patches_per_epoch)), ("%3", str(side)))
        for mark, shown in parts:
            text = text.replace(mark, shown)
        self._say(text)

    def _on_failed(self, sentence: str) -> None:
        self._set_busy(False)
        self.grid.clear()
        self.legend.setText("")
        self._say(in_the_window(sentence), is_failure=True)

    def _on_preset(self) -> None:
        self.preset, self.options = str(self.preset_box.currentData()), {}
        self._changed()

    def _on_mix(self) -> None:
        self.mix = str(self.mix_box.currentData())
        self._changed()

    def _on_option(self, key: str, value: object) -> None:
        self.options = dict(changed_options(self.preset, {**self.options, key: value}))
        self._changed()

    def _on_reset(self) -> None:
        self.options = {}
        self._changed()

    def _changed(self) -> None:
        self._show_choices()
        self._wait.start()

    def _on_more(self) -> None:
        self.batch += 1
        self._ask()

    def _on_write(self) -> None:
        from segstudio.gui.dialogs.augment_folder import AugmentFolderDialog

        AugmentFolderDialog(self, self._workspace, self.preset, self.options).open()

    def accept(self) -> None:
        """Keep what is chosen for the next run."""
        self._presenter.choose(
            augment=self.preset,
            augment_options=dict(self.options),
            mix=self.mix,
            mix_share=round(self.share.value(), 3),
        )
        super().accept()

    def done(self, result: int) -> None:
        """End the process that makes patches."""
        self._wait.stop()
        self._control.made.disconnect(self._on_made)
        self._control.failed.disconnect(self._on_failed)
        self._control.stop()
        super().done(result)


def _legend(preview: PatchPreview) -> str:
    """The classes in these patches, each beside its colour."""
    seen = sorted({int(v) for patch in preview.patches for v in np.unique(patch.target)})
    shown = [i for i in seen if i < len(preview.classes) and not is_background(preview, i)]
    parts = [
        f'<span style="color:{color_of(preview, i).name()}">■</span>&nbsp;{html.escape(preview.classes[i]).replace(" ", "&nbsp;")}'
        for i in shown[:MOST_NAMES]
    ]
    if len(shown) > MOST_NAMES:
        parts.append("…")
    if IGNORED in seen:
        parts.append(f"▨&nbsp;{html.escape(tr('ignored')).replace(' ', '&nbsp;')}")
    return " &nbsp; ".join(parts)
