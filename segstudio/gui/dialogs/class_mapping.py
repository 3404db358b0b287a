"""Class mapping: which class of the model is which class of the project; remembered with the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QScrollArea, QWidget

from segstudio.app.presenters.models import DROP
from segstudio.gui.dialogs.common import PlainDialog, muted
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.model_control import ModelControl
    from segstudio.ml.cards import ModelCard

NEW = -1


class ClassMappingDialog(PlainDialog):
    """A row a class of the model, with the project's classes to choose from."""

    def __init__(self, parent: QWidget | None, session: Session, models: ModelControl, card: ModelCard) -> None:
        super().__init__(parent, tr("Match classes"), 520, 480)
        self._models, self._card = models, card
        self.boxes: dict[int, QComboBox] = {}
        self.column.addWidget(
            muted(tr("What “%1” finds becomes …").replace("%1", card.name or card.id))
        )
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        rows = models.presenter.mapping(card)
        for row, wanted in enumerate(rows):
            index, name = wanted.index, wanted.name
            label = QLabel(name)
            box = QComboBox()
            box.setAccessibleName(name)
            box.addItem(tr("%1 (new class)").replace("%1", name), NEW)
            for entry in session.classes:
                box.addItem(_swatch(entry.color), entry.name, entry.id)
            box.addItem(tr("left out"), DROP)
            box.setCurrentIndex(max(0, box.findData(NEW if wanted.class_id is None else wanted.class_id)))
            label.setBuddy(box)
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
            self.boxes[index] = box
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(rows), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        self.column.addWidget(area, 1)
        buttons = self.add_buttons(tr("Use this"))
        out = QPushButton(tr("Leave all out"))
        out.clicked.connect(self._on_leave_out)
        buttons.addButton(out, buttons.ButtonRole.ResetRole)

    def accept(self) -> None:
        """Remember it."""
        chosen = {index: int(box.currentData()) for index, box in self.boxes.items()}
        self._models.presenter.set_mapping(self._card, {index: None if to == NEW else to for index, to in chosen.items()})
        super().accept()

    def _on_leave_out(self) -> None:
        for box in self.boxes.values():
            box.setCurrentIndex(box.findData(DROP))


def _swatch(color: str) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(color))
    return QIcon(pixmap)
