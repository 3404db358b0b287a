"""The user guide, shown from the Markdown that comes with the program."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QTextBrowser, QWidget

from segstudio.gui.dialogs.common import PlainDialog
from segstudio.gui.i18n import current_language, tr
from segstudio.io.resources import resource_path


class GuideDialog(PlainDialog):
    """A window to read in beside the work."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, tr("User guide"), 760, 680)
        view = QTextBrowser()
        view.setOpenExternalLinks(True)
        view.setAccessibleName(tr("User guide"))
        file = guide_file()
        if file is not None:
            view.setSearchPaths([str(file.parent)])
            view.document().setBaseUrl(QUrl.fromLocalFile(str(file)))
            view.setMarkdown(file.read_text(encoding="utf-8"))
        else:
            view.setPlainText(tr("The guide is missing from this installation. Press ? for the keyboard sheet."))
        view.document().setDocumentMargin(16)
        self.column.addWidget(view, 1)
        self.add_buttons()


def guide_file() -> Path | None:
    """The guide in the language in force, else in English, else None."""
    for name in (f"docs/guide.{current_language()}.md", "docs/guide.md"):
        path = resource_path(name)
        if path.is_file():
            return path
    return None
