"""``segstudio evaluate``: metrics of a model on a split of a project or dataset folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.metric_options import (
    add_metric_options,
    add_pieces_options,
    cells_text,
    objects_line,
    per_image_text,
    percent,
    pieces_of_options,
    tolerance_of_options,
)
from segstudio.cli.output import ProgressBar, UsageError, add_json, checking_options, emit, table
from segstudio.cli.propose import given_options

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio evaluate``."""
    parser.add_argument("project", nargs="?", type=Path, metavar="DIR", help="a project; or give --data")
    parser.add_argument(
        "--data", default="", metavar="SPEC", help="camvid:PATH, voc:PATH or folder:IMAGES,MASKS in place of DIR"
    )
    parser.add_argument(
        "--model", required=True, metavar="ID", help="a catalog id, a run of the project or a weights file"
    )
    parser.add_argument("--split", default="val", metavar="S", help="train, val or test (default %(default)s)")
    parser.add_argument("--classes", default="", metavar="a,b", help="names for the classes of a dataset that has none")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    parser.add_argument(
        "--confusion-picture", type=Path, metavar="FILE", help="draw the confusion matrix into a file .png or .svg"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the model, such as views=8"
    )
    add_metric_options(parser)
    parser.add_argument(
        "--rand",
        default="",
        metavar="CLASS",
        help="CLASS is the border between cells: foreground-restricted Rand after thinning, and pixel error, at the best thresholds",
    )
    parser.add_argument(
        "--objects",
        nargs="?",
        const="",
        metavar="IDS",
        help="object F1 and panoptic quality, for the objects that the labels tell of, or of the folder IDS of masks of object ids",
    )
    add_pieces_options(parser)
    parser.add_argument(
        "--voc-results",
        type=Path,
        metavar="DIR",
        help="also write the masks and the table as the VOC devkit reads them",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the metrics that ``segstudio score`` prints."""
    from segstudio.ml.plan import TrainPlan

    project = "" if args.project is None else str(args.project)
    with checking_options():
        TrainPlan(out="", project=project, data=args.data).checked()
    tolerance = tolerance_of_options(args)
    pieces = pieces_of_options(args)
    if pieces is not None and args.objects is None:
        raise UsageError("--split-touching and --least-px are about objects", remedy="give --objects too")
    options = given_options(args)
    if args.confusion_picture is not None:
        from segstudio.core.confusion_picture import check_picture_name

        with checking_options():
            check_picture_name(args.confusion_picture)
    from segstudio.ml.training.evaluate import evaluate
    from segstudio.ml.training.evaluate_extras import Asked

    objects = Path(args.objects) if args.objects else None
    asked = Asked(border=args.rand, has_objects=args.objects is not None, objects=objects, voc=args.voc_results)
    asked = asked if pieces is None else replace(asked, pieces=pieces)
    with ProgressBar() as bar:
        document = evaluate(
            project=project,
            data=args.data,
            model=args.model,
            split=args.split,
            class_names=tuple(n.strip() for n in args.classes.split(",") if n.strip()),
            device=args.device,
            boundary_tolerance_px=tolerance,
            is_per_image=args.per_image,
            asked=asked,
            options=options,
            progress=bar,
        )
    if args.confusion_picture is not None:
        _draw_confusion(document, args.confusion_picture)
    emit(args, document, lambda: _text(document))
    return 0


def _draw_confusion(document: dict[str, Any], path: Path) -> None:
    from segstudio.core.confusion_picture import confusion_file, confusion_table
    from segstudio.io.atomic import write_bytes_atomic

    drawn = confusion_table(document["confusion"], [row["name"] for row in document["per_class"]])
    write_bytes_atomic(path, confusion_file(drawn, path.suffix))


def _text(document: dict[str, Any]) -> str:
    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.4f}"

    keys = (
        "pixel_accuracy",
        "mean_pixel_accuracy",
        "mean_precision",
        "mean_iou",
        "frequency_weighted_iou",
        "mean_dice",
        "boundary_f1",
        "mean_auc",
    )
    head = "\n".join(f"{key.replace('_', ' ')}: {shown(document[key])}" for key in keys)
    if document["calibration"] is not None:
        head += f"\nexpected calibration error: {shown(document['calibration']['expected_calibration_error'])}"
    if "cells" in document:
        head += f"\n{cells_text(document['cells'])}"
    if "objects" in document:
        found = document["objects"]
        head += f"\n{objects_line(found)}, panoptic quality {percent(found['panoptic_quality'])} %"
    rows = [
        (c["name"], *(shown(c[key]) for key in ("iou", "dice", "accuracy", "precision", "auc")), f"{c['pixels']:,}")
        for c in document["per_class"]
    ]
    text = head + "\n\n" + table(rows, ("class", "IoU", "Dice", "accuracy", "precision", "AUC", "pixels"))
    return f"{text}\n\n{per_image_text(document['per_image'])}" if "per_image" in document else text
