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
    from segstudio.core import parent_watch

    parent_watch.INTERVAL_S = 1e9
    parent_watch.os._exit = lambda code: parent_watch.threading.Event().wait()
    parent_watch.set_death_signal(0)
    hang(spec, port)


def hold_lock(spec, port):
    """A host in native code that keeps the interpreter's lock: no other thread of the child gets its turn."""
    import ctypes
    import os

    from segstudio.jobs.protocol import StageChanged

    port.send(StageChanged(text=str(os.getpid())))
    ctypes.PyDLL(None).sleep(60)


def load(spec, port):
    """A training loader's process: it names itself, then hangs in its work."""
    from torch.utils.data import DataLoader

    from segstudio.jobs.protocol import StageChanged
    from segstudio.ml.training.loader import loader_options

    loader = DataLoader(Pids(), batch_size=None, **loader_options(1, is_pinned=False))
    for pid in loader:
        port.send(StageChanged(text=str(pid)))


class Pids:
    """A data set whose first item is the number of the process that loads it; the second never comes."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        import ctypes
        import os

        while index:
            ctypes.CDLL(None).usleep(200_000)
        return os.getpid()


if __name__ == "__main__":
    child = ChildProcess("worker", f"process_parent:{sys.argv[1]}")
    child.submit(None)
    while True:
        for message in child.poll(1.0):
            print(message.text, flush=True)
