"""COCO datasets out and in, 1 000 images × 50 objects of 1024², against straightforward scripts with pycocotools.

Run ``python tests/benchmarks/bench_coco_format.py [--images N]``. Ours writes label layers (images copied, annotations, one
JSON file) and builds label layers from the file; the peer has each image's ids ready as an array, encodes object by object
with ``pycocotools.mask`` and paints ``COCO.annToMask`` into an array. ``peer_at_its_best`` turns the array into the memory
order that pycocotools wants once an image, not once an object. One thread each; wall and processor seconds. Both files must say
the same. Aims: ratio 5 out, 3 in. Also: memory of reading 100 000 annotations, and how many of 10 000 random masks come back
from polygons as they were, by our rule and by pycocotools'.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from round_trips import class_table, random_mask

from segstudio.core.cancel import NEVER
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.polygons import outlines, rasterise, to_coco
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.coco import CocoExporter
from segstudio.io.formats.reading import build_layers, opened

SIDE, OBJECTS, SCENES = 1024, 50, 20
AIMS = {"export": 5.0, "import": 3.0}


def scene(seed: int) -> np.ndarray:
    """(1024, 1024) uint16 ids of 50 ragged blobs, some in part under others."""
    dice = np.random.default_rng(seed)
    ids = np.zeros((SIDE, SIDE), np.uint16)
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    for number in range(1, OBJECTS + 1):
        center = dice.integers(60, SIDE - 60, 2)
        radii = dice.uniform(25, 70) * (1 + 0.15 * np.sin(angles * dice.integers(3, 9))) + dice.normal(
            0, 1.5, angles.size
        )
        points = np.stack([center[0] + radii * np.cos(angles), center[1] + radii * np.sin(angles)], axis=1)
        cv2.fillPoly(ids, [np.rint(points).astype(np.int32)], number)
    return ids


def layer_of(ids: np.ndarray) -> LabelLayer:
    """The same as a label layer of objects of four classes."""
    layer = LabelLayer(1, 1, "Labels", "labels", SIDE, SIDE)
    transaction = Transaction(layer, "scene")
    for number in range(OBJECTS):
        transaction.new_object(1 + number % 4)
    transaction.write(Rect(0, 0, SIDE, SIDE), ids, ids > 0)
    transaction.commit()
    return layer


class Clock:
    """Wall and processor seconds of named works."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}

    def run(self, name: str, work):
        """Run *work*; what it gives."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.seconds[name] = {
            "wall": round(time.perf_counter() - wall, 2),
            "processor": round(time.process_time() - cpu, 2),
        }
        return result

    def ratio(self, peer: str, ours: str) -> dict[str, float]:
        """Peer's time / ours."""
        return {kind: round(self.seconds[peer][kind] / self.seconds[ours][kind], 1) for kind in ("wall", "processor")}


def write_ours(folder: Path, items: list[ExportItem]) -> None:
    """As an export does."""
    folder.mkdir()
    exporter = CocoExporter(folder, class_table(4), {"polygons": False, "stuff": True})
    for item in items:
        exporter.write(item, NEVER)
    exporter.finish([])


def write_peer(folder: Path, items: list[ExportItem], scenes: list[np.ndarray], *, at_its_best: bool) -> None:
    """As scripts do."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    images, annotations = [], []
    for item in items:
        shutil.copyfile(item.image_file, folder / "images" / f"{item.stem}.png")
        images.append({"id": item.number, "file_name": f"{item.stem}.png", "width": SIDE, "height": SIDE})
        ids = scenes[item.number % SCENES]
        if at_its_best:
            ids = np.asfortranarray(ids)
        for value in np.unique(ids):
            if value == 0:
                continue
            inside = ids == value
            runs = coco_mask.encode(
                inside.view(np.uint8) if at_its_best else np.asfortranarray(inside.astype(np.uint8))
            )
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": item.number,
                    "category_id": 1 + (int(value) - 1) % 4,
                    "segmentation": {"size": runs["size"], "counts": runs["counts"].decode("ascii")},
                    "area": float(coco_mask.area(runs)),
                    "bbox": coco_mask.toBbox(runs).tolist(),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": index, "name": item.name} for index, item in enumerate(class_table(4), start=1)]
    with (folder / "annotations" / "instances.json").open("w") as stream:
        json.dump({"images": images, "annotations": annotations, "categories": categories}, stream)


def read_ours(folder: Path) -> int:
    """Label layers of every image; their objects."""
    count = 0
    with opened(folder, "coco") as importer:
        for found in importer.images():
            count += sum(len(layer.segments) for layer in build_layers(found, range(1, 5)).layers)
    return count


def read_peer(folder: Path) -> int:
    """An array of ids of every image; their objects."""
    with redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "annotations" / "instances.json"))
    count = 0
    for image_id in coco.getImgIds():
        ids = np.zeros((SIDE, SIDE), np.uint16)
        for number, row in enumerate(coco.loadAnns(coco.getAnnIds(imgIds=image_id)), start=1):
            ids[coco.annToMask(row) > 0] = number
            count += 1
    return count


def same_content(ours: Path, peer: Path) -> bool:
    """Whether the two files hold the same annotations."""
    rows = []
    for folder in (ours, peer):
        document = json.loads((folder / "annotations" / "instances.json").read_text())
        keys = ("image_id", "category_id", "segmentation", "area", "bbox")
        rows.append([[row[key] for key in keys] for row in document["annotations"]])
    return rows[0] == rows[1]


def exact_polygons(count: int) -> dict[str, int]:
    """Of *count* random masks up to 48²: those that come back from their outlines; of those without holes, pycocotools' too."""
    rng = np.random.default_rng(11)
    exact = without_holes = theirs = 0
    for _ in range(count):
        height, width = rng.integers(1, 49, 2).tolist()
        mask = random_mask(rng, height, width)
        outer, holes = outlines(mask)
        filled = np.zeros_like(mask)
        for loop in to_coco(outer + holes):
            filled ^= rasterise([loop], height, width)
        exact += bool(np.array_equal(filled, mask))
        if outer and not holes:
            without_holes += 1
            runs = coco_mask.frPyObjects([[float(value) for value in loop] for loop in to_coco(outer)], height, width)
            theirs += bool(np.array_equal(coco_mask.decode(coco_mask.merge(runs)) > 0, mask))
    return {"masks": count, "exact": exact, "without_holes": without_holes, "exact_by_pycocotools": theirs}


