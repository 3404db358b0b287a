"""The scores of a model on a split, as tables to show and files to write; which row is which image of the project. No window."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segstudio.io.csv_text import csv_text

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.app.session import Session

SUMMARY: tuple[tuple[str, str, str], ...] = (
    (
        "mean_iou",
        "Mean IoU",
        "Overlap of prediction and labels, the mean over the classes: the figure most papers give.",
    ),
    ("mean_dice", "Mean Dice", "Overlap counted as in medicine: always above the IoU."),
    ("pixel_accuracy", "Pixels right", "Part of all labelled pixels that are right: large classes count most."),
    ("mean_pixel_accuracy", "Mean recall", "Part of each class that is found, the mean over the classes."),
    ("mean_precision", "Mean precision", "Part of what is called a class that is it, the mean over the classes."),
    ("frequency_weighted_iou", "Weighted IoU", "IoU weighed by how frequent the classes are."),
    ("boundary_f1", "Boundary F1", "How well the outlines lie, within the tolerance."),
    ("mean_auc", "Mean AUC", "Chance that a pixel of a class is held likelier to be of it than another pixel."),
    (
        "object_f1",
        "Object F1",
        "Labelled objects that are found at IoU 0.5, touching ones cut apart; – without objects.",
    ),
    ("panoptic_quality", "Panoptic quality", "How well objects are found and outlined, the mean over the classes."),
)
"""(key, title, what it says) of the figures of a whole split."""
CLASS_COLUMNS: tuple[tuple[str, str], ...] = (
    ("name", "Class"), ("iou", "IoU"), ("dice", "Dice"), ("accuracy", "Recall"), ("precision", "Precision"),
    ("boundary_f1", "Boundary F1"), ("auc", "AUC"), ("pixels", "Pixels"),
)  # fmt: skip
IMAGE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("image", "Image"), ("mean_iou", "Mean IoU"), ("mean_dice", "Mean Dice"), ("pixel_accuracy", "Pixels right"),
    ("boundary_f1", "Boundary F1"), ("pixels", "Pixels"),
)  # fmt: skip
NEARLY = 0.002
"""Differences of the mean IoU below this are chance."""


@dataclass(frozen=True)
class ImagePlace:
    """An image of the project, and its plane."""

    image_id: int
    z: int = 0


def place_of(session: Session, row: dict[str, Any]) -> ImagePlace | None:
    """Which image of the open project a row of ``per_image`` is about; None when it has gone."""
    store = session.store
    if store is None:
        return None
    wanted = str(row.get("file", ""))
    found = next((record for record in session.images if str(store.image_file(record)) == wanted), None)
    return None if found is None else ImagePlace(found.id, int(row.get("z", 0)))


def figure(value: object) -> str:
    """A share with four digits, a count with separators, "–" for nothing."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def as_json(scores: dict[str, Any]) -> str:
    """All of it, as ``segstudio evaluate --json --per-image`` prints it."""
    return json.dumps(scores, indent=1, ensure_ascii=False)


def images_csv(scores: dict[str, Any]) -> str:
    """A line an image, the worst first."""
    keys = [*(key for key, _ in IMAGE_COLUMNS), "z", "file"]
    return csv_text(keys, scores.get("per_image", []))


def classes_csv(scores: dict[str, Any]) -> str:
    """A line a class."""
    return csv_text([key for key, _ in CLASS_COLUMNS], scores["per_class"])


def write_text(file: Path, text: str) -> None:
    """Write a result, whole or not at all.

    Raises
    ------
    UserError
        When the disk does not take it.
    """
    from segstudio.io.atomic import write_bytes_atomic

    write_bytes_atomic(file, text.encode("utf-8"))


@dataclass(frozen=True)
class Verdict:
    """A new model held against the one it started from, on the same ``images``: mean IoU before and after, and classes that lost."""

    start_id: str
    model_id: str
    before: float
    after: float
    images: int
    worse: tuple[tuple[str, float, float], ...] = ()

    @property
    def is_better(self) -> bool:
        """Whether it gained more than chance may give."""
        return self.after > self.before + NEARLY

    @property
    def is_worse(self) -> bool:
        """Whether it lost more than that."""
        return self.after < self.before - NEARLY


def verdict(start: dict[str, Any], new: dict[str, Any], start_id: str, model_id: str) -> Verdict | None:
    """Which of two evaluations on one split is better; None where either has no score."""
    before, after = start.get("mean_iou"), new.get("mean_iou")
    if before is None or after is None:
        return None
    had = {row["name"]: row["iou"] for row in start["per_class"]}
    worse = tuple(
        (row["name"], had[row["name"]], row["iou"])
        for row in new["per_class"]
        if row["iou"] is not None and had.get(row["name"]) is not None and row["iou"] < had[row["name"]] - NEARLY
    )
    return Verdict(start_id, model_id, float(before), float(after), int(new.get("images", 0)), worse)
