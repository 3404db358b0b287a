"""What most tools end with: an area becomes one edit of the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.core.geometry import Rect


def may_begin(session: Session, *, is_erasing: bool) -> bool:
    """Whether a tool may begin to paint (or erase) now; when not, it was said why."""
    if not session.can_edit or session.labels is None:
        session.refuses_edits()
        return False
    return is_erasing or session.can_paint()


def paint_area(
    session: Session, mask: npt.NDArray[np.bool_], rect: Rect, what: str, *, is_erasing: bool, erased: str = ""
) -> bool:
    """Give *mask* (h, w) at *rect* to the current class, or erase it there: one undo step, guards respected.

    ``what`` names the tool in the history: "Polygon" makes "Polygon road" and "Erase polygon" (or
    "Erase" and *erased*). False when nothing changed, or edits are refused.
    """
    if rect.is_empty or not may_begin(session, is_erasing=is_erasing):
        return False
    chosen = session.current_class
    label = f"Erase {erased or what.lower()}" if is_erasing or chosen is None else f"{what} {chosen.name}"
    transaction = session.begin(label, guard=session.erase_guard if is_erasing else None)
    if transaction is None:
        return False
    if is_erasing:
        dirty = transaction.erase(mask, rect.x, rect.y, session.plane)
    else:
        dirty = transaction.paint(mask, rect.x, rect.y, session.paint_segment(transaction), session.plane)
    if dirty.is_empty:
        session.abort(transaction)
        return False
    session.painted(dirty)
    return session.commit(transaction)
