"""The images of a project: adding, finding their files, status and split."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.atomic import copy_file_atomic, disk_error
from segstudio.io.store import schema
from segstudio.io.store.layer_rows import add_layer
from segstudio.io.store.records import AddReport, FileState, ImageRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from segstudio.io.store.database import Database
    from segstudio.io.store.records import ClassUse

_images = schema.images.c
_CHUNK_BYTES = 1 << 20
_FEW = 500
"""So many ids stand in one statement."""


_KEPT = tuple(
    schema.images.c[name]
    for name in (
        *("id", "path", "name", "width", "height", "depth", "bands", "dtype", "status", "split", "sha256"),
        *("added_s", "path_hint", "file_bytes"),
    )
)
_BATCH = 64
"""So many images are added in one transaction."""
HASHED_AT_ONCE_BYTES = 64 << 20
"""The content of a larger file is hashed later, in the background."""


def _with_pixels(image_id: int | None) -> sa.Select[Any]:
    """(image id, kind) of the layers that hold something."""
    layers, segments = schema.layers.c, schema.segments.c
    query = sa.select(layers.image_id, layers.kind).where(
        sa.exists(
            sa.select(segments.id).where(segments.layer_id == layers.id, segments.pixels > 0, segments.class_id != 0)
        )
    )
    return query if image_id is None else query.where(layers.image_id == image_id)


def read_images(
    database: Database, folder: Path, image_id: int | None = None, *, checks_files: bool = True, after_id: int = 0
) -> list[ImageRecord]:
    """All images (the one; those after an id) in the order they were added, in two queries.

    Without *checks_files* no file is looked for, and none counts as missing.
    """
    query = sa.select(*_KEPT).order_by(_images.id)
    if image_id is not None:
        query = query.where(_images.id == image_id)
    elif after_id:
        query = query.where(_images.id > after_id)
    with database.reading() as connection:
        rows = connection.execute(query).all()
        flags = connection.execute(_with_pixels(image_id)).all()
    labelled = {owner for owner, kind in flags if kind == "labels"}
    proposed = {owner for owner, kind in flags if kind == "proposal"}
    records = []
    for key, path, name, width, height, depth, bands, dtype, status, split, digest, added_s, hint, size in rows:
        if status == "unlabelled" and key in labelled:
            status = "in_progress"
        state = file_state(resolve(folder, path, hint)) if checks_files else _PRESENT
        records.append(
            ImageRecord(
                *(key, path, name, width, height, depth, bands, dtype, status, split, digest, state.is_missing),
                *(key in proposed, added_s, hint, size, state.is_read_only),
            )
        )
    return records


_PRESENT = FileState(is_missing=False, is_read_only=False)


def file_state(file: Path) -> FileState:
    """Whether a file is gone, or can't be written to."""
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError):
        return FileState(is_missing=True, is_read_only=False)
    return FileState(is_missing=False, is_read_only=not mode & 0o222 or not os.access(file, os.W_OK))


def resolve(folder: Path, path: str, hint: str) -> Path:
    """Where an image lies now: inside the project, at its absolute path, or where it lay from the project."""
    kept = Path(path)
    if not kept.is_absolute():
        return folder / kept
    if hint and not kept.exists():
        moved = Path(os.path.normpath(folder / hint))
        if moved.exists():
            return moved
    return kept


def kept_path(file: Path, folder: Path) -> tuple[str, str]:
    """(path, hint) to keep for a file: relative inside the project, else absolute with the way there as a hint."""
    file, folder = file.resolve(), folder.resolve()
    if file.is_relative_to(folder):
        return PurePosixPath(file.relative_to(folder)).as_posix(), ""
    try:
        hint = Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive
        hint = ""
    return str(file), hint


