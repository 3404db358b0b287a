"""``segstudio runs``: lists runs, and compares some of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import UsageError, add_json, emit, table

if TYPE_CHECKING:
    import argparse

    from segstudio.ml.runs.record import RunRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio runs``."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="DIR",
        help="projects, runs or folders of runs (default: here); after the word compare: the runs to hold against each other",
    )
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="with compare: write it as a page with curves")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """List or compare."""
    if args.what[:1] == ["compare"] and not Path("compare").is_dir():
        return _compare(args, [Path(name) for name in args.what[1:]])
    if args.report is not None:
        raise UsageError("--report goes with compare", remedy="`segstudio report RUN` writes the report of one run")
    from segstudio.ml.runs.record import find_runs, read_runs

    records = read_runs(find_runs([Path(name) for name in args.what] or [Path()]))
    emit(args, [record.to_json() for record in records], lambda: _list_text(records))
    return 0


def _compare(args: argparse.Namespace, folders: list[Path]) -> int:
    if len(folders) < 2:
        raise UsageError("one run alone cannot be compared", remedy="name two runs or more")
    from segstudio.io.atomic import write_bytes_atomic
    from segstudio.ml.runs.differences import comparison
    from segstudio.ml.runs.record import read_runs
    from segstudio.ml.runs.report import comparison_report

    records = read_runs(folders)
    if args.report is not None:
        write_bytes_atomic(args.report, comparison_report(records).encode())
    document = comparison(records)
    emit(args, document, lambda: _compare_text(document))
    return 0


def _list_text(records: list[RunRecord]) -> str:
    from segstudio.ml.runs.differences import value_text
    from segstudio.ml.runs.record import STATE_TEXTS

    if not records:
        return "no runs"
    rows = []
    for record in records:
        row = record.to_json()
        of = "" if row["planned_epochs"] is None else f" of {row['planned_epochs']}"
        spent = "–" if row["seconds"] is None else f"{row['seconds']:.0f} s"
        figures = (value_text(row[key]) for key in ("mean_iou", "mean_dice", "best_epoch"))
        state = STATE_TEXTS[record.state]
        rows.append((row["name"], state, row["arch"] or "–", f"{row['epochs']}{of}", *figures, spent))
    text = table(rows, ("run", "state", "network", "epochs", "mean IoU", "Dice", "best epoch", "time"))
    problems = [f"{record.name}: {record.problem}" for record in records if record.problem]
    return "\n".join([text, *(["", *problems] if problems else [])])


def _compare_text(document: dict[str, Any]) -> str:
    from segstudio.ml.runs.differences import value_text

    names = [row["name"] for row in document["runs"]]
    parts = []
    for title, key in (("plan", "field"), ("metrics", "metric")):
        rows = [(row[key], *(value_text(value) for value in row["values"])) for row in document[title]]
        parts.append(table(rows, (key, *names)) if rows else "the plans do not differ")
    return "\n\n".join(parts)
