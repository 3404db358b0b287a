"""``segstudio score``: metrics between two folders of index masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.metric_options import add_metric_options, per_image_text, percent, tolerance_of_options
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
    add_metric_options(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the scores."""
    from segstudio.io.scoring import score_folders

    tolerance = tolerance_of_options(args)
    if args.classes is not None and args.classes < 1:
        raise UsageError(f"--classes is {args.classes}", remedy="give how many classes there are, at least 1")
    with ProgressBar() as bar:
        scores = score_folders(
            args.pred,
            args.truth,
            classes=args.classes,
            ignore=args.ignore,
            boundary_tolerance_px=tolerance,
            is_per_image=args.per_image,
            progress=bar,
        )
    emit(args, scores, lambda: scores_text(scores))
    return 0


def scores_text(scores: dict[str, Any]) -> str:
    """Scores as a table for people; what is not known is a dash."""
    rows = [
        (row["name"], *(percent(row[key]) for key in _COLUMNS), f"{row['pixels']:,}") for row in scores["per_class"]
    ]
    means = ("mean_iou", "mean_dice", "mean_pixel_accuracy", "mean_precision", "boundary_f1")
    rows.append(("mean", *(percent(scores[key]) for key in means), ""))
    header = ("class", "IoU", "Dice", "accuracy", "precision", "boundary F1", "pixels")
    overall = f"pixel accuracy {percent(scores['pixel_accuracy'])} %"
    weighted = f"frequency-weighted IoU {percent(scores['frequency_weighted_iou'])} %"
    text = f"{table(rows, header)}\n\n{overall}, {weighted}"
    return f"{text}\n\n{per_image_text(scores['per_image'])}" if "per_image" in scores else text
