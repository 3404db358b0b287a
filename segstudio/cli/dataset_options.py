"""What ``export`` and ``convert`` share: options of formats, splits, tiles, and the choice to go on with losses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import UsageError, checking_options, counted, warn
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from segstudio.io.formats.base import ExportReport, Loss, Tiling

PROJECT_SPLITS = "project"
FLAGS: dict[str, tuple[str, bool]] = {
    "polygons": ("polygons", True),
    "objects_only": ("stuff", False),
    "masks_only": ("images", False),
    "wgs84": ("wgs84", True),
}
"""Option of the command line → (a format's own option, value)."""


def add_dataset_arguments(parser: argparse.ArgumentParser, own_splits: str) -> None:
    """Declare what a dataset that is written can be asked for; *own_splits* is said of ``--split project``."""
    parser.add_argument(
        "--split",
        metavar="train=.7,val=.15,test=.15",
        help=f"shares of the splits, or “{PROJECT_SPLITS}” for each image's own{own_splits}",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same split (0)")
    parser.add_argument(
        "--split-by",
        default="file",
        metavar="RULE",
        help="what stays in one split: file; folder; or a regular expression that finds the patient or scene in a file name",
    )
    parser.add_argument("--tiles", type=int, metavar="N", help="cut the images into tiles of N × N pixels")
    parser.add_argument("--tile-overlap", type=int, default=0, metavar="N", help="pixels that tiles share (0)")
    parser.add_argument("--skip-empty", action="store_true", help="leave out tiles on which no pixel has a class")
    parser.add_argument("--polygons", action="store_true", help="polygons where they lose no pixel (coco, cvat, …)")
    parser.add_argument("--objects-only", action="store_true", help="coco: leave out what is no object")
    parser.add_argument("--masks-only", action="store_true", help="do not copy the images (geotiff, nifti, …)")
    parser.add_argument(
        "--wgs84", action="store_true", help="geojson: longitude and latitude in place of the image's CRS"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the format; may be repeated"
    )
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="images written at a time (0: one a core)")
    going_on = parser.add_mutually_exclusive_group()
    going_on.add_argument("--yes", action="store_true", help="go on where the format cannot hold all; do not ask")
    going_on.add_argument("--strict", action="store_true", help="write nothing where the format cannot hold all")


def options_of(args: argparse.Namespace, format_id: str) -> dict[str, Any]:
    """The format's options as they were given.

    Raises
    ------
    UsageError
        When the format has no such option, or its value is none.
    """
    from segstudio.io.formats.table import exporters

    known = exporters()
    options: dict[str, Any] = {}
    for flag, (name, value) in FLAGS.items():
        if getattr(args, flag):
            if name not in known[format_id].options:
                owners = [entry.id for entry in known.values() if name in entry.options]
                raise UsageError(f"--{flag.replace('_', '-')} is for {', '.join(owners)} only", remedy="leave it out")
            options[name] = value
    return {**options, **typed_options(args.option, known[format_id].options)}


def typed_options(given: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """``NAME=VALUE`` texts as values of the types that the format's own have.

    Raises
    ------
    UsageError
        For an unknown name, or a value of another type.
    """
    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            has = ", ".join(f"{key}={default}" for key, default in known.items()) or "none"
            raise UsageError(f"the format has no option “{text}”", remedy=f"it has {has}")
        options[name] = _typed(name, value, known[name])
    return options


def _typed(name: str, value: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[value.lower()]
        return type(default)(value) if isinstance(default, int | float | str) else value
    except (KeyError, ValueError) as error:
        raise UsageError(f"{name}={value} cannot be read", remedy=f"write it like {name}={default}") from error


def fractions_of(args: argparse.Namespace) -> dict[str, float] | None:
    """Shares by split; {} = each image's own; None = not split."""
    from segstudio.core.splits import parse_split

    with checking_options():
        return None if args.split is None else {} if args.split == PROJECT_SPLITS else parse_split(args.split)


def tiling_of(args: argparse.Namespace, format_id: str) -> Tiling | None:
    """The tiles asked for, checked."""
    from segstudio.io.formats.base import Tiling
    from segstudio.io.formats.cut_tiles import check_tiling
    from segstudio.io.formats.table import entry_of

    if args.tiles is None:
        if args.tile_overlap or args.skip_empty:
            raise UsageError(
                "--tile-overlap and --skip-empty are for --tiles N", remedy="say the size of the tiles, too"
            )
        return None
    tiling = Tiling(args.tiles, args.tile_overlap, args.skip_empty)
    with checking_options():
        check_tiling(tiling, entry_of(format_id))
    return tiling


def settle_losses(args: argparse.Namespace, count: Callable[[], Sequence[Loss]]) -> Sequence[Loss]:
    """Say what the format cannot hold, and whether to go on with it.

    With ``--strict`` anything lost ends it. On a terminal the user is asked, unless ``--yes``; without one it goes on, and the
    sentences are on stderr and in the report.

    Raises
    ------
    UserError
        When it shall not go on, or the folder holds something.
    """
    from segstudio.io.formats.unfinished import check_free

    check_free(args.out.absolute())
    if args.yes:
        return ()
    losses = count()
    for loss in losses:
        warn(f"{'left out' if loss.kind == 'images' else 'cannot be held'}: {loss.sentence}")
    if not losses:
        return losses
    if args.strict:
        raise UserError(
            f"Nothing was written: {counted(len(losses), 'loss', 'losses')}",
            path=args.out,
            remedy="choose another format, or leave out --strict",
        )
    if sys.stdin.isatty() and sys.stderr.isatty() and not _agrees():
        raise UserError("Nothing was written", path=args.out, remedy="choose another format, or say --yes")
    return losses


def _agrees() -> bool:
    print("segstudio: go on all the same? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def report_text(report: ExportReport) -> str:
    """What was written, in a few lines."""
    from segstudio.io.formats.base import REPORT_NAME

    splits = ", ".join(f"{name} {count}" for name, count in report.splits.items())
    line = f"Wrote {counted(report.images, 'image')} as {report.format} to {report.out}"
    checks = report.checks
    back = (
        f"Read back and compared: {counted(checks.images, 'image')}, {counted(checks.pixels, 'pixel')}, "
        f"{counted(checks.objects, 'object')}, no difference. The report is {REPORT_NAME}."
    )
    kept = [f"{counted(report.resumed, 'image')} had been written before."] if report.resumed else []
    return "\n".join([line + (f" ({splits})." if splits else "."), *kept, *report.notes, back])
