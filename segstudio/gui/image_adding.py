"""Adding many images without a halt: headers are read in a worker, rows written a few at a time, a line in the strip."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace
    from segstudio.io.store.image_files import ImageFiles
    from segstudio.io.store.records import ImageRecord

FEW = 12
"""So many files are added at once; they take no longer than a turn of the loop may."""
FEW_BYTES = 4 << 20
"""Of all of them together: what is added is hashed, too."""
BATCH = 64
"""Described files are handed over so many at a time, or after BATCH_S."""
BATCH_S = 0.1
AHEAD = 4
"""The worker waits while so many batches are not written yet."""
SHOW_S = 1.0
"""New images appear in the list at most so often while the adding goes on."""


class ImageAdder(QObject):
    """Takes over ``Session.add_images`` where there are many files. Rows are written by the GUI thread, as all is."""

    _came = Signal(int, object, int, int)  # run, answers of ImageFiles.describe, done, total
    _ended = Signal(int, str)  # run, sentence of a failure or ""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._worker: ThreadPoolExecutor | None = None
        self._run = 0
        self._open = 0
        self._cancel = CancelToken()
        self._room = threading.Semaphore(AHEAD)
        self._new: list[ImageRecord] = []
        self._added = self._already = 0
        self._failed: list[tuple[Path, str]] = []
        self._job_id = ""
        self._eta = Eta()
        self._shown_s = 0.0
        self._came.connect(self._on_came, Qt.ConnectionType.QueuedConnection)
        self._ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)
        workspace.session.slow_adder = self.take
        workspace.session.project_changed.connect(self.cancel)

    def take(self, paths: Sequence[Path], copy: bool) -> bool:
        """Begin to add *paths* if they are many or large; False leaves them to the session."""
        store = self._workspace.session.store
        if store is None or (not self._open and not _are_slow(paths)):
            return False
        if not self._open:
            self._run += 1
            self._cancel, self._room = CancelToken(), threading.Semaphore(AHEAD)
            self._new, self._failed, self._added, self._already = [], [], 0, 0
            self._eta, self._shown_s = Eta(), time.monotonic() - SHOW_S
            self._job_id = self._workspace.jobs.begin(tr("Adding images"), self.cancel)
            self._workspace.session.is_adding = True
        self._open += 1
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="adding")
        self._worker.submit(self._describe, self._run, store.files, list(paths), copy, self._cancel, self._room)
        return True

    def cancel(self) -> None:
        """Stop; what was added so far stays."""
        if self._open:
            self._cancel.set()
            self._open = 0
            self._run += 1  # what is still on its way belongs to nobody
            self._end()

    def shut_down(self) -> None:
        """Stop and wait for the worker."""
        self.cancel()
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)
            self._worker = None

    # -- the worker ------------------------------------------------------------------------------------------------

    def _describe(
        self, run: int, files: ImageFiles, paths: list[Path], copy: bool, cancel: CancelToken, room: threading.Semaphore
    ) -> None:
        batch: list[Any] = []
        seen = [0, 0]

        def progress(done: int, total: int, _: str) -> None:
            seen[:] = [done, total]

        def hand_over() -> None:
            while not room.acquire(timeout=0.1):
                if cancel.is_set():
                    raise Cancelled
            self._came.emit(run, batch.copy(), *seen)
            batch.clear()

        sentence = ""
        try:
            given_s = time.monotonic()
            for answer in files.describe(paths, copy=copy, progress=progress, cancel=cancel):
                batch.append(answer)
                if len(batch) >= BATCH or time.monotonic() - given_s > BATCH_S:
                    hand_over()
                    given_s = time.monotonic()
            hand_over()
        except Cancelled:
            return
        except UserError as error:
            sentence = str(error)
        except Exception:
            if cancel.is_set():  # the project was closed meanwhile
                return
            sentence = tr("Adding images stopped: they could not be read.")
            raise
        finally:
            with suppress(RuntimeError):  # the window is gone
                if not cancel.is_set():
                    self._ended.emit(run, sentence)

    # -- its answers -----------------------------------------------------------------------------------------------

    def _on_came(self, run: int, answers: list[Any], done: int, total: int) -> None:
        store = self._workspace.session.store
        if run != self._run or store is None:
            return
        rows = [answer for answer in answers if isinstance(answer, dict)]
        self._failed += [answer for answer in answers if isinstance(answer, tuple)]
        self._already += sum(answer is None for answer in answers)
        try:
            added = store.files.insert(rows)
        except UserError as error:
            self._workspace.session.say(error)
            self.cancel()
            return
        self._room.release()
        self._new += added
        self._added += len(added)
        self._workspace.jobs.report(self._job_id, done, total, seconds_left=self._eta.seconds_left(done, total))
        if time.monotonic() > self._shown_s:
            self._show()

    def _show(self) -> None:
        began = time.monotonic()
        if self._new:
            new, self._new = self._new, []
            self._workspace.session.images_were_added(new)
        ended = time.monotonic()
        # The longer the list, the more seldom it is shown anew: most of the time is the hand's.
        self._shown_s = ended + max(SHOW_S, 30 * (ended - began))

    def _on_ended(self, run: int, sentence: str) -> None:
        if run != self._run or not self._open:
            return
        if sentence:
            self._workspace.session.say(sentence)
        self._open -= 1
        if not self._open:
            self._end()

    def _end(self) -> None:
        from segstudio.io.store.records import AddReport

        session = self._workspace.session
        session.is_adding = False
        self._workspace.jobs.end(self._job_id)
        if session.store is None:
            return
        new, self._new = self._new, []
        session.images_were_added(new)
        if len(self._failed) or not self._added:
            first = [next(iter(session.records.values()))] if self._added else []
            session.say_added(AddReport(first, self._failed, self._already))


def _are_slow(paths: Sequence[Path]) -> bool:
    """Whether adding these may take longer than a turn of the loop; looks at no more of a folder than it must."""
    count = size = 0
    for path in paths:
        try:
            if path.is_dir():
                with os.scandir(path) as entries:
                    for entry in itertools.islice(entries, 4 * FEW):
                        is_folder = entry.is_dir()
                        count += 4 * FEW if is_folder else 1
                        size += 0 if is_folder else entry.stat().st_size
            else:
                count += 1
                size += path.stat().st_size
        except OSError:
            return False
        if count > FEW or size > FEW_BYTES or _takes_libraries(path):
            return True
    return False


def _takes_libraries(path: Path) -> bool:
    """Whether the first look into a file imports what takes longer than a turn of the loop (GDAL, for a map)."""
    from segstudio.io.geo_tags import read_geo_tags

    is_tiff = path.suffix.lower() in (".tif", ".tiff")
    return is_tiff and "rasterio" not in sys.modules and bool(read_geo_tags(path))
