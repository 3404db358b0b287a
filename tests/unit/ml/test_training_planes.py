"""Volumes in training: each labelled plane is an image of its own, and no volume is on both sides."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import tifffile
from small_projects import offer_bright, paint, run, spot_picture

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import RunStarted, StepDone, ValidationPictures
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.patches import PairCache
from segstudio.ml.training.project_source import project_data
from segstudio.ml.training.sources import TrainImage, known_target, read_image, with_validation
from segstudio.ml.training.trainer import Trainer

SIDE = 64


def stack(path, depth=6, seed=0):
    """Noise with a bright square that moves from plane to plane; (z, y, x) uint8."""
    values = np.random.default_rng(seed).integers(0, 60, (depth, SIDE, SIDE)).astype(np.uint8)
    for z in range(depth):
        values[z, 20:50, 4 * z : 4 * z + 30] += 190
    tifffile.imwrite(path, values, photometric="minisblack", metadata={"axes": "ZYX"})
    return values


def paint_planes(store, image_id, planes, class_id=1):
    transaction = Transaction(store.labels_layer(image_id), "test")
    segment = transaction.ensure_stuff(class_id)
    for z in planes:
        transaction.paint(np.ones((30, 30), bool), 4 * z, 20, segment, z=z)
    store.commit(transaction.commit())


def project_of(folder, *planes, flat=0, depth=6, done=True):
    """Stacks s0.tif, s1.tif … with labels on *planes* each, and *flat* pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for seed in range(len(planes)):
        files.append(folder / f"s{seed}.tif")
        stack(files[-1], depth, seed)
    files += [spot_picture(folder / f"flat{i}.png", seed=i) for i in range(flat)]
    with ProjectStore.create(folder / "p", ClassTable().added("spot").added("other")) as store:
        records = store.add_images(files).added
        for record, labelled in zip(records, planes):
            assert record.depth == depth
            paint_planes(store, record.id, labelled)
        for record in records[len(planes) :]:
            paint(store, record.id, 1, Rect(20, 20, 30, 30))
        if done:
            store.set_status([record.id for record in records], "done")
    return folder / "p"


def data_of(project, **options):
    return project_data(project, **{"val_fraction": 0.25, "seed": 0, **options})


def test_each_labelled_plane_is_an_image_with_its_own_labels_and_values(tmp_path):
    project = project_of(tmp_path, (1, 3), (0,))
    data = data_of(project, may_cut=False)
    assert sorted((i.name, i.z) for i in data.images) == [
        ("s0.tif, plane 2", 1),
        ("s0.tif, plane 4", 3),
        ("s1.tif, plane 1", 0),
    ]
    assert "2 volumes with 3 labelled planes" in data.note
    plan = TrainPlan(out="", project=str(project))
    pairs = PairCache(data.images, plan, 3, "unit8")
    for place, image in enumerate(data.images):
        truth = np.zeros((SIDE, SIDE), np.uint8)
        truth[20:50, 4 * image.z : 4 * image.z + 30] = 1
        np.testing.assert_array_equal(image.read_target(), truth)
        np.testing.assert_array_equal(known_target(image), truth)
        values, target = pairs[place]
        np.testing.assert_array_equal(target, truth)
        whole = tifffile.imread(image.file)
        np.testing.assert_array_equal(read_image(image.file, z=image.z)[0], whole[image.z])
        np.testing.assert_allclose(values[0], whole[image.z] / 255, atol=1e-3)


def test_only_the_plane_is_read(tmp_path, monkeypatch):
    project = project_of(tmp_path, (1, 3), (4,))
    asked = []
    opened = []
    from segstudio.io.readers import registry

    original = registry.open_image

    def spying(file, *arguments):
        reader = original(file, *arguments)
        opened.append(file)
        read = reader.read

        def spied(level, z, window):
            asked.append(z)
            return read(level, z, window)

        reader.read = spied
        return reader

    monkeypatch.setattr(registry, "open_image", spying)
    images = data_of(project, may_cut=False).images
    pairs = PairCache(images, TrainPlan(out="", project=str(project)), 3, "unit8")
    asked.clear()
    opened.clear()
    for place in range(3):
        pairs[place]
    assert sorted(set(asked)) == [1, 3, 4] and len(opened) == 2  # a volume stays open between its planes


