"""``segstudio convert``: a dataset of one format into another, without a project."""

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
    typed_options,
)
from segstudio.cli.output import ProgressBar, add_json, emit, warn

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio convert``."""
    from segstudio.io.formats.table import exporters, importers

    parser.add_argument("source", type=Path, metavar="SRC", help="the dataset: a folder, a file or a zip archive")
    parser.add_argument("out", type=Path, metavar="DST", help="the folder to make; it must not hold anything")
    parser.add_argument(
        "--from",
        dest="source_format",
        default="",
        metavar="F",
        choices=list(importers()),
        help=f"its format, else what it looks like: {', '.join(importers())}",
    )
    known = ", ".join(f"{entry.id} ({entry.name})" for entry in exporters().values())
    parser.add_argument(
        "--to", dest="format", required=True, metavar="G", choices=list(exporters()), help=f"one of {known}"
    )
    parser.add_argument(
        "--from-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of reading the source; may be repeated",
    )
    add_dataset_arguments(parser, ", which is what happens where the source has splits")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Convert and say what was written."""
    from segstudio.io.formats.base import ExportPlan
    from segstudio.io.formats.converting import Source, convert, losses_of_conversion
    from segstudio.io.formats.reporting import report_document
    from segstudio.io.formats.table import importers

    known = importers()[args.source_format].reader_options if args.source_format else {}
    source = Source(args.source, args.source_format, typed_options(args.from_option, known))
    plan = ExportPlan(
        args.format,
        args.out,
        fractions_of(args),
        args.seed,
        None,
        options_of(args, args.format),
        split_by=args.split_by,
        tiles=tiling_of(args, args.format),
        workers=args.workers,
    )
    with ProgressBar() as bar:
        told = settle_losses(args, lambda: losses_of_conversion(source, plan, bar))
        bar.close()
        report = convert(source, plan, bar)
    known_sentences = {loss.sentence for loss in told}
    for _, sentence in report.skipped:
        if sentence not in known_sentences:
            warn(f"left out: {sentence}")
    emit(args, report_document(report), lambda: report_text(report))
    return 0
