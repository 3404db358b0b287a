"""What people labelled in a project, as it is learnt from: read when it changes, and only what changed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.label_planes import plane_classes, plane_layer
from segstudio.io.readers.registry import probe
from segstudio.io.store.marks import label_marks
from segstudio.ml.continuous.cells import Cell, CellChange, CellKey, HeldOut, Place, changed
from segstudio.ml.continuous.planes import MOST_CLASSES, TRAIN, UNKNOWN, VAL, LabelledPlane, Reading, Snapshot
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.project_source import trained_classes
from segstudio.ml.training.sources import TrainImage, band_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from segstudio.io.store.marks import LabelMark
    from segstudio.io.store.project import ImageRecord, ProjectStore
    from segstudio.ml.continuous.planes import Unlabelled

PICTURE_BYTES = 1 << 30
"""Pictures that are held in memory; beyond that the least recently used are read again."""


@dataclass(frozen=True)
class Classes:
    """What a network for the project's labels tells apart; ``ids`` are class ids by index, 0 where background is what is unlabelled."""

    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    background: int | None = None

    @property
    def is_background_implied(self) -> bool:
        """Whether nobody labelled background, so that it is what is unlabelled."""
        return self.background is not None and not self.ids[self.background]

    def lut(self) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        """(65536,) uint8: the class index of each class id; UNKNOWN for none, ignored for a class that is not learnt."""
        lut = np.full(65536, IGNORE_INDEX, np.uint8)
        for index, class_id in enumerate(self.ids):
            lut[class_id] = index
        lut[UNLABELLED] = UNKNOWN
        lut[IGNORE] = IGNORE_INDEX
        return lut


