"""Whether labels changed: a mark of each image's, from counts that the store keeps, without reading a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from segstudio.io.store import schema

if TYPE_CHECKING:
    from segstudio.io.store.project import ProjectStore


@dataclass(frozen=True)
class LabelMark:
    """Equal marks of an image mean equal labels; ``pixels`` are labelled, ``status`` as in its record."""

    edits: tuple[int, int, int]
    segments: int
    pixels: int
    status: str


def label_marks(store: ProjectStore) -> dict[int, LabelMark]:
    """The mark of each image that has a labelled or erased pixel, by its id."""
    with store._database.reading() as connection:
        edits = {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in connection.execute(_EDITS)}
        rows = connection.execute(_SEGMENTS).all()
    # Edits of the whole project (classes) have no image; what they change shows in the segments.
    return {
        image_id: LabelMark(edits.get(image_id, (0, 0, 0)), int(total or 0), int(pixels or 0), status)
        for image_id, status, total, pixels in rows
    }


_edits, _segments, _layers, _images = schema.edits.c, schema.segments.c, schema.layers.c, schema.images.c
_undone = _edits.is_undone.cast(sa.Integer)
_EDITS = sa.select(
    _edits.image_id, sa.func.max(_edits.seq), sa.func.count(), sa.func.sum(_undone * (_edits.seq % 1_000_003 + 1))
).group_by(_edits.image_id)
_SEGMENTS = (
    sa.select(
        _images.id,
        _images.status,
        sa.func.sum((_segments.pixels * 31 + _segments.id) * (_segments.class_id + 1)),
        sa.func.sum(_segments.pixels),
    )
    .join(schema.layers, _layers.image_id == _images.id)
    .join(schema.segments, _segments.layer_id == _layers.id)
    .where(_layers.kind == "labels")
    .group_by(_images.id, _images.status)
)
