"""COCO run lengths of 100 objects on 4096², against pycocotools on full-size masks, object by object.

Run ``python tests/benchmarks/bench_coco.py``. The peer gets each object's mask ready-made in the memory order it
wants, or (second figure) makes it from the layer's pixels as an exporter must. The bytes are compared. Also: polygons,
and the palette PNG of the same layer against Pillow's. ``ratio``: peer's time / ours; the aim for COCO is 20 or more.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.polygons import outlines
from segstudio.core.rle import encode_layer
from segstudio.io.formats.index_png import write_index_png

SIDE = 4096
OBJECTS = 100
AIM = 20.0


def scene() -> np.ndarray:
    """(4096, 4096) uint16 ids of 100 ragged blobs."""
    dice = np.random.default_rng(0)
    ids = np.zeros((SIDE, SIDE), np.uint16)
    cell = SIDE // 10
    for index in range(OBJECTS):
        center = ((index % 10) * cell + cell // 2, (index // 10) * cell + cell // 2)
        angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
        radii = dice.uniform(0.25, 0.48) * cell * (1 + 0.15 * np.sin(angles * dice.integers(3, 9)))
        radii += dice.normal(0, 4, angles.size)
        points = np.stack([center[0] + radii * np.cos(angles), center[1] + radii * np.sin(angles)], axis=1)
        cv2.fillPoly(ids, [np.rint(points).astype(np.int32)], index + 1)
    return ids


def layer_of(ids: np.ndarray) -> LabelLayer:
    """The same as a label layer of objects."""
    layer = LabelLayer(1, 1, "labels", "labels", SIDE, SIDE)
    transaction = Transaction(layer, "scene")
    for _ in range(OBJECTS):
        transaction.new_object(1)
    transaction.write(Rect(0, 0, SIDE, SIDE), ids, np.ones(ids.shape, bool))
    transaction.commit()
    return layer


def timed(work, rounds=1):
    """(median seconds, last result)."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def peer_ready(ids: np.ndarray) -> tuple[float, dict[int, bytes]]:
    """Encoding alone: the making of the masks is not counted."""
    total, found = 0.0, {}
    for value in range(1, OBJECTS + 1):
        mask = np.asfortranarray(ids == value).view(np.uint8)
        start = time.perf_counter()
        found[value] = coco_mask.encode(mask)["counts"]
        total += time.perf_counter() - start
    return total, found


def main() -> None:
    """Measure and print."""
    ids = scene()
    layer = layer_of(ids)
    ours_s, ours = timed(lambda: encode_layer(layer), 7)
    ready_s, theirs = peer_ready(ids)
    whole_s, _ = timed(
        lambda: [coco_mask.encode(np.asfortranarray((ids == v).astype(np.uint8))) for v in range(1, OBJECTS + 1)]
    )
    assert {value: mask.counts.encode() for value, mask in ours.items()} == theirs, "the bytes differ"
    polygons_s, _ = timed(lambda: [outlines(layer.read(Rect(*mask.box)) == value) for value, mask in ours.items()])
    small = ids.astype(np.uint8)
    palette = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.png"
        png_s, _ = timed(
            lambda: write_index_png(file, SIDE, SIDE, (small[y : y + 256] for y in range(0, SIDE, 256)), palette), 5
        )
        ours_bytes = file.stat().st_size
        image = Image.fromarray(small)
        image.putpalette(palette.tobytes())
        pillow_s, _ = timed(lambda: image.save(file), 3)
        pillow_bytes = file.stat().st_size
    report = {
        "seconds": {
            "one_pass": round(ours_s, 4),
            "pycocotools_encode_alone": round(ready_s, 3),
            "pycocotools_with_masks": round(whole_s, 3),
            "polygons": round(polygons_s, 3),
            "palette_png": round(png_s, 4),
            "palette_png_pillow": round(pillow_s, 4),
        },
        "ratio": {
            "encode_alone": round(ready_s / ours_s, 1),
            "with_masks": round(whole_s / ours_s, 1),
            "palette_png": round(pillow_s / png_s, 2),
        },
        "aim": AIM,
        "png_bytes": {"ours": ours_bytes, "pillow": pillow_bytes},
        "same_bytes": True,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
