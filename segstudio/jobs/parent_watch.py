"""A child ends itself when its parent is gone: a trainer was seen to outlive a crashed window by ten minutes."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading

INTERVAL_S = 1.0


def start() -> threading.Thread:
    """Watch the process that spawned this one, from a daemon thread; when it dies, exit at once.

    ``os._exit`` and not ``sys.exit``: the main thread may be deep inside a kernel launch and never see an exception.
    """
    thread = threading.Thread(target=_watch, args=(os.getppid(),), name="parent watch", daemon=True)
    thread.start()
    return thread


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
