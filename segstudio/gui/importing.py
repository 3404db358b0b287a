"""Labels on their way in: the import window, and datasets that are dropped anywhere on the window."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from segstudio.gui.background import Background
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.dialogs.import_labels import ImportDialog
    from segstudio.gui.workspace import Workspace

SURE = 50
"""From this on a folder is taken for a dataset, not for images to label."""
SURE_OF_IMAGE = 90
"""A file that is an image, too (DICOM, NIfTI, TIFF), must look more like labels."""
DATA_SUFFIXES = frozenset((".dcm", ".nii", ".gz", ".tif", ".tiff"))
"""Image files that may hold labels all the same; other images are never looked into."""


class Importing(QObject):
    """One import window at a time; what is dropped and is no dataset is opened as images."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._background = Background(self)
        self.dialog: ImportDialog | None = None
        self._made: Path | None = None

    def ask(self, source: Path | None = None) -> None:
        """Open the import window, on a dataset where one is given."""
        from segstudio.gui.dialogs.import_labels import ImportDialog

        if self.dialog is not None:
            if source is not None and self.dialog.page == 0:
                self.dialog.first.set_source(source)
            self.dialog.raise_()
            return
        if self._workspace.jobs.imports.is_running:
            self._workspace.window.say(tr("An import is under way: wait until it is done."))
            return
        dialog = self.dialog = ImportDialog(self._workspace, source)
        dialog.finished.connect(partial(self._on_finished, dialog))
        dialog.open()

    def drop(self, paths: Sequence[Path]) -> None:
        """Files or folders were dropped: a dataset opens the import window, anything else is opened."""
        if len(paths) != 1 or not _may_hold_labels(paths[0]):
            self._workspace.window.open_paths(paths)
            return
        if paths[0].suffix.lower() == ".zip":
            self._take(paths[0])
            return
        found: list[tuple[str, int]] = []
        self._background.run(partial(_detect, paths[0], found), partial(self._on_detected, paths[0], found))

    def shut_down(self) -> None:
        """Close the window and wait for the worker."""
        if self.dialog is not None:
            self.dialog.reject()
        self._background.shut_down()

    def _on_detected(self, path: Path, found: list[tuple[str, int]]) -> None:
        needed = SURE_OF_IMAGE if path.is_file() and path.suffix.lower() in DATA_SUFFIXES else SURE
        if found and found[0][1] >= needed:
            self._take(path)
        else:
            self._workspace.window.open_paths([path])

    def _take(self, path: Path) -> None:
        """Open the import window; without a project one is made for the dataset, which goes again when nothing comes."""
        session = self._workspace.session
        if not session.is_open:
            before = session.folder_for(path).exists()
            if not session.open_project_for(path):
                return
            self._made = None if before else session.folder
        if not session.refuses_edits():
            self.ask(path)

    def _on_finished(self, dialog: ImportDialog, result: int) -> None:
        self.dialog = None
        made, self._made = self._made, None
        if result:
            return
        session = self._workspace.session
        if dialog.only_images:
            self._workspace.window.open_paths(dialog.only_images)
        elif made is not None and session.folder == made and not session.images:
            session.close_project(discard=True)
            self._workspace.window.recent.remove(made)
            shutil.rmtree(made, ignore_errors=True)


def _may_hold_labels(path: Path) -> bool:
    """Whether it is worth looking into: no project, and no picture."""
    from segstudio.app.session import is_project
    from segstudio.io.readers.registry import IMAGE_SUFFIXES

    if path.is_dir():
        return not is_project(path)
    suffix = path.suffix.lower()
    return path.is_file() and path.name != "project.db" and (suffix in DATA_SUFFIXES or suffix not in IMAGE_SUFFIXES)


def _detect(path: Path, found: list[tuple[str, int]]) -> None:
    from segstudio.io.formats.reading import detect

    found += detect(path)
