"""What the history list shows: every edit of the image, undone ones too."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.events import Signal

if TYPE_CHECKING:
    from segstudio.app.session import Session


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line; the first one (``position`` 0) stands for the state before any edit.

    ``position``: how many edits are in force when this line is the current one.
    """

    position: int
    label: str
    time_text: str
    is_undone: bool
    is_current: bool
    is_project_wide: bool = False


class HistoryPresenter:
    """Rows oldest first; ``changed`` when they must be read again."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        session.history_changed.connect(self.changed.emit)
        session.image_changed.connect(self.changed.emit)

    @property
    def rows(self) -> list[HistoryRow]:
        """The lines."""
        stack = self.session.history
        if stack is None:
            return []
        here = stack.position
        rows = [HistoryRow(0, "", "", False, here == 0)]
        for index, entry in enumerate(stack.entries(), start=1):
            rows.append(
                HistoryRow(
                    index,
                    entry.label,
                    when(entry.created_s),
                    entry.is_undone,
                    index == here,
                    entry.is_project_wide,
                )
            )
        return rows

    @property
    def undo_label(self) -> str:
        """What undo would take back; "" when nothing."""
        stack = self.session.history
        return "" if stack is None else stack.undo_label

    @property
    def redo_label(self) -> str:
        """What redo would do again; "" when nothing."""
        stack = self.session.history
        return "" if stack is None else stack.redo_label

    def go(self, position: int) -> None:
        """Back or forward to a line."""
        self.session.go_to_history(position)


def when(created_s: float, now_s: float | None = None) -> str:
    """A time as a list shows it: "14:03" of today, "2026-03-01 14:03" of other days; "" when unknown."""
    if created_s <= 0:
        return ""
    now = time.localtime(now_s)
    then = time.localtime(created_s)
    is_today = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", then)