def test_ignored_pixels_alone_make_no_training_plane(tmp_path):
    project = project_of(tmp_path, (1, 3), (0,))
    with ProjectStore.open(project) as store:
        transaction = Transaction(store.labels_layer(1), "Ignore")
        transaction.write(Rect(0, 0, 9, 9), np.full((9, 9), IGNORE, np.uint16), np.ones((9, 9), bool), z=5)
        store.commit(transaction.commit())
    assert [i.z for i in data_of(project, may_cut=False).images] == [1, 3, 0]


def test_an_image_that_is_not_done_is_unknown_where_unlabelled_on_every_plane(tmp_path):
    project = project_of(tmp_path, (1, 3), (0,))
    with ProjectStore.open(project) as store:
        store.set_status([1], "in_progress")
    for image in data_of(project, may_cut=False).images:
        assert set(np.unique(image.read_target())) == ({1, 255} if image.file.name == "s0.tif" else {0, 1})


# -- splits ----------------------------------------------------------------------------------------------------------


def test_no_volume_is_on_both_sides(tmp_path):
    project = project_of(tmp_path, (0, 1, 2), (3, 4), (1, 5), flat=2)
    seen = set()
    for seed in range(12):
        data = data_of(project, seed=seed, val_fraction=0.3)
        train, val = ({i.file.name for i in data.of_split(s)} for s in ("train", "val"))
        assert train and val and not train & val
        assert len(data.images) == 9
        seen.add(frozenset(val))
    assert len(seen) > 2


def test_the_share_counts_planes_and_leaves_both_sides_something():
    volumes = [TrainImage(f"{n}, plane {z}", f"{n}.tif", None, "train", z=z) for n in "abc" for z in range(100)]
    images = (*volumes, TrainImage("flat", "flat.png", None, "train"))
    for seed in range(8):
        held = [i for i in with_validation(images, 0.2, seed) if i.split == "val"]
        assert len({i.file for i in held}) in (1, 2) and 100 <= len(held) <= 101
    two = with_validation(tuple(i for i in images if i.file in ("a.tif", "flat.png")), 0.9, 1)
    assert {i.split for i in two} == {"train", "val"} and len({(i.file, i.split) for i in two}) == 2


def test_the_projects_own_splits_hold_for_all_planes(tmp_path):
    project = project_of(tmp_path, (1, 3), (2, 4))
    with ProjectStore.open(project) as store:
        store.set_split(2, "val")
    assert {(i.file.name, i.split) for i in data_of(project).images} == {("s0.tif", "train"), ("s1.tif", "val")}


def test_of_a_single_volume_a_run_of_planes_is_held_out_and_that_is_said(tmp_path):
    data = data_of(project_of(tmp_path, (0, 1, 2, 4, 5, 6, 7, 8), depth=10))
    assert [i.z for i in data.of_split("val")] == [7, 8] and [i.z for i in data.of_split("train")] == [0, 1, 2, 4, 5, 6]
    assert all(i.window is None for i in data.images)
    assert "a run of 2 neighbouring planes (8 to 9) is held out" in data.note


def test_the_end_is_held_out_that_shows_more_classes_on_both_sides(tmp_path):
    project = project_of(tmp_path, (0, 1, 2, 3, 4, 5), depth=6)
    with ProjectStore.open(project) as store:
        paint_planes(store, 1, (0, 3), class_id=2)
    assert [i.z for i in data_of(project).of_split("val")] == [0, 1]


def test_a_volume_with_one_labelled_plane_is_cut_like_a_picture(tmp_path):
    data = data_of(project_of(tmp_path, (2,)))
    (train,), (val,) = data.of_split("train"), data.of_split("val")
    assert train.z == val.z == 2 and train.window.intersected(val.window).is_empty
    assert "a part of it is held out" in data.note


