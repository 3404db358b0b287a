"""``segstudio train``: a network on a project or a dataset folder."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from segstudio.cli.output import ProgressBar, UsageError, add_json, checking_options, counted, emit, warn
from segstudio.ml.loss_table import LOSS_IDS
from segstudio.ml.networks.options import OPTIONS
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS, NO_ENCODER
from segstudio.ml.plan import Augment, ClassBalance, EpochDone, RunFinished, RunStarted, StepDone, TrainPlan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from segstudio.ml.plan import TrainEvent

DEFAULTS = TrainPlan(out="")
BORDER_SIGMA_PX = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio train``."""
    parser.add_argument("project", nargs="?", type=Path, metavar="DIR", help="a project; or give --data")
    parser.add_argument(
        "--data", default="", metavar="SPEC", help="camvid:PATH, voc:PATH or folder:IMAGES,MASKS in place of DIR"
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
    parser.add_argument("--classes", default="", metavar="a,b", help="names for the classes of a dataset that has none")
    parser.add_argument(
        "--ignored-as", default="", metavar="CLASS", help="learn ignored pixels as this class (default: leave them out)"
    )
    for name, kind, text in (
        ("epochs", int, "epochs"), ("batch", int, "patches a step"), ("size", int, "side of a training patch, in pixels"),
        ("lr", float, "highest learning rate"), ("seed", int, "seed of everything random"), ("workers", int, "loader processes"),
        ("patience", int, "stop after so many epochs without a better mean IoU; 0: never"),
        ("val-fraction", float, "part held out where the data has no val split"),
        ("patches-per-image", int, "patches an image and epoch; 0: by its area"),
        ("ema", float, "decay of the averaged weights, such as 0.99; 0: none"),
        ("encoder-lr-factor", float, "learning rate of a pretrained encoder, as a factor"),
        ("max-minutes", float, "stop after so long and keep what was learnt; 0: never"),
        ("threads", int, "CPU threads; 0: torch's choice"),
        ("working-long-side", int, "resample images until their long side has so many pixels; 0: as they are"),
        ("validate-every", int, "epochs between validations"),
    ):  # fmt: skip
        field = {"size": "patch_px", "ema": "ema_decay", "working-long-side": "working_long_side_px"}.get(
            name, name.replace("-", "_")
        )
        parser.add_argument(
            f"--{name}",
            dest=field,
            type=kind,
            default=getattr(DEFAULTS, field),
            metavar="N",
            help=f"{text} (default %(default)s)",
        )
    parser.add_argument(
        "--augment",
        default=DEFAULTS.augment,
        choices=get_args(Augment),
        help="(default %(default)s)",
    )
    parser.add_argument(
        "--scale", default="0.7,1.4", metavar="LOW,HIGH", help="range of the random scale (default %(default)s)"
    )
    parser.add_argument("--no-amp", action="store_true", help="compute in float32 also where bfloat16 is faster")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="the run's folder")
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
    add_json(parser)


def _option_help() -> str:
    return "; ".join(f"{arch}: {', '.join(option.key for _, option in rows)}" for arch, rows in OPTIONS.items())


def run(args: argparse.Namespace) -> int:
    """Train, show the epochs on stderr, print the result; Ctrl-C or SIGTERM stops, keeps what was learnt, and exits 1."""
    plan = plan_of(args)
    if not plan.is_resumed:
        with checking_options():
            plan.checked()
    from segstudio.ml.training.trainer import Trainer

    with ProgressBar() as bar, _stopped_by_signals() as control:
        finished = Trainer.run(plan, _Sink(bar), control)
    document = {"run": finished.run, "best": finished.best, "last": finished.last, "epochs": finished.epochs, "best_epoch": finished.best_epoch,
                "stopped_by": finished.stopped_by, "metrics": finished.metrics, "note": finished.note}  # fmt: skip
    score = finished.metrics.get("mean_iou")
    quality = "" if score is None else f", mean IoU {score:.4f} on validation (epoch {finished.best_epoch})"
    emit(args, document, f"{finished.best}: {counted(finished.epochs, 'epoch')}{quality}. {finished.note}".rstrip())
    if finished.stopped_by == "user":
        warn(f"stopped; what was learnt so far is in {finished.last}. {_how_to_go_on(plan)}")
        return 1
    return 0


