"""The overlay panel: how labels and proposal are drawn, the confidence threshold, and brightness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from segstudio.app.presenters.overlay import OverlayPresenter
from segstudio.gui.i18n import tr
from segstudio.gui.panels.display import DisplayControls
from segstudio.gui.panels.parts import (
    GAP_PX,
    MARGIN_PX,
    ValueSlider,
    combo,
    follow_theme,
    percent,
    select_data,
    tip_of,
)

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.action_binding import ActionBinder


class OverlayPanel(QWidget):
    """Every control acts at once."""

    def __init__(self, session: Session, binder: ActionBinder | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.presenter = OverlayPresenter(session)
        self.opacity = ValueSlider(tr("Opacity of the overlay"), 0.0, 1.0, 0.01, percent)
        self.mode = combo(tr("Draw areas as"), [(tr("Filled"), "fill"), (tr("Outlines"), "outline")])
        self.width_px = QSpinBox()
        self.width_px.setRange(1, 8)
        self.width_px.setSuffix(tr(" px"))
        self.width_px.setAccessibleName(tr("Width of outlines"))
        self.labels = self._check(tr("Labels"), tip_of(binder, "view.show_labels", tr("Show or hide the labels")))
        self.proposal = self._check(
            tr("Proposal"), tip_of(binder, "view.show_proposal", tr("Show or hide the model's proposal"))
        )
        self.difference = self._check(
            tr("Difference"), tip_of(binder, "view.show_difference", tr("Show where labels and proposal differ"))
        )
        self.grid = self._check(tr("Pixel grid"), tip_of(binder, "view.grid", tr("Draw a grid between pixels past 8×")))
        self.unseen = self._check(
            tr("What nobody looked at"),
            tip_of(
                binder, "view.show_unseen", tr("Veil what was not on the screen long enough, and tell how much was")
            ),
        )
        self.heat = combo(
            tr("Heat map"),
            [(tr("None"), "none"), (tr("Confidence"), "confidence"), (tr("Uncertainty"), "uncertainty")],
        )
        self.confidence = ValueSlider(tr("Least confidence shown"), 0.0, 1.0, 0.01, percent)
        self.hide = QPushButton(tr("Hide while held"))
        self.hide.setAccessibleName(tr("Hide labels while held"))
        self.hide.setToolTip(tip_of(binder, "view.hide_labels", tr("Show the bare image while the key is held")))
        self.display = DisplayControls(session)
        self._lay_out()
        self._connect()
        self._refresh()

    def focus_display(self) -> None:
        """Put the focus on brightness and contrast."""
        self.display.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _check(self, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setAccessibleName(text)
        box.setToolTip(tip)
        return box

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(MARGIN_PX)
        form.setVerticalSpacing(GAP_PX)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Opacity"), self.opacity)
        form.addRow(tr("Areas"), self.mode)
        form.addRow(tr("Outline"), self.width_px)
        form.addRow(tr("Heat map"), self.heat)
        form.addRow(tr("Confidence ≥"), self.confidence)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addLayout(form)
        for widget in (self.labels, self.proposal, self.difference, self.unseen, self.grid, self.hide):
            column.addWidget(widget)
        heading = QLabel(tr("Brightness and contrast"))
        heading.setProperty("heading", True)
        column.addSpacing(MARGIN_PX)
        column.addWidget(heading)
        column.addWidget(self.display)
        column.addStretch(1)

    def _connect(self) -> None:
        presenter = self.presenter
        self.opacity.moved.connect(presenter.set_opacity)
        self.mode.currentIndexChanged.connect(lambda _: presenter.set_mode(self.mode.currentData()))
        self.width_px.valueChanged.connect(presenter.set_outline_width)
        self.labels.toggled.connect(presenter.set_shows_labels)
        self.proposal.toggled.connect(presenter.set_shows_proposal)
        self.difference.toggled.connect(presenter.set_shows_difference)
        self.grid.toggled.connect(presenter.set_shows_grid)
        self.unseen.toggled.connect(presenter.set_shows_unseen)
        self.heat.currentIndexChanged.connect(lambda _: presenter.set_heat(self.heat.currentData()))
        self.confidence.moved.connect(presenter.set_min_confidence)
        self.hide.pressed.connect(lambda: presenter.set_hidden(True))
        self.hide.released.connect(lambda: presenter.set_hidden(False))
        presenter.changed.connect(self._refresh)
        follow_theme(self)

    def _refresh(self) -> None:
        style = self.presenter.style
        self.opacity.set_value(style.opacity)
        select_data(self.mode, style.mode)
        select_data(self.heat, style.heat)
        self.confidence.set_value(self.presenter.min_confidence)
        for widget, value in (
            (self.labels, style.shows_labels),
            (self.proposal, style.shows_proposal),
            (self.difference, style.shows_difference),
            (self.grid, style.shows_grid),
            (self.unseen, style.shows_unseen),
        ):
            widget.blockSignals(True)
            widget.setChecked(value)
            widget.blockSignals(False)
        self.width_px.blockSignals(True)
        self.width_px.setValue(style.outline_width_px)
        self.width_px.blockSignals(False)
        self.width_px.setEnabled(style.mode == "outline")
