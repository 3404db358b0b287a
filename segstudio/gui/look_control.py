"""Tells the session what is on the screen, as long as somebody sits before it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QCursor

from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.gui.workspace import Workspace

TICK_MS = 250
AWAY_S = 30.0
"""After so long without a movement of pointer, picture or labels nobody is taken to look."""
PLACE_PX = 512
"""A place nobody looked at is shown with so much around it, at 1:1 or closer."""


class LookControl(QObject):
    """Ticks while the window is the active one and the canvas is seen; what lies behind another window is not looked at."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._session, self._canvas = workspace.session, workspace.canvas
        self._looking = workspace.session.looking
        self.clock: Callable[[], float] = time.monotonic
        self._seen_at_s = self.clock()
        self._life: tuple[object, ...] = ()
        self._alive_at_s = self._seen_at_s
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        self._looking.changed.connect(self._on_changed)

    def tick(self) -> None:
        """Count the time since the last tick for what the canvas shows now."""
        now_s = self.clock()
        since_s, self._seen_at_s = max(0.0, min(now_s - self._seen_at_s, 4 * TICK_MS / 1000)), now_s
        session, canvas = self._session, self._canvas
        if session.image is None or not canvas.isVisible() or not canvas.window().isActiveWindow():
            return
        history = session.history
        life = (QCursor.pos(), canvas.view, session.plane, 0 if history is None else history.position)
        if life != self._life:
            self._life, self._alive_at_s = life, now_s
        if now_s - self._alive_at_s <= AWAY_S and canvas.is_settled:
            self._looking.look(canvas.visible_rect(), canvas.zoom, since_s)

    def shut_down(self) -> None:
        """No more ticks."""
        self._timer.stop()

    def show_next(self) -> None:
        """Bring the nearest place that nobody looked at into the middle."""
        x, y = self._canvas.view.centre_xy
        place = self._looking.next_place(x, y)
        record = self._session.image
        if record is None or place.is_empty:
            return
        middle_x, middle_y = place.x + place.width // 2, place.y + place.height // 2
        around = Rect(middle_x - PLACE_PX // 2, middle_y - PLACE_PX // 2, PLACE_PX, PLACE_PX)
        self._canvas.show_rect(around.clipped(record.width, record.height))

    def _on_changed(self) -> None:
        if self._session.overlay.shows_unseen:
            self._canvas.update()
