"""Writing an import out of sight: layers of kind "staged", in small transactions, that one edit brings in afterwards."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.errors import UserError
from segstudio.core.layers import LayerArrival
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.formats.safety import file_name
from segstudio.io.importing.plan import ImportPlan, ImportRow, StagedImport
from segstudio.io.store import schema
from segstudio.io.store.arrivals import note_added, note_copies, staged_error, sweep_staged
from segstudio.io.store.blobs import PLANE_CODES
from segstudio.io.store.image_rows import copy_target, describe_new, insert_on
from segstudio.io.store.layer_rows import STAGED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from segstudio.core.layers import LabelLayer
    from segstudio.io.importing.examining import Examined
    from segstudio.io.importing.plan import ImportRequest
    from segstudio.io.store.database import Database
    from segstudio.io.store.project import ProjectStore

FACT = "import.labels"
"""Image fact: digest of imported labels → ids of the layers that hold them."""
LAYER_NAME = "imported"
_BATCH_IMAGES = 32
_BATCH_BYTES = 4 << 20


def stage_import(
    store: ProjectStore,
    request: ImportRequest,
    *,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
    expected: int = 0,
) -> StagedImport:
    """Read a dataset and write its labels into the project's file where nobody sees them yet.

    *store* may be read-only, in another process than the one that has the project open: what is written goes over a connection of
    its own then. Cancelled, or failed, nothing is left of it.

    Raises
    ------
    UserError
        As :func:`~segstudio.io.importing.planning.plan_import`, or when the project's file cannot be written to.
    """
    if not store.is_read_only:
        return _stage(store, store._database, request, progress, cancel, expected)
    from segstudio.io.store.database import Database

    with closing(Database(store._database.path)) as database:
        return _stage(store, database, request, progress, cancel, expected)


def _stage(
    store: ProjectStore,
    database: Database,
    request: ImportRequest,
    progress: ProgressSink,
    cancel: Cancel,
    expected: int,
) -> StagedImport:
    from segstudio.io.importing.planning import examiner_for, gathered, opened_source

    sweep_staged(database, store.folder)
    with opened_source(store, request) as (importer, format_id, guesses):
        examiner = examiner_for(store, importer, request)
        rows: list[ImportRow] = []
        is_archive = request.source.is_file() and request.source.suffix.lower() == ".zip"
        writer = StagedWriter(database, store.folder, request, must_copy=is_archive)
        try:
            for examined in examiner.walk(cancel):
                rows.append(writer.take(examined, cancel))
                progress(len(rows), max(expected, 0), examined.row.name)
            writer.flush()
        except BaseException:
            with suppress(UserError):
                sweep_staged(database, store.folder)
            raise
        plan = ImportPlan(request, format_id, guesses, tuple(rows), examiner.classes, gathered(importer.problems))
        before, after = store.classes, examiner.table
        classes = (before, after if plan.changes_something else before)
        return StagedImport(plan, tuple(writer.arrivals), classes, tuple(writer.added_ids))


class StagedWriter:
    """Gathers images that were examined and writes some of them at a time."""

    def __init__(self, database: Database, folder: Path, request: ImportRequest, *, must_copy: bool) -> None:
        self.arrivals: list[LayerArrival] = []
        self.added_ids: list[int] = []
        self._database, self._folder, self._request = database, folder, request
        self._must_copy = must_copy or request.copies_images
        self._waiting: list[tuple[Examined, dict[str, Any] | None]] = []
        self._copies: list[str] = []
        self._bytes = 0

    def take(self, examined: Examined, cancel: Cancel) -> ImportRow:
        """Take what comes of an image; its row as it turned out."""
        if examined.row.kind not in ("comes", "new image"):
            return examined.row
        values = None
        if examined.record is None:
            try:
                values = self._described(examined, cancel)
            except (UserError, OSError) as error:
                sentence = (
                    str(error) if isinstance(error, UserError) else f"Its image cannot be read ({error.strerror})."
                )
                return ImportRow("conflict", examined.row.name, sentence)
        self._waiting.append((examined, values))
        self._bytes += sum(len(data) for packed in examined.layers for _, data in packed.tiles)
        if len(self._waiting) >= _BATCH_IMAGES or self._bytes >= _BATCH_BYTES:
            self.flush()
        return examined.row

    def _described(self, examined: Examined, cancel: Cancel) -> dict[str, Any]:
        file = examined.file
        assert file is not None
        root = self._folder.resolve()
        is_inside = file.resolve().is_relative_to(root)
        is_scratch = examined.found.image is None
        copies = (self._must_copy or is_scratch) and not is_inside
        if copies:
            target = copy_target(file, root)
            self._copies.append(target.relative_to(root).as_posix())
            note_copies(self._database, self._copies)
        name = clean_file_name(examined.found.name) or file.name
        values = describe_new(file, root, copy=copies, name=name, cancel=cancel)
        return {**values, "split": examined.row.split or None, "copied": self._copies[-1] if copies else ""}

    def flush(self) -> None:
        """Write what was taken, all in one transaction; UserError when that fails."""
        if not self._waiting:
            return
        try:
            with self._database.transaction() as connection:
                added: list[tuple[int, str]] = []
                arrivals: list[LayerArrival] = []
                for examined, values in self._waiting:
                    arrivals += self._write(connection, examined, values, added)
                note_added(connection, added)
        except UserError as error:
            raise staged_error(error) from error
        self.arrivals += arrivals
        self.added_ids += [key for key, _ in added]
        self._waiting.clear()
        self._copies.clear()
        self._bytes = 0

    def _write(
        self,
        connection: sa.Connection,
        examined: Examined,
        values: dict[str, Any] | None,
        added: list[tuple[int, str]],
    ) -> list[LayerArrival]:
        if values is not None:
            copied = str(values.pop("copied"))
            image_id = insert_on(connection, values)
            added.append((image_id, copied))
        else:
            assert examined.record is not None
            image_id = examined.record.id
        if not examined.layers:
            return []
        ids = [write_layer(connection, packed.layer, image_id, packed.tiles) for packed in examined.layers]
        _note_fact(connection, image_id, examined.digest, ids)
        name = self._request.layer_name.strip() or LAYER_NAME
        empty = None if self._request.into_new_layer else _empty_layer(connection, image_id)
        gone = []
        if empty is not None:
            gone = [LayerArrival(empty[0], image_id, empty[1], is_there=False)]
            name = self._request.layer_name.strip() or empty[1]
        return [*gone, *(LayerArrival(layer_id, image_id, name) for layer_id in ids)]


def clean_file_name(name: str) -> str:
    """The last part of a name that a dataset gives, without what cannot be printed; "" where nothing is left."""
    return "".join(char for char in file_name(name) if char.isprintable()).strip()[:200]


def write_layer(
    connection: sa.Connection,
    layer: LabelLayer,
    image_id: int = 0,
    tiles: Sequence[tuple[tuple[int, int, int], bytes]] | None = None,
) -> int:
    """Write a layer that is not there yet, with its segments and *tiles* (None: those of the layer); its id."""
    from segstudio.io.importing.examining import pack_layer

    tiles = pack_layer(layer).tiles if tiles is None else tiles
    row = {"image_id": image_id or layer.image_id, "name": f"\x1f{uuid.uuid4().hex}", "kind": STAGED}
    key = connection.execute(_PUT_LAYER, row).inserted_primary_key
    assert key is not None
    layer_id = int(key[0])
    pixels = layer.segment_pixels()
    rows = [
        {
            "layer_id": layer_id, "id": item.id, "class_id": item.class_id, "is_object": item.is_object, "source": item.source,
            "model_id": item.model_id, "confidence": item.confidence, "is_reviewed": item.is_reviewed,
            "pixels": pixels.get(item.id, 0),
        }
        for item in layer.segments.values()
    ]  # fmt: skip
    if rows:
        connection.execute(_PUT_SEGMENTS, rows)
    plane = PLANE_CODES["segments"]
    held = [
        {"layer_id": layer_id, "plane": plane, "z": z, "ty": ty, "tx": tx, "data": data} for (z, ty, tx), data in tiles
    ]
    if held:
        connection.execute(_PUT_TILES, held)
    return layer_id


def _empty_layer(connection: sa.Connection, image_id: int) -> tuple[int, str] | None:
    """(id, name) of the image's one label layer if nobody ever worked on it."""
    rows = connection.execute(_LABEL_LAYERS, {"image": image_id}).all()
    if len(rows) != 1 or rows[0].is_used:
        return None
    return int(rows[0].id), str(rows[0].name)


