"""Window and level by right-drag: what a step costs the window's thread, and when the whole picture is drawn with it.

Run ``python tests/benchmarks/bench_levels.py``: the real canvas offscreen, 1920×1080 at 1:1, on tiled TIFFs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "gui"))

import numpy as np
import tifffile

WINDOW = (1920, 1080)
BOUND_MS = 16.0
STEPS = 60


def pictures() -> list[tuple[str, np.ndarray]]:
    """Noise of several types: nothing is cheaper to draw than it looks."""
    grey = np.random.default_rng(0).integers(0, 4000, (2048, 2560)).astype(np.uint16)
    return [
        ("uint16, grey", grey),
        ("int16, grey", grey.astype(np.int16)),
        ("float32, grey", grey.astype(np.float32)),
        ("uint16, 4 bands", np.stack([grey] * 4, axis=-1)),
    ]


def steps_ms(folder: Path, values: np.ndarray) -> tuple[list[float], list[float]]:
    """(mouse event handled, every tile in sight painted anew), in ms, of each step of a drag but the first."""
    from canvas_stage import Stage, gradient
    from PySide6.QtCore import QEventLoop, Qt
    from PySide6.QtWidgets import QApplication

    file = folder / "image.tif"
    layout = {"planarconfig": "contig"} if values.ndim == 3 else {}
    tifffile.imwrite(file, values, photometric="minisblack", tile=(256, 256), **layout)
    stage = Stage(folder / "stage", gradient(64, 64), WINDOW)
    stage.session.add_images([file])
    stage.session.select_image(stage.session.images[-1].id)
    stage.canvas.one_to_one()
    stage.settled()
    stage.toolbox.select("pan")
    x, y = stage.canvas.view.centre_xy
    right, app = Qt.MouseButton.RightButton, QApplication.instance()
    stage.mouse("move", x, y)
    stage.mouse("press", x, y, right)
    handled, drawn = [], []
    for step in range(STEPS):
        start = time.perf_counter()
        stage.mouse("move", x + 3 * step, y + step % 7, held=right)
        handled.append((time.perf_counter() - start) * 1e3)
        stage.canvas.repaint()
        while not stage.canvas.is_settled:
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        stage.canvas.repaint()
        drawn.append((time.perf_counter() - start) * 1e3)
    stage.mouse("release", x + 3 * STEPS, y, right)
    stage.close()
    return handled[1:], drawn[1:]


def main() -> int:
    """Print medians and 99th percentiles; 1 when a step holds the window's thread longer than a frame."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    assert app is not None
    is_late = False
    for name, values in pictures():
        with tempfile.TemporaryDirectory() as folder:
            handled, drawn = steps_ms(Path(folder), values)
        is_late |= float(np.median(handled)) > BOUND_MS
        print(
            f"{name:16s} event {np.median(handled):5.2f} ms (p99 {np.percentile(handled, 99):5.2f}), "
            f"all {WINDOW[0]}×{WINDOW[1]} drawn {np.median(drawn):5.1f} ms (p99 {np.percentile(drawn, 99):5.1f})"
        )
    return int(is_late)


if __name__ == "__main__":
    sys.exit(main())
