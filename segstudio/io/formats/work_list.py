"""What an export has to write: an item an image, or one for each labelled plane of a volume."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.errors import UserError
from segstudio.core.label_planes import LayersOfPlane, labelled_planes
from segstudio.core.splits import assign_splits
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.nodata import LayersOfData
from segstudio.io.formats.pixels import free_stem, unique_stem
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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


def chosen_records(store: ProjectStore, plan: ExportPlan) -> list[ImageRecord]:
    """The images that *plan* is about; UserError when there are none."""
    records = store.images()
    if plan.image_ids is not None:
        wanted = set(plan.image_ids)
        records = [record for record in records if record.id in wanted]
        if not records:
            raise UserError("None of the chosen images is in the project", path=store.folder, remedy="choose others")
        return records
    records = [record for record in records if record.status == "done" or _is_labelled(store, record)]
    if not records:
        raise UserError(
            "No image of the project has labels yet", path=store.folder, remedy="label or accept some first"
        )
    return records


def _is_labelled(store: ProjectStore, record: ImageRecord) -> bool:
    return any(not layer.is_blank for layer in store.layers(record.id) if layer.kind == "labels")


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
) -> WorkList:
    """The items of *records*; all planes of a volume are in the split that the volume is in."""
    taken: set[str] = set()
    stems = [unique_stem(record.name, taken) for record in records]
    splits: Mapping[str, str] = {}
    if plan.split_fractions:
        splits = assign_splits(stems, plan.split_fractions, plan.seed)
    elif plan.split_fractions is not None:
        splits = {stem: record.split or "train" for stem, record in zip(stems, records)}
    items: list[ExportItem] = []
    skipped: list[tuple[str, str]] = []
    for stem, record in zip(stems, records):
        file, layers = store.image_file(record), partial(store.layers, record.id)
        split = splits.get(stem)
        planes: list[int | None] = [None]
        if record.depth > 1 and entry.takes_planes:
            labels = [layer for layer in layers() if layer.kind == "labels"]
            planes = [*labelled_planes(labels, cancel)]
            if not planes:
                skipped.append((record.name, str(UserError("No plane of the volume has labels", path=file))))
        for z in planes:
            named = stem if z is None else plane_stem(stem, z, record.depth, taken)
            items.append(_item(len(items) + 1, named, record, file, split, layers, z, readers))
    return WorkList(tuple(items), tuple(skipped))


def _item(
    number: int,
    stem: str,
    record: ImageRecord,
    file: Path,
    split: str | None,
    layers: Callable[[], list[LabelLayer]],
    z: int | None,
    readers: KeptReaders,
) -> ExportItem:
    chosen = layers if z is None else LayersOfPlane(layers, z)
    return ExportItem(
        number,
        stem,
        record.name if z is None else f"{record.name} (plane {z})",
        file,
        record.width,
        record.height,
        split,
        LayersOfData(chosen, file, z),
        z,
        record.depth,
        readers,
    )


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