def _note_fact(connection: sa.Connection, image_id: int, digest: str, layer_ids: Sequence[int]) -> None:
    text = connection.execute(_OLD_FACT, {"image": image_id}).scalar()
    value = json.loads(text) if text else {}
    value = value if isinstance(value, dict) else {}
    value[digest] = list(layer_ids)
    row = {"image_id": image_id, "name": FACT, "value": json.dumps(value), "data": b"", "at_s": time.time()}
    connection.execute(_PUT_FACT, row)


_layers, _tiles, _segments, _facts = schema.layers.c, schema.tiles.c, schema.segments.c, schema.image_facts.c
_HAS_TILES = sa.exists(sa.select(_tiles.tx).where(_tiles.layer_id == _layers.id))
_HAS_SEGMENTS = sa.exists(sa.select(_segments.id).where(_segments.layer_id == _layers.id))
_LABEL_LAYERS = sa.select(_layers.id, _layers.name, sa.or_(_HAS_TILES, _HAS_SEGMENTS).label("is_used")).where(
    _layers.image_id == sa.bindparam("image"), _layers.kind == "labels"
)
_OLD_FACT = sa.select(_facts.value).where(_facts.image_id == sa.bindparam("image"), _facts.name == FACT)
_fact_insert = upsert(schema.image_facts)
_PUT_FACT = _fact_insert.on_conflict_do_update(
    index_elements=["image_id", "name"], set_={key: _fact_insert.excluded[key] for key in ("value", "at_s")}
)
_PUT_LAYER, _PUT_SEGMENTS, _PUT_TILES = (sa.insert(table) for table in (schema.layers, schema.segments, schema.tiles))


def known_digests(database: Database) -> dict[int, frozenset[str]]:
    """Image id → digests of the labels that imports brought and that are still there, changed or not."""
    from segstudio.io.store.facts import ImageFacts

    facts = ImageFacts(database).all(FACT)
    if not facts:
        return {}
    layers, tiles, segments = schema.layers.c, schema.tiles.c, schema.segments.c
    has_pixels = sa.exists(
        sa.select(tiles.tx).where(tiles.layer_id == layers.id, tiles.plane == PLANE_CODES["segments"])
    )
    lost_class = sa.exists(sa.select(segments.id).where(segments.layer_id == layers.id, segments.class_id == 0))
    query = sa.select(layers.id).where(layers.kind == "labels", has_pixels, ~lost_class)
    with database.reading() as connection:
        alive = set(connection.execute(query).scalars())
    known = {}
    for image_id, fact in facts.items():
        value = fact.value if isinstance(fact.value, dict) else {}
        kept = frozenset(digest for digest, ids in value.items() if ids and alive.issuperset(ids))
        if kept:
            known[image_id] = kept
    return known
