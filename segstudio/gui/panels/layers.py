"""The layers panel: the label layers of the image, the highest first; the chosen one is what tools paint on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, follow_theme, tool_button

if TYPE_CHECKING:
    from segstudio.app.session import Session

ID_ROLE = Qt.ItemDataRole.UserRole
ROW_PX = 28


class LayersPanel(QWidget):
    """A line a layer: its check box is the eye, double-click or F2 renames."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.editor = session.layer_editor
        self.view = QListWidget()
        self.view.setAccessibleName(tr("Layers"))
        self.view.setUniformItemSizes(True)
        self.hint = QLabel(tr("Objects that overlap go to layers of their own. Tools paint on the layer chosen here."))
        self.hint.setWordWrap(True)
        self.hint.setProperty("muted", True)
        self.add_button = tool_button(
            "plus", tr("Add layer"), tr("Add an empty layer on top and paint on it"), self._on_add
        )
        self.up_button = tool_button("up", tr("Move up"), tr("Move the layer up"), lambda: self._on_move(1))
        self.down_button = tool_button("down", tr("Move down"), tr("Move the layer down"), lambda: self._on_move(-1))
        self.delete_button = tool_button(
            "delete", tr("Delete layer"), tr("Delete the layer with all it holds; undo brings it back"), self._on_delete
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_PX)
        for button in (self.add_button, self.delete_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for button in (self.up_button, self.down_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self.hint)
        column.addWidget(self.view, 1)
        column.addLayout(buttons)
        self.view.currentItemChanged.connect(self._on_current)
        self.view.itemChanged.connect(self._on_item)
        for signal in (session.layers_changed, session.image_changed, session.project_changed):
            signal.connect(self._refresh)
        follow_theme(self)
        self._refresh()

    def _refresh(self) -> None:
        rows = self.editor.rows()
        can_edit = self.session.can_edit
        with QSignalBlocker(self.view):
            self.view.clear()
            for row in rows:
                item = QListWidgetItem(row.name)
                item.setData(ID_ROLE, row.id)
                item.setSizeHint(QSize(0, ROW_PX))
                item.setToolTip(tr("Untick to hide the layer"))
                flags = item.flags() | Qt.ItemFlag.ItemIsUserCheckable
                item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if can_edit else flags)
                item.setCheckState(Qt.CheckState.Checked if row.is_visible else Qt.CheckState.Unchecked)
                self.view.addItem(item)
                if row.is_active:
                    self.view.setCurrentItem(item)
        self.add_button.setEnabled(can_edit)
        self.delete_button.setEnabled(can_edit and len(rows) > 1)
        at = self.view.currentRow()
        self.up_button.setEnabled(can_edit and at > 0)
        self.down_button.setEnabled(can_edit and 0 <= at < len(rows) - 1)

    def _current_id(self) -> int | None:
        item = self.view.currentItem()
        return None if item is None else int(item.data(ID_ROLE))

    def _on_current(self, item: QListWidgetItem | None, _: object) -> None:
        if item is not None:
            # The list is filled anew by what this tells: not while it is still at work on the click.
            self.editor.choose(int(item.data(ID_ROLE)))

    def _on_item(self, item: QListWidgetItem) -> None:
        row = next((row for row in self.editor.rows() if row.id == item.data(ID_ROLE)), None)
        if row is None:
            return
        is_visible = item.checkState() == Qt.CheckState.Checked
        if is_visible != row.is_visible:
            self.editor.set_visible(row.id, is_visible)
        elif item.text() != row.name and not self.editor.rename(row.id, item.text()):
            self._refresh()

    def _on_add(self) -> None:
        self.editor.add()

    def _on_move(self, steps_up: int) -> None:
        layer_id = self._current_id()
        if layer_id is not None:
            self.editor.move(layer_id, steps_up)

    def _on_delete(self) -> None:
        layer_id = self._current_id()
        if layer_id is not None:
            self.editor.delete(layer_id)
