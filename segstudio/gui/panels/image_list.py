"""The model and the painting of the image list: rows from the presenter, pictures made as they are seen."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Slot
from PySide6.QtGui import QFont, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from segstudio.app.presenters.images import BADGES, ImagesPresenter
from segstudio.gui import icons, theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.next_texts import reason_text, unsure_text
from segstudio.gui.panels.parts import plain
from segstudio.gui.thumbnails import ThumbnailLoader

if TYPE_CHECKING:
    from segstudio.io.store.records import ImageRecord

Index = QModelIndex | QPersistentModelIndex
ID_ROLE = Qt.ItemDataRole.UserRole + 1
KEPT_PICTURES = 600
WAITING_MOST = 48
"""Only the rows seen last are worth a picture: who scrolls past ten thousand does not wait for them."""
BADGE_TOKENS = {"unlabelled": "muted", "in_progress": "accent", "done": "good"}


def row_height(thumbnail_px: int) -> int:
    """The height of a row with a picture of this side."""
    return thumbnail_px + 8


def status_text(status: str) -> str:
    """A status in words."""
    return {
        "unlabelled": tr("unlabelled"),
        "in_progress": tr("in progress"),
        "done": tr("done"),
        "proposal": tr("with a proposal"),
        "missing": tr("file missing"),
        "all": tr("all"),
    }[status]


class Pictures(QObject):
    """Thumbnails by file: kept while they are of use, fetched newest request first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = ThumbnailLoader(self)
        self._loader.loaded.connect(self._on_loaded)
        self._kept: OrderedDict[tuple[str, int], QPixmap] = OrderedDict()
        self._waiting: OrderedDict[str, int] = OrderedDict()
        self._running: dict[str, int] = {}
        self.on_ready: list[Any] = []

    def get(self, file: str, side_px: int) -> QPixmap | None:
        """The picture, or None while it is not there (it is then asked for); null when there is none to show."""
        found = self._kept.get((file, side_px))
        if found is not None:
            self._kept.move_to_end((file, side_px))
            return found
        if file not in self._running:
            self._waiting[file] = side_px
            self._waiting.move_to_end(file)
            while len(self._waiting) > WAITING_MOST:
                self._waiting.popitem(last=False)
            self._next()
        return None

    def shut_down(self) -> None:
        """End the worker."""
        self._waiting.clear()
        self._loader.shut_down()

    def _next(self) -> None:
        if not self._running and self._waiting:
            file, side_px = self._waiting.popitem(last=True)
            self._running[file] = side_px
            self._loader.request(file, side_px)

    @Slot(str, QImage)
    def _on_loaded(self, file: str, image: QImage) -> None:
        side_px = self._running.pop(file, 0)
        if side_px:
            self._kept[(file, side_px)] = QPixmap.fromImage(image) if not image.isNull() else QPixmap()
            while len(self._kept) > KEPT_PICTURES:
                self._kept.popitem(last=False)
            for listener in self.on_ready:
                listener(file)
        self._next()


