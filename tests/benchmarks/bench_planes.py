"""Planes and pieces: playing through a stack of 200, filling the planes between, moving and turning a piece.

Run ``QT_QPA_PLATFORM=offscreen python tests/benchmarks/bench_planes.py``. Bounds: 25 planes a second played (settled
picture, labels on every plane), 1 s to interpolate 171 planes of 512², 16 ms a frame while a piece of 600 px is moved.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "gui"))

import numpy as np
import tifffile
from canvas_stage import Stage
from PySide6.QtCore import QEventLoop, Qt
from PySide6.QtWidgets import QApplication
from stack_reader import StackStage

from segstudio.core.edits import Transaction
from segstudio.core.interpolation import interpolate_planes
from segstudio.core.layers import LabelLayer, Segment

DEPTH, SIDE = 200, 512


def disc(side: int, radius: float) -> np.ndarray:
    """(side, side) bool: a disc in the middle."""
    y, x = np.mgrid[:side, :side]
    return np.hypot(x - side / 2, y - side / 2) < radius


def played(app: QApplication, folder: Path) -> dict[str, float]:
    """Every plane of a 16-bit stack once, each drawn to the end, with labels on all."""
    y, x = np.mgrid[:SIDE, :SIDE]
    values = np.stack([(((x + z * 3) % 256) * 60 + (y * 2 + z) % 97).astype(np.uint16) for z in range(DEPTH)])
    tifffile.imwrite(folder / "stack.tif", values, photometric="minisblack")
    stage = StackStage(folder / "stack", size=(1200, 900))
    session = stage.session
    session.add_images([folder / "stack.tif"])
    transaction = session.begin("bench")
    assert transaction is not None and session.plane_count == DEPTH
    segment_id = transaction.ensure_stuff(1)
    for z in range(DEPTH):
        transaction.paint(disc(SIDE, 120), 0, 0, segment_id, z)
    session.commit(transaction)
    stage.settled()
    held, whole = [], []
    for z in range(1, DEPTH):
        start = time.perf_counter()
        session.set_plane(z)
        stage.canvas.repaint()
        held.append(time.perf_counter() - start)
        while not stage.canvas.is_settled:
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        stage.canvas.repaint()
        whole.append(time.perf_counter() - start)
    stage.close()
    return {
        "window_held_median_ms": 1e3 * float(np.median(held)),
        "window_held_p99_ms": 1e3 * float(np.percentile(held, 99)),
        "settled_median_ms": 1e3 * float(np.median(whole)),
        "planes_per_s": len(whole) / sum(whole),
    }


def interpolated() -> dict[str, float]:
    """Five classes on every tenth plane, all gaps filled."""
    layer = LabelLayer(1, 1, "labels", "labels", SIDE, SIDE, DEPTH)
    y, x = np.mgrid[:SIDE, :SIDE]
    for z in range(0, DEPTH, 10):
        transaction = Transaction(layer, "bench")
        for index in range(1, 6):
            layer.put_segment(index, Segment(index, index))
            transaction.paint(np.hypot(x - 80 * index, y - 256) < 30 + z / 10, 0, 0, index, z)
        transaction.commit()
    start = time.perf_counter()
    transaction = Transaction(layer, "bench")
    count = interpolate_planes(transaction, range(1, 6))
    transaction.commit()
    return {"interpolate_s": time.perf_counter() - start, "interpolated_planes": count}


def moved(folder: Path) -> dict[str, float]:
    """A piece of 600 px on 4096²: moved, turned, put down; event to painted frame."""
    side = 4096
    stage = Stage(folder / "move", np.zeros((side, side, 3), np.uint8), size=(1200, 900))
    session, left = stage.session, Qt.MouseButton.LeftButton
    transaction = session.begin("bench")
    assert transaction is not None
    session.painted(transaction.paint(disc(side, 300), 0, 0, transaction.ensure_stuff(1)))
    session.commit(transaction)
    stage.toolbox.select("move")
    stage.settled()
    result: dict[str, float] = {}
    for name in ("move", "turn"):
        x, y = (side / 2, side / 2) if name == "move" else stage.toolbox.current.preview().handles_xy[-1]
        stage.mouse("press", x, y)
        times = []
        for step in range(60):
            start = time.perf_counter()
            stage.mouse("move", x + 5 * step, y + step, held=left)
            stage.canvas.repaint()
            times.append(time.perf_counter() - start)
        stage.mouse("release", x + 300, y + 60)
        result[f"{name}_median_ms"] = 1e3 * float(np.median(times))
    start = time.perf_counter()
    stage.toolbox.key("enter")
    stage.canvas.repaint()
    result["put_down_ms"] = 1e3 * (time.perf_counter() - start)
    stage.close()
    return result


def main() -> int:
    """Print the figures as JSON; 1 when a bound is broken."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.update(SEGSTUDIO_CONFIG_DIR=str(folder / "config"), SEGSTUDIO_DATA_DIR=str(folder / "data"))
        figures = {**played(app, folder), **interpolated(), **moved(folder)}
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2))
    is_good = figures["planes_per_s"] >= 25 and figures["interpolate_s"] <= 1 and figures["move_median_ms"] <= 16
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
