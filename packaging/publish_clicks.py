"""Makes a built-in click model: ``python packaging/publish_clicks.py FOLDER [--metrics FILE]`` → ``resources/models/<id>.safetensors``.

FOLDER is what ``packaging/train_clicks.py`` wrote; FILE holds figures as JSON, for the card. The SHA-256 of every picture that
was learned from goes beside the weights as ``<id>.pictures.json``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from segstudio.ml.weights import load_weights, save_weights

MODELS = Path(__file__).resolve().parent.parent / "resources" / "models"
MAX_BYTES = 15 << 19


def main() -> int:
    """Write float16 weights with the card, and the list of pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--metrics", type=Path)
    args = parser.parse_args()
    state, card = load_weights(args.folder / "click.safetensors")
    lines = (args.folder / "metrics.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    metrics = json.loads(args.metrics.read_text()) if args.metrics else {}
    card = dataclasses.replace(
        card,
        metrics=metrics,
        parameters=sum(value.numel() for value in state.values() if value.is_floating_point()),
        split="packaging/click_sets.py",
        command=(args.folder / "command.txt").read_text().strip() if (args.folder / "command.txt").is_file() else "",
        description=f"{card.description} {last['steps']} steps on the CPU.",
    )
    target = MODELS / f"{card.id}.safetensors"
    save_weights(target, state, card, is_half=True)
    size = target.stat().st_size
    if size > MAX_BYTES:
        target.unlink()
        raise SystemExit(f"{target.name} has {size / 2**20:.1f} MB, more than {MAX_BYTES / 2**20:.1f}")
    pictures = json.loads((args.folder / "pictures.json").read_text())
    (MODELS / f"{card.id}.pictures.json").write_text(json.dumps(pictures, indent=0) + "\n")
    print(f"{card.id}: {size / 1e6:.1f} MB, {len(pictures)} pictures, {last}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
