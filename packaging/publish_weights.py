"""Makes a built-in model of a run: measures it on held-out images, and writes float16 weights with the figures in their card.

``python packaging/publish_weights.py RUN --data SPEC --split test [--classes a,b]`` → ``resources/models/<id>.safetensors``
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from segstudio.ml.cards import WeightsSource
from segstudio.ml.training.evaluate import evaluate
from segstudio.ml.weights import load_weights, save_weights

MODELS = Path(__file__).resolve().parent.parent / "resources" / "models"
MAX_BYTES = 12 << 20


def main() -> int:
    """Measure, convert, measure again: the published figures are those of the published file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--classes", default="")
    parser.add_argument("--weights", default="best.safetensors")
    args = parser.parse_args()
    state, card = load_weights(args.run / args.weights)
    card = dataclasses.replace(card, weights=WeightsSource(kind="built-in"), metrics={})
    # Measured inside the run's folder, whose plan says which images were held out, and not yet under the catalog's eyes.
    half = args.run / "float16.safetensors"
    save_weights(half, state, card, is_half=True)
    size = half.stat().st_size
    if size > MAX_BYTES:
        raise SystemExit(f"{half} has {size / 2**20:.1f} MB, more than {MAX_BYTES >> 20}")
    names = tuple(n for n in args.classes.split(",") if n)
    scores = evaluate(model=str(half), data=args.data, split=args.split, class_names=names, device="cpu")
    kept = {k: scores[k] for k in ("pixel_accuracy", "mean_iou", "mean_dice", "split", "images")}
    kept["per_class_iou"] = {c["name"]: c["iou"] for c in scores["per_class"]}
    kept["per_class_dice"] = {c["name"]: c["dice"] for c in scores["per_class"]}
    measured = (
        f"{card.split}; measured on {scores['images']} {scores['split']} image{'s' if scores['images'] > 1 else ''}"
    )
    MODELS.mkdir(parents=True, exist_ok=True)
    save_weights(
        MODELS / f"{card.id}.safetensors", state, dataclasses.replace(card, metrics=kept, split=measured), is_half=True
    )
    half.unlink()
    print(f"{card.id}: {size / 2**20:.1f} MB, {kept}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
