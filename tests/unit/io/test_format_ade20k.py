"""ADE20K: both layouts written and read back, read by the rules of its own toolkits, and its own files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image
from round_trips import Scene, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.datasets import parse_data_spec
from segstudio.io.formats.ade20k_labels import CHALLENGE
from segstudio.io.formats.reading import detect

LOOSE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def scene_of(table: ClassTable, codes: np.ndarray, objects: list[FoundObject] = ()) -> Scene:
    height, width = codes.shape
    builder = LayerBuilder(width, height, [item.id for item in table])
    return Scene(builder.add_all([ClassPixels(0, 0, codes.astype(np.uint16)), *objects]).layers, width, height, table)


def packed(mask: np.ndarray) -> bytes:
    return np.packbits(mask).tobytes()


@pytest.mark.parametrize("layout", ["scene", "full"])
@given(scene=scenes())
@LOOSE
def test_what_is_written_comes_back(tmp_path_factory, layout, scene: Scene):
    found = round_trip("ade20k", [scene], tmp_path_factory.mktemp("ade"), {"layout": layout})
    assert found.facts() == facts_of(scene) and not found.problems
    assert [(item.name, item.value, item.color) for item in found.classes] == [
        (item.name, item.mask_value, item.color) for item in scene.table
    ]


@pytest.mark.parametrize("layout", ["scene", "full"])
@pytest.mark.parametrize("classes", [3, 300])
def test_more_than_255_objects_and_classes(tmp_path, layout, classes):
    table = ClassTable()
    for index in range(classes):
        table = table.added(f"class {index}, so", mask_value=index)  # 0 cannot be kept: numbers go by place
    one = np.ones((1, 1), np.bool_)
    objects = [FoundObject(x, y, one, (x + y) % classes, key=(x, y)) for y in range(0, 40, 2) for x in range(0, 40, 2)]
    codes = np.zeros((40, 40))
    codes[1::2] = classes
    scene = scene_of(table, codes, objects)
    found = round_trip("ade20k", [scene], tmp_path, {"layout": layout})
    assert found.facts() == facts_of(scene) and sum(found.facts()[0].values()) == 400
    assert [(item.name, item.value) for item in found.classes] == [(item.name, item.mask_value) for item in table]


def test_training_and_the_challenges_instances(tmp_path):
    table = ClassTable.from_names("wall,chair")
    codes = np.zeros((9, 12))
    codes[:3], codes[8] = 1, IGNORE
    chairs = [FoundObject(x, 4, np.ones((2, 3), np.bool_), 1, key=x) for x in (1, 6)]
    scene = scene_of(table, codes, chairs)
    items = items_of([scene, scene], tmp_path / "images", ["train", "val"])
    write_dataset("ade20k", items, table, tmp_path / "out")
    data = parse_data_spec(f"ade20k:{tmp_path / 'out'}")
    assert [sample.split for sample in data.samples] == ["train", "val"]
    assert [(item.value, item.name) for item in data.classes[:2]] == [(1, "wall"), (2, "chair")]
    mask = data.samples[0].load_mask()
    assert mask[0, 0] == 1 and mask[4, 1] == 2 and mask[8, 0] == 255 and mask[7, 0] == 255
    # As Mask2Former prepares instances: red the class, green the instance.
    instances = np.asarray(Image.open(tmp_path / "out" / "annotations_instance" / "validation" / "image1.png"))
    assert np.unique(instances[:, :, 1]).tolist() == [0, 1, 2]
    for number in (1, 2):
        where = instances[:, :, 1] == number
        assert where.sum() == 6 and np.unique(instances[:, :, 0][where]).tolist() == [2]
    rows = (tmp_path / "out" / "objectInfo150.txt").read_text().splitlines()
    assert rows[1].split("\t")[2:] == ["1", "1", "1", "wall"] and rows[2].split("\t")[4:] == ["0", "chair"]
    assert read_dataset("ade20k", tmp_path / "out").splits == {"image0": "train", "image1": "val"}
    assert detect(tmp_path / "out")[0] == ("ade20k", 92)


def load_ade20k(file):
    """As loadAde20K of the dataset's own utils/utils_ade20k.py reads a file of the full dataset (written from its description)."""
    seg = np.array(Image.open(file.with_name(f"{file.stem}_seg.png")))
    classes = (seg[:, :, 0] / 10).astype(np.int32) * 256 + seg[:, :, 1].astype(np.int32)
    instances = np.unique(seg[:, :, 2], return_inverse=True)[1].reshape(classes.shape)
    contents = json.loads(file.with_suffix(".json").read_text("utf-8"))["annotation"]["object"]
    whole = [one for one in contents if int(one["parts"]["part_level"]) == 0]
    return classes, instances, [(int(one["id"]), one["name"], one["name_ndx"], one["polygon"]) for one in whole]


def test_the_full_layout_by_its_own_rules(tmp_path):
    table = ClassTable().added("sky", mask_value=2420).added("door", mask_value=774)
    codes = np.zeros((9, 12))
    codes[:3] = 1
    doors = [FoundObject(x, 4, np.ones((2, 3), np.bool_), 1, key=x) for x in (1, 6)]
    write_dataset(
        "ade20k",
        items_of([scene_of(table, codes, doors)], tmp_path / "images"),
        table,
        tmp_path / "out",
        {"layout": "full"},
    )
    classes, instances, contents = load_ade20k(tmp_path / "out" / "images" / "ADE" / "training" / "image0.png")
    assert (
        (classes[:3] == 2420).all() and (classes[4:6, 1:4] == 774).all() and np.unique(instances).tolist() == [0, 1, 2]
    )
    assert [one[:3] for one in contents] == [(0, "door", 774), (1, "door", 774)]
    assert contents[1][3] == {"x": [6, 9, 9, 6], "y": [4, 4, 6, 6]}


