"""``segstudio export``: the labels of a project as a mask dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.dataset_options import (
    add_dataset_arguments,
    fractions_of,
    options_of,
    report_text,
    settle_losses,
    tiling_of,
)
from segstudio.cli.output import ProgressBar, UsageError, add_json, chosen_images, emit, warn

if TYPE_CHECKING:
    import argparse

    from segstudio.io.formats.base import Selection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio export``."""
    from segstudio.io.formats.table import exporters

    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    known = ", ".join(f"{entry.id} ({entry.name})" for entry in exporters().values())
    parser.add_argument("--format", required=True, metavar="F", choices=list(exporters()), help=f"one of {known}")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="OUT", help="the folder to make; it must not hold anything"
    )
    parser.add_argument("--images", metavar="GLOB", help="only images whose name matches; else all that have labels")
    parser.add_argument("--status", metavar="A,B", help="only images with this status: unlabelled, in_progress, done")
    parser.add_argument(
        "--in-split", metavar="A,B", help="only images of these splits of the project (none: of no split)"
    )
    parser.add_argument("--classes", metavar="A,B", help="only images with labels of one of these classes")
    parser.add_argument("--only-classes", action="store_true", help="leave out the labels of all other classes, too")
    parser.add_argument("--since", metavar="DATE", help="only images whose labels were changed on this day or later")
    parser.add_argument("--until", metavar="DATE", help="only images whose labels were changed on this day or before")
    add_dataset_arguments(parser, "")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Export and say what was written."""
    from segstudio.io.formats.base import ExportPlan
    from segstudio.io.formats.losses import losses_before
    from segstudio.io.formats.registry import export_project
    from segstudio.io.formats.reporting import report_document
    from segstudio.io.store.project import ProjectStore

    options, fractions = options_of(args, args.format), fractions_of(args)
    select, tiles = selection_of(args), tiling_of(args, args.format)
    with ProjectStore.open(args.project, read_only=True) as store, ProgressBar() as bar:
        image_ids = None if args.images is None else [record.id for record in chosen_images(store, args.images)]
        plan = ExportPlan(
            args.format,
            args.out,
            fractions,
            args.seed,
            image_ids,
            options,
            select,
            args.split_by,
            tiles,
            args.workers,
        )
        told = settle_losses(args, lambda: losses_before(store, plan, bar))
        bar.close()
        report = export_project(store, plan, bar)
    known = {loss.sentence for loss in told}
    for _, sentence in report.skipped:
        if sentence not in known:
            warn(f"left out: {sentence}")
    emit(args, report_document(report), lambda: report_text(report))
    return 0


def selection_of(args: argparse.Namespace) -> Selection:
    """Which images were asked for."""
    from segstudio.io.formats.base import Selection

    splits = tuple("" if name == "none" else name for name in _names(args.in_split))
    return Selection(
        statuses=_names(args.status),
        splits=splits,
        classes=_names(args.classes),
        since_s=_day(args.since, is_end=False),
        until_s=_day(args.until, is_end=True),
        only_classes=args.only_classes,
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _day(text: str | None, *, is_end: bool) -> float | None:
    """The Unix time at which a day begins here, or ends."""
    from datetime import datetime, timedelta

    if text is None:
        return None
    try:
        day = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"“{text}” is no date", remedy="write it as 2026-03-31") from error
    is_whole = len(text.strip()) <= len("2026-03-31")
    return (day + timedelta(days=1, microseconds=-1) if is_end and is_whole else day).timestamp()
