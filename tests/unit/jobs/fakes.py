"""Hosts for the tests of jobs; a spawned child finds them as ``fakes:<name>``."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.jobs.protocol import Progress, StageChanged, WindowReady


def echo(spec, port):
    """Sends the spec back in a message and as the result."""
    port.send(StageChanged(text=str(spec)))
    return spec


def modules(spec, port):
    """Which of the named modules the child has imported, and its process id."""
    return {"pid": os.getpid(), "loaded": sorted(name for name in spec if name in sys.modules)}


def heeds(spec, port):
    """Works until cancelled."""
    port.send(StageChanged(text="at work"))
    while True:
        check(port)
        time.sleep(0.005)


def keeps(spec, port):
    """Like a trainer: cancelling ends it in good order, with a result."""
    port.send(StageChanged(text="at work"))
    while not port.is_set():
        time.sleep(0.005)
    return "kept"


def deaf(spec, port):
    """Never looks at its cancel flag; SIGTERM ends it."""
    port.send(StageChanged(text="at work"))
    while True:
        time.sleep(0.05)


def stone_deaf(spec, port):
    """Ignores SIGTERM, too."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deaf(spec, port)


def shot(spec, port):
    """Says something to its log and dies by a signal."""
    print("last words on stdout")
    print("last words on stderr", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os.kill(os.getpid(), spec)
    time.sleep(10)


def crashes(spec, port):
    """A real segmentation fault."""
    import ctypes

    ctypes.string_at(0)


def leaves(spec, port):
    """Exits without a word."""
    os._exit(spec)


def refuses(spec, port):
    """Fails as a user's mistake does."""
    raise UserError("the file is empty", path=Path("a.png"), remedy="choose another")


def breaks(spec, port):
    """Fails as a bug does."""
    raise ValueError("seven\nis not  a colour")


def out_of_memory(spec, port):
    """Fails for want of memory."""
    raise MemoryError


def unpicklable(spec, port):
    """A result that cannot be handed over."""
    return lambda: None


class Poison:
    """Pickles, but cannot be read back."""

    def __reduce__(self):
        return _explode, ()


def _explode():
    raise ModuleNotFoundError("no module named 'torch'")


def poisons(spec, port):
    """A message that the other side cannot read."""
    port.send(StageChanged(text="before"))
    port.send(WindowReady(result=Poison()))
    return None


def flood(spec, port):
    """So many messages, as fast as it can; their number in order."""
    for index in range(spec):
        port.send(Progress(done=index, total=spec))
    return spec


def reports(spec, port):
    """Progress by the sink, far more often than anyone can read."""
    for index in range(spec):
        port.progress(index, spec, "counting")
    port.progress(spec, spec, "counting")
    return None


def big(spec, port):
    """A message of so many bytes."""
    import numpy as np

    port.send(WindowReady(result=np.arange(spec, dtype=np.uint8)))
    return np.full(spec, 7, np.uint8)


def pours(spec, port):
    """Writes big messages and never looks up."""
    while True:
        port.send(StageChanged(text="x" * 1_000_000))


def late(spec, port):
    """Sends a message under the number of an earlier job, then ends."""
    now, port.job = port.job, port.job - 1
    port.send(StageChanged(text="stale"))
    port.job = now
    port.send(StageChanged(text="fresh"))
    return port.job


def waits(spec, port):
    """Counts steps; pauses when told to; ends when cancelled."""
    steps = 0
    port.send(StageChanged(text="at work"))
    is_said = False
    while not port.is_set():
        if port.is_paused():
            if not is_said:
                port.send(StageChanged(text="paused"))
            is_said = True
        else:
            if is_said:
                port.send(StageChanged(text="going on"))
            is_said = False
            steps += 1
        time.sleep(0.005)
    return steps


@dataclass(frozen=True)
class Parcel:
    """A spec of some size."""

    payload: bytes


def weighs(spec, port):
    """How much the spec weighs."""
    return len(spec.payload)
