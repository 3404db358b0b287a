"""What is known of a run from its folder: its plan, curves, best figures, whether it can go on."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from segstudio.core.errors import UserError
from segstudio.ml.plan import TrainPlan
from segstudio.ml.weights_header import read_card

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CONFIG, METRICS, EVALUATION, TIMING = "config.json", "metrics.jsonl", "evaluation.json", "timing.json"
PICTURES, STATE, BEST, LAST = "pictures", "state.pt", "best.safetensors", "last.safetensors"
MAX_FILE_BYTES = 64 << 20
"""A small file of a run that is larger than this is none of ours."""

State = Literal["finished", "unfinished", "stopped", "begun", "damaged"]
STATE_TEXTS: dict[str, str] = {
    "finished": "finished",
    "unfinished": "can be resumed",
    "stopped": "stopped early",
    "begun": "not one epoch yet",
    "damaged": "damaged",
}


@dataclass(frozen=True)
class RunRecord:
    """A run. ``epochs`` are the lines of ``metrics.jsonl``; ``problem`` says why a damaged one is.

    "finished": all epochs, or ended by its patience; "unfinished": has a checkpoint to go on from; "stopped": has none, but weights;
    "begun": no epoch was finished.
    """

    folder: Path
    state: State
    problem: str = ""
    plan: TrainPlan | None = None
    about: dict[str, Any] = field(default_factory=dict)
    epochs: tuple[dict[str, Any], ...] = ()
    evaluation: dict[str, Any] = field(default_factory=dict)
    timing: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    changed_s: float = 0.0

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def best(self) -> dict[str, Any]:
        """The line of the best epoch; {} when none was validated."""
        known = [line for line in self.epochs if line["mean_iou"] is not None]
        return max(known, key=lambda line: line["mean_iou"], default={})

    @property
    def is_best_evaluated(self) -> bool:
        """Whether ``evaluation`` is of the best epoch: a kill may come after a checkpoint and before its evaluation is written."""
        return bool(self.evaluation) and self.evaluation.get("epoch", 0) == self.best.get("epoch", 0)

    def score(self, key: str) -> float | None:
        """A figure of the best epoch, from its evaluation where there is one."""
        value = number(self.evaluation.get(key)) if self.is_best_evaluated else None
        return number(self.best.get(key)) if value is None else value

    @property
    def seconds(self) -> float | None:
        """How long it took, where it says so."""
        return number(self.timing.get("seconds"))

    def curve(self, key: str) -> list[tuple[float, float]]:
        """(epoch, value) where there is a value."""
        return [(float(line["epoch"]), line[key]) for line in self.epochs if line.get(key) is not None]

    def class_curve(self, index: int) -> list[tuple[float, float]]:
        """(epoch, IoU) of a class."""
        points = []
        for line in self.epochs:
            values = line.get("per_class_iou") or []
            if index < len(values) and values[index] is not None:
                points.append((float(line["epoch"]), float(values[index])))
        return points

    def to_json(self) -> dict[str, Any]:
        """A row of ``segstudio runs --json``."""
        plan, best = self.plan, self.best
        return {
            "run": str(self.folder),
            "name": self.name,
            "state": self.state,
            "problem": self.problem,
            "arch": plan.arch if plan else None,
            "encoder": plan.encoder if plan else None,
            "epochs": self.epochs[-1]["epoch"] if self.epochs else 0,
            "planned_epochs": plan.epochs if plan else None,
            "best_epoch": best.get("epoch"),
            "mean_iou": best.get("mean_iou"),
            "mean_dice": best.get("mean_dice"),
            "pixel_accuracy": best.get("pixel_accuracy"),
            "train_loss": self.epochs[-1]["train_loss"] if self.epochs else None,
            "seconds": self.seconds,
            "device": self.about.get("device_name") or self.timing.get("device_name"),
            "version": self.about.get("segstudio"),
        }


def number(value: object) -> float | None:
    """*value* where it is a finite number, else None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def is_run(folder: Path) -> bool:
    """Whether *folder* looks like that of a run."""
    return (folder / CONFIG).is_file() or (folder / METRICS).is_file()


def find_runs(places: Iterable[Path]) -> list[Path]:
    """Folders of runs in *places*: a run itself, a project (its ``runs/``), or a folder that holds some; oldest first.

    Raises
    ------
    UserError
        When a place is no folder.
    """
    found: dict[Path, float] = {}
    for place in places:
        if not place.is_dir():
            raise UserError("there is no such folder", path=place, remedy="name a run, a project or a folder of runs")
        if is_run(place):
            found[place] = _changed(place)
            continue
        inner = place / "runs"
        base = inner if inner.is_dir() else place
        try:
            children = sorted(base.iterdir())
        except OSError as error:
            raise UserError(f"the folder cannot be read ({error.strerror})", path=base, remedy="ask for permission") from error  # fmt: skip
        found.update({child: _changed(child) for child in children if child.is_dir() and is_run(child)})
    return sorted(found, key=lambda folder: (found[folder], folder.name))


