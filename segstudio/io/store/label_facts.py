"""What is known of images' labels without unpacking them: when they were last changed, and a digest of all they hold."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from segstudio.io.store import schema
from segstudio.io.store.blobs import PLANE_CODES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from segstudio.io.store.database import Database


class LabelFacts:
    """Reads an open project's labels as rows; a call is a few queries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changed_times(self) -> dict[int, float]:
        """Image id → Unix time of the last edit that the history has of it; images without one are missing."""
        edits = schema.edits.c
        query = (
            sa.select(edits.image_id, sa.func.max(edits.created_s))
            .where(edits.image_id.is_not(None), sa.not_(edits.is_undone))
            .group_by(edits.image_id)
        )
        with self._database.reading() as connection:
            return {int(image_id): float(at_s) for image_id, at_s in connection.execute(query)}

    def images_of_classes(self, class_ids: Collection[int]) -> set[int]:
        """Images with a labelled pixel of one of the classes at least."""
        segments, layers = schema.segments.c, schema.layers.c
        query = (
            sa.select(layers.image_id)
            .distinct()
            .join(schema.segments, layers.id == segments.layer_id)
            .where(layers.kind == "labels", segments.pixels > 0, segments.class_id.in_(list(class_ids)))
        )
        with self._database.reading() as connection:
            return {int(image_id) for (image_id,) in connection.execute(query)}

    def layers_digest(self, layer_ids: Sequence[int]) -> str:
        """A text that is the same as long as these layers hold the same segments and pixels."""
        segments, tiles = schema.segments.c, schema.tiles.c
        columns = [column for column in schema.segments.c if column.name not in ("layer_id", "pixels")]
        found = hashlib.sha256()
        with self._database.reading() as connection:
            for layer_id in layer_ids:
                rows = sa.select(*columns).where(segments.layer_id == layer_id).order_by(segments.id)
                for row in connection.execute(rows):
                    found.update(f"{tuple(row)}\n".encode())
                pixels = sa.select(tiles.z, tiles.ty, tiles.tx, tiles.data).where(
                    tiles.layer_id == layer_id, tiles.plane == PLANE_CODES["segments"]
                )
                for z, ty, tx, data in connection.execute(pixels.order_by(tiles.z, tiles.ty, tiles.tx)):
                    found.update(f"{layer_id} {z} {ty} {tx} {len(data)}\n".encode())
                    found.update(data)
        return found.hexdigest()
