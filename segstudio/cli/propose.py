"""``segstudio propose``: proposal layers into a project."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, UsageError, add_json, chosen_images, emit, table, warn
from segstudio.cli.refine import add_refine_arguments, check_size, given_refinement
from segstudio.core.cancel import NEVER
from segstudio.core.progress import no_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.core.proposals import ProposalWriter
    from segstudio.io.readers.base import ImageReader
    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord
    from segstudio.ml.api import AnySegmenter
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.refine.table import Refinement


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--model``, ``--device``, ``--tile`` and ``--overlap``."""
    parser.add_argument(
        "--model", required=True, metavar="ID", help="a catalog id, a run of the project, or a weights file"
    )
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    parser.add_argument(
        "--tile", type=int, metavar="N", help="side of the windows in pixels; the model's own unless given"
    )
    parser.add_argument("--overlap", type=int, metavar="N", help="overlap of the windows in pixels")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of a classic method, such as classes=3; `segstudio models info ID` lists them",
    )
    add_refine_arguments(parser)


def with_given_options(entry: CatalogEntry, args: argparse.Namespace) -> CatalogEntry:
    """*entry* with what ``--option`` says.

    Raises
    ------
    UsageError
        When one is not KEY=VALUE.
    UserError
        When the model has no such option, or the value does not fit.
    """
    from dataclasses import replace

    from segstudio.ml.model_options import with_options

    return replace(entry, card=with_options(entry.card, given_options(args)))


def given_options(args: argparse.Namespace) -> dict[str, str]:
    """What ``--option`` says; UsageError when one is not KEY=VALUE."""
    given = {}
    for text in args.option:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"--option is {text!r}", remedy="write it as KEY=VALUE")
        given[key.strip()] = value
    return given


def checked_window(args: argparse.Namespace) -> tuple[int | None, int | None]:
    """``--tile`` and ``--overlap``.

    Raises
    ------
    UsageError
        For sizes that cannot be worked with.
    """
    if args.tile is not None and not 32 <= args.tile <= 16384:
        raise UsageError(f"--tile is {args.tile}", remedy="give 32 to 16384 pixels")
    if args.overlap is not None and (args.overlap < 0 or (args.tile is not None and args.overlap * 2 > args.tile)):
        raise UsageError(f"--overlap is {args.overlap}", remedy="give at least 0 and at most half of --tile")
    return args.tile, args.overlap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio propose``."""
    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    add_model_arguments(parser)
    parser.add_argument("--images", metavar="GLOB", help="only images whose name matches, such as 'scan_*.png'")
    parser.add_argument(
        "--everywhere", action="store_true", help="also where a person has labelled, erased or rejected something"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Propose on each image; name those that failed, and exit 1 if there was any."""
    from segstudio.io.store.project import ProjectStore
    from segstudio.ml.registry import Catalog

    window_px, overlap_px = checked_window(args)
    refinement = given_refinement(args)
    with ProjectStore.open(args.project) as store, ProgressBar() as bar:
        entry = with_given_options(Catalog(store.folder).find(args.model), args)
        reports = propose_into(
            store,
            entry,
            chosen_images(store, args.images),
            device=args.device,
            window_px=window_px,
            overlap_px=overlap_px,
            refinement=refinement,
            is_everywhere=args.everywhere,
            progress=bar,
        )
    failed = [r for r in reports if r["error"]]
    for report in failed:
        warn(f"{report['image']}: {report['error']}")
    emit(args, {"model": entry.card.id, "images": reports}, lambda: _text(reports))
    return 1 if failed else 0


