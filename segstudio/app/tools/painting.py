"""What most tools end with: an area, or what a stroke goes over, becomes one edit of the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.core.edits import Transaction
    from segstudio.core.geometry import Rect


def may_begin(session: Session, *, is_erasing: bool) -> bool:
    """Whether a tool may begin to paint (or erase) now; when not, it was said why."""
    if not session.can_edit or session.labels is None:
        session.refuses_edits()
        return False
    return is_erasing or session.can_paint()


@dataclass(frozen=True, slots=True, eq=False)
class PaintStroke:
    """An edit in the making that paints one segment, or erases: one undo step, guards respected."""

    session: Session
    transaction: Transaction
    segment_id: int
    """0: it erases."""

    @property
    def is_erasing(self) -> bool:
        """Whether it makes pixels background."""
        return self.segment_id == 0

    @property
    def is_open(self) -> bool:
        """False once the session ended it (another image, undo)."""
        return self.transaction.is_open

    def put(self, mask: npt.NDArray[np.bool_], rect: Rect) -> Rect:
        """Paint (or erase) *mask* (h, w) at *rect* on the plane shown; the rectangle that changed."""
        z = self.session.plane
        if self.is_erasing:
            dirty = self.transaction.erase(mask, rect.x, rect.y, z)
        else:
            dirty = self.transaction.paint(mask, rect.x, rect.y, self.segment_id, z)
        self.session.painted(dirty)
        return dirty

    def commit(self) -> bool:
        """End it: on disk and undoable; False when it changed nothing or the session ended it before."""
        return self.is_open and self.session.commit(self.transaction)

    def abort(self) -> None:
        """Take it back without a trace."""
        self.session.abort(self.transaction)


def begin_stroke(session: Session, what: str, *, is_erasing: bool, erase_label: str = "Erase") -> PaintStroke | None:
    """Begin to paint the current class, or to erase; None when that is refused (it was said why).

    ``what`` names the tool in the history: "Polygon" makes "Polygon road".
    """
    if not may_begin(session, is_erasing=is_erasing):
        return None
    chosen = session.current_class
    label = erase_label if is_erasing or chosen is None else f"{what} {chosen.name}"
    transaction = session.begin(label, guard=session.erase_guard if is_erasing else None)
    if transaction is None:
        return None
    return PaintStroke(session, transaction, 0 if is_erasing else session.paint_segment(transaction))


def paint_area(
    session: Session, mask: npt.NDArray[np.bool_], rect: Rect, what: str, *, is_erasing: bool, erased: str = ""
) -> bool:
    """Give *mask* (h, w) at *rect* to the current class, or erase it there: one undo step, guards respected.

    ``what`` names the tool in the history: "Polygon" makes "Polygon road" and "Erase polygon" (or
    "Erase" and *erased*). False when nothing changed, or edits are refused.
    """
    if rect.is_empty:
        return False
    erase_label = f"Erase {erased or what.lower()}"
    stroke = begin_stroke(session, what, is_erasing=is_erasing, erase_label=erase_label)
    if stroke is None:
        return False
    if stroke.put(mask, rect).is_empty:
        stroke.abort()
        return False
    return stroke.commit()
