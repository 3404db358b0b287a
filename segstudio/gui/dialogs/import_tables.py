"""Tables of the import window: classes with what each becomes, and images with what comes for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from segstudio.core.classes import PALETTE
from segstudio.gui import theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import swatch, wrapped
from segstudio.io.importing.plan import LEFT_OUT

if TYPE_CHECKING:
    from segstudio.io.formats.base import Problem
    from segstudio.io.importing.plan import ImportRow, PlannedClass

Index = QModelIndex | QPersistentModelIndex
NAME, VALUE, OBJECTS, PIXELS, BECOMES = range(5)
KIND, IMAGE, LABELS, REMARK = range(4)
ROW_PX = 28
KINDS: dict[str, str] = {
    "comes": "comes",
    "new image": "comes with its image",
    "unchanged": "there already",
    "missing": "no image",
    "conflict": "conflict",
    "skipped": "skipped",
    "note": "note",
}
"""Kind of a row → what the table says."""
_TOKENS = {"missing": "warning", "conflict": "danger", "note": "warning"}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ClassRows(QAbstractTableModel):
    """A row a class of the dataset; the last column says which class of the project it becomes and can be changed."""

    def __init__(self, project_classes: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self._project = dict(project_classes)
        self._classes: tuple[PlannedClass, ...] = ()
        self._chosen: dict[str, str] = {}

    def show_classes(self, classes: Sequence[PlannedClass]) -> None:
        """Show these; what was chosen for a name stays chosen."""
        self.beginResetModel()
        self._classes = tuple(classes)
        self.endResetModel()

    def forget_choices(self) -> None:
        """All go as the plan suggests."""
        self._choose_all({})

    def leave_all_out(self) -> None:
        """None comes."""
        self._choose_all({item.name: LEFT_OUT for item in self._classes})

    def make_all_new(self) -> None:
        """Each becomes a class of its own name."""
        self._choose_all({item.name: item.name for item in self._classes})

    def target(self, row: int) -> str:
        """What the class of a row becomes; "" = it is left out."""
        item = self._classes[row]
        return self._chosen.get(item.name, item.target)

    def choose(self, row: int, target: str) -> None:
        """Let the class of a row become *target*."""
        self._chosen[self._classes[row].name] = target
        self.dataChanged.emit(self.index(row, 0), self.index(row, BECOMES))

    def mapping(self) -> tuple[tuple[str, str], ...]:
        """(class of the dataset, class of the project) for every class."""
        return tuple(dict.fromkeys((item.name, self.target(row)) for row, item in enumerate(self._classes)))

    def choices(self, row: int) -> list[tuple[str, str]]:
        """(text, target): near names first, then the project's others, a new class, left out."""
        item = self._classes[row]
        near = [name for name in item.suggestions if name in self._project]
        others = [name for name in self._project if name not in near]
        found = [(name, name) for name in (*near, *others)]
        if item.name not in self._project:
            found.append((tr("%1 (new class)").replace("%1", item.name), item.name))
        return [*found, (tr("left out"), LEFT_OUT)]

    def color_of(self, target: str, row: int) -> str:
        """The colour a class has, or will have, in the project."""
        return self._project.get(target, "") or self._classes[row].color or PALETTE[row % len(PALETTE)]

    def counts(self) -> tuple[int, int, int]:
        """How many classes become one of the project's, are made, are left out."""
        targets = [self.target(row) for row in range(len(self._classes))]
        known = sum(target in self._project for target in targets)
        out = sum(target == LEFT_OUT for target in targets)
        return known, len(targets) - known - out, out

    def _choose_all(self, chosen: dict[str, str]) -> None:
        self.beginResetModel()
        self._chosen = chosen
        self.endResetModel()

    # -- Qt's own --------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One a class."""
        return 0 if parent.isValid() else len(self._classes)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Name, value, objects, pixels, becomes."""
        return 5

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("In the dataset"), tr("Value"), tr("Objects"), tr("Pixels"), tr("Becomes (click to change)"))[
                section
            ]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            is_left = section in (NAME, BECOMES)
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter if is_left else _RIGHT
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The last column can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == BECOMES else flags

    def data(self, index: Index, role: int = 0) -> Any:
        """What a cell shows."""
        item, column = self._classes[index.row()], index.column()
        target = self.target(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            figures = {VALUE: item.value, OBJECTS: item.objects or None, PIXELS: item.pixels or None}
            if column in figures:
                value = figures[column]
                return "" if value is None else f"{value:,}" if column != VALUE else str(value)
            return item.name if column == NAME else self._target_text(target)
        if role == Qt.ItemDataRole.EditRole and column == BECOMES:
            return target
        if role == Qt.ItemDataRole.DecorationRole and column in (NAME, BECOMES):
            if column == BECOMES:
                return swatch(self.color_of(target, index.row())) if target else None
            return swatch(item.color or PALETTE[index.row() % len(PALETTE)])
        if role == Qt.ItemDataRole.ForegroundRole and column == BECOMES and not target:
            return theme.color("muted")
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (VALUE, OBJECTS, PIXELS):
            return _RIGHT
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Choose what a class becomes."""
        if index.column() != BECOMES or role != Qt.ItemDataRole.EditRole:
            return False
        self.choose(index.row(), str(value))
        return True

    def _target_text(self, target: str) -> str:
        if not target:
            return tr("left out")
        return target if target in self._project else tr("%1 (new class)").replace("%1", target)


