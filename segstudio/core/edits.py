"""Edits: what changed, as tiles before and after, and the transactions that record them."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

from segstudio.core.classes import UNLABELLED, ClassTable
from segstudio.core.geometry import EMPTY, Rect, tile_rect
from segstudio.core.guards import ANYWHERE, Guard, Validity
from segstudio.core.history import HistoryEntry, UndoStack
from segstudio.core.layers import LabelLayer, LayerArrival, Segment, Source
from segstudio.core.tile_cells import same_held, uniform_value
from segstudio.core.tiles import Array, HeldTile, TileChange, TileKey, TileMap
from segstudio.core.touched import forget_touched, mark_touched

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "ANYWHERE",
    "Edit",
    "Guard",
    "HistoryEntry",
    "LayerChange",
    "TileChange",
    "Transaction",
    "UndoStack",
    "Validity",
    "apply_edit",
    "apply_segment_change",
    "combined",
]

Plane = Literal["segments", "confidence", "touched"]
SegmentChange = tuple["Segment | None", "Segment | None"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerChange:
    """What one plane of one layer became; ``segments`` are rows of its table, (before, after), None = no row."""

    layer_id: int
    plane: Plane
    tiles: tuple[TileChange, ...] = ()
    segments: tuple[SegmentChange, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One step of the history. ``image_id`` None: it concerns the whole project (classes, imports).

    ``seq`` is given by the store and orders all edits of a project; ``is_reversed`` marks one that undoes. ``layers`` are whole
    layers, written before, that come or go with it.
    """

    label: str
    image_id: int | None
    changes: tuple[LayerChange, ...] = ()
    classes: tuple[ClassTable, ClassTable] | None = None
    seq: int = 0
    created_s: float = 0.0
    is_reversed: bool = False
    layers: tuple[LayerArrival, ...] = ()

    def reversed(self) -> Edit:
        """The edit that takes this one back; the same ``seq``."""
        changes = tuple(
            LayerChange(
                change.layer_id,
                change.plane,
                tuple(TileChange(tile.key, tile.held_after, tile.held_before) for tile in change.tiles),
                tuple((after, before) for before, after in change.segments),
            )
            for change in reversed(self.changes)
        )
        classes = None if self.classes is None else (self.classes[1], self.classes[0])
        layers = tuple(replace(item, is_there=not item.is_there) for item in self.layers)
        return replace(self, changes=changes, classes=classes, is_reversed=not self.is_reversed, layers=layers)

    @property
    def nbytes(self) -> int:
        """Memory it takes while nobody looks at its pixels, in bytes; tiles count as packed once :meth:`pack` did that.

        A tile shared with the layer or a neighbour in the history counts in both; pixels at hand are counted by
        :data:`segstudio.core.tile_cells.HOT`.
        """
        total = 512 + 128 * len(self.layers)
        for change in self.changes:
            total += 256 * len(change.segments) + 96 * len(change.tiles)
            for tile in change.tiles:
                sides = (tile.held_before, tile.held_after)
                total += sum(32 if isinstance(side, int) else side.kept_bytes for side in sides)
        return total

    def pack(self) -> None:
        """Pack those of its tiles that are not yet; quick, and their pixels stay at hand as long as there is room."""
        for change in self.changes:
            for tile in change.tiles:
                for side in (tile.held_before, tile.held_after):
                    if not isinstance(side, int):
                        side.packed()

    @property
    def tile_count(self) -> int:
        """How many tiles it changes."""
        return sum(len(change.tiles) for change in self.changes)

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        has_change = bool(self.layers) or any(change.tiles or change.segments for change in self.changes)
        return not has_change and (self.classes is None or self.classes[0] == self.classes[1])

    @property
    def layer_ids(self) -> list[int]:
        """Ids of the layers it changes, each once."""
        return list(dict.fromkeys(change.layer_id for change in self.changes))

    def dirty_rect(self, layer_id: int) -> Rect:
        """The smallest rectangle of whole tiles that changed in the layer, over all z; not clipped to the image."""
        rect = EMPTY
        for change in self.changes:
            if change.layer_id == layer_id:
                for tile in change.tiles:
                    rect = rect.united(tile_rect(tile.key[1], tile.key[2]))
        return rect

    def touches_segments(self, layer_id: int) -> bool:
        """Whether rows of the layer's segment table change, so that all of it may look different."""
        return any(change.segments for change in self.changes if change.layer_id == layer_id)


def apply_segment_change(current: Segment | None, before: Segment | None, after: Segment | None) -> Segment | None:
    """The row after a change: only fields that differ between *before* and *after* are touched.

    So an edit of the whole project can be taken back although a row was changed in other ways since.
    """
    if after is None or before is None or current is None or current == before:
        return after
    changed = {
        item.name: getattr(after, item.name)
        for item in fields(Segment)
        if getattr(before, item.name) != getattr(after, item.name)
    }
    return replace(current, **changed)


