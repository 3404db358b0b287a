"""The user guide, shown from the Markdown that comes with the program."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QUrl
from PySide6.QtGui import QImage, QTextCursor, QTextDocument
from PySide6.QtWidgets import QTextBrowser, QWidget

from segstudio.gui.dialogs.common import PlainDialog
from segstudio.gui.i18n import current_language, tr
from segstudio.io.resources import resource_path

PICTURE_PX, AROUND_PX = 780, 100
"""Pictures are not wider, so that nobody has to scroll sideways."""


class GuidePage(QTextBrowser):
    """A page whose pictures fit its width."""

    def loadResource(self, kind: int, url: QUrl) -> object:  # noqa: N802
        """A picture no wider than the page, with all the pixels that the screen can show."""
        found = super().loadResource(kind, url)
        if kind != QTextDocument.ResourceType.ImageResource.value or not isinstance(found, QByteArray):
            return found
        image = QImage.fromData(found)
        room = max(200, min(PICTURE_PX, self.window().width() - AROUND_PX))
        if image.width() > room:
            wanted = min(image.width(), round(room * self.devicePixelRatioF()))
            image = image.scaledToWidth(wanted, Qt.TransformationMode.SmoothTransformation)
            image.setDevicePixelRatio(image.width() / room)
        return image

    def let_commands_wrap(self) -> None:
        """Lines of commands break where the page ends, like any other."""
        block = self.document().begin()
        while block.isValid():
            shape = block.blockFormat()
            if shape.nonBreakableLines():
                shape.setNonBreakableLines(False)
                QTextCursor(block).setBlockFormat(shape)
            block = block.next()


class GuideDialog(PlainDialog):
    """A window to read in beside the work."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, tr("User guide"), 880, 680)
        view = GuidePage()
        view.setOpenExternalLinks(True)
        view.setAccessibleName(tr("User guide"))
        file = guide_file()
        if file is not None:
            view.setSearchPaths([str(file.parent)])
            view.document().setBaseUrl(QUrl.fromLocalFile(str(file)))
            view.setMarkdown(file.read_text(encoding="utf-8"))
            view.let_commands_wrap()
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
