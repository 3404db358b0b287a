"""``coco``: our round trip, pycocotools as the other reader and writer, files of other tools as they really are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
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

from segstudio.core.cancel import NEVER, CancelToken
from segstudio.core.classes import IGNORE
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.core.polygons import outlines, rasterise, to_coco
from segstudio.core.rle import encode_mask
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.safety import Limits

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
THEIR_WARNING = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
CATEGORIES = [{"id": 3, "name": "cell"}, {"id": 90, "name": "路面", "isthing": 0}]
SQUARE = [2, 2, 6, 2, 6, 5, 2, 5]


def dataset(folder: Path, annotations: list[Any], *, images: Any = None, categories: Any = None, **more: Any) -> Path:
    """A dataset of one image a.png (12 × 10) unless others are given; the JSON file."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(folder / "images" / "a.png")
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 12, "height": 10}] if images is None else images,
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 3, "iscrowd": 0, **row} for n, row in enumerate(annotations, 1)
        ],
        "categories": CATEGORIES if categories is None else categories,
        **more,
    }
    path = folder / "annotations" / "instances.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def objects(path: Path, options: dict[str, Any] | None = None) -> tuple[list[np.ndarray], list[str]]:
    """(masks of all objects of the first image, in the order of the file; sentences of the problems)."""
    with opened(path, "coco", options) as importer:
        found = next(iter(importer.images()))
        masks = []
        for piece in found.open_labels(NEVER):
            full = np.zeros((found.height, found.width), bool)
            full[piece.y : piece.y + piece.mask.shape[0], piece.x : piece.x + piece.mask.shape[1]] = piece.mask
            masks.append(full)
        return masks, [problem.sentence for problem in importer.problems]


def square() -> np.ndarray:
    mask = np.zeros((10, 12), bool)
    mask[2:5, 2:6] = True
    return mask


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


# ---------------------------------------------------------------- as other tools write


def counts_of(mask: np.ndarray) -> list[int]:
    flat = np.concatenate([[0], mask.T.ravel().astype(int), [2]])
    edges = np.flatnonzero(np.diff(flat))
    runs = np.diff(np.concatenate([[0], edges])).tolist()
    return runs if not mask.T.ravel()[0] else [0, *runs]


RLE = {"size": [10, 12], "counts": encode_mask(square()).counts}


@pytest.mark.parametrize(
    "segmentation",
    [
        [SQUARE],
        SQUARE,
        [[2, 2], [6, 2], [6, 5], [2, 5]],
        [[[2, 2], [6, 2], [6, 5], [2, 5]]],
        [[str(value) for value in SQUARE]],
        [[2.0, 2.0, 6.0, 2.0, 6.0, 5.0, 2.0, 5.0, 2.0, 2.0]],
        [[2, 2, 4, 2, 4, 5, 2, 5], [4, 2, 6, 2, 6, 5, 4, 5]],
        RLE,
        {"size": ["10", 12.0], "counts": RLE["counts"]},
        {"size": [10, 12], "counts": counts_of(square())},
        {"size": [10, 12], "counts": [float(count) for count in counts_of(square())]},
    ],
)
def test_ways_to_write_a_segmentation(tmp_path, segmentation):
    masks, problems = objects(dataset(tmp_path, [{"segmentation": segmentation}]))
    assert problems == []
    assert len(masks) == 1
    assert np.array_equal(masks[0], square())


