"""The parent's side of a child process: start it, send it jobs, hear it, end it, and say why it died."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import tempfile
import time
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.parent_watch import is_alive
from segstudio.jobs import child
from segstudio.jobs.protocol import END, Failed, Message, WasCancelled

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

CANCEL_GRACE_S = 5.0
KILL_GRACE_S = 2.0
LOG_TAIL_BYTES = 4000
FOLDER_PREFIX = "segstudio-job-"
MAX_MESSAGES = 64
"""Messages taken from the pipe in one poll, so that a flood does not starve the commands of the window."""


def sweep_left_folders(parent: Path) -> None:
    """Remove the log folders in *parent* of programs that were killed before they could do it themselves."""
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


class ChildProcess:
    """One spawned process that serves one job at a time. Belongs to one thread (a QThread of the window, or a test)."""

    def __init__(self, name: str, target: str, *, cancel_grace_s: float = CANCEL_GRACE_S) -> None:
        self.name, self._target, self._grace_s = name, target, cancel_grace_s
        self._context = multiprocessing.get_context("spawn")
        # Raw values, not Events: an Event's lock is held for good by a child killed at the wrong moment.
        self._cancel_flag: Any = self._context.RawValue(ctypes.c_bool, False)
        self._pause_flag: Any = self._context.RawValue(ctypes.c_bool, False)
        self._process: multiprocessing.context.SpawnProcess | None = None
        self._connection: Connection | None = None
        self._job = 0
        self._is_busy = False
        self._cancelled_s: float | None = None
        self._is_terminated = False
        self._log: Path | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way."""
        return self._is_busy

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return None if self._process is None else self._process.pid

    @property
    def wait_handles(self) -> list[Any]:
        """What to wait on with ``multiprocessing.connection.wait``; :meth:`poll` does it alone."""
        if self._process is None or self._connection is None:
            return []
        return [self._connection, self._process.sentinel]

    def start(self) -> None:
        """Spawn the process, if it does not run."""
        if self.is_alive:
            return
        self._release()
        sweep_left_folders(Path(tempfile.gettempdir()))
        prefix = f"{FOLDER_PREFIX}{os.getpid()}-"
        self._folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self._log = Path(self._folder.name) / f"{self.name.replace(' ', '-')}.log"
        ours, theirs = self._context.Pipe(duplex=True)
        self._process = self._context.Process(
            target=child.main,
            args=(self._target, theirs, self._cancel_flag, self._pause_flag, str(self._log)),
            name=f"segstudio {self.name}",
            daemon=False,
        )
        self._process.start()
        theirs.close()
        self._connection = ours

    def submit(self, spec: object) -> int:
        """Send a job; its number. Start the process first if need be.

        Raises
        ------
        RuntimeError
            When a job is under way: cancel it and wait for its end first.
        OSError
            When the process cannot be started.
        """
        if self._is_busy:
            raise RuntimeError(f"{self.name} is busy")
        # Before the process starts: what cannot be pickled is our bug and must leave nothing behind.
        order = ForkingPickler.dumps((self._job + 1, spec))
        self.start()
        assert self._connection is not None
        self._job += 1
        self._cancel_flag.value = self._pause_flag.value = False
        self._cancelled_s, self._is_terminated = None, False
        self._is_busy = True
        # A child that died meanwhile is noticed by the next poll, which then ends the job.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send_bytes(order)
        return self._job

    def cancel(self) -> None:
        """Ask the job to end: a flag now, ``terminate`` after the grace, then ``kill``; :meth:`poll` sees to it."""
        if self._is_busy and self._cancelled_s is None:
            self._cancel_flag.value = True
            self._cancelled_s = time.monotonic()

    def set_paused(self, is_paused: bool) -> None:
        """Ask the job to wait, or to go on."""
        self._pause_flag.value = is_paused

    def poll(self, timeout_s: float = 0.0, max_messages: int = MAX_MESSAGES) -> list[Message]:
        """Messages that have come, waiting at most *timeout_s* for the first. Each job ends with exactly one of ``END``."""
        if self._process is None or self._connection is None:
            return []
        limit = timeout_s
        if self._cancelled_s is not None:
            limit = min(timeout_s, 0.2)
        multiprocessing.connection.wait(self.wait_handles, timeout=limit)
        messages: list[Message] = []
        is_dead = False
        for _ in range(max_messages):
            try:
                if not self._connection.poll():
                    break
                message = self._connection.recv()
            except (EOFError, OSError):
                is_dead = True
                break
            except Exception as error:  # noqa: BLE001 - unpickling raises anything; the job must still end with a word
                return [*messages, *self._give_up(error)]
            if message.job != self._job or not self._is_busy:
                continue
            messages.append(message)
            if isinstance(message, END):
                self._is_busy = False
                self._cancelled_s = None
        if is_dead or (not self._process.is_alive() and not self._connection_has_more()):
            messages += self._bury()
        else:
            self._press_cancel()
        return messages

    def shut_down(self, timeout_s: float = 3.0) -> None:
        """End the process: ask, then terminate, then kill. Safe to call twice."""
        if self._process is None:
            return
        self._cancel_flag.value = True
        self._pause_flag.value = False
        if self._connection is not None:
            with contextlib.suppress(OSError, ValueError):
                self._connection.send(None)
        deadline = time.monotonic() + timeout_s
        # The child may be blocked writing to us: read on until it is gone.
        while self._process.is_alive() and time.monotonic() < deadline:
            self._drain()
            self._process.join(0.02)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(1.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(5.0)
        self._is_busy = False
        self._release()

    def kill(self) -> None:
        """End the process at once. The only method that another thread may call, when the owner hangs in a read."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ValueError, OSError, AttributeError):
                process.kill()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while self._connection is not None and self._connection.poll():
                self._connection.recv_bytes()

    def _give_up(self, error: Exception) -> list[Message]:
        """The child speaks what we do not understand: end it."""
        if self._process is not None:
            self._process.kill()
        was_busy, job, tail = self._is_busy, self._job, self._log_tail()
        self._is_busy, self._cancelled_s = False, None
        self._release()
        sentence = f"The {self.name} sent what cannot be read ({type(error).__name__}). Try again."
        return [Failed(job=job, sentence=sentence, details=f"{error}\n{tail}")] if was_busy else []

    def _connection_has_more(self) -> bool:
        try:
            return self._connection is not None and self._connection.poll()
        except (EOFError, OSError):
            return False

    def _press_cancel(self) -> None:
        """Terminate, later kill, a child that does not heed its cancel flag."""
        if self._cancelled_s is None or self._process is None:
            return
        waited = time.monotonic() - self._cancelled_s
        if waited > self._grace_s + KILL_GRACE_S:
            self._process.kill()
        elif waited > self._grace_s and not self._is_terminated:
            self._is_terminated = True
            self._process.terminate()

    def _bury(self) -> list[Message]:
        """The process is gone: the end of its job, if there was one, and everything released."""
        assert self._process is not None
        self._process.join(1.0)
        if self._process.is_alive():  # It closed its end and lingers.
            self._process.kill()
            self._process.join(5.0)
        code = self._process.exitcode
        was_busy, was_cancelled = self._is_busy, self._cancelled_s is not None
        tail = self._log_tail()
        self._is_busy, self._cancelled_s = False, None
        self._release()
        if not was_busy:
            return []
        if was_cancelled:
            return [WasCancelled(job=self._job)]
        return [Failed(job=self._job, sentence=death_sentence(self.name, code), details=tail)]

    def _log_tail(self) -> str:
        if self._log is None:
            return ""
        try:
            return self._log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
        except OSError:
            return ""

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.join(5.0)
            with contextlib.suppress(ValueError):  # One that even SIGKILL does not end is left to the system.
                self._process.close()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


_MEMORY_ADVICE = {
    "click model": "close other programs and click again",
    "learner": "close other programs and let it go on",
}
"""What helps those that have neither a batch nor tiles to choose."""


def death_sentence(name: str, exit_code: int | None) -> str:
    """Why a child is gone, in one sentence with a remedy."""
    subject = f"The {name} died"
    if exit_code is None:
        return f"{subject}. Try again."
    if exit_code < 0:  # POSIX: ended by a signal.
        number = -exit_code
        if number == getattr(signal, "SIGKILL", 9):
            advice = _MEMORY_ADVICE.get(name, "use a smaller batch or smaller tiles, or close other programs")
            return f"{subject} (signal {number}), most likely because memory ran out: {advice}."
        return f"{subject} (signal {number}). Try again; if it happens again, try the CPU."
    return f"{subject} (exit code {exit_code}). Try again."
