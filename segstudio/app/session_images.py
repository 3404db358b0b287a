"""The part of the session that is about images: which there are, which is shown, its decoding, its status."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from segstudio.app.session_planes import PlanesPart
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.io.readers.base import ImageReader
    from segstudio.io.store.records import AddReport, ImageRecord, ImageStatus


_FEW = 32
"""More changed records than this are told in one signal."""


_MANY = 5000
"""So many records are kept out of the search for cycles."""


@contextmanager
def _unwatched_by_gc() -> Iterator[None]:
    """No search for cycles while many records are made: each would halt the window for 0.1 s."""
    was_enabled = gc.isenabled()
    gc.disable()
    gc.unfreeze()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class ImagesPart(PlanesPart):
    """Records, the current image, its reader, next and previous, status and split."""

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        """All images of the project, in the order they were added."""
        return tuple(self._records.values())

    def image_record(self, image_id: int) -> ImageRecord | None:
        """The record with this id."""
        return self._records.get(image_id)

    @property
    def records(self) -> Mapping[int, ImageRecord]:
        """All images by id, in the order they were added; for looking at only."""
        return self._records

    def _read_records(self) -> None:
        checks = self.check_files is None
        with _unwatched_by_gc():
            found = [] if self._store is None else self._store.images(checks_files=checks)
            self._records = {record.id: record for record in found}
            if len(self._records) > _MANY:
                gc.freeze()
        if self._store is not None and self.check_files is not None:
            self.check_files()

    def change_records(self, changes: Mapping[int, Mapping[str, Any]]) -> None:
        """Take in what became known of many images (fields of their records by id); said in one signal, or few."""
        changed = []
        for image_id, values in changes.items():
            record = self._records.get(image_id)
            if record is not None and any(getattr(record, name) != value for name, value in values.items()):
                self._records[image_id] = replace(record, **values)
                changed.append(image_id)
        if len(changed) <= _FEW:
            for image_id in changed:
                self.image_record_changed.emit(image_id)
        else:
            self.image_records_changed.emit(changed)

    def _change_record(self, image_id: int, **changes: Any) -> None:
        record = self._records.get(image_id)
        if record is not None:
            new = replace(record, **changes)
            if new != record:
                self._records[image_id] = new
                self.image_record_changed.emit(image_id)

    def refresh_records(self, image_ids: Collection[int]) -> None:
        """Look up anew which of these images have labels: an edit of the whole project brought some, or took them."""
        if self._store is not None:
            found = {record.id: record for record in self._store.images(checks_files=False)}
            self.change_records({key: {"status": found[key].status} for key in image_ids if key in found})

    def add_images(self, paths: Sequence[Path], *, copy: bool = False) -> AddReport | None:
        """Add files and folders (in this thread); failures are said in one notice.

        Many files are handed to ``slow_adder`` where a window has set one; then the answer is None and ``is_adding`` True.
        """
        if self.refuses_edits() or self._store is None:
            return None
        if self.slow_adder is not None and self.slow_adder(paths, copy):
            return None
        try:
            report = self._store.add_images(paths, copy=copy)
        except UserError as error:
            self.say(error)
            return None
        self.images_were_added(report.added)
        self.say_added(report)
        return report

    def say_added(self, report: AddReport) -> None:
        """One notice of what could not be added, or that there was nothing to add."""
        if len(report.failed) == 1:
            self.say(report.failed[0][1])
        elif report.failed:
            self.say(f"{len(report.failed)} files were not added; the first: {report.failed[0][1]}")
        elif not report.added and report.already:
            self.say("These images are in the project already.")
        elif not report.added:
            self.say("There is no image in what was given.")

    def images_were_added(self, added: Sequence[ImageRecord] | None = None) -> None:
        """Take in images that were *added*; without them the whole list is read again."""
        if added is None:
            self._read_records()
        else:
            self._records.update((record.id, record) for record in added)
        self.images_changed.emit()
        if added and self._selects_added:
            self._selects_added = False
            self.select_image(added[0].id)
        if self._document is None and self._records:
            self.select_image(next(iter(self._records)))

    def remove_images(self, image_ids: Sequence[int]) -> None:
        """Take images and their labels out of the project (the files stay)."""
        if self.refuses_edits() or self._store is None:
            return
        if self.image_id in image_ids:
            shown = [i for i in self._shown_order() if i not in set(image_ids)]
            after = [i for i in shown if i > (self.image_id or 0)]
            left = after or shown[::-1]
            self.select_image(left[0] if left else None)
        for image_id in image_ids:
            self._before_removal(image_id)
            try:
                self._store.remove_image(image_id)
            except UserError as error:
                self.say(error)
                break
            self._records.pop(image_id, None)
            self._views.pop(image_id, None)
            self._left_planes.pop(image_id, None)
            if self._documents is not None:
                self._documents.drop(image_id)
        self.images_changed.emit()

    def _before_removal(self, image_id: int) -> None:
        """An image leaves the project."""

    # -- the current image ---------------------------------------------------------------------------------------

    def select_image(self, image_id: int | None) -> None:
        """Make an image the current one; emits ``image_changed`` at once and ``reader_changed`` when it is decoded."""
        if image_id == self.image_id or self._store is None or self._documents is None:
            return
        if image_id is not None and image_id not in self._records:
            return
        self.work_interrupted.emit()
        self._write_view(self.image_id)
        document = None
        if image_id is not None:
            try:
                document = self._documents.open(image_id, self.settings.integer("work.undo_budget_mib") << 20)
            except UserError as error:
                self.say(error)
                return
        former, self._reader, self._reader_error = self._reader, None, ""
        self._document = document
        self._active_object, self._wants_new_object = None, False
        self._enter_plane(image_id)
        self._auto_display = None
        self._display = None if image_id is None else self._remembered_display(image_id)
        self.image_changed.emit()
        self.selection_changed.emit()
        self.history_changed.emit()
        if former is not None:
            self.close_reader(former)
        if image_id is not None:
            self.set_meta("last_image", image_id)
            self._start_reader(self._records[image_id])

    def reload_image(self) -> None:
        """Try to decode the current image again (its file was moved back, say)."""
        if self.image is not None and self._reader is None:
            self._start_reader(self.image)

    def _start_reader(self, record: ImageRecord) -> None:
        assert self._store is not None
        file = self._store.image_file(record)
        if self.open_reader is not None:
            self.open_reader(record, file)
            return
        from segstudio.io.readers.registry import open_image

        try:
            reader = open_image(file)
        except UserError as error:
            self.reader_failed(record.id, str(error))
            return
        self.set_reader(record.id, reader)

    @property
    def reader(self) -> ImageReader | None:
        """The current image's reader, once it is there."""
        return self._reader

    @property
    def reader_error(self) -> str:
        """Why the current image can't be shown, or ""."""
        return self._reader_error

    def set_reader(self, image_id: int, reader: ImageReader) -> None:
        """A decoded image arrives; one that is no longer wanted is closed and dropped."""
        record = self._records.get(image_id)
        if image_id != self.image_id or record is None or self._reader is not None:
            self.close_reader(reader)
            return
        info = reader.info
        if (info.width, info.height) != (record.width, record.height):
            self.close_reader(reader)
            self.reader_failed(
                image_id,
                f"{info.path}: the file is now {info.width}×{info.height} pixels, its labels were made on "
                f"{record.width}×{record.height}. Put the former file back, or add this one as another image.",
            )
            return
        if info.depth < record.depth or (info.depth > record.depth and "files" in info.metadata):
            self.close_reader(reader)
            self.reader_failed(
                image_id,
                f"{info.path}: the file now has {info.depth} planes, its labels were made on {record.depth}. "
                "Put the former file back, or add this one as another image.",
            )
            return
        self._reader, self._reader_error = reader, ""
        if record.is_missing:
            self._change_record(image_id, is_missing=False)
        self.reader_changed.emit()
        if info.depth > 1 and "affine" in info.metadata and self.meta(f"plane:{image_id}") is None and not self.plane:
            self.set_plane(info.depth // 2)  # the ends of a patient's volume show air

    def reader_failed(self, image_id: int, sentence: str) -> None:
        """Decoding failed; said once on ``notice``. The labels can still be seen."""
        record = self._records.get(image_id)
        if image_id != self.image_id or record is None or self._store is None:
            return
        file = self._store.image_file(record)
        if not file.exists():
            self._change_record(image_id, is_missing=True)
            remedy = "put it back, or look for it with File › Find moved images"
            sentence = str(UserError("The image was here and is not there any more", path=file, remedy=remedy))
        self._reader_error = sentence
        self.reader_changed.emit()
        self.say(sentence)

    # -- next and previous ---------------------------------------------------------------------------------------

    def set_order(self, image_ids: Sequence[int]) -> None:
        """The order (and choice) of images that next and previous follow: what the images panel shows."""
        self._order = tuple(image_ids)

    def _shown_order(self) -> list[int]:
        shown = [image_id for image_id in self._order if image_id in self._records]
        return shown or list(self._records)

    def next_image(self, *, unlabelled: bool = False) -> bool:
        """Go to the next image in the shown order; False at the end."""
        return self._step(1, unlabelled)

    def previous_image(self) -> bool:
        """Go to the previous image in the shown order; False at the start."""
        return self._step(-1, False)

    def _step(self, direction: int, unlabelled: bool) -> bool:
        order = self._order or tuple(self._records)
        here = order.index(self.image_id) if self.image_id in order else (-1 if direction > 0 else len(order))
        for index in range(here + direction, len(order) if direction > 0 else -1, direction):
            record = self._records.get(order[index])
            if record is not None and (not unlabelled or record.status == "unlabelled"):
                self.select_image(order[index])
                return True
        if unlabelled and here > 0:
            for image_id in order[:here]:
                record = self._records.get(image_id)
                if record is not None and record.status == "unlabelled":
                    self.select_image(image_id)
                    return True
        return False

    # -- status --------------------------------------------------------------------------------------------------

    def set_status(self, image_ids: Sequence[int], status: str) -> None:
        """Set "unlabelled", "in_progress" or "done"."""
        if self.refuses_edits() or self._store is None:
            return
        chosen = cast("ImageStatus", status)
        try:
            self._store.set_status(image_ids, chosen)
        except UserError as error:
            self.say(error)
            return
        self.change_records(dict.fromkeys(image_ids, {"status": chosen}))

    def toggle_done(self) -> None:
        """Mark the current image done, or take that back; goes on to the next image where the setting says so."""
        record = self.image
        if record is None or self.refuses_edits():
            return
        if record.status == "done":
            is_blank = self._document is None or self._document.labels.is_blank
            self.set_status([record.id], "unlabelled" if is_blank else "in_progress")
            return
        self.set_status([record.id], "done")
        if self.settings.flag("work.advances_when_done"):
            self.next_image()

    def set_split(self, image_ids: Sequence[int], split: str | None) -> None:
        """Put images into a split ("train", "val", "test") or none."""
        if self.refuses_edits() or self._store is None:
            return
        try:
            self._store.set_split(image_ids, split)
        except UserError as error:
            self.say(error)
            return
        self.change_records(dict.fromkeys(image_ids, {"split": split}))
