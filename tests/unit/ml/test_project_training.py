"""A project's labels as training data, and runs of a project."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from small_projects import paint, run, small_project, spot_picture

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.plan import TrainPlan
from segstudio.ml.registry import Catalog
from segstudio.ml.training.patches import PairCache
from segstudio.ml.training.project_source import project_data
from segstudio.ml.training.sources import TrainImage, load_data, with_validation
from segstudio.ml.training.trainer import Trainer

SPOT = Rect(20, 20, 30, 30)


def data_of(project, **options):
    return project_data(project, **{"val_fraction": 0.25, "seed": 0, **options})


def targets(data):
    return {image.name: image.read_target() for image in data.images}


def expected(inside, outside):
    values = np.full((64, 64), outside, np.uint8)
    values[SPOT.slices] = inside
    return values


# -- what unlabelled pixels are --------------------------------------------------------------------------------------


def test_unlabelled_is_background_where_done_and_ignored_where_not(tmp_path):
    project = small_project(tmp_path / "p", images=3)
    with ProjectStore.open(project) as store:
        store.set_status([1, 3], "done")
    data = data_of(project)
    assert (data.classes, data.background_index, data.note) == (("background", "spot"), 0, "")
    assert data.colors[1] == ClassTable().added("spot")[0].color
    found = targets(data)
    np.testing.assert_array_equal(found["im0.png"], expected(1, 0))
    np.testing.assert_array_equal(found["im1.png"], expected(1, 255))
    np.testing.assert_array_equal(found["im2.png"], expected(1, 0))


def test_while_no_image_is_done_unlabelled_is_background_and_that_is_said(tmp_path):
    data = data_of(small_project(tmp_path / "p"))
    assert "No image is marked done" in data.note
    for values in targets(data).values():
        np.testing.assert_array_equal(values, expected(1, 0))


def test_ignored_pixels_stay_ignored(tmp_path):
    project = small_project(tmp_path / "p")
    with ProjectStore.open(project) as store:
        layer = store.labels_layer(1)
        transaction = Transaction(layer, "Ignore")
        transaction.write(Rect(0, 0, 64, 8), np.full((8, 64), 65535, np.uint16), np.ones((8, 64), bool))
        store.commit(transaction.commit())
        store.set_status([1, 2], "done")
    values = targets(data_of(project))["im0.png"]
    assert (values[:8] == 255).all() and (values[8:20] == 0).all()


def test_an_own_background_that_is_painted_leaves_the_rest_unknown(tmp_path):
    project = small_project(tmp_path / "p", classes=("spot", "Background"))
    with ProjectStore.open(project) as store:
        paint(store, 1, 2, Rect(0, 0, 64, 10))
        store.set_status([1, 2], "done")
    data = data_of(project)
    assert (data.classes, data.background_index, data.note) == (("Background", "spot"), 0, "")
    values = targets(data)["im0.png"]
    wanted = expected(1, 255)
    wanted[:10] = 0
    np.testing.assert_array_equal(values, wanted)


def test_an_own_background_nobody_painted_is_what_is_unlabelled(tmp_path):
    project = small_project(tmp_path / "p", classes=("spot", "background"))
    with ProjectStore.open(project) as store:
        store.set_status([1, 2], "done")
        color = store.classes[1].color
    data = data_of(project)
    assert (data.classes, data.colors[0], data.background_index) == (("background", "spot"), color, 0)
    np.testing.assert_array_equal(targets(data)["im0.png"], expected(1, 0))


def test_where_a_class_owns_nought_every_pixel_belongs_to_a_class(tmp_path):
    files = [spot_picture(tmp_path / f"{i}.png") for i in range(2)]
    table = ClassTable().added("spot", mask_value=5).added("sky", mask_value=0)
    with ProjectStore.create(tmp_path / "p", table) as store:
        store.add_images(files)
        for image in (1, 2):
            paint(store, image, 1, SPOT)
            paint(store, image, 2, Rect(0, 0, 64, 10))
        store.set_status([1, 2], "done")
    data = data_of(tmp_path / "p")
    assert (data.classes, data.background_index) == (("sky", "spot"), None)
    wanted = expected(1, 255)
    wanted[:10] = 0
    np.testing.assert_array_equal(targets(data)["0.png"], wanted)


def test_classes_without_labels_and_deleted_ones_are_not_learnt(tmp_path):
    project = small_project(tmp_path / "p", classes=("spot", "unused", "gone"))
    with ProjectStore.open(project) as store:
        paint(store, 1, 3, Rect(0, 0, 64, 10))
        assert data_of(project).classes == ("background", "spot", "gone")
        store.commit(store.delete_class_edit(3))
    data = data_of(project)
    assert data.classes == ("background", "spot")
    np.testing.assert_array_equal(targets(data)["im0.png"], expected(1, 0))


# -- splits ----------------------------------------------------------------------------------------------------------


def test_the_projects_own_splits_hold(tmp_path):
    project = small_project(tmp_path / "p", images=4)
    with ProjectStore.open(project) as store:
        store.set_split(1, "val")
        store.set_split(2, "test")
    data = data_of(project, val_fraction=0.9)
    assert {i.name: i.split for i in data.images} == {
        "im0.png": "val",
        "im1.png": "test",
        "im2.png": "train",
        "im3.png": "train",
    }


def test_without_splits_a_seeded_part_is_held_out(tmp_path):
    project = small_project(tmp_path / "p", images=5)
    held = {seed: [i.name for i in data_of(project, seed=seed, val_fraction=0.4).of_split("val")] for seed in range(6)}
    assert all(len(names) == 2 for names in held.values()) and len({tuple(n) for n in held.values()}) > 1
    assert held[0] == [i.name for i in data_of(project, seed=0, val_fraction=0.4).of_split("val")]


def test_images_of_one_name_are_held_out_one_by_one():
    images = tuple(TrainImage("a.png", f"{folder}/a.png", None, "train") for folder in "xyz")
    assert sorted(i.split for i in with_validation(images, 0.3, 0)) == ["train", "train", "val"]


def test_images_without_labels_or_file_are_left_out(tmp_path):
    project = small_project(tmp_path / "p", images=4)
    with ProjectStore.open(project) as store:
        store.add_images([spot_picture(tmp_path / "unlabelled.png", seed=9)])
    (tmp_path / "pictures" / "im3.png").unlink()
    data = data_of(project)
    assert sorted(i.name for i in data.images) == ["im0.png", "im1.png", "im2.png"]
    assert "1 labelled images are left out" in data.note


# -- a single labelled image -----------------------------------------------------------------------------------------


def test_images_with_other_bands_are_left_out_and_named(tmp_path):
    project = small_project(tmp_path / "p", images=2)
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.zeros((5, 64, 64), np.uint16), planarconfig="separate", photometric="minisblack")
    with ProjectStore.open(project) as store:
        store.add_images([deep])
        layer = store.labels_layer(store.images()[-1].id)
        transaction = Transaction(layer, "x")
        transaction.paint(np.ones((20, 20), bool), 0, 0, transaction.ensure_stuff(1))
        store.commit(transaction.commit())
    data = data_of(project)
    assert sorted(targets(data)) == ["im0.png", "im1.png"]
    assert "1 labelled images are left out" in data.note and "deep.tif has 5" in data.note


def test_a_damaged_image_is_left_out_and_named(tmp_path):
    project = small_project(tmp_path / "p", images=3)
    with ProjectStore.open(project) as store:
        file = store.image_file(store.images()[1])
    file.write_bytes(b"not an image")
    data = data_of(project)
    assert sorted(targets(data)) == ["im0.png", "im2.png"]
    assert "1 labelled images are left out" in data.note and file.name in data.note


@pytest.mark.parametrize(("width", "height"), [(200, 64), (64, 200)])
def test_a_single_image_is_cut_in_two_without_overlap(tmp_path, width, height):
    project = small_project(tmp_path / "p", images=1, width=width, height=height, is_labelled=False)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(0, 0, width, height // 2) if width > height else Rect(0, 0, width // 2, height))
    data = data_of(project)
    (train,), (val,) = data.of_split("train"), data.of_split("val")
    assert "a part of it is held out" in data.note
    assert train.window.intersected(val.window).is_empty
    assert train.window.width * train.window.height + val.window.width * val.window.height == width * height
    plan = TrainPlan(out="", project=str(project))
    values, target = PairCache((val,), plan, 3, "unit8")[0]
    assert values.shape == (3, *target.shape) == (3, val.window.height, val.window.width) and (target == 1).any()


def test_the_part_that_leaves_both_with_labels_is_held_out(tmp_path):
    project = small_project(tmp_path / "p", images=1, width=200, is_labelled=False)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(5, 5, 60, 20))
    data = data_of(project)
    assert data.of_split("val")[0].window == Rect(0, 0, 50, 64)
    assert all((i.read_target()[i.window.slices] == 1).any() for i in data.images)


@pytest.mark.parametrize(
    ("width", "rect", "words"), [(40, Rect(0, 0, 40, 40), "too small"), (300, Rect(120, 5, 20, 20), "in one corner")]
)
def test_a_single_image_that_cannot_be_cut(tmp_path, width, rect, words):
    project = small_project(tmp_path / "p", images=1, width=width, height=min(width, 64), is_labelled=False)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, rect)
    with pytest.raises(UserError, match=words) as caught:
        data_of(project)
    assert "im0.png" in str(caught.value)
    assert len(data_of(project, may_cut=False).images) == 1


def test_the_only_training_image_may_have_its_own_validation_images(tmp_path):
    project = small_project(tmp_path / "p", images=2)
    with ProjectStore.open(project) as store:
        store.set_split(2, "val")
    data = data_of(project)
    assert [i.window for i in data.images] == [None, None]
    with ProjectStore.open(project) as store:
        store.set_split(2, "test")
    assert [(i.split, i.window) for i in data_of(project).images] == [
        ("train", Rect(0, 0, 32, 64)),
        ("val", Rect(32, 0, 32, 64)),
        ("test", None),
    ]


# -- nothing to learn ------------------------------------------------------------------------------------------------


def test_no_labels_and_no_files_are_said(tmp_path):
    empty = small_project(tmp_path / "a" / "p", is_labelled=False)
    with pytest.raises(UserError, match="no image of the project has labels") as caught:
        data_of(empty)
    assert str(empty) in str(caught.value) and "accept a proposal" in str(caught.value)
    project = small_project(tmp_path / "b" / "p")
    for file in (tmp_path / "b" / "pictures").iterdir():
        file.unlink()
    with pytest.raises(UserError, match="files of all labelled images are missing") as caught:
        data_of(project)
    assert "im0.png" in str(caught.value)


def test_one_class_alone_cannot_be_learnt(tmp_path):
    files = [spot_picture(tmp_path / f"{i}.png") for i in range(2)]
    with ProjectStore.create(tmp_path / "p", ClassTable().added("sky", mask_value=0)) as store:
        store.add_images(files)
        paint(store, 1, 1, SPOT)
        paint(store, 2, 1, SPOT)
    plan = TrainPlan(out="", project=str(tmp_path / "p"))
    with pytest.raises(UserError, match="fewer than two classes"):
        load_data(plan)
    assert load_data(plan, is_for_training=False).classes == ("sky",)


def test_an_image_that_changed_its_size_is_named(tmp_path):
    project = small_project(tmp_path / "p")
    spot_picture(tmp_path / "pictures" / "im0.png", width=80)
    data = data_of(project)
    pairs = PairCache(data.images, TrainPlan(out="", project=str(project)), 3, "unit8")
    place = [i.name for i in data.images].index("im0.png")
    with pytest.raises(UserError, match="64×64 pixels but the image 80×64") as caught:
        pairs[place]
    assert "im0.png" in str(caught.value)


# -- runs ------------------------------------------------------------------------------------------------------------


def quick_plan(project, out, **changes):
    values = dict(
        project=str(project), out=str(out), is_pretrained=False, epochs=1, batch=2, patch_px=32, threads=1, device="cpu", precision="fp32",
        augment="none", has_tensorboard=False, patches_per_image=2,
    )  # fmt: skip
    return TrainPlan(**{**values, **changes})


def test_training_goes_on_beside_an_open_window_and_the_run_is_in_the_catalog(tmp_path, capsys):
    project = small_project(tmp_path / "p", images=3)
    places = iter(range(60))
    with ProjectStore.open(project) as store:
        finished = Trainer.run(
            quick_plan(project, project / "runs" / "quick"),
            lambda event: paint(store, 1, 2, Rect(next(places), 0, 3, 3)),
        )
        assert not store.is_read_only and store.labelled_pixels()[2] > 9
    entry = Catalog(project).find("quick")
    assert entry.is_available and entry.card.id == "runs/quick" and entry.card.weights.kind == "project"
    assert entry.card.weights.path == finished.best and entry.card.classes == ("background", "spot")
    assert "runs/quick" not in [e.card.id for e in Catalog().entries()]
    listed = json.loads(run(capsys, "models", "list", "--project", project, "--json")[1])
    assert "runs/quick" in [m["id"] for m in listed]


def test_a_single_image_can_be_trained_on(tmp_path):
    project = small_project(tmp_path / "p", images=1, width=160, is_labelled=False)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(0, 20, 160, 20))
    finished = Trainer.run(quick_plan(project, tmp_path / "run"), lambda event: None)
    assert finished.epochs == 1 and finished.metrics["mean_iou"] is not None
