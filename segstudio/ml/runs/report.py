"""The report of a run, or of several compared: one HTML file that needs nothing else, light or dark, fit for printing."""

from __future__ import annotations

import base64
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from segstudio.core.confusion_picture import confusion_svg, confusion_table, short_count
from segstudio.core.errors import UserError
from segstudio.core.side_by_side import known_color
from segstudio.io.resources import resource_path
from segstudio.ml.plan import shown
from segstudio.ml.runs.curves import Line, curves_svg
from segstudio.ml.runs.differences import comparison, value_text
from segstudio.ml.runs.record import PICTURES, STATE_TEXTS, number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from segstudio.ml.runs.record import RunRecord

MAX_ROWS = 200
MAX_PICTURE_BYTES = 8 << 20
_CLASS_KEYS = ("iou", "dice", "accuracy", "precision", "boundary_f1", "pixels")
_CLASS_TITLES = ("IoU", "Dice", "recall", "precision", "boundary F1", "pixels")
_TILES = (
    ("mean IoU", "mean_iou"), ("mean Dice", "mean_dice"), ("pixel accuracy", "pixel_accuracy"),
    ("mean recall", "mean_pixel_accuracy"), ("mean precision", "mean_precision"),
)  # fmt: skip


def run_report(run: RunRecord) -> str:
    """The page of one run; a damaged one says why and shows what can still be read."""
    scores = run.evaluation
    return _render(
        "run.html",
        run=run,
        headline=_headline(run),
        note=str(run.timing.get("note") or ""),
        tiles=[(title, _percent(run.score(key))) for title, key in _TILES if run.score(key) is not None],
        charts=_charts(run),
        classes=_class_rows(run),
        class_keys=_CLASS_TITLES,
        classes_note=_classes_note(run),
        matrix=_matrix(scores),
        **_calibration(scores.get("calibration")),
        pictures=_pictures(run.folder / PICTURES, scores),
        **_image_rows(scores.get("per_image")),
        facts=_facts(run),
        plan=[] if run.plan is None else [(k, shown(v)) for k, v in vars(run.plan).items()],
    )


def comparison_report(runs: Sequence[RunRecord]) -> str:
    """The page of several runs: their curves over each other, where their plans differ, their figures.

    Raises
    ------
    UserError
        When there are fewer than two.
    """
    document = comparison(runs)
    charts = []
    for title, key, y_range in (
        ("training loss", "train_loss", None),
        ("validation loss", "val_loss", None),
        ("mean IoU", "mean_iou", (0.0, 1.0)),
        ("mean Dice", "mean_dice", (0.0, 1.0)),
    ):
        svg = curves_svg([Line(run.name, run.curve(key)) for run in runs], title=title, y_range=y_range)
        if svg:
            charts.append((title, _markup(svg)))
    return _render(
        "compare.html",
        names=[run.name for run in runs],
        problems=[run.problem for run in runs if run.problem],
        charts=charts,
        tables=[
            ("Where the plans differ", "field", _rows(document["plan"], "field")),
            ("Figures of the best epochs", "metric", _rows(document["metrics"], "metric")),
        ],
    )


def render_page(template: str, *, charts: Sequence[tuple[str, str]], **values: Any) -> str:
    """A page of resources/report with *charts* (title, SVG made by :func:`curves_svg`); all other text is escaped."""
    return _render(template, charts=[(title, _markup(svg)) for title, svg in charts], **values)


def _render(template: str, **values: Any) -> str:
    return str(_environment().get_template(template).render(**values))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader

    folder = resource_path("report")
    if not (folder / "page.html").is_file():
        raise UserError("the report's template is missing", path=folder, remedy="install segstudio again")
    # Everything that is text in a run (names of classes, images, models) is escaped.
    return Environment(loader=FileSystemLoader(str(folder)), autoescape=True)


def _markup(svg: str) -> Any:
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704 - made here, every text in it escaped


