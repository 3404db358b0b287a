"""Opening large images: a PNG without tiles, and a tiled GeoTIFF with and without levels of its own.

Run ``python tests/benchmarks/bench_open.py [--png-side 16384] [--tiff-side 30000] [--png FILE]``; inputs are made in a
temporary folder (``--png`` takes a file that is there). Each figure comes from a process of its own: a window without a
screen opens the image, a clock beside it counts how long the event loop was held up, the peak memory is the kernel's.
Peers in the same run: a program that decodes with cv2 and makes a pixmap of it all, pyvips for decode-and-reduce, and
labelme's way of loading where ``SEGSTUDIO_LABELME_PYTHON`` names a Python that has it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtWidgets import QApplication
app = QApplication([])
from segstudio.core.classes import ClassTable
from segstudio.gui import theme
from segstudio.gui.main_window import MainWindow

def status(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) / 1024

image, folder = Path(sys.argv[1]), Path(sys.argv[2])
theme.theme_manager().apply("light")
window = MainWindow()
window.resize(1600, 1000)
window.show()
session = window.workspace.session
if (folder / "project" / "project.db").exists():
    session.open_project(folder / "project")
    session.select_image(None)
else:
    session.create_project(folder / "project", ClassTable().added("road"))
    session.set_order(())
    store_report = session._store.add_images([image])
    session._read_records()
for _ in range(50):
    app.processEvents()
empty_mb = status("VmRSS")
gap, clock = [0.0], QElapsedTimer()
def beat():
    gap[0] = max(gap[0], clock.restart())
timer = QTimer()
timer.timeout.connect(beat)
timer.start(2)
tiles = window.workspace.canvas._image
began = time.perf_counter()
clock.start()
session.select_image(session.images[0].id)
first = None
while time.perf_counter() - began < 600:
    app.processEvents()
    if first is None and tiles._tiles:
        window.workspace.canvas.grab()
        first = time.perf_counter() - began
    if session.reader_error:
        raise SystemExit(session.reader_error)
    if first is not None and tiles.is_idle and session.reader is not None:
        break
    time.sleep(0.001)
done = time.perf_counter() - began
print(json.dumps({"first_picture_s": first, "view_complete_s": done, "longest_gap_ms": gap[0], "empty_mb": empty_mb,
                  "peak_mb": status("VmHWM"), "after_mb": status("VmRSS")}), flush=True)
window.shut_down()
"""

CV2 = """
import json, sys, time
from PySide6.QtGui import QGuiApplication, QImage, QPixmap
import cv2
app = QGuiApplication([])
began = time.perf_counter()
values = cv2.cvtColor(cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)
decoded = time.perf_counter() - began
image = QImage(values.data, values.shape[1], values.shape[0], values.strides[0], QImage.Format.Format_RGB888)
pixmap = QPixmap.fromImage(image)
peak = next(int(l.split()[1]) / 1024 for l in open("/proc/self/status") if l.startswith("VmHWM"))
print(json.dumps({"first_picture_s": time.perf_counter() - began, "decode_s": decoded, "peak_mb": peak}))
"""

LABELME = """
import json, sys, time
from PyQt5.QtGui import QGuiApplication, QImage, QPixmap
try:
    from labelme._label_file import LabelFile
except ImportError:
    from labelme.label_file import LabelFile
import PIL.Image
PIL.Image.MAX_IMAGE_PIXELS = None
app = QGuiApplication([])
began = time.perf_counter()
pixmap = QPixmap.fromImage(QImage.fromData(LabelFile.load_image_file(sys.argv[1])))
peak = next(int(l.split()[1]) / 1024 for l in open("/proc/self/status") if l.startswith("VmHWM"))
assert not pixmap.isNull()
print(json.dumps({"first_picture_s": time.perf_counter() - began, "peak_mb": peak}))
"""

VIPS = """
import json, sys, time
import pyvips
began = time.perf_counter()
pyvips.Image.thumbnail(sys.argv[1], 1024).numpy()
print(json.dumps({"reduce_s": time.perf_counter() - began}))
"""

REDUCE = """
import json, sys, time
from pathlib import Path
from segstudio.io.readers import streamed
from segstudio.io.readers.registry import probe
path = Path(sys.argv[1])
info = probe(path)
import pyvips
began = time.perf_counter()
streamed.streamed_picture(path, info, 1024)
print(json.dumps({"reduce_s": time.perf_counter() - began}))
"""


def measured(code: str, *arguments: str, python: str = sys.executable, cache: Path | None = None) -> dict[str, float] | None:
    """What *code* prints at its end; None where it fails."""
    env = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "QT_IMAGEIO_MAXALLOC": "0"}
    if cache is not None:
        env |= {f"SEGSTUDIO_{name}_DIR": str(cache) for name in ("CACHE", "CONFIG", "DATA")}
    done = subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True, env=env, timeout=900)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        print(f"not measured: {done.stderr[-800:]}")
        return None


