"""What an export has to write: an item an image, or one for each labelled plane of a volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.label_planes import LayersOfPlane, labelled_planes
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.cut_tiles import cut
from segstudio.io.formats.nodata import LayersOfData
from segstudio.io.formats.pixels import free_stem, unique_stem
from segstudio.io.formats.selection import folder_of, groups_of, splits_of, written_classes
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportPlan, FormatEntry
    from segstudio.io.readers.kept import KeptReaders
    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord

MIN_DIGITS = 4


@dataclass(frozen=True)
class WorkList:
    """``items`` in the order they are written; ``skipped`` holds (image name, sentence)."""

    items: tuple[ExportItem, ...]
    skipped: tuple[tuple[str, str], ...]

    def notes(self, written: Sequence[ExportItem]) -> list[str]:
        """The sentence about volumes that were written plane by plane."""
        depths = {item.image_file: item.depth for item in written if item.plane is not None}
        if not depths:
            return []
        planes = sum(item.plane is not None for item in written)
        blank = sum(depths.values()) - sum(item.image_file in depths for item in self.items)
        volumes = "1 volume was" if len(depths) == 1 else f"{len(depths)} volumes were"
        images = "1 plane" if planes == 1 else f"{planes} planes"
        left_out = ""
        if blank:
            left_out = " The plane without labels was" if blank == 1 else f" The {blank} planes without labels were"
            left_out += " not written."
        return [f"{volumes} written plane by plane, numbered from 0: {images}.{left_out}"]


def plane_stem(stem: str, z: int, depth: int, taken: set[str]) -> str:
    """The stem of plane *z*, such as ``stack_z0012``: from 0, all planes of a volume with equally many digits."""
    digits = max(MIN_DIGITS, len(str(depth - 1)))
    return free_stem(f"{stem}_z{z:0{digits}d}", taken)


def work_list(
    store: ProjectStore,
    records: Sequence[ImageRecord],
    plan: ExportPlan,
    entry: FormatEntry,
    readers: KeptReaders,
    cancel: Cancel = NEVER,
    scratch: Path | None = None,
) -> WorkList:
    """The items of *records*; all planes of a volume, and all tiles, are in the split that the image is in.

    Pictures of tiles are made in *scratch* while they are written; None: the plan's tiles are not cut.
    """
    taken: set[str] = set()
    stems = [unique_stem(record.name, taken) for record in records]
    groups = groups_of([(record.name, folder_of(record.path)) for record in records], plan.split_by)
    splits = splits_of(stems, groups, [record.split for record in records], plan)
    items: list[ExportItem] = []
    skipped: list[tuple[str, str]] = []
    lock = Lock()
    for stem, group, record in zip(stems, groups, records):
        check(cancel)
        file = store.image_file(record)
        layers: Callable[[], list[LabelLayer]] = _LayersOfRecord(store, record.id, lock)
        if plan.select.only_classes:
            layers = _LayersOfClasses(
                layers, frozenset(item.id for item in written_classes(store.classes, plan.select))
            )
        digest = _digest(store, record, file)
        planes: list[int | None] = [None]
        if record.depth > 1 and entry.takes_planes:
            planes = [*labelled_planes([layer for layer in layers() if layer.kind == "labels"], cancel)]
            if not planes:
                skipped.append((record.name, str(UserError("No plane of the volume has labels", path=file))))
        for z in planes:
            item = ExportItem(
                len(items) + 1,
                stem if z is None else plane_stem(stem, z, record.depth, taken),
                record.name if z is None else f"{record.name} (plane {z})",
                file,
                record.width,
                record.height,
                splits[stem],
                LayersOfData(layers if z is None else LayersOfPlane(layers, z), file, z),
                z,
                record.depth,
                readers,
                group=group,
                digest=digest,
            )
            if scratch is None or plan.tiles is None:
                items.append(item)
                continue
            try:
                items.extend(cut(item, plan.tiles, scratch, taken, item.number, cancel))
            except UserError as error:
                skipped.append((item.name, str(error)))
    return WorkList(tuple(items), tuple(skipped))


class _LayersOfRecord:
    """An image's label layers, read from the project by one thread at a time."""

    def __init__(self, store: ProjectStore, image_id: int, lock: Lock) -> None:
        self._store, self._image_id, self._lock = store, image_id, lock

    def __call__(self) -> list[LabelLayer]:
        """The layers, the lowest first."""
        with self._lock:
            return self._store.layers(self._image_id)


class _LayersOfClasses:
    """Label layers on which the segments of other classes than *kept* read as background."""

    def __init__(self, layers: Callable[[], list[LabelLayer]], kept: frozenset[int]) -> None:
        self._layers, self._kept = layers, kept

    def __call__(self) -> list[LabelLayer]:
        """Copies of the layers; the tiles are shared."""
        found = [layer.shadow() for layer in self._layers() if layer.kind == "labels"]
        for layer in found:
            for segment in list(layer.segments.values()):
                if segment.class_id not in self._kept:
                    layer.put_segment(segment.id, replace(segment, class_id=UNLABELLED))
        return found


def _digest(store: ProjectStore, record: ImageRecord, file: Path) -> str:
    """What the image and its labels are, so that a killed export knows what it wrote; "" where the file is missing."""
    try:
        state = file.stat()
    except OSError:
        return ""
    layers = [layer.id for layer in store.layers(record.id) if layer.kind == "labels"]
    return f"{file} {state.st_size} {state.st_mtime_ns} {store.label_facts.layers_digest(layers)}"


def problem_of(item: ExportItem, entry: FormatEntry) -> str:
    """Why the image's file cannot be exported, as a sentence; found out before anything of it is written."""
    try:
        info = probe(item.image_file)
    except UserError as error:
        return str(error)
    if info.depth > 1 and not (entry.takes_volumes or entry.takes_planes):
        return str(
            UserError(
                f"It is a volume of {info.depth} planes, which {entry.name} cannot hold",
                path=item.image_file,
                remedy="export it in the format nifti, or plane by plane as masks, voc or coco",
            )
        )
    if (info.width, info.height) != (item.width, item.height):
        what = f"is {info.width} × {info.height} pixels but its labels are {item.width} × {item.height}"
    elif entry.takes_planes and info.depth != item.depth:
        what = f"has {info.depth} planes but its labels {item.depth}"
    else:
        return ""
    return str(UserError(f"The image {what}", path=item.image_file, remedy="put the image back that was labelled"))
