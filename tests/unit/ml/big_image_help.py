"""A large sparse picture with few labels, as a project or a dataset, and what training on it takes in memory."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
import tifffile

from segstudio.core.geometry import Rect

SPOTS = (Rect(1000, 2000, 700, 600), Rect(25000, 800, 500, 900), Rect(14000, 28000, 900, 700))
"""Bright places of the 30 000² picture."""


def sparse_tiff(path: Path, side: int, spots=SPOTS, *, bands=3, value=200, dtype=np.uint8) -> Path:
    """A tiled TIFF of *side*² whose tiles outside *spots* are nearly black and cost a few bytes."""
    empty = np.full((512, 512, bands), 20, dtype)
    packed = zlib.compress(empty.tobytes())

    def tiles():
        for y in range(0, side, 512):
            for x in range(0, side, 512):
                here = [s.intersected(Rect(x, y, 512, 512)) for s in spots]
                if all(part.is_empty for part in here):
                    yield packed
                    continue
                tile = empty.copy()
                for part in here:
                    tile[part.moved(-x, -y).slices] = value
                yield zlib.compress(tile.tobytes())

    shape = (side, side, bands) if bands > 1 else (side, side)
    tifffile.imwrite(
        path, tiles(), shape=shape, dtype=dtype, tile=(512, 512), compression="zlib", metadata=None,
        photometric="rgb" if bands == 3 else "minisblack",
    )  # fmt: skip
    return path


def peak_mb() -> float:
    """The most memory that this process held at once, in MB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def train(out: str, **values) -> None:
    """A few steps; prints the peak of memory before and after."""
    import torch

    from segstudio.ml.networks.build import build_network
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.trainer import Trainer

    plan = dict(
        arch="enet", epochs=1, batch=2, patch_px=64, patches_per_image=4, augment="none", device="cpu", threads=1,
        precision="fp32", has_tensorboard=False, is_pretrained=False,
    )  # fmt: skip
    network = build_network("enet", "none", bands=3, classes=2)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, 1024, 1024))  # what one square of validation takes is no matter of the data
    before = peak_mb()
    events: list[object] = []
    finished = Trainer.run(TrainPlan(out=out, **{**plan, **values}), events.append)
    print(f"{before:.0f} {peak_mb():.0f} {finished.epochs} {finished.metrics['mean_iou']}")


if __name__ == "__main__":
    import json

    train(sys.argv[1], **json.loads(sys.argv[2]))
