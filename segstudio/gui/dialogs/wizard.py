"""Dialogs of a few pages one after the other: which page this is, back and next, and at the end the button that acts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.dialogs.common import PlainDialog, line
from segstudio.gui.i18n import tr


class Wizard(PlainDialog):
    """Pages are made by ``add_page``; a subclass says in ``may_leave`` whether the next can be shown."""

    def __init__(
        self, parent: QWidget | None, title: str, width_px: int, height_px: int, *, acts: str, pages: Sequence[str]
    ) -> None:
        super().__init__(parent, title, width_px, height_px)
        self._titles = list(pages)
        self._acts = acts
        self._heads: list[QLabel] = []
        head = QHBoxLayout()
        head.setSpacing(16)
        for number, text in enumerate(self._titles, start=1):
            label = QLabel(f"{number}  {text}")
            label.setTextFormat(Qt.TextFormat.PlainText)
            head.addWidget(label)
            self._heads.append(label)
        head.addStretch(1)
        self.column.addLayout(head)
        self.column.addWidget(line())
        self.pages = QStackedWidget()
        self.column.addWidget(self.pages, 1)
        self._problem = QLabel()
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setWordWrap(True)
        self._problem.setProperty("danger", True)
        self._problem.hide()
        self.column.addWidget(self._problem)
        self.back_button = QPushButton(tr("Back"))
        self.next_button = QPushButton(tr("Next"))
        self.cancel_button = QPushButton(tr("Cancel"))
        self.next_button.setProperty("primary", True)
        self.next_button.setDefault(True)
        for button in (self.back_button, self.cancel_button):
            button.setAutoDefault(False)
        self.back_button.clicked.connect(self.go_back)
        self.next_button.clicked.connect(self.go_on)
        self.cancel_button.clicked.connect(self.reject)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(8)
        self.foot.addStretch(1)
        for button in (self.cancel_button, self.back_button, self.next_button):
            self.foot.addWidget(button)
        self.column.addLayout(self.foot)

    # -- building --------------------------------------------------------------------------------------------------

    def add_page(self) -> QVBoxLayout:
        """The column of one more page."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.pages.addWidget(page)
        return column

    # -- going -----------------------------------------------------------------------------------------------------

    @property
    def page(self) -> int:
        """The page shown, from 0."""
        return self.pages.currentIndex()

    @property
    def is_last(self) -> bool:
        """Whether the button acts now."""
        return self.page == len(self._titles) - 1

    def show_page(self, index: int) -> None:
        """Show a page; nothing is asked."""
        self.say("")
        self.pages.setCurrentIndex(index)
        for number, label in enumerate(self._heads):
            label.setProperty("heading", number == index)
            label.setProperty("muted", number != index)
            label.style().polish(label)
        self.back_button.setEnabled(index > 0)
        self.next_button.setText(self._acts if self.is_last else tr("Next"))
        self.entered(index)
        self.refresh_next()

    def go_on(self) -> None:
        """To the next page, or act."""
        if not self.may_leave(self.page):
            return
        if self.is_last:
            self.accept()
        else:
            self.show_page(self.page + 1)

    def go_back(self) -> None:
        """To the page before."""
        if self.page:
            self.show_page(self.page - 1)

    def say(self, problem: str) -> None:
        """What stands in the way; "" = nothing does."""
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    @property
    def problem(self) -> str:
        """What stands in the way, or ""."""
        return self._problem.text()

    def refresh_next(self) -> None:
        """Let the button be pressed, or not."""
        self.next_button.setEnabled(self.can_go_on(self.page))
        if self.next_button.isEnabled() and self.cancel_button.hasFocus():
            self.next_button.setFocus()  # It had it, and lost it while it could not be pressed.

    # -- for subclasses --------------------------------------------------------------------------------------------

    def entered(self, index: int) -> None:
        """A page is shown."""

    def may_leave(self, index: int) -> bool:
        """Whether what a page holds is right; says what is not."""
        return True

    def can_go_on(self, index: int) -> bool:
        """Whether the button can be pressed on this page."""
        return True
