"""Scoring CamVid's 233 test pairs (simulated predictions) against torchmetrics, from the files and from memory.

Run ``python tests/benchmarks/bench_score.py``; needs the shared sample data. The peer reads the same files with Pillow
and adds them up (a) as one MulticlassConfusionMatrix, the least it can do, from which all the scores can be worked
out by hand, and (b) as the collection of metrics that gives what ``score`` prints. ``ratio``: peer's time / ours,
medians of alternating rounds; the aim is 3 or more for the whole run, and scores within 1e-6.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared_data import find_shared

from segstudio.core.metrics import ScoreSum
from segstudio.io.scoring import score_folders

CLASSES = 11
IGNORE = 255
ROUNDS = 5
AIM = 3.0


def simulate(truth: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """A prediction as networks make them: borders moved, some blobs of another class; never the ignored value."""
    moved = np.roll(truth, tuple(dice.integers(-4, 5, 2)), (0, 1))
    for _ in range(6):
        y, x = dice.integers(0, truth.shape[0] - 60), dice.integers(0, truth.shape[1] - 60)
        moved[y : y + 60, x : x + 60] = dice.integers(0, CLASSES)
    return np.where(moved == IGNORE, np.uint8(3), moved)


def metrics(torch, is_full: bool):
    """The peer's metrics."""
    import torchmetrics
    from torchmetrics import classification as tm

    options = {"num_classes": CLASSES, "ignore_index": IGNORE, "validate_args": False}
    if not is_full:
        return tm.MulticlassConfusionMatrix(**options)
    return torchmetrics.MetricCollection(
        {
            "confusion": tm.MulticlassConfusionMatrix(**options),
            "iou": tm.MulticlassJaccardIndex(average=None, **options),
            "mean_iou": tm.MulticlassJaccardIndex(average="macro", **options),
            "frequency_weighted_iou": tm.MulticlassJaccardIndex(average="weighted", **options),
            "pixel_accuracy": tm.MulticlassAccuracy(average="micro", **options),
            "mean_pixel_accuracy": tm.MulticlassAccuracy(average="macro", **options),
            "dice": tm.MulticlassF1Score(average=None, **options),
            "mean_dice": tm.MulticlassF1Score(average="macro", **options),
            "precision": tm.MulticlassPrecision(average=None, **options),
        }
    )


def timed(work):
    """(seconds, result)."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> int:
    """Measure and print; 0 also where the data is missing."""
    truth_folder = find_shared("camvid", "masks", "test")
    if truth_folder is None:
        print("skipped: needs the shared sample data (../shared/data or SEGSTUDIO_SHARED_DATA)")
        return 0
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as temp:
        pairs = []
        dice = np.random.default_rng(0)
        for file in sorted(truth_folder.glob("*.png")):
            values = np.asarray(Image.open(file))
            Image.fromarray(simulate(values, dice)).save(Path(temp) / file.name)
            pairs.append((file, Path(temp) / file.name))
        in_memory = [(np.asarray(Image.open(a)), np.asarray(Image.open(b))) for a, b in pairs]
        names = [
            "ours",
            "confusion_matrix",
            "all_metrics",
            "ours_memory",
            "confusion_matrix_memory",
            "all_metrics_memory",
        ]

        def ours_memory():
            total = ScoreSum(CLASSES, IGNORE)
            for truth, pred in in_memory:
                total.add(truth, pred)
            return total.scores()

        def peer(is_full, is_from_files):
            metric = metrics(torch, is_full)
            for index, (truth_file, pred_file) in enumerate(pairs):
                if is_from_files:
                    truth, pred = np.array(Image.open(truth_file)), np.array(Image.open(pred_file))
                else:
                    truth, pred = in_memory[index]
                metric.update(torch.from_numpy(pred).long().ravel(), torch.from_numpy(truth).long().ravel())
            return metric.compute()

        works = [
            lambda: score_folders(Path(temp), truth_folder, classes=CLASSES),
            lambda: peer(False, True),
            lambda: peer(True, True),
            ours_memory,
            lambda: peer(False, False),
            lambda: peer(True, False),
        ]
        times: dict[str, list[float]] = {name: [] for name in names}
        results = {}
        for _ in range(ROUNDS):
            for name, work in zip(names, works):
                seconds, results[name] = timed(work)
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ours, theirs = results["ours"], results["all_metrics"]
    keys = ("mean_iou", "frequency_weighted_iou", "pixel_accuracy", "mean_pixel_accuracy", "mean_dice")
    apart = max(abs(ours[key] - float(theirs[key])) for key in keys)
    for row, values in (("iou", theirs["iou"]), ("dice", theirs["dice"]), ("precision", theirs["precision"])):
        apart = max(apart, *(abs((c[row] or 0.0) - float(v)) for c, v in zip(ours["per_class"], values)))
    assert np.array_equal(ours["confusion"], results["confusion_matrix"].numpy())
    ratios = {
        "from_files_against_all_metrics": medians["all_metrics"] / medians["ours"],
        "from_files_against_confusion_matrix": medians["confusion_matrix"] / medians["ours"],
        "counting_against_all_metrics": medians["all_metrics_memory"] / medians["ours_memory"],
        "counting_against_confusion_matrix": medians["confusion_matrix_memory"] / medians["ours_memory"],
    }
    report = {
        "pairs": len(pairs),
        "median_s": {name: round(value, 3) for name, value in medians.items()},
        "ratio": {name: round(value, 2) for name, value in ratios.items()},
        "aim": AIM,
        "largest_difference": apart,
    }
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
