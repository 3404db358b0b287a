"""A small project to learn from continuously, and a plan that is fast: for tests of several floors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.continuous.plan import LearnPlan
from tests.small_projects import paint

SIDE = 192
SPOTS = [Rect(x, y, 40, 40) for y in (12, 76, 140) for x in (12, 76, 140)]
"""One bright spot in each square of 64 px."""


def spotted_picture(path: Path, seed: int) -> Path:
    """A noisy dark image with nine bright spots."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 60, (SIDE, SIDE, 3))
    for spot in SPOTS:
        values[spot.slices] += 180
    Image.fromarray(values.astype(np.uint8)).save(path)
    return path


def spotted_project(folder: Path, *, images: int = 2, labelled: int = 1, classes: tuple[str, ...] = ("spot",)) -> Path:
    """A project of *images*, of which the first *labelled* have their spots labelled and are marked done."""
    table = ClassTable()
    for name in classes:
        table = table.added(name)
    files = [spotted_picture(folder.parent / "pictures" / f"im{i}.png", i) for i in range(images)]
    with ProjectStore.create(folder, table) as store:
        report = store.add_images(files)
        for record in report.added[:labelled]:
            for spot in SPOTS:
                paint(store, record.id, 1, spot)
            store.set_status(record.id, "done")
    return folder


def quick_plan(project: Path, **values: object) -> LearnPlan:
    """A small network that learns bright from dark within seconds, the same each time."""
    fast = {
        "arch": "enet", "encoder": "", "is_pretrained": False, "patch_px": 32, "batch": 8, "lr": 5e-3, "round_steps": 10,
        "threads": 1, "precision": "fp32", "augment": "none", "device": "cpu", "is_watching": False, "max_rounds": 4,
        "poll_seconds": 0.01,
    }  # fmt: skip
    return LearnPlan(project=str(project), **{**fast, **values})  # type: ignore[arg-type]


class Steering:
    """A control that calls *act* with the number of each question whether to stop."""

    def __init__(self, act=lambda number: False) -> None:
        self.asked = 0
        self._act = act
        self.is_held = False

    def is_set(self) -> bool:
        self.asked += 1
        return bool(self._act(self.asked))

    def is_paused(self) -> bool:
        return self.is_held
