"""Runs in napari's own Python: brush, undo and memory of its Labels layer. Prints one JSON line. Not a test."""

from __future__ import annotations

import json
import statistics
import sys
import time


def main(side: int, radius: int) -> None:
    """Paint a stroke of 30 dabs, undo it; times in milliseconds until the frame is drawn."""
    import napari
    import numpy as np
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.resize(1920, 1080)
    viewer.show()
    viewer.add_image(np.zeros((side, side), np.uint8))
    layer = viewer.add_labels(np.zeros((side, side), np.uint8))
    layer.brush_size, layer.n_edit_dimensions = 2 * radius, 2
    viewer.camera.zoom, viewer.camera.center = 1.0, (side / 2, side / 2)
    app = QApplication.instance()
    for _ in range(20):
        app.processEvents()
    canvas = viewer.window._qt_viewer.canvas.native

    def frame() -> None:
        canvas.repaint()
        app.processEvents()

    frame()
    times = []
    with layer.block_history():
        for step in range(30):
            start = time.perf_counter()
            layer.paint((side / 2 + 6 * step - 90, side / 2 + 10 * step - 150), 1)
            frame()
            times.append((time.perf_counter() - start) * 1e3)
    start = time.perf_counter()
    layer.undo()
    frame()
    undo = (time.perf_counter() - start) * 1e3
    answer = {"brush_ms": statistics.median(times[3:]), "undo_ms": undo, "labels_mb": layer.data.nbytes / 1e6}
    print(json.dumps(answer), flush=True)
    viewer.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
