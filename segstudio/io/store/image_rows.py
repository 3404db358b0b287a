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
from segstudio.io.store.records import AddReport, ImageRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from segstudio.io.store.database import Database
    from segstudio.io.store.records import ClassUse, ImageStatus

_images = schema.images.c
_CHUNK_BYTES = 1 << 20


def _has_pixels(kind: str) -> sa.ColumnElement[bool]:
    return sa.exists(
        sa.select(schema.segments.c.id)
        .join(schema.layers, schema.layers.c.id == schema.segments.c.layer_id)
        .where(
            schema.layers.c.image_id == _images.id,
            schema.layers.c.kind == kind,
            schema.segments.c.pixels > 0,
            schema.segments.c.class_id != 0,
        )
    )


def read_images(database: Database, folder: Path, image_id: int | None = None) -> list[ImageRecord]:
    """All images (or the one) in the order they were added."""
    query = sa.select(
        schema.images, _has_pixels("labels").label("is_labelled"), _has_pixels("proposal").label("has_proposal")
    ).order_by(_images.id)
    if image_id is not None:
        query = query.where(_images.id == image_id)
    with database.transaction() as connection:
        rows = connection.execute(query).all()
    return [_record(row, folder) for row in rows]


def _record(row: sa.Row[Any], folder: Path) -> ImageRecord:
    status: ImageStatus = row.status
    if status == "unlabelled" and row.is_labelled:
        status = "in_progress"
    return ImageRecord(
        row.id,
        row.path,
        row.name,
        row.width,
        row.height,
        row.depth,
        row.bands,
        row.dtype,
        status,
        row.split,
        row.sha256,
        not resolve(folder, row.path, row.path_hint).exists(),
        bool(row.has_proposal),
        row.added_s,
    )


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


def path_hint(database: Database, image_id: int) -> str:
    """Where an outside image lay from the project's folder; "" when unknown."""
    with database.transaction() as connection:
        value = connection.execute(sa.select(_images.path_hint).where(_images.id == image_id)).scalar()
    return str(value or "")


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
    from segstudio.io.readers.registry import list_images, one_per_image

    report = AddReport()
    already = 0
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found = list(list_images(path))
            if not found:
                report.failed.append((path, str(UserError("The folder holds no image that can be read", path=path))))
            files += found
        else:
            files.append(path)
    files = one_per_image(files)
    with database.transaction() as connection:
        known = {str(path): digest for path, digest in connection.execute(sa.select(_images.path, _images.sha256))}
    for index, file in enumerate(files):
        check(cancel)
        progress(index, len(files), file.name)
        try:
            if not file.is_file():
                raise UserError("There is no such image file", path=file, remedy="check the path")
            kept, hint = kept_path(file, folder)
            if kept in known:
                already += 1
                continue
            values = _describe(file, cancel)
            if copy and Path(kept).is_absolute():
                if values["sha256"] in known.values():
                    already += 1
                    continue
                kept, hint = kept_path(_copy_in(file, folder, values["name"]), folder)
            image_id = insert_image(database, {**values, "path": kept, "path_hint": hint})
            known[kept] = values["sha256"]
            report.added.extend(read_images(database, folder, image_id))
        except UserError as error:
            report.failed.append((file, str(error)))
        except OSError as error:
            report.failed.append((file, str(UserError(f"It cannot be read ({error.strerror or error})", path=file))))
    progress(len(files), len(files), "")
    return AddReport(report.added, report.failed, already)


def _describe(file: Path, cancel: Cancel) -> dict[str, Any]:
    from segstudio.io.readers.registry import probe

    info = probe(file)
    return {
        "name": str(info.metadata.get("name", file.name)),
        "width": info.width,
        "height": info.height,
        "depth": info.depth,
        "bands": info.bands,
        "dtype": str(info.dtype),
        "status": "unlabelled",
        "split": None,
        "sha256": file_sha256(file, cancel),
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
        key = connection.execute(sa.insert(schema.images), values).inserted_primary_key
        assert key is not None
        image_id = int(key[0])
        add_layer(connection, image_id, "labels", "labels")
    return image_id


def remove_image(database: Database, image_id: int) -> None:
    """Drop an image with its layers and history; the file stays."""
    with database.transaction() as connection:
        connection.execute(sa.delete(schema.images).where(_images.id == image_id))


def update_image(database: Database, image_ids: Collection[int], **values: Any) -> None:
    """Set columns of images."""
    with database.transaction() as connection:
        connection.execute(sa.update(schema.images).where(_images.id.in_(list(image_ids))).values(**values))


def class_pixels(database: Database, image_ids: Collection[int] | None = None) -> dict[int, int]:
    """Labelled pixels of each class, over these images or all."""
    segments, layers = schema.segments.c, schema.layers.c
    query = (
        sa.select(segments.class_id, sa.func.sum(segments.pixels))
        .join(schema.layers, layers.id == segments.layer_id)
        .where(layers.kind == "labels", segments.pixels > 0, segments.class_id != 0)
        .group_by(segments.class_id)
    )
    if image_ids is not None:
        query = query.where(layers.image_id.in_(list(image_ids)))
    with database.transaction() as connection:
        return {int(class_id): int(pixels) for class_id, pixels in connection.execute(query)}


def class_use(database: Database, class_id: int) -> ClassUse:
    """In how many images and pixels of labels the class occurs."""
    segments, layers = schema.segments.c, schema.layers.c
    query = (
        sa.select(sa.func.count(sa.distinct(layers.image_id)), sa.func.coalesce(sa.func.sum(segments.pixels), 0))
        .join(schema.layers, layers.id == segments.layer_id)
        .where(layers.kind == "labels", segments.pixels > 0, segments.class_id == class_id)
    )
    with database.transaction() as connection:
        images, pixels = connection.execute(query).one()
    return {"images": int(images), "pixels": int(pixels)}
