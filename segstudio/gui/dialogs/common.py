"""What the dialogs share."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QGridLayout, QLabel, QLayout, QVBoxLayout, QWidget

from segstudio.gui import theme
from segstudio.gui.i18n import tr


class PlainDialog(QDialog):
    """A dialog with even margins that deletes itself when closed and never outgrows its window."""

    def __init__(self, parent: QWidget | None, title: str, width_px: int = 480, height_px: int = 0) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(20, 20, 20, 16)
        self.column.setSpacing(12)
        screen = QGuiApplication.primaryScreen()
        if screen is not None:
            room = screen.availableGeometry()
            width_px, height_px = min(width_px, room.width() - 40), min(height_px, room.height() - 60)
        self.resize(width_px, max(height_px, 1))

    def add_buttons(self, accept_text: str = "", reject_text: str = "") -> QDialogButtonBox:
        """A row of buttons: the one that acts (primary) and the one that leaves."""
        box = QDialogButtonBox(self)
        if accept_text:
            accept = box.addButton(accept_text, QDialogButtonBox.ButtonRole.AcceptRole)
            accept.setProperty("primary", True)
            accept.style().polish(accept)  # The box has styled it before it knew.
            accept.setDefault(True)
            box.accepted.connect(self.accept)
        leave = reject_text or (tr("Cancel") if accept_text else tr("Close"))
        box.addButton(leave, QDialogButtonBox.ButtonRole.RejectRole)
        box.rejected.connect(self.reject)
        self.column.addWidget(box)
        return box


def muted(text: str, *, small: bool = False) -> QLabel:
    """A quiet label of plain text that wraps."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("muted", True)
    label.setWordWrap(True)
    if small:
        label.setFont(theme.small_font(label.font()))
    return label


def heading(text: str, scale: float = 1.2) -> QLabel:
    """A larger half-bold label."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(theme.title_font(label.font(), scale))
    label.setWordWrap(True)
    return label


def line() -> QFrame:
    """A thin line across."""
    frame = QFrame()
    frame.setProperty("line", True)
    return frame


def form_grid(rows: Sequence[tuple[str, QWidget | QLayout]], spacing_px: int = 4) -> QGridLayout:
    """Labels at the left, fields at the right, their middles on one line."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(spacing_px)
    grid.setColumnStretch(1, 1)
    for row, (title, field) in enumerate(rows):
        label = QLabel(title)
        grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignVCenter)
        if isinstance(field, QWidget):
            label.setBuddy(field)
            grid.addWidget(field, row, 1)
        else:
            grid.addLayout(field, row, 1)
    return grid
