"""Which click model answers, and a button that has it segment all in view: a field of the tool options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from segstudio.app.prompt_desk import MODEL
from segstudio.app.setting_table import BY_KEY
from segstudio.gui.i18n import tr, tr_table
from segstudio.gui.panels.parts import GAP_PX, tip_of, tool_button

if TYPE_CHECKING:
    from segstudio.gui.action_binding import ActionBinder
    from segstudio.gui.prompt_control import PromptControl
    from segstudio.ml.catalog_entry import CatalogEntry

LEAST_PX, WIDEST_PX = 104, 220
SHORT_NAME = 10
"""Letters of a name that can be read in the field."""
LIST_PX = 280
"""The open list shows names in full, however narrow the field is."""


class PromptModelField(QWidget):
    """Every click model: those here, those to be downloaded, and those that cannot be used with the reason."""

    def __init__(
        self, prompts: PromptControl, binder: ActionBinder | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.prompts = prompts
        setting = BY_KEY[MODEL]
        self.setObjectName(f"option.{MODEL}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX)
        label = QLabel(tr_table("settings", setting.title))
        label.setTextFormat(Qt.TextFormat.PlainText)
        self.field = QComboBox()
        self.field.setAccessibleName(tr("Click model"))
        self.field.setToolTip(tr_table("settings", setting.help))
        # As wide as short names: with all fields the bar must fit a window of 1280 pixels.
        self.field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.field.setMinimumContentsLength(SHORT_NAME)
        self.field.setMaximumWidth(WIDEST_PX)
        self.field.setMinimumWidth(LEAST_PX)
        self.field.view().setMinimumWidth(LIST_PX)
        self.field.setPlaceholderText(tr("choose a model"))
        label.setBuddy(self.field)
        row.addWidget(label)
        row.addWidget(self.field)
        self.everything = tool_button(
            "everything",
            tr("Segment everything in view"),
            tip_of(binder, "model.everything", tr("Segment everything in view")),
            prompts.segment_everything,
        )
        row.addWidget(self.everything)
        self.field.activated.connect(lambda index: prompts.choose(self.field.itemData(index)))
        prompts.desk.models.changed.connect(self.fill)
        prompts.desk.settings.changed.connect(self._on_setting)
        self.fill()

    def _on_setting(self, key: str, _: object) -> None:
        if key == MODEL:
            self.fill()

    def fill(self) -> None:
        """List what the catalog holds now."""
        self.field.blockSignals(True)
        self.field.clear()
        items = self.field.model()
        assert isinstance(items, QStandardItemModel)
        for entry in self.prompts.desk.entries():
            self.field.addItem(_text(entry), entry.card.id)
            item = items.item(self.field.count() - 1)
            item.setEnabled(entry.is_available or entry.needs_download)
            item.setToolTip(entry.card.description if item.isEnabled() else entry.reason)
        current = self.prompts.desk.current
        self.field.setCurrentIndex(-1 if current is None else self.field.findData(current.card.id))
        self.field.blockSignals(False)


def _text(entry: CatalogEntry) -> str:
    if entry.is_available:
        return entry.card.name
    if entry.needs_download:
        size = f"{entry.card.weights.size_bytes / 1e6:.0f} MB"
        return tr("%1 (download, %2)").replace("%1", entry.card.name).replace("%2", size)
    return tr("%1 (not usable)").replace("%1", entry.card.name)
