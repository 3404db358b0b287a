"""Training on images too large to be held: windows equal the whole, only labelled places are read, memory stays small."""

from __future__ import annotations

import gc
import json
import os
import pickle
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from big_image_help import SPOTS, sparse_tiff
from PIL import Image
from small_projects import paint

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.training import big_pairs, patches, targets
from segstudio.ml.training.big_pairs import BigPair
from segstudio.ml.training.class_weights import pixel_counts
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.label_index import label_index
from segstudio.ml.training.patches import PairCache, load_pair
from segstudio.ml.training.sources import folder_data, known_target, load_data
from segstudio.ml.training.validate import validate

SIDE = 700


@pytest.fixture
def is_small_big(monkeypatch):
    """What has more than 300 000 pixels is too large to be held."""
    for module in (targets, big_pairs, patches):
        monkeypatch.setattr(module, "BIG_PX", 300_000)
    monkeypatch.setattr(patches, "WINDOWED_PX", 300_000)


@pytest.fixture
def folder(tmp_path):
    """A picture of 700 × 600 as tiled TIFF with nodata, and its mask as tiled TIFF and as PNG."""
    draw = np.random.default_rng(3)
    values = draw.integers(10, 250, (600, SIDE, 3)).astype(np.uint8)
    values[:40, :300] = 0
    mask = np.full((600, SIDE), 255, np.uint8)
    mask[20:330, 20:280] = 0
    mask[100:180, 60:200] = 1
    mask[400:410, 640:650] = 2
    nodata = (42113, 2, 2, "0", True)
    for kind in ("images", "tiled", "plain"):
        (tmp_path / kind).mkdir()
    tifffile.imwrite(
        tmp_path / "images" / "a.tif", values, photometric="rgb", tile=(128, 128), extratags=[nodata], metadata=None
    )
    tifffile.imwrite(tmp_path / "tiled" / "a.tif", mask, tile=(128, 128), metadata=None)
    Image.fromarray(mask).save(tmp_path / "plain" / "a.png")
    return tmp_path


def image_of(folder, masks="tiled"):
    from segstudio.io.datasets import parse_data_spec

    (image,) = folder_data(
        parse_data_spec(f"folder:{folder / 'images'},{folder / masks}"), val_fraction=0.2, seed=0
    ).images
    return image


def whole_pair(image, **options):
    return load_pair(image, **{"bands": 3, "scaling": "unit8", "long_side_px": 0, **options})


@pytest.mark.parametrize("masks", ["tiled", "plain"])
@pytest.mark.parametrize("window", [None, Rect(10, 50, 500, 430)])
def test_windows_are_parts_of_the_whole(folder, masks, window, monkeypatch):
    image = replace(image_of(folder, masks), window=window)
    values, target = whole_pair(image)
    for module in (targets, big_pairs, patches):
        monkeypatch.setattr(module, "BIG_PX", 100_000)
    with closing(BigPair(image, bands=3, scaling="unit8", long_side_px=0, scratch=folder / "scratch")) as pair:
        assert pair.shape == target.shape
        for rect in (Rect(0, 0, 64, 64), Rect(5, 31, 200, 90), Rect(0, 0, target.shape[1], target.shape[0])):
            np.testing.assert_array_equal(pair.target(rect), target[rect.slices])
            np.testing.assert_array_equal(pair.values(rect).astype(np.float16), values[:, *rect.slices])
    # A mask that has no windows was unpacked once, beside the run.
    assert (folder / "scratch").exists() == (masks == "plain")
    again, same = whole_pair(image, scratch=folder / "scratch")
    np.testing.assert_array_equal(again, values)
    np.testing.assert_array_equal(same, target)


@pytest.mark.parametrize("long_side_px", [350, 175, 900])
def test_at_a_working_scale_labels_are_those_of_the_whole_and_values_nearly(folder, long_side_px, is_small_big):
    image = image_of(folder)
    with closing(BigPair(image, bands=3, scaling="unit8", long_side_px=long_side_px)) as pair:
        rect = Rect(3, 7, 120, 100)
        found, values = pair.target(rect), pair.values(rect)
        coarse = pair.values(Rect(0, 0, pair.shape[1], pair.shape[0]))
    for module in (targets, big_pairs, patches):
        module.BIG_PX = 1 << 24  # put back by the fixture
    whole, target = whole_pair(image, long_side_px=long_side_px)
    assert pair.shape == target.shape
    np.testing.assert_array_equal(found, target[rect.slices])
    assert float(np.abs(coarse - whole).mean()) < 0.03
    assert float(np.abs(values - whole[:, *rect.slices]).mean()) < 0.05


