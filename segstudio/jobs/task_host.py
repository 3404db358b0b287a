"""A process for work without a model in it: exports and downloads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.jobs.specs import DownloadSpec, ExportSpec

if TYPE_CHECKING:
    from segstudio.jobs.child import Port


def serve(spec: object, port: Port) -> object:
    """Export or download.

    Raises
    ------
    UserError
        When the disk, the network or the labels do not allow it.
    """
    if isinstance(spec, DownloadSpec):
        from segstudio.ml.download import download

        return str(download(spec.card, port.progress, port))
    if isinstance(spec, ExportSpec):
        return _export(spec, port)
    raise TypeError(f"the task host does not serve {type(spec).__name__}")


def _export(spec: ExportSpec, port: Port) -> object:
    from segstudio.core.splits import parse_split
    from segstudio.io.formats.base import ExportPlan
    from segstudio.io.formats.registry import export_project
    from segstudio.io.store.project import ProjectStore

    plan = ExportPlan(
        format=spec.format,
        out=Path(spec.out),
        split_fractions=parse_split(spec.split) if spec.split else None,
        seed=spec.seed,
        image_ids=spec.image_ids,
        options=dict(spec.options),
    )
    with ProjectStore.open(Path(spec.project_folder), read_only=True) as store:
        return export_project(store, plan, port.progress, port)
