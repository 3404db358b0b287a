"""``coco-panoptic``: our round trip, panopticapi's rules, maps as other tools write them."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
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

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.base import FoundImage
from segstudio.io.formats.panoptic import PanopticExporter
from segstudio.io.formats.panoptic_map import free_color_id
from segstudio.io.formats.reading import build_layers, detect, opened

CATEGORIES = [{"id": 1, "name": "car", "isthing": 1, "color": [9, 8, 7]}, {"id": 184, "name": "路面", "isthing": 0}]
CAR, ROAD = 70_000, 300


def rgb_of(ids: np.ndarray) -> np.ndarray:
    """As panopticapi's id2rgb has it."""
    return np.stack([ids % 256, ids // 256 % 256, ids // 256**2], axis=-1).astype(np.uint8)


def ids_of(rgb: np.ndarray) -> np.ndarray:
    """As panopticapi's rgb2id has it."""
    wide = rgb.astype(np.int64)
    return wide[..., 0] + 256 * wide[..., 1] + 256**2 * wide[..., 2]


def plain_map() -> np.ndarray:
    ids = np.zeros((10, 12), np.int64)
    ids[5:] = ROAD
    ids[2:7, 3:8] = CAR
    return ids


def dataset(folder: Path, *, segments: Any = None, ids: np.ndarray | None = None, **more: Any) -> Path:
    """A dataset of one image with a car on a road; the JSON file."""
    maps = folder / "annotations" / "panoptic_val2017"
    maps.mkdir(parents=True)
    (folder / "val2017").mkdir()
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(folder / "val2017" / "000000000139.jpg")
    Image.fromarray(rgb_of(plain_map() if ids is None else ids)).save(maps / "000000000139.png")
    listed = [{"id": CAR, "category_id": 1, "iscrowd": 0}, {"id": ROAD, "category_id": 184, "iscrowd": 0}]
    document = {
        "info": {},
        "images": [{"id": 139, "file_name": "000000000139.jpg", "width": 12, "height": 10}],
        "annotations": [
            {
                "image_id": 139,
                "file_name": "000000000139.png",
                "segments_info": listed if segments is None else segments,
            }
        ],
        "categories": CATEGORIES,
        **more,
    }
    path = folder / "annotations" / "panoptic_val2017.json"
    path.write_text(json.dumps(document))
    return path


def pieces_of(
    path: Path, options: dict[str, Any] | None = None
) -> tuple[FoundImage, list[tuple[str, bool, int]], list[str]]:
    """(image, (class, is an object, pixels) of its pieces, sentences)."""
    with opened(path, "coco-panoptic", options) as importer:
        (found,) = importer.images()
        pieces = [
            (importer.classes[piece.class_index].name, piece.is_object, int(piece.mask.sum()))
            for piece in found.open_labels(NEVER)
        ]
        return found, pieces, [problem.sentence for problem in importer.problems]


def scene_of(seed: int, *, overlap: bool = False) -> Scene:
    """64 × 48 pixels: classes 0 and 1 as stuff and objects, 2 as stuff only, ignored pixels."""
    rng = np.random.default_rng(seed)
    table = class_table(4)
    values = rng.integers(0, 4, (16, 22)).repeat(3, 0).repeat(3, 1)[:48, :64].astype(np.uint16)
    values[rng.random(values.shape) < 0.05] = IGNORE
    builder = LayerBuilder(64, 48, [item.id for item in table])
    masks = [random_mask(rng, 48, 64) for _ in range(5)]
    if not overlap:
        for place, mask in enumerate(masks):
            values[mask] = 0
            for other in masks[place + 1 :]:
                mask &= ~other
    builder.add(ClassPixels(0, 0, values))
    for place, mask in enumerate(masks):
        builder.add(FoundObject(0, 0, mask, place % 2))
    return Scene(builder.layers, 64, 48, table)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenes(overlap=False))
def test_what_is_written_is_read(scene):
    with tempfile.TemporaryDirectory() as folder:
        back = round_trip("coco-panoptic", [scene], Path(folder))
        assert back.facts() == facts_of(scene)
        assert back.problems == []
        assert [(c.name, c.color, c.value) for c in back.classes] == [
            (c.name, c.color, c.mask_value) for c in scene.table
        ]


def test_of_layers_that_overlap_the_upper_one_counts(tmp_path):
    scene = scene_of(1, overlap=True)
    assert len(scene.layers) > 1
    back = round_trip("coco-panoptic", [scene], tmp_path)
    objects, _, _ = back.facts()
    upper = scene.layers[-1]
    hidden = facts_of(Scene(scene.layers[:1], scene.width, scene.height, scene.table))
    top, _, _ = facts_of(Scene([upper], scene.width, scene.height, scene.table))
    assert top <= objects
    assert objects != hidden[0]
    assert len(back.layers["image0"]) == 1


def test_splits(tmp_path):
    scene = scene_of(2)
    items = items_of([scene] * 3, tmp_path / "images", ["train", "val", "train"])
    write_dataset("coco-panoptic", items, scene.table, tmp_path / "out")
    back = read_dataset("coco-panoptic", tmp_path / "out")
    assert back.splits == {"image0": "train", "image1": "val", "image2": "train"}
    assert all(back.facts(stem) == facts_of(scene) for stem in back.layers)
    assert sorted(path.name for path in (tmp_path / "out" / "annotations" / "panoptic_train").iterdir()) == [
        "image0.png",
        "image2.png",
    ]
    assert not (tmp_path / "out" / ".parts").exists()


def test_panopticapis_rules(tmp_path):
    """The checks of panopticapi's evaluation and converters, from their source: github.com/cocodataset/panopticapi."""
    scene = scene_of(3)
    items = items_of([scene], tmp_path / "images")
    write_dataset("coco-panoptic", items, scene.table, tmp_path / "out")
    folder = tmp_path / "out" / "annotations"
    document = json.loads((folder / "panoptic.json").read_text())
    categories = {row["id"]: row for row in document["categories"]}
    assert {row["name"]: row["isthing"] for row in categories.values()} == {
        "sky": 1,
        "nucleus 2": 1,
        "路面": 0,
        "tree": 0,
    }
    (annotation,) = document["annotations"]
    assert annotation["image_id"] == document["images"][0]["id"]
    picture = Image.open(folder / "panoptic" / annotation["file_name"])
    assert (picture.mode, picture.size) == ("RGB", (64, 48))
    ids = ids_of(np.asarray(picture))
    labels, areas = np.unique(ids, return_counts=True)
    areas_of = dict(zip(labels.tolist(), areas.tolist(), strict=True))
    areas_of.pop(0, None)  # void
    listed = [segment["id"] for segment in annotation["segments_info"]]
    assert sorted(listed) == sorted(areas_of)
    objects, stuff, ignored = facts_of(scene)
    seen, areas_seen = [], {}
    for segment in annotation["segments_info"]:
        mask = ids == segment["id"]
        assert segment["area"] == areas_of[segment["id"]]
        ys, xs = np.nonzero(mask)
        assert segment["bbox"] == [xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()]
        category = categories[segment["category_id"]]
        packed = np.packbits(mask).tobytes()
        if category["isthing"] and not segment["iscrowd"]:
            seen.append((category["name"], packed))
        else:
            assert bool(segment["iscrowd"]) == bool(category["isthing"])
            assert category["name"] not in areas_seen, "one segment of stuff for each class"
            areas_seen[category["name"]] = packed
    assert sorted(seen) == sorted(objects.elements())
    assert areas_seen == stuff
    assert not (np.unpackbits(np.frombuffer(ignored, np.uint8))[: ids.size].reshape(ids.shape) & (ids != 0)).any()


def test_ids_are_colours_near_the_class_and_never_twice():
    taken = {0}
    ids = [free_color_id((200, 0, 255), count, taken) for count in range(700)]
    assert len(set(ids)) == 700
    assert 0 not in ids
    assert ids[0] == 200 + 255 * 65536
    rgb = rgb_of(np.array(ids[:300])).astype(int)
    assert np.abs(rgb - (200, 0, 255)).max() <= 40
    assert free_color_id((0, 0, 0), 0, {0}) != 0


def test_what_is_too_large_for_a_map_is_refused_before(tmp_path):
    scene = scene_of(4)
    (item,) = items_of([scene], tmp_path / "images")
    with pytest.raises(UserError, match="Cut the image into tiles") as caught:
        PanopticExporter(tmp_path, scene.table, {}).write(replace(item, width=30_000, height=30_000), NEVER)
    assert caught.value.path == item.image_file


def test_a_changed_map_is_told_of(tmp_path):
    scene = scene_of(4)
    items = items_of([scene], tmp_path / "images")
    out = tmp_path / "out"
    out.mkdir()
    exporter = PanopticExporter(out, scene.table, {})
    exporter.write(items[0], NEVER)
    exporter.finish([])
    assert exporter.differs(items[0], NEVER) == ""
    file = out / "annotations" / "panoptic" / "image0.png"
    pixels = np.asarray(Image.open(file)).copy()
    y, x = np.argwhere(pixels.any(axis=2))[0]
    pixels[y, x] = 0
    Image.fromarray(pixels).save(file)
    assert "mask" in PanopticExporter(out, scene.table, {}).differs(items[0], NEVER)


# ---------------------------------------------------------------- as other tools write


def test_the_official_layout(tmp_path):
    path = dataset(tmp_path)
    for source in (path, tmp_path):
        assert detect(source)[0][0] == "coco-panoptic"
        found, pieces, problems = pieces_of(source)
        assert pieces == [("car", True, 25), ("路面", False, 60 - 10)]
        assert problems == []
        assert (found.image, found.split) == (tmp_path / "val2017" / "000000000139.jpg", "val")
        with opened(source) as importer:
            assert [c.color for c in importer.classes] == ["#090807", ""]


def test_instances_and_panoptic_side_by_side(tmp_path):
    dataset(tmp_path)
    instances = {"images": [], "annotations": [], "categories": []}
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(instances))
    assert len(pieces_of(tmp_path)[1]) == 2
    with opened(tmp_path, "coco") as importer:
        assert list(importer.images()) == []


