"""Imports in a process of their own: what comes from a stranger's files is decoded away from the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.jobs.protocol import StageChanged
from segstudio.jobs.specs import PlanImportSpec

if TYPE_CHECKING:
    from segstudio.io.importing.plan import ImportPlan, StagedImport
    from segstudio.jobs.child import Port
    from segstudio.jobs.specs import StageImportSpec


def serve_import(spec: PlanImportSpec | StageImportSpec, port: Port) -> ImportPlan | StagedImport:
    """Plan an import, or stage it, for a project that another process has open.

    Raises
    ------
    UserError
        When the dataset cannot be read, or the project's file not written to.
    """
    from segstudio.io.importing.planning import plan_import
    from segstudio.io.importing.staging import stage_import
    from segstudio.io.store.project import ProjectStore

    port.send(StageChanged(text=f"Looking at {spec.request.source.name}"))
    with ProjectStore.open(Path(spec.project_folder), read_only=True) as store:
        if isinstance(spec, PlanImportSpec):
            return plan_import(
                store,
                spec.request,
                reads_labels=spec.reads_labels,
                progress=port.progress,
                cancel=port,
                expected=spec.expected,
            )
        return stage_import(store, spec.request, progress=port.progress, cancel=port, expected=spec.expected)