def read_run(folder: Path) -> RunRecord:
    """The run in *folder*; one that cannot be read is "damaged" and says why.

    Raises
    ------
    UserError
        When it is no folder of a run at all.
    """
    if not folder.is_dir() or not is_run(folder):
        raise UserError("this is no folder of a run", path=folder, remedy="name the folder of an earlier `--out`")
    changed = _changed(folder)
    try:
        config = _json_object(folder / CONFIG)
        plan = _plan(config, folder / CONFIG)
        epochs = _epochs(folder / METRICS)
        evaluation = _json_object(folder / EVALUATION) if (folder / EVALUATION).exists() else {}
        card = _card(folder, has_epochs=bool(epochs))
    except UserError as error:
        with suppress(UserError):
            return RunRecord(folder, "damaged", str(error), plan=_plan(_json_object(folder / CONFIG), folder), changed_s=changed)  # fmt: skip
        return RunRecord(folder, "damaged", str(error), changed_s=changed)
    timing: dict[str, Any] = {}
    with suppress(UserError):  # only figures for later estimates: no reason to call the run damaged
        timing = _json_object(folder / TIMING) if (folder / TIMING).exists() else {}
    about = config.get("about")
    return RunRecord(
        folder,
        _state(folder, plan, epochs, timing),
        plan=plan,
        about=about if isinstance(about, dict) else {},
        epochs=tuple(epochs),
        evaluation=evaluation,
        timing=timing,
        classes=card.classes if card is not None else _names(evaluation),
        colors=card.colors if card is not None else (),
        changed_s=changed,
    )


def read_runs(folders: Sequence[Path]) -> list[RunRecord]:
    """:func:`read_run` of each."""
    return [read_run(folder) for folder in folders]


def _state(folder: Path, plan: TrainPlan, epochs: list[dict[str, Any]], timing: dict[str, Any]) -> State:
    if not epochs and not (folder / LAST).is_file():
        return "begun"
    if (epochs and epochs[-1]["epoch"] >= plan.epochs) or timing.get("stopped_by") in ("epochs", "patience"):
        return "finished"
    return "unfinished" if (folder / STATE).is_file() else "stopped"


def _changed(folder: Path) -> float:
    times = []
    for name in (METRICS, CONFIG):
        with suppress(OSError):
            times.append((folder / name).stat().st_mtime)
    return max(times, default=0.0)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise UserError("the file is too large to be one of a run", path=file, remedy="put the right file back")
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError("the file is missing", path=file, remedy="put it back, or delete the run") from error
    except (OSError, UnicodeError) as error:
        raise UserError(f"the file cannot be read ({error})", path=file, remedy="put it back from a copy") from error


def _json_object(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise UserError("the file is damaged: no JSON", path=file, remedy="put it back from a copy") from error
    if not isinstance(document, dict):
        raise UserError("the file is damaged: no JSON object", path=file, remedy="put it back from a copy")
    return document


def _plan(config: dict[str, Any], file: Path) -> TrainPlan:
    plain = TrainPlan(out="")
    try:
        plan = TrainPlan.from_json(config)
    except (TypeError, ValueError) as error:
        raise UserError("the file is damaged: no plan of a run", path=file, remedy="put it back from a copy") from error
    for name in ("epochs", "batch", "patch_px", "arch", "encoder", "loss", "lr", "seed"):
        have, usual = getattr(plan, name), getattr(plain, name)
        if not isinstance(have, int | float if isinstance(usual, int | float) else str) or isinstance(have, bool):
            raise UserError(f"the file is damaged: {name} is {have!r}", path=file, remedy="put it back from a copy")
    return plan


def _epochs(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    rows: list[dict[str, Any]] = []
    lines = [line for line in _text(file).split("\n") if line.strip()]
    for place, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if not isinstance(row, dict) or not isinstance(row["epoch"], int):
                raise ValueError
        except (ValueError, KeyError, RecursionError) as error:
            if place == len(lines):
                break  # torn by a kill while it was written: the run that goes on writes it anew
            raise UserError(f"line {place} is damaged", path=file, remedy="put it back from a copy") from error
        for key in ("train_loss", "val_loss", "mean_iou", "mean_dice", "pixel_accuracy", "lr"):
            row[key] = number(row.get(key))
        values = row.get("per_class_iou")
        row["per_class_iou"] = [number(value) for value in values] if isinstance(values, list) else []
        rows.append(row)
    return rows


def _card(folder: Path, *, has_epochs: bool) -> Any:
    """The card in the run's weights; None when there are none yet."""
    for name in (BEST, LAST):
        if (folder / name).is_file():
            return read_card(folder / name)
    if has_epochs:
        raise UserError("the weights are missing", path=folder / BEST, remedy="put them back, or delete the run")
    return None


def _names(evaluation: dict[str, Any]) -> tuple[str, ...]:
    rows = evaluation.get("per_class")
    return tuple(str(row.get("name", "")) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
