"""The effort that images took: one row for each stretch of work on one. No undo."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from segstudio.io.store import schema

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from segstudio.io.store.database import Database

_efforts = schema.efforts.c
ACCEPTED = "effort.accepted"
"""The fact about an image: pixels that were "accepted" from proposals, and those of them that were "kept" as they were."""


@dataclass(frozen=True)
class Effort:
    """A stretch of work on one image.

    It began at ``at_s`` (since 1970) and took ``seconds`` of a person's; ``strokes`` edits changed ``pixels`` by hand;
    ``accepted_pixels`` were taken from a proposal of ``model_id`` ("" for none).
    """

    image_id: int
    at_s: float
    seconds: float
    strokes: int = 0
    pixels: int = 0
    accepted_pixels: int = 0
    model_id: str = ""


class Efforts:
    """The efforts of a project, oldest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, efforts: Sequence[Effort]) -> None:
        """Append rows, all or none; UserError for a read-only project or a full disk."""
        if efforts:
            with self._database.transaction() as connection:
                known = {row[0] for row in connection.execute(sa.select(schema.images.c.id))}
                rows = [asdict(one) for one in efforts if one.image_id in known]
                if rows:
                    connection.execute(sa.insert(schema.efforts), rows)

    def all(self, image_id: int | None = None) -> list[Effort]:
        """Every row, or those of one image."""
        names = list(Effort.__dataclass_fields__)
        query = sa.select(*(_efforts[name] for name in names)).order_by(_efforts.at_s, _efforts.id)
        if image_id is not None:
            query = query.where(_efforts.image_id == image_id)
        with self._database.reading() as connection:
            return [Effort(*row) for row in connection.execute(query)]

    def labelled_pixels(self) -> dict[int, int]:
        """Labelled pixels of each image that has any, over its label layers; needs no tile."""
        segments, layers = schema.segments.c, schema.layers.c
        query = (
            sa.select(layers.image_id, sa.func.sum(segments.pixels))
            .join(schema.layers, layers.id == segments.layer_id)
            .where(layers.kind == "labels", segments.pixels > 0, segments.class_id != 0)
            .group_by(layers.image_id)
        )
        with self._database.reading() as connection:
            return {int(image_id): int(pixels) for image_id, pixels in connection.execute(query)}

    def segment_pixels(self, layer_ids: Collection[int]) -> dict[tuple[int, int], int]:
        """(layer id, segment id) → pixels, of these layers; also of segments whose class was deleted."""
        segments = schema.segments.c
        query = sa.select(segments.layer_id, segments.id, segments.pixels).where(segments.layer_id.in_(list(layer_ids)))
        with self._database.reading() as connection:
            return {(int(layer), int(one)): int(pixels) for layer, one, pixels in connection.execute(query)}
