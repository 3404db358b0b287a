"""The child's side: takes jobs from the pipe, hands them to its host, and says how they end."""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import importlib
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from segstudio.core import parent_watch
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.threads import wait_quietly
from segstudio.jobs.protocol import END, Failed, Finished, Message, Progress, StageChanged, WasCancelled

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

PROGRESS_S = 0.05
"""Progress is sent at most so often: a sink in an inner loop must not flood the window."""

NICENESS = 10


class Port:
    """What a host may do while it works on a job. It is the job's cancel token and a trainer's control, too."""

    def __init__(self, connection: Connection, cancel_flag: Any, pause_flag: Any) -> None:
        self._connection, self._cancel_flag, self._pause_flag = connection, cancel_flag, pause_flag
        self._progress_s = 0.0
        self.job = 0

    def is_set(self) -> bool:
        """Whether the job was cancelled."""
        return bool(self._cancel_flag.value)

    def is_paused(self) -> bool:
        """Whether the job should wait."""
        return bool(self._pause_flag.value)

    def send(self, message: Message) -> None:
        """Send *message* to the window."""
        try:
            self._connection.send(dataclasses.replace(message, job=self.job))
        except (BrokenPipeError, ConnectionResetError):
            # The window is gone, and with it whoever could care.
            os._exit(1)

    def progress(self, done: float, total: float, what: str) -> None:
        """A ``ProgressSink``; a report without a total is a stage."""
        if total <= 0:
            if what:
                self.send(StageChanged(text=what))
            return
        now = time.monotonic()
        if done < total and now - self._progress_s < PROGRESS_S:
            return
        self._progress_s = now
        self.send(Progress(done=done, total=total, what=what))


def main(target: str, connection: Connection, cancel_flag: Any, pause_flag: Any, log_path: str) -> None:
    """Serve jobs until told to end. *target* is "module:function" of a host: it takes (spec, port) and returns the result."""
    _log_to(log_path)
    # Ctrl+C in a terminal reaches the whole group; the window decides, and its death ends us anyway.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent_watch.start()
    _step_back()
    wait_quietly()
    port = Port(connection, cancel_flag, pause_flag)
    host: Callable[[object, Port], object] | None = None
    while True:
        try:
            order = connection.recv()
        except (EOFError, OSError):
            return
        if order is None:
            return
        port.job, spec = order
        try:
            if host is None:
                module, name = target.split(":")
                host = getattr(importlib.import_module(module), name)
            end: Message = Finished(result=host(spec, port))
        except Cancelled:
            end = WasCancelled()
        except UserError as error:
            end = Failed(sentence=str(error), details="", is_user_error=True)
        except MemoryError:
            end = Failed(
                sentence="There is not enough memory for this. Close other programs or use smaller tiles.",
                details=traceback.format_exc(),
            )
        except Exception as error:  # noqa: BLE001 - whatever a model or a decoder raises must reach the window as a sentence
            end = Failed(
                sentence=f"It failed unexpectedly ({type(error).__name__}: {_short(error)}).",
                details=traceback.format_exc(),
            )
        _say_end(port, end)


def _say_end(port: Port, end: Message) -> None:
    assert isinstance(end, END)
    try:
        port.send(end)
    except Exception as error:  # noqa: BLE001 - a result that cannot be pickled is a failure like any other
        port.send(
            Failed(
                sentence=f"The result could not be handed over ({type(error).__name__}: {_short(error)}).",
                details=traceback.format_exc(),
            )
        )


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _step_back() -> None:
    """Let the window go first where cores are few."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICENESS)


def _log_to(path: str) -> None:
    """Send what this process prints, C libraries included, to its log file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            os.dup2(descriptor, stream)
    os.close(descriptor)
    # A frozen program without a console has no streams at all.
    if sys.stderr is None or sys.stdout is None:
        sys.stderr = sys.stdout = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - for the life of the process
    faulthandler.enable(sys.stderr)
