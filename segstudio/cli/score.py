"""``segstudio score``: metrics between two folders of index masks, or of object ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.metric_options import (
    add_metric_options,
    add_pieces_options,
    cells_text,
    image_table,
    objects_line,
    per_image_text,
    percent,
    pieces_of_options,
    tolerance_of_options,
)
from segstudio.cli.output import ProgressBar, UsageError, add_json, emit, table, warn

if TYPE_CHECKING:
    import argparse

_COLUMNS = ("iou", "dice", "accuracy", "precision", "boundary_f1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio score``."""
    parser.add_argument("pred", type=Path, metavar="PRED_DIR", help="the predicted masks")
    parser.add_argument("truth", type=Path, metavar="TRUTH_DIR", help="the true ones, of the same names")
    parser.add_argument("--classes", type=int, metavar="N", help="how many classes there are; else as many as occur")
    parser.add_argument(
        "--ignore", type=int, metavar="V", help="value of pixels to leave out (255; 65535 in 16 bits and for objects)"
    )
    parser.add_argument(
        "--objects",
        action="store_true",
        help="the values are object ids: panoptic quality, object F1 and mask AP (extra [coco]); a file objects.json in both "
        'folders, {"name": {"id": "class"}}, tells their classes',
    )
    parser.add_argument(
        "--class-divisor",
        type=int,
        metavar="N",
        help="with --objects: ids are class × N + number, below N the class of stuff (Cityscapes: 1000)",
    )
    parser.add_argument(
        "--things", metavar="a,b", help="with --objects: the classes that are objects; the others are stuff"
    )
    add_pieces_options(
        parser, "with --objects: the predictions are masks of classes; their connected pieces are objects"
    )
    parser.add_argument(
        "--rand",
        type=int,
        metavar="V",
        help="this value is the border between cells: foreground-restricted Rand after thinning, and pixel error",
    )
    add_metric_options(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the scores."""
    if args.objects:
        return _score_objects(args)
    from segstudio.io.scoring import score_folders

    for option, value in (("--things", args.things), ("--class-divisor", args.class_divisor), ("--pieces", args.pieces),
                          ("--split-touching", args.split_touching), ("--least-px", args.least_px)):  # fmt: skip
        if value not in (None, False):
            raise UsageError(f"{option} is about objects", remedy="give --objects too")
    tolerance = tolerance_of_options(args)
    if args.classes is not None and args.classes < 1:
        raise UsageError(f"--classes is {args.classes}", remedy="give how many classes there are, at least 1")
    with ProgressBar() as bar:
        scores = score_folders(
            args.pred,
            args.truth,
            classes=args.classes,
            ignore=255 if args.ignore is None else args.ignore,
            boundary_tolerance_px=tolerance,
            border_value=args.rand,
            is_per_image=args.per_image,
            progress=bar,
        )
    emit(args, scores, lambda: scores_text(scores))
    return 0


def _score_objects(args: argparse.Namespace) -> int:
    from segstudio.io.object_scoring import NEEDS_EXTRA, score_object_folders

    for option, value in (
        ("--classes", args.classes),
        ("--boundary-tolerance", args.boundary_tolerance),
        ("--rand", args.rand),
    ):
        if value is not None:
            raise UsageError(f"{option} does not go with --objects", remedy="leave one of them out")
    if args.class_divisor is not None and not 2 <= args.class_divisor <= 65535:
        raise UsageError(f"--class-divisor is {args.class_divisor}", remedy="give a number from 2 to 65535")
    pieces = pieces_of_options(args)
    if pieces is not None and (args.class_divisor is not None or args.things is not None):
        raise UsageError("pieces of masks have no class of their own", remedy="leave out --class-divisor and --things")
    keywords: dict[str, Any] = {} if args.ignore is None else {"ignore": args.ignore}
    things = None if args.things is None else [name.strip() for name in args.things.split(",") if name.strip()]
    with ProgressBar() as bar:
        scores = score_object_folders(
            args.pred,
            args.truth,
            pieces=pieces,
            things=things,
            class_divisor=args.class_divisor,
            is_per_image=args.per_image,
            progress=bar,
            **keywords,
        )
    emit(args, scores, lambda: objects_text(scores))
    if scores["mask_ap"] is None:
        warn(f"mask AP {NEEDS_EXTRA}")
    return 0


def objects_text(scores: dict[str, Any]) -> str:
    """Scores of objects for people; what is not known is a dash."""
    quality = [percent(scores[f"{kind}_quality"]) for kind in ("panoptic", "segmentation", "recognition")]
    counts = scores["objects"]
    lines = [
        f"panoptic quality {quality[0]} % = segmentation {quality[1]} % × recognition {quality[2]} %",
        objects_line(scores),
        f"{counts['matched']:,} of {counts['truth']:,} objects matched; {counts['predicted']:,} predicted",
    ]
    ap = scores["mask_ap"]
    if ap is not None:
        lines.append(
            f"mask AP {percent(ap['ap'])} %, at IoU 0.5 {percent(ap['ap50'])} %, at 0.75 {percent(ap['ap75'])} %"
        )
    if "per_class" in scores:
        lines += ["", _object_classes_text(scores)]
    if "per_image" in scores:
        lines += [
            "",
            image_table(scores["per_image"], ("object F1", "panoptic quality"), ("object_f1", "panoptic_quality")),
        ]
    return "\n".join(lines)


def _object_classes_text(scores: dict[str, Any]) -> str:
    keys = ("panoptic_quality", "segmentation_quality", "recognition_quality")
    rows = []
    for row in scores["per_class"]:
        shown = [percent(row[key]) for key in (*keys, "object_f1", "ap", "ap50")]
        rows.append((row["name"], "thing" if row["is_thing"] else "stuff", *shown))
    for kind in ("things", "stuff"):
        rows.append((f"mean of {kind}", "", *(percent(scores[kind][key]) for key in keys), "", "", ""))
    return table(rows, ("class", "", "panoptic", "segmentation", "recognition", "object F1", "mask AP", "at 0.5"))


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
    if "cells" in scores:
        text += f"\n{cells_text(scores['cells'])}"
    return f"{text}\n\n{per_image_text(scores['per_image'])}" if "per_image" in scores else text