@pytest.mark.parametrize("mode", ["RGBA", "I;16", "L", "P"])
def test_maps_saved_in_another_way(tmp_path, mode):
    if mode == "RGBA":
        path = dataset(tmp_path)
        picture = Image.fromarray(rgb_of(plain_map())).convert("RGBA")
    else:
        small = np.zeros((10, 12), np.uint8)
        small[5:], small[2:7, 3:8] = 2, 1
        path = dataset(tmp_path, segments=[{"id": 1, "category_id": 1}, {"id": 2, "category_id": 184}])
        picture = Image.fromarray(small.astype(np.uint16) if mode == "I;16" else small)
        if mode == "P":
            picture.putpalette([0, 0, 0, 250, 20, 30, 5, 6, 7])
    assert picture.mode == mode
    picture.save(tmp_path / "annotations" / "panoptic_val2017" / "000000000139.png")
    assert [piece[2] for piece in pieces_of(path)[1]] == [25, 50]


def test_lists_that_do_not_fit_the_map_are_told(tmp_path):
    segments = [
        {"id": CAR, "category_id": 1, "iscrowd": 1},
        {"id": CAR, "category_id": 184},
        {"id": 5, "category_id": 1},
        {"id": 0, "category_id": 1},
        {"id": 1e300, "category_id": 1},
        {"category_id": 1},
        7,
    ]
    _, pieces, problems = pieces_of(dataset(tmp_path, segments=segments))
    assert pieces == [("car", False, 25)]
    assert sorted(problems) == [
        "A crowd came as an area of its class, not as objects",
        "A segment is listed twice; the first was taken",
        "A segment of the list has no pixel in the map",
        "A segment was left out: it has no id that a map can hold",
        "Pixels whose segment is not in the list were left out",
    ]


