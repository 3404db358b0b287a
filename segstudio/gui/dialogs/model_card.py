"""A model's card: what it is, on what it was trained, under which licence, how well it did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QFormLayout, QLabel, QScrollArea, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.dialogs.common import PlainDialog, heading, muted
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.ml.catalog_entry import CatalogEntry


class ModelCardDialog(PlainDialog):
    """Plain rows of facts."""

    def __init__(self, parent: QWidget | None, entry: CatalogEntry) -> None:
        super().__init__(parent, tr("About this model"), 560, 520)
        card = entry.card
        self.column.addWidget(heading(card.name or card.id, 1.35))
        if card.description:
            self.column.addWidget(muted(card.description))
        inner = QWidget()
        form = QFormLayout(inner)
        form.setContentsMargins(0, 0, 8, 0)
        form.setSpacing(8)
        form.setHorizontalSpacing(16)
        for title, text in rows_of(entry):
            value = QLabel(text)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            name = muted(title)
            name.setWordWrap(False)
            form.addRow(name, value)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        self.column.addWidget(area, 1)
        buttons = self.add_buttons()
        self._file = Path(card.weights.path) if card.weights.path else None
        # Without torch, which the window never loads, the outline of these two can be read.
        if self._file is not None and self._file.suffix.lower() in (".safetensors", ".onnx"):
            tensors = buttons.addButton(tr("Tensors…"), QDialogButtonBox.ButtonRole.ActionRole)
            tensors.clicked.connect(self.show_tensors)

    def show_tensors(self) -> None:
        """List names, shapes and types of what the weights file holds."""
        from segstudio.gui.dialogs.details import DetailsDialog
        from segstudio.ml.foreign.files import outline

        assert self._file is not None
        try:
            title, text = self._file.name, outline(self._file).to_text()
        except UserError as error:
            title, text = error.message, str(error)
        DetailsDialog(self, title, text).open()


def rows_of(entry: CatalogEntry) -> list[tuple[str, str]]:
    """(title, text) of each fact that is known."""
    card = entry.card
    network = " · ".join(part for part in (card.architecture, card.encoder) if part)
    if card.parameters:
        network += f" · {card.parameters / 1e6:.1f} M " + tr("parameters")
    scores = ", ".join(f"{name} {value:.3g}" for name, value in card.metrics.items() if isinstance(value, (int, float)))
    use = tr("research use: its data is not free for every purpose") if card.is_research_only else ""
    rows = [
        (tr("Id"), card.id),
        (tr("Classes"), ", ".join(name for _, name in card.foreground)),
        (tr("Network"), network),
        (tr("Bands"), str(card.bands)),
        (tr("Tile"), f"{card.window_px} px"),
        (tr("Data"), " · ".join(part for part in (card.data, card.data_licence, card.split) if part)),
        (tr("Licence"), " · ".join(part for part in (card.licence, use) if part)),
        (tr("Held-out score"), scores),
        (tr("Made by"), card.command),
        (tr("Weights"), entry.source),
        (tr("State"), "" if entry.is_available else entry.reason),
    ]
    return [(title, text) for title, text in rows if text]
