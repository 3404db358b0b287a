"""Threads that work in the background leave the cores to those that somebody waits for."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

NICENESS = 10
"""Of a thread that nobody waits for at the moment; 0 is that of the window's, 19 the least urgent."""


def yield_cores() -> None:
    """Make the calling thread, and those it starts, less urgent than the window's.

    Linux only, where each thread has a niceness of its own; elsewhere nothing happens. There is no way back.
    """
    if sys.platform.startswith("linux"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
