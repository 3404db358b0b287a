"""Writes down what work on images takes: strokes, pixels, and the seconds in which somebody really works."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.core.effort_counts import EditCounter, reclassed
from segstudio.core.errors import UserError
from segstudio.io.store.efforts import ACCEPTED, Effort
from segstudio.io.store.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from segstudio.app.session import Session
    from segstudio.core.edits import Edit
    from segstudio.core.effort_counts import EditCount
    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.project import ProjectStore

IDLE_S = 15.0
"""A longer pause than this between two signs of life is not counted as work."""
FLUSH_S = 60.0
"""A stretch of work is written at least so often, so that a crash loses no more of it."""
MANY_TILES = 40
"""An edit of more tiles is counted in another thread, where there is one."""
BY_MODEL = "Propose with "
"""How the labels of edits begin that a model made without a person."""


@dataclass
class _Tally:
    """What was done to one image since it was last written."""

    began_s: float
    seconds: float = 0.0
    strokes: int = 0
    pixels: int = 0
    accepted: int = 0
    kept: int = 0
    model_id: str = ""

    def add(self, count: EditCount) -> None:
        self.pixels += count.pixels
        self.accepted += count.accepted
        self.kept += count.kept
        if count.accepted > 0:
            self.model_id = count.model_id


class EffortRecorder:
    """Listens to a session, and writes rows to ``store.efforts`` and how much stayed as accepted to ``store.facts``.

    Time counts from one sign of life to the next, :meth:`touch` or an edit, where they lie at most ``IDLE_S`` apart.
    Undo takes pixels back, not strokes. ``clock`` gives seconds since 1970. ``changed`` follows each writing.
    Nothing is recorded while the setting ``work.records_effort`` is off.
    """

    def __init__(self, session: Session, clock: Callable[[], float] = time.time) -> None:
        self.changed: Signal[[]] = Signal()
        self.run_in_background: Callable[[Callable[[], None], Callable[[], None]], None] | None = None
        """(work, done): runs *work* in another thread, then *done* in this one, for edits of many tiles."""
        self._session, self._clock = session, clock
        self._image_id: int | None = session.image_id
        self._last_s: float | None = None
        self._tallies: dict[int, _Tally] = {}
        self._batches: list[_Batch] = []
        self._lock = threading.Lock()
        """Held while the batches are looked at or written."""
        session.edit_recorded.connect(self._on_edit)
        session.image_changed.connect(self._on_image_changed)
        session.plane_changed.connect(self._on_plane_changed)
        session.image_record_changed.connect(self._on_record_changed)
        session.project_closing.connect(self.flush)
        session.project_changed.connect(self._on_project_changed)

    # -- signs of life ---------------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether anything is recorded now."""
        session = self._session
        return session.is_open and not session.is_read_only and session.settings.flag("work.records_effort")

    def touch(self) -> None:
        """Somebody is at work on the image now (the pointer moves over it, it is zoomed, painted on)."""
        now_s = self._clock()
        last_s, self._last_s = self._last_s, now_s
        if self._image_id is None or not self.is_on:
            return
        tally = self._tally(self._image_id)
        if last_s is not None and 0.0 < now_s - last_s <= IDLE_S:
            tally.seconds += now_s - last_s
        if now_s - tally.began_s >= FLUSH_S:
            self.flush_soon()

    def pause(self) -> None:
        """Nobody is at work until the next :meth:`touch` (the window lost the focus)."""
        if self._last_s is not None:
            self.touch()
        self._last_s = None

    def _tally(self, image_id: int) -> _Tally:
        if image_id not in self._tallies:
            self._tallies[image_id] = _Tally(self._clock())
        return self._tallies[image_id]

    # -- what the session tells ------------------------------------------------------------------------------------

    def _on_image_changed(self) -> None:
        if self._session.image_id == self._image_id or not self._session.is_open:
            return
        if self._image_id is not None and self._last_s is not None:
            self.touch()
        self.flush_soon()
        self._image_id = self._session.image_id
        self._last_s = self._clock()

    def _on_plane_changed(self, _z: int) -> None:
        self.touch()

    def _on_record_changed(self, image_id: int) -> None:
        record = self._session.image_record(image_id)
        if record is not None and record.status == "done" and image_id in self._tallies:
            self.flush_soon()

    def _on_project_changed(self) -> None:
        self._tallies, self._last_s, self._image_id = {}, None, self._session.image_id
        with self._lock:
            self._batches = []
        self.changed.emit()

    def _on_edit(self, edit: Edit, is_step: bool) -> None:
        image_id = edit.image_id
        if image_id is None or not self.is_on or edit.label.startswith(BY_MODEL):
            return
        if image_id == self._image_id:
            self.touch()
        tally = self._tally(image_id)
        tally.strokes += not is_step
        document = None if self._session.documents is None else self._session.documents.at_hand(image_id)
        if document is None:
            return
        layers = document.label_layers or [document.labels]
        self._add_reclassed(tally, edit, layers)
        counter = EditCounter(edit, layers, 0 if document.proposal is None else document.proposal.id)
        if self.run_in_background is None or counter.tile_count <= MANY_TILES:
            tally.add(counter.count())
            return
        found: list[EditCount] = []
        store = self._session.store

        def done() -> None:
            if self._session.store is store and found:
                self._tally(image_id).add(found[0])

        self.run_in_background(lambda: found.append(counter.count()), done)

    def _add_reclassed(self, tally: _Tally, edit: Edit, layers: Sequence[LabelLayer]) -> None:
        """Segments whose class changed as a whole: their pixels are known to the store."""
        changed = reclassed(edit, layers)
        store = self._session.store
        if not changed or store is None:
            return
        sizes = store.efforts.segment_pixels({layer_id for layer_id, _, _ in changed})
        sign = -1 if edit.is_reversed else 1
        for layer_id, segment, was_accepted in changed:
            pixels = sign * sizes.get((layer_id, segment.id), 0)
            tally.pixels += pixels
            tally.kept -= pixels if was_accepted else 0

    # -- writing ---------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was recorded, before this returns; where the disk refuses it is kept and tried again."""
        store = self._store_to_write()
        if store is not None and self._write(store):
            self.changed.emit()

    def flush_soon(self) -> None:
        """Like :meth:`flush`, in another thread where there is one: the project's file may be busy for a while."""
        store = self._store_to_write()
        if store is None:
            return
        if self.run_in_background is None:
            self.flush()
            return

        def work() -> None:
            self._write(store)

        self.run_in_background(work, self.changed.emit)

    def _store_to_write(self) -> ProjectStore | None:
        """Put what was recorded with what waits to be written; the store, where it can be written to."""
        store = self._session.store
        tallies = {i: t for i, t in self._tallies.items() if t.seconds or t.strokes or t.pixels or t.accepted}
        if store is None or store.is_read_only:
            return None
        with self._lock:
            if tallies:
                self._tallies = {}
                self._batches.append(_Batch(tallies))
            return store if self._batches else None

    def _write(self, store: ProjectStore) -> bool:
        """Write what waits; whether all of it was."""
        with self._lock:
            while self._batches:
                try:
                    self._batches[0].write(store)
                except UserError:
                    return (
                        False  # figures are not worth a sentence each minute: the edits' own writing says what is wrong
                    )
                self._batches.pop(0)
        return True


class _Batch:
    """Tallies on their way to the disk."""

    def __init__(self, tallies: dict[int, _Tally]) -> None:
        self._tallies, self._is_added = tallies, False

    def write(self, store: ProjectStore) -> None:
        if not self._is_added:
            store.efforts.add(
                [
                    Effort(i, t.began_s, round(t.seconds, 3), t.strokes, t.pixels, t.accepted, t.model_id)
                    for i, t in self._tallies.items()
                ]
            )
            self._is_added = True
        moved = {i: t for i, t in self._tallies.items() if t.accepted or t.kept}
        known = store.facts.all(ACCEPTED, list(moved)) if moved else {}
        facts = {}
        for image_id, tally in moved.items():
            value = known[image_id].value if image_id in known else {}
            accepted = max(0, int(value.get("accepted", 0)) + tally.accepted)
            kept = min(accepted, max(0, int(value.get("kept", 0)) + tally.kept))
            facts[image_id] = Fact({"accepted": accepted, "kept": kept})
        store.facts.put(ACCEPTED, facts)
