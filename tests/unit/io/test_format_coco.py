"""``coco``: our round trip, pycocotools as the other reader and writer, files of other tools as they really are."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import CATEGORIES, SQUARE, dataset, objects
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from round_trips import (
    Scene,
    class_table,
    facts_of,
    items_of,
    random_mask,
    read_dataset,
    round_trip,
    scenes,
    write_dataset,
)

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.core.polygons import outlines, rasterise, to_coco
from segstudio.io.formats import coco_in, coco_masks
from segstudio.io.formats.reading import build_layers, opened

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
THEIR_WARNING = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


# ---------------------------------------------------------------- our own round trip


@QUICK
@given(scenes(overlap=True), st.booleans())
def test_what_is_written_is_read(scene, polygons):
    with tempfile.TemporaryDirectory() as folder:
        back = round_trip("coco", [scene], Path(folder), {"polygons": polygons})
        assert back.facts() == facts_of(scene)
        assert back.problems == []
        assert [(c.name, c.color, c.value) for c in back.classes] == [
            (c.name, c.color, c.mask_value) for c in scene.table
        ]


def scene_of(seed: int) -> Scene:
    """64 × 48 pixels with stuff, ignored pixels and five objects, some of which overlap."""
    rng = np.random.default_rng(seed)
    table = class_table(4)
    values = rng.integers(0, 5, (16, 22)).repeat(3, 0).repeat(3, 1)[:48, :64].astype(np.uint16)
    values[rng.random(values.shape) < 0.05] = IGNORE
    builder = LayerBuilder(64, 48, [item.id for item in table])
    builder.add(ClassPixels(0, 0, values))
    for _ in range(5):
        builder.add(FoundObject(0, 0, random_mask(rng, 48, 64), int(rng.integers(4))))
    return Scene(builder.layers, 64, 48, table)


def test_splits_have_files_of_their_own_and_ids_are_not_repeated(tmp_path):
    scene = scene_of(1)
    items = items_of([scene] * 3, tmp_path / "images", ["train", "val", "train"])
    write_dataset("coco", items, scene.table, tmp_path / "out")
    back = read_dataset("coco", tmp_path / "out")
    assert back.splits == {"image0": "train", "image1": "val", "image2": "train"}
    assert all(back.facts(stem) == facts_of(scene) for stem in back.layers)
    rows = [
        json.loads((tmp_path / "out" / "annotations" / f"instances_{split}.json").read_text())
        for split in ("train", "val")
    ]
    ids = [row["id"] for document in rows for row in document["annotations"]]
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert not (tmp_path / "out" / ".parts").exists()


def test_images_written_in_another_order_give_the_same_bytes(tmp_path):
    from segstudio.io.formats.coco import CocoExporter

    scene = scene_of(2)
    items = items_of([scene] * 4, tmp_path / "images")
    written = []
    for name, order in (("one", (0, 1, 2, 3)), ("two", (3, 1, 0, 2))):
        out = tmp_path / name
        out.mkdir()
        exporter = CocoExporter(out, scene.table, {})
        results = {place: exporter.write_image(items[place], NEVER) for place in order}
        # As after a killed export: another object goes on with what lies in the folder.
        exporter = CocoExporter(out, scene.table, {})
        for place, item in enumerate(items):
            exporter.enter(item, json.loads(json.dumps(results[place])))
        exporter.finish([])
        written.append((out / "annotations" / "instances.json").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("polygons", [False, True])
def test_large_images_are_read_in_parts(tmp_path, monkeypatch, polygons):
    scene = scene_of(6)
    write_dataset("coco", items_of([scene], tmp_path / "images"), scene.table, tmp_path / "out", {"polygons": polygons})
    for module in (coco_in, coco_masks):
        monkeypatch.setattr(module, "PART_PIXELS", 48 * 7)
    with opened(tmp_path / "out", "coco") as importer:
        pieces = list(next(iter(importer.images())).open_labels(NEVER))
    assert len(pieces) > 20
    assert max(piece.mask.shape[1] for piece in pieces if isinstance(piece, FoundObject)) == 7
    back = read_dataset("coco", tmp_path / "out")
    assert back.facts() == facts_of(scene)
    assert back.problems == []


def test_a_changed_file_is_told_of(tmp_path):
    from segstudio.io.formats.coco import CocoExporter

    scene = scene_of(3)
    items = items_of([scene], tmp_path / "images")
    out = tmp_path / "out"
    out.mkdir()
    exporter = CocoExporter(out, scene.table, {})
    exporter.write(items[0], NEVER)
    exporter.finish([])
    assert exporter.differs(items[0], NEVER) == ""
    file = out / "annotations" / "instances.json"
    document = json.loads(file.read_text())
    assert document["annotations"]
    document["annotations"].pop()
    file.write_text(json.dumps(document))
    again = CocoExporter(out, scene.table, {})
    assert again.differs(items[0], NEVER) == "a segment is missing"


def test_origin_score_and_unused_classes_come_back(tmp_path):
    path = dataset(
        tmp_path,
        [{"segmentation": [SQUARE], "source": "accepted", "models": ["unet@3"], "score": 0.5, "is_reviewed": True}],
        categories=[*CATEGORIES, {"id": 91, "name": "unused", "color": [1, 2, 255]}],
    )
    with opened(path) as importer:
        assert [(c.name, c.color) for c in importer.classes] == [("cell", ""), ("路面", ""), ("unused", "#0102ff")]
        (layer,) = build_layers(next(iter(importer.images())), [1, 2, 3]).layers
    segment = layer.segments[1]
    assert (segment.source, segment.model_id, segment.confidence, segment.is_reviewed) == (
        "accepted",
        "unet@3",
        0.5,
        True,
    )


# ---------------------------------------------------------------- mask → polygons → mask


@THEIR_WARNING
def test_masks_become_polygons_and_masks_again():
    coco_mask = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(7)
    exact = theirs = without = 0
    for _ in range(800):
        height, width = rng.integers(1, 32, 2).tolist()
        mask = random_mask(rng, height, width)
        outer, holes = outlines(mask)
        filled = np.zeros_like(mask)
        for loop in outer + holes:
            filled ^= rasterise(to_coco([loop]), height, width)
        exact += np.array_equal(filled, mask)
        if not holes and outer:
            without += 1
            runs = coco_mask.merge(
                coco_mask.frPyObjects([[float(v) for v in p] for p in to_coco(outer)], height, width)
            )
            theirs += np.array_equal(coco_mask.decode(runs).astype(bool), mask)
    assert exact == 800
    assert theirs == without > 100


# ---------------------------------------------------------------- pycocotools


def quiet(make: Any, capsys: Any) -> Any:
    made = make()
    capsys.readouterr()
    return made


@THEIR_WARNING
@pytest.mark.parametrize("polygons", [False, True])
def test_pycocotools_reads_what_we_write(tmp_path, capsys, polygons):
    COCO = pytest.importorskip("pycocotools.coco").COCO
    scene = scene_of(4)
    items = items_of([scene], tmp_path / "images")
    write_dataset("coco", items, scene.table, tmp_path / "out", {"polygons": polygons})
    coco = quiet(lambda: COCO(str(tmp_path / "out" / "annotations" / "instances.json")), capsys)
    expected = facts_of(scene)
    seen = []
    stuff: dict[str, np.ndarray] = {}
    for row in coco.loadAnns(coco.getAnnIds(imgIds=[1], iscrowd=None)):
        mask = coco.annToMask(row).astype(bool)
        name = coco.cats[row["category_id"]]["name"]
        assert row["area"] == mask.sum()
        if row["is_object"]:
            seen.append((name, np.packbits(mask).tobytes()))
        else:
            stuff[name] = stuff.get(name, np.zeros_like(mask)) | mask
    assert sorted(seen) == sorted(expected[0].elements())
    assert {name: np.packbits(mask).tobytes() for name, mask in stuff.items()} == expected[1]


@THEIR_WARNING
def test_we_read_what_pycocotools_encodes(tmp_path):
    coco_mask = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    masks = [random_mask(rng, 10, 12) for _ in range(30)]
    masks += [np.ones((10, 12), bool), np.eye(10, 12, dtype=bool)]
    rows = []
    for mask in masks:
        text = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        rows.append({"segmentation": {"size": text["size"], "counts": text["counts"].decode()}})
    found, problems = objects(dataset(tmp_path, rows))
    assert problems == []
    assert all(np.array_equal(a, b) for a, b in zip(found, masks, strict=True))


# ---------------------------------------------------------------- large


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory")
def test_a_hundred_thousand_annotations_are_streamed(tmp_path):
    path = tmp_path / "instances_train.json"
    with path.open("w") as stream:
        stream.write('{"annotations":[')
        for number in range(100_000):
            # Not in the order of the images, and before them.
            row = f'{{"id":{number},"image_id":{number % 2000},"category_id":3,"segmentation":[[2,2,6,2,6,5,2,{5 + number % 3}]]}}'
            stream.write(("," if number else "") + row)
        stream.write('],"categories":[{"id":3,"name":"cell"}],"images":[')
        stream.write(",".join(f'{{"id":{n},"file_name":"{n}.png","width":12,"height":10}}' for n in range(2000)))
        stream.write("]}")
    # The document as Python objects takes some 150 MB.
    script = """