def test_a_map_of_another_size_has_the_last_word(tmp_path):
    path = dataset(tmp_path, ids=np.repeat(plain_map(), 2, axis=1))
    found, pieces, _ = pieces_of(path)
    assert (found.width, found.height) == (24, 10)
    assert pieces[0] == ("car", True, 50)


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd", r"C:\secret.png", "link.png", "missing.png"])
def test_maps_outside_are_not_read(tmp_path, name):
    secret = tmp_path / "secret.png"
    Image.fromarray(rgb_of(plain_map())).save(secret)
    path = dataset(
        tmp_path / "set",
        annotations=[{"image_id": 139, "file_name": name, "segments_info": [{"id": CAR, "category_id": 1}]}],
    )
    os.symlink(secret, tmp_path / "set" / "annotations" / "panoptic_val2017" / "link.png")
    with opened(path) as importer:
        (found,) = importer.images()
        with pytest.raises(UserError, match="is missing"):
            list(found.open_labels(NEVER))


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"x" * 100])
def test_damaged_maps_end_in_one_sentence(tmp_path, data):
    path = dataset(tmp_path)
    file = tmp_path / "annotations" / "panoptic_val2017" / "000000000139.png"
    file.write_bytes(data)
    with opened(path) as importer:
        (found,) = importer.images()
        with pytest.raises(UserError) as caught:
            list(found.open_labels(NEVER))
    assert caught.value.path == file


def test_images_without_segments_and_ignored_pixels(tmp_path):
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 12, "height": 10} for n in (139, 140)]
    path = dataset(tmp_path, images=images)
    document = json.loads(path.read_text())
    document["annotations"][0]["ignored"] = [{"size": [10, 12], "counts": [0, 3, 117]}]
    path.write_text(json.dumps(document))
    with opened(path) as importer:
        found = list(importer.images())
        assert [problem.where for problem in importer.problems] == ["140.jpg"]
        (layer,) = build_layers(found[0], [1, 2]).layers
        assert layer.segment_pixels()[IGNORE] == 3
        assert list(found[1].open_labels(NEVER)) == []


def test_a_file_of_instances_says_so(tmp_path):
    path = dataset(tmp_path, annotations=[{"image_id": 139, "segmentation": []}])
    with pytest.raises(UserError, match="Import it as coco"):
        with opened(path, "coco-panoptic"):
            pass
