"""The rows of the catalog: groups, or what matches the search best first; and how a row is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QMouseEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.app.presenters.catalog import KINDS, kind_of, state_of
from segstudio.gui import icons, theme
from segstudio.gui.fuzzy import fuzzy_match
from segstudio.gui.i18n import tr
from segstudio.gui.panels.model_chooser import size_text
from segstudio.gui.panels.parts import plain

if TYPE_CHECKING:
    from segstudio.app.presenters.catalog import CatalogPresenter
    from segstudio.ml.catalog_entry import CatalogEntry

Index = QModelIndex | QPersistentModelIndex
ROW_PX, HEADER_PX, STAR_PX = 44, 28, 32
ID_ROLE = int(Qt.ItemDataRole.UserRole)
LEAST_A_LETTER = 3.0
"""Letters scattered over a name match too; below this score each, the name is not what was meant."""
BY_TEXT = -1000.0
ICONS = {
    "semantic": "model",
    "instance": "objects",
    "interactive": "click",
    "classic": "wand",
    "network": "train",
    "encoder": "layers",
    "refine": "refine",
}


@dataclass(frozen=True)
class Row:
    """A model, or with none the title of a group; ``hits`` are the letters of the name that the search found."""

    title: str
    entry: CatalogEntry | None = None
    hits: tuple[int, ...] = ()


class CatalogModel(QAbstractListModel):
    """What matches the search text, the kind and the state; without a text in groups."""

    def __init__(self, presenter: CatalogPresenter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._rows: list[Row] = []
        self.query, self.kind, self.state = "", "", ""

    def refill(self) -> None:
        """Look again: another text, kind or state, or the catalog changed."""
        entries = self._presenter.rows(self.kind, self.state)
        rows = self._ranked(entries) if self.query.strip() else self._grouped(entries)
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def _grouped(self, entries: list[CatalogEntry]) -> list[Row]:
        rows: list[Row] = []
        titles, last = dict(KINDS), ""
        for entry in entries:
            kind = kind_of(entry)
            if kind != last:
                rows.append(Row(tr(titles.get(kind, kind))))
                last = kind
            rows.append(Row(entry.card.name or entry.card.id, entry))
        return rows

    def _ranked(self, entries: list[CatalogEntry]) -> list[Row]:
        found: list[tuple[float, int, Row]] = []
        enough = LEAST_A_LETTER * len(self.query.replace(" ", ""))
        for order, entry in enumerate(entries):
            name = entry.card.name or entry.card.id
            by_name, by_id = fuzzy_match(self.query, name), fuzzy_match(self.query, entry.card.id)
            score = max(by_name[0] if by_name else BY_TEXT, by_id[0] if by_id else BY_TEXT)
            if score < enough:
                if not entry.mentions(self.query):
                    continue
                score = BY_TEXT
            hits = by_name[1] if by_name is not None and score == by_name[0] else ()
            found.append((-score, order, Row(name, entry, hits)))
        found.sort(key=lambda one: one[:2])
        return [row for _, _, row in found]

    def row_at(self, index: Index) -> Row | None:
        """The row of an index."""
        return self._rows[index.row()] if index.isValid() else None

    def index_of(self, model_id: str) -> QModelIndex:
        """Where a model stands; invalid when it is not listed."""
        for number, row in enumerate(self._rows):
            if row.entry is not None and row.entry.card.id == model_id:
                return self.index(number)
        return QModelIndex()

    def ids(self) -> list[str]:
        """Ids of the listed models, from the top."""
        return [row.entry.card.id for row in self._rows if row.entry is not None]

    def is_favourite(self, index: Index) -> bool:
        """Whether the row's model is marked."""
        row = self.row_at(index)
        return row is not None and row.entry is not None and self._presenter.is_favourite(row.entry.card.id)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Models and titles of groups."""
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Titles of groups can't be chosen."""
        row = self.row_at(index)
        if row is None or row.entry is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        """Name, id, words for screen readers."""
        row = self.row_at(index)
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if row.entry is None:
            return None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            liked = [tr("favourite")] if self.is_favourite(index) else []
            return ", ".join([row.title, *liked, summary_of(row.entry, self._presenter)])
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(row.entry.card.id)
        return row.entry.card.id if role == ID_ROLE else None


def summary_of(entry: CatalogEntry, presenter: CatalogPresenter) -> str:
    """The second line of a row: encoder or id, size, state."""
    card = entry.card
    costs = entry.costs()
    parameters = card.parameters if card.parameters is not None else costs.parameters if costs else 0
    encoder = "" if card.task == "encoder" else presenter.encoder_title(card.encoder)
    parts = [encoder, f"{parameters / 1e6:.1f} M" if parameters else "", state_text(entry)]
    if card.is_research_only:
        parts.append(tr("research use"))
    return " · ".join(part for part in parts if part)


def state_text(entry: CatalogEntry) -> str:
    """How things stand with it, in a word or two."""
    state = state_of(entry)
    if entry.card.task == "encoder":
        return tr("weights are here") if state == "ready" else tr("weights come with the first training")
    if state == "download" and entry.card.weights.size_bytes:
        return f"{tr('to download')}, {size_text(entry.card.weights.size_bytes)}"
    words = {"ready": tr("ready"), "download": tr("to download"), "train": tr("to be trained")}
    return words.get(state, tr("can't be used here"))


