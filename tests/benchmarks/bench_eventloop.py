"""The longest gap in the window's event loop: idle, while a model proposes, while the proposal is refined (a preview that
follows the view, then all of it), while a run trains, and while a proposal is accepted.

Run ``python tests/benchmarks/bench_eventloop.py [side_px] [--blame]``. A real window (offscreen) shows a real photograph,
repeated to side_px² (4096); a timer of 1 ms in it measures how late it comes. Bound: 50 ms. ``--blame`` prints the stacks
of the window's thread that were seen during gaps of more than 20 ms. On Linux the longest gap is also given without the time
that the thread was ready but had no core: on a busy machine that part belongs to other programs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

BOUND_MS = 50.0
BLAME_MS = 20.0
SIDE_PX = 4096
STEPS = 24
VIEWS = 9
LIMIT_S = 300.0
CLASSES = ("background", "dark", "middle", "bright")


class Pulse:
    """A timer of 1 ms in the window's thread; keeps how late it came, by phase."""

    def __init__(self, is_blaming: bool) -> None:
        from PySide6.QtCore import QEventLoop, Qt, QTimer

        self.loop = QEventLoop()
        self.gaps_ms: list[float] = []
        self.own_ms: list[float] = []
        self.blamed: Counter[str] = Counter()
        self._condition = None
        self._last = time.perf_counter()
        self._waited_ms = 0.0
        self._schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._timer = QTimer(interval=1)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._is_over = threading.Event()
        self._main = threading.get_ident()
        self._is_blaming = is_blaming

    def run(self, condition) -> list[float]:
        """Run the loop until *condition* holds; every gap in milliseconds."""
        self.gaps_ms, self.own_ms, self._condition = [], [], condition
        self._waited_ms = self._without_core_ms()
        deadline = time.monotonic() + LIMIT_S
        self._deadline = deadline
        watcher = threading.Thread(target=self._watch, daemon=True) if self._is_blaming else None
        self._is_over.clear()
        self._last = time.perf_counter()
        self._timer.start()
        if watcher:
            watcher.start()
        self.loop.exec()
        self._timer.stop()
        self._is_over.set()
        if watcher:
            watcher.join()
        if time.monotonic() > deadline:
            raise TimeoutError("the job did not end")
        return self.gaps_ms

    def _tick(self) -> None:
        now, waited_ms = time.perf_counter(), self._without_core_ms()
        gap_ms = (now - self._last) * 1e3
        self.gaps_ms.append(gap_ms)
        self.own_ms.append(gap_ms - (waited_ms - self._waited_ms))
        self._last, self._waited_ms = now, waited_ms
        if self._condition() or time.monotonic() > self._deadline:
            self.loop.quit()

    def _without_core_ms(self) -> float:
        """How long this thread has been ready to run without running; 0 where the system does not tell."""
        try:
            return int(self._schedule.read_bytes().split()[1]) / 1e6
        except (OSError, IndexError, ValueError):
            return 0.0

    def _watch(self) -> None:
        while not self._is_over.wait(0.005):
            if (time.perf_counter() - self._last) * 1e3 > BLAME_MS:
                frame = sys._current_frames()[self._main]
                lines = [f"{Path(f.filename).stem}:{f.lineno} {f.name}" for f in traceback.extract_stack(frame)]
                self.blamed[" < ".join(reversed(lines[-7:]))] += 1


