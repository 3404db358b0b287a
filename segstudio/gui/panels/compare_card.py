"""The small card of a comparison over the canvas: how far the two agree, and what to do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)

from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import GAP_PX, MARGIN_PX, follow_theme, plain, swatch, tool_button

if TYPE_CHECKING:
    from segstudio.app.compare_desk import CompareDesk, CompareSide
    from segstudio.app.compare_figures import CompareFigures

WIDTH_PX = 280
UNKNOWN_COLOR = "#8c8c8c"
MOST_CLASSES = 6
"""So many classes are listed, those with the most pixels; the others are counted."""
_OWN_KEYS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class CompareCard(QFrame):
    """Agreement, IoU a class, both against the labels; keep left, keep right, close. The canvas stays usable."""

    keep_requested = Signal(str)
    """"left" or "right" shall become the proposal."""
    close_requested = Signal()
    match_requested = Signal()
    """It shall be said which classes are the same."""
    labels_toggled = Signal(bool)

    def __init__(self, canvas: QFrame) -> None:
        super().__init__(canvas)
        self.setObjectName("compare-card")
        self.setProperty("card", True)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setFixedWidth(WIDTH_PX)
        self.setAutoFillBackground(True)
        self.title = QLabel(tr("Compare two models"))
        self.title.setProperty("heading", True)
        self.agreement = _text()
        self.agreement.setObjectName("compare-agreement")
        self.against = _text()
        self.against.setObjectName("compare-against")
        self._rows = [(QLabel(), _text(), QLabel()) for _ in range(MOST_CLASSES)]
        self.more = _text()
        self.more.setProperty("muted", True)
        self.match = QPushButton(tr("Match classes…"))
        self.match.clicked.connect(self.match_requested)
        self.labels = QCheckBox(tr("Show labels beneath"))
        self.labels.toggled.connect(self.labels_toggled)
        self.keep_left = self._button(tr("Keep left as the proposal"), "left")
        self.keep_right = self._button(tr("Keep right"), "right")
        self.close_button = QPushButton(tr("Close"))
        self.close_button.clicked.connect(self.close_requested)
        self._lay_out()
        follow_theme(self)
        self.hide()

    def _button(self, text: str, side: str) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda: self.keep_requested.emit(side))
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(
            tool_button("close", tr("Close"), tr("Close without keeping anything"), self.close_requested.emit)
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_PX)
        buttons.addWidget(self.keep_right, 1)
        buttons.addWidget(self.close_button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX + GAP_PX, MARGIN_PX, MARGIN_PX + GAP_PX, MARGIN_PX + GAP_PX)
        column.setSpacing(MARGIN_PX)
        column.addLayout(head)
        column.addWidget(self.agreement)
        column.addLayout(self._class_grid())
        column.addWidget(self.match)
        column.addWidget(self.against)
        column.addWidget(self.labels)
        column.addWidget(self.keep_left)
        column.addLayout(buttons)

    def _class_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(MARGIN_PX)
        grid.setVerticalSpacing(GAP_PX)
        grid.setColumnStretch(1, 1)
        for row, (mark, name, value) in enumerate(self._rows):
            name.setWordWrap(False)
            value.setToolTip(tr("Intersection over union of this class between the two"))
            for column, widget in enumerate((mark, name, value)):
                grid.addWidget(widget, row, column)
        grid.addWidget(self.more, MOST_CLASSES, 1, 1, 2)
        return grid

    def show_state(self, desk: CompareDesk, figures: CompareFigures | None, *, is_keeping: bool = False) -> None:
        """Show how the comparison stands."""
        sides = (desk.side("left"), desk.side("right"))
        for button, one in zip((self.keep_left, self.keep_right), sides, strict=True):
            button.setEnabled(one.state == "done" and not is_keeping)
            button.setToolTip(tr("Make what “%1” found the proposal of this image").replace("%1", one.name))
        self.agreement.setText(_agreement_text(sides, figures))
        self._show_classes(desk, figures)
        self.match.setVisible(figures is not None and _is_apart(figures))
        self.against.setText(_against_text(figures))
        self.against.setVisible(bool(self.against.text()))
        self.adjustSize()

    def _show_classes(self, desk: CompareDesk, figures: CompareFigures | None) -> None:
        classes = () if figures is None else figures.classes
        for row, (mark, name, value) in enumerate(self._rows):
            one = classes[row] if row < len(classes) else None
            for widget in (mark, name, value):
                widget.setVisible(one is not None)
            if one is None:
                continue
            known = desk.classes.by_id(one.class_id)
            mark.setPixmap(swatch(UNKNOWN_COLOR if known is None else known.color, 12).pixmap(12, 12))
            text = "" if known is None else known.name
            name.setText(name.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, 180))
            name.setToolTip(plain(text))
            value.setText("–" if one.iou is None else f"{one.iou:.3f}")
        rest = len(classes) - MOST_CLASSES
        self.more.setVisible(rest > 0)
        self.more.setText(tr("and %n more class(es)", rest) if rest > 0 else "")

    # -- keys ----------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Tab, Enter and Space are the card's while it has the focus: they are commands of the canvas below, too."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() in _OWN_KEYS and not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter presses the button that has the focus."""
        at = QApplication.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(at, QPushButton):
            at.click()
        else:
            super().keyPressEvent(event)


def _text() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _agreement_text(sides: tuple[CompareSide, CompareSide], figures: CompareFigures | None) -> str:
    if not all(one.is_over for one in sides):
        return tr("working it out…")
    if any(one.state == "failed" for one in sides):
        return tr("There is nothing to compare with: one of the two has no answer.")
    if figures is None or figures.agreement is None:
        return tr("working it out…")
    text = tr("They agree on %1 of the pixels.").replace("%1", percent_text(figures.agreement))
    if not figures.classes:
        return f"{text} {tr('Neither found anything.')}"
    return f"{text} {tr('They found no class in common.')}" if _is_apart(figures) else text


def _is_apart(figures: CompareFigures) -> bool:
    """Whether both found something, but never the same class."""
    sides = [any(one.left_px for one in figures.classes), any(one.right_px for one in figures.classes)]
    return all(sides) and not any(one.left_px and one.right_px for one in figures.classes)


def _against_text(figures: CompareFigures | None) -> str:
    if figures is None or not figures.has_labels:
        return ""
    left, right = ("–" if value is None else f"{value:.3f}" for value in figures.labels_iou)
    text = tr("Mean IoU with the labels: left %1, right %2").replace("%1", left).replace("%2", right)
    return text


def percent_text(share: float) -> str:
    """A share as a percentage with one digit; 100 % only where it is all, 0 % only where it is nothing."""
    value = min(max(share * 100, 0.1 if share > 0 else 0.0), 99.9 if share < 1 else 100.0)
    return f"{value:.1f} %"
