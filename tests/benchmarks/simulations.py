"""Simulations as parts of benchmarks: each is kept in a file when it is done, so that a broken-off benchmark goes on."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import time
from pathlib import Path

from segstudio.app.simulation.files import document_of, row_of
from segstudio.app.simulation.plan import CurvePoint, SimulationPlan
from segstudio.app.simulation.run import simulate


def simulated(out: Path, name: str, plan: SimulationPlan) -> list[CurvePoint]:
    """The curve of *plan*: read from *out* where this very plan was done before, else simulated, each point printed."""
    wanted = json.loads(json.dumps(dataclasses.asdict(plan)))
    file = out / f"{name}.json"
    if file.is_file():
        document = json.loads(file.read_text())
        if document["plan"] == wanted:
            print(f"{name}: from {file}", flush=True)
            return points_of(document)
    out.mkdir(parents=True, exist_ok=True)
    partly = out / f"{name}.partly.jsonl"
    partly.write_text(json.dumps(wanted) + "\n")

    def tell(point: CurvePoint) -> None:
        with partly.open("a") as lines:
            lines.write(json.dumps(dataclasses.asdict(point)) + "\n")
        iou = "" if point.mean_iou is None else f", mean IoU {point.mean_iou:.4f}"
        print(f"{name}: {row_of(point)}{iou}; {point.seconds:.0f} s, {time.process_time():.0f} s of CPU", flush=True)

    found = simulate(plan, tell=tell)
    document = {**document_of(found), "machine": machine(found.device), "finished": time.strftime("%Y-%m-%d %H:%M")}
    document["plan"] = wanted
    file.write_text(json.dumps(document, indent=1))
    partly.unlink()
    return points_of(document)


def points_of(document: dict) -> list[CurvePoint]:
    """The points of a kept simulation."""
    return [CurvePoint(**point) for point in document["points"]]


def machine(device: str) -> str:
    """What it ran on, in words."""
    return f"{device or 'cpu'}, {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def reached(points: list[CurvePoint], quality: float, key: str = "foreground_dice") -> CurvePoint | None:
    """The first point at *quality* or above."""
    return next((point for point in points if (getattr(point, key) or 0.0) >= quality), None)


def images_to(points: list[CurvePoint], quality: float, key: str = "mean_iou") -> float | None:
    """After how many images *quality* was reached, linear between points; None when it was not."""
    before = None
    for point in points:
        value = getattr(point, key)
        if value is None:
            continue
        if value >= quality:
            if before is None or value == before[1]:
                return float(point.images)
            share = (quality - before[1]) / (value - before[1])
            return before[0] + share * (point.images - before[0])
        if before is None or value > before[1]:
            before = (point.images, value)
    return None
