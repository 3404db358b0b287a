"""The files behind a project's images: whether they are there, what they hold, and where they went.

Nothing here belongs to the document's thread: a worker describes, checks, hashes and searches; only the methods that
write (:meth:`ImageFiles.insert`, :meth:`ImageFiles.place`) are for the thread that owns the project.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.store import schema
from segstudio.io.store.image_rows import (
    describe_files,
    file_sha256,
    file_state,
    insert_images,
    kept_path,
    resolve,
    set_places,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from segstudio.io.store.database import Database
    from segstudio.io.store.records import FileState, ImageRecord

MOST_FILES = 2_000_000
"""A search that has looked at so many files is ended: somebody chose a whole disk."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """Where an image's file lies now. ``sha256`` is that of its content."""

    image_id: int
    file: Path
    sha256: str
    file_bytes: int


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What a search for moved files found; ``missing`` are the ids it did not find, ``looked_at`` counts files."""

    found: tuple[FoundFile, ...] = ()
    missing: tuple[int, ...] = ()
    looked_at: int = 0
    is_cut_short: bool = False


@dataclass(slots=True)
class _Wanted:
    """Missing images by what could tell their files."""

    by_size: dict[int, list[ImageRecord]] = field(default_factory=dict)
    by_name: dict[str, list[ImageRecord]] = field(default_factory=dict)

    def of(self, name: str, size: int) -> list[ImageRecord]:
        return self.by_size.get(size, []) + self.by_name.get(name, [])


class ImageFiles:
    """Files of the images of one project."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self.folder = database, folder

    def describe(
        self, paths: Iterable[Path | str], *, copy: bool = False, progress: ProgressSink, cancel: Cancel
    ) -> Iterator[dict[str, Any] | tuple[Path, str] | None]:
        """One answer a file: what :meth:`insert` takes, (path, sentence) of a failure, None for one that is known."""
        return describe_files(self._database, self.folder, paths, copy=copy, progress=progress, cancel=cancel)

    def insert(self, rows: Sequence[dict[str, Any]]) -> list[ImageRecord]:
        """Add described files in one transaction; UserError when they can't be written."""
        return insert_images(self._database, self.folder, rows)

    def states(self, records: Iterable[ImageRecord], cancel: Cancel = NEVER) -> Iterator[tuple[int, FileState]]:
        """(image id, state) of each record's file."""
        for record in records:
            check(cancel)
            yield record.id, file_state(resolve(self.folder, record.path, record.path_hint))

    def hashes(self, records: Iterable[ImageRecord], cancel: Cancel = NEVER) -> Iterator[FoundFile]:
        """The content hashes of files that have none yet; those that can't be read are passed over."""
        for record in records:
            check(cancel)
            file = resolve(self.folder, record.path, record.path_hint)
            try:
                if not record.sha256 or not record.file_bytes:
                    digest = record.sha256 or file_sha256(file, cancel)
                    yield FoundFile(record.id, file, digest, file.stat().st_size)
            except OSError:
                continue

    def search(
        self,
        missing: Sequence[ImageRecord],
        folders: Sequence[Path],
        *,
        progress: ProgressSink = no_progress,
        cancel: Cancel = NEVER,
    ) -> SearchReport:
        """Look in *folders*, and in all below them, for the files of *missing* images, by length and content.

        A file is hashed only where its length is that of a missing one, or, for images added when lengths were not
        kept yet, its name. An image whose content was never hashed is known by name and length. Where several files
        match, one of the old name is taken before others.
        """
        wanted, known = _wanted(missing), self._known_paths()
        best: dict[int, FoundFile] = {}
        looked_at = 0
        is_cut_short = False
        for file, size in _files_below(folders):
            check(cancel)
            looked_at += 1
            if looked_at > MOST_FILES:
                is_cut_short = True
                break
            if looked_at % 200 == 0:
                progress(len(best), len(missing), file.parent.name)
            candidates = [record for record in wanted.of(file.name, size) if _may_be_better(best, record, file)]
            if candidates and kept_path(file, self.folder)[0] not in known:
                _match(candidates, file, size, best, cancel)
                if len(best) == len(missing) and all(best[r.id].file.name == Path(r.path).name for r in missing):
                    break
        progress(len(best), len(missing), "")
        lost = tuple(record.id for record in missing if record.id not in best)
        found = tuple(best[record.id] for record in missing if record.id in best)
        return SearchReport(found, lost, looked_at, is_cut_short)

    def _known_paths(self) -> set[str]:
        """Paths of the images: a file that is another image already is nobody's lost one."""
        with self._database.reading() as connection:
            return set(connection.execute(sa.select(schema.images.c.path)).scalars())

    def place(self, found: Sequence[FoundFile]) -> dict[int, dict[str, Any]]:
        """Write where files are and what they hold, in one transaction; the changed fields of their records by id.

        UserError when that fails.
        """
        changes = {}
        for item in found:
            path, hint = kept_path(item.file, self.folder)
            changes[item.image_id] = {"path": path, "path_hint": hint, **_content(item), "is_missing": False}
        self._write(changes)
        return changes

    def remember(self, hashed: Sequence[FoundFile]) -> dict[int, dict[str, Any]]:
        """Write what files hold, wherever they are; the changed fields by id. UserError when that fails."""
        changes = {item.image_id: _content(item) for item in hashed}
        self._write(changes)
        return changes

    def _write(self, changes: dict[int, dict[str, Any]]) -> None:
        rows = [
            {"k_id": image_id, **{f"v_{name}": value for name, value in fields.items() if name != "is_missing"}}
            for image_id, fields in changes.items()
        ]
        if rows:
            set_places(self._database, rows)


def _content(item: FoundFile) -> dict[str, Any]:
    return {"sha256": item.sha256, "file_bytes": item.file_bytes}


def likely_folders(project: Path, records: Iterable[ImageRecord]) -> list[Path]:
    """Where moved files are looked for without being asked: the project, and the folders of images that are there.

    A missing folder's nearest parent that still exists is not among them: it may be a whole disk.
    """
    folders = {project}
    for record in records:
        file = resolve(project, record.path, record.path_hint)
        folders.add(file.parent)
    return sorted(folder for folder in folders if folder.is_dir())


def _wanted(missing: Sequence[ImageRecord]) -> _Wanted:
    wanted = _Wanted()
    for record in missing:
        if record.file_bytes:
            wanted.by_size.setdefault(record.file_bytes, []).append(record)
        else:
            wanted.by_name.setdefault(Path(record.path).name, []).append(record)
    return wanted


def _may_be_better(best: dict[int, FoundFile], record: ImageRecord, file: Path) -> bool:
    name = Path(record.path).name
    return record.id not in best or (file.name == name and best[record.id].file.name != name)


def _match(
    candidates: Sequence[ImageRecord], file: Path, size: int, best: dict[int, FoundFile], cancel: Cancel
) -> None:
    """Enter *file* for each of the candidates whose content it has."""
    try:
        digest = file_sha256(file, cancel)
    except OSError:
        return
    for record in candidates:
        if record.sha256 == digest if record.sha256 else file.name == Path(record.path).name:
            best[record.id] = FoundFile(record.id, file, digest, size)
            return  # each file is one image's only


def _files_below(folders: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    """(file, length) of all files below *folders*, each folder once; links to folders are not followed."""
    seen: set[str] = set()
    waiting = [os.path.abspath(folder) for folder in reversed(folders)]
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            if not entry.name.startswith("."):
                                waiting.append(entry.path)
                        elif entry.is_file():
                            yield Path(entry.path), entry.stat().st_size
                    except OSError:
                        continue
        except OSError:
            continue
