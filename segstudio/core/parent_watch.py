"""A child ends itself when its parent is gone: a trainer was seen to outlive a crashed window by ten minutes."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading

INTERVAL_S = 1.0
_PR_SET_PDEATHSIG = 1


def start() -> threading.Thread:
    """Watch the process that spawned this one, from a daemon thread; when it dies, exit at once.

    ``os._exit`` and not ``sys.exit``: the main thread may be deep inside a kernel launch and never see an exception. Native
    code that keeps the interpreter's lock would hold up the thread, too; on Linux the system itself ends such a child. (It
    also does when the thread that spawned the child ends: who owns a child outlives it.)
    """
    if sys.platform == "linux":
        set_death_signal(signal.SIGKILL)
    thread = threading.Thread(target=_watch, args=(os.getppid(),), name="parent watch", daemon=True)
    thread.start()
    return thread


def set_death_signal(number: int) -> None:
    """Have Linux send *number* to this process when the thread that spawned it ends; 0 = nothing."""
    with contextlib.suppress(OSError, AttributeError):  # Another libc: the thread still watches.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs; True also for one of another user."""
    if sys.platform == "win32":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _watch(parent_pid: int) -> None:
    parent = multiprocessing.parent_process()
    while True:
        if parent is None:
            # Not spawned by multiprocessing (a test calls us directly): only the process id tells.
            threading.Event().wait(INTERVAL_S)
        elif multiprocessing.connection.wait([parent.sentinel], timeout=INTERVAL_S):
            break
        if os.name == "posix" and os.getppid() != parent_pid:
            break
    os._exit(1)