def test_a_volume_that_lost_planes_is_named(tmp_path):
    project = project_of(tmp_path, (1, 5), (0,))
    images = data_of(project, may_cut=False).images
    stack(tmp_path / "s0.tif", depth=3)
    pairs = PairCache(images, TrainPlan(out="", project=str(project)), 3, "unit8")
    with pytest.raises(UserError, match="plane 6 is labelled but the image has 3") as caught:
        pairs[[i.z for i in images].index(5)]
    assert "s0.tif" in str(caught.value)


def test_nifti_planes(tmp_path):
    pytest.importorskip("nibabel")
    from medical_files import AFFINES, volume, write_nifti

    voxels = volume(40, 36, 6)
    write_nifti(tmp_path / "scan.nii.gz", voxels.transpose(2, 1, 0), AFFINES["RAS"])
    with ProjectStore.create(tmp_path / "p", ClassTable().added("organ")) as store:
        (record,) = store.add_images([tmp_path / "scan.nii.gz"]).added
        transaction = Transaction(store.labels_layer(record.id), "test")
        for z in (1, 3):
            transaction.paint(np.ones((10, 10), bool), 3 * z, 5, transaction.ensure_stuff(1), z=z)
        store.commit(transaction.commit())
    data = data_of(tmp_path / "p")
    assert [(i.z, i.split) for i in data.images] == [(1, "train"), (3, "val")]
    for image in data.images:
        rows, columns = np.nonzero(image.read_target() == 1)
        assert (columns.min(), rows.min(), len(rows)) == (3 * image.z, 5, 100)
    first, second = (read_image(i.file, z=i.z) for i in data.images)
    assert (second.astype(int) - first == 800).all()


# -- runs ------------------------------------------------------------------------------------------------------------


def test_two_steps_on_a_stack(tmp_path):
    project = project_of(tmp_path, (1, 2, 3, 4), depth=6)
    plan = TrainPlan(
        project=str(project), out=str(tmp_path / "run"), is_pretrained=False, epochs=1, batch=2, patch_px=32, threads=1, device="cpu",
        precision="fp32", augment="none", has_tensorboard=False, patches_per_image=2,
    )  # fmt: skip
    events = []
    finished = Trainer.run(plan, events.append)
    started = next(e for e in events if isinstance(e, RunStarted))
    assert (started.train_images, started.val_images) == (3, 1) and "held out" in started.note
    assert sum(isinstance(e, StepDone) for e in events) >= 2 and finished.metrics["mean_iou"] is not None
    (picture,) = next(e for e in events if isinstance(e, ValidationPictures)).pictures
    assert picture.name == "s0.tif, plane 5"
    whole = tifffile.imread(tmp_path / "s0.tif")
    assert np.abs(picture.image[:, :, 0].astype(int) - whole[4]).max() <= 1
    np.testing.assert_array_equal(picture.truth == 1, np.pad(np.ones((30, 30), bool), ((20, 14), (16, 18))))


def test_patches_can_go_to_another_process_with_a_volume_open(tmp_path):
    project = project_of(tmp_path, (1, 3), (0, 2))
    images = data_of(project, may_cut=False).of_split("train")
    plan = TrainPlan(out="", project=str(project), patch_px=32, augment="none", patches_per_image=1)
    patches = SegmentationDataset(images, [(SIDE, SIDE)] * len(images), plan, 3, "unit8")
    x, y = patches[1, 0]
    copied_x, copied_y = pickle.loads(pickle.dumps(patches))[1, 0]
    assert bool((x == copied_x).all()) and bool((y == copied_y).all())


def test_evaluation_looks_at_each_plane(tmp_path, monkeypatch, capsys):
    offer_bright(monkeypatch, tmp_path)
    project = project_of(tmp_path, (1, 3), (2, 4))
    with ProjectStore.open(project) as store:
        store.set_split([1, 2], "val")
    code, out, err = run(
        capsys, "evaluate", project, "--model", "bright", "--split", "val", "--device", "cpu", "--json"
    )
    assert code == 0, err

    scores = json.loads(out)
    assert scores["images"] == 4 and scores["mean_iou"] == pytest.approx(1.0)
