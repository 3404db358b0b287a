"""The curves of a simulation as files: JSON, CSV, one HTML page, and text for a terminal."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import TYPE_CHECKING, Any

from segstudio.app.simulation.plan import CurvePoint
from segstudio.io.atomic import disk_error, write_bytes_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from segstudio.app.simulation.plan import Simulation

NAMES = tuple(field.name for field in dataclasses.fields(CurvePoint))
HTML, CSV, JSON = "simulation.html", "simulation.csv", "simulation.json"


def document_of(simulation: Simulation) -> dict[str, Any]:
    """Everything, JSON-ready."""
    document = dataclasses.asdict(simulation)
    document["points"] = [dataclasses.asdict(point) for point in simulation.points]
    document["seconds"] = round(simulation.seconds, 1)
    return document


def csv_of(points: Sequence[CurvePoint]) -> str:
    """A header and a line a point; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(NAMES)
    for point in points:
        values = [getattr(point, name) for name in NAMES]
        # A cell that begins like a formula would be worked out by a spreadsheet.
        writer.writerow(["'" + v if isinstance(v, str) and v[:1] in ("=", "+", "-", "@") else v for v in values])
    return text.getvalue()


def html_of(simulation: Simulation) -> str:
    """One page: curves over strokes, over pixels and over images, and the table."""
    from segstudio.ml.runs.curves import Line, curves_svg
    from segstudio.ml.runs.report import render_page

    lines = (("model, Dice of classes", "foreground_dice"), ("model, mean IoU", "mean_iou"), ("labels, Dice", "labels_dice"),
             ("proposal, Dice", "proposal_dice"))  # fmt: skip
    finished = [(p.strokes, float(p.images)) for p in simulation.points]
    charts = [
        ("Images finished over strokes", curves_svg([Line("images", finished)], title="images", x_title="strokes"))
    ]
    for unit, title in (("strokes", "strokes"), ("pixels", "pixels painted"), ("images", "images")):
        shown = [
            Line(name, [(getattr(p, unit), v) for p in simulation.points if (v := getattr(p, key)) is not None])
            for name, key in lines
        ]
        charts.append((f"Quality over {title}", curves_svg(shown, title=title, x_title=title, y_range=(0.0, 1.0))))
    return render_page(
        "simulation.html",
        headline=headline(simulation),
        charts=[(title, svg) for title, svg in charts if svg],
        header=_COLUMNS,
        rows=[_cells(point) for point in simulation.points],
        notes=simulation.notes,
        plan=[(name, str(value)) for name, value in dataclasses.asdict(simulation.plan).items()],
    )


def write_files(simulation: Simulation, folder: Path) -> list[Path]:
    """Write all three into *folder*.

    Raises
    ------
    UserError
        When the disk is full or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error
    texts = {
        JSON: json.dumps(document_of(simulation), indent=1, allow_nan=False),
        CSV: csv_of(simulation.points),
        HTML: html_of(simulation),
    }
    for name, text in texts.items():
        write_bytes_atomic(folder / name, text.encode())
    return [folder / name for name in texts]


def headline(simulation: Simulation) -> str:
    """What was done, in one sentence."""
    plan, last = simulation.plan, simulation.points[-1]
    learning = {"continuous": "continuous learning", "rounds": "training in rounds", "none": "no learning"}[plan.loop]
    why = {"budget": "the budget was spent", "target": "the target was reached", "images": "all images were labelled",
           "stopped": "it was stopped"}  # fmt: skip
    return (
        f"{last.images} of {simulation.pool_images} images labelled with {last.strokes:,} strokes over {last.pixels:,} pixels, "
        f"{learning}, order {plan.order}, seed {plan.seed}; {why[simulation.ended_by]}. Measured on {simulation.test_images} "
        "images that are no part of the project."
    )


_COLUMNS = ("images", "strokes", "pixels", "proposal Dice", "labels Dice", "model Dice", "mean IoU", "seconds", "image")


def _cells(point: CurvePoint) -> tuple[str, ...]:
    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.4f}"

    return (
        f"{point.images:,}", f"{point.strokes:,}", f"{point.pixels:,}", shown(point.proposal_dice),
        shown(point.labels_dice), shown(point.foreground_dice), shown(point.mean_iou), f"{point.seconds:,.0f}", point.image,
    )  # fmt: skip


def table_of(simulation: Simulation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(header, rows) of the curve as text."""
    return _COLUMNS, [_cells(point) for point in simulation.points]


def row_of(point: CurvePoint) -> str:
    """One point on one line, while it goes on."""
    quality = "no model yet" if point.foreground_dice is None else f"model Dice {point.foreground_dice:.4f}"
    return f"{point.images} images, {point.strokes:,} strokes, {point.pixels:,} pixels: {quality}"
