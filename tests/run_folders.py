"""Folders of runs that no trainer made: as much of one as lists, reports and comparisons read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from segstudio.core.metrics import scores_from_confusion
from segstudio.ml.cards import CARD_KEY, ModelCard
from segstudio.ml.plan import TrainPlan

CLASSES = ("background", "road", "tree <b>")
COLORS = ("#000000", "#e69f00", "#009e73")
CONFUSION = np.array([[900, 50, 50], [100, 300, 0], [25, 0, 75]])


def write_weights(file: Path, classes=CLASSES, colors=COLORS) -> None:
    """A safetensors file of one number, with a card."""
    card = ModelCard(id="runs/x", name="x", architecture="unet", classes=tuple(classes), colors=tuple(colors))
    header = {
        "__metadata__": {CARD_KEY: json.dumps(card.to_json())},
        "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
    raw = json.dumps(header).encode()
    file.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(4))


def lines(ious, losses=None):
    """Lines of ``metrics.jsonl`` with these mean IoUs."""
    rows = []
    for place, iou in enumerate(ious, 1):
        loss = 1.0 / place if losses is None else losses[place - 1]
        rows.append(
            {
                "epoch": place, "epochs": len(ious), "train_loss": loss, "val_loss": loss * 1.1, "mean_iou": iou, "mean_dice": iou,
                "pixel_accuracy": 0.9, "per_class_iou": [iou, iou, None], "lr": 1e-3, "is_best": iou == max(ious[:place]),
            }
        )  # fmt: skip
    return rows


def make_run(folder: Path, ious=(0.2, 0.6, 0.5), *, seconds=12.5, has_state=True, about=None, **plan) -> Path:
    """A run whose validation gave *ious*; the best epoch's evaluation and two pictures with it."""
    folder.mkdir(parents=True)
    made = TrainPlan(out=str(folder), data="folder:a,b", **{"epochs": len(ious), **plan})
    config = {
        **made.to_json(),
        "about": {"segstudio": "0.2.0", "torch": "2.15", "device_name": "a processor", **(about or {})},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines(ious)))
    write_weights(folder / "best.safetensors")
    write_weights(folder / "last.safetensors")
    if has_state:
        (folder / "state.pt").write_bytes(b"x")
    (folder / "timing.json").write_text(
        json.dumps({"seconds": seconds, "seconds_per_step": 0.5, "peak_memory_bytes": 3 << 30})
    )
    (folder / "pictures").mkdir()
    for name in ("best-1.png", "worst-1.png"):
        Image.fromarray(np.full((8, 32, 3), 99, np.uint8)).save(folder / "pictures" / name)
    scores = scores_from_confusion(CONFUSION, list(CLASSES))
    per_image = [
        {
            "image": f"im{i} & <i>",
            "mean_iou": 0.1 * i,
            "mean_dice": 0.2,
            "pixel_accuracy": 0.5,
            "boundary_f1": None,
            "pixels": 64,
        }
        for i in range(3)
    ]
    pictures = [{"kind": kind, "file": f"{kind}-1.png", "image": "im0", "mean_iou": 0.1} for kind in ("worst", "best")]
    evaluation = {**scores, "epoch": 2, "images": 3, "per_image": per_image, "pictures": pictures,
                  "calibration": {"expected_calibration_error": 0.031, "bins": [{"from": 0.8, "to": 1.0, "pixels": 10, "confidence": 0.9, "accuracy": 0.87}]}}  # fmt: skip
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    return folder
