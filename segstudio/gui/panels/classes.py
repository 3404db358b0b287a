"""The classes panel: the classes with key, colour, name, eye and lock; add, merge, delete, reorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QObject, QPoint, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QMessageBox,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.classes import ClassesPresenter
from segstudio.gui import icons
from segstudio.gui.i18n import tr
from segstudio.gui.panels.class_list import COLOR, EYE, KEY, LOCK, NAME, ClassListModel
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, follow_theme, swatch, tip_of, tool_button

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.action_binding import ActionBinder


class ClassesPanel(QWidget):
    """Click a line to paint with its class; double-click or F2 renames; Alt+Up and Alt+Down move it."""

    def __init__(self, session: Session, binder: ActionBinder | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self._binder = session, binder
        self.presenter = ClassesPresenter(session)
        self.model = ClassListModel(self.presenter, self)
        self.view = QTreeView()
        self.view.setModel(self.model)
        self.view.setRootIsDecorated(False)
        self.view.setIndentation(0)
        self.view.setHeaderHidden(True)
        self.view.setUniformRowHeights(True)
        self.view.setAllColumnsShowFocus(False)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.view.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.setAccessibleName(tr("Classes"))
        header = self.view.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(24)
        for column, width in ((KEY, 28), (COLOR, 28), (EYE, 28), (LOCK, 28)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.add_button = tool_button(
            "class-add", tr("Add class"), tip_of(binder, "class.add", tr("Add a class")), self.add
        )
        self.delete_button = tool_button(
            "delete",
            tr("Delete class"),
            tr("Delete the selected classes (says first where they are used)"),
            self.delete,
        )
        self.merge_button = tool_button(
            "merge", tr("Merge classes"), tr("Merge the selected classes into another"), None
        )
        self.merge_button.clicked.connect(self._show_merge_menu)
        self.up_button = tool_button("up", tr("Move up"), tr("Move the class up (Alt+Up)"), lambda: self._shift(-1))
        self.down_button = tool_button(
            "down", tr("Move down"), tr("Move the class down (Alt+Down)"), lambda: self._shift(1)
        )
        self.hint = QLabel(tr("Add a class to begin: its colour and number key come by themselves."))
        self.hint.setWordWrap(True)
        self.hint.setProperty("muted", True)
        self._lay_out()
        self.view.clicked.connect(self._on_clicked)
        self.view.selectionModel().currentRowChanged.connect(self._on_current)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.installEventFilter(self)
        self.view.viewport().installEventFilter(self)
        self.presenter.changed.connect(self._refresh)
        session.project_changed.connect(self._refresh)
        follow_theme(self)
        self._refresh()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_PX)
        for button in (self.add_button, self.delete_button, self.merge_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.up_button)
        buttons.addWidget(self.down_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self.hint)
        column.addWidget(self.view, 1)
        column.addLayout(buttons)

    # -- showing -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        row = self.presenter.current_row
        selection = self.view.selectionModel()
        if row >= 0 and selection.currentIndex().row() != row:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            column = max(selection.currentIndex().column(), 0) or NAME
            selection.setCurrentIndex(self.model.index(row, column), flags)
        self.hint.setVisible(self.session.is_open and not self.presenter.rows)
        self._enable()

    def _enable(self) -> None:
        can_edit, rows = self.presenter.can_edit, self.selected_rows()
        self.add_button.setEnabled(can_edit)
        self.delete_button.setEnabled(can_edit and bool(rows))
        self.merge_button.setEnabled(can_edit and bool(rows) and len(self.presenter.rows) > 1)
        is_one = can_edit and len(rows) == 1
        self.up_button.setEnabled(is_one and rows[0] > 0)
        self.down_button.setEnabled(is_one and rows[0] < len(self.presenter.rows) - 1)

    def selected_rows(self) -> list[int]:
        """Rows of the selected classes."""
        return sorted(index.row() for index in self.view.selectionModel().selectedRows(NAME))

    # -- doing ---------------------------------------------------------------------------------------------------

    def add(self) -> None:
        """Add a class and let its name be typed at once."""
        if self.presenter.add() >= 0:
            self.edit_name(self.session.current_class_id)

    def edit_name(self, class_id: int) -> None:
        """Let the name of a class be typed."""
        row = self.presenter.row_of(class_id)
        if row >= 0:
            index = self.model.index(row, NAME)
            self.view.setCurrentIndex(index)
            self.view.setFocus()
            self.view.edit(index)

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.presenter.select(current.row())

    def _on_clicked(self, index: QModelIndex) -> None:
        self._act(index.row(), index.column())

    def _act(self, row: int, column: int) -> bool:
        if column == EYE:
            return self.presenter.toggle_visible(row)
        if column == LOCK:
            return self.presenter.toggle_locked(row)
        if column == COLOR and self.presenter.can_edit:
            self._show_colors(row)
            return True
        self.presenter.select(row)
        return False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Space and Enter act on the cell in focus, Delete deletes, Alt+Up and Alt+Down move.

        A click on eye or lock leaves the current class as it is.
        """
        if watched is self.view.viewport() and isinstance(event, QMouseEvent):
            return self._press_switch(event)
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and watched is self.view:
            index = self.view.currentIndex()
            is_alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
            if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
                if self.view.state() != QAbstractItemView.State.EditingState:
                    return self._act(index.row(), index.column())
            elif event.key() == Qt.Key.Key_Delete:
                self.delete()
                return True
            elif is_alt and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self._shift(-1 if event.key() == Qt.Key.Key_Up else 1)
                return True
        return super().eventFilter(watched, event)

    def _press_switch(self, event: QMouseEvent) -> bool:
        index = self.view.indexAt(event.position().toPoint())
        if event.button() != Qt.MouseButton.LeftButton or index.column() not in (EYE, LOCK):
            return False
        if event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
            self._act(index.row(), index.column())
        return True

    def _shift(self, by: int) -> None:
        rows = self.selected_rows()
        if len(rows) == 1 and self.presenter.move(rows[0], rows[0] + by):
            self.view.setCurrentIndex(self.model.index(rows[0] + by, NAME))

    def _show_colors(self, row: int) -> None:
        menu = self.color_menu(row)
        rect = self.view.visualRect(self.model.index(row, COLOR))
        menu.exec(self.view.viewport().mapToGlobal(rect.bottomLeft()))
        menu.deleteLater()

    def color_menu(self, row: int) -> QMenu:
        """Colours that can be told apart, and any other."""
        menu = QMenu(self)
        for color in self.presenter.palette():
            menu.addAction(swatch(color), color, lambda chosen=color: self.presenter.recolour(row, chosen))
        menu.addSeparator()
        menu.addAction(tr("Other colour…"), lambda: self._choose_color(row))
        return menu

    def _choose_color(self, row: int) -> None:
        current = QColor(self.presenter.rows[row].color)
        chosen = QColorDialog.getColor(current, self, tr("Colour of the class"))
        if chosen.isValid():
            self.presenter.recolour(row, chosen.name())

    # -- menus ---------------------------------------------------------------------------------------------------

    def _show_menu(self, at: QPoint) -> None:
        menu = self.context_menu()
        menu.exec(self.view.viewport().mapToGlobal(at))
        menu.deleteLater()

    def context_menu(self) -> QMenu:
        """The menu for the selected classes."""
        menu = QMenu(self)
        rows = self.selected_rows()
        can_edit = self.presenter.can_edit
        menu.addAction(icons.icon("class-add"), tr("Add class"), self.add).setEnabled(can_edit)
        if not rows:
            return menu
        first = rows[0]
        line = self.presenter.rows[first]
        menu.addAction(tr("Rename"), lambda: self.edit_name(line.class_id)).setEnabled(can_edit and len(rows) == 1)
        menu.addAction(tr("Colour…"), lambda: self._show_colors(first)).setEnabled(can_edit and len(rows) == 1)
        eye = tr("Hide") if line.is_visible else tr("Show")
        menu.addAction(eye, lambda: self.presenter.toggle_visible(first)).setEnabled(can_edit)
        only = lambda: self.session.class_editor.show_only(line.class_id)  # noqa: E731
        menu.addAction(tr("Show only this"), only).setEnabled(can_edit)
        lock = tr("Unlock") if line.is_locked else tr("Lock")
        menu.addAction(lock, lambda: self.presenter.toggle_locked(first)).setEnabled(can_edit)
        menu.addSeparator()
        merge = self.merge_menu(menu)
        merge.setTitle(tr("Merge into"))
        merge.setEnabled(can_edit and len(self.presenter.rows) > 1)
        menu.addMenu(merge)
        menu.addAction(icons.icon("delete"), tr("Delete…"), self.delete).setEnabled(can_edit)
        return menu

    def merge_menu(self, parent: QWidget | None = None) -> QMenu:
        """The classes that the selected ones can be merged into."""
        menu = QMenu(parent or self)
        rows = self.selected_rows()
        for row, line in enumerate(self.presenter.rows):
            if rows != [row]:
                text = line.name.replace("&", "&&")
                menu.addAction(swatch(line.color), text, lambda chosen=row: self.presenter.merge(rows, chosen))
        return menu

    def _show_merge_menu(self) -> None:
        menu = self.merge_menu()
        menu.exec(self.merge_button.mapToGlobal(QPoint(0, 0)))
        menu.deleteLater()

    # -- deleting ------------------------------------------------------------------------------------------------

    def delete(self) -> None:
        """Say where the classes are used, ask if they are, and delete them."""
        rows = self.selected_rows()
        if not rows or not self.presenter.can_edit:
            return
        use = self.presenter.where_used(rows)
        if use.pixels == 0 or self.confirm([self.presenter.rows[row].name for row in rows], use.images, use.pixels):
            self.presenter.delete(rows)

    def confirm(self, names: list[str], images: int, pixels: int) -> bool:
        """Whether the person really means it; undo brings all back."""
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(tr("Delete class"))
        box.setText(tr("Delete %1?").replace("%1", ", ".join(names)))
        text = tr(
            "%1 pixels in %n image(s) are labelled with it and become background. Undo brings them back.", n=images
        )
        box.setInformativeText(text.replace("%1", f"{pixels:,}"))
        yes = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        is_sure = box.clickedButton() is yes
        box.deleteLater()
        return is_sure
