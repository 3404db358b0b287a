"""Real scribbles of people on medical images: how good an answer they give at once, without any further click.

MedScribble's held-out images, each with the scribbles of those who marked it: lines on the object and beside it. A click model that knows
lines is given them as lines; to classic methods they are many clicks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from click_cases import TABLE, Case, cases_of
from click_methods import METHODS, Numbers
from document import table
from PIL import Image
from skimage.morphology import skeletonize

from segstudio.core.simulated_clicks import Click, iou

POSITIVE, NEGATIVE = 1, 2
LINE_RADIUS_PX, EVERY_PX = 2, 4
"""To classic methods a line is so many clicks, of discs that join."""


@dataclass(frozen=True, eq=False)
class Marked:
    """A case and what one person drew on it: (h, w) bool on the object, and beside it."""

    case: Case
    person: str
    positive: npt.NDArray[np.bool_]
    negative: npt.NDArray[np.bool_]


def marked_cases(data: Path, count: int) -> list[Marked]:
    """Every scribble on the first *count* held-out images."""
    folder = data / TABLE["medscribble"].folder / "scribbles"
    found = []
    for case in cases_of(data, "medscribble", count):
        for file in sorted(folder.glob(f"{case.name.partition(':')[0]}_a*.png")):
            with Image.open(file) as opened:
                values = np.asarray(opened)
            found.append(Marked(case, file.stem.rpartition("_")[2], values == POSITIVE, values == NEGATIVE))
    return found


def lines_of(marks: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.float32]]:
    """The strokes that drew *marks*: (N, 2) float32 points x, y in order, along their middle; a new one at each jump."""
    left = {(int(x), int(y)) for y, x in np.argwhere(skeletonize(marks))}
    lines: list[list[tuple[int, int]]] = []
    while left:
        # An end has one neighbour; a ring has none, and begins anywhere.
        at = min(left, key=lambda place: (len(_beside(place, left)), place))
        line = [at]
        left.remove(at)
        while after := _beside(line[-1], left):
            line.append(min(after))
            left.remove(line[-1])
        lines.append(line)
    return [np.asarray(line, np.float32) + 0.5 for line in lines]


def _beside(place: tuple[int, int], left: set[tuple[int, int]]) -> list[tuple[int, int]]:
    x, y = place
    return [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (x + dx, y + dy) in left]


def by_model(prompter: Any, one: Marked) -> npt.NDArray[np.bool_]:
    """What a click model makes of the lines, as the window asks it."""
    from segstudio.ml.api import Prompts, Scribble

    kinds = ((one.positive, True), (one.negative, False))
    scribbles = tuple(Scribble(line, is_positive) for marks, is_positive in kinds for line in lines_of(marks))
    prompts = Prompts(np.zeros((0, 2), np.float32), np.zeros(0, np.bool_), scribbles=scribbles)
    return np.asarray(prompter.predict(prompter.embed(one.case.rgb), prompts).probabilities[0] > 0.5)


def by_classic(method: str, numbers: Numbers, one: Marked) -> npt.NDArray[np.bool_]:
    """What a classic method makes of their pixels."""
    kinds = ((one.positive, True), (one.negative & ~one.positive, False))
    clicks = [
        Click(int(x), int(y), is_positive)
        for marks, is_positive in kinds
        for line in lines_of(marks)
        for x, y in line[::EVERY_PX]
    ]
    return METHODS[method](one.case.rgb, dataclasses.replace(numbers, disc_px=LINE_RADIUS_PX))(clicks)


def scribble_table(
    marked: Sequence[Marked],
    models: Sequence[str],
    methods: Sequence[str],
    numbers: Numbers,
    load: Callable[[str], Any],
) -> list[str]:
    """Mean and worst tenth of the IoU over all scribbles, by method."""
    rows = []
    for name in [*models, *methods]:
        answers = [by_classic(name, numbers, m) if name in METHODS else by_model(load(name), m) for m in marked]
        ious = [iou(m.case.truth, answer) for m, answer in zip(marked, answers, strict=True)]
        rows.append(
            [
                name if name in METHODS else f"`{Path(name).stem}`",
                f"{np.mean(ious):.3f}",
                f"{np.percentile(ious, 10):.3f}",
                f"{np.mean(np.asarray(ious) >= 0.85):.0%}",
            ]
        )
    return table([f"{len(marked)} real scribbles, no click", "mean IoU", "worst tenth below", "IoU ≥ 0.85"], rows)
