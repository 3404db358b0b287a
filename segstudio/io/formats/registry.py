"""The formats there are, by dotted strings, and the one way to export: beside, checked, then renamed into place."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.atomic import TEMP_PREFIX, atomic_folder
from segstudio.io.formats.base import Exporter, ExportItem, ExportPlan, ExportReport, FormatEntry
from segstudio.io.formats.table import entry_of, exporters, load_target
from segstudio.io.readers.kept import KeptReaders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.io.store.project import ProjectStore

EXPORTERS: dict[str, FormatEntry] = exporters()
"""Format id → entry. ``options`` tells what :class:`ExportPlan` may ask for."""
_STUMBLED = "report this as a bug, with the project if you can"


def planned_entry(plan: ExportPlan) -> FormatEntry:
    """The plan's format; UserError when there is none, or it has no such option."""
    entry = entry_of(plan.format)
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
    from segstudio.io.formats.work_list import chosen_records, work_list

    entry = planned_entry(plan)
    out = Path(plan.out).absolute()
    if not len(store.classes):
        raise UserError("The project has no classes", path=store.folder, remedy="add one and label something first")
    records = chosen_records(store, plan)
    sweep_dead(out)
    with atomic_folder(out) as folder, closing(KeptReaders()) as readers:
        exporter = cast(
            "Exporter", load_target(entry.target, entry.needs)(folder, store.classes, {**entry.options, **plan.options})
        )
        work = work_list(store, records, plan, entry, readers, cancel)
        total = 2 * len(work.items)
        skipped = list(work.skipped)
        written = _write(exporter, work.items, entry, skipped, progress, cancel)
        if not written:
            raise UserError(f"No image could be exported. {skipped[0][1]}" if skipped else "There is nothing to export")
        splits = _split_names(plan, written)
        exporter.finish(splits)
        for done, item in enumerate(written, start=len(work.items)):
            check(cancel)
            progress(done, total, f"Checking {item.name}")
            difference = exporter.differs(item, cancel)
            if difference:
                raise UserError(
                    f"The export of {item.name} is not what the labels are ({difference})", path=out, remedy=_STUMBLED
                )
        notes = [*work.notes(written), *exporter.notes(), *_overlap_notes(entry, written, cancel)]
        progress(total, total, "Done")
    counts = {split: sum(item.split == split for item in written) for split in splits}
    return ExportReport(entry.id, out, len(written), counts, tuple(skipped), tuple(notes))


def _write(
    exporter: Exporter,
    items: Sequence[ExportItem],
    entry: FormatEntry,
    skipped: list[tuple[str, str]],
    progress: ProgressSink,
    cancel: Cancel,
) -> list[ExportItem]:
    """Write what can be; the items written. The rest goes to *skipped*, a volume's file once."""
    from segstudio.io.formats.work_list import problem_of

    written: list[ExportItem] = []
    problems: dict[Path, str] = {}
    for done, item in enumerate(items):
        check(cancel)
        progress(done, 2 * len(items), f"Writing {item.name}")
        if item.image_file not in problems:
            problems[item.image_file] = problem_of(item, entry)
            if problems[item.image_file]:
                name = item.name if item.plane is None else item.image_file.name
                skipped.append((name, problems[item.image_file]))
        if problems[item.image_file]:
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
    return written


def _overlap_notes(entry: FormatEntry, written: Sequence[ExportItem], cancel: Cancel) -> list[str]:
    """The sentence about label layers that overlap, for formats that hold one class a pixel."""
    from segstudio.io.formats.pixels import has_overlap, label_layers

    count = 0 if entry.holds_overlap else sum(has_overlap(label_layers(item), cancel) for item in written)
    if not count:
        return []
    where = "In one image" if count == 1 else f"In {count} images"
    return [f"{where} label layers overlap: a mask holds one class a pixel, so the upper layer was written there."]


def _split_names(plan: ExportPlan, written: list[ExportItem]) -> list[str]:
    if plan.split_fractions is None:
        return []
    return list(plan.split_fractions) or sorted({item.split for item in written if item.split})


def sweep_dead(out: Path) -> None:
    """Remove what killed exports to *out* left beside it."""
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