def file_sha256(file: Path, cancel: Cancel = NEVER) -> str:
    """The SHA-256 of a file's content, as hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            check(cancel)
            digest.update(chunk)
    return digest.hexdigest()


def add_images(
    database: Database,
    folder: Path,
    paths: Iterable[Path | str],
    *,
    copy: bool = False,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> AddReport:
    """Add files, and the images in folders; see ``ProjectStore.add_images``."""
    report = AddReport()
    already = 0
    rows: list[dict[str, Any]] = []

    def write() -> None:
        report.added.extend(insert_images(database, folder, rows))
        rows.clear()

    try:
        for found in describe_files(database, folder, paths, copy=copy, progress=progress, cancel=cancel):
            if isinstance(found, dict):
                rows.append(found)
            elif found is None:
                already += 1
            else:
                report.failed.append(found)
            if len(rows) >= _BATCH:
                write()
    finally:
        write()
    return AddReport(report.added, report.failed, already)


def describe_files(
    database: Database,
    folder: Path,
    paths: Iterable[Path | str],
    *,
    copy: bool = False,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> Iterator[dict[str, Any] | tuple[Path, str] | None]:
    """What :func:`insert_images` wants of each file, (path, sentence) where it can't be read, None where it is known.

    Reads headers (and copies the files, with *copy*) but writes no row, so it may run in another thread.
    """
    from segstudio.io.readers.registry import list_images, one_per_image

    files: list[Path] = []
    for path in map(Path, paths):
        check(cancel)
        if path.is_dir():
            found = list(list_images(path))
            if not found:
                yield path, str(UserError("The folder holds no image that can be read", path=path))
            files += found
        else:
            files.append(path)
    files = one_per_image(files)
    with database.reading() as connection:
        known = {str(path): digest for path, digest in connection.execute(sa.select(_images.path, _images.sha256))}
    digests = set(known.values()) - {""}
    for index, file in enumerate(files):
        check(cancel)
        progress(index, len(files), file.name)
        try:
            if not file.is_file():
                raise UserError("There is no such image file", path=file, remedy="check the path")
            kept, hint = kept_path(file, folder)
            if kept in known:
                yield None
                continue
            copies = copy and Path(kept).is_absolute()
            values = _describe(file, cancel, hashes_all=copies)
            if copies:
                if values["sha256"] in digests:
                    yield None
                    continue
                kept, hint = kept_path(_copy_in(file, folder, values["name"]), folder)
            known[kept] = values["sha256"]
            digests.add(values["sha256"])
            yield {**values, "path": kept, "path_hint": hint}
        except UserError as error:
            yield file, str(error)
        except OSError as error:
            yield file, str(UserError(f"It cannot be read ({error.strerror or error})", path=file))
    progress(len(files), len(files), "")


def describe_new(
    file: Path, folder: Path, *, copy: bool = False, name: str = "", cancel: Cancel = NEVER
) -> dict[str, Any]:
    """What :func:`insert_on` wants of a file that the project is known not to have, copied to :func:`copy_target` with *copy*."""
    values = _describe(file, cancel, hashes_all=copy)
    if copy:
        file = _copy_in(file, folder, values["name"])
    kept, hint = kept_path(file, folder)
    return {**values, "name": name or values["name"], "path": kept, "path_hint": hint}


def copy_target(file: Path, folder: Path) -> Path:
    """Where :func:`describe_new` copies an image to; the folder of a series."""
    from segstudio.io.readers.registry import files_of, probe

    if len(files_of(file)) == 1:
        return _free(folder / "images" / file.name)
    return _free(folder / "images" / Path(str(probe(file).metadata.get("name", file.name))).stem)


def _describe(file: Path, cancel: Cancel, *, hashes_all: bool) -> dict[str, Any]:
    from segstudio.io.readers.registry import probe

    info = probe(file)
    size = file.stat().st_size
    return {
        "name": str(info.metadata.get("name", file.name)),
        "width": info.width,
        "height": info.height,
        "depth": info.depth,
        "bands": info.bands,
        "dtype": str(info.dtype),
        "status": "unlabelled",
        "split": None,
        "sha256": file_sha256(file, cancel) if hashes_all or size <= HASHED_AT_ONCE_BYTES else "",
        "file_bytes": size,
        "added_s": time.time(),
    }


def _copy_in(file: Path, folder: Path, name: str) -> Path:
    """Copy an image into the project; a series goes, file by file, into a folder of its own."""
    from segstudio.io.readers.registry import files_of

    files = files_of(file)
    target_folder = folder / "images"
    try:
        target_folder.mkdir(exist_ok=True)
        if len(files) > 1:
            target_folder = _free(target_folder / Path(name).stem)
            target_folder.mkdir()
    except OSError as error:
        raise disk_error(error, target_folder) from error
    for part in files:
        target = _free(target_folder / part.name)
        copy_file_atomic(part, target)
        if part.name == file.name:
            copied = target
    return copied


def _free(target: Path) -> Path:
    """*target*, or with a number where that is taken."""
    free, number = target, 2
    while free.exists():
        free = target.with_name(f"{target.stem}-{number}{target.suffix}")
        number += 1
    return free


def insert_image(database: Database, values: dict[str, Any]) -> int:
    """Add a row of the images table (every column but ``id``) and its empty labels layer; the image's id."""
    with database.transaction() as connection:
        return insert_on(connection, values)


