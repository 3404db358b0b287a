"""What the images panel shows: filtered, sorted, quick with a hundred thousand images. No window needed."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np

from segstudio.app.events import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.app.next_desk import NextImage
    from segstudio.app.session import Session
    from segstudio.io.store.records import ImageRecord

SortKey = Literal["name", "status", "size", "added", "uncertainty", "next"]
SORT_KEYS: tuple[SortKey, ...] = ("name", "status", "size", "added", "uncertainty", "next")
StatusFilter = Literal["all", "unlabelled", "in_progress", "done", "proposal", "missing"]
STATUS_FILTERS: tuple[StatusFilter, ...] = ("all", "unlabelled", "in_progress", "done", "proposal", "missing")
BADGES = {"unlabelled": "●", "in_progress": "◐", "done": "✓"}
_STATUS_ORDER = {"unlabelled": 0, "in_progress": 1, "done": 2}
_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> str:
    """Sorts "image 2" before "image 10"."""
    return _DIGITS.sub(_padded, name.casefold())


def _padded(digits: re.Match[str]) -> str:
    return digits[0].lstrip("0").zfill(20)


class ImagesPresenter:
    """The shown images in order. ``changed``: all rows anew; ``row_changed(row)``: one looks different;
    ``looks_changed``: any may.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        self.row_changed: Signal[[int]] = Signal()
        self.looks_changed: Signal[[]] = Signal()
        self.current_changed: Signal[[]] = Signal()
        self._text = ""
        self._ids = np.zeros(0, np.int64)
        self._keys: dict[int, tuple[str, int]] = {}
        self._by_name = np.zeros(0, np.int64)
        self._by_id = np.zeros(0, np.int64)
        self._names: list[str] = []
        self._columns: dict[str, npt.NDArray[np.float64]] = {}
        session.images_changed.connect(self._on_images_changed)
        session.image_record_changed.connect(self._on_record_changed)
        session.image_records_changed.connect(self._on_records_changed)
        session.image_changed.connect(self.current_changed.emit)
        session.what_next.changed.connect(self._on_next_changed)
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
        return self.session.image_record(int(self._ids[row]))

    def row_of(self, image_id: int | None) -> int:
        """The row of an image; -1 when it is not shown."""
        found = np.flatnonzero(self._ids == (-1 if image_id is None else image_id))
        return int(found[0]) if len(found) else -1

    @property
    def current_row(self) -> int:
        """The row of the current image; -1 when it is not shown."""
        return self.row_of(self.session.image_id)

    def ids(self, rows: Sequence[int]) -> list[int]:
        """Image ids of rows."""
        return [int(self._ids[row]) for row in rows if 0 <= row < len(self._ids)]

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
        """How unsure the model was of the image, 0…1, by its last look or proposal; None where it was never asked."""
        looked = self.session.what_next.looked.get(image_id)
        return self.session.proposals.uncertainty.get(image_id) if looked is None else looked.uncertainty

    def next_of(self, record: ImageRecord) -> NextImage | None:
        """Where an image stands among those to label next, and why; None when it is done or no model looked at it."""
        return self.session.what_next.of_image(record.id)

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
        records = self.session.records.values()
        found = {str(key): 0 for key in STATUS_FILTERS}
        found.update(Counter(record.status for record in records))
        found["all"] = len(records)
        found["proposal"] = sum(record.has_proposal for record in records)
        found["missing"] = sum(record.is_missing for record in records)
        return found

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
        records = self.session.records
        known = self._keys
        if any(image_id not in records for image_id in known):
            known.clear()
        for image_id, record in records.items():
            if image_id not in known:
                known[image_id] = (natural_key(record.name), image_id)
        # Of those sorted before only the new ones at the end are out of place: the sort takes one pass.
        before = self._by_name.tolist()
        names = [known[image_id] for image_id in before if image_id in known]
        if len(names) != len(known):
            there = set(before)
            names += sorted(key for image_id, key in known.items() if image_id not in there)
            names.sort()
        ids = [image_id for _, image_id in names]
        self._by_name = np.array(ids, np.int64)
        self._names = [records[image_id].name.casefold() for image_id in ids]
        self._by_id = np.argsort(self._by_name)
        self._columns.clear()
        for key in ("status", "size", "added"):
            self._column(key)  # in the time of opening, not at the first click
        self._arrange()

    def _on_records_changed(self, image_ids: Sequence[int]) -> None:
        self._refresh_columns(image_ids)
        if self.status_filter != "all" or self.sort_key == "status":
            self._arrange()
        else:
            self.looks_changed.emit()

    def _on_record_changed(self, image_id: int) -> None:
        row = self.row_of(image_id)
        record = self.session.image_record(image_id)
        self._refresh_columns([image_id])
        is_sorted_by_it = self.sort_key in ("status", "uncertainty")
        # The image being worked on stays where it is: a list that jumps at the first stroke would be a nuisance.
        if image_id != self.session.image_id and record is not None:
            if (row >= 0) != self._is_shown(record) or is_sorted_by_it:
                self._arrange()
                return
        if row >= 0:
            self.row_changed.emit(row)

    def _is_shown(self, record: ImageRecord) -> bool:
        if not _fits(record, self.status_filter):
            return False
        name = record.name.casefold()
        return all(word in name for word in self._text.casefold().split())

    def _arrange(self) -> None:
        chosen = np.ones(len(self._by_name), np.bool_)
        for word in self._text.casefold().split():
            chosen &= np.fromiter((word in name for name in self._names), np.bool_, len(self._names))
        status, key = self.status_filter, self.sort_key
        if status in ("proposal", "missing"):
            chosen &= self._column(status) != 0
        elif status != "all":
            chosen &= self._column("status") == _STATUS_ORDER[status]
        ids = self._by_name[chosen]
        if key != "name":
            # Stable: by name among equals, whichever way round.
            values = self._column(key)[chosen]
            ids = ids[np.argsort(-values if self.is_descending else values, kind="stable")]
        elif self.is_descending:
            ids = ids[::-1]
        self._ids = ids
        self.session.set_order(ids.tolist())
        self.changed.emit()

    def _refresh_columns(self, image_ids: Sequence[int]) -> None:
        ids = [image_id for image_id in image_ids if image_id in self._keys and image_id in self.session.records]
        if not ids:
            return
        places = self._by_id[np.searchsorted(self._by_name, ids, sorter=self._by_id)]
        records = [self.session.records[image_id] for image_id in ids]
        for key, column in self._columns.items():
            column[places] = _VALUES[key](records)

    def _on_next_changed(self) -> None:
        if self.sort_key in ("uncertainty", "next"):
            self._arrange()
        else:
            self.looks_changed.emit()

    def _column(self, key: str) -> npt.NDArray[np.float64]:
        """(n,) what images, in the order of names, are sorted or chosen by; unknown uncertainty is -1, no place the last."""
        if key in ("uncertainty", "next"):
            known = self._known(key)
            values = np.full(len(self._by_name), -1.0 if key == "uncertainty" else np.inf)
            if known:
                values[:] = [known.get(image_id, values[0]) for image_id in self._by_name.tolist()]
            return values
        if key not in self._columns:
            records = list(map(self.session.records.__getitem__, self._by_name.tolist()))
            self._columns[key] = np.array(_VALUES[key](records), np.float64)
        return self._columns[key]

    def _known(self, key: str) -> dict[int, float]:
        found = self.session.what_next
        if key == "next":
            return {one.image_id: float(one.place) for one in found.order}
        looked = {image_id: one.uncertainty for image_id, one in found.looked.items()}
        return {**self.session.proposals.uncertainty, **looked}


_VALUES: dict[str, Callable[[Sequence[ImageRecord]], list[float]]] = {
    "status": lambda records: [_STATUS_ORDER[record.status] for record in records],
    "size": lambda records: [record.width * record.height * record.depth for record in records],
    "added": lambda records: [record.added_s for record in records],
    "proposal": lambda records: [record.has_proposal for record in records],
    "missing": lambda records: [record.is_missing for record in records],
}
"""What images are sorted and chosen by."""


def _fits(record: ImageRecord, status: str) -> bool:
    if status == "all":
        return True
    if status == "proposal":
        return record.has_proposal
    return record.is_missing if status == "missing" else record.status == status
