"""``segstudio refine``: proposals of a project, made to follow the images."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import (
    ProgressBar,
    UsageError,
    add_json,
    checking_options,
    chosen_images,
    counted,
    emit,
    table,
    warn,
)
from segstudio.core.cancel import NEVER
from segstudio.core.progress import no_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord
    from segstudio.ml.refine.table import Refinement


def add_refine_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--refine`` and ``--refine-option`` of a command that proposes."""
    parser.add_argument(
        "--refine", default="", metavar="METHOD", help="make the answer follow the image: crf, mrf or crfrnn"
    )
    parser.add_argument(
        "--refine-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of it, such as theta_beta=8; `segstudio models info refine/METHOD` lists them",
    )


def given_refinement(args: argparse.Namespace) -> Refinement | None:
    """What ``--refine`` and ``--refine-option`` say; None without.

    Raises
    ------
    UsageError
        When there is no such method or option, or a value does not fit.
    """
    if not args.refine:
        if args.refine_option:
            raise UsageError("--refine-option says how to refine, but --refine is missing", remedy="give --refine crf")
        return None
    return checked_refinement(args.refine, args.refine_option, "--refine-option")


def checked_refinement(method: str, options: Iterable[str], flag: str) -> Refinement:
    """The method with its ``KEY=VALUE`` options, which *flag* gave.

    Raises
    ------
    UsageError
        When any of it does not fit.
    """
    from segstudio.ml.refine.table import refinement

    given = {}
    for text in options:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"{flag} is {text!r}", remedy="write it as KEY=VALUE")
        given[key.strip()] = value
    with checking_options():
        return refinement(method, given)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio refine``."""
    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    parser.add_argument("--method", default="crf", metavar="ID", help="crf, mrf or crfrnn (default %(default)s)")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the method, such as theta_beta=8; `segstudio models info refine/METHOD` lists them",
    )
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    parser.add_argument("--images", metavar="GLOB", help="only images whose name matches, such as 'scan_*.png'")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Refine each image's proposal; name those that failed, and exit 1 if there was any."""
    from segstudio.io.store.project import ProjectStore

    chosen = checked_refinement(args.method, args.option, "--option")
    with ProjectStore.open(args.project) as store, ProgressBar() as bar:
        images = chosen_images(store, args.images)
        reports = refine_into(store, chosen, images, device=args.device, progress=bar)
    failed = [r for r in reports if r["error"]]
    for report in failed:
        warn(f"{report['image']}: {report['error']}")
    if not reports:
        warn("there is no proposal to refine: `segstudio propose` writes some")
    document = {"method": f"refine/{chosen.method.id}", "options": dict(chosen.options), "images": reports}
    emit(args, document, lambda: _text(reports))
    return 1 if failed else 0


def refine_into(
    store: ProjectStore,
    refinement: Refinement,
    images: Sequence[ImageRecord],
    *,
    device: str = "auto",
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> list[dict[str, Any]]:
    """Refine the proposals of those *images* that have one, each as one undoable edit.

    Returns
    -------
    list of dict
        For each such image "image", "changed" (pixels that went to another segment), "seconds" and "error" ("" = none).

    Raises
    ------
    UserError
        When the project is read-only, the device cannot be used, or the project cannot be written.
    Cancelled
        When *cancel* is set; the images done so far stay refined.
    """
    from segstudio.core.errors import UserError
    from segstudio.ml.inference.devices import choose_device

    if store.is_read_only:
        raise UserError(
            f"the project is read-only ({store.read_only_reason})", path=store.folder, remedy="close the other window"
        )
    chosen = choose_device(device)
    reports: list[dict[str, Any]] = []
    for index, image in enumerate(images):

        def sink(done: float, total: float, what: str, at: int = index, name: str = image.name) -> None:
            share = done / total if total else 0.0
            progress(at + share, len(images), f"{name}: {what}" if len(images) > 1 else what)

        started_s = time.monotonic()
        try:
            changed = _refine_image(store, refinement, image, chosen, sink, cancel)
            error = ""
        except UserError as problem:
            # One bad picture must not cost the others; a project that cannot be written to does.
            if store.pending_count:
                raise
            changed, error = 0, str(problem)
        if changed is not None:
            seconds = round(time.monotonic() - started_s, 3)
            reports.append({"image": image.name, "changed": changed, "seconds": seconds, "error": error})
    return reports


def _refine_image(
    store: ProjectStore,
    refinement: Refinement,
    image: ImageRecord,
    device: str,
    progress: ProgressSink,
    cancel: Cancel,
) -> int | None:
    """How many pixels changed; None where there is no proposal."""
    from segstudio.core.refined_proposals import RefinedWriter
    from segstudio.core.touched import touched_in
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.refine.proposal import LayerProposal
    from segstudio.ml.refine.run import refine

    layer = store.proposal_layer(image.id)
    if layer is None or layer.is_blank:
        return None
    file = store.image_file(image)
    changed = 0
    with closing(open_image(file)) as reader:
        check_size(reader.info, image, file)
        proposal = LayerProposal(layer)
        touched = touched_in([store.labels_layer(image.id), layer])
        writer = RefinedWriter(layer, f"Refine by {refinement.method.name}", touched)
        try:
            for z in range(image.depth):

                def of_plane(done: float, total: float, what: str, before: int = z) -> None:
                    progress(before + (done / total if total else 0.0), image.depth, what)

                for piece in refine(reader, proposal, refinement, z=z, device=device, progress=of_plane, cancel=cancel):
                    changed += int((piece.segment_ids != proposal.read(piece.rect, z)).sum())
                    writer.write(piece.rect, piece.segment_ids, piece.confidence, z)
        except BaseException:
            writer.abort()
            raise
    edit = writer.finish()
    if edit is not None:
        store.commit(edit)
    return changed


def check_size(info: Any, image: ImageRecord, file: Path) -> None:
    """Nothing where the file has the size that the project knows.

    Raises
    ------
    UserError
        Where it has another.
    """
    from segstudio.core.errors import UserError

    if (info.width, info.height) != (image.width, image.height):
        raise UserError(
            f"the file is now {info.width}×{info.height} pixels, in the project it is {image.width}×{image.height}",
            path=file,
            remedy="put the former file back, or add this one as another image",
        )


def _text(reports: list[dict[str, Any]]) -> str:
    rows = [
        (r["image"], f"{r['seconds']:.1f} s", "failed" if r["error"] else f"{r['changed']:,} pixels changed")
        for r in reports
    ]
    return table(rows, ("image", "time", "refined")) + f"\n\n{counted(len(rows), 'proposal')} refined."
