"""The formats that can be written, by id, and the export of a project: what there is to write, and where it goes."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.errors import UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.formats.table import exporters
from segstudio.io.formats.unfinished import check_free, sweep_dead
from segstudio.io.formats.writing import Work, export_items, planned_entry
from segstudio.io.readers.kept import KeptReaders

if TYPE_CHECKING:
    from segstudio.io.formats.base import ExportPlan, ExportReport, FormatEntry
    from segstudio.io.store.project import ProjectStore

EXPORTERS: dict[str, FormatEntry] = exporters()
"""Format id → entry. ``options`` tells what :class:`ExportPlan` may ask for."""

__all__ = ["EXPORTERS", "export_items", "export_project", "planned_entry", "sweep_dead"]


def export_project(
    store: ProjectStore, plan: ExportPlan, progress: ProgressSink = no_progress, cancel: Cancel = NEVER
) -> ExportReport:
    """Write the project's labels as a dataset in a fresh folder; see :func:`segstudio.io.formats.writing.export_items`.

    Raises
    ------
    UserError
        When the folder is not empty, there is nothing to export, or the disk refuses.
    Cancelled
        When *cancel* was set.
    """
    from segstudio.io.formats.cut_tiles import check_tiling
    from segstudio.io.formats.selection import selected, written_classes
    from segstudio.io.formats.work_list import work_list

    entry = planned_entry(plan)
    if plan.tiles is not None:
        check_tiling(plan.tiles, entry)
    if not len(store.classes):
        raise UserError("The project has no classes", path=store.folder, remedy="add one and label something first")
    check_free(Path(plan.out).absolute())
    records = selected(store, plan, cancel)
    classes = written_classes(store.classes, plan.select)
    with ExitStack() as stack:
        readers = stack.enter_context(closing(KeptReaders(keeps_all=plan.tiles is not None)))
        scratch = None
        if plan.tiles is not None:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="segstudio-tiles-"))
            scratch = Path(name)
        work = work_list(store, records, plan, entry, readers, cancel, scratch)
        return export_items(Work(work.items, classes, work.skipped, work.notes), plan, progress, cancel)