def test_holes_in_run_lengths_stay_and_polygons_are_united(tmp_path):
    ring = square()
    ring[3, 3] = False
    overlapping = [[0, 0, 4, 0, 4, 4, 0, 4], [2, 2, 6, 2, 6, 6, 2, 6]]
    masks, _ = objects(
        dataset(
            tmp_path, [{"segmentation": {"size": [10, 12], "counts": counts_of(ring)}}, {"segmentation": overlapping}]
        )
    )
    assert np.array_equal(masks[0], ring)
    assert masks[1].sum() == 16 + 16 - 4


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([[1, 1, 5, 5]], "fewer than three points"),
        ([[1, 1, 5, 5, 6]], "x that has no y"),
        ([[1, 1, 5, "x", 6, 6]], "no list of numbers"),
        ([[1, 1, 1e308, 5, 6, 6]], "no place in an image"),
        ([[1, 1, 10**400, 5, 6, 6]], "no list of numbers"),
        ([[50, 50, 60, 50, 60, 60]], "no pixel of the image"),
        ([[-50, -50, -40, -50, -40, -40]], "no pixel of the image"),
        ([[1.1, 1.1, 1.2, 1.1, 1.2, 1.2]], "no pixel of the image"),
        ({"size": [12, 10], "counts": "0"}, "for an image of 10 × 12"),
        ({"size": [10, 12], "counts": [1, 2, 3]}, "do not fit"),
        ({"size": [10, 12], "counts": [60, -5, 65]}, "do not fit"),
        ({"size": [10, 12], "counts": [10**30]}, "do not fit"),
        ({"size": [10, 12], "counts": ["a"]}, "do not fit"),
        ({"size": [10, 12], "counts": "\u00e9\u4e2d"}, "do not fit"),
        ({"size": [10, 12], "counts": "ppppppppppppppppppppppp"}, "do not fit"),
        ({"size": [10, 12]}, "that are none"),
        ({"counts": "0"}, "without a size"),
        ({"size": [10, 12], "counts": [120]}, "no pixel of the image"),
        ("RLE", "neither polygons nor run lengths"),
        ([], "a box without an outline"),
        (None, "a box without an outline"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_comes(tmp_path, segmentation, said):
    rows = [{"segmentation": segmentation, "bbox": [2, 2, 4, 3]}, {"segmentation": [SQUARE]}]
    masks, problems = objects(dataset(tmp_path, rows))
    assert len(masks) == 1
    assert np.array_equal(masks[0], square())
    assert len(problems) == 1
    assert said in problems[0]


def test_one_bad_polygon_of_several_leaves_the_others(tmp_path):
    masks, problems = objects(dataset(tmp_path, [{"segmentation": [[1, 1, 2, 2], SQUARE]}]))
    assert np.array_equal(masks[0], square())
    assert problems == ["A polygon of fewer than three points was left out of its annotation"]


def test_a_self_crossing_polygon_follows_the_even_odd_rule(tmp_path):
    masks, problems = objects(dataset(tmp_path, [{"segmentation": [[0, 0, 10, 8, 10, 0, 0, 8]]}]))
    assert problems == []
    assert 0 < masks[0].sum() < 80
    assert not masks[0][0, 5]


def test_polygons_are_cut_at_the_border(tmp_path):
    masks, _ = objects(dataset(tmp_path, [{"segmentation": [[-5, -5, 100, -5, 100, 3, -5, 3]]}]))
    assert masks[0].sum() == 36


def test_boxes_are_filled_on_request(tmp_path):
    path = dataset(tmp_path, [{"bbox": [2, 2, 4, 3]}, {"bbox": [0, 0, float("1e300"), 1]}, {"bbox": "box"}])
    assert objects(path)[0] == []
    masks, problems = objects(path, {"boxes": True})
    assert [np.array_equal(mask, square()) for mask in masks] == [True]
    assert problems == ["An annotation was left out: it is a box that is none"]


def test_crowds_become_areas_of_their_class_and_stuff_is_no_object(tmp_path):
    path = dataset(
        tmp_path,
        [
            {"segmentation": [SQUARE], "iscrowd": 1},
            {"segmentation": [SQUARE]},
            {"segmentation": [[7, 7, 9, 7, 9, 9, 7, 9]], "category_id": 90},
        ],
    )
    with opened(path) as importer:
        pieces = list(next(iter(importer.images())).open_labels(NEVER))
        assert [(piece.class_index, piece.is_object) for piece in pieces] == [(0, True), (1, False), (0, False)]
        assert [p.sentence for p in importer.problems] == ["A crowd came as an area of its class, not as objects"]
        layers = build_layers(next(iter(importer.images())), [1, 2]).layers
    assert len(layers) == 2


def test_ids_with_gaps_as_texts_and_unlisted_categories(tmp_path):
    path = dataset(
        tmp_path,
        [
            {"segmentation": [SQUARE], "category_id": "3", "image_id": "0000071"},
            {"segmentation": [[0, 0, 1, 0, 1, 1, 0, 1]], "category_id": 7, "image_id": 71},
            {"segmentation": [SQUARE], "category_id": None, "image_id": 71.0},
            {"segmentation": [SQUARE], "image_id": 99},
        ],
        images=[{"id": 71, "file_name": "a.png", "width": 12, "height": 10}],
    )
    with opened(path) as importer:
        pieces = list(next(iter(importer.images())).open_labels(NEVER))
        assert [importer.classes[piece.class_index].name for piece in pieces] == ["cell", "category 7"]
        said = {problem.sentence: problem.count for problem in importer.problems}
    assert said == {
        "Annotations have the category 7, which has no name; it came as “category 7”": 1,
        "An annotation belongs to no image of the list and was left out": 1,
        "An annotation was left out: it has no category": 1,
    }


def test_reading_twice_counts_once(tmp_path):
    path = dataset(tmp_path, [{"segmentation": [[1, 1, 5, 5]]}] * 3)
    with opened(path) as importer:
        for _ in range(2):
            list(next(iter(importer.images())).open_labels(NEVER))
        assert [problem.count for problem in importer.problems] == [3]


def test_duplicates(tmp_path):
    row = {"id": 1, "image_id": 1, "category_id": 3, "segmentation": [SQUARE]}
    path = dataset(
        tmp_path,
        [row, row, {"image_id": 2, "segmentation": [[7, 7, 9, 7, 9, 9, 7, 9]]}],
        images=[
            {"id": 1, "file_name": "a.png", "width": 12, "height": 10},
            {"id": 1, "file_name": "a.png", "width": 12, "height": 10},
            {"id": 2, "file_name": "a.png", "width": 12, "height": 10},
            {"id": 1, "file_name": "b.png", "width": 12, "height": 10},
        ],
        categories=[*CATEGORIES, {"id": 4, "name": "cell"}, {"id": 3, "name": "other"}],
    )
    with opened(path) as importer:
        assert [c.name for c in importer.classes] == ["cell", "路面"]
        found = list(importer.images())
        assert [one.name for one in found] == ["a.png", "b.png"]
        assert [len(list(one.open_labels(NEVER))) for one in found] == [2, 0]
        assert len(importer.problems) == 5


def test_bom_crlf_windows_paths_spaces_and_chinese(tmp_path):
    folder = tmp_path / "数据 集"
    path = dataset(
        folder,
        [{"segmentation": [SQUARE]}],
        images=[{"id": 1, "file_name": r"C:\Users\李\图 像.png", "width": 12, "height": 10}],
    )
    (folder / "images" / "a.png").rename(folder / "images" / "图 像.png")
    text = json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False, indent=1)
    for data in (
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        text.encode("utf-16"),
        ("\n\n" + text + "\n\n").encode(),
    ):
        path.write_bytes(data)
        with opened(path, "coco") as importer:
            (found,) = importer.images()
            assert (found.name, found.image) == ("图 像.png", folder / "images" / "图 像.png")
            assert importer.classes[1].name == "路面"
            assert sum(1 for _ in found.open_labels(NEVER)) == 1


