"""Pages of the export window: the format, and which images go where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QDate, QDateTime, QSize, Qt, QTime, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDateEdit,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.errors import UserError
from segstudio.gui.dialogs import format_texts
from segstudio.gui.dialogs.common import form_grid, heading, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.option_boxes import OptionBoxes
from segstudio.gui.panels.parts import combo, swatch
from segstudio.io.formats.base import Selection, Tiling
from segstudio.io.formats.table import exporters

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.io.formats.base import FormatEntry

SPLITS = ("train", "val", "test")
LIST_PX, ROW_PX, SWATCH_PX = 210, 26, 16
BY_FILE, BY_FOLDER, BY_PATTERN = "file", "folder", "pattern"
ALL_LABELLED, ALL = "labelled", "all"


class FormatPage(QWidget):
    """Formats at the left; what the chosen one is, holds and can do at the right; the folder to make below."""

    changed = Signal()

    def __init__(self, chosen: str, folder: str) -> None:
        super().__init__()
        self._entries = exporters()
        self.formats = QListWidget()
        self.formats.setAccessibleName(tr("Format"))
        self.formats.setFixedWidth(LIST_PX)
        for entry in self._entries.values():
            item = QListWidgetItem(format_texts.title_of(entry))
            item.setData(Qt.ItemDataRole.UserRole, entry.id)
            item.setSizeHint(QSize(0, ROW_PX))
            self.formats.addItem(item)
        self.title = heading("", 1.1)
        self.about = muted("")
        self.holds = QLabel()
        self.holds.setTextFormat(Qt.TextFormat.PlainText)
        self.holds.setWordWrap(True)
        self.lacks = muted("")
        self.options = OptionBoxes()
        self.options.changed.connect(self.changed)
        self.folder = QLineEdit(folder)
        self.folder.setAccessibleName(tr("Into the folder"))
        self.folder.textChanged.connect(lambda _: self.changed.emit())
        choose = QPushButton(tr("Choose…"))
        choose.setAutoDefault(False)
        choose.clicked.connect(self._on_choose)
        side = QVBoxLayout()
        side.setSpacing(8)
        for widget in (self.title, self.about, self.holds, self.lacks, self.options):
            side.addWidget(widget)
        side.addStretch(1)
        columns = QHBoxLayout()
        columns.setSpacing(20)
        columns.addWidget(self.formats)
        columns.addLayout(side, 1)
        where = QHBoxLayout()
        where.setSpacing(4)
        where.addWidget(self.folder, 1)
        where.addWidget(choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(columns, 1)
        column.addLayout(form_grid(((tr("Into the folder"), where),)))
        self.formats.currentRowChanged.connect(lambda _: self._on_format())
        self.choose(chosen)

    @property
    def entry(self) -> FormatEntry:
        """The chosen format."""
        item = self.formats.currentItem()
        return self._entries[str(item.data(Qt.ItemDataRole.UserRole))]

    def choose(self, format_id: str) -> None:
        """Choose a format; the first where there is no such."""
        ids = list(self._entries)
        self.formats.setCurrentRow(ids.index(format_id) if format_id in ids else 0)

    def checked_folder(self) -> Path:
        """The folder to make.

        Raises
        ------
        UserError
            When none is named, or something lies in it.
        """
        text = self.folder.text().strip()
        if not text:
            raise UserError("No folder was chosen", remedy="name one that is not there yet")
        folder = Path(text).expanduser()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError("There is something in that folder already", path=folder, remedy="name a fresh one")
        return folder

    def _on_format(self) -> None:
        entry = self.entry
        self.title.setText(format_texts.title_of(entry))
        self.about.setText(format_texts.about(entry))
        holds, lacks = format_texts.holds(entry)
        self.holds.setText(tr("Holds %1.").replace("%1", ", ".join(holds)))
        self.lacks.setText(tr("Does not hold %1.").replace("%1", ", ".join(lacks)))
        self.lacks.setVisible(bool(lacks))
        self.options.show_options(
            entry.options,
            lambda name: format_texts.option_title(entry, name),
            lambda name: format_texts.choices(entry, name),
        )
        self.changed.emit()

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Into the folder"), str(Path(self.folder.text()).parent))
        if chosen:
            folder = Path(chosen)
            is_used = any(folder.iterdir())
            self.folder.setText(str(folder / f"{Path(self.folder.text()).name or 'export'}" if is_used else folder))


class ImagesPage(QWidget):
    """Which images, into which splits, and whether they are cut into tiles."""

    changed = Signal()

    def __init__(self, session: Session, split: str = "") -> None:
        super().__init__()
        self._session = session
        columns = QHBoxLayout()
        columns.setSpacing(28)
        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(8)
            columns.addLayout(column, 1)
        self._make_subset(left)
        self._make_splits(right, split)
        self._make_tiles(right)
        right.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(columns, 1)
        self._show()

    # -- building --------------------------------------------------------------------------------------------------

    def _make_subset(self, column: QVBoxLayout) -> None:
        records = self._session.images
        count = {status: sum(record.status == status for record in records) for status in ("in_progress", "done")}
        self.images = combo(
            tr("Images"),
            [
                (tr("all labelled (%1)").replace("%1", f"{count['in_progress'] + count['done']:,}"), ALL_LABELLED),
                (tr("only done (%1)").replace("%1", f"{count['done']:,}"), "done"),
                (tr("only in progress (%1)").replace("%1", f"{count['in_progress']:,}"), "in_progress"),
                (tr("all (%1)").replace("%1", f"{len(records):,}"), ALL),
            ],
        )
        named = sorted({record.split or "" for record in records})
        self.of_split = combo(tr("Of the split"), [(tr("any"), None), *((one or tr("none"), one) for one in named)])
        self.of_split.setEnabled(len(named) > 1 or bool(named and named[0]))
        column.addWidget(heading(tr("Which images"), 1.0))
        column.addLayout(form_grid(((tr("Images"), self.images), (tr("Of the split"), self.of_split)), spacing_px=8))
        column.addLayout(self._make_dates())
        self.classes = QListWidget()
        self.classes.setAccessibleName(tr("Only with these classes"))
        self.classes.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
        for item in self._session.classes:
            row = QListWidgetItem(swatch(item.color), item.name)
            row.setFlags(row.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            row.setCheckState(Qt.CheckState.Unchecked)
            row.setSizeHint(QSize(0, ROW_PX))
            self.classes.addItem(row)
        self.only_classes = QCheckBox(tr("Leave labels of the other classes out"))
        column.addWidget(muted(tr("Only images with one of these classes; none ticked: any"), small=True))
        column.addWidget(self.classes, 1)
        column.addWidget(self.only_classes)
        self.images.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.of_split.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.classes.itemChanged.connect(lambda _: self._show())
        self.only_classes.toggled.connect(lambda _: self.changed.emit())

    def _make_dates(self) -> QHBoxLayout:
        self.has_dates = QCheckBox(tr("Labels changed from"))
        today = QDate.currentDate()
        self.since, self.until = QDateEdit(today.addDays(-7)), QDateEdit(today)
        self.since.setAccessibleName(tr("Labels changed from"))
        self.until.setAccessibleName(tr("to"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.has_dates)
        for text, field in (("", self.since), (tr("to"), self.until)):
            field.setCalendarPopup(True)
            field.setDisplayFormat("yyyy-MM-dd")
            field.dateChanged.connect(lambda _: self.changed.emit())
            if text:
                row.addWidget(QLabel(text))
            row.addWidget(field, 1)
        self.has_dates.toggled.connect(lambda _: self._show())
        return row

    def _make_splits(self, column: QVBoxLayout, split: str) -> None:
        self.split = combo(
            tr("Splits"),
            [(tr("none"), ""), (tr("by shares"), "shares"), (tr("as the project has them"), "project")],
        )
        self.split.setCurrentIndex(2 if split == "project" else 1 if split else 0)
        self.shares: dict[str, QDoubleSpinBox] = {}
        titles = {"train": tr("training"), "val": tr("validation"), "test": tr("test")}
        row = QHBoxLayout()
        row.setSpacing(8)
        for name, share in zip(SPLITS, (70.0, 15.0, 15.0), strict=True):
            box = QDoubleSpinBox()
            box.setRange(0, 100)
            box.setDecimals(0)
            box.setSuffix(" %")
            box.setValue(share)
            box.setAccessibleName(titles[name])
            box.setToolTip(titles[name])
            box.setMinimumWidth(64)
            box.valueChanged.connect(lambda _: self.changed.emit())
            self.shares[name] = box
            cell = QVBoxLayout()
            cell.setSpacing(2)
            cell.addWidget(muted(titles[name], small=True))
            cell.addWidget(box)
            row.addLayout(cell, 1)
        self.together = combo(
            tr("Keep together"),
            [
                (tr("nothing"), BY_FILE),
                (tr("images of one folder"), BY_FOLDER),
                (tr("images with like names"), BY_PATTERN),
            ],
        )
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText(tr("such as ^(\\w+)_"))
        self.pattern.setAccessibleName(tr("Pattern of names"))
        self.pattern.setToolTip(tr("A regular expression: images with the same match, or first group, stay together"))
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setAccessibleName(tr("Seed"))
        self.seed.setToolTip(tr("The same seed gives the same split"))
        column.addWidget(heading(tr("Training, validation and test"), 1.0))
        column.addLayout(form_grid(((tr("Splits"), self.split),)))
        self.share_box = QWidget()
        inside = QVBoxLayout(self.share_box)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        inside.addLayout(row)
        rows = ((tr("Keep together"), self.together), ("", self.pattern), (tr("Seed"), self.seed))
        inside.addLayout(form_grid(rows, spacing_px=8))
        column.addWidget(self.share_box)
        for box in (self.split, self.together):
            box.currentIndexChanged.connect(lambda _: self._show())
        self.pattern.textChanged.connect(lambda _: self.changed.emit())
        self.seed.valueChanged.connect(lambda _: self.changed.emit())

    def _make_tiles(self, column: QVBoxLayout) -> None:
        self.has_tiles = QCheckBox(tr("Cut the images into tiles"))
        self.tile, self.overlap = QSpinBox(), QSpinBox()
        for box, low, high, value, name in (
            (self.tile, 32, 16384, 512, tr("Side of a tile")),
            (self.overlap, 0, 8192, 0, tr("Overlap")),
        ):
            box.setRange(low, high)
            box.setValue(value)
            box.setSuffix(" px")
            box.setAccessibleName(name)
            box.valueChanged.connect(lambda _: self.changed.emit())
        self.skips_empty = QCheckBox(tr("Leave out tiles without labels"))
        self.skips_empty.setChecked(True)
        self.skips_empty.toggled.connect(lambda _: self.changed.emit())
        self.tile_box = QWidget()
        inside = QVBoxLayout(self.tile_box)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        inside.addLayout(form_grid(((tr("Side of a tile"), self.tile), (tr("Overlap"), self.overlap)), spacing_px=8))
        inside.addWidget(self.skips_empty)
        column.addSpacing(8)
        column.addWidget(heading(tr("Tiles"), 1.0))
        column.addWidget(self.has_tiles)
        column.addWidget(self.tile_box)
        self.has_tiles.toggled.connect(lambda _: self._show())

    # -- what was chosen -------------------------------------------------------------------------------------------

    def image_ids(self) -> tuple[int, ...] | None:
        """None: every image with labels, or what the selection says; else those of the project."""
        if self.images.currentData() == ALL_LABELLED:
            return None
        if not self._session.images:
            raise UserError("There is no image in the project", remedy="add some first")
        return tuple(record.id for record in self._session.images)

    def selection(self) -> Selection:
        """Which of them."""
        status, of_split = str(self.images.currentData()), self.of_split.currentData()
        rows = [self.classes.item(row) for row in range(self.classes.count())]
        names = tuple(row.text() for row in rows if row.checkState() == Qt.CheckState.Checked)
        since, until = (self.since.date(), self.until.date()) if self.has_dates.isChecked() else (None, None)
        return Selection(
            statuses=(status,) if status in ("done", "in_progress") else (),
            splits=() if of_split is None else (str(of_split),),
            classes=names,
            since_s=None if since is None else _seconds(since),
            until_s=None if until is None else _seconds(until.addDays(1)) - 0.001,
            only_classes=bool(names) and self.only_classes.isChecked(),
        )

    def split_text(self) -> str:
        """The split as a spec holds it.

        Raises
        ------
        UserError
            When the shares are not 100 % together.
        """
        if self.split.currentData() != "shares":
            return str(self.split.currentData())
        shares = {name: box.value() for name, box in self.shares.items()}
        if abs(sum(shares.values()) - 100) > 0.01:
            raise UserError(f"The shares add up to {sum(shares.values()):g} %", remedy="make them 100 % together")
        return ",".join(f"{name}={share / 100:g}" for name, share in shares.items() if share > 0)

    def split_by(self) -> str:
        """What stays together; UserError when the pattern is none."""
        import re

        chosen = str(self.together.currentData())
        if self.split.currentData() != "shares" or chosen != BY_PATTERN:
            return chosen if self.split.currentData() == "shares" else BY_FILE
        text = self.pattern.text().strip()
        try:
            re.compile(text)
        except re.error as error:
            raise UserError(f"The pattern cannot be read ({error})", remedy="such as ^(\\w+)_") from error
        if not text:
            raise UserError("No pattern of names was given", remedy="such as ^(\\w+)_")
        return text

    def tiles(self) -> Tiling | None:
        """How images are cut; UserError when the overlap is too large."""
        if not self.has_tiles.isChecked():
            return None
        if self.overlap.value() >= self.tile.value():
            raise UserError("The overlap is as large as a tile", remedy="choose a smaller one")
        return Tiling(self.tile.value(), self.overlap.value(), self.skips_empty.isChecked())

    def _show(self) -> None:
        is_shared = self.split.currentData() == "shares"
        self.share_box.setVisible(is_shared)
        self.pattern.setVisible(self.together.currentData() == BY_PATTERN)
        self.tile_box.setVisible(self.has_tiles.isChecked())
        for field in (self.since, self.until):
            field.setEnabled(self.has_dates.isChecked())
        rows = [self.classes.item(row) for row in range(self.classes.count())]
        self.only_classes.setEnabled(any(row.checkState() == Qt.CheckState.Checked for row in rows))
        self.changed.emit()


def _seconds(day: QDate) -> float:
    """Where a day begins here, as Unix time."""
    return float(QDateTime(day, QTime(0, 0)).toSecsSinceEpoch())