def _rows(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [{"name": row[key].replace("_", " "), "cells": [value_text(v) for v in row["values"]]} for row in rows]


def _headline(run: RunRecord) -> str:
    parts = [STATE_TEXTS[run.state]]
    if run.plan is not None:
        done = run.epochs[-1]["epoch"] if run.epochs else 0
        encoder = f" with {run.plan.encoder}" if run.plan.encoder else ""
        parts.append(f"{run.plan.arch}{encoder}, {done} of {run.plan.epochs} epochs")
    if run.best:
        parts.append(f"best in epoch {run.best['epoch']}")
    if run.changed_s:
        parts.append(time.strftime("%Y-%m-%d %H:%M", time.localtime(run.changed_s)))
    return " · ".join(parts)


def _percent(value: object) -> str:
    known = number(value)
    return "–" if known is None else f"{100 * known:.2f} %"


def _charts(run: RunRecord) -> list[tuple[str, Any]]:
    losses = [Line("training", run.curve("train_loss")), Line("validation", run.curve("val_loss"))]
    means = [
        Line("mean IoU", run.curve("mean_iou")),
        Line("mean Dice", run.curve("mean_dice")),
        Line("pixel accuracy", run.curve("pixel_accuracy"), is_dashed=True),
    ]
    by_class = [Line(name, run.class_curve(i), _color(run, i)) for i, name in enumerate(run.classes)]
    charts = [
        ("Loss", curves_svg(losses, title="Loss")),
        ("Validation", curves_svg(means, title="Validation", y_range=(0.0, 1.0))),
        ("IoU by class", curves_svg(by_class, title="IoU by class", y_range=(0.0, 1.0))),
        ("Learning rate", curves_svg([Line("learning rate", run.curve("lr"))], title="Learning rate")),
    ]
    return [(title, _markup(svg)) for title, svg in charts if svg]


def _class_rows(run: RunRecord) -> list[dict[str, Any]]:
    rows = run.evaluation.get("per_class")
    if isinstance(rows, list):
        return [
            {"name": str(row.get("name", "")), "color": _color(run, i), "cells": [_cell(row, k) for k in _CLASS_KEYS]}
            for i, row in enumerate(rows)
            if isinstance(row, dict)
        ]
    values = run.best.get("per_class_iou") or []
    pairs = zip(run.classes, values, strict=False)
    return [
        {"name": name, "color": _color(run, i), "cells": [_percent(iou), *["–"] * (len(_CLASS_KEYS) - 1)]}
        for i, (name, iou) in enumerate(pairs)
    ]


def _color(run: RunRecord, index: int) -> str:
    return known_color(run.colors[index] if index < len(run.colors) else "", index)


def _cell(row: dict[str, Any], key: str) -> str:
    if key == "pixels":
        count = number(row.get(key))
        return "–" if count is None else short_count(int(count))
    return _percent(row.get(key))


def _classes_note(run: RunRecord) -> str:
    best, epoch = run.best.get("epoch"), run.evaluation.get("epoch")
    if run.evaluation and not run.is_best_evaluated:
        return f"Epoch {epoch}; the run was killed before epoch {best}, the best one, was evaluated."
    count = run.evaluation.get("images")
    return f"Epoch {best}, the best one" + (f", on {count} validation images." if count else ".")


def _matrix(scores: dict[str, Any]) -> Any:
    confusion, rows = scores.get("confusion"), scores.get("per_class")
    if not isinstance(confusion, list) or not isinstance(rows, list):
        return ""
    try:
        table = confusion_table(confusion, [str(row.get("name", "")) for row in rows])
    except (UserError, AttributeError):
        return ""
    return _markup(confusion_svg(table, is_embedded=True))


def _calibration(found: Any) -> dict[str, Any]:
    error = number(found.get("expected_calibration_error")) if isinstance(found, dict) else None
    if error is None:
        return {}
    rows = found.get("bins")
    bins = [b for b in rows if isinstance(b, dict)] if isinstance(rows, list) else []
    points = [(number(b.get("confidence")), number(b.get("accuracy"))) for b in bins]
    known = [(x, y) for x, y in points if x is not None and y is not None]
    lines = [Line("this model", known), Line("as sure as right", [(0.0, 0.0), (1.0, 1.0)], "#7f7f7f", is_dashed=True)]
    svg = curves_svg(lines, title="Calibration", x_title="confidence", y_range=(0.0, 1.0))
    return {
        "calibration": _markup(svg),
        "calibration_note": f"Expected calibration error {100 * error:.2f} %.",
    }


def _pictures(folder: Path, scores: dict[str, Any]) -> list[dict[str, str]]:
    rows = scores.get("pictures")
    found = []
    for row in rows if isinstance(rows, list) else []:
        name = row.get("file") if isinstance(row, dict) else None
        # A name from a file: only what lies in the folder itself is read.
        if not isinstance(name, str) or "/" in name or "\\" in name or not name.endswith(".png"):
            continue
        file = folder / name
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_PICTURE_BYTES:
            continue
        data = base64.b64encode(file.read_bytes()).decode("ascii")
        caption = f"{row.get('kind', '')}: {row.get('image', '')}, mean IoU {_percent(row.get('mean_iou'))}"
        found.append({"src": f"data:image/png;base64,{data}", "caption": caption})
    return found


def _image_rows(rows: Any) -> dict[str, Any]:
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {
        "images": [
            {
                "image": str(row.get("image", "")),
                "cells": [*(_percent(row.get(k)) for k in ("mean_iou", "mean_dice", "pixel_accuracy")), _cell(row, "pixels")],
            }
            for row in known[:MAX_ROWS]
        ],
        "images_left": max(0, len(known) - MAX_ROWS),
    }  # fmt: skip


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    plan, about, timing = run.plan, run.about, run.timing
    data = about.get("data")
    data = data if isinstance(data, dict) else {}
    memory = number(timing.get("peak_memory_bytes"))
    step = number(timing.get("seconds_per_step"))
    rows: list[tuple[str, Any]] = [
        ("network", plan and plan.arch),
        ("encoder", plan and plan.encoder),
        ("data", plan and (plan.data or plan.project)),
        ("training images", data.get("train")),
        ("validation images", data.get("val")),
        ("digest of the images", data.get("digest")),
        ("device", about.get("device_name")),
        ("processor threads", about.get("threads")),
        ("segstudio", about.get("segstudio")),
        ("torch", about.get("torch")),
        ("Python", about.get("python")),
        ("system", about.get("machine")),
        ("time", run.seconds and f"{run.seconds:,.0f} s"),
        ("time a step", step and f"{step:.3f} s"),
        ("most memory used", memory and f"{memory / 2**30:.2f} GiB"),
        ("command", plan and plan.command),
    ]
    return [(key, str(value)) for key, value in rows if value not in (None, "")]
