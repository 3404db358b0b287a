"""Files and folders that are either whole or not there: temporary sibling, fsync, rename."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMP_PREFIX = ".segstudio-tmp-"
"""How every unfinished file and folder of ours begins; :func:`sweep_leftovers` removes them."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}


def disk_error(error: OSError, path: Path) -> UserError:
    """The sentence for a failed write to *path*."""
    if error.errno in _FULL:
        return UserError("The disk is full", path=path, remedy="free some space and try again")
    if error.errno in _REFUSED:
        return UserError(
            "The place cannot be written to", path=path, remedy="choose another folder or ask for permission"
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return UserError("The folder is missing", path=path, remedy="make the folder or choose another one")
    return UserError(f"It could not be written ({error.strerror or error})", path=path, remedy="check the disk")


def temp_sibling(path: Path) -> Path:
    """A fresh name beside *path* that :func:`sweep_leftovers` recognises."""
    return path.with_name(f"{TEMP_PREFIX}{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}"[:200])


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Write *data* so that *path* holds the old content or the new one, even if the power fails.

    Raises
    ------
    UserError
        When the disk is full or the place cannot be written to; what was there before is untouched.
    """
    temp = temp_sibling(path)
    try:
        descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if temp.stat().st_size != len(data):
            raise OSError(errno.ENOSPC, "fewer bytes arrived than were written")
        os.replace(temp, path)
        sync_folder(path.parent)
    except OSError as error:
        temp.unlink(missing_ok=True)
        raise disk_error(error, path) from error
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def copy_file_atomic(source: Path, target: Path) -> None:
    """Copy a file's content so that *target* is whole or not there; UserError when that failed."""
    temp = temp_sibling(target)
    try:
        shutil.copyfile(source, temp)
        sync_file(temp)
        if temp.stat().st_size != source.stat().st_size:
            raise OSError(errno.ENOSPC, "fewer bytes arrived than were copied")
        os.replace(temp, target)
        sync_folder(target.parent)
    except OSError as error:
        temp.unlink(missing_ok=True)
        raise disk_error(error, target) from error


@contextmanager
def atomic_folder(path: Path, adopt: Path | None = None) -> Iterator[Path]:
    """A temporary folder beside *path* that becomes *path* when the block ends without an error.

    *path* must not exist, or be an empty folder. A killed program leaves nothing under the final name; *adopt*: what one left
    beside it, to go on with.

    Raises
    ------
    UserError
        When *path* holds something, or the disk is full or cannot be written to.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError("The folder is not empty", path=path, remedy="choose a folder that does not exist yet")
    temp = temp_sibling(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if adopt is None:
            temp.mkdir()
        else:
            os.replace(adopt, temp)
    except OSError as error:
        raise disk_error(error, path) from error
    try:
        yield temp
        for folder, _, names in os.walk(temp):
            for name in names:
                sync_file(Path(folder) / name)
            sync_folder(Path(folder))
        if path.is_dir():
            path.rmdir()
        os.replace(temp, path)
        sync_folder(path.parent)
    except OSError as error:
        shutil.rmtree(temp, ignore_errors=True)
        raise disk_error(error, path) from error
    except UserError as error:
        shutil.rmtree(temp, ignore_errors=True)
        if error.path is None or not error.path.is_relative_to(temp):
            raise
        # Nobody knows the temporary name, and it is gone.
        raise UserError(error.message, path=path / error.path.relative_to(temp), remedy=error.remedy) from error
    except BaseException:
        shutil.rmtree(temp, ignore_errors=True)
        raise


def sync_file(path: Path) -> None:
    """Have the file's content on the disk, not only in a cache."""
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Have renames inside the folder on the disk (nothing to do on Windows)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder; the rename itself has happened.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sweep_leftovers(folder: Path) -> list[Path]:
    """Remove what killed programs left in *folder* (not below); what was removed. Hold the folder's lock."""
    removed = []
    for path in folder.glob(f"{TEMP_PREFIX}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed.append(path)
    return removed
