"""Looks before an import or an export: a few images with the labels that come, or as they will be written."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from segstudio.io.formats.base import ExportPlan
    from segstudio.io.formats.preview import Pictures
    from segstudio.io.importing.plan import ImportRequest
    from segstudio.io.store.project import ProjectStore
    from segstudio.jobs.child import Port
    from segstudio.jobs.specs import ExportSpec

MOST_VALUES = 1 << 26
"""Pixels times planes; larger images are not written for a look."""
LENT_TO = ("geotiff", "geojson", "gpkg", "nifti", "dicom-seg")
"""Formats whose labels lie in space, and are put on the project's images."""


@dataclass(frozen=True)
class ImportPicturesSpec:
    """Pictures of a dataset; the project lends its images where the dataset has none. The result is ``Pictures``."""

    project_folder: str
    request: ImportRequest
    count: int = 3


@dataclass(frozen=True)
class ExportPicturesSpec:
    """Pictures of what an export would write: it is written for a few images, and read back. The result is an ``ExportLook``."""

    export: ExportSpec
    count: int = 3


@dataclass(frozen=True)
class ExportLook:
    """How many images would be written ``of`` all, and pictures of a few; ``note`` says why there are none."""

    images: int
    of: int
    pictures: Pictures
    note: str = ""


@dataclass(frozen=True)
class DetectSpec:
    """What a dataset looks like. The result is ((format id, 1 … 100), …), the likeliest first."""

    source: str


def serve(spec: DetectSpec | ImportPicturesSpec | ExportPicturesSpec, port: Port) -> object:
    """Answer one of the questions of this module; UserError when the dataset or the disk does not allow it."""
    from segstudio.io.store.project import ProjectStore

    if isinstance(spec, DetectSpec):
        return detected(Path(spec.source))
    if isinstance(spec, ImportPicturesSpec):
        with ProjectStore.open(Path(spec.project_folder), read_only=True) as store:
            return import_pictures_of(store, spec.request, spec.count, port)
    from segstudio.jobs.task_host import export_plan

    with ProjectStore.open(Path(spec.export.project_folder), read_only=True) as store:
        return export_look(store, export_plan(spec.export), spec.count, port)


def detected(source: Path) -> tuple[tuple[str, int], ...]:
    """What *source* looks like; an archive is unpacked for that."""
    from segstudio.io.formats.reading import detect
    from segstudio.io.formats.safety import Limits, unpacked

    with suppress(UserError), unpacked(source, Limits()) as place:
        return tuple(detect(place))
    return ()


def import_pictures_of(store: ProjectStore, request: ImportRequest, count: int = 3, cancel: Cancel = NEVER) -> Pictures:
    """Pictures of what *request* would bring into the project.

    Raises
    ------
    UserError
        When the dataset cannot be read.
    """
    from segstudio.io.formats.preview import import_pictures
    from segstudio.io.formats.project_images import ProjectImages, bare_stem
    from segstudio.io.formats.reading import opened

    files = {record.name: store.image_file(record) for record in store.images(checks_files=False)}
    options = _with_images(request.source, request.format, dict(request.options), files)
    images = ProjectImages(files)

    def find(name: str) -> Path | None:
        found = images.find(bare_stem(name))
        return None if found is None else found[1]

    with opened(request.source, request.format, options) as importer:
        return import_pictures(importer, count, find_image=find, cancel=cancel)


def export_look(store: ProjectStore, plan: ExportPlan, count: int = 3, cancel: Cancel = NEVER) -> ExportLook:
    """Pictures of what *plan* would write, spread over its images: a small export, made apart and read back.

    Raises
    ------
    UserError
        When there is nothing to export, or it cannot be written.
    """
    from segstudio.io.formats.pixels import unique_stem
    from segstudio.io.formats.preview import Pictures, import_pictures
    from segstudio.io.formats.reading import opened
    from segstudio.io.formats.registry import export_project
    from segstudio.io.formats.selection import selected

    total = len(store.images(checks_files=False))
    records = selected(store, plan, cancel)
    small = [record for record in records if record.width * record.height * record.depth <= MOST_VALUES]
    if not small:
        return ExportLook(len(records), total, Pictures(), "These images are too large for a preview.")
    chosen = [small[i * len(small) // count] for i in range(count)] if len(small) > count else small
    taken: set[str] = set()
    files = {unique_stem(record.name, taken): store.image_file(record) for record in chosen}
    with tempfile.TemporaryDirectory(prefix="segstudio-preview-") as folder:
        part = replace(
            plan,
            out=Path(folder) / "export",
            image_ids=[record.id for record in chosen],
            split_fractions=None,
            select=replace(plan.select, statuses=(), splits=(), since_s=None, until_s=None),
        )
        export_project(store, part, cancel=cancel)
        options = _with_images(
            part.out, plan.format, {}, {f"{stem}{file.suffix}": file for stem, file in files.items()}
        )
        with opened(part.out, plan.format, options) as importer:
            pictures = import_pictures(importer, count, find_image=lambda name: _of_stem(files, name), cancel=cancel)
    return ExportLook(len(records), total, pictures)


def _of_stem(files: dict[str, Path], name: str) -> Path | None:
    """The project's image that *name* was made of; a plane's or a tile's is not shown."""
    return files.get(name) or files.get(name.rsplit(".", 1)[0])


def _with_images(source: Path, format_id: str, options: dict[str, object], files: dict[str, Path]) -> dict[str, object]:
    """Options of reading, with the project's images where the format asks for them."""
    from segstudio.io.formats.table import importers

    entry = importers().get(format_id or next((name for name, _ in detected(source)), ""))
    if entry is not None and entry.id in LENT_TO and "images" in entry.reader_options and not options.get("images"):
        return {**options, "images": files}
    return options
