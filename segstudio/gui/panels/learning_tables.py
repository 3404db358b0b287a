"""Tables of the learning panel: what a version changed, image by image; the versions, each a click away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QPushButton, QTableWidget, QTableWidgetItem

from segstudio.gui import theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import plain
from segstudio.gui.panels.train_tables import VALUE_ROLE, ScoreTable
from segstudio.gui.panels.train_texts import span_text

if TYPE_CHECKING:
    from segstudio.app.presenters.learning import ChangeRow, VersionRow

ROW_PX = 26
CELL_PX = 16
"""What a cell takes beside its text."""
MOST_ROWS_SEEN = 5
"""Longer tables scroll by themselves, so that the versions below stay in sight."""
FIGURES_COLUMN, CHANGE_COLUMN = 1, 2
LEAST_CHANGE = 0.0005
"""What three digits don't show is no change."""
DAY_S = 86_400.0


class ChangeTable(ScoreTable):
    """Image, mean Dice before and after, change; what got worse stands first. ``opened`` gives the row's image id as "image"."""

    def __init__(self) -> None:
        super().__init__((("name", tr("Image")), ("after", tr("Mean Dice")), ("change", tr("Change"))))
        self.setAccessibleName(tr("What the newest weights changed, image by image"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        # Columns that follow their contents are measured anew for each cell: half a second for a hundred images.
        head, metrics = self.horizontalHeader(), self.fontMetrics()
        for column, widest in ((FIGURES_COLUMN, "0.00 → 0.00"), (CHANGE_COLUMN, "−0.000")):
            title = self.horizontalHeaderItem(column).text()
            width = max(metrics.horizontalAdvance(widest), metrics.horizontalAdvance(title)) + CELL_PX
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(column, width)
        self._rows: tuple[ChangeRow, ...] = ()
        theme.theme_manager().changed.connect(self._finish)

    def show_changes(self, rows: Sequence[ChangeRow]) -> None:
        """Show these; the chosen image stays chosen."""
        if tuple(rows) == self._rows:
            return
        chosen = self._place_of(self.currentRow())
        self._rows = tuple(rows)
        self.show_rows(
            [
                {"name": row.name, "after": row.after, "change": row.change, "file": plain(row.name)}
                | {"image": row.image_id, "z": row.z, "before": row.before}
                for row in rows
            ],
            figure_text,
        )
        places = [self._place_of(place) for place in range(self.rowCount())]
        at = places.index(chosen) if chosen is not None and chosen in places else -1
        self.setCurrentCell(at, 0)
        self._finish()
        _fit_height(self)

    def image_at(self, row: int) -> int | None:
        """The image of a row as it is shown; None below the last."""
        place = self._place_of(row)
        return None if place is None else place[0]

    def _place_of(self, row: int) -> tuple[int, int] | None:
        item = self.item(row, 0)
        values = None if item is None else item.data(VALUE_ROLE + 1)
        return None if values is None else (int(values["image"]), int(values["z"]))

    def _finish(self) -> None:
        """Both figures in one column, and the change in its colour."""
        for place in range(self.rowCount()):
            values = self.item(place, 0).data(VALUE_ROLE + 1)
            self.item(place, FIGURES_COLUMN).setText(pair_text(values["before"], values["after"]))
            item = self.item(place, CHANGE_COLUMN)
            value = item.data(VALUE_ROLE)
            item.setText(change_text(value))
            token = "muted" if value is None or abs(value) < LEAST_CHANGE else "danger" if value < 0 else "good"
            item.setForeground(theme.color(token))


class VersionTable(QTableWidget):
    """Newest first; beside each that is not in use stands the button that goes back to it."""

    chosen = Signal(int)
    """The number of a version that shall be used again."""

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.setAccessibleName(tr("Versions"))
        self.setHorizontalHeaderLabels([tr("Version"), tr("Mean Dice"), tr("When"), ""])
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setShowGrid(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head.setHighlightSections(False)
        for column, side in enumerate((Qt.AlignmentFlag.AlignLeft, *[Qt.AlignmentFlag.AlignRight] * 3)):
            self.horizontalHeaderItem(column).setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self._rows: tuple[VersionRow, ...] = ()
        self._can_change = True
        self.buttons: dict[int, QPushButton] = {}
        theme.theme_manager().changed.connect(self._fill)

    def show_versions(self, rows: Sequence[VersionRow], *, can_change: bool = True) -> None:
        """Show these; *can_change* False greys the buttons."""
        if tuple(rows) != self._rows or can_change != self._can_change:
            self._rows, self._can_change = tuple(rows), can_change
            self._fill()

    def _fill(self) -> None:
        self.buttons.clear()
        self.setRowCount(0)
        self.setRowCount(len(self._rows))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for place, row in enumerate(self._rows):
            texts = (tr("Version %1").replace("%1", str(row.number)), figure_text(row.mean_dice), when_text(row.at_s))
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(version_tip(row))
                if column:
                    item.setTextAlignment(right)
                if not row.is_current:
                    item.setForeground(theme.color("muted"))
                self.setItem(place, column, item)
            if row.is_current:
                used = QTableWidgetItem(tr("in use"))
                used.setTextAlignment(right)
                used.setForeground(theme.color("good"))
                self.setItem(place, 3, used)
            else:
                self.setCellWidget(place, 3, self._button(row.number))
        _fit_height(self)

    def _button(self, number: int) -> QPushButton:
        button = QPushButton(tr("Go back"))
        button.setProperty("flat-link", True)
        button.setEnabled(self._can_change)
        name = tr("Use version %1 again, and learn on from it").replace("%1", str(number))
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: self.chosen.emit(number))
        self.buttons[number] = button
        return button


def version_tip(row: VersionRow) -> str:
    """What a version was made of, and from which."""
    parts = [tr("%n labelled pixel(s) learnt from", row.labelled_pixels)] if row.labelled_pixels else []
    if row.made_from:
        parts.append(tr("made from version %1").replace("%1", str(row.made_from)))
    if row.seconds:
        parts.append(tr("%1 after learning began").replace("%1", span_text(row.seconds)))
    return " · ".join(parts)


def figure_text(value: object) -> str:
    """0.8123 → "0.812"; a text as it is; nothing → "–"."""
    return value if isinstance(value, str) else f"{value:.3f}" if isinstance(value, float) else "–"


def pair_text(before: float | None, after: float | None) -> str:
    """Both figures, 0.70 → 0.67; one where nothing was before, a dash where nothing is."""
    texts = [f"{value:.2f}" if value is not None else "–" for value in (before, after)]
    return texts[1] if before is None else " → ".join(texts)


def change_text(value: float | None) -> str:
    """+0.012, −0.034, ±0; "new" where there was nothing to compare with."""
    if value is None:
        return tr("new")
    if abs(value) < LEAST_CHANGE:
        return "±0"
    return f"{'+' if value > 0 else '−'}{abs(value):.3f}"


def when_text(at_s: float) -> str:
    """The time of day; before today the date as well."""
    then = time.localtime(at_s)
    is_today = time.time() - at_s < DAY_S and then.tm_yday == time.localtime().tm_yday
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", then)


def _fit_height(table: QTableWidget) -> None:
    rows = min(max(1, table.rowCount()), MOST_ROWS_SEEN)
    head = table.horizontalHeader().sizeHint().height()
    table.setFixedHeight(head + rows * table.verticalHeader().defaultSectionSize() + 2 * table.frameWidth())
