"""Label layers from their rows: the segment table at once, tiles when they are first looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from segstudio.core.errors import UserError
from segstudio.core.layers import LabelLayer, LayerKind, Segment
from segstudio.core.tiles import TileMap
from segstudio.io.store import schema
from segstudio.io.store.blobs import PLANE_CODES, PLANE_DTYPES, decode_tile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from segstudio.core.edits import Plane
    from segstudio.core.tiles import Tile, TileKey
    from segstudio.io.store.database import Database

STAGED = "staged"
"""The kind of a layer that is not there: not yet, or because its coming was undone. Nothing but its import reads it."""

_TILE = sa.select(schema.tiles.c.data).where(
    schema.tiles.c.layer_id == sa.bindparam("layer_id"),
    schema.tiles.c.plane == sa.bindparam("plane"),
    schema.tiles.c.z == sa.bindparam("z"),
    schema.tiles.c.ty == sa.bindparam("ty"),
    schema.tiles.c.tx == sa.bindparam("tx"),
)


class RowTiles:
    """The tiles of one plane of one layer, as a :class:`segstudio.core.tiles.TileSource`."""

    def __init__(self, database: Database, layer_id: int, plane: Plane) -> None:
        self._database = database
        self._layer_id = layer_id
        self._plane: Plane = plane

    def keys(self) -> Iterable[TileKey]:
        """Keys of all stored tiles; reads no pixels."""
        table = schema.tiles.c
        query = sa.select(table.z, table.ty, table.tx).where(
            table.layer_id == self._layer_id, table.plane == PLANE_CODES[self._plane]
        )
        with self._database.reading() as connection:
            return [(row.z, row.ty, row.tx) for row in connection.execute(query)]

    def load(self, key: TileKey) -> Tile:
        """The stored tile; UserError when it is damaged."""
        values = {"layer_id": self._layer_id, "plane": PLANE_CODES[self._plane]}
        with self._database.reading() as connection:
            data = connection.execute(_TILE, {**values, "z": key[0], "ty": key[1], "tx": key[2]}).scalar()
        if data is None:
            return 0
        try:
            return decode_tile(data, self._plane)
        except ValueError as error:
            raise UserError(
                f"Labels around column {key[2] * 256}, row {key[1] * 256} are damaged in the project's file",
                path=self._database.path,
                remedy="go back to a copy or a backup of it",
            ) from error


def read_segments(connection: sa.Connection, layer_id: int) -> dict[int, Segment]:
    """The segment table of a layer."""
    table = schema.segments.c
    query = sa.select(
        table.id,
        table.class_id,
        table.is_object,
        table.source,
        table.model_id,
        table.confidence,
        table.is_reviewed,
    ).where(table.layer_id == layer_id)
    return {row.id: Segment(*row) for row in connection.execute(query)}


def count_planes(database: Database, image_ids: Collection[int]) -> dict[int, int]:
    """Image id → planes on which a label layer has tiles, for those of these images that have any."""
    layers, tiles = schema.layers.c, schema.tiles.c
    query = (
        sa.select(layers.image_id, sa.func.count(sa.distinct(tiles.z)))
        .join(schema.tiles, layers.id == tiles.layer_id)
        .join(schema.images, schema.images.c.id == layers.image_id)
        .where(layers.kind == "labels", schema.images.c.depth > 1, tiles.plane == PLANE_CODES["segments"])
        .group_by(layers.image_id)
    )
    wanted = set(image_ids)
    with database.reading() as connection:
        return {int(image_id): int(count) for image_id, count in connection.execute(query) if image_id in wanted}


def load_layers(database: Database, image_id: int, arrivals: Mapping[int, bool] | None = None) -> list[LabelLayer]:
    """The layers of an image, oldest first; empty for an unknown image.

    Those that are staged are left out; *arrivals* (layer id, whether it is there) is what the file does not know yet.
    """
    query = (
        sa.select(schema.layers, schema.images.c.width, schema.images.c.height, schema.images.c.depth)
        .join(schema.images, schema.images.c.id == schema.layers.c.image_id)
        .where(schema.layers.c.image_id == image_id)
        .order_by(schema.layers.c.id)
    )
    with database.reading() as connection:
        rows = [row for row in connection.execute(query) if (arrivals or {}).get(row.id, row.kind != STAGED)]
        tables = {row.id: read_segments(connection, row.id) for row in rows}
    layers = []
    for row in rows:
        kind: LayerKind = "proposal" if row.kind == "proposal" else "labels"
        confidence = _plane(database, row.id, "confidence") if kind == "proposal" else None
        layers.append(
            LabelLayer(
                row.id,
                image_id,
                row.name,
                kind,
                row.width,
                row.height,
                row.depth,
                tiles=_plane(database, row.id, "segments"),
                confidence=confidence,
                touched=_plane(database, row.id, "touched"),
                segments=tables[row.id],
            )
        )
    return layers


def _plane(database: Database, layer_id: int, plane: Plane) -> TileMap:
    return TileMap(PLANE_DTYPES[plane], RowTiles(database, layer_id, plane))


def add_layer(connection: sa.Connection, image_id: int, name: str, kind: LayerKind) -> int:
    """Make a layer; its id."""
    result = connection.execute(sa.insert(schema.layers), {"image_id": image_id, "name": name, "kind": kind})
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])
