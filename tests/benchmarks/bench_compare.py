"""Frames while the line between two compared answers is dragged, at 1920×1080 on 4096², beside plain panning.

Run ``python tests/benchmarks/bench_compare.py``. Both answers cover the whole image; every frame is real: the line (or
the view) moves, and the clock runs until the canvas has been painted.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
import numpy as np
from big_stage import BigStage, figures, line
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

SIDE = 4096
STEPS = 160
ZOOM = 0.75
FRAME_MS = 16.0
MODELS = ("classic/otsu", "classic/local-threshold")


class Painted(QObject):
    """Counts the canvas's paint events."""

    count = 0

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
        """Look, and let it pass."""
        self.count += event.type() == QEvent.Type.Paint
        return False


class Jobs(QObject):
    """The little of the window that a comparison talks to; the models' answers are handed in."""

    def __init__(self, stage: BigStage) -> None:
        from segstudio.app.presenters.models import ModelsPresenter

        super().__init__()
        window = SimpleNamespace(say=print)
        self.workspace = SimpleNamespace(
            session=stage.session, canvas=stage.canvas, toolbox=stage.toolbox, window=window
        )
        self.specs: list[object] = []
        thread = SimpleNamespace(submit=self.specs.append)
        self.models = SimpleNamespace(
            presenter=ModelsPresenter(stage.session), lend=lambda _: thread, cancel_guest=lambda: None, is_busy=False
        )

    def begin(self, *_: object) -> str:
        """A line of the job strip that nobody sees."""
        return "job"

    def report(self, *_: object, **__: object) -> None:
        """Nobody looks."""

    def end(self, _: str) -> None:
        """Nobody looks."""


def blobs(seed: int) -> np.ndarray:
    """(SIDE, SIDE) uint8 0 or 1 in blobs all over."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((SIDE // 16, SIDE // 16), np.float32), (0, 0), 3)
    coarse = (noise > np.quantile(noise, 0.6)).astype(np.uint8)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


def compared(stage: BigStage, jobs: Jobs) -> object:
    """A comparison with both answers there."""
    from segstudio.core.geometry import Rect
    from segstudio.gui.comparison import Comparison
    from segstudio.jobs.protocol import WindowReady
    from segstudio.ml.api import WindowResult

    made = Comparison(jobs)
    assert made.start(*MODELS, is_whole=True)
    for seed in (1, 2):
        index = blobs(seed)
        for y in range(0, SIDE, 1024):
            rect = Rect(0, y, SIDE, 1024)
            result = WindowResult(rect, index[rect.slices], np.full((1024, SIDE), 200, np.uint8))
            made.on_message(WindowReady(0, stage.session.image_id, jobs.specs[-1].generation, result))
        made.on_ended({"seconds": 1.0}, "", "")
    while made.is_busy:
        QApplication.instance().processEvents()
    assert made.figures.agreement is not None
    return made


def frames_ms(stage: BigStage, step: object, steps: int = STEPS) -> tuple[list[float], list[float]]:
    """Time of each frame, *step(i)* → painted: by the clock, and of this thread alone (whatever else the machine does)."""
    app = QApplication.instance()
    painted = Painted()
    stage.canvas.installEventFilter(painted)
    times, own_times = [], []
    for number in range(steps):
        seen = painted.count
        began, own_began = time.perf_counter(), time.thread_time()
        step(number)
        while painted.count == seen:
            app.processEvents()
        own_times.append((time.thread_time() - own_began) * 1e3)
        times.append((time.perf_counter() - began) * 1e3)
    stage.canvas.removeEventFilter(painted)
    return times, own_times


def main() -> int:
    """Measure and print; 0 when the targets are held."""
    app = QApplication.instance() or QApplication([])
    is_held = True
    with tempfile.TemporaryDirectory() as folder:
        stage = BigStage(Path(folder), SIDE)
        canvas, middle = stage.canvas, SIDE / 2
        jobs = Jobs(stage)
        made = compared(stage, jobs)

        def pan(number: int) -> None:
            angle = (number + 1) * 0.03
            x, y = middle + 500 * math.sin(angle), middle + 500 * math.sin(2 * angle)
            canvas.set_view(canvas.view.centred_at(x, y, ZOOM))

        def drag(number: int) -> None:
            made.handle.set_position(0.5 + 0.45 * math.sin((number + 1) * 0.05))

        def jump(number: int) -> None:
            made.handle.set_position(number % 2)

        for mode in ("fill", "outline"):
            stage.session.settings.set("overlay.mode", mode)
            canvas.set_view(canvas.view.centred_at(middle, middle, ZOOM))
            stage.settled()
            frames_ms(stage, pan)  # the first time decodes
            stage.settled()
            plain = [figures(times) for times in frames_ms(stage, pan)]
            stage.settled()
            canvas.set_view(canvas.view.centred_at(middle, middle, ZOOM))
            stage.settled()
            dragged = [figures(times) for times in frames_ms(stage, drag)]
            jumped = figures(frames_ms(stage, jump, 40)[1])
            is_held &= line(f"{mode}s: a frame of dragging the line, median", dragged[0]["median"], FRAME_MS)
            line(f"{mode}s: a frame of dragging the line, 99 %", dragged[0]["p99"], FRAME_MS)
            is_held &= line(f"{mode}s: of this thread alone, 99 %", dragged[1]["p99"], FRAME_MS)
            is_held &= line(f"{mode}s: it jumps across the view, of this thread, median", jumped["median"], FRAME_MS)
            is_held &= line(f"{mode}s: dragging against panning, median", dragged[0]["median"], plain[0]["median"])
            line(f"{mode}s: panning while comparing, of this thread, median", plain[1]["median"], FRAME_MS)
        made.shut_down()
        stage.close()
    app.processEvents()
    return 0 if is_held else 1


if __name__ == "__main__":
    raise SystemExit(main())
