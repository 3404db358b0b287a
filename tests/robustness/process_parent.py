"""A program that starts a child and then only waits: tests kill it. Arguments: with or without the parent watch."""

from __future__ import annotations

import sys

from segstudio.jobs.supervisor import ChildProcess


def hang(spec, port):
    """A host deep in work that never looks at its pipe; *spec* False switches the watch off (the control)."""
    import ctypes
    import os

    print("started", os.getpid(), flush=True)
    from segstudio.jobs.protocol import StageChanged

    port.send(StageChanged(text=str(os.getpid())))
    while True:
        # Native code that lets go of the interpreter's lock, as a kernel or a convolution does.
        ctypes.CDLL(None).usleep(200_000)


def unwatched(spec, port):
    """The same with the watch switched off, as a naive child would be."""
    from segstudio.jobs import parent_watch

    parent_watch.INTERVAL_S = 1e9
    parent_watch.os._exit = lambda code: parent_watch.threading.Event().wait()
    hang(spec, port)


if __name__ == "__main__":
    child = ChildProcess("worker", f"process_parent:{sys.argv[1]}")
    child.submit(None)
    while True:
        for message in child.poll(1.0):
            print(message.text, flush=True)
