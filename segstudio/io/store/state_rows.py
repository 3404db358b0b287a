"""Writing what an edit leaves behind: tiles, segment rows, pixel counts and classes."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from segstudio.core.classes import ClassDef, ClassTable
from segstudio.core.layers import Segment
from segstudio.io.store import schema
from segstudio.io.store.blobs import PLANE_CODES, TileEncoder
from segstudio.io.store.pixels import add_differences

if TYPE_CHECKING:
    from segstudio.core.edits import Edit, LayerChange

_tile_insert = upsert(schema.tiles)
_PUT_TILE = _tile_insert.on_conflict_do_update(
    index_elements=["layer_id", "plane", "z", "ty", "tx"], set_={"data": _tile_insert.excluded.data}
)
_DROP_TILE = sa.delete(schema.tiles).where(
    *(schema.tiles.c[name] == sa.bindparam(f"k_{name}") for name in ("layer_id", "plane", "z", "ty", "tx"))
)
_segment_insert = upsert(schema.segments)
_SEGMENT_FIELDS = [item.name for item in fields(Segment) if item.name != "id"]
_PUT_SEGMENT = _segment_insert.on_conflict_do_update(
    index_elements=["layer_id", "id"], set_={name: _segment_insert.excluded[name] for name in _SEGMENT_FIELDS}
)
_this_segment = (schema.segments.c.layer_id == sa.bindparam("k_layer"), schema.segments.c.id == sa.bindparam("k_id"))
_DROP_SEGMENT = sa.delete(schema.segments).where(*_this_segment)
_COUNT = (
    sa.update(schema.segments)
    .where(*_this_segment)
    .values(pixels=schema.segments.c.pixels + sa.bindparam("gain", type_=sa.Integer))
)


def write_edit_state(
    connection: sa.Connection, edit: Edit, encoder: TileEncoder, sizes: dict[int, tuple[int, int]]
) -> None:
    """Write the "after" of every layer change, and which layers come and go; *sizes* is a cache of (width, height) by layer id."""
    for change in edit.changes:
        _write_tiles(connection, change, encoder)
        if change.segments:
            _write_segments(connection, change)
    for change in edit.changes:
        if change.plane == "segments" and change.tiles:
            _write_counts(connection, change, sizes)
    if edit.layers:
        from segstudio.io.store.arrivals import write_arrivals

        write_arrivals(connection, edit.layers)


def _write_tiles(connection: sa.Connection, change: LayerChange, encoder: TileEncoder) -> None:
    plane = PLANE_CODES[change.plane]
    put: list[dict[str, Any]] = []
    drop: list[dict[str, Any]] = []
    for tile in change.tiles:
        z, ty, tx = tile.key
        if isinstance(tile.held_after, int) and tile.held_after == 0:
            drop.append({"k_layer_id": change.layer_id, "k_plane": plane, "k_z": z, "k_ty": ty, "k_tx": tx})
        else:
            row = {"layer_id": change.layer_id, "plane": plane, "z": z, "ty": ty, "tx": tx}
            put.append({**row, "data": encoder.encode(tile.held_after)})
    if put:
        connection.execute(_PUT_TILE, put)
    if drop:
        connection.execute(_DROP_TILE, drop)


def _write_segments(connection: sa.Connection, change: LayerChange) -> None:
    put: list[dict[str, Any]] = []
    drop: list[dict[str, Any]] = []
    alter: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for before, after in change.segments:
        if after is None:
            if before is not None:
                drop.append({"k_layer": change.layer_id, "k_id": before.id})
        elif before is None:
            put.append({"layer_id": change.layer_id, **asdict(after)})
        else:
            # Only what this edit changed: see core.edits.apply_segment_change.
            names = tuple(name for name in _SEGMENT_FIELDS if getattr(before, name) != getattr(after, name))
            values = {f"v_{name}": getattr(after, name) for name in names}
            alter[names].append({"k_layer": change.layer_id, "k_id": after.id, **values})
    if put:
        connection.execute(_PUT_SEGMENT, put)
    for names, rows in alter.items():
        if names:
            values = {name: sa.bindparam(f"v_{name}") for name in names}
            connection.execute(sa.update(schema.segments).where(*_this_segment).values(values), rows)
    if drop:
        connection.execute(_DROP_SEGMENT, drop)


def _write_counts(connection: sa.Connection, change: LayerChange, sizes: dict[int, tuple[int, int]]) -> None:
    if change.layer_id not in sizes:
        row = connection.execute(
            sa.select(schema.images.c.width, schema.images.c.height)
            .join(schema.layers, schema.layers.c.image_id == schema.images.c.id)
            .where(schema.layers.c.id == change.layer_id)
        ).first()
        if row is None:
            return
        sizes[change.layer_id] = (row.width, row.height)
    width, height = sizes[change.layer_id]
    gains: dict[int, int] = {}
    for tile in change.tiles:
        add_differences(gains, tile, width, height)
    rows = [
        {"k_layer": change.layer_id, "k_id": segment_id, "gain": gain}
        for segment_id, gain in gains.items()
        if gain and segment_id
    ]
    if rows:
        connection.execute(_COUNT, rows)


def read_classes(connection: sa.Connection) -> ClassTable:
    """The project's classes."""
    table = schema.classes.c
    rows = connection.execute(sa.select(schema.classes).order_by(table.position)).all()
    items = [
        ClassDef(row.id, row.name, row.mask_value, row.color, bool(row.is_visible), bool(row.is_locked)) for row in rows
    ]
    next_id = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.key == "next_class_id")).scalar()
    return ClassTable(items, int(next_id or 1))


def write_classes(connection: sa.Connection, table: ClassTable) -> None:
    """Replace the project's classes."""
    connection.execute(sa.delete(schema.classes))
    rows = [{"position": position, **asdict(item)} for position, item in enumerate(table)]
    if rows:
        connection.execute(sa.insert(schema.classes), rows)
    _put_meta(connection, "next_class_id", str(table.next_id))


def write_meta(connection: sa.Connection, key: str, value: Any) -> None:
    """Keep a JSON value under a name of the store's users."""
    _put_meta(connection, f"user:{key}", json.dumps(value))


def read_meta(connection: sa.Connection, key: str, default: Any = None) -> Any:
    """The JSON value that a user of the store kept, or *default*."""
    query = sa.select(schema.meta.c.value).where(schema.meta.c.key == f"user:{key}")
    text = connection.execute(query).scalar()
    return default if text is None else json.loads(text)


def _put_meta(connection: sa.Connection, key: str, value: str) -> None:
    statement = upsert(schema.meta)
    statement = statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value})
    connection.execute(statement, {"key": key, "value": value})