class RowPainter(QStyledItemDelegate):
    """Icon, name with the found letters bold, a quiet second line, a star. ``star_clicked(id)`` for a click on the star."""

    star_clicked = Signal(str)

    def __init__(self, parent: QWidget, presenter: CatalogPresenter) -> None:
        super().__init__(parent)
        self._presenter = presenter

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """Titles of groups are lower than models."""
        is_title = index.data(ID_ROLE) is None
        return QSize(0, HEADER_PX if is_title else ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a row."""
        model = index.model()
        assert isinstance(model, CatalogModel)
        row = model.row_at(index)
        if row is None:
            return
        painter.save()
        if row.entry is None:
            self._draw_title(painter, option, row.title)
        else:
            self._draw_model(painter, option, row, row.entry, model.is_favourite(index))
        painter.restore()

    def _draw_title(self, painter: QPainter, option: QStyleOptionViewItem, title: str) -> None:
        font = theme.small_font(option.font)  # type: ignore[attr-defined]
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(theme.color("muted"))
        rect: QRect = option.rect  # type: ignore[attr-defined]
        painter.drawText(rect.adjusted(12, 4, -8, 0), Qt.AlignmentFlag.AlignVCenter, title)

    def _draw_model(
        self, painter: QPainter, option: QStyleOptionViewItem, row: Row, entry: CatalogEntry, is_favourite: bool
    ) -> None:
        rect: QRect = option.rect  # type: ignore[attr-defined]
        state: QStyle.StateFlag = option.state  # type: ignore[attr-defined]
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        is_under = bool(state & QStyle.StateFlag.State_MouseOver)
        if is_selected or is_under:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selected" if is_selected else "hover"))
            painter.drawRoundedRect(rect.adjusted(4, 1, -4, -1), 6, 6)
        text = "selected_text" if is_selected else "text" if state_of(entry) else "muted"
        quiet = "selected_text" if is_selected else "muted"
        icon = icons.pixmap(ICONS.get(kind_of(entry), "model"), 20, quiet)
        painter.drawPixmap(rect.x() + 12, rect.y() + (ROW_PX - 20) // 2, icon)
        if is_favourite or is_selected or is_under:
            star = icons.pixmap("star-filled" if is_favourite else "star", 16, "accent" if is_favourite else quiet)
            spot = star_rect(rect)
            painter.drawPixmap(spot.center().x() - 7, spot.center().y() - 7, star)
        room = rect.adjusted(42, 5, -STAR_PX - 4, 0)
        painter.setPen(theme.color(text))
        _draw_name(painter, option.font, QRect(room.x(), room.y(), room.width(), 18), row)  # type: ignore[attr-defined]
        painter.setFont(theme.small_font(option.font))  # type: ignore[attr-defined]
        painter.setPen(theme.color(quiet))
        below = QRect(room.x(), room.y() + 18, room.width(), 16)
        line = painter.fontMetrics().elidedText(
            summary_of(entry, self._presenter), Qt.TextElideMode.ElideRight, below.width()
        )
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, line)

    def editorEvent(  # noqa: N802
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """A click on the star marks the model, or no more."""
        model_id = index.data(ID_ROLE)
        if (
            model_id is not None
            and isinstance(event, QMouseEvent)
            and event.type() == QEvent.Type.MouseButtonRelease
            and event.button() == Qt.MouseButton.LeftButton
            and star_rect(option.rect).contains(event.position().toPoint())  # type: ignore[attr-defined]
        ):
            self.star_clicked.emit(str(model_id))
            return True
        return super().editorEvent(event, model, option, index)


def star_rect(rect: QRect) -> QRect:
    """Where the star of a row in *rect* is."""
    return QRect(rect.right() - STAR_PX - 4, rect.y(), STAR_PX, rect.height())


def _draw_name(painter: QPainter, font: QFont, room: QRect, row: Row) -> None:
    bold = QFont(font)
    bold.setBold(True)
    x, start, title = room.x(), 0, row.title
    while start < len(title) and x < room.right():
        is_hit, end = start in row.hits, start + 1
        while end < len(title) and (end in row.hits) == is_hit:
            end += 1
        painter.setFont(bold if is_hit else font)
        metrics = painter.fontMetrics()
        part = metrics.elidedText(title[start:end], Qt.TextElideMode.ElideRight, room.right() - x)
        painter.drawText(QRect(x, room.y(), room.right() - x, room.height()), Qt.AlignmentFlag.AlignVCenter, part)
        x += metrics.horizontalAdvance(part)
        start = end


def make_list(model: CatalogModel, presenter: CatalogPresenter) -> tuple[QListView, RowPainter]:
    """The list's view: the search field keeps the keys."""
    view = QListView()
    painter = RowPainter(view, presenter)
    view.setModel(model)
    view.setItemDelegate(painter)
    view.setMouseTracking(True)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setAccessibleName(tr("Models, networks and encoders"))
    return view, painter
