"""Window and level by dragging on the picture: to the right less contrast, downwards darker."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from segstudio.app.tools.base import ToolPreview
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QMouseEvent

    from segstudio.app.session import Session
    from segstudio.app.tools.toolbox import ToolBox
    from segstudio.core.display import DisplaySettings

WIDTH_PER_E = 160.0
"""Screen pixels to the right that make the window e times as wide."""
HEIGHT_PER_WINDOW = 300.0
"""Screen pixels downwards that move the level by one window."""
ANY_TOOL = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


class LevelDrag:
    """One drag at a time; each step is drawn at once and only the last is remembered."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._start: DisplaySettings | None = None
        self._before: DisplaySettings | None = None
        self._from: QPointF | None = None

    @property
    def is_on(self) -> bool:
        """Whether the button is held."""
        return self._start is not None

    def wants(self, event: QMouseEvent, toolbox: ToolBox) -> bool:
        """Whether a press begins a drag: right with the Pan tool, Ctrl+Alt+right with any."""
        if event.button() != Qt.MouseButton.RightButton or toolbox.current.is_dragging:
            return False
        return toolbox.current.id == "pan" or event.modifiers() & ANY_TOOL == ANY_TOOL

    def begin(self, at: QPointF) -> None:
        """The button went down; nothing happens while the image's brightness is not known."""
        self._start, self._before, self._from = self._session.shown_display, self._session.display, at

    def move(self, at: QPointF) -> None:
        """Draw with the window and level of this place."""
        if self._start is None or self._from is None:
            return
        moved = at - self._from
        window = self._start.window * math.exp(moved.x() / WIDTH_PER_E)
        level = self._start.level + moved.y() / HEIGHT_PER_WINDOW * self._start.window
        self._session.set_display(self._start.with_window_level(window, level), remembers=False)

    def end(self) -> None:
        """The button went up: what is shown stays."""
        if self._start is not None:
            self._start = None
            if self._session.display != self._before:
                self._session.set_display(self._session.display)

    def cancel(self) -> bool:
        """Back to what was shown before; False when nothing was begun."""
        if self._start is None:
            return False
        self._start = None
        self._session.set_display(self._before, remembers=False)
        return True

    def preview(self) -> ToolPreview | None:
        """The numbers beside the pointer while it moves."""
        shown = self._session.display
        if self._start is None or shown is None:
            return None
        digits = 0 if self._start.window >= 50 else 3
        text = tr("window {window}  level {level}")
        return ToolPreview(text=text.format(window=f"{shown.window:.{digits}f}", level=f"{shown.level:.{digits}f}"))
