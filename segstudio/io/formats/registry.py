"""The formats there are, by dotted strings, and the one way to export: beside, checked, then renamed into place."""

from __future__ import annotations

import importlib
import os
import re
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.core.splits import assign_splits
from segstudio.io.atomic import TEMP_PREFIX, atomic_folder
from segstudio.io.formats.base import Exporter, ExportItem, ExportPlan, ExportReport, FormatEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord

EXPORTERS: dict[str, FormatEntry] = {
    entry.id: entry
    for entry in (
        FormatEntry("masks", "Index masks (PNG)", "segstudio.io.formats.masks:MasksExporter"),
        FormatEntry("voc", "Pascal VOC", "segstudio.io.formats.voc:VocExporter"),
        FormatEntry(
            "coco",
            "COCO instances",
            "segstudio.io.formats.coco:CocoExporter",
            {"polygons": False, "stuff": True},
            holds_overlap=True,
        ),
        FormatEntry(
            "geotiff", "Index masks (GeoTIFF)", "segstudio.io.formats.geotiff:GeoTiffExporter", {"images": True}
        ),
        FormatEntry(
            "geojson",
            "Polygons (GeoJSON)",
            "segstudio.io.formats.geojson:GeoJsonExporter",
            {"wgs84": False},
            holds_overlap=True,
        ),
        FormatEntry(
            "nifti", "NIfTI volumes", "segstudio.io.formats.nifti:NiftiExporter", {"images": True}, takes_volumes=True
        ),
    )
}
"""Format id → entry. ``options`` tells what :class:`ExportPlan` may ask for."""
_STUMBLED = "report this as a bug, with the project if you can"


def _load(target: str) -> Any:
    module_name, _, name = target.partition(":")
    module: ModuleType = importlib.import_module(module_name)
    return getattr(module, name)


def _entry(plan: ExportPlan) -> FormatEntry:
    entry = EXPORTERS.get(plan.format)
    if entry is None:
        raise UserError(f"There is no export format “{plan.format}”", remedy=f"choose one of {', '.join(EXPORTERS)}")
    unknown = [name for name in plan.options if name not in entry.options]
    if unknown:
        raise UserError(f"The format {entry.id} has no option “{unknown[0]}”", remedy="leave it out")
    return entry


def export_project(
    store: ProjectStore, plan: ExportPlan, progress: ProgressSink = no_progress, cancel: Cancel = NEVER
) -> ExportReport:
    """Write the project's labels as a dataset in a fresh folder.

    All is written into a folder beside the final one, read back and compared with the label layers pixel for pixel,
    and only then renamed: a killed or cancelled export leaves nothing under the final name.

    Raises
    ------
    UserError
        When the folder is not empty, there is nothing to export, or the disk refuses.
    Cancelled
        When *cancel* was set.
    """
    entry = _entry(plan)
    out = Path(plan.out).absolute()
    if not len(store.classes):
        raise UserError("The project has no classes", path=store.folder, remedy="add one and label something first")
    records = _records(store, plan)
    _sweep(out)
    with atomic_folder(out) as folder:
        exporter = cast("Exporter", _load(entry.target)(folder, store.classes, {**entry.options, **plan.options}))
        items = _items(store, records, plan)
        total = 2 * len(items)
        written: list[ExportItem] = []
        skipped: list[tuple[str, str]] = []
        for done, item in enumerate(items):
            check(cancel)
            progress(done, total, f"Writing {item.name}")
            problem = _problem(item, entry)
            if problem:
                skipped.append((item.name, problem))
                continue
            try:
                exporter.write(item, cancel)
            except UserError as error:
                # An image whose header is good but whose pixels are not: the others can still be had.
                if error.path != item.image_file:
                    raise
                skipped.append((item.name, str(error)))
                continue
            written.append(item)
        if not written:
            raise UserError(f"No image could be exported. {skipped[0][1]}" if skipped else "There is nothing to export")
        splits = _split_names(plan, written)
        exporter.finish(splits)
        for done, item in enumerate(written, start=len(items)):
            check(cancel)
            progress(done, total, f"Checking {item.name}")
            difference = exporter.differs(item, cancel)
            if difference:
                raise UserError(
                    f"The export of {item.name} is not what the labels are ({difference})", path=out, remedy=_STUMBLED
                )
        notes = [*exporter.notes(), *_overlap_notes(entry, written, cancel)]
        progress(total, total, "Done")
    counts = {split: sum(item.split == split for item in written) for split in splits}
    return ExportReport(entry.id, out, len(written), counts, tuple(skipped), tuple(notes))


def _overlap_notes(entry: FormatEntry, written: Sequence[ExportItem], cancel: Cancel) -> list[str]:
    """The sentence about label layers that overlap, for formats that hold one class a pixel."""
    from segstudio.io.formats.pixels import has_overlap, label_layers

    count = 0 if entry.holds_overlap else sum(has_overlap(label_layers(item), cancel) for item in written)
    if not count:
        return []
    where = "In one image" if count == 1 else f"In {count} images"
    return [f"{where} label layers overlap: a mask holds one class a pixel, so the upper layer was written there."]


def _records(store: ProjectStore, plan: ExportPlan) -> list[ImageRecord]:
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


def _items(store: ProjectStore, records: list[ImageRecord], plan: ExportPlan) -> list[ExportItem]:
    from segstudio.io.formats.nodata import LayersOfData
    from segstudio.io.formats.pixels import unique_stem

    taken: set[str] = set()
    stems = [unique_stem(record.name, taken) for record in records]
    splits: Mapping[str, str] = {}
    if plan.split_fractions:
        splits = assign_splits(stems, plan.split_fractions, plan.seed)
    elif plan.split_fractions is not None:
        splits = {stem: record.split or "train" for stem, record in zip(stems, records)}
    return [
        ExportItem(
            number,
            stem,
            record.name,
            store.image_file(record),
            record.width,
            record.height,
            splits.get(stem),
            LayersOfData(partial(store.layers, record.id), store.image_file(record)),
        )
        for number, (stem, record) in enumerate(zip(stems, records), start=1)
    ]


def _problem(item: ExportItem, entry: FormatEntry) -> str:
    """Why the image's file cannot be exported, as a sentence; found out before anything of it is written."""
    from segstudio.io.readers.registry import probe

    try:
        info = probe(item.image_file)
    except UserError as error:
        return str(error)
    if info.depth > 1 and not entry.takes_volumes:
        return str(
            UserError(
                f"It is a volume of {info.depth} planes, which {entry.name} cannot hold",
                path=item.image_file,
                remedy="export it in the format nifti",
            )
        )
    if (info.width, info.height) == (item.width, item.height):
        return ""
    return str(
        UserError(
            f"The image is {info.width} × {info.height} pixels but its labels are {item.width} × {item.height}",
            path=item.image_file,
            remedy="put the image back that was labelled",
        )
    )


def _split_names(plan: ExportPlan, written: list[ExportItem]) -> list[str]:
    if plan.split_fractions is None:
        return []
    return list(plan.split_fractions) or sorted({item.split for item in written if item.split})


def _sweep(out: Path) -> None:
    """Remove what killed exports to the same place left beside it."""
    pattern = re.compile(rf"{re.escape(TEMP_PREFIX)}(\d+)-[0-9a-f]{{8}}-{re.escape(out.name)}")
    if not out.parent.is_dir():
        return
    for path in out.parent.iterdir():
        match = pattern.fullmatch(path.name)
        if match and path.is_dir() and not path.is_symlink() and not _is_running(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True  # os.kill would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
