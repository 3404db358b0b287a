"""Flood fill of half of 4096²: from the click to the painted frame, beside what cv2 takes for the array alone.

Run ``python tests/benchmarks/bench_fill.py``.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
import numpy as np
from big_stage import BigStage, figures, line

SIDE = 4096
ROUNDS = 12


def array_ms() -> float:
    """cv2.floodFill of half of a (4096, 4096) uint8 array."""
    times = []
    for _ in range(5):
        picture = np.zeros((SIDE, SIDE), np.uint8)
        picture[:, SIDE // 2] = 1
        start = time.perf_counter()
        cv2.floodFill(picture, None, (10, SIDE // 2), 2)
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def fills_ms(stage: BigStage, slanted: bool) -> list[float]:
    """Times of fills of the half left of a wall."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance()
    session = stage.session
    wall = np.zeros((SIDE, SIDE), np.uint8)
    low, high = (SIDE // 2 - 300, SIDE // 2 + 300) if slanted else (SIDE // 2, SIDE // 2)
    cv2.line(wall, (low, 0), (high, SIDE - 1), 1, 5, cv2.LINE_4)
    session.select_class(2)
    transaction = session.begin("Brush")
    transaction.paint(wall.astype(bool), 0, 0, session.paint_segment(transaction))
    session.commit(transaction)
    session.select_class(1)
    stage.settings.set("fill.max_px", SIDE * SIDE)
    stage.toolbox.select("fill")
    stage.canvas.set_view(stage.canvas.view.fitted())
    stage.settled()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        stage.mouse("press", SIDE / 4, SIDE / 2)
        stage.mouse("release", SIDE / 4, SIDE / 2)
        app.processEvents()
        times.append((time.perf_counter() - start) * 1e3)
        stage.settled()
        counts = session.labels.pixel_counts()
        assert abs(counts[1] / SIDE**2 - 0.5) < 0.01, counts
        session.undo()
        stage.settled()
    session.clear_labels()
    return times[1:]


def main() -> int:
    """Measure and print; 0 when the target is held."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    bound = array_ms()
    with tempfile.TemporaryDirectory() as folder:
        stage = BigStage(Path(folder), SIDE)
        is_held = True
        for slanted in (False, True):
            ours = figures(fills_ms(stage, slanted))
            name = "slanted" if slanted else "straight"
            is_held &= line(f"fill of half of 4096² ({name} wall) → painted frame, median", ours["median"], 60.0)
            print(
                f"  = {ours['median'] / bound:.2f} × cv2 on the array alone ({bound:.1f} ms); worst {ours['worst']:.1f} ms"
            )
        stage.close()
    app.processEvents()
    return 0 if is_held else 1


if __name__ == "__main__":
    raise SystemExit(main())
