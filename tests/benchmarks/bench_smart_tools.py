"""The smart tools' algorithms: how long an answer takes, beside what the same costs at full size.

Run ``python tests/benchmarks/bench_smart_tools.py``. The picture is skimage's coffee enlarged to 1536 × 1024; a box of
1024² lies in it. Bounds: 0.5 s for the box, so that a hand does not wait. Full-size figures are taken in the same run.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np

from segstudio.core.colour_cuts import box_cut, stroke_cut
from segstudio.core.geometry import Rect
from segstudio.core.scissors import LivePath
from segstudio.core.superpixels import superpixels
from segstudio.core.wand import ValueDistance, wand_connected

BOUND_BOX_MS = 500.0


def median_ms(call: Callable[[], object], rounds: int = 5) -> float:
    """Median of some calls, in ms."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 1)


def picture(width: int, height: int) -> np.ndarray:
    """(h, w, 3) uint8."""
    from skimage import data

    return np.asarray(cv2.resize(data.coffee(), (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def full_grabcut(rgb: np.ndarray, box: Rect) -> None:
    """One iteration at full size."""
    mask = np.zeros(rgb.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(rgb, mask, (box.x, box.y, box.width, box.height), *models, 1, cv2.GC_INIT_WITH_RECT)


def main() -> int:
    """Print the figures; 1 where the box misses its bound."""
    rgb = picture(1536, 1024)
    wide = picture(1400, 1400)
    box = Rect(188, 188, 1024, 1024)
    fg, bg = [(((600.0, 400.0), (900.0, 300.0)), 20.0)], [(((400.0, 100.0), (380.0, 600.0), (600.0, 960.0)), 20.0)]
    big = np.zeros((1, 4096, 4096), np.uint8)
    big[:, :, 2048:] = 200
    bounds = Rect(0, 0, 4096, 4096)

    def wand() -> object:
        distance = ValueDistance(lambda rect: big[(slice(None), *rect.slices)], (10, 10), bounds, 255.0)
        return wand_connected(distance, bounds, 10)

    superpixels(rgb[:64, :64], 8)  # the import of scikit-image is no part of it
    part = np.ascontiguousarray(rgb[300:620, 500:820])
    figures = {
        "box of 1024² (reduced, rim refined)": median_ms(lambda: box_cut(wide, box)),
        "box of 1024², one iteration at full size": median_ms(lambda: full_grabcut(wide, box), 1),
        "random walker, view of 1536 × 1024": median_ms(lambda: stroke_cut(rgb, fg, bg)),
        "graph cut, view of 1536 × 1024": median_ms(lambda: stroke_cut(rgb, fg, bg, method="graph cut")),
        "superpixels of 1 Mpx": median_ms(lambda: superpixels(rgb[:, :1024], 24.0), 3),
        "scissors' map, 320²": median_ms(lambda: LivePath(part, (160, 160))),
        "scissors' map, 1024²": median_ms(lambda: LivePath(rgb[:, :1024], (512, 512)), 2),
        "wand, half of 4096²": median_ms(wand, 3),
    }
    for name, value in figures.items():
        print(f"{value:9.1f} ms  {name}")
    print(json.dumps(figures, ensure_ascii=False))
    return int(figures["box of 1024² (reduced, rim refined)"] > BOUND_BOX_MS)


if __name__ == "__main__":
    sys.exit(main())
