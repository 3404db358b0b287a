"""Undo of a stroke on 16 384² to the painted frame, and the memory of its labels with 10 % painted.

Run ``python tests/benchmarks/bench_undo.py``; napari's figures are taken in the same run where it is at hand.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from big_stage import BigStage, figures, line
from peers import napari_figures

SIDE = 16_384
ROUNDS = 40


def undo_ms(stage: BigStage) -> tuple[list[float], list[float]]:
    """Times of undoing and of redoing strokes of r = 50 that cross the view, each to its painted frame."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance()
    centre = SIDE / 2
    stage.settings.set("brush.size_px", 100.0)
    stage.canvas.set_view(stage.canvas.view.centred_at(centre, centre, 1.0))
    stage.settled()
    undone, redone = [], []
    for turn in range(ROUNDS):
        y = centre - 400 + 20 * turn
        stage.stroke([(centre - 700 + 50 * step, y + 40 * (step % 3)) for step in range(28)])
        app.processEvents()
        for times, work in ((undone, stage.session.undo), (redone, stage.session.redo)):
            start = time.perf_counter()
            assert work()
            app.processEvents()
            times.append((time.perf_counter() - start) * 1e3)
    return undone[2:], redone[2:]


def paint_tenth(stage: BigStage) -> tuple[float, float]:
    """Paint discs over the image until a tenth is labelled: (megabytes of tiles, share painted)."""
    session = stage.session
    radius, step = 150, 835  # π·150² / 835² = 10 %
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = x * x + y * y <= radius * radius
    layer = session.labels
    transaction = session.begin("Brush")
    segment = session.paint_segment(transaction)
    for top in range(60, SIDE - 2 * radius, step):
        for left in range(60 + top % 200, SIDE - 2 * radius, step):
            transaction.paint(disc, left, top, segment)
    session.commit(transaction)
    share = sum(layer.pixel_counts().values()) / SIDE**2
    return layer.tiles.nbytes / 1e6, share


def main() -> int:
    """Measure and print; 0 when the targets are held."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        stage = BigStage(Path(folder), SIDE)
        undone, redone = undo_ms(stage)
        stage.session.clear_labels()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        megabytes, share = paint_tenth(stage)
        allocated = (tracemalloc.get_traced_memory()[0] - before) / 1e6
        tracemalloc.stop()
        stage.close()
    peer = napari_figures(SIDE)
    ours = figures(undone)
    held = line("undo of a stroke (r = 50) on 16 384² → frame, median", ours["median"], 5.0)
    held &= line("the same, 99 %", ours["p99"], 10.0)
    line("redo, median", figures(redone)["median"], 5.0)
    held &= line(f"labels of 16 384², {share:.1%} painted", megabytes, 40.0, "MB")
    held &= line("all that painting them allocated and kept (history too)", allocated, 40.0, "MB")
    print(f"dense uint8: {SIDE**2 / 1e6:.0f} MB = {SIDE**2 / 1e6 / megabytes:.1f} × ours")
    if peer is not None:
        print(
            f"napari, same run: undo {peer['undo_ms']:.0f} ms = {peer['undo_ms'] / ours['median']:.0f} × ours, ", end=""
        )
        print(f"labels {peer['labels_mb']:.0f} MB = {peer['labels_mb'] / megabytes:.1f} × ours")
    app.processEvents()
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
