"""Exports of one labelled image of 30 000 × 30 000 pixels, each in a process of its own: time, and peak memory.

Run ``python tests/benchmarks/bench_export_large.py [SIDE] [FORMAT …]``. Every tile holds several classes and ragged edges, so none is
stored as one value; writing, reading back and comparing are all part of it. The bound of ``geotiff`` and ``masks`` is 600 MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDE = 30_000
BOUND_MB = 600.0
FORMATS = ("geotiff", "masks")
CLASSES = "field,water,road,house"
UTM = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
PLACE = [
    (33550, 12, 3, (0.5, 0.5, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 442000.0, 5.412e6, 0.0), True),
    (34735, 3, len(UTM), UTM, True),
]
CHILD = """
import json, sys, time
from pathlib import Path
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import export_project
from segstudio.io.store.project import ProjectStore

def peak_mb():
    rows = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    return int(rows["VmHWM"].split()[0]) / 1024

folder, name, out = sys.argv[1:]
with ProjectStore.open(Path(folder), read_only=True) as store:
    before = peak_mb()
    start = time.perf_counter()
    report = export_project(store, ExportPlan(name, Path(out)))
    print(json.dumps({"seconds": time.perf_counter() - start, "before": before, "peak": peak_mb(), "images": report.images}))
"""


def make_project(folder: Path, side: int) -> None:
    """A project of one GeoTIFF, sparse but for its first tile, labelled all over."""
    import numpy as np
    import tifffile

    from segstudio.core.classes import IGNORE, ClassTable
    from segstudio.core.edits import Transaction
    from segstudio.core.geometry import TILE, Rect
    from segstudio.io.store.project import ProjectStore

    image = folder / "large.tif"
    across = -(-side // 512)
    tile = np.full((512, 512), 90, np.uint8)
    tifffile.imwrite(
        image, (tile for _ in range(across * across)), shape=(side, side), dtype=np.uint8, tile=(512, 512),
        compression="zlib", photometric="minisblack", bigtiff=True, extratags=PLACE, metadata=None,
    )  # fmt: skip
    rng = np.random.default_rng(7)
    with ProjectStore.create(folder / "project", ClassTable.from_names(CLASSES)) as store:
        (record,) = store.add_images([image]).added
        layer = store.labels_layer(record.id)
        for y in range(0, side, TILE):
            work = Transaction(layer, "label")
            stuff = [work.ensure_stuff(item.id) for item in store.classes]
            kinds = np.array([0, *stuff, IGNORE], np.uint16)
            height = min(TILE, side - y)
            blocks = kinds[rng.integers(0, len(kinds), (-(-height // 24), -(-side // 40)))]
            rows = blocks.repeat(24, 0).repeat(40, 1)[:height, :side]
            rows[rng.random(rows.shape, np.float32) < 0.01] = 0
            work.write(Rect(0, y, side, height), rows)
            store.commit(work.commit())


def main() -> int:
    """Measure and print; 0 when the bound is held."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else SIDE
    formats = sys.argv[2:] or FORMATS
    held = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        start = time.perf_counter()
        make_project(folder, side)
        print(f"a project of {side:,} × {side:,} pixels made in {time.perf_counter() - start:.0f} s", flush=True)
        for name in formats:
            child = subprocess.run(
                [sys.executable, "-c", CHILD, str(folder / "project"), name, str(folder / name)],
                capture_output=True, text=True,
            )  # fmt: skip
            if child.returncode:
                print(child.stderr[-2000:])
                return 1
            found = json.loads(child.stdout)
            size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file()) / 1e6
            is_held = found["peak"] <= BOUND_MB
            held &= is_held
            print(
                f"{name:8} {found['seconds']:6.1f} s, {side * side / 1e6 / found['seconds']:.0f} Mpx/s, {size:.1f} MB written; "
                f"peak {found['peak']:.0f} MB ({found['before']:.0f} before), bound {BOUND_MB:.0f} MB: "
                f"{'held' if is_held else 'NOT HELD'}",
                flush=True,
            )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
