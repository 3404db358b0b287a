"""The longest gap in the window's event loop while a model learns beside the hand: while somebody paints with the mouse as it
learns, while a new version is handed over and proposes anew for what is shown, while one goes back to a former version, and
while it ends.

Run ``python tests/benchmarks/bench_learning_window.py [side_px] [--versions N] [--scripted] [--blame]``. A real window (offscreen)
shows a real photograph, repeated to side_px² (2048), a part of it labelled; the real learner trains in its process on the CPU, the
real model host proposes. A timer of 1 ms measures how late it comes. Bound: 50 ms, with what other programs took of the cores
counted apart, as in bench_eventloop.py. Every stroke must be on the disk in the end.

``--scripted`` puts in place of the learner one that says what the real one would, oftener: five steps a second, and every four seconds a
version (a real network of random weights) with figures of 300 images. It shows what the window does on a machine too busy to learn.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_eventloop import BOUND_MS, Pulse, is_drawn, make_model, make_project, window_on

SIDE_PX = 2048
VERSIONS = 2
SCRIPTED_IMAGES = 300
SCRIPTED_EVERY = 20
"""So many steps of 0.2 s the scripted learner makes for a version."""


class Hand:
    """Paints a short stroke with the mouse now and then, one move a turn of the event loop; rests after every third."""

    def __init__(self, window) -> None:
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        self._point, self._left, self._test = QPoint, Qt.MouseButton.LeftButton, QTest
        self._canvas = window.workspace.canvas
        self._session = window.session
        self._next_s, self._step, self.strokes, self.rests_s = 0.0, -1, 0, 3.0
        self._class_id, self.lost = 0, 0

    def go_on(self) -> None:
        """The next bit of a stroke, where one is due."""
        now = time.monotonic()
        if now < self._next_s:
            return
        canvas, test = self._canvas, self._test
        self._step += 1
        x = 120 + 53 * (self.strokes % 9) + 4 * self._step
        y = 120 + 61 * (self.strokes % 7)
        at = self._point(x, y)
        if self._step == 0:
            self._class_id = 1 + self.strokes % 3
            self._session.select_class(self._class_id)
            test.mousePress(canvas, self._left, pos=at)
        elif self._step < 12:
            test.mouseMove(canvas, at)
        else:
            test.mouseRelease(canvas, self._left, pos=at)
            self.lost += not self._is_painted(at)
            self.strokes += 1
            self._step = -1
            self._next_s = now + (self.rests_s if self.strokes % 3 == 0 else 0.3)
            return
        self._next_s = now + 0.015

    def _is_painted(self, at) -> bool:
        """Whether the labels hold the stroke's class where it ended."""
        from segstudio.core.geometry import Rect

        x, y = self._canvas.view.to_image(at.x() * self._canvas.ratio, at.y() * self._canvas.ratio)
        labels = self._session.labels
        return bool(labels.read_classes(Rect(int(x), int(y), 1, 1), 0)[0, 0] == self._class_id)

    @property
    def is_down(self) -> bool:
        """Whether a stroke is under way."""
        return self._step >= 0


