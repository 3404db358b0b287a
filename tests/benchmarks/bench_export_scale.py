"""Exports at scale: VOC against PIL writing the same masks alone, and the memory of 1 000 and of 10 000 images.

python -m tests.benchmarks export_scale            # all; --quick: a tenth of the images
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.base import ExportItem, ExportPlan
from segstudio.io.formats.writing import Work, export_items

CLASSES = 11
VARIANTS = 8


def street(width: int, height: int, seed: int, objects: int) -> tuple[list, np.ndarray, np.ndarray]:
    """Label layers like a street scene's: bands of stuff with ragged edges, and boxes of objects; the masks VOC has of them."""
    rng = np.random.default_rng(seed)
    rows = np.arange(height)[:, None] + np.cumsum(rng.normal(0, 1.0, width))[None, :]
    stuff = (np.clip(rows / height * CLASSES, 0, CLASSES - 1)).astype(np.uint16) + 1
    stuff[:4] = 65535
    table = class_table()
    builder = LayerBuilder(width, height, [item.id for item in table])
    pieces, numbers = [], np.zeros((height, width), np.uint8)
    for number in range(objects):
        h, w = int(rng.integers(12, height // 5)), int(rng.integers(12, width // 8))
        y, x = int(rng.integers(0, height - h)), int(rng.integers(0, width - w))
        mask = np.ones((h, w), bool)
        mask[rng.random((h, w)) < 0.02] = False
        mask &= numbers[y : y + h, x : x + w] == 0
        if not mask.any():
            continue
        numbers[y : y + h, x : x + w][mask] = number + 1
        stuff[y : y + h, x : x + w][mask] = 0
        pieces.append(FoundObject(x, y, mask, number % CLASSES, key=number))
    builder.add(ClassPixels(0, 0, stuff))
    layers = builder.add_all(pieces).layers
    classes = layers[0].read_classes(layers[0].bounds)
    return layers, np.where(classes == 65535, 255, classes).astype(np.uint8), numbers


def class_table() -> ClassTable:
    table = ClassTable()
    for number in range(CLASSES):
        table = table.added(f"class {number}")
    return table


def scenes(folder: Path, count: int, width: int, height: int, objects: int) -> tuple[list[ExportItem], list]:
    """*count* items of a few different scenes; the JPEG of each is made once."""
    folder.mkdir(parents=True, exist_ok=True)
    variants = []
    for seed in range(VARIANTS):
        layers, classes, numbers = street(width, height, seed, objects)
        file = folder / f"{seed}.jpg"
        noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
        Image.fromarray(noise).resize((width, height)).save(file, quality=90)
        variants.append((layers, classes, numbers, file))
    items = []
    for number in range(count):
        layers, _, _, file = variants[number % VARIANTS]
        stem = f"scene_{number:06d}"
        items.append(
            ExportItem(number + 1, stem, f"{stem}.jpg", file, width, height, None, lambda kept=layers: list(kept))
        )
    return items, variants


def voc(count: int, width: int, height: int) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as scratch:
        items, variants = scenes(Path(scratch) / "images", count, width, height, 20)
        peer = Path(scratch) / "peer"
        peer.mkdir()
        palette = bytes(range(256)) * 3

        def save(number: int) -> None:
            _, classes, numbers, _ = variants[number % VARIANTS]
            for name, values in (("class", classes), ("object", numbers)):
                image = Image.fromarray(values)
                image.putpalette(palette)
                image.save(peer / f"{number}_{name}.png", compress_level=1)

        def peer_rate() -> tuple[float, float]:
            began, cpu = time.perf_counter(), time.process_time()
            with ThreadPoolExecutor(cores) as pool:
                list(pool.map(save, range(count)))
            return count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1e3

        # Libraries are imported by a first small export, PIL's by the scenes.
        export_items(Work(items[:4], class_table()), ExportPlan("voc", Path(scratch) / "warm"))
        first = peer_rate()
        marks: dict[str, float] = {}
        began, cpu = time.perf_counter(), time.process_time()

        def mark(done: float, total: float, what: str) -> None:
            if what.startswith("Writing"):
                marks["wall"], marks["cpu"] = time.perf_counter() - began, time.process_time() - cpu

        export_items(Work(items, class_table()), ExportPlan("voc", Path(scratch) / "out"), mark)
        whole = time.perf_counter() - began
        second = peer_rate()
        pil, pil_ms = ((one + other) / 2 for one, other in zip(first, second, strict=True))
        ours, ours_ms = count / marks["wall"], marks["cpu"] / count * 1e3
        print(f"{count} images of {width} × {height}, 20 objects, {cores} cores")
        print(f"PIL, compression 1, two masks an image, nothing else   {pil:7.1f} images/s")
        print(
            f"VOC export, written (images, masks, labels read)       {ours:7.1f} images/s   × {ours / pil:.2f} (≥ 0.8)"
        )
        # On a machine that others use, too, this says more than the clock.
        print(f"processor time an image: PIL {pil_ms:.1f} ms, ours {ours_ms:.1f} ms   × {pil_ms / ours_ms:.2f}")
        print(
            f"VOC export, read back and compared, too                {count / whole:7.1f} images/s   × {count / whole / pil:.2f}"
        )


def memory(count: int) -> float:
    """Peak memory of exporting *count* images in a fresh process, MB."""
    done = subprocess.run([sys.executable, __file__, "--child", str(count)], capture_output=True, text=True, check=True)
    peak, seconds = (float(value) for value in done.stdout.split()[-2:])
    print(f"{count:6d} images: peak {peak:7.1f} MB, {seconds:6.1f} s, {count / seconds:6.1f} images/s (voc, read back)")
    return peak


def child(count: int) -> None:
    import resource

    with tempfile.TemporaryDirectory() as scratch:
        items, _ = scenes(Path(scratch) / "images", count, 160, 120, 10)
        began = time.perf_counter()
        export_items(Work(items, class_table()), ExportPlan("voc", Path(scratch) / "out"))
        seconds = time.perf_counter() - began
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child)
        return
    part = 10 if args.quick else 1
    voc(400 // part, 1024, 768)
    small, large = memory(1000 // part), memory(10_000 // part)
    print(f"10 × the images take {large - small:+.0f} MB")


if __name__ == "__main__":
    main()
