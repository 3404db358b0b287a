"""The images panel: every image with its picture and status, filtered and sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QMessageBox, QVBoxLayout, QWidget

from segstudio.app.presenters.images import STATUS_FILTERS, ImagesPresenter
from segstudio.gui import icons
from segstudio.gui.i18n import tr
from segstudio.gui.panels.image_list import (
    ID_ROLE,
    ImageDelegate,
    ImageListModel,
    ImageListView,
    Pictures,
    row_height,
    status_text,
)
from segstudio.gui.panels.parts import (
    GAP_PX,
    MARGIN_PX,
    combo,
    follow_theme,
    select_data,
    set_icon,
    tip_of,
    tool_button,
)

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.gui.action_binding import ActionBinder


class ImagesPanel(QWidget):
    """A click or the arrow keys open an image; several can be selected for commands."""

    def __init__(self, session: Session, binder: ActionBinder | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self._binder = session, binder
        self.presenter = ImagesPresenter(session)
        self.filter = QLineEdit()
        self.filter.setClearButtonEnabled(True)
        self.filter.setPlaceholderText(tr("Filter by name"))
        self.filter.setAccessibleName(tr("Filter images by name"))
        self.filter.setToolTip(tr("Show only images whose name holds these words"))
        self.status = combo(tr("Which images are shown"), [(status_text(key), key) for key in STATUS_FILTERS])
        sorts = [
            (tr("Name"), "name"),
            (tr("Status"), "status"),
            (tr("Size"), "size"),
            (tr("Date added"), "added"),
            (tr("Uncertainty"), "uncertainty"),
            (tr("What next"), "next"),
        ]
        self.sort = combo(tr("Sort images by"), sorts)
        self.direction = tool_button("down", tr("Sort the other way round"), "", self._on_direction)
        self.count = QLabel()
        self.count.setProperty("muted", True)
        self.count.setTextFormat(Qt.TextFormat.PlainText)
        self.add = tool_button(
            "image-add",
            tr("Add images"),
            tip_of(binder, "file.add_images", tr("Add image files to the project")),
            lambda: self._trigger("file.add_images"),
        )
        self.pictures = Pictures(self)
        self.pictures.on_ready.append(self._on_picture)
        self.model = ImageListModel(self.presenter, self)
        self.list = ImageListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(ImageDelegate(self.presenter, self.pictures, self.list))
        self.list.set_row_height(row_height(session.settings.integer("look.thumbnail_px")))
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setAccessibleName(tr("Images"))
        self._lay_out()
        self._connect()
        self._refresh()

    def selected_ids(self) -> list[int]:
        """Ids of the selected images, in the shown order."""
        return self.presenter.ids(self._selected_rows())

    def shut_down(self) -> None:
        """End the worker that makes pictures."""
        self.pictures.shut_down()

    # -- building ------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GAP_PX)
        top.addWidget(self.filter, 1)
        top.addWidget(self.add)
        second = QHBoxLayout()
        second.setSpacing(GAP_PX)
        second.addWidget(self.status, 1)
        second.addWidget(self.sort, 1)
        second.addWidget(self.direction)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addLayout(top)
        column.addLayout(second)
        column.addWidget(self.list, 1)
        column.addWidget(self.count)

    def _connect(self) -> None:
        self.filter.textChanged.connect(self.presenter.set_text_filter)
        self.status.currentIndexChanged.connect(lambda _: self.presenter.set_status_filter(self.status.currentData()))
        self.sort.currentIndexChanged.connect(lambda _: self._on_sort())
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.presenter.changed.connect(self._refresh)
        self.presenter.row_changed.connect(self._on_row_changed)
        self.presenter.current_changed.connect(self._show_current)
        self.session.project_changed.connect(self._refresh)
        self.session.settings.changed.connect(self._on_setting)
        follow_theme(self)

    # -- showing -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        shown, total = len(self.presenter), self.presenter.total
        if total == 0:
            text = tr("No images yet: drop some anywhere in the window.") if self.session.is_open else ""
        elif shown == total:
            text = tr("%n image(s)", n=total)
        else:
            text = tr("%1 of %2 images").replace("%1", str(shown)).replace("%2", str(total))
        self.count.setText(text)
        self.count.setWordWrap(True)
        select_data(self.status, self.presenter.status_filter)
        select_data(self.sort, self.presenter.sort_key)
        set_icon(self.direction, "up" if self.presenter.is_descending else "down")
        self.add.setEnabled(self.session.is_open and not self.session.is_read_only)
        self._show_current()

    def _show_current(self) -> None:
        row = self.presenter.current_row
        selection = self.list.selectionModel()
        if row < 0:
            selection.clear()
        elif selection.currentIndex().row() != row or not selection.isRowSelected(row, QModelIndex()):
            index = self.model.index(row)
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.list.scrollTo(index)
        self.list.viewport().update()

    def _on_row_changed(self, _: int) -> None:
        self.list.viewport().update()

    def _on_picture(self, _: str) -> None:
        self.list.viewport().update()

    def _on_setting(self, key: str, _: object) -> None:
        if key == "look.thumbnail_px":
            self.list.set_row_height(row_height(self.session.settings.integer(key)))

    # -- doing ---------------------------------------------------------------------------------------------------

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        record = self.presenter.record(current.row())
        if current.isValid() and record is not None and record.id == current.data(ID_ROLE):
            self.session.select_image(record.id)

    def _on_sort(self) -> None:
        key = self.sort.currentData()
        # The least sure first: that is what one sorts by uncertainty for.
        self.presenter.set_sort(key, descending=key in ("uncertainty", "added"))

    def _on_direction(self) -> None:
        self.presenter.set_sort(self.presenter.sort_key, descending=not self.presenter.is_descending)

    def _trigger(self, action_id: str) -> None:
        if self._binder is not None:
            self._binder.trigger(action_id)

    def _selected_rows(self) -> list[int]:
        return sorted(index.row() for index in self.list.selectionModel().selectedIndexes())

    def _show_menu(self, at: QPoint) -> None:
        if self._selected_rows():
            menu = self.context_menu()
            menu.exec(self.list.viewport().mapToGlobal(at))
            menu.deleteLater()

    def context_menu(self) -> QMenu:
        """The menu for the selected images."""
        rows = self._selected_rows()
        menu = QMenu(self)
        can_edit = not self.session.is_read_only
        for status in ("unlabelled", "in_progress", "done"):
            text = tr("Mark as %1").replace("%1", status_text(status))
            action = menu.addAction(text, lambda chosen=status: self.presenter.set_status(rows, chosen))
            action.setEnabled(can_edit)
        splits = menu.addMenu(tr("Put into split"))
        splits.setEnabled(can_edit)
        for split in ("train", "val", "test"):
            splits.addAction(split, lambda chosen=split: self.presenter.set_split(rows, chosen))
        splits.addAction(tr("none"), lambda: self.presenter.set_split(rows, None))
        menu.addSeparator()
        if self._binder is not None:
            menu.addAction(self._binder.action("model.propose_selection"))
        menu.addAction(tr("Copy path"), lambda: self._copy_path(rows))
        menu.addSeparator()
        remove = menu.addAction(icons.icon("delete"), tr("Remove from the project…"), lambda: self.remove(rows))
        remove.setEnabled(can_edit)
        return menu

    def _copy_path(self, rows: list[int]) -> None:
        files = [str(file) for file in map(self.presenter.file, rows) if file is not None]
        QGuiApplication.clipboard().setText("\n".join(files))

    def remove(self, rows: list[int]) -> None:
        """Ask, then take images out of the project."""
        if rows and self.confirm(len(rows)):
            self.presenter.remove(rows)

    def confirm(self, count: int) -> bool:
        """Whether the person really means it: labels go with the image and undo does not bring them back."""
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(tr("Remove from the project"))
        box.setText(tr("Remove %n image(s) and their labels from the project?", n=count))
        box.setInformativeText(tr("The image files stay where they are. The labels can't be brought back."))
        yes = box.addButton(tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        is_sure = box.clickedButton() is yes
        box.deleteLater()
        return is_sure
