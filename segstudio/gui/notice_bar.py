"""One-sentence messages above the canvas: notices, warnings and failures with what can be done next. Never modal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from segstudio.gui import icons, theme
from segstudio.gui.i18n import tr

Kind = Literal["info", "warning", "failure"]
MOST = 3
INFO_MS = 8000
HINT = "hint"
"""The key of what a tool says to a press: one at a time, gone with the next press."""
OFFER_MS = 30_000
"""What offers a next step stands longer, but does not lie over the picture for good."""
_ICONS = {"info": ("info", "accent"), "warning": ("warning", "warning"), "failure": ("error", "danger")}


@dataclass(frozen=True)
class Offer:
    """A button beside a message: what it says and what it does. ``keeps`` leaves the message standing."""

    text: str
    run: Callable[[], object]
    keeps: bool = False


class NoticeBar(QWidget):
    """A stack of at most three messages, newest last. The same sentence is not shown twice.

    It lies over the top of its *anchor*, so that the picture does not jump when a message comes or goes.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._anchor: QWidget | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._messages: list[Message] = []
        self.hide()
        theme.theme_manager().changed.connect(self._on_theme_changed)

    def say(
        self, sentence: str, kind: Kind = "info", offers: tuple[Offer, ...] = (), *, key: str = "", stays: bool = False
    ) -> Message:
        """Show a sentence; one with the same *key* (or text) is replaced. Plain notices go by themselves."""
        wanted = key or sentence
        for message in list(self._messages):
            if message.key == wanted:
                self.dismiss(message)
        while len(self._messages) >= MOST:
            # What was offered and not answered stays longest.
            oldest = next((m for m in self._messages if m.kind == "info" and not m.stays), self._messages[0])
            self.dismiss(oldest)
        message = Message(self, sentence, kind, offers, wanted, stays)
        self._messages.append(message)
        self._column.addWidget(message)
        self.show()
        self._place()
        return message

    def lie_over(self, anchor: QWidget) -> None:
        """Float over the top of *anchor* from now on."""
        self._anchor = anchor
        self.setParent(anchor)
        anchor.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the anchor's width."""
        if watched is self._anchor and event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        if self._anchor is None:
            return
        width = self._anchor.width()
        height = sum(message.height_at(width) for message in self._messages)
        self.setGeometry(0, 0, width, height)
        self.raise_()

    def dismiss(self, message: Message) -> None:
        """Take a message away; one that is gone already does nothing."""
        if message in self._messages:
            self._messages.remove(message)
            self._column.removeWidget(message)
            message.hide()
            message.deleteLater()
        self.setVisible(bool(self._messages))
        self._place()

    def dismiss_key(self, key: str) -> None:
        """Take away the message with this key."""
        for message in list(self._messages):
            if message.key == key:
                self.dismiss(message)

    def clear(self) -> None:
        """Take all away."""
        for message in list(self._messages):
            self.dismiss(message)

    @property
    def messages(self) -> list[Message]:
        """What stands there."""
        return list(self._messages)

    def _on_theme_changed(self) -> None:
        for message in self._messages:
            message.restyle()


class Message(QFrame):
    """One line of the bar."""

    def __init__(
        self, bar: NoticeBar, sentence: str, kind: Kind, offers: tuple[Offer, ...], key: str, stays: bool
    ) -> None:
        super().__init__(bar)
        self.sentence, self.kind, self.key, self.stays = sentence, kind, key, stays
        self._bar = bar
        self.setProperty("notice", kind)
        self.setAccessibleName(sentence)
        self._icon = QLabel()
        text = QLabel(sentence)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        text.setMinimumWidth(120)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(text, 1)
        self.buttons: list[QPushButton] = []
        for offer in offers:
            button = QPushButton(offer.text)
            button.setProperty("flat-link", True)
            button.clicked.connect(_Answer(self, offer))
            row.addWidget(button)
            self.buttons.append(button)
        self._close = QToolButton()
        self._close.setIconSize(QSize(16, 16))
        self._close.setAccessibleName(tr("Dismiss"))
        self._close.setToolTip(tr("Dismiss"))
        self._close.clicked.connect(self.dismiss)
        row.addWidget(self._close)
        self.restyle()
        if kind == "info" and not stays:
            QTimer.singleShot(OFFER_MS if offers else INFO_MS, self, self.dismiss)

    def dismiss(self) -> None:
        """Go away."""
        self._bar.dismiss(self)

    def height_at(self, width_px: int) -> int:
        """The height it needs at this width."""
        self.ensurePolished()
        layout = self.layout()
        wanted = layout.heightForWidth(width_px) if layout is not None else -1
        return max(wanted, self.minimumSizeHint().height())

    def restyle(self) -> None:
        """Take on the theme's colours."""
        name, token = _ICONS[self.kind]
        self._icon.setPixmap(icons.pixmap(name, 16, token))
        self._close.setIcon(icons.icon("close", "muted"))


class _Answer:
    """What a click on an offer does."""

    def __init__(self, message: Message, offer: Offer) -> None:
        self._message, self._offer = message, offer

    def __call__(self) -> None:
        if not self._offer.keeps:
            self._message.dismiss()
        self._offer.run()
