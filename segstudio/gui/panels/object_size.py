"""The line under the list of objects that says how large the selected ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from segstudio.app.presenters.object_size import ObjectSize
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground


class ObjectSizeLine(QLabel):
    """Area of the selected objects in pixels and in the image's units; hidden while none is selected."""

    def __init__(self, session: Session, background: ToolBackground) -> None:
        super().__init__()
        self.presenter = ObjectSize(session, background)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setWordWrap(True)
        self.setProperty("muted", True)
        self.setAccessibleName(tr("Size of the selected objects"))
        self.setToolTip(tr("Area on this plane; of a volume, all planes too"))
        self.presenter.changed.connect(self._show)
        self.hide()
        self.presenter.refresh()

    def _show(self) -> None:
        self.setText(self.presenter.text)
        self.setVisible(bool(self.presenter.text))
