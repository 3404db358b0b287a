"""The end of an import: the one edit that brings in what was staged, or nothing of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.edits import Edit
from segstudio.core.errors import UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.importing.plan import ImportReport
from segstudio.io.importing.staging import stage_import
from segstudio.io.store.arrivals import keep_added, staged_error, sweep_staged
from segstudio.io.store.records import WritePendingError

if TYPE_CHECKING:
    from segstudio.io.importing.plan import ImportRequest, StagedImport
    from segstudio.io.store.project import ProjectStore


def import_edit(store: ProjectStore, staged: StagedImport) -> Edit | None:
    """The edit of the whole project that brings the staged layers and the new classes in; None where there is nothing.

    Raises
    ------
    UserError
        When the project's classes were changed since the import began.
    """
    before, after = staged.classes
    if not staged.arrivals and before == after:
        return None
    if store.classes != before:
        raise UserError("The classes were changed while labels were imported", remedy="import them again")
    classes = None if before == after else (before, after)
    name = staged.plan.request.source.name
    return Edit(f"Import {name}"[:200], None, classes=classes, created_s=time.time(), layers=staged.arrivals)


def finish_import(store: ProjectStore, staged: StagedImport) -> ImportReport:
    """Apply and write that edit; what it did.

    Raises
    ------
    UserError
        When it cannot be written: then nothing was imported.
    """
    try:
        edit = import_edit(store, staged)
        if edit is not None:
            edit = store.commit(edit)
        else:
            keep_added(store._database)
    except WritePendingError as error:
        if error.edit is not None:
            store._journal.withdraw(error.edit)
        raise staged_error(error) from error
    return report_of(staged, 0 if edit is None else edit.seq)


def report_of(staged: StagedImport, seq: int) -> ImportReport:
    """The report of an import that is done."""
    layers = sum(item.is_there for item in staged.arrivals)
    return ImportReport(staged.plan, len(staged.added_ids), layers, seq)


def run_import(
    store: ProjectStore,
    request: ImportRequest,
    *,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
    expected: int = 0,
) -> ImportReport:
    """Import a dataset as one step of the history: all of it, or (cancelled, failed) nothing.

    Raises
    ------
    UserError
        As :func:`stage_import` and :func:`finish_import`; for a read-only project.
    """
    if store.is_read_only:
        raise UserError("The project is open read-only", path=store.folder, remedy=store.read_only_reason)
    staged = stage_import(store, request, progress=progress, cancel=cancel, expected=expected)
    try:
        return finish_import(store, staged)
    except UserError:
        discard_staged(store)
        raise


def discard_staged(store: ProjectStore) -> None:
    """Take away what was staged and is not wanted, or what a process that died has left; never raises for a full disk."""
    from contextlib import suppress

    with suppress(UserError):
        sweep_staged(store._database, store.folder)
