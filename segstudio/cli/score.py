"""``segstudio score``: metrics between two folders of index masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, UsageError, add_json, emit, table

if TYPE_CHECKING:
    import argparse

_COLUMNS = ("iou", "dice", "accuracy", "precision", "boundary_f1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio score``."""
    parser.add_argument("pred", type=Path, metavar="PRED_DIR", help="the predicted index masks")
    parser.add_argument("truth", type=Path, metavar="TRUTH_DIR", help="the true ones, of the same names")
    parser.add_argument("--classes", type=int, metavar="N", help="how many classes there are; else as many as occur")
    parser.add_argument("--ignore", type=int, default=255, metavar="V", help="value of pixels to leave out (255)")
    parser.add_argument(
        "--boundary-tolerance",
        type=float,
        metavar="PX",
        help="score boundaries too: how far apart they may lie, in pixels",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the scores."""
    from segstudio.io.scoring import score_folders

    if args.boundary_tolerance is not None and not 0.0 <= args.boundary_tolerance <= 100.0:
        raise UsageError(f"--boundary-tolerance is {args.boundary_tolerance:g}", remedy="give pixels from 0 to 100")
    if args.classes is not None and args.classes < 1:
        raise UsageError(f"--classes is {args.classes}", remedy="give how many classes there are, at least 1")
    with ProgressBar() as bar:
        scores = score_folders(
            args.pred,
            args.truth,
            classes=args.classes,
            ignore=args.ignore,
            boundary_tolerance_px=args.boundary_tolerance,
            progress=bar,
        )
    emit(args, scores, lambda: scores_text(scores))
    return 0


def scores_text(scores: dict[str, Any]) -> str:
    """Scores as a table for people; what is not known is a dash."""
    rows = [
        (row["name"], *(_percent(row[key]) for key in _COLUMNS), f"{row['pixels']:,}") for row in scores["per_class"]
    ]
    means = ("mean", *(_percent(scores[key]) for key in ("mean_iou", "mean_dice", "mean_pixel_accuracy")), "")
    rows.append((*means, _percent(scores["boundary_f1"]), ""))
    header = ("class", "IoU", "Dice", "accuracy", "precision", "boundary F1", "pixels")
    overall = f"pixel accuracy {_percent(scores['pixel_accuracy'])} %"
    weighted = f"frequency-weighted IoU {_percent(scores['frequency_weighted_iou'])} %"
    return f"{table(rows, header)}\n\n{overall}, {weighted}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"
