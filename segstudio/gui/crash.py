"""Crash log, written without Qt, and offered at the next start.

While the program runs, ``running-<pid>.log`` lies in the log folder. Native faults (faulthandler) and exceptions nobody
caught are written into it at once. A file that holds more than its head and whose process is gone is a crash report.
"""

from __future__ import annotations

import faulthandler
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import segstudio
from segstudio.core.parent_watch import is_alive

HEAD_MARK = "-- running --"
MAX_REPORT_BYTES = 200_000


@dataclass(frozen=True)
class CrashReport:
    """What an earlier run left behind."""

    path: Path
    text: str
    moment_s: float

    def forget(self) -> None:
        """Remove the file; one that is gone already is fine."""
        self.path.unlink(missing_ok=True)


class CrashLog:
    """The log of this run; use :meth:`install` once and :meth:`close` at a clean end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f"running-{os.getpid()}.log"
        self._file: IO[str] | None = None
        self._has_fault = False
        self._listener: Callable[[str, str], object] | None = None
        self._former: tuple[object, object] = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Begin to log; a folder that can't be written leaves the program without a log, no worse."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8")
            self._file.write(f"{head_text()}\n{HEAD_MARK}\n")
            self._file.flush()
            faulthandler.enable(self._file)
        except OSError:
            self._file = None
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def listen(self, listener: Callable[[str, str], object] | None) -> None:
        """Call *listener* with (one sentence, details) for an exception that nobody caught."""
        self._listener = listener

    def close(self) -> None:
        """A clean end: nothing is left behind, except the report of an exception that went uncaught."""
        sys.excepthook, threading.excepthook = self._former  # type: ignore[assignment]
        self._listener = None
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None
            if not self._has_fault:
                self.path.unlink(missing_ok=True)

    def record(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> str:
        """Write an exception into the log; the text written."""
        self._has_fault = True
        moment = time.strftime("%Y-%m-%d %H:%M:%S")
        text = f"{moment}\n" + "".join(traceback.format_exception(kind, error, trace))
        if self._file is not None:
            try:
                self._file.write(text)
                self._file.flush()
            except OSError:
                pass  # A full disk: the text still goes to the window and to stderr.
        return text

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        text = self.record(kind, error, trace)
        sys.__stderr__ and sys.__stderr__.write(text)
        if self._listener is not None:
            last = str(error).strip().splitlines()
            self._listener(f"{kind.__name__}: {last[0]}" if last else kind.__name__, text)

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        # Other threads must not touch the window: only the log.
        text = self.record(args.exc_type, args.exc_value, args.exc_traceback)
        sys.__stderr__ and sys.__stderr__.write(text)


def head_text() -> str:
    """Versions and platform, as every report begins."""
    return f"segstudio {segstudio.__version__}, Python {platform.python_version()}, {platform.platform()}"


def left_reports(folder: Path) -> list[CrashReport]:
    """Reports of runs that are over, newest first; empty logs of killed runs are swept."""
    reports = []
    for path in sorted(folder.glob("running-*.log")) if folder.is_dir() else []:
        pid = path.stem.removeprefix("running-")
        if not pid.isdigit() or int(pid) == os.getpid() or is_alive(int(pid)):
            continue
        try:
            text = path.read_bytes()[:MAX_REPORT_BYTES].decode("utf-8", "replace")
            moment_s = path.stat().st_mtime
        except OSError:
            continue
        _, mark, rest = text.partition(HEAD_MARK)
        report = CrashReport(path, text, moment_s)
        if not mark or not rest.strip():
            report.forget()
        else:
            reports.append(report)
    return sorted(reports, key=lambda report: -report.moment_s)