def test_missing_images_bring_their_labels(tmp_path):
    path = dataset(tmp_path, [{"segmentation": [SQUARE]}])
    (tmp_path / "images" / "a.png").unlink()
    with opened(path) as importer:
        (found,) = importer.images()
        assert found.image is None
        assert "a.png" in found.reason
        assert sum(1 for _ in found.open_labels(NEVER)) == 1


def test_sizes_that_are_missing_are_the_pictures(tmp_path):
    path = dataset(
        tmp_path,
        [{"segmentation": [SQUARE]}],
        images=[{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "none.png", "width": 0}],
    )
    with opened(path) as importer:
        (found,) = importer.images()
        assert (found.width, found.height) == (12, 10)
        assert [problem.where for problem in importer.problems] == ["none.png"]


def test_layouts_and_splits(tmp_path):
    picture = Image.fromarray(np.zeros((10, 12, 3), np.uint8))
    row = {"id": 1, "image_id": 1, "category_id": 3, "segmentation": [SQUARE]}
    image = {"id": 1, "file_name": "a.png", "width": 12, "height": 10}
    document = {"info": {}, "images": [image], "annotations": [row], "categories": CATEGORIES}
    layouts = {
        "roboflow": [
            ("valid/_annotations.coco.json", "valid/a.png", "val"),
            ("train/_annotations.coco.json", "train/a.png", "train"),
        ],
        "official": [("annotations/instances_val2017.json", "val2017/a.png", "val")],
        "cvat": [("annotations/instances_default.json", "images/default/a.png", None)],
        "flat": [("result.json", "a.png", None)],
    }
    for name, rows in layouts.items():
        for label_file, image_file, _ in rows:
            for file in (label_file, image_file):
                (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / label_file).write_text(json.dumps(document))
            picture.save(tmp_path / name / image_file)
        (tmp_path / name / "export-report.json").write_text('{"images": 3, "format": "coco"}')
        assert detect(tmp_path / name)[0][0] == "coco"
        with opened(tmp_path / name, "coco") as importer:
            found = list(importer.images())
            assert sorted((str(one.image), one.split) for one in found) == sorted(
                (str(tmp_path / name / image_file), split) for _, image_file, split in rows
            )


