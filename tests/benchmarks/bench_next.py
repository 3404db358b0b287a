"""Is a model wrong where it says that it is unsure, and are planted label errors found? Held-out street scenes and nuclei.

Run ``python tests/benchmarks/bench_next.py [--count N] [--measures entropy,…] [--out FILE]``: the built-in models on test images of ``camvid`` (street)
and ``nuclei``, every measure in one run. Printed are, for each measure,

- auroc: how well the map ranks the image's cells by whether the model errs there (a cell errs where 10 % of its pixels do; 0.5 = chance);
- places: the share of wrong pixels inside the five most uncertain places, and how often that is the share of the whole image;
- images: Spearman's correlation between an image's uncertainty and its share of wrong pixels;
- errors: of areas of 32 × 32 px planted in the truth with another class (three an image), the share that is listed, and the share of
  the three worst listed that are planted;
- seconds an image.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared_data import find_shared  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

PLANTED, SIDE, PLACES = 3, 32, 5
WRONG_CELL = 0.1
IGNORED = 255


def auroc(score: np.ndarray, is_wrong: np.ndarray) -> float:
    """The chance that a wrong cell has the larger score; ties count half."""
    from scipy.stats import rankdata

    wrong = int(is_wrong.sum())
    right = len(is_wrong) - wrong
    if not wrong or not right:
        return float("nan")
    return float((rankdata(score)[is_wrong].sum() - wrong * (wrong + 1) / 2) / (wrong * right))


def planted(truth: np.ndarray, classes: int, random: np.random.Generator) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """(labels with areas of another class, their (y, x) corners), well apart and inside one class each."""
    labels, corners = truth.copy(), []
    height, width = truth.shape
    for _ in range(400):
        y, x = int(random.integers(0, height - SIDE)), int(random.integers(0, width - SIDE))
        part = truth[y : y + SIDE, x : x + SIDE]
        if (part != part[0, 0]).any() or part[0, 0] == IGNORED:
            continue
        if any(abs(y - a) < 2 * SIDE and abs(x - b) < 2 * SIDE for a, b in corners):
            continue
        labels[y : y + SIDE, x : x + SIDE] = (part[0, 0] + random.integers(1, classes)) % classes
        corners.append((y, x))
        if len(corners) == PLANTED:
            break
    return labels, corners


def pairs(name: str, count: int) -> list[tuple[Path, Path]]:
    """(image, mask) of test images, evenly spaced."""
    folder = find_shared(name)
    if folder is None:
        raise SystemExit(f"needs ../shared/data/{name} (or SEGSTUDIO_SHARED_DATA)")
    images = sorted((folder / "images/test").iterdir())
    masks = {file.stem: file for file in (folder / "masks/test").iterdir()}
    found = [(file, masks[file.stem]) for file in images if file.stem in masks]
    step = max(1, len(found) // count)
    return found[::step][:count]


def cells_of(values: np.ndarray, side: int) -> np.ndarray:
    """Means of *values* over cells, as the map has them."""
    rows, columns = np.arange(0, values.shape[0], side), np.arange(0, values.shape[1], side)
    sums = np.add.reduceat(np.add.reduceat(values.astype(float), rows, 0), columns, 1)
    heights = np.minimum(side, values.shape[0] - rows)
    widths = np.minimum(side, values.shape[1] - columns)
    return sums / np.outer(heights, widths)


def measured(model: str, other: str, data: str, count: int, measures: Sequence[str]) -> dict[str, Any]:
    """The figures of one model on one set."""
    from PIL import Image
    from scipy.stats import spearmanr

    from segstudio.core.classes import IGNORE
    from segstudio.core.looks import MEASURES
    from segstudio.core.worst_places import worst_places
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.inference.loading import load_segmenter
    from segstudio.ml.inference.looking import Labelled, look_at
    from segstudio.ml.inference.run import propose
    from segstudio.ml.registry import Catalog

    catalog = Catalog(None)
    segmenter = load_segmenter(catalog.find(model), "cpu")
    second = load_segmenter(catalog.find(other), "cpu") if other else None
    classes = len(segmenter.card.classes)
    random = np.random.default_rng(0)
    found: dict[str, dict[str, list[float]]] = {
        m: {"auroc": [], "places": [], "whole": [], "uncertainty": [], "seconds": []}
        for m in MEASURES
        if m in measures and (second or m != "models")
    }
    listed, hits, firsts = 0, 0, 0
    wrong: list[float] = []
    for image, mask in pairs(data, count):
        truth = np.asarray(Image.open(mask))
        truth = np.where(truth < classes, truth, IGNORED) if classes > 2 else truth > 0
        truth = truth.astype(np.uint8)
        labels, corners = planted(truth, classes, random)
        with closing(open_image(image)) as reader:
            answer = np.zeros(truth.shape, np.uint8)
            for piece in propose(segmenter, reader):
                answer[piece.rect.slices] = piece.class_index
            is_wrong = (answer != truth) & (truth != IGNORED)
            ids = np.arange(classes, dtype=np.uint16) + 1
            as_labels = np.where(labels == IGNORED, IGNORE, labels.astype(np.uint16) + 1)
            held = Labelled(lambda z, rect, v=as_labels: v[rect.slices], ids)
            for measure, kept in found.items():
                begin = time.perf_counter()
                look = look_at(segmenter, reader, measure=measure, other=second)
                kept["seconds"].append(time.perf_counter() - begin)
                wrong_cells = cells_of(is_wrong, look.cell_px)
                kept["auroc"].append(auroc(look.cells[0].ravel(), wrong_cells.ravel() >= WRONG_CELL))
                places = worst_places(look.cells, look.cell_px, truth.shape[1], truth.shape[0])[:PLACES]
                if places:
                    kept["places"].append(float(np.mean([is_wrong[p.rect.slices].mean() for p in places])))
                    kept["whole"].append(float(is_wrong.mean()))
                kept["uncertainty"].append(look.uncertainty)
            suspects = look_at(segmenter, reader, labelled=held).suspects
        inside = [any(_overlaps(s.rect, y, x) for y, x in corners) for s in suspects]
        listed += len(corners)
        hits += sum(any(_overlaps(s.rect, y, x) for s in suspects) for y, x in corners)
        firsts += sum(inside[: len(corners)])
        wrong.append(float(is_wrong.mean()))
    rows = {}
    for measure, kept in found.items():
        rows[measure] = {
            "auroc": round(float(np.nanmean(kept["auroc"])), 3),
            "wrong in places": round(float(np.mean(kept["places"])), 3),
            "times the image's": round(float(np.mean(kept["places"]) / np.mean(kept["whole"])), 2),
            "spearman of images": round(float(spearmanr(kept["uncertainty"], wrong).statistic), 2),
            "seconds": round(float(np.median(kept["seconds"])), 2),
        }
    return {
        "model": model,
        "images": len(wrong),
        "measures": rows,
        "planted errors found": round(hits / max(1, listed), 3),
        "of the first listed planted": round(firsts / max(1, listed), 3),
    }


def _overlaps(rect: Any, y: int, x: int) -> bool:
    width = min(rect.right, x + SIDE) - max(rect.x, x)
    height = min(rect.bottom, y + SIDE) - max(rect.y, y)
    return width > 0 and height > 0 and width * height >= 0.3 * rect.width * rect.height


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=24, help="images of each set")
    parser.add_argument("--measures", default="entropy,margin,flips")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()
    import torch

    torch.manual_seed(0)
    measures = args.measures.split(",")
    results = [
        measured(model, "", data, args.count, measures) for model, data in (("street", "camvid"), ("nuclei", "nuclei"))
    ]
    for result in results:
        print(f"{result['model']}: {result['images']} held-out images, CPU, {torch.get_num_threads()} threads")
        for measure, row in result["measures"].items():
            print(f"  {measure:8}", "  ".join(f"{key} {value}" for key, value in row.items()))
        print(f"  planted errors found {result['planted errors found']}", end="; ")
        print(f"of as many first in the list planted {result['of the first listed planted']}")
    if args.out:
        args.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
