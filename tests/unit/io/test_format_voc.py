"""Pascal VOC: written and read back, read by torchvision, and datasets as CVAT, labelme and the devkit leave them."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image
from round_trips import Scene, class_table, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset

from segstudio.core.classes import IGNORE
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.reading import detect
from segstudio.io.formats.voc import object_palette

LOOSE = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def scene_of(values: np.ndarray, objects: list[FoundObject] = ()) -> Scene:
    table = class_table()
    height, width = values.shape
    builder = LayerBuilder(width, height, [item.id for item in table])
    builder.add_all([ClassPixels(0, 0, values.astype(np.uint16)), *objects])
    return Scene(builder.layers, width, height, table)


@given(scene=scenes())
@LOOSE
def test_what_is_written_comes_back(tmp_path_factory, scene: Scene):
    found = round_trip("voc", [scene], tmp_path_factory.mktemp("voc"))
    assert found.facts() == facts_of(scene)
    assert [(item.name, item.value, item.color) for item in found.classes] == [
        (item.name, item.mask_value, item.color) for item in scene.table
    ]
    assert not found.problems


def test_more_than_254_objects(tmp_path):
    mask = np.ones((1, 1), np.bool_)
    objects = [FoundObject(x, y, mask, (x + y) % 4, key=(x, y)) for y in range(0, 40, 2) for x in range(0, 40, 2)]
    scene = scene_of(np.zeros((40, 40)), objects)
    found = round_trip("voc", [scene], tmp_path)
    assert sum(found.facts()[0].values()) == 400 and found.facts() == facts_of(scene)


def test_torchvision_reads_what_we_write_and_we_read_what_it_does(tmp_path):
    datasets = pytest.importorskip("torchvision.datasets")
    values = np.zeros((20, 30), np.uint16)
    values[2:9, 3:20], values[12:, 5:9], values[0] = 1, 4, IGNORE
    scene = scene_of(values)
    items = items_of([scene, scene], tmp_path / "images", ["train", "val"])
    write_dataset("voc", items, scene.table, tmp_path / "out")
    expected = np.select([values == 1, values == 4, values == IGNORE], [3, 200, 255], 0)
    for split in ("train", "val"):
        data = datasets.VOCSegmentation(tmp_path / "out", "2012", split, download=False)
        ((image, mask),) = [data[index] for index in range(len(data))]
        assert image.size == (30, 20) and np.array_equal(np.asarray(mask), expected)
    assert read_dataset("voc", tmp_path / "out").splits == {"image0": "train", "image1": "val"}
    assert detect(tmp_path / "out")[0] == ("voc", 95)


def devkit(root, colors: bool = False):
    """A dataset such as the challenge's: no class list, a border of 255 around each of two objects of one class."""
    for name in ("JPEGImages", "SegmentationClass", "SegmentationObject", "ImageSets/Segmentation", "Annotations"):
        (root / name).mkdir(parents=True)
    classes = np.zeros((30, 40), np.uint8)
    numbers = np.zeros((30, 40), np.uint8)
    for number, x in ((1, 2), (2, 20)):
        for array in (classes, numbers):
            array[5:20, x : x + 15] = 255
        classes[6:19, x + 1 : x + 14], numbers[6:19, x + 1 : x + 14] = 15, number
    for folder, values in (("SegmentationClass", classes), ("SegmentationObject", numbers)):
        picture = Image.fromarray(values)
        picture.putpalette(object_palette().ravel().tolist())
        (picture.convert("RGB") if colors else picture).save(root / folder / "2007_000032.png")
    Image.new("RGB", (40, 30)).save(root / "JPEGImages" / "2007_000032.jpg")
    return classes, numbers


@pytest.mark.parametrize("colors", [False, True])
def test_the_devkits_own_files(tmp_path, colors):
    root = tmp_path / "VOCdevkit" / "VOC2012"
    classes, numbers = devkit(root, colors)
    (root / "ImageSets" / "Segmentation" / "train.txt").write_bytes(b"\xef\xbb\xbf2007_000032\r\n2007_000039\r\n")
    (root / "ImageSets" / "Segmentation" / "trainval.txt").write_text("2007_000032\n2007_000039\n")
    (root / "Annotations" / "2007_000001.xml").write_text("<annotation><object/></annotation>")
    found = read_dataset("voc", tmp_path)
    assert [item.name for item in found.classes][:2] == ["aeroplane", "bicycle"] and len(found.classes) == 20
    objects, stuff, ignored = found.facts("2007_000032")
    assert not stuff and ignored == np.packbits(classes == 255).tobytes()
    assert objects == {("person", np.packbits(numbers == number).tobytes()): 1 for number in (1, 2)}
    assert found.splits["2007_000032"] == "train" and found.images["2007_000032"] is not None
    assert sorted((item.sentence.split(" ")[3], item.count) for item in found.problems) == [("boxes", 1), ("no", 1)]
    assert len(read_dataset("voc", tmp_path, {"background": True}).classes) == 21


