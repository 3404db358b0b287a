"""Trains the built-in click models: ``python packaging/train_clicks.py --data DATA --out FOLDER --minutes 60 [--free] [--from WEIGHTS]``.

Every few minutes ``click.safetensors`` in FOLDER is written anew, with a card and the SHA-256 of every picture that was learned
from in ``pictures.json``; ``packaging/publish_clicks.py`` makes a built-in model of it. ``--free`` learns from data that
anybody may use for anything alone: nuclei (CC0, BSD-3) and made-up scenes of pictures that scikit-image ships.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click_sets
import numpy as np
import torch

from segstudio.ml.click.cards import card_of
from segstudio.ml.click.episodes import Episode, Scene, episode, textures
from segstudio.ml.click.training import ClickPlan, ClickTrainer
from segstudio.ml.weights import load_weights, save_weights

if TYPE_CHECKING:
    from segstudio.ml.cards import ModelCard

SHARES = {
    "bsds500": 0.26, "camvid": 0.18, "nuclei": 0.12, "nuclei2d": 0.01, "isbi2012": 0.11, "drive": 0.05, "massroads": 0.03,
    "medscribble": 0.12, "volumes": 0.03, "hippocampus": 0.03, "textures": 0.06,
}  # fmt: skip
FREE_SHARES = {"nuclei": 0.5, "nuclei2d": 0.03, "textures": 0.47}
SKIMAGE = (
    "astronaut", "brick", "camera", "cat", "chelsea", "clock", "coffee", "coins", "grass", "gravel", "hubble_deep_field",
    "immunohistochemistry", "moon", "page", "retina", "rocket", "text", "colorwheel",
)  # fmt: skip
SAVE_S = 120


def main() -> int:
    """Train until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--free", action="store_true")
    parser.add_argument("--from", dest="start", type=Path)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--last-side", type=int, default=256, help="of the last two fifths")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--frozen", type=float, default=0.2, help="part of the time in which only the head learns")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    pictures = click_sets.training(args.data, only_free=args.free)
    (args.out / "pictures.json").write_text(json.dumps(sorted({one.digest() for one in pictures}), indent=0))
    supply = Supply(pictures, FREE_SHARES if args.free else SHARES, args.seed)
    state = load_weights(args.start)[0] if args.start else None
    trainer = ClickTrainer(ClickPlan(args.minutes, args.batch, args.lr, seed=args.seed, frozen_part=args.frozen), state)
    card = card_of("click-free" if args.free else "click-base")

    def batch(part: float) -> list[Episode]:
        return supply.batch(args.batch, args.side if part < 0.6 else args.last_side)

    saved = time.monotonic()
    with (args.out / "metrics.jsonl").open("a") as log:
        for figures in trainer.run(batch):
            log.write(json.dumps({k: round(v, 4) for k, v in figures.items()}) + "\n")
            log.flush()
            if time.monotonic() - saved > SAVE_S:
                saved = time.monotonic()
                save(args.out, trainer, card)
    save(args.out, trainer, card)
    return 0


def save(out: Path, trainer: ClickTrainer, card: ModelCard) -> None:
    """Write the averaged weights."""
    save_weights(out / "click.safetensors", trainer.averaged, card)


class Supply:
    """Episodes from all sets in fixed shares; pictures stay decoded."""

    def __init__(self, pictures: list[click_sets.Picture], shares: dict[str, float], seed: int) -> None:
        self.rng = np.random.default_rng(seed + 1000)
        self.by_source: dict[str, list[click_sets.Picture]] = {}
        for picture in pictures:
            self.by_source.setdefault(picture.source, []).append(picture)
        self.sources = [name for name in shares if name in self.by_source or name == "textures"]
        weights = np.array([shares[name] for name in self.sources])
        self.weights = weights / weights.sum()
        self.kept: dict[tuple[Path, str, int], Scene] = {}
        self.plain = plain_pictures()

    def batch(self, count: int, side_px: int) -> list[Episode]:
        """*count* episodes."""
        found: list[Episode] = []
        while len(found) < count:
            one = episode(self.scene(side_px), side_px, self.rng)
            if one is not None:
                found.append(one)
        return found

    def scene(self, side_px: int) -> Scene:
        """A random scene of a random set."""
        source = self.sources[int(self.rng.choice(len(self.sources), p=self.weights))]
        if source == "textures":
            return textures(self.plain, 256, self.rng)
        pictures = self.by_source[source]
        picture = pictures[int(self.rng.integers(len(pictures)))]
        key = (picture.file, picture.part, int(self.rng.integers(3)) if source == "bsds500" else 0)
        if key not in self.kept:
            self.kept[key] = picture.load(self.rng)
        return self.kept[key]


def plain_pictures() -> list[np.ndarray]:
    """The pictures inside scikit-image's package, as RGB."""
    from skimage import data

    found = []
    for name in SKIMAGE:
        try:
            picture = np.asarray(getattr(data, name)())
        except Exception as error:  # noqa: BLE001 - some are not in the wheel and would be fetched
            print(f"{name}: left out ({type(error).__name__})")
            continue
        if picture.dtype != np.uint8:
            picture = (picture * (255 if picture.max() <= 1 else 1)).astype(np.uint8)
        found.append(np.repeat(picture[..., None], 3, 2) if picture.ndim == 2 else picture[..., :3])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
