"""The options of ``segstudio train``, and the plan that they describe."""

from __future__ import annotations

import shlex
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from segstudio.cli.output import UsageError, add_json
from segstudio.ml.loss_table import LOSS_IDS
from segstudio.ml.networks.options import OPTIONS
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS, NO_ENCODER
from segstudio.ml.plan import (
    Augment,
    AugmentOn,
    ClassBalance,
    Mix,
    Optimiser,
    Precision,
    Sampling,
    Schedule,
    SplitBy,
    TrainPlan,
)
from segstudio.ml.training.augment_table import OPTIONS as STEPS

if TYPE_CHECKING:
    import argparse

DEFAULTS = TrainPlan(out="")
BORDER_SIGMA_PX = 5.0
FIELDS = {"size": "patch_px", "ema": "ema_decay", "working-long-side": "working_long_side_px", "warmup": "warmup_share"}
"""Option → field of the plan, where the names differ."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio train``."""
    parser.add_argument("project", nargs="?", type=Path, metavar="DIR", help="a project; or give --data")
    parser.add_argument(
        "--data",
        default="",
        metavar="SPEC",
        help="camvid:PATH, voc:PATH, ade20k:PATH, cityscapes:PATH, coco:JSON,IMAGES or folder:IMAGES,MASKS in place of DIR",
    )
    parser.add_argument(
        "--arch", default=DEFAULTS.arch, metavar="ID", help=f"network: {', '.join(ARCHITECTURES)} (default %(default)s)"
    )
    parser.add_argument(
        "--encoder", default="", metavar="ID",
        help=f"{', '.join(ENCODERS)}, {NO_ENCODER}, or timm:NAME for any network of timm (default: the network's)",
    )  # fmt: skip
    parser.add_argument(
        "--arch-option",
        dest="arch_options",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"of the network: {_option_help()}",
    )
    parser.add_argument(
        "--from", dest="start_from", default="", metavar="MODEL", help="start from this catalog model or weights file"
    )
    parser.add_argument(
        "--refine", default="", metavar="METHOD", help="layers that the network ends with and that learn: crfrnn or mrf"
    )
    parser.add_argument("--no-pretrained", action="store_true", help="do not start the encoder from ImageNet")
    parser.add_argument(
        "--freeze",
        type=float,
        default=DEFAULTS.freeze,
        metavar="SHARE",
        help="part of the encoder's layers that learn nothing, 0 to 1, from the input on (default 0)",
    )
    parser.add_argument(
        "--loss",
        default=DEFAULTS.loss,
        metavar="NAME",
        help=f"{', '.join(LOSS_IDS)}, or a sum such as ce+lovasz or dice+0.01*boundary (default %(default)s)",
    )
    parser.add_argument(
        "--class-weights",
        default="none",
        metavar="W",
        help="none, median (median frequency) or effective (effective number) of the training split, or a,b: one weight a class",
    )
    parser.add_argument(
        "--border-weight",
        default="",
        metavar="W0[,SIGMA]",
        help="weigh the gaps between neighbouring objects more, as U-Net does: 10 or 10,5 (default: no)",
    )
    parser.add_argument(
        "--source-weights",
        default="",
        metavar="HAND,ACCEPTED,MODEL",
        help="weigh a project's labels by who made them: by hand, accepted place by place or in images marked done, taken "
        "over from a model unchecked; such as 1,0.5,0.2 (default: all alike)",
    )
    parser.add_argument("--classes", default="", metavar="a,b", help="names for the classes of a dataset that has none")
    parser.add_argument(
        "--ignored-as", default="", metavar="CLASS", help="learn ignored pixels as this class (default: leave them out)"
    )
    _add_numbers(
        parser,
        (
            ("epochs", int, "epochs"), ("batch", int, "patches a step"), ("size", int, "side of a training patch, in pixels"),
            ("seed", int, "seed of everything random"), ("workers", int, "loader processes; 0: none on a CPU, on a GPU as many as fit"),
            ("patience", int, "stop after so many epochs without a better mean IoU; 0: never"),
            ("val-fraction", float, "part held out where the data has no val split"),
            ("patches-per-image", int, "patches an image and epoch; 0: by its area"),
            ("max-minutes", float, "stop after so long and keep what was learnt; 0: never"),
            ("threads", int, "CPU threads; 0: torch's choice"),
            ("processes", int, "processes that share each batch, one for each GPU"),
            ("working-long-side", int, "resample images until their long side has so many pixels; 0: as they are"),
            ("validate-every", int, "epochs between validations"),
            ("checkpoint-minutes", float, "minutes between checkpoints in mid-epoch; 0: at the ends of epochs only"),
        ),
    )  # fmt: skip
    _add_data(parser)
    _add_optimisation(parser)
    parser.add_argument(
        "--engine", default="local", choices=("local", "ray"),
        help="ray: --processes of a Ray cluster (extra cluster; default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    parser.add_argument("--out", type=Path, metavar="RUN", help="the run's folder (needed, but for --find-lr)")
    parser.add_argument(
        "--estimate", action="store_true", help="say what the run will cost in time and memory, and write nothing"
    )
    parser.add_argument(
        "--find-lr", action="store_true", help="try rising learning rates, say which one suits, and write nothing"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where the run in RUN was stopped or killed, as it was planned"
    )
    for name, text in (
        ("model-id", "id"),
        ("model-name", "name"),
        ("description", "description"),
        ("data-name", "data"),
        ("data-licence", "terms of the data"),
    ):
        parser.add_argument(f"--{name}", default="", help=f"the model's {text}, for its card")
    parser.add_argument("--research-only", action="store_true", help="the data allows research use only; for the card")
    parser.add_argument("--no-tensorboard", action="store_true", help="write no TensorBoard event files")
    parser.add_argument(
        "--visdom",
        default="",
        metavar="URL",
        help="also show the run on this Visdom server, such as http://localhost:8097",
    )
    add_json(parser)


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("splits and patches")
    group.add_argument(
        "--split-by",
        default=DEFAULTS.split_by,
        choices=get_args(SplitBy),
        help="what is held out where the data has no val split: images, groups of them (--group-by), or blocks of large images",
    )
    group.add_argument(
        "--group-by",
        default="",
        metavar="HOW",
        help="folder, or a regular expression whose first group in an image's name is its patient or scene",
    )
    group.add_argument("--block-px", type=int, default=0, metavar="N", help="side of a block; 0: chosen (default 0)")
    group.add_argument(
        "--fold", default="", metavar="K/N", help="hold out the Kth of N parts (cross-validation), such as 1/5"
    )
    group.add_argument(
        "--allow-leaks",
        dest="is_leak_allowed",
        action="store_true",
        help="train even where two splits share a picture, a place on the map or a group",
    )
    group.add_argument(
        "--sampling",
        default=DEFAULTS.sampling,
        choices=get_args(Sampling),
        help="where patches are taken: where there are labels, or each class as often as any other (default %(default)s)",
    )
    group.add_argument(
        "--patch-depth", type=int, default=0, metavar="N", help="planes of a patch of a volume (vnet); 0: flat"
    )
    group.add_argument(
        "--slices", type=int, default=1, metavar="N", help="a plane and its neighbours as bands, N together (default 1)"
    )
    group.add_argument("--augment", default=DEFAULTS.augment, choices=get_args(Augment), help="(default %(default)s)")
    group.add_argument(
        "--augment-option",
        dest="augment_options",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"change a step of the augmentation, such as elastic=0.5; there are {', '.join(o.key for o in STEPS)}",
    )
    group.add_argument(
        "--augment-on",
        default=DEFAULTS.augment_on,
        choices=get_args(AugmentOn),
        help="where patches are changed: in the loader, or on the GPU; auto: there with few CPU cores (default %(default)s)",
    )
    group.add_argument(
        "--scale", default="0.7,1.4", metavar="LOW,HIGH", help="range of the random scale (default %(default)s)"
    )
    group.add_argument(
        "--mix", default=DEFAULTS.mix, choices=get_args(Mix), help="paste parts of other patches (default %(default)s)"
    )
    _add_numbers(group, (("mix-share", float, "part of the patches that --mix pastes into"),))


def _add_optimisation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("optimisation")
    group.add_argument(
        "--optimiser", default=DEFAULTS.optimiser, choices=get_args(Optimiser), help="(default %(default)s)"
    )
    group.add_argument(
        "--schedule",
        default=DEFAULTS.schedule,
        choices=get_args(Schedule),
        help="of the learning rate (default %(default)s)",
    )
    _add_numbers(
        group,
        (
            ("lr", float, "highest learning rate"),
            ("encoder-lr-factor", float, "learning rate of a pretrained encoder, as a factor"),
            ("momentum", float, "of sgd"),
            ("weight-decay", float, "weight decay"),
            ("warmup", float, "part of the run in which the rate grows"),
            ("step-epochs", int, "epochs between steps of the schedule step; 0: a third of the run"),
            ("step-factor", float, "what the rate is multiplied with at each of them"),
            ("clip-norm", float, "longest gradient; 0: no limit"),
            ("accumulate", int, "batches for one step of the optimiser"),
            ("ema", float, "decay of the averaged weights, such as 0.99; 0: none"),
        ),
    )
    group.add_argument("--nesterov", dest="is_nesterov", action="store_true", help="Nesterov's momentum, of sgd")
    group.add_argument(
        "--aux-weights", default="", metavar="a,b", help="weights of the auxiliary losses (default: the network's)"
    )
    group.add_argument(
        "--precision",
        default=DEFAULTS.precision,
        choices=get_args(Precision),
        help="numbers of the forward pass (default %(default)s)",
    )
    group.add_argument(
        "--no-amp", dest="precision", action="store_const", const="fp32", help="the same as --precision fp32"
    )
    group.add_argument("--no-channels-last", action="store_true", help="keep the bands of a picture apart in memory")
    group.add_argument("--compile", action="store_true", help="compile the network (torch.compile)")


def _add_numbers(group: Any, rows: tuple[tuple[str, type, str], ...]) -> None:
    for name, kind, text in rows:
        field = FIELDS.get(name, name.replace("-", "_"))
        default = getattr(DEFAULTS, field)
        group.add_argument(
            f"--{name}", dest=field, type=kind, default=default, metavar="N", help=f"{text} (default %(default)s)"
        )


def _option_help() -> str:
    return "; ".join(f"{arch}: {', '.join(option.key for _, option in rows)}" for arch, rows in OPTIONS.items())


def plan_of(args: argparse.Namespace) -> TrainPlan:
    """The plan that the options describe.

    Raises
    ------
    UsageError
        When a list of numbers is none.
    """
    if args.out is None and not args.find_lr and not args.estimate:
        raise UsageError("the run has no folder", remedy="give --out RUN")
    low_high = numbers(args.scale, "--scale")
    if len(low_high) != 2:
        raise UsageError(f"--scale is {args.scale}", remedy="give two numbers, such as 0.7,1.4")
    given = vars(args)
    same = {f.name: given[f.name] for f in fields(TrainPlan) if f.name in given}
    different: dict[str, Any] = {
        "out": str(args.out or ""),
        "project": "" if args.project is None else str(args.project),
        "is_pretrained": not args.no_pretrained,
        "arch_options": named_values(args.arch_options, "--arch-option"),
        "augment_options": named_values(args.augment_options, "--augment-option"),
        "fold": _fold(args.fold),
        **_split_by(args),
        "aux_weights": numbers(args.aux_weights, "--aux-weights"),
        **_class_weights(args.class_weights),
        "border_weight": _border_weight(args.border_weight),
        "source_weights": numbers(args.source_weights, "--source-weights"),
        "class_names": tuple(n.strip() for n in args.classes.split(",") if n.strip()),
        "scale": (low_high[0], low_high[1]),
        "is_channels_last": not args.no_channels_last,
        "is_compiled": args.compile,
        "has_tensorboard": not args.no_tensorboard,
        "is_resumed": args.resume,
        "is_research_only": args.research_only,
        "command": shlex.join(["segstudio", *(a.replace(str(Path.cwd()), ".") for a in sys.argv[1:])]),
    }
    different.setdefault("class_weights", ())
    return TrainPlan(**{**same, **different})


def _class_weights(text: str) -> dict[str, Any]:
    """The two fields of the plan: a way to compute them, or the numbers themselves."""
    wanted = text.strip().casefold() or "none"
    if wanted in get_args(ClassBalance):
        return {"class_balance": wanted}
    try:
        return {"class_weights": tuple(float(v) for v in text.split(",") if v.strip())}
    except ValueError as error:
        ways = ", ".join(get_args(ClassBalance))
        remedy = f"give {ways}, or numbers separated by commas"
        raise UsageError(f"--class-weights is {text}", remedy=remedy) from error


def _border_weight(text: str) -> tuple[float, ...]:
    """(w0, σ) with U-Net's σ where it is left out; () for none."""
    values = numbers(text, "--border-weight")
    return (*values, BORDER_SIGMA_PX) if len(values) == 1 else values


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers separated by commas; UsageError for anything else."""
    try:
        return tuple(float(v) for v in text.split(",") if v.strip())
    except ValueError as error:
        raise UsageError(f"{option} is {text}", remedy="give numbers separated by commas") from error


def _split_by(args: argparse.Namespace) -> dict[str, Any]:
    """``--group-by`` alone asks for a split by groups, ``--block-px`` alone for one by blocks."""
    if args.split_by != DEFAULTS.split_by:
        return {}
    return {"split_by": "group"} if args.group_by else {"split_by": "blocks"} if args.block_px else {}


def _fold(text: str) -> tuple[int, ...]:
    """(k, n) of ``K/N``; () for none."""
    try:
        return tuple(int(part) for part in text.split("/")) if text else ()
    except ValueError as error:
        raise UsageError(f"--fold is {text}", remedy="give K/N, such as 1/5 for the first of five") from error


def named_values(texts: list[str], option: str) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping; the plan checks the values."""
    wrong = next((text for text in texts if not text.partition("=")[0] or "=" not in text), None)
    if wrong is not None:
        raise UsageError(f"{option} is {wrong}", remedy="give KEY=VALUE")
    return {key.strip(): value.strip() for key, _, value in (text.partition("=") for text in texts)}
