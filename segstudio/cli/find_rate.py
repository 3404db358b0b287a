"""``segstudio train … --find-lr``: which learning rate suits the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.cli.output import ProgressBar, emit, warn
from segstudio.ml.train_events import LrPoint, TrainNote

if TYPE_CHECKING:
    import argparse

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import TrainControl, TrainEvent

ROWS = 20
"""Rows of the printed table; ``--json`` has every point."""


def run(args: argparse.Namespace, plan: TrainPlan, control: TrainControl) -> int:
    """Try rising rates, print (rate, smoothed loss) and the rate to take; 1 when none is found or it was stopped."""
    from segstudio.ml.training.lr_finder import find_rate

    points: list[LrPoint] = []
    with ProgressBar() as bar:

        def sink(event: TrainEvent) -> None:
            if isinstance(event, LrPoint):
                points.append(event)
                bar(event.step, event.steps, f"rate {event.lr:.2g}, loss {event.loss:.3f}")
            elif isinstance(event, TrainNote):
                warn(event.text)

        found = find_rate(plan, sink, control)
    document = {
        "points": [{"lr": point.lr, "loss": point.loss} for point in points],
        "suggested": found.lr or None,
        "note": found.note,
    }
    emit(args, document, "\n".join([*_table(points), _advice(found.lr, found.note)]))
    return 0 if found.lr and not control.is_set() else 1


def _table(points: list[LrPoint]) -> list[str]:
    step = max(1, len(points) // ROWS)
    return ["learning rate  loss", *(f"{point.lr:13.2e}  {point.loss:.4f}" for point in points[::step])]


def _advice(rate: float, note: str) -> str:
    return f"{note} Train with: --lr {rate:g}" if rate else note
