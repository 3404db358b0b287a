"""New project: a name, a place, the classes to begin with."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from segstudio.core.classes import ClassTable, parse_class_names
from segstudio.core.errors import UserError
from segstudio.gui.dialogs.common import PlainDialog, muted
from segstudio.gui.i18n import tr


class NewProjectDialog(PlainDialog):
    """``folder`` and ``classes`` hold the answer once it was accepted."""

    def __init__(self, parent: QWidget | None, place: Path | None = None) -> None:
        super().__init__(parent, tr("New project"), 520)
        from PySide6.QtCore import Qt

        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self.folder = Path()
        self.classes = ClassTable()
        self._name = QLineEdit(tr("project"))
        self._name.setAccessibleName(tr("Name"))
        self._place = QLineEdit(str(Path.home() if place is None else place))
        self._place.setAccessibleName(tr("In the folder"))
        choose = QPushButton(tr("Choose…"))
        choose.clicked.connect(self._on_choose)
        where = QHBoxLayout()
        where.addWidget(self._place, 1)
        where.addWidget(choose)
        self._names = QPlainTextEdit()
        self._names.setPlaceholderText(tr("One a line, or with commas: road, tree, building. More can be added later."))
        self._names.setAccessibleName(tr("Classes"))
        self._names.setTabChangesFocus(True)
        self._names.setFixedHeight(96)
        form = QFormLayout()
        form.setSpacing(12)
        form.addRow(tr("Name"), self._name)
        form.addRow(tr("In the folder"), where)
        form.addRow(tr("Classes"), self._names)
        self.column.addLayout(form)
        self._result = muted("", small=True)
        self.column.addWidget(self._result)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setProperty("danger", True)
        self._problem.hide()
        self.column.addWidget(self._problem)
        self.column.addStretch(1)
        self.add_buttons(tr("Create"))
        for field in (self._name, self._place):
            field.textChanged.connect(self._show_result)
        self._show_result()
        self._name.selectAll()
        self._name.setFocus()

    def accept(self) -> None:
        """Check what was typed; what can't be used is said here and the dialog stays."""
        try:
            self.classes = self._class_table()
            self.folder = self._checked_folder()
        except UserError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        super().accept()

    def set_values(self, name: str, place: str, classes: str) -> None:
        """Fill the fields."""
        self._name.setText(name)
        self._place.setText(place)
        self._names.setPlainText(classes)

    @property
    def problem(self) -> str:
        """What stands in the way, or ""."""
        return "" if self._problem.isHidden() else self._problem.text()

    def _class_table(self) -> ClassTable:
        table = ClassTable()
        text = self._names.toPlainText().strip()
        for name in parse_class_names(text.replace("\n", ",").strip(", ")) if text.strip(", \n") else []:
            table = table.added(name)
        return table

    def _checked_folder(self) -> Path:
        name = self._name.text().strip()
        if not name or name in (".", "..") or any(letter in name for letter in '/\\:*?"<>|\0'):
            raise UserError(f"“{name}” can't be a folder's name", remedy="use letters, digits, spaces and dashes")
        folder = self._target()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError("There is something in that place already", path=folder, remedy="choose another name")
        return folder

    def _target(self) -> Path:
        return Path(self._place.text().strip()).expanduser() / self._name.text().strip()

    def _show_result(self) -> None:
        self._result.setText(tr("The project will lie in %1").replace("%1", str(self._target())))
        self._problem.hide()

    def _on_choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("In the folder"), self._place.text())
        if folder:
            self._place.setText(folder)
