"""The project on disk: images, layers, classes and history in one SQLite file. SQLAlchemy is imported on opening."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.class_edits import delete_edit, merge_edit
from segstudio.core.classes import ClassTable
from segstudio.core.edits import apply_edit
from segstudio.core.errors import UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.atomic import disk_error, sweep_leftovers, temp_sibling
from segstudio.io.store.notes import ProjectNotes
from segstudio.io.store.opening import check_file, lock_project, write_empty
from segstudio.io.store.records import SPLITS, STATUSES, AddReport, ClassUse, ImageRecord, WritePendingError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from types import TracebackType

    from segstudio.core.edits import Edit
    from segstudio.core.history import UndoStack
    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.image_files import ImageFiles
    from segstudio.io.store.locks import FolderLock
    from segstudio.io.store.records import ImageStatus

__all__ = ["AddReport", "ClassUse", "ImageRecord", "ProjectStore", "WritePendingError"]

DATABASE_NAME = "project.db"
UNDO_BUDGET_BYTES = 512 << 20


class ProjectStore(ProjectNotes):
    """An open project. Make one with :meth:`create` or :meth:`open`; it is a context manager.

    It belongs to the thread that owns the document. A layer is one object however often it is asked for, so that
    whoever writes to an image in the background and whoever shows it see the same.
    """

    def __init__(self, folder: Path, *, read_only: bool, reason: str, lock: FolderLock | None, budget: int) -> None:
        from segstudio.io.store.database import Database
        from segstudio.io.store.journal import Journal
        from segstudio.io.store.migrations import migrate

        self.folder = folder
        self.read_only_reason = reason
        self._lock = lock
        self._database = Database(folder / DATABASE_NAME, read_only=read_only)
        try:
            backup = migrate(self._database)
            self._journal = Journal(self._database, budget)
        except BaseException:
            self._database.close()
            raise
        self.notices: list[str] = list(self._database.notices)
        """What the user should be told about the opening, one sentence each."""
        if backup is not None:
            self.notices.append(f"The project was brought up to date; the old file is kept as {backup.name}.")
        if lock is not None and not lock.is_supported:
            self.notices.append("This disk keeps no locks: open the project in one window only.")
        self._layers: weakref.WeakValueDictionary[int, LabelLayer] = weakref.WeakValueDictionary()
        if not read_only:
            self._sweep_staged()

    def _sweep_staged(self) -> None:
        from segstudio.io.store.arrivals import sweep_staged

        with suppress(UserError):
            sweep_staged(self._database, self.folder)

    # -- opening and closing -------------------------------------------------------------------------------------

    @staticmethod
    def is_project(path: Path) -> bool:
        """Whether *path* is a project's folder."""
        return (Path(path) / DATABASE_NAME).is_file()

    @classmethod
    def create(
        cls, folder: Path | str, classes: ClassTable | None = None, *, undo_budget_bytes: int = UNDO_BUDGET_BYTES
    ) -> ProjectStore:
        """Make a project in *folder* (made where missing; other files in it stay) and open it.

        Raises
        ------
        UserError
            When there is a project already, or the place cannot be written to.
        """
        folder = Path(folder)
        path = folder / DATABASE_NAME
        if path.exists():
            raise UserError(
                "There is a project in this folder already", path=folder, remedy="open it, or choose another"
            )
        temp = temp_sibling(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_empty(temp, classes or ClassTable())
            os.replace(temp, path)
        except OSError as error:
            raise disk_error(error, folder) from error
        finally:
            temp.unlink(missing_ok=True)
        return cls.open(folder, undo_budget_bytes=undo_budget_bytes)

    @classmethod
    def open(
        cls, folder: Path | str, read_only: bool = False, *, undo_budget_bytes: int = UNDO_BUDGET_BYTES
    ) -> ProjectStore:
        """Open a project; read-only when asked to, when another window has it, or when it can't be written to.

        UserError when there is no project, it is damaged, or was made by a newer segstudio.
        """
        folder = Path(folder).absolute()
        if folder.name == DATABASE_NAME and folder.is_file():
            folder = folder.parent
        path = folder / DATABASE_NAME
        check_file(folder, path)
        lock: FolderLock | None = None
        reason = "It was opened to be looked at only." if read_only else ""
        if not reason:
            lock, reason = lock_project(folder, path)
        try:
            if lock is not None:
                sweep_leftovers(folder)
            return cls(folder, read_only=bool(reason), reason=reason, lock=lock, budget=undo_budget_bytes)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def close(self) -> None:
        """Write what waits and close; safe to call twice.

        UserError when something still can't be written: the project stays open then (:meth:`discard` closes it all the same).
        """
        if not self._database.is_closed:
            self._journal.flush()
        self.discard()

    def discard(self) -> None:
        """Close without writing what waits."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> ProjectStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except UserError:
            if kind is None:
                raise
            self.discard()

    # -- images --------------------------------------------------------------------------------------------------

    def images(self, *, checks_files: bool = True) -> list[ImageRecord]:
        """All images in the order they were added; without *checks_files* no file is looked for."""
        from segstudio.io.store.image_rows import read_images

        return read_images(self._database, self.folder, checks_files=checks_files)

    def image(self, image_id: int) -> ImageRecord:
        """One image; KeyError for an unknown id."""
        from segstudio.io.store.image_rows import read_images

        for record in read_images(self._database, self.folder, image_id):
            return record
        raise KeyError(image_id)

    def add_images(
        self,
        paths: Iterable[Path | str],
        copy: bool = False,
        progress: ProgressSink = no_progress,
        cancel: Cancel = NEVER,
    ) -> AddReport:
        """Add image files, and those in folders; only headers are decoded. ``copy`` puts them into the project.

        A file that can't be read is in the report and stops nothing; Cancelled keeps what was added so far.
        """
        from segstudio.io.store.image_rows import add_images

        self._need_writable()
        return add_images(self._database, self.folder, paths, copy=copy, progress=progress, cancel=cancel)

    @property
    def files(self) -> ImageFiles:
        """The images' files: described, checked, hashed and found again, in any thread."""
        from segstudio.io.store.image_files import ImageFiles

        return ImageFiles(self._database, self.folder)

    def remove_image(self, image_id: int) -> None:
        """Take an image, its labels and history out of the project; its file stays. Cannot be undone."""
        from segstudio.io.store.image_rows import remove_image

        self._need_writable()
        for layer in [layer for layer in self._layers.values() if layer.image_id == image_id]:
            self._layers.pop(layer.id, None)
        remove_image(self._database, image_id)
        self._journal.forget_image(image_id)

    def image_file(self, record: ImageRecord) -> Path:
        """Where the image's file is (or should be)."""
        from segstudio.io.store.image_rows import resolve

        return resolve(self.folder, record.path, record.path_hint)

    def set_status(self, image_id: int | Collection[int], status: ImageStatus) -> None:
        """Mark images; ValueError for an unknown status."""
        if status not in STATUSES:
            raise ValueError(f"unknown status {status!r}")
        self._update(image_id, status=status)

    def set_split(self, image_id: int | Collection[int], split: str | None) -> None:
        """Put images into a split, or (None) out of all; ValueError for an unknown one."""
        if split is not None and split not in SPLITS:
            raise ValueError(f"unknown split {split!r}")
        self._update(image_id, split=split)

    def _update(self, image_id: int | Collection[int], **values: Any) -> None:
        from segstudio.io.store.image_rows import update_image

        self._need_writable()
        update_image(self._database, [image_id] if isinstance(image_id, int) else image_id, **values)

    # -- layers --------------------------------------------------------------------------------------------------

    def layers(self, image_id: int) -> list[LabelLayer]:
        """The layers of an image, labels first, the lowest first; tiles are read when looked at. KeyError if unknown."""
        from segstudio.io.store.layer_rows import load_layers
        from segstudio.io.store.layer_stack import in_order

        result = []
        for layer in load_layers(self._database, image_id, self._journal.waiting_arrivals()):
            if (known := self._layers.get(layer.id)) is None:
                for edit in self._journal.waiting_states({layer.id}):
                    apply_edit(edit, {layer.id: layer})
                self._layers[layer.id] = known = layer
            result.append(known)
        return in_order(self, image_id, result)

    def labels_layer(self, image_id: int) -> LabelLayer:
        """The image's labels; the lowest layer of several."""
        return next(layer for layer in self.layers(image_id) if layer.kind == "labels")

    def proposal_layer(self, image_id: int, create: bool = False) -> LabelLayer | None:
        """The image's proposal; None where there is none and *create* is False."""
        from segstudio.io.store.layer_rows import add_layer

        found = next((layer for layer in self.layers(image_id) if layer.kind == "proposal"), None)
        if found is None and create:
            self._need_writable()
            with self._database.transaction() as connection:
                add_layer(connection, image_id, "proposal", "proposal")
            return self.proposal_layer(image_id)
        return found

    # -- edits ---------------------------------------------------------------------------------------------------

    def commit(self, edit: Edit, *, is_written_apart: bool = False) -> Edit:
        """Write an edit already applied to its layers, in one transaction; returns it with its number.

        An edit of the whole project (classes) is also applied to every layer in memory. *is_written_apart*: :meth:`write_apart` writes it.

        Raises
        ------
        WritePendingError
            A UserError, when the disk is full, read-only or locked. Raised once: the edit (``error.edit``, numbered)
            stays in memory and is written, in order, with the next change that succeeds.
        UserError
            When the project is open read-only; nothing is kept.
        """
        self._need_writable()
        if edit.image_id is None:
            apply_edit(edit, self._layers)
        return self._journal.commit(edit, is_written_apart=is_written_apart)

    def write_apart(self) -> Callable[[], None] | None:
        """Work for another thread that writes what waits; None where nothing does."""
        return self._journal.write_apart()

    def mark_undone(self, edit: Edit, undone: bool) -> None:
        """Write that *edit* (from ``UndoStack.undo`` or ``redo``) was undone or redone, with the state it leaves.

        Raises as :meth:`commit`; UserError too, and nothing is changed, where undoing would take away a class that
        labels use: see :meth:`undo_obstacle`.
        """
        self._need_writable()
        if edit.is_reversed != undone:
            edit = edit.reversed()
        obstacle = self.undo_obstacle(edit)
        if obstacle:
            raise UserError(obstacle, remedy=self.undo_remedy(edit))
        if edit.image_id is None:
            apply_edit(edit, self._layers)
        self._journal.mark(edit, undone)

    def undo_obstacle(self, edit: Edit) -> str:
        """Why *edit* must not be applied now, as a sentence, or "". Ask before undoing edits of the whole project."""
        from segstudio.io.store.arrivals import obstacle, pixels_in

        moved = any(change.segments for change in edit.changes)
        for item in () if edit.classes is None or moved else edit.classes[0]:
            if edit.classes is not None and edit.classes[1].by_id(item.id) is None:
                if self.where_used(item.id)["pixels"] > pixels_in(self, edit, item.id):
                    return f"The class “{item.name}” is in use in the labels"
        return obstacle(self, edit)

    @staticmethod
    def undo_remedy(edit: Edit) -> str:
        """What to do where :meth:`undo_obstacle` stands in the way."""
        if edit.layers:
            return "undo the later changes first, or delete the imported layers"
        return "merge or delete the class instead"

    @property
    def pending_count(self) -> int:
        """How many changes wait in memory because the disk refused them."""
        return self._journal.waiting_count

    def retry(self) -> None:
        """Try again to write what waits; UserError when that fails."""
        self._journal.flush()

    def prepare(self, edit: Edit) -> None:
        """Do the slow part of :meth:`commit` (squeezing tiles) ahead, in any thread."""
        self._journal.encoder.encode_ahead(edit)

    def history(self, image_id: int) -> UndoStack:
        """The image's undo stack as it was left, with the edits of the whole project in it; pixels load on demand."""
        return self._journal.history(image_id)

    @property
    def undo_budget_bytes(self) -> int:
        """Room for the history in the file; the oldest edits go first."""
        return self._journal.budget_bytes

    @undo_budget_bytes.setter
    def undo_budget_bytes(self, value: int) -> None:
        self._journal.budget_bytes = value

    # -- classes -------------------------------------------------------------------------------------------------

    @property
    def classes(self) -> ClassTable:
        """The project's classes."""
        return self._journal.classes

    def set_classes(self, table: ClassTable) -> None:
        """Replace the class table without a step in the history; raises as :meth:`commit`."""
        self._need_writable()
        self._journal.set_classes(table)

    def merge_classes_edit(self, class_ids: Collection[int], into_id: int) -> Edit:
        """The edit, to be committed, that gives all of *class_ids* to *into_id* in every image."""
        return merge_edit(self.classes, self._journal.segment_tables(), class_ids, into_id)

    def delete_class_edit(self, class_id: int) -> Edit:
        """The edit, to be committed, that drops a class; what it labelled reads as background."""
        return delete_edit(self.classes, self._journal.segment_tables(), class_id)

    def labelled_pixels(self, image_ids: Collection[int] | None = None) -> dict[int, int]:
        """Labelled pixels of each class id that has any, in these images or all; needs no tile."""
        from segstudio.io.store.image_rows import class_pixels

        return class_pixels(self._database, image_ids)

    def labelled_planes(self, image_ids: Collection[int]) -> dict[int, int]:
        """Volume's image id → planes that hold labels or ignored pixels, where there are any; needs no tile."""
        from segstudio.io.store.layer_rows import count_planes

        return count_planes(self._database, image_ids)

    def where_used(self, class_id: int) -> ClassUse:
        """In how many images and pixels of labels a class occurs."""
        from segstudio.io.store.image_rows import class_use

        return class_use(self._database, class_id)
