"""``segstudio augment``: a dataset folder with augmented copies of its training images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from segstudio.cli.output import ProgressBar, UsageError, add_json, checking_options, counted, emit
from segstudio.cli.train_options import named_values, numbers
from segstudio.ml.plan import Augment

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio augment``."""
    from segstudio.ml.training.augment_table import OPTIONS

    parser.add_argument("project", nargs="?", type=Path, metavar="DIR", help="a project; or give --data")
    parser.add_argument(
        "--data", default="", metavar="SPEC", help="camvid:PATH, voc:PATH or folder:IMAGES,MASKS in place of DIR"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="OUT", help="the folder to make; it must not hold anything"
    )
    parser.add_argument("--copies", type=int, default=4, metavar="N", help="copies of each training image (4)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same copies (0)")
    parser.add_argument(
        "--augment", default="standard", choices=get_args(Augment), help="preset of the changes (default %(default)s)"
    )
    parser.add_argument(
        "--augment-option",
        dest="augment_options",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"change a step of the augmentation, such as elastic=0.5; there are {', '.join(o.key for o in OPTIONS)}",
    )
    parser.add_argument(
        "--size", type=int, default=0, metavar="N", help="copies are patches of N × N pixels; 0: whole images (0)"
    )
    parser.add_argument(
        "--scale", default="0.7,1.4", metavar="LOW,HIGH", help="range of the random scale (default %(default)s)"
    )
    parser.add_argument(
        "--split",
        metavar="train=.8,val=.2",
        help="deal all images out anew (default: the data's own splits, and a fifth for val where it has none)",
    )
    parser.add_argument("--classes", default="", metavar="a,b", help="names for the classes of a dataset that has none")
    parser.add_argument("--no-originals", action="store_true", help="leave out the training images themselves")
    parser.add_argument(
        "--workers", type=int, default=-1, metavar="N", help="processes; 0: none (default: by the work)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the folder and say what is in it."""
    from segstudio.core.splits import parse_split
    from segstudio.ml.plan import TrainPlan

    low_high = numbers(args.scale, "--scale")
    if len(low_high) != 2:
        raise UsageError(f"--scale is {args.scale}", remedy="give two numbers, such as 0.7,1.4")
    train = TrainPlan(
        out=str(args.out),
        project="" if args.project is None else str(args.project),
        data=args.data,
        class_names=tuple(n.strip() for n in args.classes.split(",") if n.strip()),
        augment=args.augment,
        augment_options=named_values(args.augment_options, "--augment-option"),
        scale=(low_high[0], low_high[1]),
        seed=args.seed,
    )
    with checking_options():
        fractions = None if args.split is None else parse_split(args.split)
        train.checked()
    from segstudio.ml.training.augment_folder import AugmentFolderPlan, augment_folder

    plan = AugmentFolderPlan(train, args.out, args.copies, args.size, fractions, not args.no_originals, args.workers)
    with checking_options():
        plan.checked()
    with ProgressBar() as bar:
        document = augment_folder(plan, bar)
    emit(args, document, lambda: _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    splits = ", ".join(f"{name} {count}" for name, count in document["images"].items())
    lines = [
        f"Wrote {counted(sum(document['images'].values()), 'image')} to {document['out']} ({splits}): "
        f"{counted(document['augmented'], 'augmented copy', 'augmented copies')} and "
        f"{counted(document['originals'], 'original')} for training."
    ]
    if document["unchanged"]:
        lines.append(
            f"{counted(document['unchanged'], 'image')} of other splits copied as they are: only training images are augmented."
        )
    lines.append(f"Train on it with --data {document['data']}")
    return "\n".join([*lines, *filter(None, [document["note"]])])
