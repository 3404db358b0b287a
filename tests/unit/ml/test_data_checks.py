"""Data that nothing can be learnt from: each case is one sentence that says what to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image
from small_projects import paint, small_project

from segstudio.core.classes import ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.training.data_checks import check_labels
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.label_index import label_index
from segstudio.ml.training.sources import TrainData, load_data
from segstudio.ml.training.trainer import Trainer


def pair(folder, name, mask, *, seed=0, bands=3, split=""):
    images, masks = folder / "images" / split, folder / "masks" / split
    for place in (images, masks):
        place.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (*mask.shape, bands), np.uint8)
    if bands > 3:
        tifffile.imwrite(images / f"{name}.tif", values, photometric="minisblack", planarconfig="contig", metadata=None)
    else:
        Image.fromarray(values).save(images / f"{name}.png")
    Image.fromarray(mask).save(masks / f"{name}.png")


def plan_of(folder, **values):
    return TrainPlan(out="", data=f"folder:{folder / 'images'},{folder / 'masks'}", **values)


def half(value=1, side=64):
    mask = np.zeros((side, side), np.uint8)
    mask[: side // 2] = value
    return mask


def test_labels_of_one_class_only(tmp_path):
    for i in range(3):
        pair(tmp_path, f"{i}", np.full((64, 64), 1, np.uint8), seed=i)
    with pytest.raises(UserError, match="fewer than two classes") as caught:
        load_data(plan_of(tmp_path))
    assert "Label a second class" in str(caught.value)
    # The class list has two, the pixels of the training images one.
    (tmp_path / "classes.json").write_text('[{"value": 0, "name": "ground"}, {"value": 1, "name": "tree"}]')
    with pytest.raises(UserError, match=r"belong to one class \(tree\)"):
        load_data(plan_of(tmp_path))


def test_no_labelled_pixel(tmp_path):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "classes.json").write_text('[{"value": 0, "name": "ground"}, {"value": 1, "name": "tree"}]')
    for i in range(3):
        pair(tmp_path, f"{i}", np.full((64, 64), 255, np.uint8), seed=i)
    with pytest.raises(UserError, match="no pixel of the training images is labelled") as caught:
        load_data(plan_of(tmp_path))
    assert "images" in str(caught.value)
    # Where ignored pixels are learnt as a class, that is still one class only.
    with pytest.raises(UserError, match=r"belong to one class \(ground\)"):
        load_data(plan_of(tmp_path, ignored_as="ground"))


@pytest.mark.parametrize(("splits", "words"), [(("val",), "training"), (("train", "test"), "")])
def test_a_split_without_images(tmp_path, splits, words):
    for number, split in enumerate(splits):
        for i in range(1):
            pair(tmp_path, f"{i}{split}", half(), seed=10 * number + i, split=split)
    with pytest.raises(UserError, match=f"no image is left for {words or 'validation'}") as caught:
        load_data(plan_of(tmp_path))
    assert "--split-by blocks" in str(caught.value)


def test_images_of_another_number_of_bands_are_left_out_and_named(tmp_path):
    for i in range(3):
        pair(tmp_path, f"rgb{i}", half(), seed=i)
    pair(tmp_path, "five", half(), seed=9, bands=5)
    data = load_data(plan_of(tmp_path))
    assert sorted(i.name for i in data.images) == ["rgb0.png", "rgb1.png", "rgb2.png"]
    assert "1 labelled images are left out" in data.note and "five.tif has 5" in data.note
    # Nothing but the odd one is left for validation: then the run does not begin.
    other = tmp_path / "split"
    for i in range(2):
        pair(other, f"rgb{i}", half(), seed=i, split="train")
    pair(other, "five", half(), seed=9, bands=5, split="val")
    data = load_data(plan_of(other))
    assert not any(i.name == "val/five.tif" for i in data.images)


def test_a_class_list_that_changed_since_the_run(tmp_path):
    project = small_project(tmp_path / "p", images=3)
    plan = TrainPlan(
        out=str(tmp_path / "run"), project=str(project), arch="enet", epochs=1, batch=2, patch_px=32, device="cpu", threads=1,
        precision="fp32", has_tensorboard=False, is_pretrained=False, augment="none", patches_per_image=1,
    )  # fmt: skip
    Trainer.run(plan, lambda event: None)
    weights = (tmp_path / "run" / "last.safetensors").read_bytes()
    with ProjectStore.open(project) as store:
        store.set_classes(ClassTable(tuple(replace(c, name="blob") if c.id == 1 else c for c in store.classes)))
    with pytest.raises(
        UserError, match="this run learns background, spot, but the labels now hold background, blob"
    ) as caught:
        Trainer.run(replace(plan, is_resumed=True, epochs=1), lambda event: None)
    assert "--from" in str(caught.value)
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == weights


def test_nodata_and_ignored_pixels_reach_no_patch_and_no_metric(tmp_path):
    """Three quarters of the picture hold no data, though the mask says they are a class."""
    file = tmp_path / "images" / "a.tif"
    file.parent.mkdir()
    (tmp_path / "masks").mkdir()
    values = np.random.default_rng(0).integers(10, 250, (128, 128, 3)).astype(np.uint8)
    values[32:] = 0
    tifffile.imwrite(file, values, photometric="rgb", extratags=[(42113, 2, 2, "0", True)], metadata=None)
    mask = half(side=128)
    mask[:, :8] = 255
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    images = load_data(plan_of(tmp_path), is_for_training=False).images
    for sampling in ("labelled", "balanced"):
        plan = plan_of(tmp_path, patch_px=32, patches_per_image=12, augment="none", sampling=sampling, scale=(1, 1))
        dataset = SegmentationDataset(images, [(128, 128)], plan, 3, "unit8")
        for i in range(12):
            x, y = dataset[1, i]
            dark = (x == 0).all(0)
            assert bool((y[dark] == IGNORE_INDEX).all()) and bool((y != IGNORE_INDEX).any())
            assert not bool((y == 0).any()), "the lower half, which holds no data, was learnt"
    # One class is left where there is data.
    with pytest.raises(UserError, match=r"belong to one class \(class 1\)"):
        check_labels(TrainData(("background", "class 1"), ("", ""), 0, images))


def test_what_is_labelled_in_a_projects_nodata_is_not_learnt(tmp_path):
    file = tmp_path / "a.tif"
    values = np.random.default_rng(0).integers(10, 250, (128, 128, 3)).astype(np.uint8)
    values[:, 64:] = 0
    tifffile.imwrite(file, values, photometric="rgb", extratags=[(42113, 2, 2, "0", True)], metadata=None)
    with ProjectStore.create(tmp_path / "p", ClassTable().added("spot").added("other")) as store:
        store.add_images([file])
        paint(store, 1, 1, Rect(0, 0, 128, 64))
        store.set_status([1], "done")
    (image,) = load_data(TrainPlan(out="", project=str(tmp_path / "p")), is_for_training=False).images
    assert label_index(image).pixels.tolist() == [64 * 64, 64 * 64]
