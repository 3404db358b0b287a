"""The report that is kept beside an exported dataset: what was written, left out and lost, and how it was checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import segstudio
from segstudio.io.formats.base import REPORT_NAME, ExportPlan, ExportReport
from segstudio.io.formats.pixels import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.io.formats.verification import ReadBack
    from segstudio.io.formats.writing import Work


def report_document(report: ExportReport) -> dict[str, Any]:
    """An export as the command line prints it: plain JSON values."""
    return {
        "format": report.format,
        "out": str(report.out),
        "images": report.images,
        "splits": dict(report.splits),
        "skipped": [{"image": name, "reason": sentence} for name, sentence in report.skipped],
        "losses": [asdict(loss) for loss in report.losses],
        "checks": asdict(report.checks),
        "resumed": report.resumed,
        "notes": list(report.notes),
    }


def write_report(folder: Path, report: ExportReport, plan: ExportPlan, work: Work, back: ReadBack) -> None:
    """Write ``export-report.json``: the same for the same labels, so without times and places.

    Raises
    ------
    UserError
        When the disk refuses.
    """
    document = report_document(report)
    for name in ("out", "resumed"):
        document.pop(name)
    classes = [
        {
            "name": item.name,
            "value": item.mask_value,
            "color": item.color,
            "pixels": back.pixels.get(item.name, 0),
            "objects": back.objects.get(item.name, 0),
        }
        for item in work.classes
    ]
    chosen = {
        "options": dict(plan.options),
        "split": None if plan.split_fractions is None else dict(plan.split_fractions) or "project",
        "split_by": plan.split_by,
        "seed": plan.seed,
        "select": asdict(plan.select),
        "tiles": None if plan.tiles is None else asdict(plan.tiles),
    }
    document = {"segstudio": segstudio.__version__, **document, "classes": classes, "plan": chosen}
    if work.source:
        document["source"] = work.source
    write_text(folder / REPORT_NAME, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