def test_the_index_counts_what_is_labelled_and_holds_data(folder):
    image = image_of(folder)
    index = label_index(image)
    known = known_target(image)
    assert (known == IGNORE_INDEX).sum() > (image.read_target() == IGNORE_INDEX).sum()
    np.testing.assert_array_equal(index.pixels, np.bincount(known.ravel(), minlength=256)[:3])
    assert index.tiles.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [1, 2]]
    part = replace(image, window=Rect(300, 300, 400, 300))
    assert label_index(part).pixels.tolist() == [0, 0, 100]
    np.testing.assert_array_equal(pixel_counts([image], 3)[0], index.pixels)


def test_class_weights_of_a_large_image_come_from_its_index(folder, is_small_big):
    image = image_of(folder)
    known = known_target(image)
    np.testing.assert_array_equal(pixel_counts([image], 3)[0], np.bincount(known.ravel(), minlength=256)[:3])


@pytest.mark.usefixtures("is_small_big")
def test_patches_of_a_large_image_lie_where_it_is_labelled(folder):
    image = image_of(folder)
    plan = TrainPlan(out="", data="x", patch_px=32, patches_per_image=60, augment="none")
    dataset = SegmentationDataset((image,), [(SIDE, 600)], plan, 3, "unit8")
    labelled = [float((dataset[1, i][1] != IGNORE_INDEX).float().mean()) for i in range(60)]
    assert min(labelled) > 0
    # The speck of 100 pixels among 75 000 is hardly seen, but when classes are balanced.
    has_speck = sum(bool((dataset[1, i][1] == 2).any()) for i in range(60))
    balanced = SegmentationDataset((image,), [(SIDE, 600)], replace(plan, sampling="balanced"), 3, "unit8")
    found = [balanced[1, i][1] for i in range(60)]
    assert has_speck <= 3 and 12 <= sum(bool((mask == 2).any()) for mask in found) <= 30
    assert all(np.array_equal(balanced[1, i][1], found[i]) for i in (3, 40))
    auto = SegmentationDataset((image,), [(SIDE, 600)], replace(plan, patches_per_image=0), 3, "unit8")
    assert len(auto) == 64


@pytest.mark.usefixtures("is_small_big")
def test_masks_that_were_unpacked_go_with_the_dataset_and_not_with_its_copies(folder):
    image, scratch = image_of(folder, "plain"), folder / "run" / "masks"
    plan = TrainPlan(out="", data="x", patch_px=32, patches_per_image=3, augment="none")
    dataset = SegmentationDataset((image,), [(SIDE, 600)], plan, 3, "unit8", scratch=scratch)
    wanted = dataset[1, 0][1]
    copy = pickle.loads(pickle.dumps(dataset))  # as a loader's process gets it
    assert np.array_equal(copy[1, 0][1], wanted) and len(list(scratch.iterdir())) == 1
    del copy
    assert scratch.is_dir()
    del dataset
    gc.collect()
    assert not scratch.exists()


def test_each_class_is_sampled_as_often_as_any_other(tmp_path):
    images = []
    for i in range(4):
        values = np.zeros((60, 60), np.uint8)
        values[30:33, 30:33] = 1 if i == 0 else 0
        values[50:, 50:] = 2 if i < 2 else 0
        (tmp_path / "i").mkdir(exist_ok=True)
        (tmp_path / "m").mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (60, 60), np.uint8)).save(tmp_path / "i" / f"{i}.png")
        Image.fromarray(values).save(tmp_path / "m" / f"{i}.png")
    from segstudio.io.datasets import parse_data_spec

    images = folder_data(parse_data_spec(f"folder:{tmp_path / 'i'},{tmp_path / 'm'}"), val_fraction=0.2, seed=0).images
    plan = TrainPlan(out="", data="x", patch_px=32, patches_per_image=100, augment="none", seed=4, scale=(1, 1))
    sizes = [(60, 60)] * 4
    balanced = SegmentationDataset(images, sizes, replace(plan, sampling="balanced"), 3, "unit8")
    plain = SegmentationDataset(images, sizes, plan, 3, "unit8")

    def share(dataset, value):
        return sum(bool((dataset[1, i][1] == value).any()) for i in range(400)) / 400

    # Class 1 is in one image of four: a third of the draws begin with it, and some more see it by chance.
    assert share(plain, 1) < 0.28 and share(balanced, 1) > 0.33 and share(balanced, 2) > 0.33
    # Another seed, other places; the names that an error would tell are those of the images drawn.
    other = SegmentationDataset(images, sizes, replace(plan, sampling="balanced", seed=5), 3, "unit8")
    assert not all(np.array_equal(balanced[1, i][1], other[1, i][1]) for i in range(10))
    for i in range(20):
        (name,) = balanced.image_names([(1, i)])
        if (balanced[1, i][1] == 1).any():
            assert name == "0.png"


