"""Start to first window: segstudio, a bare PySide6 window, and napari where it is at hand.

Run ``python tests/benchmarks/bench_start.py [rounds]``. Each start is a process of its own, taken in turns; the clock runs from
before the interpreter starts until the window has painted its first frame; segstudio's start page, with its menus, is timed as well. ``SEGSTUDIO_NAPARI_PYTHON`` names a Python
that has napari. Prints medians and ratios; targets: at most 1.5 × bare, at most 0.8 × napari.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7
BOUNDS = {"bare": 1.5, "napari": 0.8}

BARE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

class Window(QMainWindow):
    is_painted = False

    def paintEvent(self, event):
        super().paintEvent(event)
        if not self.is_painted:
            self.is_painted = True
            QTimer.singleShot(0, done)

def done():
    print("first frame", sorted({"torch"} & set(sys.modules)), flush=True)
    app.exit(0)

app = QApplication([])
window = Window()
window.resize(1600, 1000)
window.show()
app.exec()
"""

SEGSTUDIO = """
import sys
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
import segstudio.gui.main_window as module

class Watch(QObject):
    is_painted = False

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and not self.is_painted:
            self.is_painted = True
            QTimer.singleShot(0, lambda: say("start page"))
        return False

def say(what):
    print(what, sorted({"torch"} & set(sys.modules)), flush=True)
    said.add(what)
    if len(said) == 3:
        QApplication.exit(0)

class Window(module.MainWindow):
    def __init__(self, *arguments, **more):
        self.watch = Watch()
        super().__init__(*arguments, **more)
        self.watch_page()

    def paintEvent(self, event):
        if not said:
            said.add("painted")
            QTimer.singleShot(0, lambda: say("first frame"))
        super().paintEvent(event)

    def fill(self, *arguments, **more):
        super().fill(*arguments, **more)
        self.watch_page()

    def watch_page(self):
        if hasattr(self, "start_page"):
            self.start_page.installEventFilter(self.watch)

said = set()
module.MainWindow = Window
from segstudio.cli.main import main
main([])
"""

NAPARI = """
import sys
import napari
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

class Watch(QObject):
    is_painted = False

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and not self.is_painted:
            self.is_painted = True
            QTimer.singleShot(0, done)
        return False

def done():
    print("first frame", sorted({"torch"} & set(sys.modules)), flush=True)
    QApplication.exit(0)

viewer = napari.Viewer(show=False)
watch = Watch()
window = viewer.window._qt_window
window.installEventFilter(watch)
viewer.show()
QApplication.instance().exec()
"""


def seconds_to_frames(python: str, code: str, env: dict[str, str]) -> dict[str, float]:
    """Wall time from before the start of the process to each line that it prints about a frame."""
    began = time.perf_counter()
    process = subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    taken: dict[str, float] = {}
    try:
        for line in process.stdout:
            what, _, loaded = line.partition(" [")
            taken[what] = time.perf_counter() - began
            if code is SEGSTUDIO and "torch" in loaded:
                raise RuntimeError("torch was imported before the window stood")
        _, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if "first frame" not in taken:
        raise RuntimeError(f"no window came: {errors[-2000:]}")
    return taken


def measure(rounds: int) -> dict[str, float]:
    """Medians in seconds. The first round of each warms the disk cache and does not count."""
    candidates = {"bare": (sys.executable, BARE), "segstudio": (sys.executable, SEGSTUDIO)}
    napari_python = os.environ.get("SEGSTUDIO_NAPARI_PYTHON", "")
    if napari_python:
        candidates["napari"] = (napari_python, NAPARI)
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        env = {
            "QT_QPA_PLATFORM": "offscreen",
            **os.environ,
            "SEGSTUDIO_CONFIG_DIR": folder,
            "SEGSTUDIO_DATA_DIR": folder,
        }
        for number in range(rounds + 1):
            for name, (python, code) in candidates.items():
                seconds = seconds_to_frames(python, code, env)
                if number:
                    for what, value in seconds.items():
                        taken.setdefault(name if what == "first frame" else f"{name}, {what}", []).append(value)
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    """Measure and print."""
    medians = measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    ratios = {
        f"{mine} / {name}": round(medians[mine] / medians[name], 2)
        for mine in ("segstudio", "segstudio, start page")
        for name in BOUNDS
        if name in medians
    }
    print(
        json.dumps(
            {
                "median_s": {name: round(value, 3) for name, value in medians.items()},
                "ratio": ratios,
                "target": {f"segstudio / {name}": bound for name, bound in BOUNDS.items()},
            },
            indent=2,
        )
    )
    if "napari" not in medians:
        print("napari: not measured; name a Python that has it in SEGSTUDIO_NAPARI_PYTHON")


if __name__ == "__main__":
    main()
