"""The model panel: which model, on what device, for which classes; propose, threshold, accept and reject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.favourites import FAVOURITES, favourites
from segstudio.app.presenters.models import DROP, MappingRow
from segstudio.gui import icons, theme
from segstudio.gui.action_binding import ActionBinder
from segstudio.gui.dialogs.common import form_grid, muted
from segstudio.gui.dialogs.settings import device_choices
from segstudio.gui.i18n import tr, tr_table
from segstudio.gui.panels.model_chooser import ModelChooser, size_text
from segstudio.gui.panels.model_options import ModelOptions

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace
    from segstudio.ml.catalog_entry import CatalogEntry

NAMES_SHOWN = 4


class ModelPanel(QWidget):
    """All of the Model menu within reach of the mouse."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._models = workspace.jobs.models
        self._session = workspace.session
        self._settings = workspace.settings
        self._binder: ActionBinder = workspace.binder
        self._icon_buttons: list[tuple[QToolButton | QPushButton, str, str]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addLayout(self._make_chooser())
        column.addWidget(self._make_download())
        column.addLayout(self._make_form())
        self.options = ModelOptions(self._models.presenter)
        column.addWidget(self.options)
        column.addLayout(self._make_propose())
        column.addWidget(_rule())
        column.addLayout(self._make_threshold())
        column.addLayout(self._make_answers())
        column.addStretch(1)
        self._models.changed.connect(self.show_catalog)
        self._models.activity_changed.connect(self._show_activity)
        self._models.download_progressed.connect(self._on_download_progressed)
        self._session.classes_changed.connect(self._show_mapping)
        self._session.threshold_changed.connect(self._on_threshold_changed)
        self._session.project_changed.connect(self._on_project_changed)
        self._settings.changed.connect(self._on_setting_changed)
        theme.theme_manager().changed.connect(self._restyle)
        self.show_catalog()
        self._restyle()
        self._on_threshold_changed(self._session.min_confidence)

    # -- building --------------------------------------------------------------------------------------------------

    def _make_chooser(self) -> QVBoxLayout:
        self.chooser = ModelChooser()
        self.chooser.chosen.connect(self._models.choose)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.chooser, 1)
        row.addWidget(self._tool("model.catalog"))
        row.addWidget(self._tool("model.card"))
        row.addWidget(self._tool("model.install"))
        self._facts = muted("", small=True)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._facts)
        return column

    def _make_download(self) -> QFrame:
        self._download_box = QFrame()
        self._download_box.setProperty("card", True)
        row = QHBoxLayout(self._download_box)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(8)
        self._reason = muted("", small=True)
        self._progress = QProgressBar()
        self._progress.setRange(0, 1000)
        self.download_button = QPushButton(tr("Download"))
        self.download_button.clicked.connect(self._on_download)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self._reason)
        column.addWidget(self._progress)
        row.addLayout(column, 1)
        row.addWidget(self.download_button)
        return self._download_box

    def _make_form(self) -> QGridLayout:
        self.device = QComboBox()
        for choice in device_choices(self._settings.text("model.device")):
            self.device.addItem(tr_table("settings", choice), choice)
        self.device.setCurrentIndex(max(0, self.device.findData(self._settings.text("model.device"))))
        self.device.setAccessibleName(tr("Device"))
        self.device.setToolTip(tr("auto picks the graphics card where there is one, else the CPU"))
        self.device.activated.connect(self._on_device)
        self.tile_size = QSpinBox()
        self.tile_size.setRange(0, 4096)
        self.tile_size.setSingleStep(64)
        self.tile_size.setSuffix(" px")
        self.tile_size.setKeyboardTracking(False)
        self.tile_size.setValue(self._settings.integer("model.window_px"))
        self.tile_size.setAccessibleName(tr("Tile size"))
        self.tile_size.setToolTip(tr("The image is worked on in tiles of this size; smaller ones need less memory"))
        self.tile_size.valueChanged.connect(self._on_window)
        self._mapping = muted("", small=True)
        match = self._button("model.map_classes", tr("Match…"))
        classes = QHBoxLayout()
        classes.setSpacing(4)
        classes.addWidget(self._mapping, 1)
        classes.addWidget(match)
        return form_grid(((tr("Device"), self.device), (tr("Tile size"), self.tile_size), (tr("Classes"), classes)))

    def _make_propose(self) -> QHBoxLayout:
        self.propose = QPushButton(tr("Propose"))
        self.propose.setProperty("primary", True)
        self.propose.setToolTip(self._binder.tool_tip("model.propose_image"))
        self.propose.clicked.connect(self._on_propose)
        self._binder.action("model.propose_image").changed.connect(self._show_activity)
        self._icon_buttons.append((self.propose, "propose", "accent_text"))
        self.more = QToolButton()
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setToolTip(tr("Propose for more images"))
        self.more.setAccessibleName(tr("Propose for more images"))
        menu = QMenu(self.more)
        for action_id in ("model.propose_image", "model.propose_selection", "model.propose_unlabelled"):
            menu.addAction(self._binder.give_icon(action_id))
        self.more.setMenu(menu)
        self._icon_buttons.append((self.more, "down", "text"))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.propose, 1)
        row.addWidget(self.more)
        row.addWidget(self._tool("model.cancel"))
        return row

    def _make_threshold(self) -> QVBoxLayout:
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, 100)
        self.threshold.setPageStep(5)
        self.threshold.setAccessibleName(tr("Least confidence"))
        self.threshold.setToolTip(tr("Shows and accepts only what the model is surer of; answers at once"))
        self.threshold.valueChanged.connect(self._on_slider)
        self._threshold_value = QLabel("0 %")
        self._threshold_value.setMinimumWidth(self._threshold_value.fontMetrics().horizontalAdvance("100 %"))
        self._threshold_value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head = QHBoxLayout()
        head.addWidget(QLabel(tr("Least confidence")), 1)
        head.addWidget(self._threshold_value)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.threshold)
        return column

    def _make_answers(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.addWidget(self._button("model.accept_all", tr("Accept all")), 0, 0)
        grid.addWidget(self._button("model.reject_all", tr("Reject all")), 0, 1)
        grid.addWidget(self._button("model.accept_class", tr("Accept class")), 1, 0)
        grid.addWidget(self._button("model.reject_class", tr("Reject class")), 1, 1)
        grid.addWidget(self._button("tool.accept", tr("By click or brush")), 2, 0)
        grid.addWidget(self._button("tool.reject", tr("By click or brush")), 2, 1)
        self.refine = self._button("model.refine", tr("Refine…"))
        self.refine.installEventFilter(self)
        grid.addWidget(self.refine, 3, 0, 1, 2)
        return grid

    def _tool(self, action_id: str) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(self._binder.give_icon(action_id))
        button.setIconSize(QSize(16, 16))
        button.setAccessibleName(self._binder.title(action_id))
        return button

    def _button(self, action_id: str, text: str) -> QPushButton:
        """A button that follows an action's state under a shorter name."""
        action = self._binder.action(action_id)
        button = QPushButton(text)
        button.setToolTip(self._binder.tool_tip(action_id))
        button.setAccessibleName(action.text())
        button.setCheckable(action.isCheckable())
        button.clicked.connect(action.trigger)
        button.setMinimumWidth(0)

        def follow() -> None:
            button.setEnabled(action.isEnabled())
            if action.isCheckable():
                button.setChecked(action.isChecked())

        action.changed.connect(follow)
        follow()
        name = self._binder.specs[action_id].icon
        if name:
            self._icon_buttons.append((button, name, "text"))
        return button

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A disabled button says why it is."""
        if watched is self.refine and event.type() == QEvent.Type.ToolTip:
            self.refine.setToolTip(self._workspace.jobs.refine.obstacle or self._binder.tool_tip("model.refine"))
        return super().eventFilter(watched, event)

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_catalog(self) -> None:
        """List the models again."""
        entry = self._models.current_entry()
        current_id = entry.card.id if entry is not None else ""
        self.chooser.show_entries(self._models.entries(), current_id, favourites(self._settings))
        self._on_current_changed()

    @property
    def facts(self) -> str:
        """The line below the chooser."""
        return self._facts.text()

    @property
    def mapping_text(self) -> str:
        """The line on classes."""
        return self._mapping.text()

    def _on_current_changed(self) -> None:
        entry = self._models.current_entry()
        self._facts.setText("" if entry is None else facts_of(entry))
        self.options.show_card(None if entry is None else entry.card)
        row = self.chooser.findData(entry.card.id) if entry is not None else -1
        self.chooser.setCurrentIndex(row)
        is_network = entry is None or entry.card.task != "classic"
        self.device.setEnabled(is_network)
        self.tile_size.setEnabled(is_network)
        card_px = entry.card.window_px if entry is not None and is_network else 0
        self.tile_size.setSpecialValueText(tr("as the model: %1 px").replace("%1", str(card_px)) if card_px else tr("auto"))
        self._show_mapping()
        self._show_activity()

    def _show_mapping(self) -> None:
        entry = self._models.current_entry()
        if entry is None:
            self._mapping.clear()
            return
        self._mapping.setText(mapping_summary(self._models.presenter.mapping(entry.card)))
        self._mapping.setToolTip(", ".join(name for _, name in entry.card.foreground))

    def _show_activity(self) -> None:
        entry = self._models.current_entry()
        is_missing = entry is not None and (entry.needs_download or not entry.is_available)
        self._download_box.setVisible(is_missing)
        if entry is not None and is_missing:
            is_coming = self._models.is_downloading(entry)
            self._reason.setText(self._models.presenter.note(entry))
            self._progress.setVisible(is_coming)
            self.download_button.setVisible(self._models.can_download(entry) or is_coming)
            self.download_button.setEnabled(not is_coming)
        is_free = entry is not None and not is_missing and not self._models.is_proposing
        self.propose.setEnabled(is_free and self._binder.is_enabled("model.propose_image"))
        self.more.setEnabled(is_free)

    def _on_download_progressed(self, model_id: str, done: float, total: float) -> None:
        entry = self._models.current_entry()
        if entry is not None and entry.card.id == model_id and total > 0:
            self._progress.setValue(round(1000 * done / total))
            self._reason.setText(f"{size_text(done)} / {size_text(total)}")

    def _on_threshold_changed(self, value: float) -> None:
        self.threshold.blockSignals(True)
        self.threshold.setValue(round(value * 100))
        self.threshold.blockSignals(False)
        self._threshold_value.setText(f"{round(value * 100)} %")

    def _on_setting_changed(self, key: str, value: object) -> None:
        if key == FAVOURITES:
            self.show_catalog()
        elif key == "model.device":
            self.device.setCurrentIndex(max(0, self.device.findData(value)))
        elif key == "model.window_px":
            self.tile_size.blockSignals(True)
            self.tile_size.setValue(int(str(value)))
            self.tile_size.blockSignals(False)

    def _on_project_changed(self) -> None:
        self._show_mapping()
        self._show_activity()

    def _restyle(self) -> None:
        for button, name, token in self._icon_buttons:
            button.setIcon(icons.icon(name, token))
            button.setIconSize(QSize(16, 16))

    # -- doing -----------------------------------------------------------------------------------------------------

    def _on_propose(self) -> None:
        self._workspace.window.trigger("model.propose_image")

    def _on_download(self) -> None:
        entry = self._models.current_entry()
        if entry is not None:
            self._progress.setValue(0)
            self._models.download(entry)

    def _on_device(self, row: int) -> None:
        self._settings.set("model.device", self.device.itemData(row))

    def _on_window(self, value: int) -> None:
        self._settings.set("model.window_px", value)

    def _on_slider(self, value: int) -> None:
        self._session.set_min_confidence(value / 100)


def facts_of(entry: CatalogEntry) -> str:
    """Classes, bands, licence, score: what a person wants to know before pressing the button."""
    card = entry.card
    names = [name for _, name in card.foreground]
    parts = [", ".join(names[:NAMES_SHOWN]) + (" …" if len(names) > NAMES_SHOWN else "")]
    if card.task != "classic":
        parts.append("RGB" if card.bands == 3 else tr("%n band(s)", card.bands))
    if card.licence:
        parts.append(card.licence)
    score = card.metrics.get("mean_iou")
    if isinstance(score, (int, float)):
        parts.append(f"mIoU {score:.2f}")
    if card.is_research_only:
        parts.append(tr("research use"))
    return " · ".join(part for part in parts if part)


def mapping_summary(rows: Sequence[MappingRow]) -> str:
    """"3 matched, 2 new" in words."""
    dropped = sum(row.class_id == DROP for row in rows)
    new = sum(row.class_id is None for row in rows)
    matched = len(rows) - dropped - new
    parts = []
    if matched:
        parts.append(tr("%n matched", matched))
    if new:
        parts.append(tr("%n new", new))
    if dropped:
        parts.append(tr("%n left out", dropped))
    return ", ".join(parts)


def _rule() -> QFrame:
    frame = QFrame()
    frame.setProperty("line", True)
    return frame