class _Chooser(QStyledItemDelegate):
    """A list of classes where the last column is edited."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:  # noqa: N802
        """The list, with the swatches of the classes."""
        box = QComboBox(parent)
        model = index.model()
        assert isinstance(model, ClassRows)
        box.setAccessibleName(str(model.index(index.row(), NAME).data()))
        for text, target in model.choices(index.row()):
            if target:
                box.addItem(swatch(model.color_of(target, index.row())), text, target)
            else:
                box.addItem(text, target)
        box.activated.connect(lambda _: self.commitData.emit(box))
        return box

    def setEditorData(self, editor: QWidget, index: Index) -> None:  # noqa: N802
        """Show what is chosen."""
        assert isinstance(editor, QComboBox)
        editor.setCurrentIndex(max(0, editor.findData(index.data(Qt.ItemDataRole.EditRole))))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:  # noqa: N802
        """Take it."""
        assert isinstance(editor, QComboBox)
        model.setData(index, editor.currentData())


class ClassView(QTableView):
    """Every row's list stands open to a click; Enter or F2 opens it from the keyboard."""

    def __init__(self, rows: ClassRows) -> None:
        super().__init__()
        _plain_table(self, rows, tr("Classes of the dataset"))
        self.setItemDelegateForColumn(BECOMES, _Chooser(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.AllEditTriggers)
        head = self.horizontalHeader()
        for column, mode in (
            (NAME, QHeaderView.ResizeMode.Stretch),
            (BECOMES, QHeaderView.ResizeMode.Stretch),
        ):
            head.setSectionResizeMode(column, mode)
        for column, width in ((VALUE, 64), (OBJECTS, 80), (PIXELS, 110)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(column, width)


class ImageRows(QAbstractTableModel):
    """A row an image of the dataset, then a row a remark about the dataset; those of one kind only where asked."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._all: list[tuple[str, str, str, str]] = []
        self._shown: list[tuple[str, str, str, str]] = []
        self._kind = ""

    def show_rows(self, rows: Sequence[ImportRow], problems: Sequence[Problem], *, has_counts: bool) -> None:
        """Show these."""
        self._all = [(row.kind, row.name, _labels_text(row, has_counts), row.sentence) for row in rows]
        for problem in problems:
            times = f" ({problem.count:,} ×)" if problem.count > 1 else ""
            self._all.append(("note", problem.where, "", problem.sentence + times))
        self.choose_kind(self._kind)

    def choose_kind(self, kind: str) -> None:
        """Show only rows of this kind; "" = all."""
        self.beginResetModel()
        self._kind = kind
        self._shown = [row for row in self._all if not kind or row[0] == kind]
        self.endResetModel()

    def kinds(self) -> dict[str, int]:
        """How many rows there are of each kind, in the table's order of kinds."""
        counts = {kind: sum(row[0] == kind for row in self._all) for kind in KINDS}
        return {kind: count for kind, count in counts.items() if count}

    # -- Qt's own --------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Those of the chosen kind."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Kind, image, labels, remark."""
        return 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("", tr("Image"), tr("Labels"), tr("Remark"))[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        """What a cell shows."""
        kind, name, labels, sentence = self._shown[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr(KINDS.get(kind, kind)), name, labels, sentence)[column]
        if role == Qt.ItemDataRole.ToolTipRole and column in (IMAGE, REMARK):
            return wrapped((kind, name, labels, sentence)[column])
        if role == Qt.ItemDataRole.ForegroundRole and column == KIND:
            return theme.color(_TOKENS.get(kind, "text" if kind in ("comes", "new image") else "muted"))
        return None


class ImageView(QTableView):
    """Images and remarks; nothing in it is edited."""

    def __init__(self, rows: ImageRows) -> None:
        super().__init__()
        _plain_table(self, rows, tr("What comes"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        head = self.horizontalHeader()
        for column, width in ((KIND, 150), (IMAGE, 240), (LABELS, 170)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            head.resizeSection(column, width)
        head.setSectionResizeMode(REMARK, QHeaderView.ResizeMode.Stretch)


def _plain_table(view: QTableView, model: QAbstractTableModel, name: str) -> None:
    view.setModel(model)
    view.setAccessibleName(name)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(ROW_PX)
    view.horizontalHeader().setHighlightSections(False)


def _labels_text(row: ImportRow, has_counts: bool) -> str:
    """How much a row brings; "" before the labels were read."""
    if not has_counts or not row.pixels:
        return ""
    parts = [tr("%n object(s)", row.objects)] if row.objects else []
    return ", ".join([*parts, tr("%1 px").replace("%1", f"{row.pixels:,}")])
