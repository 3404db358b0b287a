"""Object ids that the data tells of: in the loader they tell neighbours apart that touch."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from small_projects import spot_picture

from segstudio.core.border_weights import border_weights
from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.io.datasets import parse_data_spec
from segstudio.io.store.project import ProjectStore
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.dataset import SegmentationDataset, object_ids
from segstudio.ml.training.patches import load_objects
from segstudio.ml.training.project_source import project_data
from segstudio.ml.training.sources import folder_data

SIDE = 64


def two_that_touch():
    """Ids of two squares side by side, of one class."""
    ids = np.zeros((SIDE, SIDE), np.uint16)
    ids[20:40, 10:30], ids[20:40, 30:50] = 7, 300
    return ids


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def weights_of(images, **options):
    plan = TrainPlan(
        out="", data="x", patch_px=SIDE, patches_per_image=1, scale=(1, 1), border_weight=(10.0, 5.0),
        **{"augment": "none", **options},
    )  # fmt: skip
    dataset = SegmentationDataset(images, [(SIDE, SIDE)] * len(images), plan, 3, "unit8", background_index=0)
    return [dataset[1, i] for i in range(len(dataset))]


@pytest.fixture
def folder(tmp_path):
    ids = two_that_touch()
    spot_picture(tmp_path / "images" / "a.png")
    save(tmp_path / "masks" / "a.png", (ids > 0).astype(np.uint8))
    save(tmp_path / "objects" / "a.png", ids)
    return tmp_path


def images_of(spec):
    return folder_data(parse_data_spec(spec), val_fraction=0.2, seed=0).images


def test_a_folder_of_objects_beside_the_masks_is_used(folder):
    spec = f"folder:{folder / 'images'},{folder / 'masks'}"
    ((_, target, weights),) = weights_of(images_of(spec))
    np.testing.assert_array_equal(weights.numpy(), border_weights(two_that_touch().astype(np.int32)))
    assert float(weights[30, 29]) > 5 and (target.numpy() == (two_that_touch() > 0)).all()
    # Without it they are one piece, which has no neighbour.
    (folder / "objects" / "a.png").unlink()
    ((_, _, plain),) = weights_of(images_of(spec))
    assert not plain.any()


@pytest.mark.parametrize("augment", ["light", "overhead", "standard"])
def test_objects_move_with_the_mask(folder, augment):
    spec = f"folder:{folder / 'images'},{folder / 'masks'}"
    for seed in range(6):
        ((_, target, weights),) = weights_of(images_of(spec), augment=augment, seed=seed)
        # The border lies inside what is labelled, wherever that was turned to.
        top = weights > 9.5
        assert top.any() and bool((target[top] != 0).all())
        plan = TrainPlan(out="", data="x", patch_px=SIDE, patches_per_image=1, scale=(1, 1), augment=augment, seed=seed)
        plain = SegmentationDataset(images_of(spec), [(SIDE, SIDE)], plan, 3, "unit8", background_index=0)
        assert torch.equal(plain[1, 0][1], target)


def test_segments_of_a_project_are_objects(tmp_path):
    file = spot_picture(tmp_path / "a.png")
    ids = two_that_touch()
    with ProjectStore.create(tmp_path / "p", ClassTable().added("cell").added("stuff")) as store:
        store.add_images([file])
        transaction = Transaction(store.labels_layer(1), "x")
        for value in (7, 300):
            transaction.paint(ids == value, 0, 0, transaction.new_object(1))
        transaction.paint(np.ones((5, 30), bool), 10, 45, transaction.ensure_stuff(2))
        store.commit(transaction.commit())
        store.set_status([1], "done")
    (image,) = project_data(tmp_path / "p", val_fraction=0.2, seed=0, may_cut=False).images
    known = load_objects(image, 0)
    assert [int((known == v).sum()) for v in np.unique(known)] == [SIDE * SIDE - 800, 400, 400]
    ((_, target, weights),) = weights_of((image,))
    assert float(weights[30, 29]) > 5
    # The stuff is a piece of its own: a neighbour, too.
    assert float(weights[42, 20]) > 1 and set(target.unique().tolist()) == {0, 1, 2}


def test_annotations_of_coco_and_instances_of_voc_are_objects(tmp_path):
    ids = two_that_touch()
    spot_picture(tmp_path / "JPEGImages" / "a.png")
    save(tmp_path / "SegmentationClass" / "a.png", (ids > 0).astype(np.uint8))
    save(tmp_path / "SegmentationObject" / "a.png", np.where(ids == 300, 2, ids // 7).astype(np.uint8))
    (voc,) = images_of(f"voc:{tmp_path}")
    boxes = [[10, 20, 30, 20, 30, 40, 10, 40], [30, 20, 50, 20, 50, 40, 30, 40]]
    rows = [{"id": i, "image_id": 1, "category_id": 1, "area": 400, "segmentation": [b]} for i, b in enumerate(boxes)]
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": rows,
    }
    (tmp_path / "x.json").write_text(json.dumps(document))
    (coco,) = images_of(f"coco:{tmp_path / 'x.json'},{tmp_path / 'JPEGImages'}")
    for image in (voc, coco):
        known = load_objects(image, 0)
        assert np.unique(known).tolist() == [0, 1, 2] and known.dtype == np.int32
        assert float(weights_of((image,))[0][2][30, 29]) > 5
        assert load_objects(image, SIDE // 2).shape == (SIDE // 2, SIDE // 2)


def test_what_no_object_covers_falls_into_connected_pieces():
    mask = np.array([[1, 1, 0, 2, 255, 1]], np.uint8)
    known = np.array([[4, 9, 5, 0, 3, 0]], np.int32)
    assert object_ids(mask, known, 0).tolist() == [[4, 9, 0, 11, 0, 10]]  # class 1 before class 2
    # Beyond the picture there are no objects, whatever the fill.
    assert object_ids(mask, np.full((1, 6), 255, np.int32), 0).tolist() == [[1, 1, 0, 3, 0, 2]]
