"""Index masks: written and read back, and folders of masks as other programs leave them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image
from round_trips import Scene, facts_of, items_of, read_dataset, round_trip, scenes, write_dataset
from shared_data import shared_data

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, LayerBuilder
from segstudio.io.formats.index_png import read_index_strips, write_index_png
from segstudio.io.formats.reading import build_layers, detect, opened

LOOSE = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = np.repeat(np.repeat(np.array([[0, 1, 2], [2, 255, 1], [1, 1, 0]], np.uint8), 5, 0), 7, 1)


def values_of(source: Path, options=None, stem: str | None = None):
    """(class names + values, (h, w) array of class index + 1 or IGNORE, problems) of the one image."""
    found = read_dataset("masks", source, options)
    stem = stem or next(iter(found.layers))
    width, height = found.sizes[stem]
    out = np.zeros((height, width), np.uint16)
    for layer in found.layers[stem]:
        classes = layer.read_classes(Rect(0, 0, width, height))
        out[classes != 0] = classes[classes != 0]
    return [(item.name, item.value) for item in found.classes], out, [item.sentence for item in found.problems]


def dataset(folder: Path, classes=None, names: str | None = None) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    Image.fromarray(np.zeros((*VALUES.shape, 3), np.uint8)).save(folder / "images" / "a.jpg")
    if classes is not None:
        rows = [{"value": value, "name": name, "color": color} for value, name, color in classes]
        (folder / "classes.json").write_text(json.dumps(rows))
    if names is not None:
        (folder / "classes.txt").write_bytes(names.encode("utf-8-sig"))
    return folder


def expected(mapping: dict[int, int]) -> np.ndarray:
    lut = np.zeros(256, np.uint16)
    for value, code in mapping.items():
        lut[value] = code
    return lut[VALUES]


TWO = [(1, "cat", "#800000"), (2, "dog", "#008000")]
RIGHT = expected({1: 1, 2: 2, 255: IGNORE})


@given(scene=scenes(objects=False))
@LOOSE
def test_what_is_written_comes_back(tmp_path_factory, scene: Scene):
    found = round_trip("masks", [scene], tmp_path_factory.mktemp("masks"))
    assert found.facts() == facts_of(scene)
    assert [(item.name, item.value, item.color) for item in found.classes] == [
        (item.name, item.mask_value, item.color) for item in scene.table
    ]
    assert not found.problems


@given(scene=scenes())
@LOOSE
def test_objects_become_areas_of_their_class_and_nothing_else_changes(tmp_path_factory, scene: Scene):
    found = round_trip("masks", [scene], tmp_path_factory.mktemp("masks"))
    objects, stuff, ignored = facts_of(scene)
    united = {name: np.frombuffer(data, np.uint8).copy() for name, data in stuff.items()}
    for name, data in objects:
        mask = np.frombuffer(data, np.uint8)
        united[name] = united[name] | mask if name in united else mask.copy()
    assert found.facts() == ({}, {name: mask.tobytes() for name, mask in united.items()}, ignored)


def test_a_class_that_owns_0_and_values_above_254(tmp_path):
    table = ClassTable().added("sky", mask_value=0).added("road", mask_value=300)
    codes = np.array([[1, 2, 0], [65535, 1, 2]], np.uint16)
    scene = Scene(LayerBuilder(3, 2, [1, 2]).add_all([ClassPixels(0, 0, codes)]).layers, 3, 2, table)
    found = round_trip("masks", [scene], tmp_path)
    values = found.layers["image0"][0].read_classes(Rect(0, 0, 3, 2))
    assert values.tolist() == [[1, 2, IGNORE], [IGNORE, 1, 2]], "unlabelled is written as ignored, since sky owns 0"


def test_splits_and_the_same_bytes_twice(tmp_path):
    one = np.ones((4, 5), np.uint16)
    table = ClassTable.from_names("a,b")
    scene_list = [
        Scene(LayerBuilder(5, 4, [1, 2]).add_all([ClassPixels(0, 0, one)]).layers, 5, 4, table) for _ in range(3)
    ]
    items = items_of(scene_list, tmp_path / "images", ["train", "val", "train"])
    for name in ("one", "two"):
        write_dataset("masks", items, table, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert files and all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
    assert read_dataset("masks", tmp_path / "one").splits == {"image0": "train", "image1": "val", "image2": "train"}
    assert detect(tmp_path / "one")[0][0] == "masks"


@pytest.mark.parametrize("mode", ["P", "L", "I;16"])
def test_palette_and_grey_masks(tmp_path, mode):
    root = dataset(tmp_path / "d", TWO)
    picture = Image.fromarray(VALUES.astype(np.uint16) if mode == "I;16" else VALUES)
    if mode == "P":
        picture.putpalette(np.arange(768) % 256)
    assert picture.mode == mode
    picture.save(root / "masks" / "a.png")
    _, found, problems = values_of(root)
    assert np.array_equal(found, RIGHT) and not problems


def test_masks_saved_as_colours_or_as_grey_colours(tmp_path):
    root = dataset(tmp_path / "d", TWO)
    shown = np.zeros((*VALUES.shape, 3), np.uint8)
    shown[VALUES == 1], shown[VALUES == 2], shown[VALUES == 255] = (128, 0, 0), (0, 128, 0), (224, 224, 192)
    Image.fromarray(shown).save(root / "masks" / "a.png")
    assert np.array_equal(values_of(root)[1], RIGHT)
    rgba = np.dstack([shown, np.full(VALUES.shape, 255, np.uint8)])
    Image.fromarray(rgba).save(root / "masks" / "a.png")
    assert np.array_equal(values_of(root)[1], RIGHT)
    Image.fromarray(np.dstack([VALUES] * 3)).save(root / "masks" / "a.png")
    _, found, problems = values_of(root)
    assert np.array_equal(found, RIGHT) and "grey" in problems[0]


def test_a_wrong_palette_is_passed_over_and_a_shuffled_one_is_followed(tmp_path):
    root = dataset(tmp_path / "d", TWO)
    wrong = Image.fromarray(VALUES)
    wrong.putpalette([7, 7, 7, 90, 10, 10, 3, 200, 44] + [1] * 759)
    wrong.save(root / "masks" / "a.png")
    _, found, problems = values_of(root)
    assert np.array_equal(found, RIGHT) and not problems
    # As an optimiser leaves it: other indices, the colours as they were.
    shuffled = np.select([VALUES == 0, VALUES == 1, VALUES == 2], [3, 2, 0], 1).astype(np.uint8)
    picture = Image.fromarray(shuffled)
    picture.putpalette([0, 128, 0, 224, 224, 192, 128, 0, 0, 0, 0, 0])
    picture.save(root / "masks" / "a.png")
    _, found, problems = values_of(root)
    assert np.array_equal(found, RIGHT) and "palette" in problems[0]


def test_binary_masks_of_0_and_255_png_and_jpeg(tmp_path):
    root = dataset(tmp_path / "d")
    binary = np.where(VALUES == 1, 255, 0).astype(np.uint8)
    Image.fromarray(binary).save(root / "masks" / "a.png")
    classes, found, problems = values_of(root)
    assert classes == [("foreground", 255)] and np.array_equal(found, (VALUES == 1).astype(np.uint16)) and problems
    (root / "masks" / "a.png").unlink()
    Image.fromarray(np.kron(binary, np.ones((8, 8), np.uint8))).save(root / "masks" / "a.jpg", quality=75)
    _, found, problems = values_of(root)
    assert np.array_equal(found, np.kron(VALUES == 1, np.ones((8, 8))).astype(np.uint16)) and "JPEG" in str(problems)


def test_names_without_values_and_masks_that_count_from_one(tmp_path):
    root = dataset(tmp_path / "a", names="background\r\ncat\r\n狗\r\n")
    Image.fromarray(VALUES).save(root / "masks" / "a.png")
    classes, found, _ = values_of(root)
    assert classes == [("cat", 1), ("狗", 2)] and np.array_equal(found, RIGHT)
    assert values_of(root, {"background": True})[0][0] == ("background", 0)
    root = dataset(tmp_path / "b", names="cat\ndog\n")
    Image.fromarray(VALUES).save(root / "masks" / "a.png")
    classes, found, problems = values_of(root)
    assert [name for name, _ in classes] == ["cat", "dog"] and np.array_equal(found, RIGHT)
    assert "from 1" in problems[0]
    root = dataset(tmp_path / "c", [(0, "cat", ""), (1, "dog", "")])
    Image.fromarray(np.where(VALUES == 0, 255, VALUES)).save(root / "masks" / "a.png")
    _, found, problems = values_of(root)
    assert np.array_equal(found, np.where(VALUES == 0, IGNORE, RIGHT)) and "from 1" in problems[0]


def test_values_and_colours_without_a_class_are_counted(tmp_path):
    root = dataset(tmp_path / "d", TWO[:1])
    Image.fromarray(VALUES).save(root / "masks" / "a.png")
    with opened(root, "masks") as importer:
        (image,) = importer.images()
        for _ in range(2):  # read twice, counted once
            build_layers(image, [1])
        (problem,) = importer.problems
    assert problem.count == int((VALUES == 2).sum()) and "value 2" in problem.sentence and problem.where == "a.png"
    shown = np.zeros((*VALUES.shape, 3), np.uint8)
    shown[VALUES == 1], shown[VALUES == 2] = (128, 0, 0), (1, 2, 3)
    Image.fromarray(shown).save(root / "masks" / "a.png")
    assert "#010203" in values_of(root)[2][0]


def test_no_list_of_classes(tmp_path):
    root = dataset(tmp_path / "d")
    Image.fromarray(VALUES).save(root / "masks" / "a.png")
    assert values_of(root)[0] == [("class 1", 1), ("class 2", 2)]
    assert values_of(root, {"ignore": -1})[0] == [("class 1", 1), ("class 2", 2), ("class 255", 255)]


def test_odd_layouts(tmp_path):
    mask = Image.fromarray(np.where(VALUES == 255, 0, VALUES))
    photo = Image.fromarray(np.zeros((*VALUES.shape, 3), np.uint8))
    for split in ("train", "valid"):
        for kind, file in (("Images", photo), ("Labels", mask)):
            (tmp_path / "a" / split / kind).mkdir(parents=True)
            file.save(tmp_path / "a" / split / kind / f"路 {split}.png")
    found = read_dataset("masks", tmp_path / "a")
    assert found.splits == {"路 train": "train", "路 valid": "val"} and all(found.images.values())
    (tmp_path / "b").mkdir()
    photo.save(tmp_path / "b" / "x.jpg")
    mask.save(tmp_path / "b" / "x_mask.png")
    found = read_dataset("masks", tmp_path / "b")
    assert {name: path.name for name, path in found.images.items()} == {"x": "x.jpg"}
    (tmp_path / "c" / "scans").mkdir(parents=True)
    (tmp_path / "c" / "truth").mkdir()
    photo.save(tmp_path / "c" / "scans" / "x.tif")
    mask.save(tmp_path / "c" / "truth" / "x.tif.png")
    found = read_dataset("masks", tmp_path / "c", {"image_folder": "scans", "mask_folder": "truth"})
    assert found.images["x"].name == "x.tif"


def test_missing_images_missing_masks_and_damaged_files(tmp_path):
    root = dataset(tmp_path / "d", TWO)
    Image.fromarray(VALUES).save(root / "masks" / "b.png")
    (root / "masks" / "c.png").write_bytes((root / "masks" / "b.png").read_bytes()[:60])
    with opened(root, "masks") as importer:
        images = {image.name: image for image in importer.images()}
        assert set(images) == {"b.png", "c.png"} and images["b.png"].image is None and images["b.png"].reason
        with pytest.raises(UserError):
            list(images["c.png"].open_labels(NEVER))
        assert [item.sentence for item in importer.problems] == ["Images that have no mask do not come"]
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    Image.fromarray(noise).save(root / "masks" / "c.png")
    with opened(root, "masks") as importer, pytest.raises(UserError, match="photograph"):
        for image in importer.images():
            build_layers(image, [1, 2])


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_lead_out_are_not_followed(tmp_path):
    root = dataset(tmp_path / "d", TWO)
    Image.fromarray(VALUES).save(tmp_path / "secret.png")
    (root / "masks" / "a.png").symlink_to(tmp_path / "secret.png")
    (root / "masks" / "more").symlink_to(tmp_path)
    found = read_dataset("masks", root)
    assert not found.layers and sum("link" in item.sentence for item in found.problems) == 2


def test_objects_beside_masks(tmp_path):
    root = dataset(tmp_path / "d", TWO)
    (root / "objects").mkdir()
    Image.fromarray(VALUES).save(root / "masks" / "a.png")
    ids = np.where(VALUES == 1, 700, 0).astype(np.uint16)
    ids[10:, :] = np.where(VALUES[10:] == 1, 2, 0)
    Image.fromarray(ids).save(root / "objects" / "a.png")
    found = read_dataset("masks", root)
    objects, stuff, _ = found.facts("a")
    assert objects == {
        ("cat", np.packbits(ids == 700).tobytes()): 1,
        ("cat", np.packbits(ids == 2).tobytes()): 1,
    }
    assert set(stuff) == {"dog"}


def test_large_masks_are_read_in_strips(tmp_path, monkeypatch):
    from segstudio.io.formats import index_png

    monkeypatch.setattr(index_png, "_WHOLE_PIXELS", 0)
    rng = np.random.default_rng(1)
    short = rng.integers(0, 9, (600, 333)).astype(np.uint8)
    write_index_png(tmp_path / "a.png", 333, 600, [short], np.zeros((256, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), short)  # "sub" rows
    deep = (short.astype(np.uint16) * 4001) % 60000
    write_index_png(tmp_path / "c.png", 333, 600, [deep])
    for name, values in (("a", short), ("b", short), ("c", deep)):
        strips = list(read_index_strips(tmp_path / f"{name}.png"))
        assert [len(strip) for strip in strips] == [256, 256, 88] and np.array_equal(np.vstack(strips), values)
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        list(read_index_strips(tmp_path / "a.png"))
    (tmp_path / "c.png").write_bytes((tmp_path / "c.png").read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged"):
        list(read_index_strips(tmp_path / "c.png"))


def test_real_nuclei_with_objects():
    root = shared_data("nuclei")
    with opened(root, "masks") as importer:
        images = importer.images()
        first = next(images)
        assert [item.name for item in importer.classes] == ["class 1"]
        builder = build_layers(first, [1])
    truth = np.asarray(Image.open(root / "objects" / "test" / f"{first.name.rsplit('.', 1)[0]}.png"))
    assert builder.counts.objects == {0: len(np.unique(truth)) - 1}
