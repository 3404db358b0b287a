"""Boundary F1 and the confusion matrix at CamVid's size, against scipy and torchmetrics, in memory.

Run ``python tests/benchmarks/bench_metrics.py``; needs no data. Pictures of 360 × 480 with 11 classes and 3 % ignored
pixels are made up: a Voronoi tessellation of 60 cells, the prediction with its borders moved. Boundary F1 peer: for each
class the boundary of both masks by erosion, and scipy's exact Euclidean distance transform of each; the scores agree to
1e-12. Confusion peer: torchmetrics' MulticlassConfusionMatrix. ``ratio``: peer's time / ours, medians of alternating
rounds on one thread each; the aims are 5 (boundary F1) and 10 (confusion matrix).
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import warnings

import cv2
import numpy as np
from scipy import ndimage

from segstudio.core.boundary_metrics import DiagonalShare, boundary_f1, tolerance_of
from segstudio.core.calibration import CalibrationSum
from segstudio.core.cell_metrics import CellSum
from segstudio.core.metrics import joint_histogram
from segstudio.core.panoptic_metrics import PanopticSum, object_counts
from segstudio.core.roc import RocSum

CLASSES = 11
IGNORE = 255
SHAPE = (360, 480)
PICTURES = 4
ROUNDS = 5
TOLERANCES = {"2 px": 2.0, "0.75 %": DiagonalShare(0.0075), "20 px": 20.0}
AIM_BOUNDARY, AIM_CONFUSION = 5.0, 10.0


def picture(dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(truth, prediction) of one made-up street."""
    points = dice.uniform(0, 1, (60, 2)) * SHAPE
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    wave = ndimage.gaussian_filter(dice.normal(size=(2, *SHAPE)), (0, 12, 12)) * 200

    def cells(dy, dx):
        far = (y[None] + dy - points[:, 0, None, None]) ** 2 + (x[None] + dx - points[:, 1, None, None]) ** 2
        return (far.argmin(0) % CLASSES).astype(np.uint8)

    truth, pred = cells(0, 0), cells(wave[0], wave[1])
    truth[:, :14] = IGNORE
    return truth, pred


def peer_boundary_f1(truth: np.ndarray, pred: np.ndarray, tolerance_px: float) -> np.ndarray:
    """The score written down plainly: two distance transforms a class."""
    valid = truth != IGNORE
    cross = ndimage.generate_binary_structure(2, 1)
    scores = np.full(CLASSES, np.nan)
    for index in range(CLASSES):
        edges = []
        for values in (truth, pred):
            mask = (values == index) & valid
            edges.append(mask & ~ndimage.binary_erosion(mask | ~valid, cross, border_value=1))
        if not edges[0].any() and not edges[1].any():
            continue
        if not edges[0].any() or not edges[1].any():
            scores[index] = 0.0
            continue
        near = [ndimage.distance_transform_edt(~edge) <= tolerance_px for edge in edges]
        precision = (edges[1] & near[0]).sum() / edges[1].sum()
        recall = (edges[0] & near[1]).sum() / edges[0].sum()
        scores[index] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return scores


def medians(works: dict) -> dict[str, float]:
    """Median milliseconds of each, in alternating rounds."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(ROUNDS + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if round_:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def boundaries(pictures: list, tolerance: float | DiagonalShare) -> dict[str, float]:
    """Milliseconds a picture and their ratio, at one tolerance."""
    tolerance_px = tolerance_of(tolerance, SHAPE)
    for truth, pred in pictures:
        ours, theirs = boundary_f1(truth, pred, CLASSES, tolerance, IGNORE), peer_boundary_f1(truth, pred, tolerance_px)
        assert np.allclose(ours, theirs, atol=1e-12, equal_nan=True), (tolerance, ours, theirs)
    times = medians(
        {
            "ours": lambda: [boundary_f1(t, p, CLASSES, tolerance, IGNORE) for t, p in pictures],
            "scipy": lambda: [peer_boundary_f1(t, p, tolerance_px) for t, p in pictures],
        }
    )
    shown = {f"{key}_ms": round(value / PICTURES, 2) for key, value in times.items()}
    return {**shown, "ratio": round(times["scipy"] / times["ours"], 2)}


def main() -> int:
    """Measure and print."""
    warnings.simplefilter("ignore")
    import torch
    from torchmetrics.classification import MulticlassConfusionMatrix

    from segstudio.ml.training.torch_metrics import joint_histogram as torch_histogram

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    dice = np.random.default_rng(0)
    pictures = [picture(dice) for _ in range(PICTURES)]
    tensors = [(torch.from_numpy(t).long(), torch.from_numpy(p).long()) for t, p in pictures]
    report: dict = {"pictures": PICTURES, "shape": SHAPE, "classes": CLASSES, "aim": AIM_BOUNDARY}
    report["boundary_f1"] = {name: boundaries(pictures, tolerance) for name, tolerance in TOLERANCES.items()}

    def peer_confusion():
        metric = MulticlassConfusionMatrix(CLASSES, ignore_index=IGNORE, validate_args=False)
        for truth, pred in tensors:
            metric.update(pred.ravel(), truth.ravel())
        return metric.compute()

    ours = sum(joint_histogram(t, p, CLASSES, IGNORE) for t, p in pictures)
    assert np.array_equal(ours, peer_confusion().numpy())
    times = medians(
        {
            "ours": lambda: [joint_histogram(t, p, CLASSES, IGNORE) for t, p in pictures],
            "ours_torch": lambda: [torch_histogram(t, p, CLASSES, IGNORE) for t, p in tensors],
            "torchmetrics": peer_confusion,
        }
    )
    shown = {f"{key}_ms": round(value / PICTURES, 3) for key, value in times.items()}
    ratios = {
        "ratio": times["torchmetrics"] / times["ours"],
        "ratio_torch": times["torchmetrics"] / times["ours_torch"],
    }
    report["confusion"] = {**shown, **{k: round(v, 2) for k, v in ratios.items()}, "aim": AIM_CONFUSION}

    cells = [tuple(np.where(m == IGNORE, 0, m + 1).astype(np.uint16) for m in pair) for pair in pictures]
    chances = dice.dirichlet(np.ones(CLASSES), SHAPE).transpose(2, 0, 1).astype(np.float32)
    sure = dice.integers(0, 256, SHAPE).astype(np.uint8)
    times = medians(
        {
            "panoptic_quality": lambda: [PanopticSum(1).add(t, p) for t, p in cells],
            "object_f1": lambda: [object_counts(t, p) for t, p in cells],
            "roc_areas": lambda: [RocSum(CLASSES).add(chances, t, IGNORE) for t, _ in pictures],
            "rand_and_pixel_error": lambda: [CellSum((0.5,)).add(t == 0, p == 0) for t, p in pictures],
            "calibration": lambda: [CalibrationSum().add(sure, t == p, t != IGNORE) for t, p in pictures],
        }
    )
    report["others"] = {f"{key}_ms": round(value / PICTURES, 2) for key, value in times.items()}
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
