"""Cityscapes: masks and polygons written and read back, read by torchvision, and its own files with their odd ids."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image, ImageDraw
from round_trips import Scene, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.cityscapes_labels import OFFICIAL
from segstudio.io.formats.reading import detect

LOOSE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def scene_of(table: ClassTable, codes: np.ndarray, objects: list[FoundObject] = ()) -> Scene:
    height, width = codes.shape
    builder = LayerBuilder(width, height, [item.id for item in table])
    return Scene(builder.add_all([ClassPixels(0, 0, codes.astype(np.uint16)), *objects]).layers, width, height, table)


@given(scene=scenes())
@LOOSE
def test_masks_and_polygons_come_back(tmp_path_factory, scene: Scene):
    folder = tmp_path_factory.mktemp("cityscapes")
    found = round_trip("cityscapes", [scene], folder)
    assert found.facts() == facts_of(scene) and not found.problems
    assert [(item.name, item.value, item.color) for item in found.classes] == [
        (item.name, item.mask_value, item.color) for item in scene.table
    ]
    polygons = read_dataset("cityscapes", folder / "out", {"polygons": True})
    assert polygons.facts() == facts_of(scene) and not polygons.problems


def test_more_objects_than_instance_ids_hold(tmp_path):
    mask = np.ones((1, 1), np.bool_)
    table = ClassTable()
    for index in range(60):
        table = table.added(f"class {index}")
    many = [FoundObject(x, y, mask, 0, key=(x, y)) for y in range(0, 70, 2) for x in range(0, 70, 2)]
    late = FoundObject(1, 1, mask, 59)
    scene = scene_of(table, np.zeros((70, 70)), [*many, late])
    found = round_trip("cityscapes", [scene], tmp_path)
    assert found.facts() == facts_of(scene) and sum(found.facts()[0].values()) == 1226
    ids = np.asarray(Image.open(next((tmp_path / "out").rglob("*_instanceIds.png"))))
    assert len(np.unique(ids[ids >= 1000])) == 1000 and ids[1, 1] == 34 + 59


def test_torchvision_and_official_names(tmp_path):
    datasets = pytest.importorskip("torchvision.datasets")
    table = ClassTable.from_names("Road,car,my own")
    codes = np.zeros((12, 16))
    codes[:4], codes[4:6], codes[11] = 1, 3, IGNORE
    car = FoundObject(3, 7, np.ones((3, 5), np.bool_), 1)
    scene = scene_of(table, codes, [car])
    items = items_of([scene, scene], tmp_path / "images", ["train", "val"])
    write_dataset("cityscapes", items, table, tmp_path / "out")
    for split in ("train", "val"):
        data = datasets.Cityscapes(tmp_path / "out", split, target_type=["semantic", "instance", "polygon"])
        image, (labels, instances, polygons) = data[0]
        assert len(data) == 1 and image.size == (16, 12)
        expected = np.select([codes == 1, codes == 3, codes == IGNORE], [7, 34, 3], 0)
        expected[7:10, 3:8] = 26
        assert np.array_equal(np.asarray(labels), expected)
        expected[7:10, 3:8] = 26000
        assert np.array_equal(np.asarray(instances), expected)
        assert {row["label"] for row in polygons["objects"]} == {"Road", "my own", "car", "out of roi"}


def city(root, kinds=("labelIds", "instanceIds")):
    """A frame as the benchmark has it: two cars told apart, a group of cars, an ego vehicle, road."""
    place = root / "gtFine" / "val" / "münster"
    place.mkdir(parents=True)
    labels = np.full((20, 30), 7, np.uint8)
    labels[18:], labels[0] = 1, 0
    instances = labels.astype(np.uint16)
    for value, x in ((26000, 2), (26001, 10), (26, 18)):
        labels[5:9, x : x + 6], instances[5:9, x : x + 6] = 26, value
    train = np.select([labels == 7, labels == 26], [0, 13], 255).astype(np.uint8)
    for kind, values in (("labelIds", labels), ("instanceIds", instances), ("labelTrainIds", train)):
        if kind in kinds:
            Image.fromarray(values).save(place / f"münster_000001_000019_gtFine_{kind}.png")
    if "polygons" in kinds:

        def box(x, y, right, bottom):
            return [[x, y], [right, y], [right, bottom], [x, bottom]]

        rows = [("unlabeled", box(0, 0, 30, 20)), ("road", box(0, 1, 30, 18)), ("ego vehicle", box(0, 18, 30, 20))]
        rows += [("car", box(2, 5, 8, 9)), ("car", box(10, 5, 16, 9)), ("cargroup", box(18, 5, 24, 9))]
        objects = [{"label": label, "polygon": polygon, "deleted": 0} for label, polygon in rows]
        objects.append({"label": "person", "polygon": box(0, 0, 9, 9), "deleted": 1})
        text = json.dumps({"imgHeight": 20, "imgWidth": 30, "objects": objects}).replace(", ", ",\r\n")
        (place / "münster_000001_000019_gtFine_polygons.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (root / "leftImg8bit" / "val" / "münster").mkdir(parents=True)
    Image.new("RGB", (30, 20)).save(root / "leftImg8bit" / "val" / "münster" / "münster_000001_000019_leftImg8bit.png")
    return labels, instances


@pytest.mark.parametrize(
    "kinds", [("labelIds", "instanceIds"), ("instanceIds",), ("polygons",), ("labelIds", "instanceIds", "polygons")]
)
def test_its_own_files(tmp_path, kinds):
    labels, instances = city(tmp_path, kinds)
    found = read_dataset("cityscapes", tmp_path)
    objects, stuff, ignored = found.facts("münster_000001_000019_leftImg8bit")
    assert objects == {("car", np.packbits(instances == number).tobytes()): 1 for number in (26000, 26001)}
    assert stuff == {"road": np.packbits(labels == 7).tobytes(), "car": np.packbits(instances == 26).tobytes()}
    assert ignored == np.packbits(labels == 1).tobytes() and not found.problems
    assert found.images["münster_000001_000019_leftImg8bit"] is not None
    assert found.splits == {"münster_000001_000019_leftImg8bit": "val"} and len(found.classes) == len(OFFICIAL) == 30
    assert detect(tmp_path)[0] == ("cityscapes", 95) and detect(tmp_path / "gtFine")[0][0] == "cityscapes"


def test_train_ids(tmp_path):
    labels, _ = city(tmp_path, ("labelTrainIds",))
    _, stuff, ignored = read_dataset("cityscapes", tmp_path).facts("münster_000001_000019_leftImg8bit")
    assert stuff == {name: np.packbits(labels == value).tobytes() for name, value in (("road", 7), ("car", 26))}
    assert ignored == np.packbits(labels < 2).tobytes()


def test_polygons_drawn_by_json2labelimg_cover_what_ours_do(tmp_path):
    """The official script draws with Pillow, borders included: every pixel of ours has its label, but where others are drawn over."""
    table = ClassTable.from_names("road,car")
    codes = np.zeros((40, 50))
    codes[:25] = 1
    codes[5:9, 10:20] = 0
    scene = scene_of(table, codes, [FoundObject(22, 28, np.ones((6, 9), np.bool_), 1)])
    write_dataset("cityscapes", items_of([scene], tmp_path / "images"), table, tmp_path / "out")
    document = json.loads(next((tmp_path / "out").rglob("*_polygons.json")).read_text("utf-8"))
    drawn = Image.new("L", (document["imgWidth"], document["imgHeight"]))
    ids = {label.name: label.id for label in OFFICIAL} | {"unlabeled": 0, "out of roi": 3}
    for row in document["objects"]:
        ImageDraw.Draw(drawn).polygon([tuple(point) for point in row["polygon"]], fill=ids[row["label"]])
    ours = np.asarray(Image.open(next((tmp_path / "out").rglob("*_labelIds.png"))))
    differing = np.asarray(drawn) != ours
    assert differing.mean() < 0.06 and (np.asarray(drawn)[ours == 26] == 26).all()


def test_labels_that_nobody_knows_and_broken_polygons(tmp_path):
    city(tmp_path, ("polygons",))
    path = next(tmp_path.rglob("*_polygons.json"))
    document = json.loads(path.read_text("utf-8-sig"))
    square = [[1, 1], [4, 1], [4, 4], [1, 4]]
    bad = [[[1, 1], [2, 2]], [[1e308, 0], [0, 1e308], [3, 3]], "no", [[1, 2, 3], [1, 2, 3], [1, 2, 3]], None]
    document["objects"] += [{"label": "car", "polygon": polygon} for polygon in bad]
    document["objects"] += [{"label": "穴", "polygon": square}, {"label": "license plate", "polygon": square}, 7, {}]
    path.write_text(json.dumps(document), "utf-8")
    found = read_dataset("cityscapes", tmp_path)
    assert [item.name for item in found.classes][-2:] == ["穴", "license plate"]
    assert sum(item.count for item in found.problems if item.sentence.startswith("A polygon is left out")) == 5
    objects, _, _ = found.facts("münster_000001_000019_leftImg8bit")
    assert {name for name, _ in objects} == {"car", "license plate"}
    for key, value in (("imgWidth", -4), ("imgHeight", 1e9), ("imgWidth", None)):
        path.write_text(json.dumps({**document, key: value}), "utf-8")
        with pytest.raises(UserError):
            read_dataset("cityscapes", tmp_path)
    path.write_text("[" * 5000, "utf-8")
    with pytest.raises(UserError):
        read_dataset("cityscapes", tmp_path)


def test_images_that_are_no_8_bit_colours(tmp_path):
    from dataclasses import replace

    table = ClassTable.from_names("road")
    scene = scene_of(table, np.ones((8, 9)))
    (item,) = items_of([scene], tmp_path / "images")
    Image.fromarray((np.arange(72).reshape(8, 9) * 900).astype(np.uint16)).save(item.image_file)
    notes = write_dataset("cityscapes", [replace(item, stem="aachen_000000_000019")], table, tmp_path / "out")
    (image,) = (tmp_path / "out" / "leftImg8bit" / "train" / "aachen").iterdir()
    with Image.open(image) as written:
        assert written.mode == "RGB" and "brightened" in notes[0]
    layers = read_dataset("cityscapes", tmp_path / "out").layers["aachen_000000_000019"]
    assert (layers[0].read_classes(Rect(0, 0, 9, 8)) == 1).all()