def script(weights: Path) -> None:
    """Let the window's learner be one that is played."""
    from concurrent.futures import ThreadPoolExecutor

    from PySide6.QtCore import QObject, QTimer, Signal

    from segstudio.gui import threads
    from segstudio.jobs.protocol import LearnEvent
    from segstudio.ml.continuous import events, versions

    class Scripted(QObject):
        message_received, finished_job, cancelled = Signal(object), Signal(object), Signal()
        failed, made = Signal(str, str), Signal(object)

        def __init__(self, parent: QObject | None = None) -> None:
            super().__init__(parent)
            self._timer = QTimer(self, interval=200)
            self._timer.timeout.connect(self._step)
            self._steps, self._writer = 0, ThreadPoolExecutor(1)
            self.made.connect(self._hand_over)

        def submit(self, spec: object) -> None:
            self._folder = spec.plan.project
            self._say(events.LearnStageChanged("fitting"))
            self._timer.start()

        def set_paused(self, is_paused: bool) -> None:
            self._timer.stop() if is_paused else self._timer.start()

        def cancel(self) -> None:
            self._timer.stop()
            QTimer.singleShot(100, self.cancelled.emit)

        def shut_down(self) -> None:
            self._timer.stop()
            self._writer.shutdown()

        def _say(self, event: object) -> None:
            self.message_received.emit(LearnEvent(0, event))

        def _step(self) -> None:
            self._steps += 1
            step = self._steps % SCRIPTED_EVERY
            self._say(events.RoundProgress(self._steps // SCRIPTED_EVERY, step, SCRIPTED_EVERY, 1 / self._steps, 9.0))
            if step == 5:
                self._say(events.CorrectionsTaken((1,), 999, time.time(), 9, 3))
            elif step == 0:
                self._say(events.LearnStageChanged("checking"))
                self._writer.submit(self._write)

        def _write(self) -> None:
            gains = [0.004 * (number % 7 - 2) for number in range(SCRIPTED_IMAGES)]
            images = tuple(events.ImageChange(1 + n % 2, 0.5, 0.5 + gain, 99, z=n) for n, gain in enumerate(gains))
            info = events.VersionInfo(0, "", "", 0.0, 0.5, 0.4, images)
            self.made.emit(versions.add_version(self._folder, weights.read_bytes(), info))

        def _hand_over(self, info: events.VersionInfo) -> None:
            self._say(events.Checked(1, True, 0.5, 0.6, info.images, "", info))
            self._say(events.LearnStageChanged("fitting"))

    threads.LearningThread = Scripted


def measure(folder: Path, side_px: int, wanted: int, is_scripted: bool, is_blaming: bool) -> dict[str, object]:
    """Gaps by phase, what was learnt meanwhile, and whether all strokes were kept."""
    make_project(folder, side_px)
    if is_scripted:
        make_model(folder / "noise.safetensors")
        script(folder / "noise.safetensors")
    gaps: dict[str, list[float]] = {}
    own: dict[str, float] = {}
    blamed: dict[str, object] = {}
    with window_on(folder / "project") as window:
        pulse = Pulse(is_blaming)

        def phase(name: str, condition) -> None:
            pulse.blamed.clear()
            gaps[name] = list(pulse.run(condition))
            own[name] = max(pulse.own_ms, default=0.0)
            blamed[name] = pulse.blamed.most_common(8)

        def for_seconds(seconds: float):
            end = time.monotonic() + seconds
            return lambda: time.monotonic() > end

        pulse.run(lambda: window.has_workspace and window.workspace.session.is_open)
        pulse.run(lambda: is_drawn(window))
        session, jobs, canvas = window.session, window.workspace.jobs, window.workspace.canvas
        learning, models = jobs.learning, jobs.models
        window.settings.set("model.device", "cpu")
        panel = window.workspace.docks.reveal("learning")
        canvas.set_view(
            canvas.view.centred_at(canvas.width() / 2, canvas.height() / 2, 1.0)
        )  # the hand stays on the image
        window.workspace.toolbox.select("brush")
        pulse.run(for_seconds(1.5))
        phase("idle", for_seconds(3.0))

        hand = Hand(window)
        from dataclasses import replace

        plan = replace(learning.presenter.plan("", "cpu"), round_seconds=6.0, threads=1)
        begun_s = time.monotonic()
        assert learning.start(plan)

        def is_fitting() -> bool:
            hand.go_on()
            return learning.presenter.progress.step is not None and not hand.is_down

        phase("painting, the learner starts", is_fitting)
        proposed: set[str] = set()

        def has_versions() -> bool:
            hand.go_on()
            if models.is_proposing and models.current_entry() is not None:
                proposed.add(models.current_entry().card.id)
            enough = learning.presenter.progress.accepted >= wanted and len(proposed) >= wanted
            return enough and not models.is_proposing and not hand.is_down and is_drawn(window)

        phase("painting, versions come and propose", has_versions)
        first_s = time.monotonic() - begun_s
        numbers = [row.number for row in learning.presenter.version_rows()]
        assert learning.roll_back(numbers[-1])
        done = for_seconds(4.0)
        phase("going back to the first version", lambda: done() and not models.is_proposing and is_drawn(window))
        learning.stop()
        phase("ending", lambda: not learning.is_running)
        pulse.run(for_seconds(0.5))
        painted = sum(session.labels.pixel_counts().values())
        assert "torch" not in sys.modules
        assert session.store is not None and not session.store.pending_count
        assert not hand.lost, f"{hand.lost} of {hand.strokes} strokes are not in the labels"
        assert panel.isVisible()
        seen = {"learner": "scripted" if is_scripted else "real", "versions": len(numbers), "strokes": hand.strokes}
    return {
        "image_px": side_px,
        "longest_gap_ms": {name: round(max(values), 1) for name, values in gaps.items()},
        "longest_gap_with_a_core_ms": {name: round(value, 1) for name, value in own.items()},
        "gaps_over_bound": {name: sum(v > BOUND_MS for v in values) for name, values in gaps.items()},
        "seconds": {name: round(sum(values) / 1e3, 1) for name, values in gaps.items()},
        "ratio_to_bound_with_a_core": {name: round(value / BOUND_MS, 2) for name, value in own.items()},
        "seconds_to_the_versions": round(first_s, 1),
        "versions_proposed_with": sorted(proposed),
        "labelled_px": painted,
        **seen,
        **({"blamed": blamed} if is_blaming else {}),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side_px", nargs="?", type=int, default=SIDE_PX)
    parser.add_argument("--versions", type=int, default=VERSIONS)
    parser.add_argument("--scripted", action="store_true")
    parser.add_argument("--blame", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as name:
        for what in ("CONFIG", "DATA", "CACHE"):
            os.environ[f"SEGSTUDIO_{what}_DIR"] = str(Path(name) / what.lower())
        found = measure(Path(name), options.side_px, options.versions, options.scripted, options.blame)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
