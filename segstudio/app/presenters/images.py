"""What the images panel shows: filtered, sorted, quick with a hundred thousand images. No window needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from segstudio.app.events import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from segstudio.app.session import Session
    from segstudio.io.store.records import ImageRecord

SortKey = Literal["name", "status", "size", "added", "uncertainty"]
SORT_KEYS: tuple[SortKey, ...] = ("name", "status", "size", "added", "uncertainty")
StatusFilter = Literal["all", "unlabelled", "in_progress", "done", "proposal"]
STATUS_FILTERS: tuple[StatusFilter, ...] = ("all", "unlabelled", "in_progress", "done", "proposal")
BADGES = {"unlabelled": "●", "in_progress": "◐", "done": "✓"}
_STATUS_ORDER = {"unlabelled": 0, "in_progress": 1, "done": 2}
_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> list[Any]:
    """Sorts "image 2" before "image 10"."""
    parts = _DIGITS.split(name.casefold())
    # Text and number alternate, so like is compared with like.
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


class ImagesPresenter:
    """The shown images in order. ``changed``: all rows anew; ``row_changed(row)``: one looks different."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        self.row_changed: Signal[[int]] = Signal()
        self.current_changed: Signal[[]] = Signal()
        self._text = ""
        self._ids: list[int] = []
        self._rows: dict[int, int] = {}
        self._by_name: list[tuple[int, str]] = []
        session.images_changed.connect(self._on_images_changed)
        session.image_record_changed.connect(self._on_record_changed)
        session.image_changed.connect(self.current_changed.emit)
        self._on_images_changed()

    # -- rows ----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def total(self) -> int:
        """Images in the project, shown or not."""
        return len(self._by_name)

    def record(self, row: int) -> ImageRecord | None:
        """The record of a row."""
        if not 0 <= row < len(self._ids):
            return None
        return self.session.image_record(self._ids[row])

    def row_of(self, image_id: int | None) -> int:
        """The row of an image; -1 when it is not shown."""
        return -1 if image_id is None else self._rows.get(image_id, -1)

    @property
    def current_row(self) -> int:
        """The row of the current image; -1 when it is not shown."""
        return self.row_of(self.session.image_id)

    def ids(self, rows: Sequence[int]) -> list[int]:
        """Image ids of rows."""
        return [self._ids[row] for row in rows if 0 <= row < len(self._ids)]

    def file(self, row: int) -> Path | None:
        """The image file of a row, for its thumbnail."""
        record, store = self.record(row), self.session.store
        return None if record is None or store is None else store.image_file(record)

    def select(self, row: int) -> None:
        """Open the image of a row."""
        record = self.record(row)
        if record is not None:
            self.session.select_image(record.id)

    def uncertainty(self, image_id: int) -> float | None:
        """How unsure the model was of the image, 0…1; None where it was never asked."""
        return self.session.proposals.uncertainty.get(image_id)

    # -- filter and sort -----------------------------------------------------------------------------------------

    @property
    def text_filter(self) -> str:
        """Only names that hold all these words are shown."""
        return self._text

    def set_text_filter(self, text: str) -> None:
        """Show only names that hold all the words of *text*, whatever their case."""
        text = text.strip()
        if text != self._text:
            self._text = text
            self._arrange()

    @property
    def status_filter(self) -> str:
        """Which images are shown, of :data:`STATUS_FILTERS`."""
        return self.session.settings.text("images.status_filter")

    def set_status_filter(self, status: str) -> None:
        """Show only images of a status, or those with a proposal."""
        if status != self.status_filter:
            self.session.settings.set("images.status_filter", status)
            self._arrange()

    @property
    def sort_key(self) -> str:
        """What rows are sorted by, of :data:`SORT_KEYS`."""
        return self.session.settings.text("images.sort")

    @property
    def is_descending(self) -> bool:
        """Whether the last come first."""
        return self.session.settings.flag("images.is_descending")

    def set_sort(self, key: str, *, descending: bool = False) -> None:
        """Sort by something else."""
        if (key, descending) != (self.sort_key, self.is_descending):
            self.session.settings.set("images.sort", key)
            self.session.settings.set("images.is_descending", descending)
            self._arrange()

    def counts(self) -> dict[str, int]:
        """Images a status, and "all" and "proposal"."""
        found = dict.fromkeys(STATUS_FILTERS, 0)
        records = self.session.images
        found["all"] = len(records)
        for record in records:
            found[record.status] += 1
            found["proposal"] += record.has_proposal
        return {str(key): value for key, value in found.items()}

    # -- commands ------------------------------------------------------------------------------------------------

    def set_status(self, rows: Sequence[int], status: str) -> None:
        """Give rows a status."""
        self.session.set_status(self.ids(rows), status)

    def set_split(self, rows: Sequence[int], split: str | None) -> None:
        """Put rows into a split."""
        self.session.set_split(self.ids(rows), split)

    def remove(self, rows: Sequence[int]) -> None:
        """Take rows out of the project; their files stay."""
        self.session.remove_images(self.ids(rows))

    # -- listeners -----------------------------------------------------------------------------------------------

    def _on_images_changed(self) -> None:
        names = [(record.id, record.name.casefold()) for record in self.session.images]
        keys = {image_id: natural_key(name) for image_id, name in names}
        self._by_name = sorted(names, key=lambda item: (keys[item[0]], item[0]))
        self._arrange()

    def _on_record_changed(self, image_id: int) -> None:
        row = self.row_of(image_id)
        record = self.session.image_record(image_id)
        is_sorted_by_it = self.sort_key in ("status", "uncertainty")
        # The image being worked on stays where it is: a list that jumps at the first stroke would be a nuisance.
        if image_id != self.session.image_id and record is not None:
            if (row >= 0) != self._is_shown(record) or is_sorted_by_it:
                self._arrange()
                return
        if row >= 0:
            self.row_changed.emit(row)

    def _is_shown(self, record: ImageRecord) -> bool:
        status = self.status_filter
        if status == "proposal" and not record.has_proposal:
            return False
        if status not in ("all", "proposal") and record.status != status:
            return False
        name = record.name.casefold()
        return all(word in name for word in self._text.casefold().split())

    def _arrange(self) -> None:
        words = self._text.casefold().split()
        status = self.status_filter
        shown = []
        for image_id, name in self._by_name:
            if words and not all(word in name for word in words):
                continue
            if status != "all":
                record = self.session.image_record(image_id)
                if record is None or not self._is_shown(record):
                    continue
            shown.append(image_id)
        key = self.sort_key
        if key != "name":
            shown.sort(key=self._key(key), reverse=self.is_descending)  # stable: by name among equals
        elif self.is_descending:
            shown.reverse()
        self._ids = shown
        self._rows = {image_id: row for row, image_id in enumerate(shown)}
        self.session.set_order(shown)
        self.changed.emit()

    def _key(self, key: str) -> Any:
        def value(image_id: int) -> float:
            record = self.session.image_record(image_id)
            if record is None:
                return 0.0
            if key == "status":
                return _STATUS_ORDER[record.status]
            if key == "size":
                return float(record.width * record.height * record.depth)
            if key == "added":
                return record.added_s
            unsure = self.uncertainty(image_id)
            return -1.0 if unsure is None else unsure

        return value
