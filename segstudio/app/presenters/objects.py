"""What the objects list shows: each object of the image with its class, size and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.events import Signal
from segstudio.core.geometry import EMPTY, Rect, tile_rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.session import Session

MOST_ROWS = 5000
"""Longer lists serve nobody; the newest objects are shown."""


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object."""

    segment_id: int
    class_id: int
    class_name: str
    color: str
    source: str
    confidence: float | None
    is_active: bool
    model_id: str = ""
    is_reviewed: bool = False


class ObjectsPresenter:
    """Rows by id; ``changed`` when they must be read again."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        self._rows: tuple[ObjectRow, ...] = self._read()
        for signal in (
            session.image_changed,
            session.classes_changed,
            session.history_changed,
            session.selection_changed,
        ):
            signal.connect(self._refresh)

    @property
    def rows(self) -> tuple[ObjectRow, ...]:
        """The lines, newest first."""
        return self._rows

    def row_of(self, segment_id: int | None) -> int:
        """Index of an object's line; -1 none."""
        return next((i for i, row in enumerate(self._rows) if row.segment_id == segment_id), -1)

    def select(self, row: int) -> None:
        """Make the object of a line the active one."""
        if 0 <= row < len(self._rows) and not self._rows[row].is_active:
            self.session.select_object(self._rows[row].segment_id)

    def select_rows(self, rows: Sequence[int]) -> None:
        """Choose the objects of several lines; strokes go to the first."""
        ids = tuple(self._rows[row].segment_id for row in rows if 0 <= row < len(self._rows))
        if ids != self.session.selected_objects and (ids or self.session.active_object is not None):
            self.session.select_objects(ids)

    def delete(self, row: int) -> bool:
        """Delete the object of a line; all that are selected when it is one of them."""
        if not 0 <= row < len(self._rows):
            return False
        segment_id = self._rows[row].segment_id
        return self.session.delete_object(None if segment_id in self.session.selected_objects else segment_id)

    def set_class(self, row: int, class_id: int) -> bool:
        """Give the object of a line another class."""
        return 0 <= row < len(self._rows) and self.session.set_object_class(self._rows[row].segment_id, class_id)

    def rect_of(self, row: int) -> Rect:
        """Where the object of a line lies (to bring it into view); empty when it has no pixel."""
        layer = self.session.labels
        if layer is None or not 0 <= row < len(self._rows):
            return EMPTY
        segment_id = self._rows[row].segment_id
        found = EMPTY
        for key in layer.tiles.keys_in(layer.bounds, self.session.plane):
            rect = tile_rect(key[1], key[2]).intersected(layer.bounds)
            hits = layer.read(rect, key[0]) == segment_id
            ys, xs = np.flatnonzero(hits.any(axis=1)), np.flatnonzero(hits.any(axis=0))
            if len(ys):
                part = Rect(int(xs[0]), int(ys[0]), int(xs[-1] - xs[0]) + 1, int(ys[-1] - ys[0]) + 1)
                found = found.united(part.moved(rect.x, rect.y))
        return found

    def _read(self) -> tuple[ObjectRow, ...]:
        rows = []
        for segment in self.session.objects()[::-1][:MOST_ROWS]:
            item = self.session.classes.by_id(segment.class_id)
            if item is not None:
                is_active = segment.id == self.session.active_object
                rows.append(
                    ObjectRow(
                        segment.id,
                        item.id,
                        item.name,
                        item.color,
                        segment.source,
                        segment.confidence,
                        is_active,
                        segment.model_id,
                        segment.is_reviewed,
                    )
                )
        return tuple(rows)

    def _refresh(self) -> None:
        rows = self._read()
        if rows != self._rows:
            self._rows = rows
            self.changed.emit()