def test_an_image_folder_of_ones_own(tmp_path):
    path = dataset(tmp_path / "set", [{"segmentation": [SQUARE]}])
    (tmp_path / "set" / "images").rename(tmp_path / "elsewhere")
    with opened(path, "coco", {"images": str(tmp_path / "elsewhere")}) as importer:
        assert next(iter(importer.images())).image == tmp_path / "elsewhere" / "a.png"


# ---------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    "name",
    ["../../secret.png", "/etc/passwd", r"C:\secret.png", "..\\..\\secret.png", "link.png", "linked/secret.png", ".."],
)
def test_nothing_outside_is_named(tmp_path, name):
    secret = tmp_path / "secret.png"
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(secret)
    path = dataset(tmp_path / "a" / "b", [], images=[{"id": 1, "file_name": name, "width": 12, "height": 10}])
    os.symlink(secret, tmp_path / "a" / "b" / "images" / "link.png")
    os.symlink(tmp_path, tmp_path / "a" / "b" / "images" / "linked")
    with opened(path, "coco") as importer:
        assert [found.image for found in importer.images()] in ([None], [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"images"',
        '{"images": 3}x',
        '{"images": [{"id": 1}',
        '{"annotations": []}',
        '{"images": [NaN]}',
        '{"images": [' + "[" * 5000,
        '{"a": ' * 3000,
        '{"images": [{"id": 1e999, "file_name": ["a"], "width": -1, "height": {}}], "annotations": [3, null, {}],}',
    ],
)
def test_damaged_files_end_in_one_sentence(tmp_path, text):
    path = tmp_path / "instances.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        with opened(path, "coco"):
            pass
    assert str(path) in str(caught.value)


def test_rows_that_are_none_are_told(tmp_path):
    path = dataset(
        tmp_path,
        [{"segmentation": [SQUARE]}, {"segmentation": {"size": [1e999, 12], "counts": "1"}}],
        images=[
            {"id": 1, "file_name": "a.png", "width": 12, "height": 10},
            3,
            None,
            {"id": 2, "file_name": {}, "width": 1e9, "height": 1e9},
        ],
        categories=[*CATEGORIES, "cat", {"name": "no id"}, {"id": 8, "name": None}],
    )
    path.write_text(path.read_text(encoding="utf-8").replace("Infinity", "1e999"), encoding="utf-8")
    masks, problems = objects(path)
    assert len(masks) == 1
    assert len(problems) == 4


def test_vertices_and_sizes_beyond_reason_are_refused(tmp_path):
    many = np.tile([1.0, 1.0, 5.0, 5.0, 1.0, 5.0], 30_000).tolist()
    huge = {"id": 1, "file_name": "a.png", "width": 200_000, "height": 200_000}
    everything = [[0, 0, 200_000, 0, 200_000, 200_000, 0, 200_000]]
    rows = [
        {"segmentation": [many]},
        {"segmentation": everything},
        {"segmentation": {"size": [200_000, 200_000], "counts": [0, 4 * 10**10]}},
    ]
    with opened(dataset(tmp_path, rows, images=[huge]), "coco", limits=Limits(vertices=50_000)) as importer:
        assert list(next(iter(importer.images())).open_labels(NEVER)) == []
        said = " ".join(problem.sentence for problem in importer.problems)
    assert "more than 50,000 points" in said
    assert "larger than can be held" in said


def test_a_file_of_another_kind_says_which(tmp_path):
    path = dataset(tmp_path, [{"segments_info": [], "file_name": "a.png"}])
    with pytest.raises(UserError, match="Import it as coco-panoptic"):
        with opened(path, "coco"):
            pass


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


def test_cancel(tmp_path):
    token = CancelToken()
    with opened(dataset(tmp_path, [{"segmentation": [SQUARE]}] * 3), "coco") as importer:
        pieces = next(iter(importer.images())).open_labels(token)
        next(pieces)
        token.set()
        with pytest.raises(Cancelled):
            next(pieces)


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
