"""``segstudio export``: the labels of a project as a mask dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, UsageError, add_json, checking_options, chosen_images, counted, emit, warn

if TYPE_CHECKING:
    import argparse

PROJECT_SPLITS = "project"
FLAGS: dict[str, tuple[str, str, bool]] = {
    "polygons": ("coco", "polygons", True),
    "objects_only": ("coco", "stuff", False),
    "masks_only": ("geotiff", "images", False),
    "wgs84": ("geojson", "wgs84", True),
}
"""Option of the command line → (format, its own option, value)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio export``."""
    from segstudio.io.formats.registry import EXPORTERS

    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    known = ", ".join(f"{entry.id} ({entry.name})" for entry in EXPORTERS.values())
    parser.add_argument("--format", required=True, metavar="F", choices=list(EXPORTERS), help=f"one of {known}")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="OUT", help="the folder to make; it must not hold anything"
    )
    parser.add_argument("--images", metavar="GLOB", help="only images whose name matches; else all that have labels")
    parser.add_argument(
        "--split",
        metavar="train=.7,val=.15,test=.15",
        help=f"shares of the splits, or “{PROJECT_SPLITS}” for each image's own",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same split (0)")
    parser.add_argument("--polygons", action="store_true", help="coco: polygons where they lose no pixel")
    parser.add_argument("--objects-only", action="store_true", help="coco: leave out what is no object")
    parser.add_argument("--masks-only", action="store_true", help="geotiff: do not copy the images")
    parser.add_argument(
        "--wgs84", action="store_true", help="geojson: longitude and latitude in place of the image's CRS"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Export and say what was written."""
    from segstudio.core.splits import parse_split
    from segstudio.io.formats.base import ExportPlan
    from segstudio.io.formats.registry import export_project
    from segstudio.io.store.project import ProjectStore

    options: dict[str, Any] = {}
    for flag, (owner, name, value) in FLAGS.items():
        if not getattr(args, flag):
            continue
        if args.format != owner:
            raise UsageError(f"--{flag.replace('_', '-')} is for the {owner} format only", remedy="leave it out")
        options[name] = value
    with checking_options():
        fractions = None if args.split is None else {} if args.split == PROJECT_SPLITS else parse_split(args.split)
    with ProjectStore.open(args.project, read_only=True) as store, ProgressBar() as bar:
        image_ids = None if args.images is None else [record.id for record in chosen_images(store, args.images)]
        plan = ExportPlan(args.format, args.out, fractions, args.seed, image_ids, options)
        report = export_project(store, plan, bar)
    for _, sentence in report.skipped:
        warn(f"left out: {sentence}")
    document = {
        "format": report.format,
        "out": str(report.out),
        "images": report.images,
        "splits": dict(report.splits),
        "skipped": [{"image": name, "reason": sentence} for name, sentence in report.skipped],
        "notes": list(report.notes),
    }
    emit(args, document, lambda: _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    splits = ", ".join(f"{name} {count}" for name, count in document["splits"].items())
    line = f"Wrote {counted(document['images'], 'image')} as {document['format']} to {document['out']}"
    return "\n".join([line + (f" ({splits})." if splits else "."), *document["notes"]])
