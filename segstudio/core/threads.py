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


def wait_quietly() -> None:
    """Have the threads that compute together sleep while they wait for each other. Call it before torch is imported.

    By default OpenMP lets them spin, which is fine on an idle machine only: with all cores of two in use a training step of two threads
    took minutes, most of it spent spinning on the core that the other thread needed; sleeping ones took seconds. What the person
    who starts the program has set (``OMP_WAIT_POLICY``) stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
