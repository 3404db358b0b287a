"""The objects panel: every object of the image; the chosen one is what strokes go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLabel, QListView, QMenu, QVBoxLayout, QWidget

from segstudio.app.presenters.objects import ObjectsPresenter
from segstudio.app.tools.background import ImmediateBackground
from segstudio.core.geometry import Rect
from segstudio.gui import icons
from segstudio.gui.i18n import tr
from segstudio.gui.origins import origin_text, short_model_text, source_text
from segstudio.gui.panels.object_size import ObjectSizeLine
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, follow_theme, plain, swatch, tip_of, tool_button

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.action_binding import ActionBinder
    from segstudio.gui.workspace import Workspace

Index = QModelIndex | QPersistentModelIndex


class ObjectListModel(QAbstractListModel):
    """Rows of the presenter."""

    def __init__(self, presenter: ObjectsPresenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.presenter = presenter
        self.is_refreshing = False
        presenter.changed.connect(self._on_changed)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """How many objects are listed."""
        return 0 if parent.isValid() else len(self.presenter.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Class, number, source, model, confidence."""
        if not index.isValid() or index.row() >= len(self.presenter.rows):
            return None
        row = self.presenter.rows[index.row()]
        text = f"{row.class_name}  {row.segment_id}"
        if role == Qt.ItemDataRole.DisplayRole:
            sure = "" if row.confidence is None else f"  {round(row.confidence * 100)} %"
            model = f" · {short_model_text(row.model_id)}" if row.model_id else ""
            checked = f" · {tr('checked')}" if row.is_reviewed and row.source != "hand" else ""
            return f"{text}   {source_text(row.source)}{model}{sure}{checked}"
        if role == Qt.ItemDataRole.DecorationRole:
            return swatch(row.color)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{text}: {origin_text(row.source, row.model_id, row.confidence, row.is_reviewed)}")
        return None

    def _on_changed(self) -> None:
        # A reset takes the selection away: that is no choice of the person's.
        self.is_refreshing = True
        self.beginResetModel()
        self.endResetModel()
        self.is_refreshing = False


class ObjectsPanel(QWidget):
    """``reveal_requested(Rect)``: a double-click asks to see where the object lies."""

    reveal_requested = Signal(Rect)

    def __init__(
        self, session: Session, binder: ActionBinder | None = None, workspace: Workspace | None = None
    ) -> None:
        super().__init__()
        self.session, self._binder = session, binder
        self.presenter = ObjectsPresenter(session)
        self.model = ObjectListModel(self.presenter, self)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setUniformItemSizes(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.setAccessibleName(tr("Objects"))
        self.new_button = tool_button(
            "object-new",
            tr("New object"),
            tip_of(binder, "label.new_object", tr("The next strokes make one new object")),
            session.new_object,
        )
        self.mode_button = tool_button(
            "object-mode",
            tr("Label separate objects"),
            tip_of(binder, "label.object_mode", tr("Each stroke, polygon or fill begins an object of its own")),
            checkable=True,
        )
        self.delete_button = tool_button(
            "delete",
            tr("Delete object"),
            tip_of(binder, "edit.delete_object", tr("Delete the selected object")),
            self.delete,
        )
        self.hint = QLabel(tr("No separate objects here. Press New object, then paint one."))
        self.hint.setWordWrap(True)
        self.hint.setProperty("muted", True)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_PX)
        self.merge_button = tool_button(
            "merge",
            tr("Merge objects"),
            tip_of(binder, "region.merge", tr("Make one object of all that are selected")),
            lambda: binder is not None and binder.trigger("region.merge"),
        )
        for button in (self.new_button, self.mode_button, self.merge_button, self.delete_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self.hint)
        column.addWidget(self.view, 1)
        self.size_line = ObjectSizeLine(session, ImmediateBackground() if workspace is None else workspace.tool_work)
        column.addWidget(self.size_line)
        column.addLayout(buttons)
        self.mode_button.clicked.connect(session.set_object_mode)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.view.doubleClicked.connect(lambda index: self._reveal(index.row()))
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.presenter.changed.connect(self._refresh)
        session.selection_changed.connect(self._refresh)
        session.project_changed.connect(self._refresh)
        session.image_changed.connect(self._refresh)
        follow_theme(self)
        self._refresh()

    def delete(self) -> None:
        """Delete the selected object."""
        self.presenter.delete(self.view.currentIndex().row())

    def _refresh(self) -> None:
        row = self.presenter.row_of(self.session.active_object)
        self.model.is_refreshing = True
        self._show_selection()
        self.model.is_refreshing = False
        can_edit = self.session.can_edit
        self.new_button.setEnabled(can_edit)
        self.mode_button.setEnabled(can_edit)
        self.mode_button.setChecked(self.session.is_object_mode)
        self.delete_button.setEnabled(can_edit and row >= 0)
        self.merge_button.setEnabled(can_edit and len(self.session.selected_objects) > 1)
        self.hint.setVisible(self.session.image is not None and not self.presenter.rows)

    def _show_selection(self) -> None:
        """Select the rows of the session's objects, the active one last so that it is the current row."""
        rows = [self.presenter.row_of(segment_id) for segment_id in self.session.selected_objects]
        indexes = [self.model.index(row) for row in rows if row >= 0]
        chooser = self.view.selectionModel()
        if {index.row() for index in chooser.selectedIndexes()} == {index.row() for index in indexes}:
            return
        wanted = QItemSelection()
        for index in indexes:
            wanted.select(index, index)
        chooser.select(wanted, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        first = indexes[0] if indexes else QModelIndex()
        chooser.setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
        if indexes:
            self.view.scrollTo(first)

    def _on_selection(self) -> None:
        if self.model.is_refreshing:
            return
        current = self.view.currentIndex().row()
        rows = sorted({index.row() for index in self.view.selectionModel().selectedIndexes()})
        self.presenter.select_rows(sorted(rows, key=lambda row: row != current))

    def _reveal(self, row: int) -> None:
        rect = self.presenter.rect_of(row)
        if not rect.is_empty:
            self.reveal_requested.emit(rect)

    def _show_menu(self, at: QPoint) -> None:
        if self.view.currentIndex().isValid():
            menu = self.context_menu()
            menu.exec(self.view.viewport().mapToGlobal(at))
            menu.deleteLater()

    def context_menu(self) -> QMenu:
        """The menu for the selected object."""
        row = self.view.currentIndex().row()
        menu = QMenu(self)
        menu.addAction(tr("Show on the canvas"), lambda: self._reveal(row))
        change = menu.addMenu(tr("Change class to"))
        change.setEnabled(self.session.can_edit)
        for item in self.session.classes:
            text = item.name.replace("&", "&&")
            change.addAction(swatch(item.color), text, lambda chosen=item.id: self.presenter.set_class(row, chosen))
        menu.addSeparator()
        menu.addAction(icons.icon("delete"), tr("Delete object"), self.delete).setEnabled(self.session.can_edit)
        return menu
