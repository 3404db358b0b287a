"""Operations on regions: time by where the region lies, not by the image.

Run ``python tests/benchmarks/bench_regions.py`` (``--full`` adds a 16 384² image with a tenth labelled everywhere).
Six rings in 1024² and the same six, far apart, in 16 384²; bound: 1 s for each operation there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import cv2
import numpy as np

from segstudio.core.edits import Transaction
from segstudio.core.layers import LabelLayer, Segment
from segstudio.core.region_ops import RegionWork, fill_holes, grow, keep_largest, remove_small, shrink, smooth
from segstudio.core.region_splits import split_pieces, split_touching

BOUND_MS = 1000
OPERATIONS: dict[str, Callable[[RegionWork], object]] = {
    "fill holes": lambda work: fill_holes(work, 0),
    "remove small, 2000 px": lambda work: remove_small(work, 0, 2000),
    "keep largest": lambda work: keep_largest(work, 0),
    "grow, 5 px": lambda work: grow(work, 0, 5),
    "shrink, 5 px": lambda work: shrink(work, 0, 5),
    "smooth, 5 px": lambda work: smooth(work, 0, 5),
    "split into pieces": lambda work: split_pieces(work, 0),
    "split touching": lambda work: split_touching(work, 0, 2),
}


def rings(side: int, count: int) -> LabelLayer:
    """A layer of *side* with *count* rings of one class at random places."""
    layer = LabelLayer(1, 1, "labels", "labels", side, side, segments={1: Segment(1, 5)})
    transaction = Transaction(layer, "make")
    random = np.random.default_rng(0)
    for _ in range(count):
        radius = int(random.integers(10, 120))
        x, y = (int(value) for value in random.integers(0, side - 2 * radius - 1, 2))
        ring = np.zeros((2 * radius + 1, 2 * radius + 1), np.uint8)
        cv2.circle(ring, (radius, radius), radius, 1, -1)
        cv2.circle(ring, (radius, radius), radius // 4, 0, -1)
        transaction.paint(ring.astype(np.bool_), x, y, 1)
    transaction.commit()
    return layer


def main() -> int:
    """Print a line an operation; 1 when a bound is missed."""
    cases = [(1024, 6), (16384, 6), *([(16384, 1800)] if "--full" in sys.argv else [])]
    is_held = True
    for side, count in cases:
        layer = rings(side, count)
        for name, run in OPERATIONS.items():
            started = time.perf_counter()
            work = RegionWork(layer, (1,), name)
            run(work)
            work.finish()
            took_ms = (time.perf_counter() - started) * 1000
            print(f"{side:6}², {count:4} rings  {name:22} {took_ms:8.0f} ms", flush=True)
            is_held &= count > 6 or took_ms <= BOUND_MS
    return 0 if is_held else 1


if __name__ == "__main__":
    raise SystemExit(main())
