"""Move: lifts an object or area off the labels, moves, scales and rotates it, and puts it down again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from segstudio.app.tools.base import NO_PREVIEW, PreviewArea, PreviewLine, Tool, ToolPreview
from segstudio.core.edits import Guard
from segstudio.core.pieces import Placement, piece_at, placed, rotated_to, scaled_by_handle

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.core.edits import Transaction
    from segstudio.core.geometry import Rect

GRAB_SCREEN_PX = 9.0
"""How near to a handle a press grabs it, in screen pixels."""
ROTATOR_SCREEN_PX = 26.0
"""How far above the box its handle for turning stands, in screen pixels."""
STEP_DEG = 15.0
FAR_PX = 10
HANDLES = ((-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0))
_ROTATOR = len(HANDLES)
_NUDGES = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


@dataclass(frozen=True, eq=False)
class FloatingPiece:
    """What is in the hand: (h, w) bool from ``rect``, of a class; ``segment_id`` 0 = pasted, not from these labels."""

    mask: npt.NDArray[np.bool_]
    rect: Rect
    class_id: int
    is_object: bool
    segment_id: int = 0


class MoveTool(Tool):
    """A press picks and drags; the handles scale and rotate; Enter puts down, Esc puts back."""

    id = "move"
    cursor = "move"
    has_guard = True
    undo_abandons = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._piece: FloatingPiece | None = None
        self._placement = Placement(0, 0)
        self._transaction: Transaction | None = None
        self._shown: tuple[npt.NDArray[np.bool_], Rect] | None = None
        self._drag: tuple[Literal["move", "scale", "rotate"], Placement, tuple[float, float]] | None = None
        self._handle = -1
        self._hot = -1
        self._px_per_screen = 1.0
        self._label = ""

    @property
    def piece(self) -> FloatingPiece | None:
        """What is in the hand."""
        return self._piece

    @property
    def shown(self) -> tuple[npt.NDArray[np.bool_], Rect] | None:
        """What is in the hand as it lies now, within the image: ((h, w) bool, its rectangle)."""
        return self._shown

    @property
    def placement(self) -> Placement:
        """Where it lies now."""
        return self._placement

    @property
    def is_dragging(self) -> bool:
        """Whether the button is held on it."""
        return self._drag is not None

    @property
    def is_busy(self) -> bool:
        """Whether something is in the hand."""
        return self._piece is not None

    @property
    def color(self) -> str:
        """The colour of the class in the hand."""
        item = None if self._piece is None else self.session.classes.by_id(self._piece.class_id)
        return super().color if item is None else item.color

    # -- picking up and putting down -----------------------------------------------------------------------------

    def take_pasted(self, piece: FloatingPiece, placement: Placement) -> bool:
        """Have a copied piece in the hand; False when the labels can't be changed."""
        self.cancel()
        name = self._class_name(piece.class_id)
        return self._begin(piece, placement, f"Paste {name}")

    def _pick(self, event: PointerEvent) -> bool:
        session = self.session
        layer = session.labels
        if layer is None or not session.can_edit:
            session.refuses_edits()
            return False
        mask, rect, segment_id = piece_at(layer, event.x, event.y, session.plane)
        segment = layer.segments.get(segment_id)
        if segment is None or rect.is_empty:
            return False
        item = session.classes.by_id(segment.class_id)
        if item is not None and item.is_locked:
            session.say(f"The class “{item.name}” is locked: unlock it in the Classes panel to move it.")
            return False
        piece = FloatingPiece(mask, rect, segment.class_id, segment.is_object, segment_id)
        return self._begin(piece, Placement.resting(rect), f"Move {self._class_name(segment.class_id)}")

    def _begin(self, piece: FloatingPiece, placement: Placement, label: str) -> bool:
        session = self.session
        transaction = session.begin(label, guard=Guard(locked_class_ids=session.classes.locked_ids))
        if transaction is None:
            return False
        if piece.segment_id:
            session.painted(transaction.erase(piece.mask, piece.rect.x, piece.rect.y, session.plane))
        self._transaction, self._piece, self._label = transaction, piece, label
        self._put(placement)
        return True

    def _commit(self) -> None:
        """Put it down: one undo step; nothing when it lies where it was."""
        session, transaction, piece, shown = self.session, self._transaction, self._piece, self._shown
        self._forget()
        if transaction is None or piece is None or not transaction.is_open:
            return
        if shown is None or shown[1].is_empty:
            session.abort(transaction)
            session.say("It lies outside the image and was put back.")
            return
        transaction.use_guard(session.guard)
        segment_id = piece.segment_id
        if not segment_id:
            make = transaction.new_object if piece.is_object else transaction.ensure_stuff
            segment_id = make(piece.class_id)
        mask, rect = shown
        session.painted(transaction.paint(mask, rect.x, rect.y, segment_id, session.plane))
        session.commit(transaction)
        self.update()

    def cancel(self) -> bool:
        """Put it back where it was."""
        transaction, was_busy = self._transaction, self._piece is not None
        self._forget()
        if transaction is not None and transaction.is_open:
            self.session.abort(transaction)
        if was_busy:
            self.update()
        return was_busy

    def _forget(self) -> None:
        self._piece, self._transaction, self._shown, self._drag = None, None, None, None
        self._handle = self._hot = -1

    def _class_name(self, class_id: int) -> str:
        item = self.session.classes.by_id(class_id)
        return "" if item is None else item.name

    # -- the pointer ---------------------------------------------------------------------------------------------

    def press(self, event: PointerEvent) -> None:
        """Grab a handle, the piece, or what lies under the pointer (what was in the hand is put down first)."""
        if event.button != "left":
            return
        self._px_per_screen = event.px_per_screen
        if self._is_lost():
            self._forget()
        if self._piece is not None:
            self._handle = self._near(event)
            if self._handle < 0 and not self._is_over(event):
                self._commit()
        if self._piece is None and not self._pick(event):
            return
        kind: Literal["move", "scale", "rotate"] = (
            "move" if self._handle < 0 else "rotate" if self._handle == _ROTATOR else "scale"
        )
        self._drag = (kind, self._placement, event.xy)
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Drag; Shift keeps proportions, or turns by 15°."""
        is_zoomed = self._px_per_screen != event.px_per_screen
        self._px_per_screen = event.px_per_screen
        if self._piece is None:
            return
        if self._drag is None or "left" not in event.buttons:
            hot = self._near(event)
            if hot != self._hot or is_zoomed:
                self._hot = hot
                self.update()
            return
        kind, start, from_xy = self._drag
        has_shift = "shift" in event.modifiers
        if kind == "move":
            dx, dy = round(event.x - from_xy[0]), round(event.y - from_xy[1])
            if has_shift:
                dx, dy = (dx, 0) if abs(dx) >= abs(dy) else (0, dy)
            self._put(start.moved(dx, dy))
        elif kind == "rotate":
            self._put(rotated_to(start, from_xy, event.xy, step_deg=STEP_DEG if has_shift else 0.0))
        else:
            rect = self._piece.rect
            size = (rect.width, rect.height)
            handle = HANDLES[self._handle]
            self._put(scaled_by_handle(start, size, handle, event.xy, keeps_ratio=has_shift))

    def release(self, event: PointerEvent) -> None:
        """Let go of it; it stays in the hand."""
        if event.button == "left" and self._drag is not None:
            self.move(event)
            self._drag, self._handle = None, -1
            self.update()

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Enter puts down, arrows move by a pixel (ten with Shift), Delete drops it."""
        if self._piece is None or self._is_lost():
            return False
        if name in _NUDGES and "ctrl" not in modifiers:
            far = FAR_PX if "shift" in modifiers else 1
            self._put(self._placement.moved(*(far * step for step in _NUDGES[name])))
        elif name == "enter":
            self._commit()
        elif name in ("delete", "backspace"):
            self._drop()
        else:
            return False
        return True

    def wants_key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """The arrows, too, unless Ctrl is held (those go through planes)."""
        return super().wants_key(name, modifiers) or (name in _NUDGES and "ctrl" not in modifiers)

    def _drop(self) -> None:
        """Delete what is in the hand: one undo step, or nothing where it was pasted."""
        transaction = self._transaction
        self._forget()
        if transaction is not None and transaction.is_open:
            transaction.label = transaction.label.replace("Move", "Delete", 1)
            self.session.commit(transaction)
        self.update()

    # -- geometry ------------------------------------------------------------------------------------------------

    def _is_lost(self) -> bool:
        """Whether the session has ended the edit under way."""
        return self._piece is not None and (self._transaction is None or not self._transaction.is_open)

    def _put(self, placement: Placement) -> None:
        layer = self.session.labels
        if self._piece is None or layer is None:
            return
        self._placement = placement
        self._shown = placed(self._piece.mask, placement, layer.bounds)
        self.update()

    def _is_over(self, event: PointerEvent) -> bool:
        assert self._piece is not None
        return self._placement.contains(event.x, event.y, self._piece.rect.width, self._piece.rect.height)

    def _near(self, event: PointerEvent) -> int:
        assert self._piece is not None
        reach = GRAB_SCREEN_PX * event.px_per_screen
        if self._is_over(event):  # a small piece must have an inside to be dragged by
            corners = self._placement.corners_xy(self._piece.rect.width, self._piece.rect.height)
            reach = min(reach, math.dist(corners[0], corners[1]) / 5, math.dist(corners[1], corners[2]) / 5)
        handles = self._handles_xy()
        distance, index = min((math.dist(point, event.xy), index) for index, point in enumerate(handles))
        return index if distance <= reach else -1

    def _handles_xy(self) -> tuple[tuple[float, float], ...]:
        """The eight of the box, then the one for turning."""
        assert self._piece is not None
        place, width, height = self._placement, self._piece.rect.width, self._piece.rect.height
        points = [place.to_image(x * width / 2, y * height / 2) for x, y in HANDLES]
        top = points[1]
        angle = math.radians(place.angle_deg)
        away = ROTATOR_SCREEN_PX * self._px_per_screen * (-1 if place.scale_y >= 0 else 1)
        points.append((top[0] - math.sin(angle) * away, top[1] + math.cos(angle) * away))
        return tuple(points)

    def preview(self) -> ToolPreview:
        """The piece, its box and its handles."""
        if self._piece is None or self._shown is None:
            return NO_PREVIEW
        mask, rect = self._shown
        handles = self._handles_xy()
        corners = self._placement.corners_xy(self._piece.rect.width, self._piece.rect.height)
        return ToolPreview(
            handles_xy=handles,
            hot_handle=self._handle if self._handle >= 0 else self._hot,
            color=self.color,
            text=self._words(),
            areas=() if rect.is_empty else (PreviewArea(mask, rect),),
            lines=(PreviewLine(corners, is_closed=True, is_dashed=True), PreviewLine((handles[1], handles[-1]))),
        )

    def _words(self) -> str:
        """What the hand does, in figures."""
        if self._drag is None or self._piece is None:
            return ""
        kind, rest, place = self._drag[0], Placement.resting(self._piece.rect), self._placement
        if kind == "rotate":
            return f"{place.angle_deg:.0f}°"
        if kind == "scale":
            return f"{place.scale_x:.0%} × {place.scale_y:.0%}"
        return f"{place.x - rest.x:+.0f}, {place.y - rest.y:+.0f} px"