@pytest.mark.usefixtures("is_small_big")
def test_validation_of_a_large_image_square_by_square_counts_as_the_whole(folder, monkeypatch):
    import torch

    from segstudio.ml.networks.output import NetworkOutput
    from segstudio.ml.training import validate as validate_module

    class Pixelwise(torch.nn.Module):
        def forward(self, x):
            return NetworkOutput(torch.stack([x[:, 0], 1 - x[:, 0], x[:, 1]], 1))

    def loss(output, target):
        return torch.nn.functional.cross_entropy(output.logits, target, ignore_index=IGNORE_INDEX)

    image = image_of(folder)
    monkeypatch.setattr(validate_module, "WHOLE_PX", 256)
    options = dict(is_stopped=lambda: False, amp_dtype=None)
    plan = TrainPlan(out="", data="x")
    arguments = ["a"], ("x", "y", "z"), lambda x: x, loss, torch.device("cpu")
    parts = validate(Pixelwise(), PairCache((image,), plan, 3, "unit8"), *arguments, **options)
    for module in (targets, big_pairs, patches):
        module.BIG_PX = 1 << 24
    whole = validate(Pixelwise(), PairCache((image,), plan, 3, "unit8"), *arguments, **options)
    assert parts.confusion.sum() == (known_target(image) != IGNORE_INDEX).sum()
    # The whole is kept in half precision: a pixel in a thousand may fall otherwise.
    assert np.abs(parts.confusion - whole.confusion).sum() < 0.002 * whole.confusion.sum()
    assert parts.loss == pytest.approx(whole.loss, abs=1e-4)
    assert len(parts.pictures) == 1


@pytest.mark.usefixtures("is_small_big")
def test_a_project_tells_its_tiles_and_reads_no_empty_ones(tmp_path, monkeypatch):
    file = sparse_tiff(tmp_path / "big.tif", 2048, (Rect(100, 100, 80, 80),))
    with ProjectStore.create(tmp_path / "p", ClassTable().added("spot").added("ground")) as store:
        store.add_images([file])
        paint(store, 1, 2, Rect(60, 60, 200, 160))
        paint(store, 1, 1, Rect(100, 100, 80, 80))
        paint(store, 1, 1, Rect(1500, 1500, 40, 40))
    data = load_data(TrainPlan(out="", project=str(tmp_path / "p")), is_for_training=False)
    (image,) = data.images
    image = replace(image, read_target=replace(image.read_target, unlabelled_index=IGNORE_INDEX))
    with closing(image.read_target.opened(None)) as target:
        assert target.uniform(4, 4) == IGNORE_INDEX and target.uniform(0, 0) is None
        np.testing.assert_array_equal(target.window(Rect(50, 50, 300, 300)), image.read_target()[50:350, 50:350])
    index = label_index(image)
    assert index.tiles.tolist() == [[0, 0], [0, 1], [5, 5], [5, 6], [6, 5], [6, 6]]
    np.testing.assert_array_equal(index.pixels, np.bincount(image.read_target().ravel(), minlength=256)[:3])


# -- memory ----------------------------------------------------------------------------------------------------------


def run_child(out, **values):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    child = Path(__file__).with_name("big_image_help.py")
    done = subprocess.run(
        [sys.executable, child, str(out), json.dumps(values)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, after, epochs, iou = done.stdout.split()[-4:]
    return float(before), float(after), int(epochs), iou


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module to measure memory")
def test_a_picture_of_900_megapixels_is_trained_on_in_little_memory(tmp_path):
    file = sparse_tiff(tmp_path / "huge.tif", 30_000)
    with ProjectStore.create(tmp_path / "p", ClassTable().added("spot").added("ground", mask_value=0)) as store:
        store.add_images([file])
        for spot in SPOTS:
            paint(store, 1, 2, spot.expanded(120))
            paint(store, 1, 1, spot)
    before, after, epochs, iou = run_child(
        tmp_path / "run", project=str(tmp_path / "p"), split_by="blocks", block_px=4000, sampling="balanced"
    )
    # As a whole the picture alone is 2.7 GB, its labels another 0.9.
    assert epochs == 1 and iou != "None" and after - before < 500, (before, after)
    assert not (tmp_path / "run" / "masks").exists()
