"""The Next panel: which image to label next and why, and labels that are likely wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui import icons, theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.next_texts import reason_text
from segstudio.gui.panels.parts import (
    GAP_PX,
    MARGIN_PX,
    combo,
    follow_theme,
    percent,
    plain,
    select_data,
    swatch,
    tip_of,
    tool_button,
)

if TYPE_CHECKING:
    from segstudio.app.next_desk import NextDesk, NextImage
    from segstudio.app.session import Session
    from segstudio.app.suspect_desk import SuspectRow
    from segstudio.gui.action_binding import ActionBinder
    from segstudio.gui.workspace import Workspace

Index = QModelIndex | QPersistentModelIndex
ROW_PX = 42
_NO_CLASS = "#00000000"


class NextImagesModel(QAbstractListModel):
    """The images of the order; the first line is the name, the second why."""

    def __init__(self, desk: NextDesk, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk, self._session = desk, session
        self.rows: tuple[NextImage, ...] = ()
        self.refresh()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """How many images wait."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Number, name and reason."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        one = self.rows[index.row()]
        record = self._session.image_record(one.image_id)
        name = "" if record is None else record.name
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{one.place + 1}.  {name}\n{reason_text(one)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{name}\n{reason_text(one)}")
        return None

    def refresh(self) -> None:
        """Show the order as it is now."""
        self.beginResetModel()
        self.rows = self._desk.order
        self.endResetModel()


class SuspectsModel(QAbstractListModel):
    """Likely label errors, the worst first."""

    def __init__(self, desk: NextDesk, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk, self._session = desk, session
        self.rows: tuple[SuspectRow, ...] = ()
        self.refresh()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """How many there are."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What it is labelled as, what the model says, how sure, where."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            what = f"{row.label_name or tr('unlabelled')} → {row.model_name or tr('nothing')}"
            sure = tr("%1 sure").replace("%1", percent(row.suspect.confidence))
            return f"{what}\n{sure} · {row.suspect.pixels:,} px · {row.image_name}"
        if role == Qt.ItemDataRole.DecorationRole:
            found = self._session.classes.by_id(row.suspect.model_class)
            return swatch(_NO_CLASS if found is None else found.color)
        if role == Qt.ItemDataRole.ToolTipRole:
            text = tr("Labelled as %1; the model takes it for %2.")
            text = text.replace("%1", row.label_name or tr("nothing")).replace("%2", row.model_name or tr("nothing"))
            return plain(text)
        return None

    def refresh(self) -> None:
        """Show the rows as they are now."""
        self.beginResetModel()
        self.rows = self._desk.suspects.rows
        self.endResetModel()


class TwoLines(QStyledItemDelegate):
    """A row of two lines, the second one quieter."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """High enough for both."""
        return QSize(160, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        painter.save()
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        rect = option.rect
        if is_selected:
            painter.fillRect(rect, theme.color("selected"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("hover"))
        left = rect.x() + 8
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        if icon is not None:
            icon.paint(painter, QRect(left, rect.center().y() - 7, 16, 16))
            left += 24
        lines = str(index.data()).split("\n")
        strong = theme.color("selected_text" if is_selected else "text")
        looks = (
            (theme.readable_font(option.font), strong, -18),
            (theme.small_font(option.font), strong if is_selected else theme.color("muted"), 0),
        )
        for text, (font, color, dy) in zip(lines, looks, strict=False):
            painter.setFont(font)
            painter.setPen(color)
            line = QRect(left, rect.center().y() + dy, rect.right() - left - 6, 18)
            told = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, told)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("accent"))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        painter.restore()


class NextPanel(QWidget):
    """Two lists, one at a time: a double-click or Enter opens what a row tells of."""

    def __init__(self, workspace: Workspace, binder: ActionBinder | None = None) -> None:
        super().__init__()
        self._workspace, self._binder = workspace, binder
        self.session = workspace.session
        self.desk, self.control = workspace.session.what_next, workspace.jobs.what_next
        self._build_choices()
        self.images_model = NextImagesModel(self.desk, self.session, self)
        self.images = self._list(self.images_model, tr("Images to label next"))
        self.suspects_model = SuspectsModel(self.desk, self.session, self)
        self.suspects = self._list(self.suspects_model, tr("Likely label errors"))
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setProperty("muted", True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.status.setMinimumHeight(2 * self.status.fontMetrics().lineSpacing())  # the tabs below stay where they are
        self._build_buttons()
        self._lay_out()
        self._connect()
        self._refresh()

    # -- building ------------------------------------------------------------------------------------------------

    def _build_choices(self) -> None:
        self.basis = combo(
            tr("Which images come first"),
            [
                (tr("Unsure and different"), "both"),
                (tr("Unsure first"), "uncertainty"),
                (tr("Different first"), "diversity"),
            ],
        )
        self.basis.setToolTip(
            tr("Unsure: the model tells most wrong there. Different: unlike what is labelled, and unlike each other.")
        )
        self.measure = combo(
            tr("How uncertainty is measured"),
            [
                (tr("Entropy"), "entropy"),
                (tr("Margin"), "margin"),
                (tr("Mirrored views"), "flips"),
                (tr("Last two models"), "models"),
            ],
        )
        self.measure.setToolTip(
            tr(
                "Entropy of the class probabilities, margin between the two likeliest classes, or how much mirrored "
                "views (2 × slower) or the last two models of this project disagree"
            )
        )

    def _build_buttons(self) -> None:
        self.look_button = QPushButton(icons.icon("look"), tr("Look"))
        self.look_button.setToolTip(tip_of(self._binder, "next.look", tr("Let the model look at every image")))
        self.place_button = tool_button(
            "target",
            tr("Most uncertain place"),
            tip_of(self._binder, "next.place", tr("Go to the most uncertain place of this image")),
            self.control.step,
        )
        self.open_button = tool_button(
            "next-worth",
            tr("Next image worth labelling"),
            tip_of(self._binder, "next.image", tr("Open the image that tells the model most")),
            self.control.open_next,
        )
        self.accept_button = QPushButton(icons.icon("accept"), tr("Correct"))
        self.accept_button.setToolTip(tr("Label the area as the model has it (it can be undone)"))
        self.dismiss_button = QPushButton(icons.icon("reject"), tr("Label is right"))
        self.dismiss_button.setToolTip(tr("Take it from the list; it does not come back"))

    def _list(self, model: QAbstractListModel, name: str) -> QListView:
        view = QListView()
        view.setModel(model)
        view.setUniformItemSizes(True)
        view.setItemDelegate(TwoLines(view))
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setAccessibleName(name)
        return view

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        choices.setSpacing(GAP_PX)
        choices.addWidget(self.basis, 5)
        choices.addWidget(self.measure, 4)
        top = QHBoxLayout()
        top.setSpacing(GAP_PX)
        top.addWidget(self.look_button, 1)
        top.addWidget(self.open_button)
        top.addWidget(self.place_button)
        self.tabs = QTabBar()
        self.tabs.setExpanding(True)
        self.tabs.setDrawBase(False)
        self.tabs.setAccessibleName(tr("What is listed"))
        self.tabs.addTab(tr("Images"))
        self.tabs.addTab(tr("Label errors"))
        errors = QWidget()
        column = QVBoxLayout(errors)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_PX)
        row = QHBoxLayout()
        row.setSpacing(GAP_PX)
        row.addWidget(self.accept_button, 1)
        row.addWidget(self.dismiss_button, 1)
        self.no_errors = QLabel(
            tr("None found: the model agrees with the labels, or it has not looked at labelled images yet.")
        )
        self.no_errors.setWordWrap(True)
        self.no_errors.setProperty("muted", True)
        column.addWidget(self.no_errors)
        column.addWidget(self.suspects, 1)
        column.addLayout(row)
        column.addStretch(0)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.images)
        self.stack.addWidget(errors)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        whole.setSpacing(GAP_PX)
        whole.addLayout(choices)
        whole.addLayout(top)
        whole.addWidget(self.status)
        whole.addWidget(self.tabs)
        whole.addWidget(self.stack, 1)

    def _connect(self) -> None:
        settings = self.session.settings
        self.basis.currentIndexChanged.connect(lambda _: settings.set("next.basis", self.basis.currentData()))
        self.measure.currentIndexChanged.connect(lambda _: settings.set("next.measure", self.measure.currentData()))
        self.tabs.currentChanged.connect(self._on_tab)
        self.look_button.clicked.connect(self._on_look)
        self.images.activated.connect(lambda index: self._open_image(index.row()))
        self.suspects.selectionModel().currentChanged.connect(lambda index, _: self._show_suspect(index.row()))
        self.suspects.activated.connect(lambda index: self._show_suspect(index.row()))
        self.accept_button.clicked.connect(lambda: self._settle(self.desk.suspects.accept))
        self.dismiss_button.clicked.connect(lambda: self._settle(self.desk.suspects.dismiss))
        settings.changed.connect(lambda *_: self._show_choices())
        self.desk.changed.connect(self._refresh)
        self.desk.suspects.changed.connect(self._refresh_suspects)
        self.session.classes_changed.connect(self._refresh_suspects)
        self.session.project_changed.connect(self._refresh)
        self.session.image_changed.connect(self._show_state)
        self.control.state_changed.connect(self._show_state)
        self._workspace.jobs.models.changed.connect(self._show_state)
        follow_theme(self)

    # -- showing -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        self.images_model.refresh()
        self._refresh_suspects()
        self._show_choices()

    def _refresh_suspects(self) -> None:
        if self.suspects_model.rows is not self.desk.suspects.rows:
            self.suspects_model.refresh()
        self._show_state()

    def _show_choices(self) -> None:
        select_data(self.basis, self.session.settings.text("next.basis"))
        select_data(self.measure, self.session.settings.text("next.measure"))

    def _show_state(self) -> None:
        is_looking = self.control.is_looking
        can_edit = self.session.is_open and not self.session.is_read_only
        self.look_button.setText(tr("Stop looking") if is_looking else tr("Look at all images"))
        self.look_button.setIcon(icons.icon("stop" if is_looking else "look"))
        self.look_button.setEnabled(is_looking or (can_edit and bool(self.session.images)))
        self.open_button.setEnabled(bool(self.desk.order))
        self.place_button.setEnabled(self.session.image is not None)
        errors = len(self.suspects_model.rows)
        self.tabs.setTabText(0, tr("Images") + (f" ({len(self.images_model.rows)})" if self.images_model.rows else ""))
        self.tabs.setTabText(1, tr("Label errors") + (f" ({errors})" if errors else ""))
        self.no_errors.setVisible(not errors)
        self.suspects.setVisible(bool(errors))
        for button in (self.accept_button, self.dismiss_button):
            button.setEnabled(can_edit and self._row() is not None)
        self.status.setText(self._status_text())

    def _status_text(self) -> str:
        newest = self.desk.newest
        if newest is None:
            return tr(
                "Choose a model in the Model panel, then let it look at the images: it tells which to label next."
            )
        alike = sum(one.kind == newest.kind for one in self.desk.looked.values())
        text = tr("%1 looked at %2 of %3 images.")
        entry = next((e for e in self._workspace.jobs.models.entries() if e.card.id == newest.model_id), None)
        name = newest.model_id if entry is None else entry.card.name
        text = text.replace("%1", name).replace("%2", str(alike)).replace("%3", str(len(self.session.images)))
        chosen = self._workspace.jobs.models.current_entry()
        if chosen is not None and chosen.card.id != newest.model_id and chosen.card.task != "classic":
            text += " " + tr("Another model is chosen now: let that one look.")
        return text

    # -- doing ---------------------------------------------------------------------------------------------------

    def _on_look(self) -> None:
        if self.control.is_looking:
            self.control.cancel()
        else:
            self.control.look()

    def _on_tab(self, index: int) -> None:
        self.stack.setCurrentIndex(index)
        self._show_state()

    def _open_image(self, row: int) -> None:
        if 0 <= row < len(self.images_model.rows):
            self.session.select_image(self.images_model.rows[row].image_id)

    def _row(self) -> SuspectRow | None:
        row = self.suspects.currentIndex().row()
        return self.suspects_model.rows[row] if 0 <= row < len(self.suspects_model.rows) else None

    def _show_suspect(self, row: int) -> None:
        if 0 <= row < len(self.suspects_model.rows):
            self.control.show_suspect(self.suspects_model.rows[row])
        self._show_state()

    def _settle(self, how: Any) -> None:
        """Correct or dismiss the chosen row; the next one is chosen."""
        row, place = self._row(), self.suspects.currentIndex().row()
        if row is None:
            return
        how(row)
        count = len(self.suspects_model.rows)
        if count:
            self.suspects.setCurrentIndex(self.suspects_model.index(min(place, count - 1)))
