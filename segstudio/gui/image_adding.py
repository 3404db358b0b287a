"""Adding many images without a halt: a few at each turn of the event loop, with a line in the job strip."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import UserError
from segstudio.core.progress import Eta
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace
    from segstudio.io.store.records import AddReport

FEW = 12
"""So many files are added at once; they take no longer than a turn of the loop may."""
TURN_MS = 15.0
"""How long the adding may hold the loop at a turn."""
SHOW_S = 1.0
"""New images appear in the list at most so often while the adding goes on."""


class ImageAdder(QObject):
    """Takes over ``Session.add_images`` where there are many files. Belongs to the GUI thread, as the project does."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._files: list[Path] = []
        self._copy = False
        self._total = 0
        self._report: AddReport | None = None
        self._job_id = ""
        self._eta = Eta()
        self._shown_s = 0.0
        self._chunk = 1
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)
        workspace.session.slow_adder = self.take
        workspace.session.project_changed.connect(self.cancel)

    def take(self, paths: Sequence[Path], copy: bool) -> bool:
        """Begin to add *paths* if they are many; False leaves them to the session."""
        from segstudio.io.readers.dicom_series import count_by_name

        if count_by_name(paths) > FEW:
            self._look(paths, copy)
            return True
        try:
            files = _expanded(paths)
        except UserError:
            return False
        if len(files) <= FEW and not self._files:
            return False
        self._begin(files, copy)
        return True

    def _look(self, paths: Sequence[Path], copy: bool) -> None:
        """Put DICOM series together in the background: a header takes milliseconds, a study has thousands."""
        session, found = self._workspace.session, list[Path]()
        store, given_up = session.store, CancelToken()
        job_id = self._workspace.jobs.begin(tr("Looking for images"), given_up.set)
        session.is_adding = True

        def done() -> None:
            self._workspace.jobs.end(job_id)
            session.is_adding = bool(self._files)
            if given_up.is_set() or store is None or session.store is not store:
                return
            if found:
                self._begin(found, copy)
            else:
                session.say("There is no image in what was given.")

        self._workspace.background.run(lambda: found.extend(_expanded(paths)), done)

    def _begin(self, files: list[Path], copy: bool) -> None:
        from segstudio.io.store.records import AddReport

        if not self._files:
            self._report, self._total, self._eta, self._chunk = AddReport(), 0, Eta(), 1
            self._shown_s = time.monotonic() - SHOW_S
            self._job_id = self._workspace.jobs.begin(tr("Adding images"), self.cancel)
        self._files += files
        self._total += len(files)
        self._copy = copy
        self._workspace.session.is_adding = True
        self._timer.start()

    def cancel(self) -> None:
        """Stop; what was added so far stays."""
        if self._files:
            self._files = []
            self._end()

    def _on_turn(self) -> None:
        from segstudio.io.store.records import AddReport

        store, report = self._workspace.session.store, self._report
        if store is None or report is None:
            self.cancel()
            return
        chunk, self._files = self._files[: self._chunk], self._files[self._chunk :]
        began = time.perf_counter()
        try:
            part = store.add_images(chunk, copy=self._copy)
        except UserError as error:
            self._files = []
            self._workspace.session.say(error)
        else:
            self._report = AddReport(
                report.added + part.added, report.failed + part.failed, report.already + part.already
            )
        took_ms = (time.perf_counter() - began) * 1000
        # Each call reads what is known already, so a chunk should be as large as a turn allows.
        self._chunk = max(1, min(64, round(len(chunk) * TURN_MS / max(took_ms, 0.1))))
        done = self._total - len(self._files)
        self._workspace.jobs.report(
            self._job_id, done, self._total, seconds_left=self._eta.seconds_left(done, self._total)
        )
        if not self._files:
            self._end()
        elif time.monotonic() - self._shown_s > SHOW_S:
            self._shown_s = time.monotonic()
            self._workspace.session.images_were_added()

    def _end(self) -> None:
        self._timer.stop()
        session, report = self._workspace.session, self._report
        session.is_adding = False
        self._report = None
        self._workspace.jobs.end(self._job_id)
        if report is not None and session.store is not None:
            session.images_were_added()
            session.say_added(report)


def _expanded(paths: Sequence[Path]) -> list[Path]:
    """The image files named, and those in folders named; of a DICOM series the one that stands for it."""
    from segstudio.io.readers.registry import list_images, one_per_image

    files: list[Path] = []
    for path in paths:
        files += list_images(path) if path.is_dir() else [path]
    return one_per_image(files)
