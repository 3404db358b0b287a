"""Which image files are missing or read-only, and finding the moved ones: all of it looked up in a worker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog

from segstudio.core.errors import UserError
from segstudio.core.threads import yield_cores
from segstudio.gui.background import SlotBackground
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.core.cancel import CancelToken
    from segstudio.gui.workspace import Workspace
    from segstudio.io.store.image_files import FoundFile, ImageFiles, SearchReport
    from segstudio.io.store.records import ImageRecord

FEW = 500
TELL_S = 0.5
"""What was found out is told in so small pieces, and so often: taking it in must not hold the window up."""
PAUSE_S = 0.01
"""After each piece the window has its turn."""


class ImageFilesControl(QObject):
    """Checks the files of an opened project, hashes those that were not yet, and searches for missing ones."""

    _checked = Signal(object, object)  # ImageFiles, {image id: {field: value}}
    _hashed = Signal(object, object)  # ImageFiles, [FoundFile]
    _progressed = Signal(int, int, str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._work = SlotBackground(self)
        self._job_id = ""
        self._checked.connect(self._on_checked, Qt.ConnectionType.QueuedConnection)
        self._hashed.connect(self._on_hashed, Qt.ConnectionType.QueuedConnection)
        self._progressed.connect(self._on_progressed, Qt.ConnectionType.QueuedConnection)
        self._folder: Path | None = None
        session = workspace.session
        session.check_files = self.check
        session.project_changed.connect(self._on_project_changed)
        session.reader_changed.connect(self._on_reader_changed)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being looked up."""
        return self._work.is_idle

    def shut_down(self) -> None:
        """End the worker."""
        self._work.shut_down()

    # -- checking ----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Look which files are there; the answers come in bit by bit."""
        session = self._workspace.session
        if session.store is None:
            return
        files, records, can_write = session.store.files, session.images, not session.is_read_only

        def work(cancel: CancelToken) -> None:
            yield_cores()
            self._find_states(files, records, cancel)
            if can_write:
                self._find_hashes(files, records, cancel)

        self._work.run("check", work, lambda _: None, lambda _: None)

    def _find_states(self, files: ImageFiles, records: Sequence[ImageRecord], cancel: CancelToken) -> None:
        changes: dict[int, dict[str, Any]] = {}
        told_s = time.monotonic()
        for record, (image_id, state) in zip(records, files.states(records, cancel), strict=True):
            if (record.is_missing, record.is_read_only) != (state.is_missing, state.is_read_only):
                changes[image_id] = {"is_missing": state.is_missing, "is_read_only": state.is_read_only}
            if len(changes) >= FEW or (changes and time.monotonic() - told_s > TELL_S):
                self._checked.emit(files, changes)
                time.sleep(PAUSE_S)
                changes, told_s = {}, time.monotonic()
        self._checked.emit(files, changes)

    def _find_hashes(self, files: ImageFiles, records: Sequence[ImageRecord], cancel: CancelToken) -> None:
        found: list[FoundFile] = []
        told_s = time.monotonic()
        for item in files.hashes(records, cancel):
            found.append(item)
            if time.monotonic() - told_s > TELL_S or len(found) >= 200:
                self._hashed.emit(files, found)
                found, told_s = [], time.monotonic()
        if found:
            self._hashed.emit(files, found)

    def _is_of_now(self, files: ImageFiles) -> bool:
        store = self._workspace.session.store
        return store is not None and files.folder == store.folder

    def _on_checked(self, files: ImageFiles, changes: dict[int, dict[str, Any]]) -> None:
        if self._is_of_now(files):
            self._workspace.session.change_records(changes)

    def _on_hashed(self, files: ImageFiles, found: list[FoundFile]) -> None:
        session = self._workspace.session
        if not self._is_of_now(files) or session.is_read_only:
            return
        known = [item for item in found if item.image_id in session.records]
        try:
            changes = files.remember(known)
        except UserError:
            return  # they are hashed again at the next opening
        session.change_records(changes)

    # -- finding -----------------------------------------------------------------------------------------------------

    def ask_and_find(self) -> None:
        """Choose a folder to search, then look there and where images usually lie."""
        folder = QFileDialog.getExistingDirectory(
            self._workspace.window, tr("Find moved images in"), str(self._workspace.session.folder or Path.home())
        )
        if folder:
            self.find([Path(folder)])

    def find(self, folders: Sequence[Path] = ()) -> None:
        """Look for all missing files in *folders*, the project's folder and those of images that are there."""
        from segstudio.io.store.image_files import likely_folders

        session = self._workspace.session
        if session.store is None or session.refuses_edits():
            return
        if self._job_id:
            self._stop_finding()
        files, records, project = session.store.files, session.images, session.store.folder
        self._job_id = self._workspace.jobs.begin(tr("Looking for moved images"), self._stop_finding)

        def work(cancel: CancelToken) -> tuple[ImageFiles, SearchReport]:
            gone = {image_id for image_id, state in files.states(records, cancel) if state.is_missing}
            missing = [record for record in records if record.id in gone]
            present = (record for record in records if record.id not in gone)
            places = [*folders, *likely_folders(project, present)] if missing else []
            return files, files.search(missing, places, progress=self._progressed.emit, cancel=cancel)

        self._work.run("find", work, self._on_found, self._on_failed)

    def _stop_finding(self) -> None:
        self._work.drop("find")
        self._end_job()

    def _end_job(self) -> None:
        if self._job_id:
            self._workspace.jobs.end(self._job_id)
            self._job_id = ""

    def _on_progressed(self, done: int, total: int, where: str) -> None:
        if self._job_id:
            self._workspace.jobs.report(self._job_id, done, total, detail=where)

    def _on_failed(self, sentence: str) -> None:
        self._end_job()
        self._workspace.session.say(sentence)

    def _on_found(self, answer: tuple[ImageFiles, SearchReport]) -> None:
        files, report = answer
        self._end_job()
        session = self._workspace.session
        if not self._is_of_now(files):
            return
        try:
            changes = files.place([item for item in report.found if item.image_id in session.records])
        except UserError as error:
            session.say(error)
            return
        session.change_records(changes)
        session.change_records({image_id: {"is_missing": True} for image_id in report.missing})
        if session.image_id in changes:
            session.reload_image()
        self._say(len(report.found), len(report.missing), is_cut_short=report.is_cut_short)

    def _say(self, found: int, missing: int, *, is_cut_short: bool) -> None:
        notices = self._workspace.window.notices
        again = Offer(tr("Look elsewhere…"), self.ask_and_find)
        if not found and not missing:
            notices.say(tr("No image file is missing."), key="moved")
        elif not missing:
            notices.say(tr("%n moved image(s) were found again.", n=found), key="moved")
        else:
            text = tr("%1 of %2 missing images were found again; the others are not there.")
            text = text.replace("%1", str(found)).replace("%2", str(found + missing))
            if is_cut_short:
                text += " " + tr("The search was ended early: choose a smaller folder.")
            notices.say(text, "warning", (again,), key="moved")

    # -- the image that is shown -------------------------------------------------------------------------------------

    def _on_project_changed(self) -> None:
        folder = self._workspace.session.folder
        if folder != self._folder:
            self._folder = folder
            self._stop_finding()
            if folder is None:
                self._work.drop("check")

    def _on_reader_changed(self) -> None:
        session = self._workspace.session
        record = session.image
        if session.reader is not None or not session.reader_error or record is None or not record.is_missing:
            self._workspace.window.notices.dismiss_key("missing")
            return
        offers = (Offer(tr("Look for it"), self.find), Offer(tr("Look elsewhere…"), self.ask_and_find))
        self._workspace.window.notices.say(
            tr("The file of this image is not where it was."), "warning", offers, key="missing", stays=True
        )
