"""``segstudio train``: a network on a project or a dataset folder."""

from __future__ import annotations

import shlex
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli import estimate
from segstudio.cli.output import ProgressBar, checking_options, counted, emit, warn
from segstudio.cli.train_options import add_arguments, plan_of
from segstudio.core.errors import UserError
from segstudio.ml.launched import launched
from segstudio.ml.step_times import remember
from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone, TrainNote

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import TrainControl, TrainEvent, TrainSink

__all__ = ["add_arguments", "plan_of", "run"]

EXIT_USAGE = 2
ONE_CTRL_C_S = 3.0


def run(args: argparse.Namespace) -> int:
    """Train, show the epochs on stderr, print the result; Ctrl-C or SIGTERM stops, keeps what was learnt, and exits 1."""
    plan = plan_of(args)
    is_first = launched().rank == 0
    if not plan.is_resumed:
        try:
            with checking_options():
                plan.checked()
        except UserError:
            if is_first:
                raise
            return EXIT_USAGE
    if (args.find_lr or args.estimate) and not is_first:
        return 0
    if args.find_lr:
        from segstudio.cli import find_rate

        with stopped_by_signals() as control:
            return find_rate.run(args, plan, control)
    if args.estimate:
        return estimate.run(args, plan)
    if not is_first:
        return _run_beside(plan)
    from segstudio.ml.training.process_group import ToldElsewhere

    with ProgressBar() as bar, stopped_by_signals() as control:
        try:
            finished = _trains(args.engine)(plan, _Sink(bar, plan), control)
        except ToldElsewhere:
            return 1
    document = {"run": finished.run, "best": finished.best, "last": finished.last, "epochs": finished.epochs, "best_epoch": finished.best_epoch,
                "stopped_by": finished.stopped_by, "metrics": finished.metrics, "note": finished.note}  # fmt: skip
    remember(Path(plan.out))
    score = finished.metrics.get("mean_iou")
    quality = "" if score is None else f", mean IoU {score:.4f} on validation (epoch {finished.best_epoch})"
    emit(args, document, f"{finished.best}: {counted(finished.epochs, 'epoch')}{quality}. {finished.note}".rstrip())
    if finished.stopped_by == "user":
        warn(f"stopped; what was learnt so far is in {finished.last}. {_how_to_go_on(plan)}")
        return 1
    return 0


def _trains(engine: str) -> Callable[[TrainPlan, TrainSink, TrainControl], RunFinished]:
    if engine == "ray":
        from segstudio.ml.training.ray_train import train_on_cluster

        return train_on_cluster
    from segstudio.ml.training.trainer import Trainer

    return Trainer.run


def _run_beside(plan: TrainPlan) -> int:
    """Train as one of the processes that torchrun started but not their first, which alone speaks; 1 when it was stopped."""
    from segstudio.ml.training.process_group import ToldElsewhere
    from segstudio.ml.training.trainer import Trainer

    with stopped_by_signals(is_told=False) as control:
        try:
            return 1 if Trainer.run(plan, lambda _: None, control).stopped_by == "user" else 0
        except ToldElsewhere:
            return 1


def _how_to_go_on(plan: TrainPlan) -> str:
    if (Path(plan.out) / "state.pt").is_file():
        many = ["--processes", str(plan.processes)] if plan.processes > 1 else []
        return f"Go on with: {shlex.join(['segstudio', 'train', '--out', plan.out, '--resume', *many])}"
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
def stopped_by_signals(*, is_told: bool = True) -> Iterator[_Control]:
    """A control that the first Ctrl-C or SIGTERM sets; a second one ends the work at once."""
    control = _Control()
    if threading.current_thread() is not threading.main_thread():
        yield control
        return

    first_s = 0.0

    def stop(*_: object) -> None:
        nonlocal first_s
        if control.is_set():
            # torchrun hands on the Ctrl-C that its processes got themselves already.
            if launched().size > 1 and time.monotonic() - first_s < ONE_CTRL_C_S:
                return
            raise KeyboardInterrupt
        first_s = time.monotonic()
        control.set()
        if is_told:
            warn("stopping after this step; once more to stop at once.")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield control
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Sink:
    """Shows what the trainer reports on stderr."""

    def __init__(self, bar: ProgressBar, plan: TrainPlan) -> None:
        self._bar, self._plan = bar, plan

    def __call__(self, event: TrainEvent) -> None:
        if isinstance(event, RunStarted):
            frozen = f" ({event.frozen / 1e6:.1f} M of them frozen)" if event.frozen else ""
            warn(
                f"{event.train_images} training and {event.val_images} validation images, {len(event.classes)} classes, "
                f"{event.parameters / 1e6:.1f} M parameters{frozen}, on {event.device}. {event.note}".rstrip()
            )
            estimate.say(self._plan, event)
        elif isinstance(event, StepDone):
            self._bar(event.step, event.steps, f"epoch {event.epoch}, loss {event.loss:.3f}")
        elif isinstance(event, TrainNote):
            self._bar.close()
            warn(event.text)
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