@dataclass
class Corrections:
    """The labelled planes of a project, kept up to date by :meth:`look`."""

    project: Path
    held_out: HeldOut
    reading: Reading
    image_ids: tuple[int, ...] = ()
    classes: Classes = field(default_factory=Classes)
    planes: dict[Place, LabelledPlane] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _marks: dict[int, LabelMark] = field(default_factory=dict)
    _stamp: tuple[object, ...] = ()
    _rule: tuple[object, ...] = ()

    def may_have_changed(self) -> bool:
        """Whether the project's file was written since the last look; costs two calls of the system."""
        return self._now() != self._stamp

    def look(self) -> CellChange:
        """Read what changed since the last time; which squares hold something else now.

        Raises
        ------
        UserError
            When the project cannot be read.
        """
        from segstudio.io.store.project import ProjectStore

        self._stamp = self._now()  # before reading: what is written meanwhile is read the next time
        before = self.cells()
        with ProjectStore.open(self.project, read_only=True) as store:
            self._read(store)
        self._assign()
        return changed(before, self.cells())

    def _assign(self) -> None:
        """Say of each square whether it is trained on or held out."""
        self.held_out.assign(self.cells().values())
        for plane in self.planes.values():
            plane.set_roles(self.held_out.is_held_out)

    def cells(self, role: int | None = None) -> dict[CellKey, Cell]:
        """The labelled squares of all planes; only those that are for *role*."""
        return {
            key: cell
            for plane in self.planes.values()
            for key, cell in plane.cells.items()
            if role is None or plane.roles[key[2], key[3]] == role
        }

    @property
    def is_enough(self) -> bool:
        """Whether two classes can be trained, and something judged."""
        return sum(count > 0 for count in self.labelled_pixels()) >= 2 and bool(self.cells(VAL))

    def labelled_pixels(self) -> list[int]:
        """(K,) pixels of each class that are trained on."""
        trained = [0] * len(self.classes.names)
        for cell in self.cells(TRAIN).values():
            trained = [a + b for a, b in zip(trained, cell.counts, strict=True)]
        return trained

    def what_is_missing(self) -> str:
        """Why nothing can be learnt yet, in one sentence that says what to do."""
        if not self.cells():
            return "Nothing is labelled yet: paint something, or accept a proposal."
        if len({i for c in self.cells().values() for i, count in enumerate(c.counts) if count}) < 2:
            return "Only one class is labelled: paint some of another one, or of a class “background”."
        return "All labels lie in one place: label something elsewhere, so that a part can be held out."

    def pictures(self, plane: LabelledPlane) -> LabelledPlane:
        """*plane*, after pictures that were not used for long were forgotten where memory is short."""
        self.planes[plane.place] = self.planes.pop(plane.place)  # the last used is the last in order
        plane.pixels()
        total = sum(other.nbytes for other in self.planes.values())
        for other in list(self.planes.values()):
            if total <= PICTURE_BYTES or other is plane:
                break
            total -= other.nbytes
            other.forget()
        return plane

    def drop_unreadable(self) -> None:
        """Leave out images whose files cannot be read any more, until their labels change."""
        for place, plane in list(self.planes.items()):
            plane.forget()
            try:
                self.pictures(plane)
            except UserError:
                del self.planes[place]
        self._assign()

    def close(self) -> None:
        """Let go of files."""
        for plane in self.planes.values():
            plane.forget()

    # -- reading -------------------------------------------------------------------------------------------------

    def _now(self) -> tuple[object, ...]:
        found: list[object] = []
        for name in ("project.db", "project.db-wal"):
            try:
                status = os.stat(self.project / name)
                found.append((status.st_mtime_ns, status.st_size))
            except OSError:
                found.append(None)
        return tuple(found)

    def _read(self, store: ProjectStore) -> None:
        marks = {i: mark for i, mark in label_marks(store).items() if not self.image_ids or i in self.image_ids}
        records = {r.id: r for r in store.images() if r.id in marks and not r.is_missing}
        used = {c for c, n in store.labelled_pixels(list(records)).items() if n} if records else set()
        classes = self._classes(store, used)
        rule = (classes, any(r.status == "done" for r in records.values()))
        is_all_new = rule != self._rule
        self.classes, self._rule = classes, rule
        for place in [p for p in self.planes if p[0] not in records]:
            self.planes.pop(place).forget()
        for image_id, record in records.items():
            if is_all_new or self._marks.get(image_id) != marks[image_id]:
                self._read_image(store, record, is_any_done=bool(rule[1]))
        self._marks = {i: marks[i] for i in records}

    def _classes(self, store: ProjectStore, used: set[int]) -> Classes:
        names, colors, pairs, background = trained_classes(store.classes, used)
        if len(names) > MOST_CLASSES:
            raise UserError(
                f"{len(names)} classes are more than can be learnt here",
                path=self.project,
                remedy=f"merge them to {MOST_CLASSES}",
            )
        ids = [0] * len(names)
        for class_id, index in pairs:
            ids[index] = class_id
        return Classes(names, colors, tuple(ids), background)

    def _read_image(self, store: ProjectStore, record: ImageRecord, *, is_any_done: bool) -> None:
        try:
            if band_kind(probe(store.image_file(record))) != self.reading.bands:
                raise UserError(f"It has another number of bands than the network ({self.reading.bands})")
            for place, snapshot in self._snapshots(store, record, is_any_done=is_any_done):
                self._take(place, record, store.image_file(record), snapshot)
        except UserError as error:
            # One image that cannot be read must not end what is learnt from the others.
            self._say(f"{record.name} is left out: {error}")
            for place in [p for p in self.planes if p[0] == record.id]:
                self.planes.pop(place).forget()

    def _take(self, place: Place, record: ImageRecord, file: Path, snapshot: Snapshot | None) -> None:
        plane = self.planes.get(place)
        if snapshot is None:
            if plane is not None:
                self.planes.pop(place).forget()
            return
        if plane is None or plane.image.file != file:
            name = f"{record.name}, plane {place[1] + 1}" if record.depth > 1 else record.name
            image = TrainImage(name, file, snapshot, "train", z=place[1])
            plane = self.planes[place] = LabelledPlane(place, image, snapshot, self.reading)
        self.pictures(plane).relabel(snapshot)
        if not plane.cells:
            self.planes.pop(place).forget()

    def _snapshots(
        self, store: ProjectStore, record: ImageRecord, *, is_any_done: bool
    ) -> Iterator[tuple[Place, Snapshot | None]]:
        layer = store.labels_layer(record.id)
        planes: Collection[int] = {0} if record.depth == 1 else set(plane_classes(layer))
        unlabelled: Unlabelled = "ignored"
        if self.classes.is_background_implied:
            unlabelled = (
                "background" if record.status == "done" else "ignored" if is_any_done else "background near labels"
            )
        proposal = store.proposal_layer(record.id)
        background = self.classes.background if self.classes.is_background_implied else None
        for z in sorted({*planes, *(p[1] for p in self.planes if p[0] == record.id)}):
            if z not in planes:
                yield (record.id, z), None
                continue
            plane = plane_layer(layer, z)
            proposed = None if proposal is None else plane_layer(proposal, z)
            touched = (plane.touched, *(() if proposed is None else (proposed.touched,)))
            yield (
                (record.id, z),
                Snapshot(
                    plane, self.classes.lut(), unlabelled, background, len(self.classes.names), touched,
                    is_checked=record.status == "done", proposal=proposed,
                ),
            )  # fmt: skip

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def first_reading(project: Path, image_ids: Collection[int] = (), long_side_px: int = 0) -> Reading:
    """How the pictures of the project are read: as most of its images want, those that are labelled first.

    Raises
    ------
    UserError
        When the project cannot be read.
    """
    from segstudio.io.store.project import ProjectStore

    with ProjectStore.open(project, read_only=True) as store:
        labelled = label_marks(store)
        records = [r for r in store.images() if not r.is_missing and (not image_ids or r.id in image_ids)]
        for record in sorted(records, key=lambda r: r.id not in labelled):
            try:
                return Reading(band_kind(probe(store.image_file(record))), long_side_px=long_side_px)
            except UserError:
                continue
    return Reading(long_side_px=long_side_px)
