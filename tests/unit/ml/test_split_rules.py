"""Splits of datasets and projects by groups, blocks and folds; what is refused, and what evaluation takes over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image
from small_projects import paint, small_project

from segstudio.cli.main import main
from segstudio.cli.train_options import add_arguments, plan_of
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.evaluate import _as_trained
from segstudio.ml.training.sources import load_data

UTM = (34735, 3, 8, (1, 1, 0, 1, 3072, 0, 1, 32633), True)


def picture(path, seed, side=64):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)).save(path)


def mask(path, side=64, top=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((side, side), np.uint8)
    values[:top] = 1
    Image.fromarray(values).save(path)


@pytest.fixture
def patients(tmp_path):
    """Five patients of two to four images, without splits."""
    for patient in range(5):
        for shot in range(2 + patient % 3):
            name = f"p{patient}_{shot}.png"
            picture(tmp_path / "images" / name, 10 * patient + shot)
            mask(tmp_path / "masks" / name)
    return TrainPlan(out="", data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}")


def splits(plan, **options):
    return {image.name: image.split for image in load_data(plan, **options).images}


def test_a_patient_is_on_one_side(patients):
    for seed in range(4):
        plan = replace(patients, split_by="group", group_by=r"^(p\d)_", val_fraction=0.4, seed=seed)
        found = splits(plan)
        sides = {
            patient: {s for name, s in found.items() if name.startswith(patient)}
            for patient in ("p0", "p1", "p2", "p3", "p4")
        }
        assert all(len(s) == 1 for s in sides.values()) and set(found.values()) == {"train", "val"}
        assert found == splits(plan)
    plain = splits(replace(patients, val_fraction=0.4))
    assert any(len({s for n, s in plain.items() if n.startswith(p)}) == 2 for p in ("p0", "p1", "p2", "p3", "p4"))


@pytest.mark.parametrize("options", [{}, {"split_by": "group", "group_by": r"p\d"}])
def test_folds_partition_what_there_is(patients, options):
    folds = [splits(replace(patients, fold=(k, 4), **options)) for k in range(1, 5)]
    for name in folds[0]:
        assert sorted(fold[name] for fold in folds) == ["train", "train", "train", "val"]
    if options:
        assert all(len({f[n] for n in f if n.startswith("p2")}) == 1 for f in folds)
    others = [splits(replace(patients, fold=(1, 4), seed=seed, **options)) for seed in range(1, 6)]
    assert any(other != folds[0] for other in others)


def test_folds_divide_own_splits_anew_but_not_the_test_images(tmp_path):
    for split, count in (("train", 3), ("val", 3), ("test", 2)):
        for i in range(count):
            picture(
                tmp_path / "images" / split / f"{i}.png",
                100 * count + 10 * len(split) + i + (50 if split == "val" else 0),
            )
            mask(tmp_path / "masks" / split / f"{i}.png")
    plan = TrainPlan(out="", data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}")
    own = load_data(plan)
    assert [i.name for i in own.of_split("val")] == ["val/0.png", "val/1.png", "val/2.png"] and own.note == ""
    kept = load_data(replace(plan, split_by="group", group_by="folder"))
    assert [i.split for i in kept.images] == [
        i.split for i in own.images
    ] and "own validation images are kept" in kept.note
    folds = [load_data(replace(plan, fold=(k, 3))) for k in (1, 2, 3)]
    assert sorted(i.name for f in folds for i in f.of_split("val")) == sorted(
        i.name for i in own.images if i.split != "test"
    )
    assert all([i.name for i in f.of_split("test")] == ["test/0.png", "test/1.png"] for f in folds)
    assert "divided anew" in folds[0].note


def test_blocks_of_one_image_do_not_touch_each_others_pixels(tmp_path):
    picture(tmp_path / "images" / "one.png", 1, side=640)
    mask(tmp_path / "masks" / "one.png", side=640, top=640)
    (tmp_path / "masks" / "one.png").unlink()
    values = np.full((640, 640), 255, np.uint8)
    values[:400] = 0
    values[:400, ::7] = 1
    Image.fromarray(values).save(tmp_path / "masks" / "one.png")
    plan = TrainPlan(
        out="", data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}", split_by="blocks", block_px=128, patch_px=64
    )
    data = load_data(plan)
    cover = np.zeros((640, 640), int)
    for image in data.images:
        cover[image.window.slices] += 1
    assert cover.max() == 1 and (cover[:384] == 1).all()
    # What is not labelled at all (the two lowest rows of blocks) is in no split; the share is one of labelled pixels.
    assert (cover[512:] == 0).all()
    held = sum(int((values[i.window.slices] != 255).sum()) for i in data.of_split("val"))
    assert 0.1 < held / (values != 255).sum() < 0.3
    folds = [load_data(replace(plan, fold=(k, 4))) for k in range(1, 5)]
    together = np.zeros((640, 640), int)
    for fold in folds:
        for image in fold.of_split("val"):
            together[image.window.slices] += 1
    np.testing.assert_array_equal(together, cover)
    with pytest.raises(UserError, match="blocks of the images hold labels"):
        load_data(replace(plan, block_px=640))
    assert {i.window for i in load_data(plan, is_for_training=False).images} == {i.window for i in data.images}


def test_blocks_of_a_project_are_the_same_in_all_planes_of_a_volume(tmp_path):
    tifffile.imwrite(
        tmp_path / "v.tif", np.random.default_rng(0).integers(0, 255, (3, 300, 300), np.uint8), photometric="minisblack"
    )
    project = small_project(tmp_path / "p", images=1, width=300, height=300)
    with ProjectStore.open(project) as store:
        store.set_status([1], "done")
        store.add_images([tmp_path / "v.tif"])
        for z in (0, 2):
            transaction = Transaction(store.labels_layer(2), "test")
            transaction.paint(np.ones((300, 300), bool), 0, 0, transaction.ensure_stuff(1), z=z)
            store.commit(transaction.commit())
    data = load_data(TrainPlan(out="", project=str(project), split_by="blocks", block_px=100))
    by_plane = {z: {(i.window, i.split) for i in data.images if i.file.name == "v.tif" and i.z == z} for z in (0, 2)}
    assert by_plane[0] == by_plane[2] and len(by_plane[0]) > 1


def test_a_single_image_of_a_project_can_be_folded_by_blocks_only(tmp_path):
    project = small_project(tmp_path / "p", images=1, width=320, height=320, is_labelled=False)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(0, 0, 320, 100))
    plan = TrainPlan(out="", project=str(project), fold=(1, 3))
    with pytest.raises(UserError, match="1 part that stay together, which are too few for 3 folds"):
        load_data(plan)
    data = load_data(replace(plan, split_by="blocks", block_px=64))
    assert data.of_split("train") and data.of_split("val")


def test_groups_that_cannot_be_told_or_held_out(patients):
    with pytest.raises(UserError, match=r"finds nothing in the name p0_0\.png"):
        load_data(replace(patients, split_by="group", group_by="patient"))
    with pytest.raises(UserError, match="belong to one group"):
        load_data(replace(patients, split_by="group", group_by="folder"))
    with pytest.raises(UserError, match="which are too few for 6 folds"):
        load_data(replace(patients, split_by="group", group_by=r"p\d", fold=(1, 6)))
    with pytest.raises(UserError, match="needs a rule"):
        replace(patients, split_by="group").checked()
    with pytest.raises(UserError, match="no regular expression"):
        replace(patients, split_by="group", group_by="(").checked()


def test_one_option_says_what_is_meant():
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)

    def plan(*words):
        return plan_of(parser.parse_args(["--data", "x", "--out", "y", *words]))

    assert plan("--group-by", "folder").split_by == "group"
    assert plan("--block-px", "512").split_by == "blocks"
    assert plan().split_by == "image" and not plan().is_leak_allowed and plan("--allow-leaks").is_leak_allowed


def test_evaluation_holds_out_what_the_run_did(tmp_path):
    plan = TrainPlan(out=str(tmp_path), data="x", split_by="group", group_by="folder", fold=(2, 3), seed=9, block_px=77)
    import json

    (tmp_path / "config.json").write_text(json.dumps(plan.to_json()))
    found = _as_trained(TrainPlan(out="", data="y"), tmp_path / "best.safetensors")
    assert (found.split_by, found.group_by, found.fold, found.seed, found.block_px) == (
        "group",
        "folder",
        (2, 3),
        9,
        77,
    )


# -- leaks -----------------------------------------------------------------------------------------------------------


def test_the_same_picture_in_two_splits_is_refused_and_can_be_allowed(tmp_path, capsys):
    for split, seeds in (("train", (1, 2)), ("val", (3, 2))):
        for i, seed in enumerate(seeds):
            picture(tmp_path / "images" / split / f"{split}{i}.png", seed)
            mask(tmp_path / "masks" / split / f"{split}{i}.png")
    plan = TrainPlan(out="", data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}")
    with pytest.raises(UserError, match=r"train1\.png \(train\) and val/val1\.png \(val.*are the same picture"):
        load_data(plan)
    assert len(load_data(replace(plan, is_leak_allowed=True)).images) == 4
    assert len(load_data(plan, is_for_training=False).images) == 4
    code = main(["train", "--data", plan.data, "--out", str(tmp_path / "run"), "--device", "cpu", "--epochs", "1"])
    said = capsys.readouterr().err
    assert code != 0 and "are the same picture" in said and "--allow-leaks" in said


def test_the_same_pixels_in_another_file_are_the_same_picture(tmp_path):
    for split, suffix in (("train", ".png"), ("val", ".tif")):
        picture(tmp_path / "images" / split / f"same{suffix}", 5)
        mask(tmp_path / "masks" / split / "same.png")
    plan = TrainPlan(out="", data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}")
    with pytest.raises(UserError, match="are the same picture"):
        load_data(plan)
    picture(tmp_path / "images" / "val" / "same.tif", 6)
    assert len(load_data(plan).images) == 2


def test_map_sheets_that_overlap_are_refused(tmp_path):
    def sheet(split, name, east):
        path = tmp_path / "images" / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        place = [(33550, 12, 3, (0.5, 0.5, 0.0), True), (33922, 12, 6, (0, 0, 0, east, 5.4e6, 0), True), UTM]
        values = np.random.default_rng(int(east)).integers(0, 255, (64, 64, 3), np.uint8)
        tifffile.imwrite(path, values, photometric="rgb", extratags=place, metadata=None)
        mask((tmp_path / "masks" / split / name).with_suffix(".png"))

    sheet("train", "a.tif", 442000.0)
    sheet("val", "b.tif", 442032.0)
    plan = TrainPlan(out="", data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}")
    assert len(load_data(plan).images) == 2
    sheet("val", "b.tif", 442016.0)
    with pytest.raises(UserError, match=r"a\.tif \(train\) and val/b\.tif \(val.*show the same place"):
        load_data(plan)


def test_a_group_in_two_splits_is_refused(tmp_path):
    for split in ("train", "val"):
        for patient in (1, 2) if split == "train" else (2, 3):
            picture(tmp_path / "images" / split / f"p{patient}_{split}.png", patient + len(split))
            mask(tmp_path / "masks" / split / f"p{patient}_{split}.png")
    plan = TrainPlan(
        out="", data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}", split_by="group", group_by=r"p\d"
    )
    with pytest.raises(UserError, match=r"p2_train\.png \(train\) and val/p2_val\.png \(val\) are of one group"):
        load_data(plan)
