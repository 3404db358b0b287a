"""``segstudio learn``: a project's own model, trained beside the work on its labels; its versions."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, add_json, checking_options, counted, emit, table
from segstudio.core.threads import wait_quietly
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.events import Checked, CorrectionsTaken, LearningStarted, LearnNote, RoundProgress
from segstudio.ml.continuous.events import LearnStageChanged as StageChanged
from segstudio.ml.continuous.plan import LearnPlan

if TYPE_CHECKING:
    import argparse

    from segstudio.ml.continuous.events import LearnEvent, VersionInfo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio learn``."""
    plan = LearnPlan("")
    parser.add_argument("project", metavar="DIR", type=Path, help="the project; it may be open in the window meanwhile")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the versions, and learn nothing")
    what.add_argument("--roll-back", type=int, metavar="N", help="use version N from now on, also while it is learnt")
    what.add_argument("--delete", type=int, metavar="N", help="remove version N from the disk")
    start = parser.add_argument_group("what to begin with")
    _option(
        start, "--from", "ID", "", "a model (default: the last version, else an ImageNet encoder)", dest="start_from"
    )
    start.add_argument("--fresh", action="store_true", help="leave earlier versions aside")
    _option(start, "--arch", "ID", plan.arch, f"network, where nothing is gone on from ({plan.arch})")
    _option(start, "--encoder", "ID", plan.encoder, f"its encoder ({plan.encoder})")
    start.add_argument("--no-pretrained", action="store_true", help="begin with random parameters")
    end = parser.add_argument_group("when to end (else Ctrl-C)")
    _option(end, "--rounds", "N", 0, "after so many rounds")
    _option(end, "--minutes", "X", 0.0, "after so much time")
    end.add_argument("--once", action="store_true", help="when nothing better is found, instead of waiting for labels")
    how = parser.add_argument_group("how to learn")
    _option(how, "--held-out", "X", plan.held_out, f"share of labelled places to judge by ({plan.held_out})")
    _option(how, "--round-seconds", "X", plan.round_seconds, f"length of a round ({plan.round_seconds:g})")
    _option(how, "--round-steps", "N", 0, "length of a round in steps, for runs that repeat")
    _option(how, "--patience", "N", plan.patience, f"rounds without gain before it waits for labels ({plan.patience})")
    _option(how, "--keep", "N", plan.kept_versions, f"older versions to keep ({plan.kept_versions})")
    _option(how, "--size", "PX", 0, "side of patches (default: by the images)")
    _option(how, "--batch", "N", plan.batch, f"patches a step ({plan.batch})")
    _option(how, "--lr", "X", plan.lr, f"learning rate ({plan.lr:g})")
    _option(how, "--loss", "ID", plan.loss, f"loss ({plan.loss})")
    _option(how, "--augment", "ID", plan.augment, f"augmentation ({plan.augment})")
    _option(how, "--seed", "N", 0, "seed (0)")
    _option(how, "--device", "ID", "auto", "auto, cpu, cuda, cuda:N or mps")
    _option(how, "--threads", "N", 0, "threads on a CPU (all)")
    add_json(parser)


def _option(group: argparse._ArgumentGroup, name: str, metavar: str, default: Any, help: str, **more: Any) -> None:
    """An option with a value of the kind of its *default*."""
    group.add_argument(name, metavar=metavar, type=type(default), default=default, help=help, **more)


def plan_of(args: argparse.Namespace) -> LearnPlan:
    """The plan that the command line asks for."""
    return LearnPlan(
        project=str(args.project),
        start_from=args.start_from,
        is_fresh=args.fresh,
        arch=args.arch,
        encoder=args.encoder,
        is_pretrained=not args.no_pretrained,
        held_out=args.held_out,
        round_steps=args.round_steps,
        round_seconds=args.round_seconds,
        patience=args.patience,
        kept_versions=args.keep,
        max_rounds=args.rounds,
        max_minutes=args.minutes,
        is_watching=not args.once,
        patch_px=args.size,
        batch=args.batch,
        lr=args.lr,
        loss=args.loss,
        augment=args.augment,
        seed=args.seed,
        device=args.device,
        threads=args.threads,
    )


