"""Frames a second while panning and zooming at 1920×1080, with image, labels, a proposal and outlines.

Run ``python tests/benchmarks/bench_pan_zoom.py``. Each frame is a real wheel or drag step of the canvas, painted whole.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
import numpy as np
from big_stage import BigStage, figures, line

SIDE = 8192
PAN_STEPS = 240
ZOOM_STEPS = 200


def furnish(stage: BigStage) -> None:
    """Labels of two classes in blobs all over, and a proposal beside them."""
    from segstudio.core.geometry import Rect
    from segstudio.core.proposals import ProposalWriter

    session = stage.session
    dice = np.random.default_rng(0)
    noise = cv2.GaussianBlur(dice.random((SIDE // 16, SIDE // 16), np.float32), (0, 0), 4)
    coarse = np.digitize(noise, np.quantile(noise, [0.5, 0.75])).astype(np.uint8)
    classes = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    transaction = session.begin("Brush")
    session.select_class(1)
    segment = session.paint_segment(transaction)
    transaction.paint(classes == 1, 0, 0, segment)
    session.commit(transaction)
    layer = session.documents.with_proposal(session.image_id)
    confidence = cv2.resize((noise * 255).astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    writer = ProposalWriter(layer, {1: 1, 2: 2}, "m")
    writer.write_window(Rect(0, 0, SIDE, SIDE), np.roll(classes, 90, 1), confidence)
    session.record(writer.finish())


def frames_ms(stage: BigStage, mode: str, motion: str) -> list[float]:
    """Time of each frame: view changed → painted."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance()
    stage.session.settings.set("overlay.mode", mode)
    canvas = stage.canvas
    middle = SIDE / 2
    canvas.set_view(canvas.view.centred_at(middle, middle, 0.75))
    stage.settled()
    times = []
    for step in range(PAN_STEPS if motion == "pan" else ZOOM_STEPS):
        start = time.perf_counter()
        if motion == "pan":
            angle = step * 0.03
            canvas.set_view(
                canvas.view.centred_at(middle + 900 * math.sin(angle), middle + 900 * math.sin(2 * angle), 0.75)
            )
        else:
            zoom = 0.75 * 2 ** (2.5 * math.sin(step * math.pi / 100))
            canvas.set_view(canvas.view.centred_at(middle, middle, zoom))
        canvas.repaint()
        app.processEvents()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def main() -> int:
    """Measure and print; 0 when the targets are held."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    is_held = True
    with tempfile.TemporaryDirectory() as folder:
        stage = BigStage(Path(folder), SIDE)
        furnish(stage)
        assert stage.session.proposal is not None
        for mode in ("fill", "outline"):
            for motion in ("pan", "zoom"):
                frames_ms(stage, mode, motion)  # the first time decodes
                ours = figures(frames_ms(stage, mode, motion))
                name = f"{motion}, labels as {mode}s, proposal with rims"
                is_held &= line(f"{name}: a frame, median", ours["median"], 1000 / 60)
                is_held &= line(f"{name}: a frame, 99 %", ours["p99"], 1000 / 30)
        stage.close()
    app.processEvents()
    return 0 if is_held else 1


if __name__ == "__main__":
    raise SystemExit(main())