def apply_edit(edit: Edit, layers: Mapping[int, LabelLayer]) -> None:
    """Put the edit's "after" into those of its layers that are in *layers* (the class table is the caller's)."""
    for change in edit.changes:
        layer = layers.get(change.layer_id)
        if layer is None:
            continue
        plane = {"segments": layer.tiles, "confidence": layer.confidence, "touched": layer.touched}[change.plane]
        if plane is not None:
            for tile in change.tiles:
                plane.set(tile.key, tile.held_after)
        for before, after in change.segments:
            row = after or before
            if row is not None:
                layer.put_segment(row.id, apply_segment_change(layer.segments.get(row.id), before, after))
        layer.revision += 1


def combined(label: str, *edits: Edit | None) -> Edit | None:
    """One edit of several made after one another on different layers; None when all are None."""
    real = [edit for edit in edits if edit is not None]
    if not real:
        return None
    changes = tuple(change for edit in real for change in edit.changes)
    return replace(real[0], label=label, changes=changes)


class Transaction:
    """An edit in the making: every call changes the layer at once.

    :meth:`commit` makes one edit of all, :meth:`abort` takes all back; afterwards it must not be used (RuntimeError).
    What one *is_by_hand* changes is touched by a person from then on (:mod:`segstudio.core.touched`), until it is undone;
    with ``is_starting_over`` all that was touched is forgotten instead.
    """

    def __init__(self, layer: LabelLayer, label: str, guard: Guard = ANYWHERE, *, is_by_hand: bool = False) -> None:
        self.layer = layer
        self.is_by_hand, self.is_starting_over = is_by_hand, False
        self.label = label
        self.guard = guard
        self._before: dict[Plane, dict[TileKey, HeldTile]] = {"segments": {}, "confidence": {}}
        self._segments_before: dict[int, Segment | None] = {}
        self._made_ids: set[int] = set()
        self._guard_lut: npt.NDArray[np.bool_] | None = None
        self._guard_revision = -1
        self._is_open = True

    def use_guard(self, guard: Guard) -> None:
        """Let another guard hold for what is written from now on."""
        self.guard, self._guard_revision = guard, -1

    # -- segments ------------------------------------------------------------------------------------------------

    def set_segment(self, segment: Segment) -> None:
        """Add a row to the segment table, or replace it."""
        self._check_open()
        self._remember(segment.id)
        self.layer.put_segment(segment.id, segment)

    def remove_segment(self, segment_id: int) -> None:
        """Drop a row; its pixels must have been erased, or never painted."""
        self._check_open()
        self._remember(segment_id)
        self.layer.put_segment(segment_id, None)

    def _remember(self, segment_id: int) -> None:
        self._segments_before.setdefault(segment_id, self.layer.segments.get(segment_id))

    def ensure_stuff(self, class_id: int, source: Source = "hand", model_id: str = "") -> int:
        """Id of the segment for the class's stuff from this source; made where there is none."""
        segment = self.layer.stuff_segment(class_id, source, model_id)
        if segment is None:
            segment = Segment(self.layer.next_segment_id(), class_id, False, source, model_id)
            self.set_segment(segment)
            self._made_ids.add(segment.id)
        return segment.id

    def new_object(
        self, class_id: int, source: Source = "hand", model_id: str = "", confidence: float | None = None
    ) -> int:
        """Id of a new object's segment."""
        segment = Segment(self.layer.next_segment_id(), class_id, True, source, model_id, confidence)
        self.set_segment(segment)
        self._made_ids.add(segment.id)
        return segment.id

    # -- pixels --------------------------------------------------------------------------------------------------

    def paint(self, mask: npt.NDArray[np.bool_], x: int, y: int, segment_id: int, z: int = 0) -> Rect:
        """Give the pixels of *mask* ((h, w) bool, its corner at (x, y)) to a segment; clipped, and as the guard lets.

        Returns the dirty rectangle (empty when nothing changed).
        """
        return self.write(Rect(x, y, mask.shape[1], mask.shape[0]), segment_id, mask, z)

    def erase(self, mask: npt.NDArray[np.bool_], x: int, y: int, z: int = 0) -> Rect:
        """Make the pixels of *mask* background; clipped, and as the guard lets. Returns the dirty rectangle."""
        return self.write(Rect(x, y, mask.shape[1], mask.shape[0]), UNLABELLED, mask, z)

    def write(
        self,
        rect: Rect,
        segment_ids: Array | int,
        where: npt.NDArray[np.bool_] | None = None,
        z: int = 0,
    ) -> Rect:
        """Write segment ids ((h, w), or one) into *rect* where *where* says; clipped, and as the guard lets."""
        self._check_open()
        return self._write(self.layer.tiles, "segments", rect, segment_ids, where, z)

    def write_confidence(
        self, rect: Rect, values: Array | int, where: npt.NDArray[np.bool_] | None = None, z: int = 0
    ) -> Rect:
        """Write confidences 0 … 255 ((h, w) uint8, or one); TypeError in a layer that keeps none."""
        self._check_open()
        if self.layer.confidence is None:
            raise TypeError(f"layer {self.layer.name!r} keeps no confidences")
        return self._write(self.layer.confidence, "confidence", rect, values, where, z)

    def _write(
        self,
        plane: TileMap,
        name: Plane,
        rect: Rect,
        values: Array | int,
        where: npt.NDArray[np.bool_] | None,
        z: int,
    ) -> Rect:
        inside = rect.intersected(self.layer.bounds)
        if inside.is_empty or not 0 <= z < self.layer.depth:
            return EMPTY
        if inside != rect:
            part = inside.moved(-rect.x, -rect.y).slices
            values = values if isinstance(values, int) else values[part]
            where = None if where is None else where[part]
        if name == "segments":
            where = self.guard.with_data(inside, values, where, z)
        allowed = None if name == "confidence" or self.guard.is_open else self._allowed
        dirty = EMPTY
        first = self._before[name]
        for change in plane.write(inside, values, where, z, allowed):
            first.setdefault(change.key, change.held_before)
            dirty = dirty.united(tile_rect(change.key[1], change.key[2]).intersected(inside))
        if not dirty.is_empty:
            self.layer.revision += 1
        return dirty

    def _allowed(self, ids: Array) -> npt.NDArray[np.bool_]:
        if self._guard_lut is None or self._guard_revision != self.layer.segments_revision:
            self._guard_lut = self.guard.lut(self.layer)
            self._guard_revision = self.layer.segments_revision
        return self._guard_lut.take(ids)

    def clear(self) -> Rect:
        """Drop all tiles and segments of the layer (a proposal making room for the next); no guard is asked."""
        self._check_open()
        dirty = EMPTY
        for name, plane in self._planes():
            for key in plane.keys():
                self._before[name].setdefault(key, plane.held(key))
                plane.set(key, 0)
                dirty = dirty.united(tile_rect(key[1], key[2]))
        for segment_id in list(self.layer.segments):
            self.remove_segment(segment_id)
        self.layer.revision += 1
        return dirty.intersected(self.layer.bounds)

    def _planes(self) -> list[tuple[Plane, TileMap]]:
        planes: list[tuple[Plane, TileMap]] = [("segments", self.layer.tiles)]
        if self.layer.confidence is not None:
            planes.append(("confidence", self.layer.confidence))
        return planes

    # -- end -----------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether neither commit nor abort was called."""
        return self._is_open

    def _check_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the transaction has ended")

    def commit(self) -> Edit | None:
        """End it: the edit made of every tile and row that now differs, or None when nothing does."""
        self._check_open()
        self._is_open = False
        tiles: dict[Plane, list[TileChange]] = {"segments": [], "confidence": []}
        for name, plane in self._planes():
            for key, first in self._before[name].items():
                kept = plane.held(key)
                if kept is first:
                    continue
                if same_held(first, kept):
                    plane.set(key, first)
                    continue
                value = uniform_value(kept)
                if value is not None and not isinstance(kept, int):
                    kept = plane.set(key, value)
                tiles[name].append(TileChange(key, first, kept))
        if not tiles["segments"]:
            # Nothing was painted (the guard forbade all of it): the segments made for it would be empty.
            for segment_id in self._made_ids:
                # An id that was cleared and made anew has its pixels still: what changed is its row.
                if self._segments_before.get(segment_id) is None:
                    self.layer.put_segment(segment_id, self._segments_before.pop(segment_id, None))
        rows: list[SegmentChange] = []
        for segment_id, before in self._segments_before.items():
            after = self.layer.segments.get(segment_id)
            if before != after:
                rows.append((before, after))
        changes: list[LayerChange] = []
        if tiles["segments"] or rows:
            changes.append(LayerChange(self.layer.id, "segments", tuple(tiles["segments"]), tuple(rows)))
        if tiles["confidence"]:
            changes.append(LayerChange(self.layer.id, "confidence", tuple(tiles["confidence"])))
        if touched := self._touched(tiles["segments"]):
            changes.append(LayerChange(self.layer.id, "touched", touched))
        if not changes:
            return None
        return Edit(self.label, self.layer.image_id, tuple(changes), created_s=time.time())

    def _touched(self, changes: list[TileChange]) -> tuple[TileChange, ...]:
        if self.is_starting_over:
            return forget_touched(self.layer.touched)
        return mark_touched(self.layer.touched, changes) if self.is_by_hand else ()

    def abort(self) -> Rect:
        """End it with the layer as it was before; the rectangle to draw anew."""
        self._check_open()
        self._is_open = False
        dirty = EMPTY
        for name, plane in self._planes():
            for key, first in self._before[name].items():
                plane.set(key, first)
                dirty = dirty.united(tile_rect(key[1], key[2]))
        for segment_id, before in self._segments_before.items():
            self.layer.put_segment(segment_id, before)
        self.layer.revision += 1
        return dirty.intersected(self.layer.bounds)
