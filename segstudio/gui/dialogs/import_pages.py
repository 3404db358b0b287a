"""Pages of the import window: the dataset with a look into it, and what comes with where it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dialogs import format_texts
from segstudio.gui.dialogs.common import form_grid, muted
from segstudio.gui.dialogs.import_tables import KINDS, ImageRows, ImageView
from segstudio.gui.i18n import tr
from segstudio.gui.panels.option_boxes import OptionBoxes
from segstudio.gui.panels.parts import combo, select_data
from segstudio.gui.panels.picture_row import PictureRow
from segstudio.io.formats.table import importers

if TYPE_CHECKING:
    from segstudio.io.importing.plan import ImportPlan


TYPING_MS = 500


class SourcePage(QWidget):
    """Where the dataset lies, what it is, its options, and pictures of it."""

    source_changed = Signal()
    """Another dataset, or another format."""
    options_changed = Signal()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._last = folder
        self._entries = importers()
        self.source = QLineEdit()
        self.source.setAccessibleName(tr("Dataset"))
        self.source.setPlaceholderText(tr("A folder, a file or a zip archive; it can also be dropped here"))
        self.source.editingFinished.connect(self._on_typed)
        # What was typed is looked at when the hand rests: nobody presses Enter beside a button «Next».
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(TYPING_MS)
        self._rest.timeout.connect(lambda: self._on_typed() if self.path.exists() else None)
        self.source.textEdited.connect(lambda _: self._rest.start())
        self._shown = ""
        self.folder_button, self.file_button = QPushButton(tr("Folder…")), QPushButton(tr("File…"))
        self.folder_button.clicked.connect(self._on_folder)
        self.file_button.clicked.connect(self._on_file)
        where = QHBoxLayout()
        where.setSpacing(4)
        where.addWidget(self.source, 1)
        for button in (self.folder_button, self.file_button):
            button.setAutoDefault(False)
            where.addWidget(button)
        self.format = combo(tr("Format"), [(tr("as it looks"), "")])
        for entry in self._entries.values():
            self.format.addItem(format_texts.title_of(entry), entry.id)
        self.format.activated.connect(lambda _: self._on_format())
        self.about = muted("", small=True)
        self.options = OptionBoxes()
        self.options.changed.connect(self.options_changed)
        self.state = QLabel()
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.state.setWordWrap(True)
        self.bar = thin_bar()
        self.row = PictureRow()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(
            form_grid(((tr("Dataset"), where), (tr("Format"), self.format), ("", self.about)), spacing_px=8)
        )
        column.addWidget(self.options)
        column.addWidget(self.state)
        column.addWidget(self.bar)
        column.addWidget(self.row, 1)
        self._show_options()

    @property
    def path(self) -> Path:
        """The dataset; "." where none is named."""
        return Path(self.source.text().strip()).expanduser()

    @property
    def has_path(self) -> bool:
        """Whether one is named."""
        return bool(self.source.text().strip())

    @property
    def format_id(self) -> str:
        """The chosen format; "" = as it looks."""
        return str(self.format.currentData())

    def chosen_options(self) -> tuple[tuple[str, Any], ...]:
        """The format's own options."""
        return tuple(sorted(self.options.values().items()))

    def set_source(self, path: Path) -> None:
        """Another dataset: its format is found out anew."""
        self._shown = str(path)
        self.source.setText(self._shown)
        select_data(self.format, "")
        self._show_options()
        self.source_changed.emit()

    def take_format(self, plan: ImportPlan) -> None:
        """Show what the dataset was taken for, and what else it looks like."""
        if not self.format_id and plan.format in self._entries:
            select_data(self.format, plan.format)
            self._show_options()
        sure = dict(plan.guesses)
        for place in range(self.format.count()):
            entry = self._entries.get(str(self.format.itemData(place)))
            if entry is not None:
                title = format_texts.title_of(entry)
                text = tr("%1 (it looks like this)").replace("%1", title) if sure.get(entry.id) else title
                self.format.setItemText(place, text)

    def title(self, format_id: str) -> str:
        """A format's name."""
        entry = self._entries.get(format_id)
        return format_id if entry is None else format_texts.title_of(entry)

    def say(self, text: str, *, is_failure: bool = False) -> None:
        """One line above the pictures."""
        self.state.setText(text)
        self.state.setProperty("danger", is_failure)
        self.state.setProperty("muted", not is_failure)
        self.state.style().polish(self.state)

    def _on_typed(self) -> None:
        if self.has_path and self.source.text() != self._shown:
            self.set_source(self.path)

    def _on_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Import labels"), self._begin())
        if chosen:
            self.set_source(Path(chosen))

    def _on_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, tr("Import labels"), self._begin())
        if chosen:
            self.set_source(Path(chosen))

    def _begin(self) -> str:
        return str(self.path.parent if self.has_path else self._last)

    def _on_format(self) -> None:
        self._show_options()
        if self.has_path:
            self.source_changed.emit()

    def _show_options(self) -> None:
        entry = self._entries.get(self.format_id)
        self.about.setText(format_texts.about(entry) if entry is not None else "")
        if entry is None:
            self.options.show_options({}, str)
            return
        self.options.show_options(
            entry.reader_options,
            lambda name: format_texts.option_title(entry, name, is_reading=True),
            lambda name: format_texts.choices(entry, name),
        )