def propose_into(
    store: ProjectStore,
    model: CatalogEntry | str,
    images: Sequence[ImageRecord],
    *,
    device: str = "auto",
    window_px: int | None = None,
    overlap_px: int | None = None,
    class_map: Mapping[int, int | None] | None = None,
    refinement: Refinement | None = None,
    is_everywhere: bool = False,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> list[dict[str, Any]]:
    """Write the model's proposals for *images* into the project, each one undoable edit; classes it lacks are added.

    *class_map* (model class index → class id, 0 drops it) goes before the mapping by name. A *refinement* works on the
    probabilities of a semantic model, and on the finished answer of others. What a person made, erased or rejected stays
    without a proposal unless *is_everywhere*.

    Returns
    -------
    list of dict
        For each image "image", "device", "pixels" (class name → count), "objects", "seconds" and "error" ("" = none).

    Raises
    ------
    UserError
        When the project is read-only, the model or the device cannot be used, or the project cannot be written.
    Cancelled
        When *cancel* is set; the images done so far keep their proposals.
    """
    from segstudio.core.errors import UserError
    from segstudio.ml.api import memory_note
    from segstudio.ml.inference.loading import load_segmenter
    from segstudio.ml.registry import Catalog

    if store.is_read_only:
        raise UserError(
            f"the project is read-only ({store.read_only_reason})", path=store.folder, remedy="close the other window"
        )
    entry = Catalog(store.folder).find(model) if isinstance(model, str) else model
    if not images:
        return []
    segmenter = load_segmenter(entry, device, progress, cancel)
    reports = []
    for index, image in enumerate(images):

        def sink(done: float, total: float, what: str, at: int = index, name: str = image.name) -> None:
            share = done / total if total else 0.0
            progress(at + share, len(images), f"{name}: {what}" if len(images) > 1 else what)

        started_s = time.monotonic()
        try:
            report = _propose_image(
                store, segmenter, image, (window_px, overlap_px), class_map, refinement, is_everywhere, sink, cancel
            )
        except UserError as error:
            # One bad picture must not cost the proposals of the others; a project that cannot be written to does.
            if store.pending_count:
                raise
            report = {"pixels": {}, "objects": 0, "error": str(error)}
        reports.append(
            {
                "image": image.name,
                "device": segmenter.device,
                "seconds": round(time.monotonic() - started_s, 3),
                **report,
            }
        )
    if note := memory_note(segmenter):
        warn(note)
    return reports


def _propose_image(
    store: ProjectStore,
    segmenter: AnySegmenter,
    image: ImageRecord,
    window: tuple[int | None, int | None],
    class_map: Mapping[int, int | None] | None,
    refinement: Refinement | None,
    is_everywhere: bool,
    progress: ProgressSink,
    cancel: Cancel,
) -> dict[str, Any]:
    from segstudio.core.proposals import ProposalWriter
    from segstudio.core.touched import touched_in
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.class_mapping import ClassMapper
    from segstudio.ml.inference.volumes import propose_planes

    file = store.image_file(image)
    with closing(open_image(file)) as reader:
        check_size(reader.info, image, file)
        layer = store.proposal_layer(image.id, create=True)
        assert layer is not None
        mapper = ClassMapper(segmenter.card, store.classes, class_map)
        touched = None if is_everywhere else touched_in([store.labels_layer(image.id), layer])
        writer = ProposalWriter(layer, mapper.mapping, segmenter.card.id, touched=touched)
        try:
            for z, result in propose_planes(
                segmenter, reader, range(image.depth), window_px=window[0], overlap_px=window[1], refinement=refinement,
                progress=progress, cancel=cancel,
            ):  # fmt: skip
                mapper.write(writer, result, z)
            if refinement is not None and segmenter.card.task != "semantic":
                _refine_written(writer, reader, refinement, segmenter.device, progress, cancel)
        except BaseException:
            writer.abort()
            raise
    if mapper.classes is not store.classes:
        store.set_classes(mapper.classes)
    edit = writer.finish()
    if edit is not None:
        store.commit(edit)
    names = {c.id: c.name for c in store.classes}
    pixels = {names[k]: v for k, v in layer.pixel_counts().items() if k in names}
    objects = sum(s.is_object for s in layer.segments.values())
    return {"pixels": pixels, "objects": objects, "error": ""}


def _refine_written(
    writer: ProposalWriter,
    reader: ImageReader,
    refinement: Refinement,
    device: str,
    progress: ProgressSink,
    cancel: Cancel,
) -> None:
    """Refine what was just written: there are no probabilities of it."""
    from segstudio.ml.refine.proposal import LayerProposal
    from segstudio.ml.refine.run import refine

    proposal = LayerProposal(writer.layer)
    for z in range(writer.layer.depth):
        for piece in refine(reader, proposal, refinement, z=z, device=device, progress=progress, cancel=cancel):
            writer.write_refined(piece.rect, piece.segment_ids, piece.confidence, z)


def _text(reports: list[dict[str, Any]]) -> str:
    rows = []
    for report in reports:
        found = ", ".join(f"{name} {count:,} px" for name, count in report["pixels"].items())
        if report["objects"]:
            found = f"{report['objects']} objects: {found}"
        rows.append(
            (report["image"], f"{report['seconds']:.1f} s", "failed" if report["error"] else found or "nothing found")
        )
    return table(rows, ("image", "time", "proposal"))