def run(args: argparse.Namespace) -> int:
    """Learn until told to end, or look after the versions; Ctrl-C ends it in good order."""
    if not (args.project / "project.db").is_file():
        from segstudio.io.store.opening import check_file

        check_file(args.project, args.project / "project.db")
    if args.list:
        found = versions.list_versions(args.project)
        emit(args, [_document(info) for info in found], lambda: _list_text(found))
        return 0
    if args.roll_back is not None:
        info = versions.roll_back(args.project, args.roll_back)
        emit(args, _document(info), f"Version {info.number} is in use now: --model {info.model_id}")
        return 0
    if args.delete is not None:
        versions.delete(args.project, args.delete)
        emit(args, {"deleted": args.delete}, f"Version {args.delete} is gone.")
        return 0
    return _learn(args)


def _learn(args: argparse.Namespace) -> int:
    wait_quietly()  # somebody labels beside it
    from segstudio.cli.train import stopped_by_signals
    from segstudio.ml.continuous.learner import Learner
    from segstudio.ml.loss_table import parse_loss
    from segstudio.ml.training.augment_table import checked_options

    with checking_options():
        plan = plan_of(args).checked()
        parse_loss(plan.loss)
        checked_options(plan.augment, {})
    with ProgressBar() as bar, stopped_by_signals() as control:
        stopped = Learner(plan, _Sink(bar), control).run()
    found = versions.current(args.project)
    document = {**dataclasses.asdict(stopped), "version": None if found is None else _document(found)}
    if found is None:
        text = f"No version yet after {counted(stopped.rounds, 'round')}. {stopped.reason}".rstrip()
    else:
        text = (
            f"Version {found.number} is in use, Dice {_figure(found.mean_dice)} on what was held out, after "
            f"{counted(stopped.rounds, 'round')}. Propose with: segstudio propose {args.project} --model {found.model_id}"
        )
    emit(args, document, text)
    return 0 if found is not None or stopped.stopped_by == "user" else 1


class _Sink:
    """Shows what happens on stderr."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._began_s = time.monotonic()

    def __call__(self, event: LearnEvent) -> None:
        if isinstance(event, RoundProgress):
            self._bar(event.step, event.steps, f"Round {event.round}, loss {event.loss:.3f}")
            return
        text = _sentence(event)
        if text:
            self._bar.close()
            print(f"{time.monotonic() - self._began_s:6.0f} s  {text}", file=sys.stderr, flush=True)


def _sentence(event: LearnEvent) -> str:
    if isinstance(event, LearningStarted):
        begun = f"from {event.model_id}" if event.model_id else "from an encoder" if event.parameters else ""
        places = f"{counted(event.regions_train, 'place')} to learn from, {event.regions_val} held out"
        return f"Learning {', '.join(event.classes)} {begun} on {event.device}: {counted(event.images, 'image')}, {places}."
    if isinstance(event, CorrectionsTaken):
        return f"Corrections in {counted(len(event.image_ids), 'image')}, {counted(event.pixels, 'pixel')}."
    if isinstance(event, Checked):
        return _checked_text(event)
    if isinstance(event, LearnNote):
        return event.text
    if isinstance(event, StageChanged) and (event.stage == "waiting" or event.text):
        return event.text
    return ""


def _checked_text(event: Checked) -> str:
    if event.version is None:
        return f"Round {event.round}: {event.reason}"
    was = "" if event.before is None else f" (was {event.before:.3f})"
    text = f"Round {event.round}: version {event.version.number}, Dice {_figure(event.after)}{was}."
    worse = [f"{i.name} {_figure(i.before)} → {_figure(i.after)}" for i in event.worse[:3]]
    return f"{text} Worse: {', '.join(worse)}." if worse else text


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _document(info: VersionInfo) -> dict[str, Any]:
    return {**info.to_json(), "path": info.path, "is_current": info.is_current, "source": info.source}


def _list_text(found: list[VersionInfo]) -> str:
    if not found:
        return "no versions"
    rows = []
    for info in found:
        worse = sum(image.gain < 0 for image in info.images)
        state = ("in use, rolled back to" if info.source == "rolled back" else "in use") if info.is_current else ""
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.at_s))
        figures = (_figure(info.mean_dice), _figure(info.mean_iou))
        rows.append((info.number, at, *figures, f"{info.labelled_pixels:,}", worse, state))
    return table(rows, ("version", "made", "Dice", "mean IoU", "labelled pixels", "images worse", ""))