def full(root, *, old: bool = False):
    """A file of the full dataset: sky and two doors, all objects; a part mask beside."""
    place = root / "ADE20K_2021_17_01" / "images" / "ADE" / "validation" / "urban" / "street"
    place.mkdir(parents=True)
    numbers = np.zeros((10, 14), np.int64)
    blue = np.zeros((10, 14), np.int64)
    numbers[:4], blue[:4] = 2420, 7
    numbers[6:9, 1:5], blue[6:9, 1:5] = 774, 90
    numbers[6:9, 7:12], blue[6:9, 7:12] = 774, 180
    Image.fromarray(np.dstack([numbers // 256 * 10, numbers % 256, blue]).astype(np.uint8)).save(
        place / "ADE_val_00000001_seg.png"
    )
    Image.new("RGB", (14, 10)).save(place / "ADE_val_00000001.jpg")
    Image.new("RGB", (14, 10)).save(place / "ADE_val_00000001_parts_1.png")
    if old:
        rows = [
            '001 # 0 # 0 # sky # sky # ""',
            '002 # 0 # 1 # door # door # ""',
            '003 # 0 # 0 # door # door # ""',
            '004 # 1 # 0 # knob # knob # ""',
        ]
        (place / "ADE_val_00000001_atr.txt").write_bytes("\r\n".join(rows).encode("utf-8-sig"))
    else:
        rows = [
            {"id": index, "name": name, "name_ndx": number, "parts": {"part_level": level}}
            for index, (name, number, level) in enumerate([("sky", 2420, 0), ("door, portal", 774, 0), ("knob", 5, 1)])
        ]
        document = {"annotation": {"object": [*rows, {"id": "x"}, None]}}
        (place / "ADE_val_00000001.json").write_text(json.dumps(document))
    return numbers, blue


@pytest.mark.parametrize("old", [False, True])
def test_the_full_datasets_own_files(tmp_path, old):
    _, blue = full(tmp_path, old=old)
    found = read_dataset("ade20k", tmp_path)
    assert [(item.name, item.value) for item in found.classes] == [("door", 774), ("sky", 2420)]
    objects, stuff, _ = found.facts("ADE_val_00000001")
    assert not stuff and objects == {
        ("sky", packed(blue == 7)): 1,
        ("door", packed(blue == 90)): 1,
        ("door", packed(blue == 180)): 1,
    }
    assert found.splits == {"ADE_val_00000001": "val"} and found.images["ADE_val_00000001"] is not None
    assert [item.sentence for item in found.problems] == ["Parts of objects are not read, only the objects"]
    assert detect(tmp_path)[0] == ("ade20k", 92)


def test_the_challenges_own_files(tmp_path):
    root = tmp_path / "ADEChallengeData2016"
    for kind in ("images", "annotations"):
        (root / kind / "training").mkdir(parents=True)
    values = np.array([[0, 1, 150], [13, 151, 255]], np.uint8)
    Image.fromarray(values).save(root / "annotations" / "training" / "ADE_train_00000001.png")
    Image.new("RGB", (3, 2)).save(root / "images" / "training" / "ADE_train_00000001.jpg")
    Image.new("RGB", (3, 2)).save(root / "images" / "training" / "ADE_train_00000002.jpg")
    for text in (
        None,
        "Idx\tRatio\tTrain\tVal\tStuff\tName\r\n1\t0.1576\t11664\t1172\t1\twall\r\n13\t0.02\t1\t2\t0\tperson, individual\r\n150\t0.1\t1\t1\t0\tflag\r\n",
    ):
        if text:
            (root / "objectInfo150.txt").write_bytes(text.encode("utf-8-sig"))
        found = read_dataset("ade20k", tmp_path)
        assert len(found.classes) == (3 if text else 150)
        names = ["", *(item.name for item in found.classes)]
        layer = found.layers["ADE_train_00000001"][0].read_classes(Rect(0, 0, 3, 2))
        assert [names[value] for value in layer.ravel()[:4]] == ["", "wall", "flag", "person"]
        assert layer[1, 1] == 0 and layer[1, 2] == IGNORE
        assert {item.sentence: item.count for item in found.problems} == {
            "Images that have no mask do not come": 1,
            "The value 151 stands for no class: its pixels are left out": 1,
        }
    assert len(CHALLENGE) == 150 == len(set(CHALLENGE))


def test_a_pickled_index_is_never_opened(tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "boom"), "w"))

    full(tmp_path)
    (tmp_path / "ADE20K_2021_17_01" / "index_ade20k.pkl").write_bytes(pickle.dumps(Bomb()))
    read_dataset("ade20k", tmp_path)
    assert not (tmp_path / "boom").exists()


def test_names_that_ade20k_uses_and_unknown_layouts(tmp_path):
    from dataclasses import replace

    table = ClassTable.from_names("a")
    (item,) = items_of([scene_of(table, np.ones((2, 2)))], tmp_path / "images")
    with pytest.raises(UserError, match="by its name"):
        write_dataset("ade20k", [replace(item, stem="x_seg")], table, tmp_path / "out", {"layout": "full"})
    with pytest.raises(UserError, match="layout"):
        write_dataset("ade20k", [item], table, tmp_path / "out", {"layout": "flat"})