def _how_to_go_on(plan: TrainPlan) -> str:
    if (Path(plan.out) / "state.pt").is_file():
        return f"Go on with: {shlex.join(['segstudio', 'train', '--out', plan.out, '--resume'])}"
    return "No epoch was finished, so train anew with another --out."


class _Control:
    """Set by a signal; the trainer asks between steps."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def is_paused(self) -> bool:
        return False


@contextmanager
def _stopped_by_signals() -> Iterator[_Control]:
    """A control that the first Ctrl-C or SIGTERM sets; a second one ends the work at once."""
    control = _Control()
    if threading.current_thread() is not threading.main_thread():
        yield control
        return

    def stop(*_: object) -> None:
        if control.is_set():
            raise KeyboardInterrupt
        control.set()
        warn("stopping after this step; once more to stop at once.")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield control
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def plan_of(args: argparse.Namespace) -> TrainPlan:
    """The plan that the options describe.

    Raises
    ------
    UsageError
        When a list of numbers is none.
    """
    low_high = _numbers(args.scale, "--scale")
    if len(low_high) != 2:
        raise UsageError(f"--scale is {args.scale}", remedy="give two numbers, such as 0.7,1.4")
    same = ("data", "arch", "encoder", "start_from", "loss", "epochs", "batch", "patch_px", "lr", "seed", "workers", "patience", "val_fraction",
            "patches_per_image", "ema_decay", "encoder_lr_factor", "max_minutes", "threads", "working_long_side_px", "validate_every", "augment",
            "device", "ignored_as", "refine", "freeze", "model_id", "model_name", "description", "data_name", "data_licence")  # fmt: skip
    return TrainPlan(
        out=str(args.out),
        project="" if args.project is None else str(args.project),
        is_pretrained=not args.no_pretrained,
        arch_options=_named_values(args.arch_options),
        **_class_weights(args.class_weights),
        border_weight=_border_weight(args.border_weight),
        class_names=tuple(n.strip() for n in args.classes.split(",") if n.strip()),
        scale=(low_high[0], low_high[1]),
        is_amp=not args.no_amp,
        is_resumed=args.resume,
        is_research_only=args.research_only,
        command=shlex.join(["segstudio", *(a.replace(str(Path.cwd()), ".") for a in sys.argv[1:])]),
        **{name: getattr(args, name) for name in same},
    )


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
    values = _numbers(text, "--border-weight")
    return (*values, BORDER_SIGMA_PX) if len(values) == 1 else values


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(v) for v in text.split(",") if v.strip())
    except ValueError as error:
        raise UsageError(f"{option} is {text}", remedy="give numbers separated by commas") from error


def _named_values(texts: list[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping; the plan checks the values."""
    wrong = next((text for text in texts if not text.partition("=")[0] or "=" not in text), None)
    if wrong is not None:
        raise UsageError(f"--arch-option is {wrong}", remedy="give KEY=VALUE, such as depth=2")
    return {key.strip(): value.strip() for key, _, value in (text.partition("=") for text in texts)}


class _Sink:
    """Shows what the trainer reports on stderr."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def __call__(self, event: TrainEvent) -> None:
        if isinstance(event, RunStarted):
            frozen = f" ({event.frozen / 1e6:.1f} M of them frozen)" if event.frozen else ""
            warn(
                f"{event.train_images} training and {event.val_images} validation images, {len(event.classes)} classes, "
                f"{event.parameters / 1e6:.1f} M parameters{frozen}, on {event.device}. {event.note}".rstrip()
            )
        elif isinstance(event, StepDone):
            self._bar(event.step, event.steps, f"epoch {event.epoch}, loss {event.loss:.3f}")
        elif isinstance(event, EpochDone):
            self._bar.close()
            warn(f"epoch {event.epoch} of {event.epochs}: {_epoch(event)}")
        elif isinstance(event, RunFinished):
            self._bar.close()


def _epoch(event: EpochDone) -> str:
    parts: list[Any] = [f"training loss {event.train_loss:.4f}"]
    if event.mean_iou is not None:
        parts.append(f"mean IoU {event.mean_iou:.4f}{' (best)' if event.is_best else ''}")
    return ", ".join([*parts, f"{event.seconds:.0f} s"])