def insert_on(connection: sa.Connection, values: dict[str, Any]) -> int:
    """As :func:`insert_image`, in a transaction that is under way."""
    key = connection.execute(sa.insert(schema.images), values).inserted_primary_key
    assert key is not None
    image_id = int(key[0])
    add_layer(connection, image_id, "labels", "labels")
    return image_id


def insert_images(database: Database, folder: Path, rows: Sequence[dict[str, Any]]) -> list[ImageRecord]:
    """Add what :func:`describe_files` said, all in one transaction; the records. Rows that came meanwhile are left out."""
    if not rows:
        return []
    with database.transaction() as connection:
        last = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(_images.id), 0))).scalar() or 0)
        paths = [values["path"] for values in rows]
        there = set(connection.execute(sa.select(_images.path).where(_images.path.in_(paths))).scalars())
        new = [values for values in rows if values["path"] not in there]
        if new:
            connection.execute(sa.insert(schema.images), new)
            ids = connection.execute(sa.select(_images.id).where(_images.id > last)).scalars()
            layers = [{"image_id": image_id, "name": "labels", "kind": "labels"} for image_id in ids]
            connection.execute(sa.insert(schema.layers), layers)
    return read_images(database, folder, checks_files=False, after_id=last)


def remove_image(database: Database, image_id: int) -> None:
    """Drop an image with its layers and history; the file stays."""
    with database.transaction() as connection:
        connection.execute(sa.delete(schema.images).where(_images.id == image_id))


def update_image(database: Database, image_ids: Collection[int], **values: Any) -> None:
    """Set columns of images."""
    chosen = list(image_ids)
    with database.transaction() as connection:
        for first in range(0, len(chosen), _FEW):
            some = chosen[first : first + _FEW]
            connection.execute(sa.update(schema.images).where(_images.id.in_(some)).values(**values))


def set_places(database: Database, places: Sequence[dict[str, Any]]) -> None:
    """Set columns (``v_name``) of images (``k_id``), each its own, all in one transaction; the rows have like keys."""
    names = [key.removeprefix("v_") for key in places[0] if key != "k_id"]
    statement = sa.update(schema.images).where(_images.id == sa.bindparam("k_id"))
    statement = statement.values({name: sa.bindparam(f"v_{name}") for name in names})
    with database.transaction() as connection:
        connection.execute(statement, list(places))


def class_pixels(database: Database, image_ids: Collection[int] | None = None) -> dict[int, int]:
    """Labelled pixels of each class, over these images or all."""
    segments, layers = schema.segments.c, schema.layers.c
    query = (
        sa.select(segments.class_id, sa.func.sum(segments.pixels))
        .join(schema.layers, layers.id == segments.layer_id)
        .where(layers.kind == "labels", segments.pixels > 0, segments.class_id != 0)
        .group_by(segments.class_id)
    )
    chosen = None if image_ids is None else set(image_ids)
    if chosen is not None and len(chosen) <= _FEW:
        query = query.where(layers.image_id.in_(chosen))
    elif chosen is not None:
        query = query.add_columns(layers.image_id).group_by(layers.image_id)
    totals: dict[int, int] = {}
    with database.reading() as connection:
        for result in connection.execute(query):
            row: tuple[int, ...] = tuple(result)
            if len(row) == 2 or chosen is None or row[2] in chosen:
                totals[int(row[0])] = totals.get(int(row[0]), 0) + int(row[1])
    return totals


def class_use(database: Database, class_id: int) -> ClassUse:
    """In how many images and pixels of labels the class occurs."""
    segments, layers = schema.segments.c, schema.layers.c
    query = (
        sa.select(sa.func.count(sa.distinct(layers.image_id)), sa.func.coalesce(sa.func.sum(segments.pixels), 0))
        .join(schema.layers, layers.id == segments.layer_id)
        .where(layers.kind == "labels", segments.pixels > 0, segments.class_id == class_id)
    )
    with database.reading() as connection:
        images, pixels = connection.execute(query).one()
    return {"images": int(images), "pixels": int(pixels)}
