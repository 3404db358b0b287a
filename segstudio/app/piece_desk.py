"""Copy, cut and paste of labelled pieces, between planes and images of any project opened in this window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.tools.move import FloatingPiece, MoveTool
from segstudio.core.edits import Guard
from segstudio.core.geometry import EMPTY, Rect
from segstudio.core.pieces import Placement, piece_at, segment_mask

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.app.tools.toolbox import ToolBox
    from segstudio.core.classes import ClassDef

LARGEST_PX = 100_000_000
"""Pieces whose box holds more pixels are not copied."""


@dataclass(frozen=True, eq=False)
class CopiedPiece:
    """What was copied: (h, w) bool, where it lay, and its class by name."""

    mask: npt.NDArray[np.bool_]
    rect: Rect
    class_name: str
    is_object: bool


class PieceDesk:
    """Keeps the last piece copied. What it did, or why it could not, is told in one sentence."""

    def __init__(self, session: Session, toolbox: ToolBox) -> None:
        self._session = session
        self._toolbox = toolbox
        self.copied: CopiedPiece | None = None
        """What Ctrl+V pastes."""

    def copy(self, pointer_xy: tuple[float, float] | None = None) -> str:
        """Copy what is meant; the sentence that says what it was, "" when there is nothing (and it was said)."""
        found = self._found(pointer_xy)
        if found is None:
            return ""
        piece, words = found
        self.copied = piece
        return f"Copied {words}."

    def cut(self, pointer_xy: tuple[float, float] | None = None) -> str:
        """Copy what is meant and erase it, as one undo step; the sentence that says what it was, or ""."""
        session = self._session
        if session.labels is None or session.refuses_edits():
            return ""
        found = self._found(pointer_xy)
        if found is None:
            return ""
        piece, words = found
        item = session.classes.by_name(piece.class_name)
        if item is not None and item.is_locked:
            session.say(f"The class “{item.name}” is locked: unlock it in the Classes panel to cut it.")
            return ""
        session.work_interrupted.emit()
        guard = Guard(locked_class_ids=session.classes.locked_ids)
        transaction = session.begin(f"Cut {piece.class_name}", guard=guard)
        if transaction is None:
            return ""
        session.painted(transaction.erase(piece.mask, piece.rect.x, piece.rect.y, session.plane))
        session.commit(transaction)
        self.copied = piece
        return f"Cut {words}."

    def paste(self, pointer_xy: tuple[float, float] | None = None) -> bool:
        """Have the piece in the hand of the move tool, where it was copied from; False when that can't be.

        Where that place lies outside this image, it comes under the pointer, else into the middle of what is seen.
        """
        session, piece = self._session, self.copied
        layer = session.labels
        if layer is None or session.refuses_edits():
            return False
        if piece is None:
            session.say("Nothing was copied yet.")
            return False
        item = session.classes.by_name(piece.class_name)
        if item is None:
            session.say(f"This project has no class “{piece.class_name}”: add it to paste the piece.")
            return False
        if item.is_locked:
            session.say(f"The class “{item.name}” is locked: unlock it in the Classes panel to paste into it.")
            return False
        session.work_interrupted.emit()
        self._toolbox.select(MoveTool.id)
        tool = self._toolbox.tool(MoveTool.id)
        assert isinstance(tool, MoveTool)
        floating = FloatingPiece(piece.mask, piece.rect, item.id, piece.is_object)
        return tool.take_pasted(floating, self._place(piece, layer.bounds, pointer_xy))

    def _place(self, piece: CopiedPiece, bounds: Rect, pointer_xy: tuple[float, float] | None) -> Placement:
        resting = Placement.resting(piece.rect)
        if bounds.contains(resting.x, resting.y):
            return resting
        target = pointer_xy
        if target is None or not bounds.contains(*target):
            view = self._toolbox.context.view
            seen = bounds if view is None else view.visible_rect().intersected(bounds)
            seen = bounds if seen.is_empty else seen
            target = (seen.x + seen.width / 2, seen.y + seen.height / 2)
        return resting.moved(round(target[0] - resting.x), round(target[1] - resting.y))

    # -- what is meant -------------------------------------------------------------------------------------------

    def _found(self, pointer_xy: tuple[float, float] | None) -> tuple[CopiedPiece, str] | None:
        """The piece and its name with its size; None (and a notice) when there is none."""
        session, layer = self._session, self._session.labels
        if layer is None:
            return None
        mask, rect, item, is_object, words = self._meant(pointer_xy)
        if item is None or rect.is_empty:
            session.say("There is nothing to copy: point at a label, or choose an object or a class on this plane.")
            return None
        if mask.size > LARGEST_PX:
            session.say(f"{words} is too large to copy: {rect.width} × {rect.height} pixels.")
            return None
        pixels = int(np.count_nonzero(mask))
        return CopiedPiece(mask, rect, item.name, is_object), f"{words} ({pixels:,} px)"

    def _meant(
        self, pointer_xy: tuple[float, float] | None
    ) -> tuple[npt.NDArray[np.bool_], Rect, ClassDef | None, bool, str]:
        """(mask, rectangle, class, whether an object, name): in the hand, active, under the pointer, or the class."""
        session, layer = self._session, self._session.labels
        assert layer is not None
        z = session.plane
        tool = self._toolbox.current
        in_hand = tool.piece if isinstance(tool, MoveTool) else None
        shown = tool.shown if isinstance(tool, MoveTool) else None
        active = layer.segments.get(session.active_object or 0)
        if in_hand is not None and shown is not None:
            (mask, rect), class_id, is_object = shown, in_hand.class_id, in_hand.is_object
            name = f", object {in_hand.segment_id}" if is_object and in_hand.segment_id else ""
        elif active is not None:
            mask, rect = segment_mask(layer, frozenset((active.id,)), z)
            class_id, is_object, name = active.class_id, True, f", object {active.id}"
        else:
            under = self._under(pointer_xy)
            segment = None if under is None else layer.segments.get(under[2])
            if under is not None and segment is not None:
                mask, rect, class_id, is_object = under[0], under[1], segment.class_id, segment.is_object
                name = f", object {segment.id}" if is_object else ", one area"
            else:
                class_id, is_object, name = session.current_class_id, False, ", all of it on this plane"
                ids = frozenset(s.id for s in layer.segments.values() if s.class_id == class_id and class_id)
                mask, rect = segment_mask(layer, ids, z) if ids else (np.zeros((0, 0), np.bool_), EMPTY)
        item = session.classes.by_id(class_id)
        return mask, rect, item, is_object, f"{'' if item is None else item.name}{name}"

    def _under(self, pointer_xy: tuple[float, float] | None) -> tuple[npt.NDArray[np.bool_], Rect, int] | None:
        layer = self._session.labels
        if pointer_xy is None or layer is None:
            return None
        found = piece_at(layer, *pointer_xy, self._session.plane)
        return found if found[2] else None
