"""An export that is not finished: its folder beside the final one, and what of it is done, should it be killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import segstudio
from segstudio.core.errors import UserError
from segstudio.io.atomic import TEMP_PREFIX, atomic_folder, disk_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from segstudio.io.formats.base import ExportItem, ExportPlan, FormatEntry
    from segstudio.io.formats.writing import Work

JOURNAL = ".segstudio-unfinished.jsonl"


def export_key(entry: FormatEntry, plan: ExportPlan, work: Work) -> str:
    """What a killed export must agree in to be gone on with: format, options, classes, every item and its labels; "" = never."""
    if not all(item.digest for item in work.items):
        return ""
    digest = hashlib.sha256()
    head = [segstudio.__version__, entry.id, sorted(plan.options.items()), work.classes.to_json(), work.source]
    digest.update(json.dumps(head, sort_keys=True, default=str).encode())
    for item in work.items:
        row = [item.number, item.stem, item.split, item.plane, item.width, item.height, item.depth, item.digest]
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


class Unfinished:
    """A folder that is being written, and the journal in it: a line for each image that is done."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.finished: dict[int, Any] = {}
        """Item number → what its exporter returned, of the export that was killed."""
        self._stream: IO[str] | None = None
        if not key:
            return
        path = folder / JOURNAL
        try:
            if path.exists():
                self.finished = _finished(path)
            else:
                path.write_text(json.dumps({"key": key}) + "\n", encoding="utf-8")
            self._stream = path.open("a", encoding="utf-8")
        except OSError as error:
            raise disk_error(error, path) from error

    def note(self, item: ExportItem, written: Any) -> None:
        """Keep that the image's files are whole."""
        if self._stream is None or item.number in self.finished:
            return
        try:
            self._stream.write(json.dumps([item.number, written], separators=(",", ":")) + "\n")
            self._stream.flush()
        except OSError as error:
            raise disk_error(error, self.folder) from error

    def close(self) -> None:
        """Let go of the journal; it stays until the folder is whole."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


@contextmanager
def unfinished_folder(out: Path, key: str) -> Iterator[Unfinished]:
    """The folder to write *out* in: the one that a killed export of this *key* left, else a fresh one.

    Raises
    ------
    UserError
        When *out* holds something, or the disk refuses; see :func:`segstudio.io.atomic.atomic_folder`.
    """
    left = _left_behind(out, key)
    sweep_dead(out, but=left)
    with atomic_folder(out, adopt=left) as folder:
        beside = Unfinished(folder, key)
        try:
            yield beside
        finally:
            beside.close()
        (folder / JOURNAL).unlink(missing_ok=True)


def check_free(out: Path) -> None:
    """Refuse a folder that holds something before any time is spent; :func:`atomic_folder` looks again.

    Raises
    ------
    UserError
        When *out* is a file, or a folder that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError("The folder is not empty", path=out, remedy="choose a folder that does not exist yet")


def _left_behind(out: Path, key: str) -> Path | None:
    if not key:
        return None
    for path in _dead_folders(out):
        try:
            with (path / JOURNAL).open(encoding="utf-8") as stream:
                if json.loads(stream.readline()) == {"key": key}:
                    return path
        except (OSError, ValueError):
            continue
    return None


def _finished(path: Path) -> dict[int, Any]:
    """The images that a journal names; a last line that was cut off is taken away."""
    found: dict[int, Any] = {}
    size = 0
    with path.open("rb") as stream:
        for row, line in enumerate(stream):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("cut off")
                value = json.loads(line)
                if row:
                    found[int(value[0])] = value[1]
            except (ValueError, TypeError, IndexError, KeyError):
                break
            size += len(line)
    os.truncate(path, size)
    return found


def sweep_dead(out: Path, but: Path | None = None) -> None:
    """Remove what killed exports to *out* left beside it, *but* one."""
    for path in _dead_folders(out):
        if path != but:
            shutil.rmtree(path, ignore_errors=True)


def _dead_folders(out: Path) -> list[Path]:
    pattern = re.compile(rf"{re.escape(TEMP_PREFIX)}(\d+)-[0-9a-f]{{8}}-{re.escape(out.name)}")
    if not out.parent.is_dir():
        return []
    found = []
    for path in sorted(out.parent.iterdir()):
        match = pattern.fullmatch(path.name)
        if match and path.is_dir() and not path.is_symlink() and not _is_running(int(match[1])):
            found.append(path)
    return found


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True  # os.kill would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
