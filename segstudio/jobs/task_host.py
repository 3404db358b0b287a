"""A process for work beside the window: exports, downloads, files of models, scores."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.jobs import exchange_looks
from segstudio.jobs.protocol import StageChanged
from segstudio.jobs.specs import (
    AugmentSpec,
    DownloadSpec,
    EvaluateSpec,
    ExportSpec,
    Installed,
    InstallSpec,
    LossesSpec,
    OnnxSpec,
    PlanImportSpec,
    PreviewSpec,
    StageImportSpec,
)

if TYPE_CHECKING:
    from segstudio.io.formats.base import ExportPlan
    from segstudio.jobs.child import Port

PROJECT_SPLITS = "project"
"""In :attr:`ExportSpec.split`: each image's own."""


def serve(spec: object, port: Port) -> object:
    """Export, download, evaluate, show training patches, or read or write a model's file.

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
    if isinstance(spec, LossesSpec):
        return _losses(spec.export, port)
    if isinstance(spec, EvaluateSpec):
        return _evaluate(spec, port)
    if isinstance(spec, AugmentSpec):
        return _augment(spec, port)
    if isinstance(spec, PreviewSpec):
        port.send(StageChanged(text="Reading the labels"))
        from segstudio.ml.training.preview import preview_patches

        return preview_patches(spec.plan, spec.batch, spec.count, port)
    if isinstance(spec, (PlanImportSpec, StageImportSpec)):
        from segstudio.jobs.importing import serve_import

        return serve_import(spec, port)
    if isinstance(spec, InstallSpec):
        return _install(Path(spec.path))
    if isinstance(spec, OnnxSpec):
        return _export_onnx(spec, port)
    if isinstance(spec, (exchange_looks.DetectSpec, exchange_looks.ImportPicturesSpec, exchange_looks.ExportPicturesSpec)):
        return exchange_looks.serve(spec, port)
    raise TypeError(f"the task host does not serve {type(spec).__name__}")


def export_plan(spec: ExportSpec) -> ExportPlan:
    """What the spec asks for; UserError when its split cannot be read."""
    from segstudio.core.splits import parse_split
    from segstudio.io.formats.base import ExportPlan, Selection

    fractions = {} if spec.split == PROJECT_SPLITS else parse_split(spec.split) if spec.split else None
    return ExportPlan(
        format=spec.format,
        out=Path(spec.out),
        split_fractions=fractions,
        seed=spec.seed,
        image_ids=spec.image_ids,
        options=dict(spec.options),
        select=spec.select or Selection(),
        split_by=spec.split_by,
        tiles=spec.tiles,
        workers=spec.workers,
    )


def _export(spec: ExportSpec, port: Port) -> object:
    from segstudio.io.formats.registry import export_project
    from segstudio.io.store.project import ProjectStore

    plan = export_plan(spec)
    with ProjectStore.open(Path(spec.project_folder), read_only=True) as store:
        return export_project(store, plan, port.progress, port)


def _losses(spec: ExportSpec, port: Port) -> object:
    from segstudio.io.formats.losses import losses_before
    from segstudio.io.store.project import ProjectStore

    plan = export_plan(spec)
    with ProjectStore.open(Path(spec.project_folder), read_only=True) as store:
        return losses_before(store, plan, port.progress, port)


def _evaluate(spec: EvaluateSpec, port: Port) -> object:
    port.send(StageChanged(text="Loading the model"))
    from segstudio.io.object_scoring import Pieces
    from segstudio.ml.training.evaluate import evaluate
    from segstudio.ml.training.evaluate_extras import Asked

    return evaluate(
        model=spec.model,
        project=spec.project_folder,
        split=spec.split,
        device=spec.device,
        boundary_tolerance_px=spec.boundary_tolerance_px,
        is_per_image=True,
        split_of=spec.split_of,
        asked=Asked(
            has_objects=True,
            is_lenient=True,
            pieces=Pieces(spec.neck_px),
            voc=Path(spec.voc_results) if spec.voc_results else None,
        ),
        progress=port.progress,
        cancel=port,
    )


def _augment(spec: AugmentSpec, port: Port) -> object:
    port.send(StageChanged(text="Reading the labels"))
    from segstudio.io.formats.base import ExportReport
    from segstudio.ml.training.augment_folder import AugmentFolderPlan, augment_folder

    out = Path(spec.out)
    plan = AugmentFolderPlan(spec.plan, out, spec.copies, spec.size_px, has_originals=spec.has_originals, workers=0)
    made = augment_folder(plan, port.progress, port)
    notes = tuple(filter(None, (made["note"],)))
    return ExportReport("masks", out, sum(made["images"].values()), made["images"], notes=notes)


def _install(path: Path) -> Installed:
    from segstudio.ml.foreign.files import outline
    from segstudio.ml.registry import install

    try:
        return Installed(install(path).card.weights.path)
    except UserError as error:
        tensors = ""
        with suppress(UserError):
            tensors = outline(path).to_text()
        return Installed(problem=str(error), tensors=tensors)


def _export_onnx(spec: OnnxSpec, port: Port) -> object:
    from segstudio.ml.foreign.onnx_export import export_onnx
    from segstudio.ml.registry import Catalog

    entry = Catalog(Path(spec.project_folder) if spec.project_folder else None).find(spec.model)
    return export_onnx(entry, Path(spec.out), size_px=spec.size_px, progress=port.progress, cancel=port)
