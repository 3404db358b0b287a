"""How projects and images get into the window: dialogs, drops, samples, new projects."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QFileDialog, QMessageBox

from segstudio.core.errors import UserError
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow
    from segstudio.gui.workspace import Workspace


class Opening:
    """Everything that begins with a path."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @property
    def _window(self) -> MainWindow:
        return self._workspace.window

    def run(self, action_id: str) -> None:
        """One of the ways offered on the start page, by action id."""
        {
            "file.new_project": self.new_project,
            "file.open_project": self.ask_project,
            "file.open_images": self.ask_images,
            "file.open_sample": self.open_sample,
        }[action_id]()

    # -- ways in ---------------------------------------------------------------------------------------------------

    def open_paths(self, paths: Sequence[Path]) -> bool:
        """A project folder, images or folders of images; a missing one is said in a sentence."""
        missing = [path for path in paths if not path.exists()]
        if missing:
            sentence = UserError(
                "There is no such file or folder",
                path=missing[0],
                remedy="check the name, or whether the drive is connected",
            )
            offers: tuple[Offer, ...] = ()
            if any(project.folder == str(missing[0]) for project in self._window.recent):
                forget = Offer(tr("Take it off the list"), lambda: self._window.recent.remove(missing[0]))
                offers = (forget,)
            self._window.notices.say(str(sentence), "failure", offers)
        present = [path for path in paths if path.exists()]
        if not present:
            return False
        if not self._leave_for(present):
            return False
        return bool(self._workspace.session.open_paths(present))

    def ask_project(self) -> None:
        """Choose a project's folder."""
        folder = QFileDialog.getExistingDirectory(self._window, tr("Open project"), self._last_folder())
        if folder:
            self.open_paths([Path(folder)])

    def ask_images(self) -> None:
        """Choose image files to label at once."""
        files = self._ask_files(tr("Open images"))
        if files:
            self.open_paths(files)

    def add_images(self) -> None:
        """Choose image files to add to the open project."""
        files = self._ask_files(tr("Add images"))
        if files:
            self._workspace.session.add_images(files)

    def add_folder(self) -> None:
        """Choose a folder whose images are added to the open project."""
        folder = QFileDialog.getExistingDirectory(self._window, tr("Add a folder of images"), self._last_folder())
        if folder:
            self._workspace.session.add_images([Path(folder)])

    def new_project(self) -> None:
        """Ask for a place and classes, then make it."""
        from segstudio.gui.dialogs.new_project import NewProjectDialog

        dialog = NewProjectDialog(self._window)
        if dialog.exec() and self._may_leave():
            self._workspace.session.create_project(dialog.folder, dialog.classes)
        dialog.deleteLater()

    def open_sample(self) -> None:
        """The sample project in the user's data folder, made on first use."""
        from segstudio.app.session import data_folder

        folder = data_folder() / "sample"
        if (folder / "project.db").is_file():
            self.open_paths([folder])
            return
        if not self._may_leave():
            return
        self._workspace.jobs.make_sample(folder)

    def reopen(self) -> None:
        """Open the project again, for writing if that works now."""
        folder = self._workspace.session.folder
        if folder is not None and self._workspace.session.close_project():
            self._workspace.session.open_project(folder)

    def close(self) -> None:
        """Back to the start page."""
        if self._may_leave():
            self._workspace.session.close_project(discard=True)

    def may_drop_unsaved(self) -> bool:
        """Whether the project may be left: all is on disk, or the user gives up what can't be written."""
        session = self._workspace.session
        if not session.is_open or not session.has_unsaved:
            return True
        if session.retry_writing():
            return True
        question = QMessageBox(self._window)
        question.setWindowTitle("segstudio")
        question.setText(tr("The last edits are not on disk yet: it is full or can't be written."))
        question.setInformativeText(tr("Make room and stay, then they are written. Leaving now loses these edits."))
        leave = question.addButton(tr("Leave and lose them"), QMessageBox.ButtonRole.DestructiveRole)
        stay = question.addButton(tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(stay)
        question.exec()
        return question.clickedButton() is leave

    # -- afterwards ------------------------------------------------------------------------------------------------

    def remember(self) -> None:
        """Put the open project on the recent list, with its first image as the picture."""
        session = self._workspace.session
        if session.folder is None:
            return
        thumbnail = ""
        if session.images and session.store is not None:
            thumbnail = str(session.store.image_file(session.images[0]))
        self._window.recent.add(session.folder, images=len(session.images), thumbnail=thumbnail)

    def offer_restart(self, sentence: str) -> None:
        """Say that something takes effect at the next start, and offer that now."""
        self._window.notices.say(sentence, "info", (Offer(tr("Restart now"), self.restart),), key="restart")

    def restart(self) -> None:
        """Close and open again on the same project."""
        folder = self._workspace.session.folder
        arguments = ["-m", "segstudio"] if not getattr(sys, "frozen", False) else []
        if folder is not None:
            arguments.append(os.fspath(folder))
        if self._window.close():
            QProcess.startDetached(sys.executable, arguments)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _leave_for(self, paths: Sequence[Path]) -> bool:
        from segstudio.app.session import is_project

        opens_project = any(path.is_dir() and is_project(path) for path in paths)
        return self._may_leave() if opens_project else True

    def _may_leave(self) -> bool:
        if not self._workspace.session.is_open:
            return True
        return self._workspace.jobs.may_stop_all() and self.may_drop_unsaved()

    def _ask_files(self, title: str) -> list[Path]:
        from segstudio.io.readers.registry import IMAGE_SUFFIXES

        patterns = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
        files, _ = QFileDialog.getOpenFileNames(
            self._window, title, self._last_folder(), f"{tr('Images')} ({patterns});;{tr('All files')} (*)"
        )
        return [Path(file) for file in files]

    def _last_folder(self) -> str:
        session = self._workspace.session
        if session.images and session.store is not None:
            return str(session.store.image_file(session.images[-1]).parent)
        for project in self._window.recent:
            parent = Path(project.folder).parent
            if parent.is_dir():
                return str(parent)
        return str(Path.home())