_GROWTH = """
import sys
from pathlib import Path
from segstudio.core.cancel import NEVER
from segstudio.io.formats.coco_in import CocoImporter
from segstudio.io.formats.safety import Limits
def peak_kb():
    # Not getrusage: that begins with the memory of the process that started this one.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak_kb()
if sys.argv[2] == "ours":
    importer = CocoImporter(Path(sys.argv[1]), {}, Limits())
    for found in importer.images():
        for piece in found.open_labels(NEVER):
            pass
    importer.close()
else:
    import json
    document = json.loads(Path(sys.argv[1]).read_text())
print(peak_kb() - before)
"""


def growth_mb(file: Path, who: str) -> float:
    """What reading *file* adds to the memory of a fresh process."""
    done = subprocess.run([sys.executable, "-c", _GROWTH, str(file), who], capture_output=True, text=True, check=True)
    return round(int(done.stdout) / 1024, 1)


def many_annotations(file: Path, like: Path) -> int:
    """A file of 100 000 annotations of 2 000 images, made of those in *like*; its bytes."""
    rows = json.loads(like.read_text())["annotations"]
    for number in range(100_000):
        rows[number % len(rows)] |= {"id": number, "image_id": number // OBJECTS}
        with file.open("a" if number else "w") as stream:
            stream.write(("," if number else '{"annotations":[') + json.dumps(rows[number % len(rows)]))
    with file.open("a") as stream:
        images = [{"id": n, "file_name": f"{n}.png", "width": SIDE, "height": SIDE} for n in range(2000)]
        stream.write('],"categories":[{"id":1,"name":"a"}],"images":' + json.dumps(images) + "}")
    return file.stat().st_size


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200, help="1000 is what the aims are for")
    parser.add_argument("--masks", type=int, default=10_000)
    arguments = parser.parse_args()
    scenes = [scene(seed) for seed in range(SCENES)]
    layers = [layer_of(ids) for ids in scenes]
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        picture = folder / "picture.png"
        cv2.imwrite(
            str(picture),
            cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8), (0, 0), 9),
        )
        items = [
            ExportItem(n, f"image{n}", f"image{n}.png", picture, SIDE, SIDE, None, lambda n=n: [layers[n % SCENES]])
            for n in range(1, arguments.images + 1)
        ]
        clock.run("ours_export", lambda: write_ours(folder / "ours", items))
        clock.run("peer_export", lambda: write_peer(folder / "peer", items, scenes, at_its_best=False))
        clock.run("peer_export_at_its_best", lambda: write_peer(folder / "best", items, scenes, at_its_best=True))
        same = same_content(folder / "ours", folder / "peer")
        counts = (
            clock.run("ours_import", lambda: read_ours(folder / "ours")),
            clock.run("peer_import", lambda: read_peer(folder / "ours")),
        )
        many = folder / "instances_many.json"
        size = many_annotations(many, folder / "ours" / "annotations" / "instances.json")
        memory = {who: growth_mb(many, who) for who in ("ours", "json.loads")}
    report = {
        "images": arguments.images,
        "annotations": counts[0],
        "seconds": clock.seconds,
        "ratio": {
            "export": clock.ratio("peer_export", "ours_export"),
            "export_peer_at_its_best": clock.ratio("peer_export_at_its_best", "ours_export"),
            "import": clock.ratio("peer_import", "ours_import"),
        },
        "aims": AIMS,
        "same_annotations": same and counts[0] == counts[1],
        "reading_100000_annotations": {"file_mb": round(size / 1e6, 1), "memory_added_mb": memory},
        "polygons": exact_polygons(arguments.masks),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