def test_as_cvat_writes_it(tmp_path):
    """labelmap.txt, ImageSets of other names, folders in names; background is no class; colours as the map has them."""
    for name in ("JPEGImages/day 1", "SegmentationClass/day 1", "ImageSets/Segmentation"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\n狗:10,20,30::\ncat:1,2,3::\n"
    )
    values = np.zeros((6, 8, 3), np.uint8)
    values[1:3, 2:5], values[4:] = (1, 2, 3), (10, 20, 30)
    Image.fromarray(values).save(tmp_path / "SegmentationClass" / "day 1" / "a b.png")
    (tmp_path / "ImageSets" / "Segmentation" / "default.txt").write_text("day 1/a b\n")
    found = read_dataset("voc", tmp_path)
    assert [(item.name, item.value, item.color) for item in found.classes] == [
        ("狗", 1, "#0a141e"),
        ("cat", 2, "#010203"),
    ]
    layer = found.layers["a b"][0].read_classes(Rect(0, 0, 8, 6))
    assert layer[1, 2] == 2 and layer[5, 5] == 1 and layer[0, 0] == 0 and found.images["a b"] is None


def test_names_that_lead_out_and_windows_paths(tmp_path):
    devkit(tmp_path)
    Image.new("L", (3, 3)).save(tmp_path.parent / "evil.png")
    lists = tmp_path / "ImageSets" / "Segmentation" / "val.txt"
    lists.write_text("../../evil\n/etc/passwd\nC:\\data\\JPEGImages\\2007_000032.jpg\nx\0y\n2007_000032\n")
    found = read_dataset("voc", tmp_path)
    assert list(found.layers) == ["2007_000032"] and found.splits["2007_000032"] == "val"
    os.remove(tmp_path.parent / "evil.png")


def test_an_object_of_two_classes_keeps_the_classes_of_its_pixels(tmp_path):
    classes, numbers = devkit(tmp_path)
    classes[6, 3] = 7
    numbers[25, 25] = 9
    for folder, values in (("SegmentationClass", classes), ("SegmentationObject", numbers)):
        Image.fromarray(values).save(tmp_path / folder / "2007_000032.png")
    found = read_dataset("voc", tmp_path)
    objects, stuff, _ = found.facts("2007_000032")
    assert sum(objects.values()) == 2 and list(stuff) == ["car"]
    assert {item.sentence.split(":")[0]: item.count for item in found.problems} == {
        "Objects that have no class in the mask of classes are left out": 1,
        "Pixels of objects have another class than most of the object": 1,
    }


def test_masks_of_two_sizes(tmp_path):
    devkit(tmp_path)
    Image.new("L", (7, 7)).save(tmp_path / "SegmentationObject" / "2007_000032.png")
    from segstudio.core.errors import UserError

    with pytest.raises(UserError, match="size"):
        read_dataset("voc", tmp_path)


def test_what_has_no_class_is_counted_once_however_often_it_is_read(tmp_path, monkeypatch):
    from segstudio.io.formats import mask_files

    classes, _ = devkit(tmp_path)
    classes[25:28] = 99
    Image.fromarray(classes).save(tmp_path / "SegmentationClass" / "2007_000032.png")
    whole = read_dataset("voc", tmp_path)
    monkeypatch.setattr(mask_files.MaskFile, "_strips", by_rows(mask_files.MaskFile._strips))
    strips = read_dataset("voc", tmp_path)
    for found in (whole, strips):
        (problem,) = found.problems
        assert problem.count == 3 * 40 and "99" in problem.sentence
    assert strips.facts("2007_000032") == whole.facts("2007_000032")


def by_rows(read):
    def strips(self, cancel):
        for strip in read(self, cancel):
            yield from (strip[y : y + 7] for y in range(0, len(strip), 7))

    return strips