import sys
from pathlib import Path
from segstudio.core.cancel import NEVER
from segstudio.io.formats.coco_in import CocoImporter
from segstudio.io.formats.safety import Limits
def peak_kb():
    # Not getrusage: that begins with the memory of the process that started this one.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak_kb()
importer = CocoImporter(Path(sys.argv[1]), {}, Limits())
pieces = images = 0
for found in importer.images():
    pieces += sum(1 for _ in found.open_labels(NEVER)) if images % 40 == 0 else 0
    images += 1
importer.close()
print(images, pieces, found.name, found.split, peak_kb() - before)
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    *facts, grown_kb = done.stdout.split()
    assert facts == ["2000", str(50 * 50), "1999.png", "train"]
    assert int(grown_kb) < 40_000


def test_classes_of_several_files_are_one_list(tmp_path):
    scene = scene_of(5)
    table = class_table(2)
    assert len(table) == 2
    items = items_of([scene, scene], tmp_path / "images", ["train", "val"])
    write_dataset("coco", items, scene.table, tmp_path / "out")
    file = tmp_path / "out" / "annotations" / "instances_val.json"
    text = json.loads(file.read_text())
    text["categories"].reverse()
    for place, row in enumerate(text["categories"]):
        row["old"], row["id"] = row["id"], 100 + place
    new = {row["old"]: row["id"] for row in text["categories"]}
    for row in text["annotations"]:
        row["category_id"] = new[row["category_id"]]
    file.write_text(json.dumps(text))
    back = read_dataset("coco", tmp_path / "out")
    assert back.facts("image0") == back.facts("image1") == facts_of(scene)
