"""Drawing tools: from the mouse event to the painted frame for the brushes that look at the picture, and a long lasso.

Run ``python tests/benchmarks/bench_drawing.py``: the real canvas offscreen on a 4096² picture at 1:1. The bounds are
those of the plain brush at r = 50, and 4 ms for the algorithm of one edge-aware dab.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "gui"))

import numpy as np
from bench_brush import BOUND_MS, WINDOW, stroke_ms

SIDE = 4096
RADII = (10, 50, 200)
LASSO_POINTS = 5000


def picture() -> np.ndarray:
    """(4096, 4096, 3) uint8: skimage's coffee repeated, edges everywhere."""
    from skimage import data

    tile = data.coffee()
    return np.tile(tile, (-(-SIDE // tile.shape[0]), -(-SIDE // tile.shape[1]), 1))[:SIDE, :SIDE]


def dab_ms(rgb: np.ndarray, radius: int) -> list[float]:
    """One edge-aware dab at many places of the picture."""
    from segstudio.core.brush import stroke_mask
    from segstudio.core.edge_brush import edge_dab

    mask, rect = stroke_mask([(radius + 0.5, radius + 0.5)], 2 * radius)
    times = []
    for step in range(200):
        x, y = 37 * step % (SIDE - rect.width), 53 * step % (SIDE - rect.height)
        window = rgb[y : y + rect.height, x : x + rect.width]
        start = time.perf_counter()
        edge_dab(window, mask, (radius, radius), 25)
        times.append((time.perf_counter() - start) * 1e3)
    return times


def lasso_ms(stage: object) -> tuple[list[float], float, int]:
    """(ms a move, ms of the release, points kept) of a lasso round most of the view."""
    from canvas_stage import Stage
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QApplication

    assert isinstance(stage, Stage)
    app = QApplication.instance()
    assert app is not None
    stage.toolbox.select("lasso")
    turns = np.linspace(0, 2 * math.pi, LASSO_POINTS)
    way = [(SIDE / 2 + (400 + 60 * math.sin(31 * t)) * math.cos(t), SIDE / 2 + 400 * math.sin(t)) for t in turns]
    stage.mouse("press", *way[0])
    times = []
    for x, y in way[1:]:
        start = time.perf_counter()
        stage.mouse("move", x, y, held=Qt.MouseButton.LeftButton)
        app.processEvents()
        times.append((time.perf_counter() - start) * 1e3)
    kept = len(stage.toolbox.current.points_xy)  # type: ignore[attr-defined]
    start = time.perf_counter()
    stage.mouse("release", *way[-1])
    app.processEvents()
    return times, (time.perf_counter() - start) * 1e3, kept


def show(what: str, times: list[float], bound: float | None = None) -> bool:
    """Print a row; whether its median keeps the bound."""
    median, p99 = np.percentile(times, [50, 99])
    ratio = "" if bound is None else f"  ratio to {bound:g} ms: {median / bound:.2f}"
    print(f"{what:<40} median {median:7.2f} ms  p99 {p99:7.2f} ms{ratio}")
    return bound is None or bool(median <= bound)


def main() -> int:
    """Print the figures; 1 where a bound is missed."""
    from canvas_stage import Stage
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    rgb = picture()
    is_held = [show(f"edge-aware dab alone, r = {r}", dab_ms(rgb, r), BOUND_MS if r == 50 else None) for r in RADII]
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), rgb, WINDOW)
        try:
            stage.canvas.set_view(stage.canvas.view.centred_at(SIDE / 2, SIDE / 2, 1.0))
            stage.settled()
            for tool in ("brush", "threshold", "edge_brush"):
                stroke_ms(stage, 20, 20, tool)  # warm
                for r in RADII:
                    bound = BOUND_MS if r == 50 else None
                    is_held.append(show(f"{tool}: event to frame, r = {r}", stroke_ms(stage, r, 120, tool), bound))
            moves, release, kept = lasso_ms(stage)
            show(f"lasso of {LASSO_POINTS} points, a move", moves)
            print(f"lasso: {kept} points kept, release {release:.1f} ms")
        finally:
            stage.close()
    app.processEvents()
    return 0 if all(is_held) else 1


if __name__ == "__main__":
    raise SystemExit(main())
