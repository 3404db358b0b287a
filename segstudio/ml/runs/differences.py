"""Runs held against each other: where their plans differ, and their figures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.ml.plan import TrainPlan, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.runs.record import RunRecord

NOT_COMPARED = {"out", "command", "is_resumed", "model_id", "model_name", "description", "has_tensorboard", "visdom"}
"""Fields of a plan that say where a run lies and what it is called, not what it is."""
METRIC_KEYS: tuple[str, ...] = (
    "mean_iou", "mean_dice", "pixel_accuracy", "mean_pixel_accuracy", "mean_precision", "frequency_weighted_iou", "boundary_f1",
)  # fmt: skip
_ABOUT = ("segstudio", "torch", "device_name")


def plan_differences(runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """``[{"field", "values": [a run's each]}]`` of the fields of plan, data and machine in which *runs* differ."""
    rows = []
    for item in dataclasses.fields(TrainPlan):
        if item.name in NOT_COMPARED:
            continue
        values = [None if run.plan is None else getattr(run.plan, item.name) for run in runs]
        if any(value != values[0] for value in values):
            rows.append({"field": item.name, "values": [_plain(value) for value in values]})
    for key in _ABOUT:
        rows += _if_different(key, [run.about.get(key) for run in runs])
    data = [run.about.get("data") for run in runs]
    rows += _if_different("images", [one.get("digest") if isinstance(one, dict) else None for one in data])
    return rows


def _if_different(name: str, values: list[Any]) -> list[dict[str, Any]]:
    return [{"field": name, "values": values}] if any(value != values[0] for value in values) else []


def metric_table(runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """``[{"metric", "values"}]`` of the best epochs, and of each class; only what at least one run has."""
    rows: list[dict[str, Any]] = [{"metric": "best epoch", "values": [run.best.get("epoch") for run in runs]}]
    for key in METRIC_KEYS:
        rows.append({"metric": key, "values": [run.score(key) for run in runs]})
    names = list(dict.fromkeys(name for run in runs for name in run.classes))
    for name in names:
        rows.append({"metric": f"IoU {name}", "values": [_class_iou(run, name) for run in runs]})
    rows.append({"metric": "seconds", "values": [run.seconds for run in runs]})
    return [row for row in rows if any(value is not None for value in row["values"])]


def comparison(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """What ``segstudio runs compare --json`` prints.

    Raises
    ------
    UserError
        When there are fewer than two runs.
    """
    if len(runs) < 2:
        raise UserError("one run alone cannot be compared", remedy="name two runs or more")
    return {
        "runs": [run.to_json() for run in runs],
        "plan": plan_differences(runs),
        "metrics": metric_table(runs),
        "curves": {
            key: [run.curve(key) for run in runs] for key in ("train_loss", "val_loss", "mean_iou", "mean_dice")
        },
    }


def value_text(value: Any) -> str:
    """A value of either table for people."""
    if value is None:
        return "–"
    if value == "":
        return "none"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) <= 1 else f"{value:.4g}"
    return str(value)


def _class_iou(run: RunRecord, name: str) -> float | None:
    if name not in run.classes:
        return None
    values = run.best.get("per_class_iou") or []
    index = run.classes.index(name)
    return values[index] if index < len(values) else None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | dict):
        return shown(value)
    return value
