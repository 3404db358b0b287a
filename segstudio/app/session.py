"""The open project and the image at hand: the only owner of the document in a window, a test or a script."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from segstudio.app.class_editor import ClassEditor
from segstudio.app.crosshair import CrossHair
from segstudio.app.document import Documents
from segstudio.app.import_desk import ImportDesk
from segstudio.app.layer_editor import LayerEditor
from segstudio.app.looking import Looking
from segstudio.app.next_desk import NextDesk
from segstudio.app.proposal_desk import ProposalDesk
from segstudio.app.session_edits import EditsPart
from segstudio.core.classes import ClassTable
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from segstudio.app.settings import Settings, Value
    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord

PROJECT_FILE = "project.db"


def data_folder() -> Path:
    """Where projects made for loose images lie; ``SEGSTUDIO_DATA_DIR`` overrides it."""
    override = os.environ.get("SEGSTUDIO_DATA_DIR")
    return Path(override) if override else Path(platformdirs.user_data_dir("segstudio", appauthor=False))


def is_project(folder: Path) -> bool:
    """Whether a project lies in *folder*."""
    return (folder / PROJECT_FILE).is_file()


class Session(EditsPart):
    """One project, one current image, its layers and undo stack; everything that changes them goes through here.

    Belongs to one thread. Nothing here raises for what a user did: refusals and failures become one sentence on
    ``notice``. Decoding is asynchronous where ``open_reader`` is given: it is called with (record, file) and answers
    later through :meth:`set_reader` or :meth:`reader_failed`; without it images open at once in this thread.

    The signals and the plain state are in :class:`~segstudio.app.session_base.SessionBase`. ``class_editor`` holds the
    class operations, ``proposals`` takes in and settles what models answer, ``crosshair`` is where the views of a volume meet,
    ``what_next`` says which image and place is worth labelling next, ``looking`` keeps what was looked at, ``imports`` brings in
    what was read from datasets.
    """

    def __init__(
        self, settings: Settings | None = None, *, open_reader: Callable[[ImageRecord, Path], None] | None = None
    ) -> None:
        super().__init__(settings, open_reader)
        self.class_editor = ClassEditor(self)
        self.layer_editor = LayerEditor(self)
        self.proposals = ProposalDesk(self)
        self.crosshair = CrossHair(self)
        self.what_next = NextDesk(self)
        self.looking = Looking(self)
        self.imports = ImportDesk(self)
        self.settings.changed.connect(self._on_setting_changed)

    def _on_setting_changed(self, key: str, value: Value) -> None:
        if key == "proposal.min_confidence":
            self.threshold_changed.emit(float(value))
        elif key in ("overlay.opacity", "overlay.mode", "overlay.outline_width_px", "look.pixel_grid"):
            self._overlay_from_settings()

    def _before_step(self) -> None:
        self.proposals.settle(self.image_id)

    def _before_removal(self, image_id: int) -> None:
        self.proposals.forget_image(image_id)

    # -- project -------------------------------------------------------------------------------------------------

    def create_project(self, folder: Path, classes: ClassTable | None = None) -> bool:
        """Make and open a project; False (and a notice) when that failed."""
        from segstudio.io.store.project import ProjectStore

        try:
            store = ProjectStore.create(folder, ClassTable() if classes is None else classes)
        except UserError as error:
            self.say(error)
            return False
        return self._adopt(store)

    def open_project(self, folder: Path, *, read_only: bool = False) -> bool:
        """Open a project at the image, view, tool and class it was left at; False (and a notice) when that failed."""
        from segstudio.io.store.project import ProjectStore

        if self._store is not None and self._store.folder.resolve() == folder.resolve():
            return True
        try:
            store = ProjectStore.open(folder, read_only=read_only)
        except UserError as error:
            self.say(error)
            return False
        return self._adopt(store)

    def _adopt(self, store: ProjectStore) -> bool:
        if not self.close_project():
            store.discard()
            return False
        self._store = store
        self._documents = Documents(store)
        self._classes = store.classes
        self._said.clear()
        self._is_failing_to_write = False
        self._read_records()
        kept = self.meta("current_class", 0)
        self._current_class = kept if isinstance(kept, int) and self._classes.by_id(kept) else 0
        self._keep_choice_valid()
        self.project_changed.emit()
        self.images_changed.emit()
        self.classes_changed.emit()
        self.selection_changed.emit()
        for sentence in store.notices:
            self.say(sentence)
        last = self.meta("last_image")
        if last not in self._records:
            last = next(iter(self._records), None)
        self.select_image(last)
        return True

    def open_paths(self, paths: Sequence[Path]) -> bool:
        """What the command line or a drop gives: a project folder, images, or folders of images.

        Images go into the open project, else into a project made for their folder (its place is said in a notice).
        """
        chosen = [path for path in paths if path.name == PROJECT_FILE or is_project(path)]
        if chosen:
            folder = chosen[0].parent if chosen[0].name == PROJECT_FILE else chosen[0]
            if len(paths) > 1:
                self.say(f"Only the project {folder} was opened: a project is opened by itself.")
            return self.open_project(folder)
        missing = next((path for path in paths if not path.exists()), None)
        if missing is not None:
            self.say(UserError("There is no such file or folder", path=missing, remedy="check its name"))
            return False
        if not paths:
            return False
        if self._store is None and not self.open_project_for(paths[0]):
            return False
        before = len(self._records)
        report = self.add_images(paths)
        if report is None:
            self._selects_added = self.is_adding and before > 0
            return self.is_adding
        if report.added and before:
            self.select_image(report.added[0].id)
        return bool(report.added or report.already)

    def folder_for(self, path: Path) -> Path:
        """Where the project lies, or would, that is made for loose images or a dataset."""
        source = (path if path.is_dir() else path.parent).resolve()
        digest = hashlib.sha256(str(source).encode()).hexdigest()[:8]
        return data_folder() / "projects" / f"{source.name or 'images'}-{digest}"

    def open_project_for(self, path: Path) -> bool:
        """Open the project made for the folder of *path*, made now where there is none; False when that failed."""
        folder = self.folder_for(path)
        if is_project(folder):
            return self.open_project(folder)
        is_made = self.create_project(folder)
        if is_made:
            self.say(f"The labels of these images are kept in {folder}.")
        return is_made

    def close_project(self, *, discard: bool = False) -> bool:
        """Close the project; what is on screen is remembered. Safe to call twice.

        False (and a notice) when finished edits still can't be written: the project then stays open, so that nothing
        is lost; *discard* closes it all the same.
        """
        if self._store is None:
            return True
        self.work_interrupted.emit()
        self.proposals.cancel()
        if not discard and self._store.pending_count:
            try:
                self._store.retry()
            except UserError as error:
                self.say(error)
                return False
        self.project_closing.emit()
        self._write_view(self.image_id)
        if self.meta("current_class", 0) != self._current_class:
            self.set_meta("current_class", self._current_class)
        reader, store = self._reader, self._store
        self._store, self._documents, self._document, self._reader = None, None, None, None
        self._reader_error = ""
        self._records, self._order, self._views = {}, (), {}
        self._left_planes, self._plane = {}, 0
        self._classes = ClassTable()
        self._current_class = self._last_class = 0
        self._active_object, self._wants_new_object, self._is_object_mode = None, False, False
        self._display, self._project_history, self._open_transaction = None, None, None
        self._validity, self._sample = None, None
        self.image_changed.emit()
        self.images_changed.emit()
        self.classes_changed.emit()
        self.history_changed.emit()
        self.selection_changed.emit()
        if reader is not None:
            self.close_reader(reader)
        store.discard()
        self.project_changed.emit()
        return True
