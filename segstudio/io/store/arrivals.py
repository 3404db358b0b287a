"""Layers that are written out of sight and come into their images with one edit: imports. What was left behind is swept."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from segstudio.core.errors import UserError
from segstudio.io.store import schema
from segstudio.io.store.blobs import decode_arrivals
from segstudio.io.store.layer_rows import STAGED
from segstudio.io.store.state_rows import read_meta, write_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from segstudio.core.edits import Edit
    from segstudio.core.layers import LayerArrival
    from segstudio.io.store.database import Database
    from segstudio.io.store.project import ProjectStore

ADDED_KEY = "import:added"
"""Under it stand the images (and files made for them) that an import which is not finished has added."""
COPYING_KEY = "import:copying"
"""Under it stand the files that it is making, of images that are in no row yet."""
_FEW = 500
_layers, _edits = schema.layers.c, schema.edits.c


def hidden_name(layer_id: int) -> str:
    """What a layer is called while it is not there; no name that a person can type."""
    return f"\x1f{STAGED} {layer_id}"


def write_arrivals(connection: sa.Connection, arrivals: Sequence[LayerArrival]) -> None:
    """Let layers go, then come, as an edit says; what the import had noted for its own end is settled."""
    if not arrivals:
        return
    rename = sa.update(schema.layers).where(_layers.id == sa.bindparam("k_id"))
    rename = rename.values(name=sa.bindparam("v_name"), kind=sa.bindparam("v_kind"))
    gone = [item for item in arrivals if not item.is_there]
    if gone:
        rows = [{"k_id": item.layer_id, "v_name": hidden_name(item.layer_id), "v_kind": STAGED} for item in gone]
        connection.execute(rename, rows)
    come = [item for item in arrivals if item.is_there]
    if come:
        query = sa.select(_layers.image_id, _layers.name).where(_layers.kind != STAGED)
        taken = {(row.image_id, row.name) for row in connection.execute(query)}
        rows = []
        for item in come:
            name = free_name(item.name, {text for text in _candidates(item.name) if (item.image_id, text) in taken})
            taken.add((item.image_id, name))
            rows.append({"k_id": item.layer_id, "v_name": name, "v_kind": "labels"})
        connection.execute(rename, rows)
    write_meta(connection, ADDED_KEY, [])


def _candidates(name: str) -> list[str]:
    return [name, *(f"{name} {number}" for number in range(2, 100))]


def free_name(name: str, taken: set[str]) -> str:
    """*name*, or with a number where it is taken."""
    return next(text for text in (*_candidates(name), f"{name} {len(taken) + 100}") if text not in taken)


def obstacle(store: ProjectStore, edit: Edit) -> str:
    """Why the layers of *edit* cannot go now, as a sentence, or "": somebody has worked on them since."""
    going = {item.layer_id: item.image_id for item in edit.layers if not item.is_there}
    if not going:
        return ""
    query = sa.select(_edits.seq, _edits.image_id).where(_edits.seq > edit.seq, _edits.is_undone.is_(False))
    with store._database.reading() as connection:
        later = [(row.seq, row.image_id) for row in connection.execute(query.order_by(_edits.seq))]
    images = set(going.values())
    for seq, image_id in later:
        if image_id in images and going.keys() & set(store._journal.load(seq).layer_ids):
            return f"The imported labels of “{store.image(image_id).name}” were changed since"
    return ""


def pixels_in(store: ProjectStore, edit: Edit, class_id: int) -> int:
    """Pixels of a class in the layers that go with *edit*."""
    segments = schema.segments.c
    going = [item.layer_id for item in edit.layers if not item.is_there]
    total = 0
    with store._database.reading() as connection:
        for first in range(0, len(going), _FEW):
            query = sa.select(sa.func.coalesce(sa.func.sum(segments.pixels), 0)).where(
                segments.layer_id.in_(going[first : first + _FEW]), segments.class_id == class_id
            )
            total += int(connection.execute(query).scalar() or 0)
    return total


def note_copies(database: Database, paths: Sequence[str]) -> None:
    """Note files of the project's ``images`` that are about to be made, before they are."""
    with database.transaction() as connection:
        write_meta(connection, COPYING_KEY, list(paths))


def note_added(connection: sa.Connection, added: Iterable[tuple[int, str]]) -> None:
    """Note (image id, path of a file that was made for it or "") of images that go again unless the import is finished."""
    write_meta(connection, ADDED_KEY, [*read_meta(connection, ADDED_KEY, []), *([key, path] for key, path in added)])
    write_meta(connection, COPYING_KEY, [])


def keep_added(database: Database) -> None:
    """The import is finished: what it added stays."""
    with database.transaction() as connection:
        write_meta(connection, ADDED_KEY, [])


def sweep_staged(database: Database, folder: Path) -> int:
    """Take away what an import left that was not finished: layers that no edit can bring, images that it added; their count.

    Files that it made for images go too; none outside the project's ``images`` is touched.
    """
    with database.reading() as connection:
        staged = set(connection.execute(sa.select(_layers.id).where(_layers.kind == STAGED)).scalars())
        added = read_meta(connection, ADDED_KEY, [])
        copies = read_meta(connection, COPYING_KEY, [])
        if not staged and not added and not copies:
            return 0
        for data in connection.execute(sa.select(_edits.data).where(_edits.image_id.is_(None))).scalars():
            try:
                staged -= {item.layer_id for item in decode_arrivals(data)}
            except ValueError:
                return 0
    added = [row for row in added if isinstance(row, list) and len(row) == 2] if isinstance(added, list) else []
    with database.transaction() as connection:
        _delete(connection, schema.images, [int(key) for key, _ in added])
        _delete(connection, schema.layers, sorted(staged))
        write_meta(connection, ADDED_KEY, [])
        write_meta(connection, COPYING_KEY, [])
    for path in [*(path for _, path in added), *(copies if isinstance(copies, list) else [])]:
        _remove_file(folder, str(path))
    return len(staged) + len(added)


def _delete(connection: sa.Connection, table: sa.Table, ids: Sequence[int]) -> None:
    for first in range(0, len(ids), _FEW):
        connection.execute(sa.delete(table).where(table.c.id.in_(ids[first : first + _FEW])))


def _remove_file(folder: Path, path: str) -> None:
    if not path or Path(path).is_absolute() or ".." in Path(path).parts or Path(path).parts[:1] != ("images",):
        return
    target = folder / path
    with suppress(OSError):
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def staged_error(error: Any) -> UserError:
    """The sentence for an import whose layers could not be written."""
    message = error.message if isinstance(error, UserError) else str(error)
    path, remedy = (error.path, error.remedy) if isinstance(error, UserError) else (None, "")
    return UserError(f"{message.rstrip('.')}: nothing was imported", path=path, remedy=remedy)
