"""Keeps what of each image was looked at: shown long enough, at a zoom at which something can be told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.core.errors import UserError
from segstudio.core.geometry import EMPTY
from segstudio.core.looked import LookMap
from segstudio.io.store.facts import Fact

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.core.geometry import Rect

FACT = "seen.map"
"""Name of the fact: value as :meth:`segstudio.core.looked.LookMap.to_fact` gives it."""
FLUSH_S = 10.0
"""What was seen is written at least so often."""
ALL_SEEN = "All of this image was looked at."


class Looking:
    """The map of the session's current image. ``changed``: more of it was seen, or another image is the current one.

    Nothing is written for a read-only project; a full disk costs no more than the record of what was seen.
    """

    def __init__(self, session: Session) -> None:
        self.changed: Signal[[]] = Signal()
        self._session = session
        self._map: LookMap | None = None
        self._image_id: int | None = None
        self._written = 0
        self._written_at_s = time.monotonic()
        session.image_changed.connect(self._on_image_changed)
        session.project_closing.connect(self.flush)

    @property
    def map(self) -> LookMap | None:
        """What was seen of the current image; None without one."""
        session = self._session
        record = session.image
        if record is None or session.store is None:
            return None
        if self._map is None or self._image_id != record.id:
            fact = session.store.facts.get(record.id, FACT)
            value, data = (None, b"") if fact is None else (fact.value, fact.data)
            self._map = LookMap.from_fact(record.width, record.height, record.depth, value, data)
            self._image_id, self._written = record.id, self._map.revision
        return self._map

    def look(self, rect: Rect, zoom: float, seconds: float) -> bool:
        """*rect* of the plane shown was on the screen for *seconds* more at *zoom*; whether more was seen by that."""
        session = self._session
        settings = session.settings
        least = min(settings.number("looked.zoom"), 1.0)
        found = self.map
        if found is None or session.reader is None or zoom < least - 1e-6 or rect.is_empty:
            return False
        if not found.look(rect, session.plane, seconds, settings.number("looked.seconds")):
            return False
        is_due = time.monotonic() - self._written_at_s > FLUSH_S
        # A large result that another thread writes now would make this one wait.
        if is_due and session.store is not None and not session.store.pending_count:
            self.flush()
        self.changed.emit()
        return True

    def next_place(self, x: float, y: float) -> Rect:
        """Go to what nobody looked at, nearest to (x, y) on the plane shown, else on the next plane: its rectangle, or empty."""
        found, session = self.map, self._session
        if found is None:
            return EMPTY
        place = found.nearest_unseen(x, y, session.plane)
        if place.is_empty:
            z = found.next_plane_with_unseen(session.plane)
            if z is None:
                session.say(ALL_SEEN)
                return EMPTY
            session.set_plane(z)
            place = found.nearest_unseen(x, y, z)
        return place

    def forget(self) -> bool:
        """Begin anew with the current image: nothing of it was looked at."""
        session, record = self._session, self._session.image
        if record is None or session.store is None or session.refuses_edits():
            return False
        try:
            session.store.facts.forget(FACT, [record.id])
        except UserError as error:
            session.say(error)
            return False
        self._map = None
        self.changed.emit()
        return True

    def flush(self) -> None:
        """Write what was seen since the last time."""
        session, found, image_id = self._session, self._map, self._image_id
        self._written_at_s = time.monotonic()
        if found is None or image_id is None or session.store is None or session.is_read_only:
            return
        if found.revision == self._written:
            return
        value, data = found.to_fact()
        try:
            session.store.facts.put(FACT, {image_id: Fact(value, data)})
        except UserError:
            return  # a full disk is said where labels are at stake; this is tried again
        self._written = found.revision

    def _on_image_changed(self) -> None:
        self.flush()
        if self._session.store is None or self._session.image_id != self._image_id:
            self._map, self._image_id = None, None
        self.changed.emit()
