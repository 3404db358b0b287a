"""The list of models: grouped by where they come from, what can't be used greyed with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from segstudio.ml.catalog_entry import CatalogEntry

GROUPS: tuple[tuple[str, str], ...] = (
    ("favourite", "Favourites"),
    ("project", "Trained in this project"),
    ("built-in", "Built in"),
    ("file", "From files"),
    ("download", "To download"),
    ("classic", "No network needed"),
)
"""Kind of weights, "classic" or "favourite" → title of its group, in the order shown."""


def usable_for_proposals(entry: CatalogEntry) -> bool:
    """Whether a model belongs in the list: it proposes by itself and has weights, or may have them."""
    return entry.card.task in ("semantic", "instance", "classic") and entry.card.weights.kind != "untrained"


def group_of(entry: CatalogEntry, favourites: Collection[str] = ()) -> str:
    """The key of the group in :data:`GROUPS` that a model is listed in."""
    if entry.card.id in favourites:
        return "favourite"
    return "classic" if entry.card.task == "classic" else entry.card.weights.kind


def title_of(entry: CatalogEntry) -> str:
    """Name as listed, with what must be known before choosing it."""
    card = entry.card
    title = card.name or card.id
    if card.is_research_only:
        title += f" · {tr('research use')}"
    if entry.needs_download and card.weights.size_bytes:
        title += f" · {size_text(card.weights.size_bytes)}"
    return title


def size_text(size_bytes: float) -> str:
    """Bytes in the unit a person reads."""
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes < 1e9 else f"{size_bytes / 1e9:.1f} GB"


class ModelChooser(QComboBox):
    """``chosen(model id)`` is emitted for a choice of the user."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Model"))
        self.setPlaceholderText(tr("Choose a model"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(self._on_activated)

    def show_entries(self, entries: Sequence[CatalogEntry], current_id: str, favourites: Collection[str] = ()) -> None:
        """List the models, *favourites* (ids) before the others, and mark the current one."""
        model = QStandardItemModel(self)
        current_row = -1
        for kind, group_title in GROUPS:
            members = [
                entry for entry in entries if group_of(entry, favourites) == kind and usable_for_proposals(entry)
            ]
            if not members:
                continue
            header = QStandardItem(tr(group_title))
            header.setFlags(Qt.ItemFlag.NoItemFlags)
            font = header.font()
            font.setBold(True)
            header.setFont(font)
            model.appendRow(header)
            for entry in members:
                item = QStandardItem(title_of(entry))
                item.setData(entry.card.id, Qt.ItemDataRole.UserRole)
                tip = entry.card.description or entry.card.name
                if not entry.is_available:
                    tip = f"{entry.reason}\n{tip}"
                    # One that only lacks its download can be chosen: the panel then offers it.
                    if not entry.needs_download:
                        item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setToolTip(tip)
                if entry.card.id == current_id:
                    current_row = model.rowCount()
                model.appendRow(item)
        self.setModel(model)
        self.setCurrentIndex(current_row)
        self.view().setMinimumWidth(min(420, max(self.width(), self.view().sizeHintForColumn(0) + 32)))

    def ids(self) -> list[str]:
        """What is listed and can be chosen."""
        rows = range(self.count())
        found = [self.itemData(row) for row in rows if self.model().index(row, 0).flags() & Qt.ItemFlag.ItemIsEnabled]
        return [str(model_id) for model_id in found if model_id]

    def _on_activated(self, row: int) -> None:
        model_id = self.itemData(row)
        if model_id:
            self.chosen.emit(str(model_id))
