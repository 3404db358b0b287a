"""Memory over 1 000 image switches: what the process holds after the first 100, and at the end.

Run ``python tests/benchmarks/bench_switch.py``. Labels are painted on some images, as in a day's work.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "gui"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
from big_stage import figures, line
from canvas_stage import Stage, gradient

SWITCHES = 1000
IMAGES = 25
SIDE = 640


def resident_mb() -> float:
    """Memory of this process that is in RAM."""
    gc.collect()
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> int:
    """Measure and print; 0 when the target is held."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    times, after = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage = Stage(folder, gradient(SIDE, SIDE), (1280, 800))
        for index in range(1, IMAGES):
            file = folder / f"more{index}.png"
            cv2.imwrite(str(file), gradient(SIDE, SIDE) // (1 + index % 3))
            stage.session.add_images([file])
        ids = [record.id for record in stage.session.images]
        for switch in range(SWITCHES + 1):
            start = time.perf_counter()
            stage.session.select_image(ids[switch % IMAGES])
            stage.settled()
            times.append((time.perf_counter() - start) * 1e3)
            if switch % 4 == 0:
                y = 50 + switch % 500
                stage.stroke([(100, y), (300, y + 20), (500, y)])
                app.processEvents()
            if switch and switch % 100 == 0:
                after[switch] = resident_mb()
        stage.close()
    print("MB after switches: " + ", ".join(f"{count}: {value:.1f}" for count, value in after.items()))
    growth = 100 * (after[SWITCHES] / after[100] - 1)
    is_held = line("growth from the 100th to the 1 000th switch", growth, 5.0, "%")
    print(
        f"a switch to its settled picture: median {figures(times)['median']:.1f} ms, 99 % {figures(times)['p99']:.1f} ms"
    )
    return 0 if is_held else 1


if __name__ == "__main__":
    raise SystemExit(main())
