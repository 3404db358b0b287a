"""How many pixels an edit corrected by hand, or took from a proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.geometry import Rect, tile_rect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.edits import Edit
    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.core.tiles import Array, Tile, TileChange

CLICKED = "@click"
"""How the model ids end of what clicks drew."""


@dataclass(frozen=True)
class EditCount:
    """Pixels of labels whose class an edit changed: ``pixels`` by hand, or ``accepted`` from a proposal of ``model_id``.

    What clicks drew counts as done by hand: a model that answers clicks is a tool.

    ``kept`` is by how many the pixels that lie as they were accepted became more, or (negative) fewer. All signs turn
    for an edit that was undone.
    """

    pixels: int = 0
    accepted: int = 0
    kept: int = 0
    model_id: str = ""

    def __neg__(self) -> EditCount:
        return EditCount(-self.pixels, -self.accepted, -self.kept, self.model_id)


@dataclass(frozen=True, eq=False)
class _Layer:
    """Tiles that changed in one label layer, and what the segment ids in them meant."""

    tiles: tuple[TileChange, ...]
    bounds: Rect
    was: npt.NDArray[np.uint16]
    now: npt.NDArray[np.uint16]
    was_accepted: npt.NDArray[np.bool_]
    model_ids: Mapping[int, str]


class EditCounter:
    """Counts one edit. Made in the document's thread, which takes no time; :meth:`count` may run in any.

    *layers* are the image's label layers, *proposal_id* the id of its proposal layer (0: none): an edit of both accepts.
    Only tiles are counted here, not segments that changed their class as a whole.
    """

    def __init__(self, edit: Edit, layers: Sequence[LabelLayer], proposal_id: int = 0) -> None:
        self._is_undone = edit.is_reversed
        done = edit.reversed() if edit.is_reversed else edit
        # Accepting what clicks drew takes its row out of the proposal.
        rows = [row for change in done.changes if change.layer_id == proposal_id for row in change.segments]
        is_click = any(before and after is None and before.model_id.endswith(CLICKED) for before, after in rows)
        is_on_labels = any(layer.id in done.layer_ids for layer in layers)
        self.is_accepting = proposal_id in done.layer_ids and is_on_labels and not is_click
        self._parts: list[_Layer] = []
        for layer in layers:
            changes = [c for c in done.changes if c.layer_id == layer.id and c.plane == "segments"]
            tiles = tuple(tile for change in changes for tile in change.tiles)
            if tiles:
                rows = [row for change in changes for row in change.segments]
                self._parts.append(_part(layer, tiles, rows))

    @property
    def tile_count(self) -> int:
        """How many tiles there are to look at."""
        return sum(len(part.tiles) for part in self._parts)

    def count(self) -> EditCount:
        """Look at the tiles: about 0.1 ms each."""
        changed = replaced = clicked = 0
        models: dict[str, int] = {}
        for part in self._parts:
            for tile in part.tiles:
                found, lost, ids = _of_tile(part, tile, self.is_accepting)
                changed, replaced = changed + found, replaced + lost
                for segment_id, pixels in ids.items():
                    model_id = part.model_ids.get(segment_id)
                    if model_id is None:
                        clicked += pixels
                    else:
                        models[model_id] = models.get(model_id, 0) + pixels
        if self.is_accepting:
            # What replaces accepted pixels of before stands for them: each pixel was accepted once.
            accepted = changed - clicked
            fresh = accepted - replaced
            name = max(models, key=lambda one: models[one], default="")
            result = EditCount(clicked, fresh, fresh, name)
        else:
            result = EditCount(changed, 0, -replaced)
        return -result if self._is_undone else result


def reclassed(edit: Edit, layers: Sequence[LabelLayer]) -> list[tuple[int, Segment, bool]]:
    """(layer id, segment, whether it was accepted) of segments that changed their class as a whole, or were deleted.

    The segment is as it was before the edit was first made, also where *edit* undoes it.
    """
    done = edit.reversed() if edit.is_reversed else edit
    ids = {layer.id for layer in layers}
    return [
        (change.layer_id, before, _is_accepted(before))
        for change in done.changes
        if change.layer_id in ids
        for before, after in change.segments
        if before is not None and after is not None and before.class_id != after.class_id and before.class_id
    ]


def _is_accepted(segment: Segment) -> bool:
    """Whether it came from a model's own proposal."""
    return segment.source == "accepted" and not segment.model_id.endswith(CLICKED)


def _part(
    layer: LabelLayer, tiles: tuple[TileChange, ...], rows: Sequence[tuple[Segment | None, Segment | None]]
) -> _Layer:
    was = now = layer.class_lut()
    accepted = np.zeros(65536, np.bool_)
    models = {s.id: s.model_id for s in layer.segments.values() if _is_accepted(s)}
    accepted[list(models)] = True
    if rows:
        was, now = was.copy(), now.copy()
    for before, after in rows:
        row = after or before
        if row is None:
            continue
        was[row.id] = 0 if before is None else before.class_id
        now[row.id] = 0 if after is None else after.class_id
        accepted[row.id] = _is_accepted(before or row)
        if after is not None and _is_accepted(after):
            models[row.id] = after.model_id
    return _Layer(tiles, layer.bounds, was, now, accepted, models)


def _of_tile(part: _Layer, tile: TileChange, with_ids: bool) -> tuple[int, int, dict[int, int]]:
    """(pixels of another class, those of them that were accepted before, segment id → pixels of what they became)."""
    _, ty, tx = tile.key
    inside = tile_rect(ty, tx).intersected(part.bounds)
    before, after = _cut(tile.before, inside), _cut(tile.after, inside)
    if isinstance(before, int) and isinstance(after, int):
        area = inside.width * inside.height
        if part.was[before] == part.now[after]:
            return 0, 0, {}
        return area, area if part.was_accepted[before] else 0, {after: area}
    differs = np.asarray(part.was[before] != part.now[after])
    changed = int(np.count_nonzero(differs))
    replaced = int(np.count_nonzero(part.was_accepted[before] & differs))
    if not with_ids or not changed:
        return changed, replaced, {}
    if isinstance(after, int):
        return changed, replaced, {after: changed}
    counts = np.bincount(after[differs])
    return changed, replaced, {int(i): int(counts[i]) for i in np.flatnonzero(counts)}


def _cut(tile: Tile, inside: Rect) -> Array | int:
    return tile if isinstance(tile, int) else tile[: inside.height, : inside.width]