class LastPage(QWidget):
    """What comes, image by image; into which layer; and what becomes of images that the project does not have."""

    choices_changed = Signal()
    """What comes must be looked at anew."""

    def __init__(self) -> None:
        super().__init__()
        self.summary = QLabel()
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.summary.setWordWrap(True)
        self.kinds = combo(tr("Show"), [(tr("all"), "")])
        self.rows = ImageRows(self)
        self.kinds.activated.connect(lambda _: self.rows.choose_kind(str(self.kinds.currentData())))
        self.bar = thin_bar()
        self.view = ImageView(self.rows)
        self.own_layer = QRadioButton(tr("Into a layer of its own, named"))
        self.empty_layer = QRadioButton(tr("Into the image's layer where that is empty, else into a layer of its own"))
        self.empty_layer.setChecked(True)
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name of the layer"))
        self.name.setMaximumWidth(220)
        self.name.setEnabled(False)
        self.adds_images = QCheckBox(tr("Add images that the project does not have"))
        self.adds_images.setChecked(True)
        self.copies_images = QCheckBox(tr("Copy them into the project"))
        self.copies_images.setToolTip(
            tr("Else the project refers to them where they are; those in an archive are always copied")
        )
        self.own_layer.toggled.connect(self.name.setEnabled)
        self.own_layer.toggled.connect(lambda _: self.choices_changed.emit())
        self.adds_images.toggled.connect(self.copies_images.setEnabled)
        self.adds_images.toggled.connect(lambda _: self.choices_changed.emit())
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.summary, 1)
        head.addWidget(self.kinds)
        own = QHBoxLayout()
        own.addWidget(self.own_layer)
        own.addWidget(self.name)
        own.addStretch(1)
        images = QHBoxLayout()
        images.setSpacing(20)
        images.addWidget(self.adds_images)
        images.addWidget(self.copies_images)
        images.addStretch(1)
        choices = QVBoxLayout()
        choices.setSpacing(2)
        choices.addWidget(self.empty_layer)
        choices.addLayout(own)
        choices.addLayout(images)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addWidget(self.view, 1)
        column.addLayout(choices)

    def show_plan(self, plan: ImportPlan) -> None:
        """Show what comes."""
        self.rows.show_rows(plan.rows, plan.problems, has_counts=plan.has_counts)
        kinds, chosen = self.rows.kinds(), self.kinds.currentData()
        self.kinds.clear()
        self.kinds.addItem(tr("all"), "")
        for kind, count in kinds.items():
            self.kinds.addItem(f"{tr(KINDS[kind])} ({count:,})", kind)
        select_data(self.kinds, chosen if chosen in kinds else "")
        self.rows.choose_kind(str(self.kinds.currentData()))
        self.summary.setText(summary_text(plan))


def thin_bar() -> QProgressBar:
    """A bar that keeps its place while it is hidden."""
    bar = QProgressBar()
    bar.setTextVisible(False)
    policy = bar.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    bar.setSizePolicy(policy)
    bar.hide()
    return bar


def found_text(plan: ImportPlan) -> str:
    """One line about a dataset."""
    return f"{tr('%n image(s)', len(plan.rows))}, {tr('%n class(es)', len(plan.classes))}"


def summary_text(plan: ImportPlan) -> str:
    """One sentence about what comes."""
    counts = plan.counts
    parts = [tr("labels for %n image(s)", counts["comes"] + counts["new image"])]
    if counts["new image"]:
        parts.append(tr("%n of them new", counts["new image"]))
    if counts["unchanged"]:
        parts.append(tr("%n there already", counts["unchanged"]))
    left = counts["missing"] + counts["conflict"] + counts["skipped"]
    if left:
        parts.append(tr("%n left out", left))
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "."