def make_project(folder: Path, side_px: int) -> None:
    """A project of a photograph that comes with scikit-image, repeated to side_px², and the photograph itself; a part is labelled."""
    import cv2
    import numpy as np
    import skimage.data

    from segstudio.core.classes import ClassTable
    from segstudio.core.edits import Transaction
    from segstudio.core.geometry import Rect
    from segstudio.io.store.project import ProjectStore

    photo = cv2.imread(str(Path(skimage.data.data_dir) / "ihc.png"), cv2.IMREAD_COLOR)
    times = -(-side_px // photo.shape[0])
    files = [folder / "tissue.png", folder / "photo.png"]
    cv2.imwrite(str(files[0]), np.tile(photo, (times, times, 1))[:side_px, :side_px])
    cv2.imwrite(str(files[1]), photo)
    grey = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    with ProjectStore.create(folder / "project", ClassTable.from_names(",".join(CLASSES[1:]))) as store:
        store.add_images(files)
        for record in store.images():
            transaction = Transaction(store.labels_layer(record.id), "Threshold")
            for index, item in enumerate(store.classes):
                mask = (grey // 86) == index
                transaction.write(Rect(0, 0, photo.shape[1], photo.shape[0]), transaction.ensure_stuff(item.id), mask)
            store.commit(transaction.commit())


def make_model(file: Path) -> None:
    """A small U-Net with random parameters, each class as likely as the others: ragged answers are the hardest to store."""
    import subprocess

    code = f"""
import cv2, skimage.data, torch
from pathlib import Path
from segstudio.ml.cards import ModelCard
from segstudio.ml.networks.build import build_network
from segstudio.ml.weights import save_weights
torch.manual_seed(0)
card = ModelCard(id="noise", name="Noise", architecture="unet", encoder="none", classes={CLASSES!r}, window_px=256,
                 overlap_px=32, options={{"width": 4}})
network = build_network("unet", "none", bands=3, classes=4, options=card.options).eval()
photo = torch.from_numpy(cv2.imread(str(Path(skimage.data.data_dir) / "ihc.png"))[..., ::-1].copy())
image = (photo.permute(2, 0, 1)[None] / 255 - torch.tensor(card.mean)[:, None, None]) / torch.tensor(card.std)[:, None, None]
with torch.inference_mode():
    logits = network(image).logits
    spread = logits.std(dim=(0, 2, 3))
    network.head.weight.mul_((3 / spread)[:, None, None, None])
    network.head.bias.mul_(3 / spread).sub_(logits.mean(dim=(0, 2, 3)) * 3 / spread)
save_weights(Path({str(file)!r}), network.state_dict(), card)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@contextmanager
def window_on(project: Path):
    """The real window with the project's first image drawn."""
    from segstudio.gui.main import make_application, open_window

    app = make_application()
    window = open_window([str(project)])
    window.resize(1920, 1080)
    try:
        yield window
    finally:
        window.close()
        window.deleteLater()
        app.processEvents()


def is_drawn(window) -> bool:
    """Whether the image is there and nothing is left to draw."""
    workspace = window.workspace
    return workspace.session.reader is not None and workspace.canvas.is_settled


def walk(window, desk):
    """A condition that looks at another place, and sets an option, whenever the preview is there; true after VIEWS of them."""
    canvas, card = window.workspace.canvas, window.workspace.jobs.refine.card
    places = iter(range(VIEWS))
    canvas.set_view(canvas.view.centred_at(500, 500, 2.0))
    ready_s = time.monotonic() + 1.0

    def is_over() -> bool:
        nonlocal ready_s
        is_there = desk.preview is not None and desk.preview.is_complete and not desk.is_busy
        if not is_there or time.monotonic() < ready_s:
            return False
        place = next(places, None)
        if place is None:
            return True
        ready_s = time.monotonic() + 0.5
        if place % 3 == 2:
            card.form.fields["theta_beta"].setValue(5.0 + place)
        else:
            canvas.set_view(
                canvas.view.centred_at(400 + 300 * (place % 4), 400 + 200 * place, 2.0 if place % 2 else 0.5)
            )
        return False

    return is_over


def measure(
    folder: Path, side_px: int, is_blaming: bool
) -> tuple[dict[str, list[float]], dict[str, float], dict[str, Counter[str]]]:
    """By phase: gaps in milliseconds, the longest without waiting for a core, and who was seen in the long ones."""
    from dataclasses import replace

    make_project(folder, side_px)
    make_model(folder / "noise.safetensors")
    gaps: dict[str, list[float]] = {}
    own: dict[str, float] = {}
    blamed: dict[str, Counter[str]] = {}
    with window_on(folder / "project") as window:
        pulse = Pulse(is_blaming)

        def phase(name: str, condition) -> None:
            pulse.blamed = Counter()
            gaps[name] = pulse.run(condition)
            own[name] = max(pulse.own_ms, default=0.0)
            blamed[name] = pulse.blamed

        def for_seconds(seconds: float):
            end = time.monotonic() + seconds
            return lambda: time.monotonic() > end

        pulse.run(lambda: window.has_workspace and window.workspace.session.is_open)
        pulse.run(lambda: is_drawn(window))
        pulse.run(for_seconds(1.0))
        phase("idle", for_seconds(3.0))
        session, jobs = window.session, window.workspace.jobs
        for item in jobs.models.entries():
            if item.card.id == "noise":
                jobs.models.choose("noise")
        if jobs.models.current_entry() is None or jobs.models.current_entry().card.id != "noise":
            assert jobs.models.use_file(str(folder / "noise.safetensors"))
        window.settings.set("model.device", "cpu")

        def has_proposed() -> bool:
            return not jobs.models.is_proposing and is_drawn(window)

        assert jobs.models.propose([session.image_id])
        phase("proposing", has_proposed)
        pulse.run(for_seconds(1.0))
        assert session.proposals.has_proposal
        assert jobs.models.propose([session.image_id])
        phase("proposing again", has_proposed)
        pulse.run(for_seconds(1.0))

        window.settings.set("refine.method", "refine/crf")
        jobs.refine.open_card()
        desk = jobs.refine.desk
        phase("preview of refining", walk(window, desk))
        assert desk.preview is not None and desk.preview.is_complete
        jobs.refine.card.apply()
        phase("refining all", lambda: not desk.is_applying and is_drawn(window))
        pulse.run(for_seconds(1.0))
        assert session.history.entries()[-1].label.startswith("Refine")

        plan = jobs.training.presenter.plan()
        assert plan is not None, jobs.training.presenter.summary().problem
        plan = replace(
            plan, arch="unet", encoder="", epochs=2, batch=2, patch_px=128, patches_per_image=STEPS, device="cpu", workers=0,
            threads=2, start_from="", has_tensorboard=False, max_minutes=2.0,
        )  # fmt: skip
        assert jobs.training.start(plan)
        steps: set[int] = set()

        def has_trained() -> bool:
            step = jobs.training.presenter.progress.step
            steps.add(0 if step is None else step.step)
            return not jobs.training.is_running

        phase("training", has_trained)
        pulse.run(for_seconds(1.0))
        session.proposals.accept_all()
        phase("accepting all", lambda: is_drawn(window))
        trained = max(steps)
        if trained < 20:
            raise RuntimeError(f"the run made {trained} steps only")
        assert "torch" not in sys.modules
    return gaps, own, blamed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side_px", nargs="?", type=int, default=SIDE_PX)
    parser.add_argument("--blame", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as name:
        for what in ("CONFIG", "DATA", "CACHE"):
            os.environ[f"SEGSTUDIO_{what}_DIR"] = str(Path(name) / what.lower())
        gaps, own, blamed = measure(Path(name), options.side_px, options.blame)
    longest = {phase: max(values, default=0.0) for phase, values in gaps.items()}
    print(
        json.dumps(
            {
                "image_px": options.side_px,
                "longest_gap_ms": {phase: round(value, 1) for phase, value in longest.items()},
                "longest_gap_with_a_core_ms": {phase: round(value, 1) for phase, value in own.items()},
                "gaps_over_bound": {phase: sum(v > BOUND_MS for v in values) for phase, values in gaps.items()},
                "seconds": {phase: round(sum(values) / 1e3, 1) for phase, values in gaps.items()},
                "ratio_to_bound": {phase: round(value / BOUND_MS, 2) for phase, value in longest.items()},
                "ratio_to_bound_with_a_core": {phase: round(value / BOUND_MS, 2) for phase, value in own.items()},
            },
            indent=2,
        )
    )
    if options.blame:
        for phase, found in blamed.items():
            for stack, count in found.most_common(12):
                print(f"{phase}: {count} × {stack}")


if __name__ == "__main__":
    main()