def make_png(path: Path, side: int) -> None:
    """An RGB picture of *side* × *side* that deflate makes about half of."""
    import imagecodecs
    import numpy as np

    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (side // 256, side // 256, 3)).astype(np.uint8)
    values = np.empty((side, side, 3), np.uint8)
    for row in range(side // 256):
        band = np.repeat(np.repeat(coarse[row : row + 1], 256, axis=0), 256, axis=1) // 2
        values[row * 256 : row * 256 + 256] = band + random.integers(0, 16, band.shape, dtype=np.uint8)
    path.write_bytes(imagecodecs.png_encode(values, level=1))


def make_geotiff(path: Path, side: int, *, has_levels: bool) -> None:
    """A tiled, deflated RGB GeoTIFF; its tiles repeat, so that it is written in seconds."""
    import math
    import zlib

    import numpy as np
    import tifffile

    random = np.random.default_rng(0)
    base = [random.integers(0, 200, 3) + random.integers(0, 40, (256, 256, 3)) for _ in range(16)]
    packed = [zlib.compress(tile.astype(np.uint8).tobytes(), 1) for tile in base]
    tags = [(33550, 12, 3, (0.5, 0.5, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 4e5, 5e6, 0.0), True), (34735, 3, 12, (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633), True)]
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        level = 0
        while level == 0 or (has_levels and math.ceil(side / 2 ** (level - 1)) > 512):
            size = math.ceil(side / 2**level)
            count = math.ceil(size / 256) ** 2
            tiles = (packed[(index * 7 + index // 50) % 16] for index in range(count))
            file.write(tiles, shape=(size, size, 3), dtype=np.uint8, tile=(256, 256), compression="zlib", photometric="rgb", subfiletype=1 if level else 0, metadata=None, extratags=tags if level == 0 else ())
            level += 1


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Two digits after the point."""
    return {name: round(value, 2) for name, value in figures.items()}


def png_figures(folder: Path, png: Path) -> None:
    """Open *png* twice, beside the peers."""
    from segstudio.io.readers.registry import probe

    info = probe(png)
    decoded_mb = info.width * info.height * info.bands / (1 << 20)
    found = {
        "first opening": measured(OURS, str(png), str(folder), cache=folder),
        "second opening": measured(OURS, str(png), str(folder), cache=folder),
        "cv2 and a pixmap of it all": measured(CV2, str(png)),
        "pyvips to 1024 px": measured(VIPS, str(png)),
        "decode and reduce": measured(REDUCE, str(png), cache=folder / "none"),
    }
    labelme = os.environ.get("SEGSTUDIO_LABELME_PYTHON", "")
    if labelme:
        found["labelme's loading"] = measured(LABELME, str(png), python=labelme)
    else:
        print("labelme: not measured; name a Python that has it in SEGSTUDIO_LABELME_PYTHON")
    found = {name: figures for name, figures in found.items() if figures}
    ratio: dict[str, float] = {}
    first, reduce = found.get("first opening"), found.get("decode and reduce")
    if first:
        ratio["peak memory / decoded image"] = first["peak_mb"] / decoded_mb
        for peer in ("labelme's loading", "cv2 and a pixmap of it all"):
            if peer in found:
                ratio[f"first picture / {peer}"] = first["first_picture_s"] / found[peer]["first_picture_s"]
    if reduce and "pyvips to 1024 px" in found:
        ratio["decode and reduce / pyvips"] = reduce["reduce_s"] / found["pyvips to 1024 px"]["reduce_s"]
    target = {"peak memory / decoded image": 1.5, "first picture / labelme's loading": 0.5, "decode and reduce / pyvips": 1.2, "second opening, first_picture_s": 1.0}
    print(json.dumps({"png": f"{info.width}x{info.height}", "file_mb": round(png.stat().st_size / 1e6), "figures": {name: rounded(figures) for name, figures in found.items()}, "ratio": rounded(ratio), "target": target}, indent=2), flush=True)


def tiff_figures(folder: Path, side: int) -> None:
    """Open a GeoTIFF with levels, and one without."""
    found = {}
    for name, has_levels in (("with levels", True), ("without levels", False)):
        path = folder / f"{has_levels}.tif"
        make_geotiff(path, side, has_levels=has_levels)
        place = folder / name.replace(" ", "-")
        place.mkdir()
        figures = measured(OURS, str(path), str(place), cache=place)
        if figures:
            figures["peak_above_empty_mb"] = figures["peak_mb"] - figures["empty_mb"]
            found[name] = rounded(figures)
        path.unlink()
    target = {"first_picture_s": 1.0, "peak_above_empty_mb": 500}
    print(json.dumps({"geotiff": f"{side}x{side}", "figures": found, "target": target}, indent=2), flush=True)


def main() -> None:
    """Make the inputs, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--png-side", type=int, default=16_384, help="0 leaves the PNG out")
    parser.add_argument("--tiff-side", type=int, default=30_000, help="0 leaves the GeoTIFF out")
    parser.add_argument("--png", type=Path, help="a PNG that is there, in place of a made one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if chosen.tiff_side:
            tiff_figures(folder, chosen.tiff_side)
        if chosen.png_side or chosen.png:
            png = chosen.png or folder / "large.png"
            if chosen.png is None:
                began = time.perf_counter()
                make_png(png, chosen.png_side // 256 * 256)
                print(f"made the PNG in {time.perf_counter() - began:.0f} s", flush=True)
            png_figures(folder, png)


if __name__ == "__main__":
    main()
