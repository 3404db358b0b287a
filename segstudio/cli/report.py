"""``segstudio report``: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.output import add_json, emit

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio report``."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    parser.add_argument("--out", type=Path, metavar="FILE.html", help="where to write it (RUN/report.html)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the report; what is damaged in the run is said in it."""
    from segstudio.io.atomic import write_bytes_atomic
    from segstudio.ml.runs.record import read_run
    from segstudio.ml.runs.report import run_report

    record = read_run(args.run)
    out = args.run / "report.html" if args.out is None else args.out
    write_bytes_atomic(out, run_report(record).encode())
    document = {"report": str(out), "run": str(args.run), "state": record.state, "problem": record.problem}
    emit(args, document, f"{out}: the report of {record.name}" + (f". {record.problem}" if record.problem else ""))
    return 0
