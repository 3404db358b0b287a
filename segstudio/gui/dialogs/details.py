"""The details behind a failure's link: plain text that can be copied."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QPlainTextEdit, QWidget

from segstudio.gui.crash import head_text
from segstudio.gui.dialogs.common import PlainDialog
from segstudio.gui.i18n import tr


class DetailsDialog(PlainDialog):
    """One sentence and what a developer would want to read."""

    def __init__(self, parent: QWidget | None, sentence: str, details: str) -> None:
        super().__init__(parent, tr("Details"), 680, 440)
        self._text = f"{head_text()}\n{sentence}\n\n{details}"
        label = QLabel(sentence)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        self.column.addWidget(label)
        view = QPlainTextEdit(details)
        view.setReadOnly(True)
        view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        view.setAccessibleName(tr("Details"))
        self.column.addWidget(view, 1)
        buttons = self.add_buttons()
        copy = buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self.copy)

    def copy(self) -> None:
        """Put it all on the clipboard, versions first."""
        QGuiApplication.clipboard().setText(self._text)