class ImageListModel(QAbstractListModel):
    """Rows of the presenter."""

    def __init__(self, presenter: ImagesPresenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.presenter = presenter
        presenter.changed.connect(self._on_changed)
        presenter.row_changed.connect(self._on_row_changed)
        presenter.looks_changed.connect(self._on_looks_changed)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """How many images are shown."""
        return 0 if parent.isValid() else len(self.presenter)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name, words for screen readers, plain tooltip, id."""
        record = self.presenter.record(index.row())
        if record is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return record.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            gone = [tr("file missing")] if record.is_missing else []
            return ", ".join([record.name, status_text(record.status), *gone])
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(_tooltip(record))
        if role == ID_ROLE:
            return record.id
        return None

    def _on_changed(self) -> None:
        self.beginResetModel()
        self.endResetModel()

    def _on_looks_changed(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    def _on_row_changed(self, row: int) -> None:
        index = self.index(row)
        self.dataChanged.emit(index, index)


def _tooltip(record: ImageRecord) -> str:
    lines = [record.path, f"{record.width} × {record.height}, {status_text(record.status)}"]
    if record.is_missing:
        lines.append(tr("The file is not there: File › Find moved images… looks for it."))
    if record.is_read_only:
        lines.append(tr("The file can't be written to; labels are kept in the project all the same."))
    return "\n".join(lines)


class ImageListView(QTableView):
    """A list of one column. A table, since that asks the model for no row out of sight: a QListView asks for all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.verticalHeader().hide()
        self.horizontalHeader().hide()
        self.horizontalHeader().setStretchLastSection(True)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(8)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)

    def set_row_height(self, height: int) -> None:
        """Every row is as high as its picture."""
        self.verticalHeader().setDefaultSectionSize(height)

    def moveCursor(self, action: QTableView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:  # noqa: N802
        """Home and End go to the first and last row, not along it."""
        ends = {QTableView.CursorAction.MoveHome: 0, QTableView.CursorAction.MoveEnd: self.model().rowCount() - 1}
        if action in ends:
            return self.model().index(ends[action], 0)
        return super().moveCursor(action, modifiers)


class ImageDelegate(QStyledItemDelegate):
    """Thumbnail, name, size and split, and the badge of the status (a shape, not only a colour)."""

    def __init__(self, presenter: ImagesPresenter, pictures: Pictures, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._presenter, self._pictures = presenter, pictures

    @property
    def _side(self) -> int:
        return self._presenter.session.settings.integer("look.thumbnail_px")

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """Every row is as high as its picture."""
        return QSize(160, row_height(self._side))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        record = self._presenter.record(index.row())
        if record is None:
            return
        painter.save()
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        rect = option.rect
        if is_selected:
            painter.fillRect(rect, theme.color("selected"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("hover"))
        if index.row() == self._presenter.current_row:
            painter.fillRect(QRect(rect.x(), rect.y(), 3, rect.height()), theme.color("accent"))
        side = self._side
        box = QRect(rect.x() + 8, rect.y() + 4, side, side)
        self._paint_picture(painter, box, index.row())
        text_x = box.right() + 9
        right = rect.right() - 28
        strong = theme.color("selected_text" if is_selected else "text")
        weak = strong if is_selected else theme.color("muted")
        font = theme.readable_font(option.font)
        small = theme.small_font(option.font)
        line = QRect(text_x, rect.center().y() - 17, right - text_x, 18)
        painter.setFont(font)
        painter.setPen(strong)
        name = painter.fontMetrics().elidedText(record.name, Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(small)
        painter.setPen(weak)
        why = self._why(record)
        parts = [why] if why else [f"{record.width} × {record.height}"]
        parts += [record.split] if record.split and not why else []
        parts += [tr("file missing")] if record.is_missing else []
        told = painter.fontMetrics().elidedText("  ".join(parts), Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line.translated(0, 18), Qt.AlignmentFlag.AlignVCenter, told)
        self._paint_badges(painter, QRect(rect.right() - 26, rect.y(), 20, rect.height()), record, font, is_selected)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("accent"))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        painter.restore()

    def _why(self, record: ImageRecord) -> str:
        """What sorted it here, where that is not seen otherwise."""
        presenter = self._presenter
        if presenter.sort_key == "uncertainty":
            unsure = presenter.uncertainty(record.id)
            return "" if unsure is None else unsure_text(unsure)
        one = presenter.next_of(record) if presenter.sort_key == "next" else None
        return "" if one is None else reason_text(one)

    def _paint_picture(self, painter: QPainter, box: QRect, row: int) -> None:
        file = self._presenter.file(row)
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        picture = None if file is None else self._pictures.get(str(file), round(box.width() * ratio))
        if picture is None or picture.isNull():
            painter.fillRect(box, theme.color("field"))
            icon = icons.pixmap("image", 24, "muted", ratio)
            painter.drawPixmap(box.center().x() - 12, box.center().y() - 12, icon)
            return
        size = picture.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(box.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(target, picture)

    def _paint_badges(self, painter: QPainter, box: QRect, record: Any, font: QFont, is_selected: bool) -> None:
        painter.setFont(font)
        painter.setPen(theme.color("selected_text" if is_selected else BADGE_TOKENS[record.status]))
        upper = QRect(box.x(), box.center().y() - 17, box.width(), 18)
        painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, BADGES[record.status])
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        marks = [("proposal", "accent")] if record.has_proposal else []
        marks += [("warning", "warning")] if record.is_missing else []
        marks += [("lock", "muted")] if record.is_read_only else []
        for place, (name, token) in enumerate(marks):
            picture = icons.pixmap(name, 14, "selected_text" if is_selected else token, ratio)
            painter.drawPixmap(box.center().x() - 7 - 16 * place, box.center().y() + 3, picture)
