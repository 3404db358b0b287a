"""The object in hand: what clicks found lies in the proposal layer at once, is corrected there, and accepted or dropped.

Every answer is an edit of its own: on disk, undoable, and there after a restart. The click tool and the simulated
annotator both work through this.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.events import Signal
from segstudio.app.tools.background import ImmediateBackground
from segstudio.core.clicked import (
    ClickedArea,
    Taken,
    accept_object,
    click_model_id,
    free_lut,
    is_clicked,
    is_protected,
    piece_at,
    put_object,
    sampled_at,
)
from segstudio.core.edits import Transaction, apply_edit, combined
from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground
    from segstudio.app.tools.smart import PictureView
    from segstudio.core.cancel import CancelToken
    from segstudio.core.edits import Edit
    from segstudio.core.layers import LabelLayer, Segment

NOTHING = "The model found nothing there: click somewhere else on it, or press Esc."
PROTECTED = "What the model found there is protected already: accepted objects and locked classes stay as they are."
MOST_TRIES = 3
"""The proposal may change while an answer is made ready for it: then it is made ready again."""


@dataclass(frozen=True, eq=False)
class _Ready:
    """An answer in a copy of the layer: the edit that puts it into the layer itself."""

    edit: Edit | None
    segment_id: int
    area: ClickedArea
    was_found: bool


class ClickHand:
    """One object of the current image's proposal that clicks are about. ``lost``: another edit took it away.

    It lives through undo, other edits and other tools as a segment of the proposal; this only knows which one is meant.
    """

    def __init__(self, session: Session, background: ToolBackground | None = None) -> None:
        self.session = session
        self.background: ToolBackground = ImmediateBackground() if background is None else background
        self.lost: Signal[[]] = Signal()
        self.segment_id = 0
        """Which segment of the proposal it is; 0: nothing was found yet."""
        self.taken: Taken | None = None
        """The object of the labels that it corrects."""
        self._layer: LabelLayer | None = None
        self._below: LabelLayer | None = None
        self._rect = EMPTY
        """Where it has been since it is in hand."""
        self._is_whole = True
        """Whether it has been nowhere else."""
        self._seqs: list[int] = []
        self._is_writing = False
        self._class_id = 0
        self._numbers = itertools.count(1)
        self._slot = ""
        session.layer_changed.connect(self._on_layer_changed)
        session.selection_changed.connect(self._on_selection_changed)

    @property
    def segment(self) -> Segment | None:
        """The row of the object in hand."""
        layer = self._layer
        return None if layer is None or layer is not self.session.proposal else layer.segments.get(self.segment_id)

    @property
    def edit_count(self) -> int:
        """How many edits made it what it is now, since it is in hand."""
        return len(self._seqs)

    # -- what lies there ---------------------------------------------------------------------------------------------

    def proposed_at(self, x: float, y: float) -> Segment | None:
        """The segment of the proposal under a point."""
        return _segment_at(self.session.proposal, x, y, self.session.plane)

    def protected_at(self, x: float, y: float) -> Segment | None:
        """The segment of the labels under a point that answers leave alone; None where there is none."""
        found = _segment_at(self.session.labels, x, y, self.session.plane)
        if found is None or (self.taken is not None and self.taken.segment_id == found.id):
            return None
        is_locked = found.class_id in self.session.classes.locked_ids
        return found if is_locked or is_protected(found) else None

    def take_up(self, x: float, y: float, model: str) -> bool:
        """Take the object under a point into the hand, to be corrected: of the proposal, else of the labels.

        What no click made becomes an object of the proposal first (an edit); labels stay until it is accepted. False
        where nothing lies.
        """
        session = self.session
        if session.refuses_edits() or session.labels is None or session.image_id is None:
            return False
        session.proposals.settle(session.image_id)
        found = self.proposed_at(x, y)
        if found is not None and is_clicked(found):
            self._begin(session.proposal)
            self._below, self.segment_id, self._class_id = None, found.id, session.current_class_id
            self._rect, self._is_whole = Rect(int(x), int(y), 1, 1), False
            return True
        source = session.proposal if found is not None else session.labels
        if source is None:
            return False
        mask, rect, segment_id = piece_at(source, x, y, session.plane)
        row = source.segments.get(segment_id)
        if row is None or row.class_id in session.classes.locked_ids:
            return False
        layer = self._open_layer()
        if layer is None:
            return False
        self._begin(layer)
        if source is session.labels:
            self.taken = Taken(segment_id, mask, rect)
        else:  # when it shrinks, what it was must not come back
            assert self._below is not None
            Transaction(self._below, "").write(rect, 0, mask, session.plane)
        area = ClickedArea(mask, rect, 1.0 if row.confidence is None else row.confidence, session.plane)
        _load(self._below, area.rect, area.z)
        edit, self.segment_id = put_object(
            layer, area, row.class_id, click_model_id(model), below=self._below, label="Take up object"
        )
        self._rect = rect
        self._record(edit)
        return True

    def seen(self, view: PictureView) -> npt.NDArray[np.bool_] | None:
        """(y, x) bool: which pixels of a picture's view are of the object in hand; None where it is none yet."""
        if self.segment is None or self._layer is None:
            return None
        xs, ys = view.places()
        return np.asarray(sampled_at(self._layer.tiles, xs, ys, self.session.plane) == self.segment_id)

    # -- answers -----------------------------------------------------------------------------------------------------

    def put(self, mask: npt.NDArray[np.bool_], rect: Rect, score: float, model: str) -> bool:
        """Put an answer, (h, w) bool in image pixels, into the proposal; False when nothing of it is left."""
        area = ClickedArea(mask, rect, score, self.session.plane)
        told: list[str] = []
        self.put_soon(lambda _: area, model, told.append)
        return told == [""] and self.segment is not None

    def put_soon(
        self,
        make: Callable[[CancelToken], ClickedArea],
        model: str,
        done: Callable[[str], None],
        tries: int = MOST_TRIES,
    ) -> None:
        """Make an answer in the background and put it into the proposal; *done* hears "" or why nothing is there.

        *done* is not called when the image is another one by then, or a newer answer took its place.
        """
        session = self.session
        layer = self._open_layer()
        if layer is None or session.labels is None:
            done("")
            return
        if layer is not self._layer:
            self._begin(layer)
        guard = session.guard
        labels, shadow, revision = session.labels.shadow(), layer.shadow(), layer.revision
        free = free_lut(session.labels, guard, 0 if self.taken is None else self.taken.segment_id)
        former, below, store, row = self.segment_id, self._below, session.store, self.segment
        within = self._within
        class_id = session.current_class_id if row is None else row.class_id
        label = f"Click {self._class_name(class_id)}"

        def work(cancel: CancelToken) -> _Ready:
            whole = make(cancel)
            area = whole.within(labels, free, guard)
            _load(below, area.rect, area.z)
            edit, segment_id = put_object(
                shadow, area, class_id, click_model_id(model), former=former, within=within, below=below, label=label
            )
            if edit is not None and store is not None:
                store.prepare(edit)
            return _Ready(edit, segment_id, area, not whole.rect.is_empty)

        def ready(found: _Ready) -> None:
            if session.proposal is not layer or session.store is not store:
                return
            if layer.revision != revision and tries > 1:
                self.put_soon(make, model, done, tries - 1)
                return
            self.segment_id, self._rect = found.segment_id, self._rect.united(found.area.rect)
            self._put(layer, found.edit)
            done("" if found.segment_id else PROTECTED if found.was_found else NOTHING)

        self._slot = f"click.put.{next(self._numbers)}"
        self.background.run(self._slot, work, ready, done)

    def forget_answer(self) -> None:
        """An answer that is still being made ready is no longer wanted."""
        if self._slot:
            self.background.drop(self._slot)
            self._slot = ""

    # -- ends --------------------------------------------------------------------------------------------------------

    def accept(self) -> bool:
        """Turn it into labels: an object of its own, the active object, or an area of the class; one edit."""
        session, layer, row = self.session, self._layer, self.segment
        if row is None or layer is None or session.labels is None or session.refuses_edits():
            return False
        target, is_object = self._target(row)
        edit, accepted = accept_object(
            session.labels,
            layer,
            row.id,
            class_id=row.class_id,
            target=target,
            is_object=is_object,
            taken=self.taken,
            within=self._within,
            below=self._below,
            guard=session.guard,
            z=session.plane,
            label=f"Accept click {self._class_name(row.class_id)}",
        )
        wants_new = session.wants_new_object
        self.let_go()
        session.record(edit)
        if wants_new and is_object:
            session.select_object(accepted)
        else:
            session.selection_changed.emit()
        return edit is not None

    def erase(self, mask: npt.NDArray[np.bool_], rect: Rect) -> bool:
        """Erase labels under *mask* (h, w) over *rect* and drop what is in hand, as one edit."""
        session, layer = self.session, self._layer
        if session.labels is None or session.refuses_edits():
            return False
        erase = Transaction(session.labels, "Erase clicked object", session.erase_guard, is_by_hand=True)
        erase.erase(mask, rect.x, rect.y, session.plane)
        dropped = None
        if layer is not None and self.segment is not None:
            dropped, _ = put_object(layer, self._nothing(), 0, "", former=self.segment_id, below=self._below)
        self.let_go()
        edit = combined("Erase clicked object", erase.commit(), dropped)
        session.record(edit)
        session.selection_changed.emit()
        return edit is not None

    def drop(self) -> None:
        """Take it back out of the proposal: its edits are undone, where nothing came after them; redo brings it back."""
        session, layer = self.session, self._layer
        self.forget_answer()
        while self.step_back():
            pass
        if self._seqs and layer is not None and self.segment is not None and not session.refuses_edits():
            edit, _ = put_object(
                layer, self._nothing(), 0, "", former=self.segment_id, below=self._below, label="Drop click"
            )
            self._record(edit)
        self.let_go()

    def step_back(self) -> bool:
        """Undo the last answer, when it is the last edit of the image; False when there is none to undo."""
        if not self._seqs or self._last_seq() != self._seqs[-1]:
            return False
        self._is_writing = True
        try:
            is_done = self.session.undo()
        finally:
            self._is_writing = False
        if is_done:
            self._seqs.pop()
            if self.segment is None and not self._seqs:
                self.segment_id = 0
        return is_done

    def let_go(self) -> None:
        """Another object is next; this one stays in the proposal as it is."""
        self.forget_answer()
        self.segment_id, self.taken, self._layer, self._below, self._seqs = 0, None, None, None, []

    # -- inside ------------------------------------------------------------------------------------------------------

    def _target(self, row: Segment) -> tuple[int, bool]:
        """(the segment of the labels that it joins, 0 = none; whether it is an object)."""
        session = self.session
        active = session.labels.segments.get(session.active_object or 0) if session.labels is not None else None
        if active is not None and active.class_id == row.class_id and not session.wants_new_object:
            return active.id, True
        return 0, session.is_object_mode or session.wants_new_object

    def _begin(self, layer: LabelLayer | None) -> None:
        self.let_go()
        self._layer, self._rect, self._is_whole = layer, EMPTY, True
        self._below = None if layer is None else layer.shadow()
        self._class_id = self.session.current_class_id

    def _open_layer(self) -> LabelLayer | None:
        session = self.session
        if session.refuses_edits() or session.documents is None or session.image_id is None:
            return None
        session.proposals.settle(session.image_id)
        return session.documents.with_proposal(session.image_id)

    @property
    def _within(self) -> Rect | None:
        """What holds all of it, where that is known."""
        return self._rect if self._is_whole else None

    def _nothing(self) -> ClickedArea:
        return ClickedArea(np.zeros((0, 0), np.bool_), EMPTY, 0.0, self.session.plane)

    def _put(self, layer: LabelLayer, edit: Edit | None) -> None:
        if edit is not None:
            apply_edit(edit, {layer.id: layer})
            self._record(edit)

    def _record(self, edit: Edit | None) -> None:
        self._is_writing = True
        try:
            if self.session.record(edit):
                self._seqs.append(self._last_seq())
        finally:
            self._is_writing = False

    def _last_seq(self) -> int:
        history = self.session.history
        if history is None or not history.position:
            return -1
        return history.entries()[history.position - 1].seq

    def _class_name(self, class_id: int) -> str:
        found = self.session.classes.by_id(class_id)
        return "" if found is None else found.name

    def _on_layer_changed(self, layer_id: int, _: Rect) -> None:
        """Somebody else changed the proposal: undone, rejected or cleared, it is no longer in hand."""
        layer = self._layer
        if self._is_writing or layer is None or layer.id != layer_id or not self.segment_id:
            return
        row = self.segment
        is_there = row is not None and bool((layer.read(self._rect, self.session.plane) == row.id).any())
        if not is_there:
            self.let_go()
            self.lost.emit()

    def _on_selection_changed(self) -> None:
        """Another class is chosen: it is what the object in hand becomes."""
        session, layer, row = self.session, self._layer, self.segment
        class_id = session.current_class_id
        if class_id == self._class_id or row is None or layer is None or self._is_writing:
            return
        self._class_id = class_id
        chosen = session.current_class
        if self.taken is not None or chosen is None or chosen.is_locked or row.class_id == class_id:
            return
        transaction = Transaction(layer, f"Click {chosen.name}")
        transaction.set_segment(replace(row, class_id=class_id))
        self._record(transaction.commit())


def _segment_at(layer: LabelLayer | None, x: float, y: float, z: int) -> Segment | None:
    column, row = int(np.floor(x)), int(np.floor(y))
    if layer is None or not layer.bounds.contains(column, row):
        return None
    return layer.segments.get(int(layer.read(Rect(column, row, 1, 1), z)[0, 0]))


def _load(below: LabelLayer | None, rect: Rect, z: int) -> None:
    """Fetch what lies below now: a tile that is only in the store would be read after it was changed there."""
    if below is None or rect.is_empty:
        return
    for key in below.tiles.keys_in(rect, z):
        below.tiles.held(key)
        if below.confidence is not None:
            below.confidence.held(key)
