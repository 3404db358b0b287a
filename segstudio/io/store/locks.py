"""The lock that lets one program at a time write to a project; the system drops it when that program dies."""

from __future__ import annotations

import contextlib
import errno
import getpass
import json
import os
import platform
import sys
from pathlib import Path

LOCK_NAME = ".segstudio.lock"
_LOCKED_BYTE = 1 << 30
"""Windows locks bytes and forbids reading them; this one lies far beyond the text that says who."""
_BUSY = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


class FolderLock:
    """An exclusive lock on a folder, by a locked file in it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME
        self._descriptor: int | None = None
        self.is_supported = True
        """False where the file system keeps no locks; then nobody is kept out."""

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock; False when somebody else has it. OSError when the file cannot be made."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _BUSY:
                os.close(descriptor)
                return False
            self.is_supported = False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        who = {"process": os.getpid(), "computer": platform.node(), "user": _user_name()}
        with contextlib.suppress(OSError):
            # Who holds it is a courtesy; a full disk must not keep anyone from opening the project.
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, json.dumps(who).encode())
        return True

    def release(self) -> None:
        """Give the lock back; safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> str:
        """Who holds it, as far as is known: "another window (process 4711 of ann on lab-3)"."""
        try:
            who = json.loads(self.path.read_text("utf-8", "replace"))
            process, user, computer = int(who["process"]), str(who["user"]), str(who["computer"])
        except (OSError, ValueError, KeyError, TypeError):
            return "another window"
        place = "" if computer == platform.node() else f" on {computer}"
        person = "" if user == _user_name() and not place else f" of {user}"
        return f"another window (process {process}{person}{place})"


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_NETWORK_KINDS = {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "afpfs", "webdav", "davfs"}
_NETWORK_FUSE = ("fuse.sshfs", "fuse.rclone", "fuse.gvfs", "fuse.davfs", "fuse.s3fs", "fuse.glusterfs", "fuse.ceph")


def is_network_path(folder: Path) -> bool:
    """Whether the folder lies on a network share, where SQLite's WAL (shared memory) must not be used."""
    folder = folder.resolve()
    if sys.platform == "win32":
        import ctypes

        if str(folder).startswith("\\\\"):
            return True
        return int(ctypes.windll.kernel32.GetDriveTypeW(folder.anchor)) == 4
    try:
        mounts = Path("/proc/self/mounts").read_text("utf-8", "replace")
    except OSError:
        return False
    best, kind = 0, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if folder.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), fields[2]
    return kind in _NETWORK_KINDS or kind.startswith(_NETWORK_FUSE)
